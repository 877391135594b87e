"""Wrong update rules as people have written them: each must be caught by the test that a right rule passes.

``WRONG[rule, mistake]`` is a rule with that mistake: a subclass of the right one, which has the same hyperparameters.
"""

import numpy as np

from optkit import AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, Momentum, Nesterov, RMSprop
from probe import EPOCH


WRONG = {}


def wrong(rule, *mistakes):
    """Makes a subclass of ``rule`` out of a wrong ``step``, and registers it under the names of its mistakes."""
    def register(step):
        for mistake in mistakes:
            WRONG[rule, mistake] = type(step.__name__, (rule,), {"step": step})
        return step
    return register


def wrong_update(mistake, *rules):
    """The same for a class with a wrong ``update`` or ``start``, mixed into each of the rules."""
    def register(mixin):
        for rule in rules:
            WRONG[rule, mistake] = type(mixin.__name__, (mixin, rule), {})
        return mixin
    return register


def blend(decay, old, new):
    return decay * old + (1 - decay) * new


# Adam

def averages(self, g, m, v):
    return blend(self.beta_1, m, g), blend(self.beta_2, v, g**2)


def adam(self, m, v, correction_1, correction_2):
    """The last line of Adam, with any corrections."""
    return self.learning_rate * (m / correction_1) / (np.sqrt(v / correction_2) + self.epsilon)


def corrections(self, t):
    return 1 - self.beta_1**t, 1 - self.beta_2**t


@wrong(Adam, "no correction")
def no_correction(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, 1, 1), m, v


@wrong(Adam, "only m corrected")
def only_m_corrected(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, 1 - self.beta_1**t, 1), m, v


@wrong(Adam, "only v corrected", "m hat computed and m used")
def only_v_corrected(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, 1, 1 - self.beta_2**t), m, v


@wrong(Adam, "divided by 1 - beta without the power")
def without_power(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, 1 - self.beta_1, 1 - self.beta_2), m, v


@wrong(Adam, "multiplied by it")
def multiplied(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return adam(self, m, v, 1 / first, 1 / second), m, v


@wrong(Adam, "t from 0")
def t_from_0(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, t - 1)), m, v


@wrong(Adam, "hidden by adding epsilon to the correction")
def hidden(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t - 1)
    return adam(self, m, v, first + self.epsilon, second + self.epsilon), m, v


@wrong(Adam, "t one ahead")
def t_ahead(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, t + 1)), m, v


@wrong(Adam, "t counts epochs")
def t_counts_epochs(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, (t - 1) // EPOCH + 1)), m, v


@wrong_update("t advanced once per parameter", Adam, AdamW)
class TAdvancedPerParameter:
    def update(self, gradient, state, params=None):
        t, step, memory = state["t"], {}, {slot: {} for slot in self.slots()}
        for name, g in gradient.items():
            own = {slot: state[slot][name] for slot in memory}
            step[name], after = super().update(g, {"t": t} | own, params[name])
            t = after["t"]
            for slot in memory:
                memory[slot][name] = after[slot]
        return step, {"t": t} | memory


@wrong(Adam, "m overwritten by m hat")
def m_overwritten(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    m, v = m / (1 - self.beta_1**t), v / (1 - self.beta_2**t)
    return adam(self, m, v, 1, 1), m, v


@wrong(Adam, "correction applied twice")
def twice(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return adam(self, m, v, first**2, second**2), m, v


@wrong(Adam, "epsilon in the root")
def epsilon_in_root(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * (m / first) / xp.sqrt(v / second + self.epsilon), m, v


@wrong(Adam, "epsilon added to the weights")
def epsilon_to_weights(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * (m / first) / xp.sqrt(v / second) - self.epsilon, m, v


@wrong(Adam, "epsilon added to the step")
def epsilon_to_step(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * ((m / first) / xp.sqrt(v / second) + self.epsilon), m, v


@wrong(Adam, "epsilon in both places")
def epsilon_in_both(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * (m / first) / (xp.sqrt(v / second + self.epsilon) + self.epsilon), m, v


@wrong(Adam, "max(root, epsilon)")
def maximum_of_root(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * (m / first) / xp.maximum(xp.sqrt(v / second), self.epsilon), m, v


@wrong(Adam, "epsilon subtracted")
def epsilon_subtracted(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * (m / first) / (xp.sqrt(v / second) - self.epsilon), m, v


@wrong(Adam, "no root")
def no_root(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * (m / first) / (v / second + self.epsilon), m, v


@wrong(Adam, "m without (1 - beta_1)")
def m_summed(self, xp, t, g, m, v):
    m, v = self.beta_1 * m + g, blend(self.beta_2, v, g**2)
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(Adam, "v without (1 - beta_2)")
def v_summed(self, xp, t, g, m, v):
    m, v = blend(self.beta_1, m, g), self.beta_2 * v + g**2
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(Adam, "v starts at g^2")
def v_starts_at_square(self, xp, t, g, m, v):
    m, v = blend(self.beta_1, m, g), g**2 if t == 1 else blend(self.beta_2, v, g**2)
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(Adam, "betas swapped")
def betas_swapped(self, xp, t, g, m, v):
    m, v = blend(self.beta_2, m, g), blend(self.beta_1, v, g**2)
    return adam(self, m, v, *reversed(corrections(self, t))), m, v


@wrong(Adam, "v corrected with beta_1")
def v_corrected_with_beta_1(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, 1 - self.beta_1**t, 1 - self.beta_1**t), m, v


@wrong(Adam, "v from g")
def v_from_g(self, xp, t, g, m, v):
    m, v = blend(self.beta_1, m, g), blend(self.beta_2, v, g)
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(Adam, "v from abs(g)")
def v_from_abs(self, xp, t, g, m, v):
    m, v = blend(self.beta_1, m, g), blend(self.beta_2, v, xp.abs(g))
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(Adam, "v from (g - m)^2")
def v_from_belief(self, xp, t, g, m, v):
    m = blend(self.beta_1, m, g)
    v = blend(self.beta_2, v, (g - m) ** 2)
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(Adam, "stale m and v")
def stale(self, xp, t, g, m, v):
    return adam(self, m, v, *corrections(self, t)), *averages(self, g, m, v)


@wrong(Adam, "g + epsilon")
def g_and_epsilon(self, xp, t, g, m, v):
    m, v = averages(self, g + self.epsilon, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * (m / first) / xp.sqrt(v / second), m, v


@wrong_update("v starts at 1", Adam, AdamW, RMSprop, AdaGrad, AdaDelta)
class VStartsAt1:
    def start(self, zeros):
        return super().start(zeros) | {"v": zeros + 1}


@wrong(Adam, "corrected before the average")
def corrected_before(self, xp, t, g, m, v):
    first, second = corrections(self, t)
    m_hat, v_hat = blend(self.beta_1, m / first, g), blend(self.beta_2, v / second, g**2)
    return adam(self, m_hat, v_hat, 1, 1), *averages(self, g, m, v)


@wrong(Adam, "v one scalar per tensor")
def v_scalar(self, xp, t, g, m, v):
    m, v = blend(self.beta_1, m, g), blend(self.beta_2, v, np.mean(g**2))
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(Adam, "accumulators updated by += of a blend")
def never_decaying(self, xp, t, g, m, v):
    m, v = m + blend(self.beta_1, m, g), v + blend(self.beta_2, v, g**2)
    return adam(self, m, v, *corrections(self, t)), m, v


# AdamW: all of Adam's with the decay beside them, and what goes wrong in the decay itself.

def decayed(wrong_step):
    def step(self, xp, t, g, x, m, v):
        change, m, v = wrong_step(self, xp, t, g, m, v)
        return change + self.learning_rate * self.weight_decay * x, m, v
    return step


for (_, mistake), wrong_adam in [item for item in WRONG.items() if item[0][0] is Adam and "step" in vars(item[1])]:
    wrong(AdamW, mistake)(decayed(vars(wrong_adam)["step"]))


@wrong(AdamW, "L2 called decoupled decay")
def penalty(self, xp, t, g, x, m, v):
    m, v = averages(self, g + self.weight_decay * x, m, v)
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(AdamW, "decay not scaled by lr")
def unscaled_decay(self, xp, t, g, x, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, t)) + self.weight_decay * x, m, v


@wrong(AdamW, "decay left out", "another rule under the name")
def adam_as_adamw(self, xp, t, g, x, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(AdamW, "decay added")
def growth(self, xp, t, g, x, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, t)) - self.learning_rate * self.weight_decay * x, m, v


@wrong(AdamW, "decay divided by the root of v")
def divided_decay(self, xp, t, g, x, m, v):
    m, v = averages(self, g, m, v)
    first, second = corrections(self, t)
    return self.learning_rate * (m / first + self.weight_decay * x) / (np.sqrt(v / second) + self.epsilon), m, v


@wrong(AdamW, "decay averaged in m")
def decay_in_m(self, xp, t, g, x, m, v):
    m, v = blend(self.beta_1, m, g + self.weight_decay * x), blend(self.beta_2, v, g**2)
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(AdamW, "decay summed in m")
def decay_on_m(self, xp, t, g, x, m, v):
    m, v = averages(self, g, m, v)
    m = m + self.weight_decay * x
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(AdamW, "m shrunk and not the weights")
def decay_of_m(self, xp, t, g, x, m, v):
    m, v = averages(self, g, m, v)
    m = m - self.learning_rate * self.weight_decay * m
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(AdamW, "decay in the gradient too")
def decay_twice(self, xp, t, g, x, m, v):
    m, v = averages(self, g + self.weight_decay * x, m, v)
    return adam(self, m, v, *corrections(self, t)) + self.learning_rate * self.weight_decay * x, m, v


@wrong(AdamW, "decay scaled by lr twice")
def rate_twice_on_decay(self, xp, t, g, x, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, t)) + self.learning_rate**2 * self.weight_decay * x, m, v


@wrong(AdamW, "the sign of the weights subtracted")
def sign_decay(self, xp, t, g, x, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, t)) + self.learning_rate * self.weight_decay * np.sign(x), m, v


# RMSprop, AdaGrad, AdaDelta

def scaled(self, g, v):
    """The last line of RMSprop and AdaGrad."""
    return self.learning_rate * g / (np.sqrt(v) + self.epsilon)


def delta(self, g, v, d):
    """The middle line of AdaDelta."""
    return np.sqrt(d + self.epsilon) / np.sqrt(v + self.epsilon) * g


@wrong(RMSprop, "v = rho v + g^2")
def rmsprop_summed(self, xp, t, g, v):
    v = self.rho * v + g**2
    return scaled(self, g, v), v


@wrong(AdaDelta, "v = rho v + g^2")
def adadelta_summed(self, xp, t, g, v, d):
    v = self.rho * v + g**2
    change = delta(self, g, v, d)
    return self.learning_rate * change, v, self.rho * d + change**2


@wrong(RMSprop, "no decay")
def rmsprop_no_decay(self, xp, t, g, v):
    v = v + (1 - self.rho) * g**2
    return scaled(self, g, v), v


@wrong(AdaDelta, "no decay")
def adadelta_no_decay(self, xp, t, g, v, d):
    v = v + (1 - self.rho) * g**2
    change = delta(self, g, v, d)
    return self.learning_rate * change, v, d + (1 - self.rho) * change**2


@wrong(RMSprop, "rho and 1 - rho swapped")
def rmsprop_swapped(self, xp, t, g, v):
    v = blend(1 - self.rho, v, g**2)
    return scaled(self, g, v), v


@wrong(AdaDelta, "rho and 1 - rho swapped")
def adadelta_swapped(self, xp, t, g, v, d):
    v = blend(1 - self.rho, v, g**2)
    change = delta(self, g, v, d)
    return self.learning_rate * change, v, blend(1 - self.rho, d, change**2)


@wrong(RMSprop, "no root")
def rmsprop_no_root(self, xp, t, g, v):
    v = blend(self.rho, v, g**2)
    return self.learning_rate * g / (v + self.epsilon), v


@wrong(AdaDelta, "no root")
def adadelta_no_root(self, xp, t, g, v, d):
    v = blend(self.rho, v, g**2)
    change = (d + self.epsilon) / (v + self.epsilon) * g
    return self.learning_rate * change, v, blend(self.rho, d, change**2)


@wrong(AdaGrad, "AdaGrad without root")
def adagrad_no_root(self, xp, t, g, v):
    v = v + g**2
    return self.learning_rate * g / (v + self.epsilon), v


@wrong(RMSprop, "stale v")
def rmsprop_stale(self, xp, t, g, v):
    return scaled(self, g, v), blend(self.rho, v, g**2)


@wrong(AdaGrad, "stale v")
def adagrad_stale(self, xp, t, g, v):
    return scaled(self, g, v), v + g**2


@wrong(AdaDelta, "stale v")
def adadelta_stale(self, xp, t, g, v, d):
    change = delta(self, g, v, d)
    return self.learning_rate * change, blend(self.rho, v, g**2), blend(self.rho, d, change**2)


class SharedMemory:
    """Parameters of one shape share one memory, which each of them changes in turn."""

    def update(self, gradient, state, params=None):
        step, shared = {}, {g.shape: {slot: state[slot][name] for slot in self.slots()} for name, g in gradient.items()}
        for name, g in gradient.items():
            step[name], after = super().update(g, {"t": state["t"]} | shared[g.shape])
            shared[g.shape] = {slot: after[slot] for slot in self.slots()}
        memory = {slot: {name: shared[g.shape][slot] for name, g in gradient.items()} for slot in self.slots()}
        return step, {"t": state["t"] + 1} | memory


wrong_update("one cache shared by all weights", RMSprop, AdaGrad, AdaDelta)(SharedMemory)


@wrong(RMSprop, "centred without clamping")
def centred(self, xp, t, g, v, m):
    m, v = blend(self.rho, m, g), blend(self.rho, v, g**2)
    return self.learning_rate * g / (xp.sqrt(v - m**2) + self.epsilon), v, m


@wrong(RMSprop, "bias correction that the method does not have")
def rmsprop_corrected(self, xp, t, g, v):
    v = blend(self.rho, v, g**2)
    return scaled(self, g, v / (1 - self.rho**t)), v


@wrong(AdaDelta, "bias correction that the method does not have")
def adadelta_corrected(self, xp, t, g, v, d):
    v = blend(self.rho, v, g**2)
    change = delta(self, g, v / (1 - self.rho**t), d / (1 - self.rho**t))
    return self.learning_rate * change, v, blend(self.rho, d, change**2)


@wrong(AdaGrad, "AdaGrad with decay")
def adagrad_with_decay(self, xp, t, g, v):
    v = blend(0.9, v, g**2)
    return scaled(self, g, v), v


@wrong_update("AdaGrad with hidden momentum", AdaGrad)
class HiddenMomentum:
    def start(self, zeros):
        return super().start(zeros) | {"m": zeros}

    def step(self, xp, t, g, v, m):
        v = v + g**2
        m = 0.9 * m + scaled(self, g, v)
        return m, v, m


@wrong(AdaDelta, "AdaDelta with the new average in the numerator")
def new_average(self, xp, t, g, v, d):
    v = blend(self.rho, v, g**2)
    d = blend(self.rho, d, delta(self, g, v, d) ** 2)
    return self.learning_rate * delta(self, g, v, d), v, d


@wrong(AdaDelta, "accumulating lr times the step")
def scaled_step_accumulated(self, xp, t, g, v, d):
    v = blend(self.rho, v, g**2)
    change = self.learning_rate * delta(self, g, v, d)
    return change, v, blend(self.rho, d, change**2)


@wrong(AdaDelta, "accumulating g^2")
def gradient_accumulated(self, xp, t, g, v, d):
    v = blend(self.rho, v, g**2)
    return self.learning_rate * delta(self, g, v, d), v, blend(self.rho, d, g**2)


# AdaMax

def adamax(self, t, m, u):
    """The last line of AdaMax."""
    return self.learning_rate / (1 - self.beta_1**t) * m / (u + self.epsilon)


@wrong(AdaMax, "no correction of m", "m hat unused")
def adamax_uncorrected(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(self.beta_2 * u, xp.abs(g))
    return self.learning_rate * m / (u + self.epsilon), m, u


@wrong(AdaMax, "u corrected too")
def u_corrected(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(self.beta_2 * u, xp.abs(g))
    return adamax(self, t, m, u / (1 - self.beta_2**t)), m, u


@wrong(AdaMax, "root of u")
def root_of_u(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(self.beta_2 * u, xp.abs(g))
    return adamax(self, t, m, xp.sqrt(u)), m, u


@wrong(AdaMax, "one maximum over the tensor")
def one_maximum(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(self.beta_2 * u, np.max(np.abs(g)))
    return adamax(self, t, m, u), m, u


@wrong(AdaMax, "no decay of u")
def u_without_decay(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(u, xp.abs(g))
    return adamax(self, t, m, u), m, u


@wrong(AdaMax, "signed maximum")
def signed_maximum(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(self.beta_2 * u, g)
    return adamax(self, t, m, u), m, u


@wrong(AdaMax, "(1 - beta_2) inside the maximum")
def blended_maximum(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(self.beta_2 * u, (1 - self.beta_2) * xp.abs(g))
    return adamax(self, t, m, u), m, u


@wrong(AdaMax, "g^2 inside it")
def squared_maximum(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(self.beta_2 * u, g**2)
    return adamax(self, t, m, u), m, u


@wrong(AdaMax, "0/0")
def zero_by_zero(self, xp, t, g, m, u):
    m, u = blend(self.beta_1, m, g), xp.maximum(self.beta_2 * u, xp.abs(g))
    return self.learning_rate / (1 - self.beta_1**t) * m / u, m, u


# Momentum and Nesterov

@wrong(Momentum, "EMA form")
def mean_form(self, xp, t, g, m):
    m = blend(self.momentum, m, g)
    return self.learning_rate * m, m


@wrong(Momentum, "lr applied twice")
def rate_twice(self, xp, t, g, m):
    m = self.momentum * m + self.learning_rate * g
    return self.learning_rate * m, m


@wrong(Nesterov, "Nesterov before the average")
def before_the_average(self, xp, t, g, m):
    m = self.momentum * m + (g + self.momentum * m)
    return self.learning_rate * m, m


@wrong(Nesterov, "Nesterov with the old velocity")
def old_velocity(self, xp, t, g, m):
    return self.learning_rate * (g + self.momentum * m), self.momentum * m + g


wrong_update("shared velocity", Momentum, Nesterov)(SharedMemory)


@wrong(Nesterov, "look-ahead with the wrong sign")
def wrong_sign(self, xp, t, g, m):
    m = self.momentum * m + g
    return self.learning_rate * (g - self.momentum * m), m


@wrong(Nesterov, "the new velocity in the old velocity's formula")
def new_velocity(self, xp, t, g, m):
    m = self.momentum * m + g
    return self.learning_rate * ((1 + self.momentum) * g + self.momentum**2 * m), m


@wrong(Momentum, "velocity computed and never applied")
def never_applied(self, xp, t, g, m):
    return self.learning_rate * g, self.momentum * m + g


@wrong(Momentum, "velocity indexed by the iteration")
def indexed_by_iteration(self, xp, t, g, m):
    m = self.momentum * m + g
    return self.learning_rate * m.reshape(-1)[int(t) % m.size] + 0 * g, m


# Any rule

WITH_MEMORY = Momentum, Nesterov, AdaGrad, AdaDelta, RMSprop, Adam, AdaMax, AdamW
EVERY = GradientDescent, *WITH_MEMORY


@wrong_update("state assigned to a loop variable and lost", *WITH_MEMORY)
class Lost:
    def update(self, gradient, state, params=None):
        step, after = super().update(gradient, state, params)
        return step, state | {"t": after["t"]}


@wrong_update("state reset every epoch", *WITH_MEMORY)
class Reset:
    def update(self, gradient, state, params=None):
        return super().update(gradient, self.init(gradient) if state["t"] == EPOCH else state, params)


@wrong_update("the update indented under the initialisation", *EVERY)
class OnlyOnce:
    def update(self, gradient, state, params=None):
        step, after = super().update(gradient, state, params)
        return step if state["t"] == 0 else {name: 0 * value for name, value in step.items()}, after


@wrong_update("ascent", *EVERY)
class Ascent:
    def update(self, gradient, state, params=None):
        step, state = super().update(gradient, state, params)
        return {name: -value for name, value in step.items()}, state


class Rate:
    """Wrong in its learning rate: every step is multiplied by a factor that depends on its number."""

    def update(self, gradient, state, params=None):
        step, state = super().update(gradient, state, params)
        return {name: self.factor(state["t"]) * value for name, value in step.items()}, state


@wrong_update("learning rate compounding", *EVERY)
class Compounding(Rate):
    def factor(self, t):
        return 0.99**t


@wrong_update("learning rate boosted", *EVERY)
class Boosted(Rate):
    def factor(self, t):
        return 10


@wrong_update("gradient clipped to positive values", *EVERY)
class Clipped:
    def update(self, gradient, state, params=None):
        return super().update({name: np.maximum(g, 0) for name, g in gradient.items()}, state, params)


@wrong(Adam, "another rule under the name")
def rmsprop_as_adam(self, xp, t, g, v):
    v = blend(self.beta_2, v, g**2)
    return scaled(self, g, v), v


@wrong(RMSprop, "another rule under the name")
def adagrad_as_rmsprop(self, xp, t, g, v):
    v = v + g**2
    return scaled(self, g, v), v


@wrong(AdaDelta, "another rule under the name")
def rmsprop_as_adadelta(self, xp, t, g, v):
    v = blend(self.rho, v, g**2)
    return scaled(self, g, v), v


@wrong(AdaMax, "another rule under the name")
def adam_as_adamax(self, xp, t, g, m, v):
    m, v = averages(self, g, m, v)
    return adam(self, m, v, *corrections(self, t)), m, v


@wrong(Nesterov, "another rule under the name")
def heavy_ball_as_nesterov(self, xp, t, g, m):
    m = self.momentum * m + g
    return self.learning_rate * m, m

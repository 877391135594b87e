"""All known forms of the eight rules: ``KNOWN[Adam]`` are Adam's dialects and mistakes, the more common ones first."""

import dataclasses

from optkit.checking.known import Known
from optkit.rules import AdaDelta, AdaGrad, Adam, AdaMax, GradientDescent, Momentum, Nesterov, RMSprop

EPOCH = 8  # steps; candidates with other epochs are tried by ``with_epochs``

_LATER = "Later on the correction is near 1 anyway."
_TINY = "It shows only where gradients are about as small as epsilon, or zero."
_TRADED = "A learning rate found by trial hides it."


def _mistake(id, says, why, *edits, **others):
    return Known(id, says, why, edits, **others)


def _dialect(id, says, why, *edits, **others):
    return Known(id, says, why, edits, dialect=True, **others)


def _on_any_rule(memories, counts=False):
    """What can go wrong around any rule with these memories; ``counts``: does it use the step number?"""
    kept = ", ".join(memories)
    forms = [
        _mistake("ascent", "adds the step instead of subtracting it, and so climbs",
                 "It does not fall; where a gradient comes with its sign turned, two errors cancel.",
                 ("return ", "return -")),
        _mistake("only-one-step", "makes one step and then stands still",
                 "One step from a random start lowers most losses.", ("return ", "return 0.0**(t - 1) * ")),
        _mistake("gradient-clipped-positive", "sets negative gradients to zero",
                 "Half of the weights still go the right way.", first="g = xp.maximum(g, 0 * g)"),
    ]
    if memories:
        lost = "\n".join(f"{name} = 0 * {name}" for name in memories)
        reset = "\n".join(f"{name} = {name} * (1 - 0.0**((t - 1) % {EPOCH}))" for name in memories)
        again = f"{reset}\nt = (t - 1) % {EPOCH} + 1" if counts else reset
        forms += [
            _mistake("state-lost", f"forgets {kept} after every step",
                     "Without memory it still goes downhill, by a simpler rule.", first=lost),
            _mistake("state-reset", f"sets {kept} back to zero at every epoch", "Within an epoch it is right.",
                     first=again),
            _mistake("state-shared", f"keeps one {kept} for all parameters",
                     "The parameters' gradients are often of like size, so a mixture of them serves.",
                     sharing="memory"),
        ]
    if counts:
        forms.append(_mistake("moments-reset", f"sets {kept} back to zero at every epoch, and counts on",
                              "Within the first epoch it is right.", first=reset))
    return forms


def _epsilon(root, divisor, quotient):
    """Where epsilon may go wrong in ``quotient``, which divides by ``divisor``, the root plus epsilon."""
    inside = root.removesuffix(")") + " + self.epsilon)"
    bare = quotient.replace(divisor, root)
    return [
        _mistake("epsilon-on-weights", "adds epsilon to the weights instead of the divisor",
                 "Epsilon is tiny. A zero gradient still divides zero by zero, or moves the weights.",
                 (f"{quotient}", f"{bare} - self.epsilon")),
        _mistake("epsilon-on-step", "adds epsilon to the quotient instead of the divisor",
                 "Epsilon is tiny. A zero gradient still divides zero by zero, or moves the weights.",
                 (f"{quotient}", f"({bare} + self.epsilon)")),
        _mistake("epsilon-twice", "adds epsilon inside the root and outside", _TINY,
                 (divisor, f"({inside} + self.epsilon)")),
        _mistake("epsilon-maximum", "takes the larger of root and epsilon instead of their sum", _TINY,
                 (divisor, f"xp.maximum({root}, self.epsilon)")),
        _mistake("epsilon-subtracted", "subtracts epsilon from the root", _TINY,
                 (divisor, f"({root} - self.epsilon)")),
        _mistake("gradient-plus-epsilon", "adds epsilon to the gradient instead of the divisor", "Epsilon is tiny.",
                 (divisor, root), first="g = g + self.epsilon"),
    ]


def _second_moment(average):
    """What may go wrong in ``average``, the line that averages or sums the squared gradients in v."""
    return [
        _mistake("v-of-gradient", "averages g instead of its square in v: the root of a negative number is no number",
                 "Where all gradients are positive there is a root.", (average, average.replace("g**2", "g"))),
        _mistake("v-of-size", "averages the size of g instead of its square in v", "Near size 1 the two agree.",
                 (average, average.replace("g**2", "xp.abs(g)"))),
        _mistake("v-one-for-all", "keeps one number v for a whole array", "All coordinates then share one rate.",
                 (average, average.replace("g**2", "mean_of(g**2)"))),
        _mistake("v-sums-array", "keeps one number v for a whole array, the sum of the squares",
                 "All coordinates then share one rate.", (average, average.replace("g**2", "total_of(g**2)"))),
        _mistake("v-starts-at-one", "starts v at 1 instead of 0",
                 "The first steps are short where gradients are small. " + _TRADED, start={"v": 1.0}),
        _mistake("v-starts-at-square", "starts v at the first squared gradient", "Only the first steps differ much.",
                 (average, f"v = xp.where(t == 1, g**2, {average.removeprefix('v = ')})")),
    ]


def _hidden_momentum(step):
    """A momentum around ``step``, the expression that the rule returns."""
    return _mistake("hidden-momentum", "adds a momentum of 0.9 that the method does not have",
                    "Momentum speeds most rules up.",
                    (f"return {step}", f"move = 0.9 * move + {step}\n    return move"), memory="move")


# Gradient descent, momentum, Nesterov

_DESCENT = _on_any_rule(())

_VELOCITY = [
    _dialect("rate-in-velocity", "keeps the learning rate inside the velocity",
             "Keras does. While the learning rate is constant the path is the same; after a change the velocity still "
             "carries the old one.", ("return self.learning_rate * ", "return "), first="g = self.learning_rate * g"),
    _dialect("averaged-velocity", "averages the gradients in the velocity, with 1 - momentum before g",
             "The steps are 1 - momentum times as long: a learning rate 1 / (1 - momentum) times as large gives the "
             "rule's own path.", first="g = (1 - self.momentum) * g"),
    _dialect("averaged-velocity-from-first", "averages the gradients in the velocity, which starts at the first one",
             "PyTorch does so with dampening.", first="g = (1 - self.momentum * (1 - 0.0**(t - 1))) * g"),
]
_VELOCITY_MISTAKES = [
    _mistake("velocity-unused", "steps by the gradient alone: the velocity is not used, or lost",
             "It is plain descent.", ("return self.learning_rate * m, m", "return self.learning_rate * g, m")),
    _mistake("rate-twice", "applies the learning rate twice, inside the velocity and outside", _TRADED,
             first="g = self.learning_rate * g"),
    _mistake("velocity-stale", "steps by the velocity from before this gradient",
             "Everything happens one step late, which a smooth loss forgives.",
             ("m = self.momentum * m + g", "last, m = m, self.momentum * m + g"),
             ("return self.learning_rate * m, m", "return self.learning_rate * last, m")),
    _mistake("velocity-never-decays", "adds up all gradients and forgets none",
             "Until it overshoots it goes downhill, ever faster.", ("self.momentum * m + g", "m + g")),
    _mistake("momentum-negative", "subtracts the old velocity instead of adding it",
             "It is descent at about half the rate.", ("m = self.momentum * m", "m = -self.momentum * m")),
    _mistake("gradient-twice", "adds the gradient's step to that of the velocity, which holds it already",
             "It is a little faster than the rule. That is Nesterov's correction without its momentum.",
             ("return self.learning_rate * m, m", "return self.learning_rate * (m + g), m")),
    _mistake("correction-not-in-method", "divides by 1 - momentum ** t, as Adam does: the method has no correction",
             _LATER, ("return self.learning_rate * m, m",
                      "return self.learning_rate * ((1 - self.momentum) / (1 - self.momentum**t) * m), m")),
    _mistake("momentum-swapped", "has momentum and 1 - momentum the wrong way round", "It is nearly plain descent.",
             ("self.momentum * m + g", "(1 - self.momentum) * m + self.momentum * g")),
    _mistake("velocity-by-iteration", "steps by one entry of the velocity, that with the number of the step",
             "Every weight still moves.",
             ("return self.learning_rate * m, m",
              "return self.learning_rate * entry_of(m, t), m")),
    _mistake("velocity-of-two-gradients", "adds only the gradient before this one, and not the velocity before",
             "It is descent along the mean of two gradients.",
             ("m = self.momentum * m + g", "m = self.momentum * last + g\n    last = g"), memory="last"),
    _mistake("velocity-against-last-gradient", "subtracts the gradient before this one, and adds no velocity",
             "It is descent that brakes.",
             ("m = self.momentum * m + g", "m = g - self.momentum * last\n    last = g"), memory="last"),
    _mistake("old-velocity-twice", "adds the velocity before this step to the new one, which holds it already",
             "It is faster than the rule, until it overshoots.",
             ("m = self.momentum * m + g", "last, m = m, self.momentum * m + g"),
             ("return self.learning_rate * m, m", "return self.learning_rate * (m + last), m")),
    _mistake("is-nesterov", "is Nesterov's momentum, another rule", "It is a good rule, under its own name.",
             ("return self.learning_rate * m, m", "return self.learning_rate * (g + self.momentum * m), m")),
]
_NESTEROV_RETURN = "return self.learning_rate * (g + self.momentum * m), m"
_NESTEROV = [
    _mistake("is-momentum", "takes the gradient where it stands, or looks ahead along the old velocity: both are plain "
             "momentum, another rule", "Momentum falls as well.", (_NESTEROV_RETURN, "return self.learning_rate * m, m")),
    _mistake("look-ahead-new-velocity", "puts the new velocity into the formula for the old one",
             "It is descent with a weaker momentum, momentum squared.",
             (_NESTEROV_RETURN, "return self.learning_rate * ((1 + self.momentum) * g + self.momentum**2 * m), m")),
    _mistake("look-ahead-twice", "looks ahead twice: the gradient is taken ahead, and the step leads ahead again",
             "It is momentum, and a little more of it.",
             ("m = self.momentum * m + g", "last, m = m, self.momentum * m + g"),
             (_NESTEROV_RETURN, "return self.learning_rate * (g + self.momentum * (2 * m - last)), m")),
    _mistake("look-ahead-old-sign", "adds the old velocity's term, which has to be subtracted",
             "It is momentum at a larger rate, until it overshoots.",
             ("m = self.momentum * m + g", "last, m = m, self.momentum * m + g"),
             (_NESTEROV_RETURN, "return self.learning_rate * ((1 + self.momentum) * m + self.momentum * last), m")),
    _mistake("look-ahead-backwards", "looks back instead of ahead: a wrong sign",
             "It is descent with some memory.",
             (_NESTEROV_RETURN, "return self.learning_rate * (g - self.momentum * m), m")),
    _mistake("look-ahead-before-average", "adds the look-ahead to the velocity before it is averaged",
             "The velocity then forgets more slowly, or not at all.",
             ("m = self.momentum * m + g", "m = self.momentum * m + (g + self.momentum * m)"),
             (_NESTEROV_RETURN, "return self.learning_rate * m, m")),
    _mistake("velocity-unused", "computes a velocity and steps by the gradient", "It is plain descent.",
             (_NESTEROV_RETURN, "return self.learning_rate * g, m")),
    _mistake("look-ahead-stored-nowhere", "steps by momentum times the velocity alone, without the gradient",
             "It is momentum at a slightly smaller learning rate.",
             (_NESTEROV_RETURN, "return self.learning_rate * (self.momentum * m), m")),
] + [form for form in _VELOCITY_MISTAKES if form.id in ("rate-twice", "velocity-never-decays", "momentum-negative",
                                                        "momentum-swapped", "velocity-of-two-gradients",
                                                        "velocity-against-last-gradient")]

# AdaGrad, RMSprop, AdaDelta

_ROOT, _DIVISOR = "xp.sqrt(v)", "(xp.sqrt(v) + self.epsilon)"
_QUOTIENT = f"self.learning_rate / {_DIVISOR} * g"
_EPSILON_IN_ROOT = _dialect("epsilon-in-root", "adds epsilon inside the root",
                            "Keras and optax do; PyTorch adds it outside. " + _TINY,
                            (_DIVISOR, "xp.sqrt(v + self.epsilon)"))
_STALE_V = ("steps by v from before this gradient", "One gradient among many changes v little, but the first step "
            "divides by epsilon alone.")
_NO_ROOT = ("divides by v and not by its root", "Where gradients are near 1 the steps have about the right size.")

_SUM = "v = v + g**2"
_ADAGRAD = [
    _EPSILON_IN_ROOT,
    _dialect("accumulator-from-a-tenth", "starts the accumulator at 0.1", "Keras and optax do; the paper starts at 0. "
             "Where the first gradients are small its first steps are much shorter.", start={"v": 0.1}),
    _mistake("no-root", *_NO_ROOT, (_ROOT, "v")),
    *_epsilon(_ROOT, _DIVISOR, _QUOTIENT),
    *[form for form in _second_moment(_SUM) if form.id != "v-starts-at-square"],  # 0 + g**2 is the square
    _mistake("v-stale", *_STALE_V, (_SUM, "last, v = v, v + g**2"), (_ROOT, "xp.sqrt(last)")),
    _mistake("v-decays", "lets the accumulator forget, by 0.9 a step: that is RMSprop",
             "RMSprop is a good rule, under its own name.", (_SUM, "v = 0.9 * v + 0.1 * g**2")),
    _mistake("v-decays-slowly", "lets the accumulator forget, by 0.99 a step: that is RMSprop",
             "RMSprop is a good rule, under its own name.", (_SUM, "v = 0.99 * v + 0.01 * g**2")),
    _mistake("v-unused", "does not divide by the root", "It is plain descent.", (_QUOTIENT, "self.learning_rate * g")),
    _mistake("v-averaged", "divides the sum by the number of steps: a mean, which does not grow",
             "Its steps no longer shrink, which looks like a gain.", (_ROOT, "xp.sqrt(v / t)")),
    _hidden_momentum(_QUOTIENT),
    _mistake("is-adam", "is Adam, another rule", "Adam is a good rule, under its own name.",
             (_SUM, "v = 0.999 * v + 0.001 * g**2\n    mean = 0.9 * mean + 0.1 * g"),
             (_QUOTIENT, "self.learning_rate * (mean / (1 - 0.9**t)) / (xp.sqrt(v / (1 - 0.999**t)) + self.epsilon)"),
             memory="mean"),
]

_AVERAGE = "v = self.rho * v + (1 - self.rho) * g**2"
_RMSPROP = [
    _EPSILON_IN_ROOT,
    _mistake("v-summed", "leaves 1 - rho out, so that v is a sum",
             "All steps are too short by the same factor, the root of 1 - rho. " + _TRADED,
             ("(1 - self.rho) * g**2", "g**2")),
    _mistake("v-never-decays", "adds to v and never lets it decay", "It is AdaGrad, nearly.",
             ("self.rho * v + (1", "v + (1")),
    _mistake("rho-swapped", "has rho and 1 - rho the wrong way round", "It forgets almost at once, but goes downhill.",
             (_AVERAGE, "v = (1 - self.rho) * v + self.rho * g**2")),
    _mistake("no-root", *_NO_ROOT, (_ROOT, "v")),
    *_epsilon(_ROOT, _DIVISOR, _QUOTIENT),
    *_second_moment(_AVERAGE),
    _mistake("v-stale", *_STALE_V, (_AVERAGE, _AVERAGE.replace("v = ", "last, v = v, ")), (_ROOT, "xp.sqrt(last)")),
    _mistake("v-never-decays-blend", "adds the average to the old v (+=), so that v grows for ever",
             "Its steps shrink like AdaGrad's, and faster.", (_AVERAGE, _AVERAGE.replace("= ", "= v + ", 1))),
    _mistake("correction-not-in-method", "divides v by 1 - rho ** t, as Adam does: the method has no correction",
             _LATER, (_ROOT, "xp.sqrt(v / (1 - self.rho**t))")),
    _mistake("is-adagrad", "sums the squares and never forgets: AdaGrad, another rule",
             "AdaGrad is a good rule, under its own name.", (_AVERAGE, "v = v + g**2")),
    _mistake("v-unused", "does not divide by the root", "It is plain descent.", (_QUOTIENT, "self.learning_rate * g")),
    _hidden_momentum(_QUOTIENT),
    _mistake("centred", "subtracts the square of the mean gradient from v: the centred form, another rule",
             "It is a good rule, if what is under the root is kept from falling below zero.",
             (_AVERAGE, f"mean = self.rho * mean + (1 - self.rho) * g\n    {_AVERAGE}"),
             (_ROOT, "xp.sqrt(v - mean**2)"), memory="mean"),
]

_SQUARES = "v = self.rho * v + (1 - self.rho) * g**2"
_STEPS = "d = self.rho * d + (1 - self.rho) * delta**2"
_RATIO = "xp.sqrt(d + self.epsilon) / xp.sqrt(v + self.epsilon)"
_ADADELTA = [
    _dialect("epsilon-outside-root", "adds epsilon outside both roots",
             "The paper has it inside. Then the first steps are epsilon long instead of its root: it starts far more "
             "slowly.", (_RATIO, "(xp.sqrt(d) + self.epsilon) / (xp.sqrt(v) + self.epsilon)")),
    _dialect("epsilon-in-upper-root", "adds epsilon inside the root above and outside the one below",
             "The paper has it inside both. " + _TINY,
             (_RATIO, "xp.sqrt(d + self.epsilon) / (xp.sqrt(v) + self.epsilon)")),
    _mistake("new-average-above", "puts the new average of squared steps above the line, not the one before",
             "The paper's is one step older; the step then enters its own length.",
             ("return self.learning_rate * delta",
              f"delta = {_RATIO} * g\n    return self.learning_rate * delta")),
    _mistake("gradients-in-d", "averages squared gradients in d, where squared steps belong",
             "Then the units no longer match, and every step has about the length of the gradient.",
             (_STEPS, _STEPS.replace("delta", "g"))),
    _mistake("rate-in-d", "averages the squares of the learning rate times the step in d",
             "At a learning rate of 1 it is right.",
             (_STEPS, _STEPS.replace("delta**2", "(self.learning_rate * delta)**2"))),
    _mistake("d-of-step", "averages the step itself in d and not its square",
             "The root of a negative average is no number, but where all steps are positive there is one.",
             (_STEPS, _STEPS.replace("delta**2", "delta"))),
    _mistake("is-adagrad", "sums the squares and has no average of steps: AdaGrad, another rule",
             "AdaGrad is a good rule, under its own name.", (_SQUARES, "v = v + g**2"),
             (_RATIO, "1 / (xp.sqrt(v) + self.epsilon)")),
    _mistake("d-never-fed", "never updates d, so that the numerator is the root of epsilon for ever",
             "It is RMSprop with a tiny learning rate.", (_STEPS, "d = d + 0 * delta")),
    _mistake("is-rmsprop", "has no average of squared steps: RMSprop, another rule",
             "RMSprop is a good rule, under its own name.", (_RATIO, "1 / xp.sqrt(v + self.epsilon)")),
    _mistake("is-rmsprop-outside", "has no average of squared steps: RMSprop, another rule",
             "RMSprop is a good rule, under its own name.", (_RATIO, "1 / (xp.sqrt(v) + self.epsilon)")),
    _mistake("ratio-inverted", "divides the average of gradients by that of steps: upside down",
             "It seldom falls.", (_RATIO, "xp.sqrt(v + self.epsilon) / xp.sqrt(d + self.epsilon)")),
    _mistake("v-summed", "leaves 1 - rho out, so that v and d are sums", "Above and below grow alike.",
             ("(1 - self.rho) * ", "")),
    _mistake("v-only-summed", "leaves 1 - rho out of v, so that it is a sum",
             "All steps are too short by about the same factor.", ("(1 - self.rho) * g**2", "g**2")),
    _mistake("d-only-summed", "leaves 1 - rho out of d, so that it is a sum",
             "The steps grow faster; at first that looks like a gain.", ("(1 - self.rho) * delta**2", "delta**2")),
    _mistake("v-never-decays", "adds to v and d and never lets them decay", "Above and below grow alike.",
             ("self.rho * v + (1", "v + (1"), ("self.rho * d + (1", "d + (1")),
    _mistake("rho-swapped", "has rho and 1 - rho the wrong way round", "It forgets almost at once, but goes downhill.",
             (_SQUARES, "v = (1 - self.rho) * v + self.rho * g**2"),
             (_STEPS, "d = (1 - self.rho) * d + self.rho * delta**2")),
    _mistake("no-root", "divides the averages themselves and not their roots",
             "The units are those of the square of a step.",
             (_RATIO, "(d + self.epsilon) / (v + self.epsilon)")),
    _mistake("no-root-above", "takes no root of d", "It only starts more slowly.",
             ("xp.sqrt(d + self.epsilon)", "(d + self.epsilon)")),
    _mistake("no-root-below", *_NO_ROOT, ("xp.sqrt(v + self.epsilon)", "(v + self.epsilon)")),
    *_second_moment(_SQUARES),
    _mistake("d-starts-at-one", "starts d at 1 instead of 0", "Its first steps are long, which looks like a gain.",
             start={"d": 1.0}),
    _mistake("v-stale", "steps by v from before this gradient; d then equals v, and it is plain descent",
             "Descent is a good rule, under its own name.", (_SQUARES, _SQUARES.replace("v = ", "last, v = v, ")),
             ("xp.sqrt(v + self.epsilon)", "xp.sqrt(last + self.epsilon)")),
    _mistake("correction-not-in-method", "divides by 1 - rho ** t, as Adam does: the method has no correction",
             _LATER, (_RATIO, "xp.sqrt(d / (1 - self.rho**t) + self.epsilon) / "
                              "xp.sqrt(v / (1 - self.rho**t) + self.epsilon)")),
]

# Adam and AdaMax

_M = "m = self.beta_1 * m + (1 - self.beta_1) * g"
_V = "v = self.beta_2 * v + (1 - self.beta_2) * g**2"
_M_HAT, _V_HAT = "m / (1 - self.beta_1**t)", "v / (1 - self.beta_2**t)"
_ADAM_ROOT, _ADAM_DIVISOR = "xp.sqrt(v_hat)", "(xp.sqrt(v_hat) + self.epsilon)"
_ADAM_QUOTIENT = f"(m_hat / {_ADAM_DIVISOR})"
_SWAP = (("beta_1", "beta_x"), ("beta_2", "beta_1"), ("beta_x", "beta_2"))

_ADAM = [
    _dialect("epsilon-hat", "adds epsilon to the root of v before v is corrected",
             "The paper gives this form too, just before its section 2.1, and Keras and TensorFlow use it. Epsilon "
             "then counts for more in the first steps.",
             (_ADAM_DIVISOR, "(xp.sqrt(v_hat) + self.epsilon / xp.sqrt(1 - self.beta_2**t))")),
    _mistake("no-correction", "leaves out both bias corrections",
             "The first steps are too long, up to six times, and then it is Adam.", (_M_HAT, "m"), (_V_HAT, "v")),
    _mistake("v-not-corrected", "corrects m and not v", "The first steps are too long; later ones are right.",
             (_V_HAT, "v")),
    _mistake("m-not-corrected", "corrects v and not m", "The first ten steps are too short; then m has filled up.",
             (_M_HAT, "m")),
    _mistake("correction-without-power", "divides by 1 - beta without the power t, or with a t that stays at 1",
             "That only scales m and v: Adam without correction at another learning rate.", ("**t)", ")")),
    _mistake("correction-multiplied", "multiplies by 1 - beta ** t instead of dividing", _LATER,
             ("m / (", "m * ("), ("v / (", "v * (")),
    _mistake("t-from-zero", "counts the steps from 0, so that the first correction divides zero by zero",
             "Where the language makes no error of it, an epsilon or an exception covers it.", ("**t)", "**(t - 1))")),
    _mistake("correction-plus-epsilon", "counts the steps from 0 and hides the division by zero with an epsilon in "
             "the correction", "The first step is enormous or zero; then the correction is one step late.",
             ("(1 - self.beta_1**t)", "(1 - self.beta_1**(t - 1) + self.epsilon)"),
             ("(1 - self.beta_2**t)", "(1 - self.beta_2**(t - 1) + self.epsilon)")),
    _mistake("correction-of-power", "divides by beta ** t instead of 1 - beta ** t",
             "Where v is corrected in the same way the two partly cancel, for a while.",
             ("(1 - self.beta_1**t)", "(self.beta_1**t)"), ("(1 - self.beta_2**t)", "(self.beta_2**t)")),
    _mistake("t-ahead", "counts one step ahead in the correction", _LATER, ("**t)", "**(t + 1))")),
    _mistake("t-counts-epochs", "counts epochs and not steps in the correction",
             "From the second epoch on it moves, and later the correction is near 1 anyway.",
             ("**t)", f"**((t - 1) // {EPOCH} + 1))")),
    _mistake("t-per-parameter", "advances the step number once for every parameter, not once a step", _LATER,
             sharing="t"),
    _mistake("t-per-layer", "advances the step number once for every layer (two parameters), not once a step", _LATER,
             sharing="t of pairs"),
    _mistake("t-reset", "starts to count again with every epoch, and keeps m and v", "Within the first epoch it is "
             "right.", ("**t)", f"**((t - 1) % {EPOCH} + 1))")),
    _mistake("hats-stored", "keeps the corrected m and v for the next step",
             "The correction is applied again to what was corrected already.", (")), m, v", ")), m_hat, v_hat")),
    _mistake("m-hat-stored", "keeps the corrected m for the next step",
             "The correction is applied again to what was corrected already.", (")), m, v", ")), m_hat, v")),
    _mistake("v-hat-stored", "keeps the corrected v for the next step",
             "The correction is applied again to what was corrected already.", (")), m, v", ")), m, v_hat")),
    _mistake("corrected-twice", "applies the correction twice", _LATER,
             (_M_HAT, "m / (1 - self.beta_1**t)**2"), (_V_HAT, "v / (1 - self.beta_2**t)**2")),
    _mistake("epsilon-in-root", "adds epsilon inside the root", _TINY,
             (_ADAM_DIVISOR, "xp.sqrt(v_hat + self.epsilon)")),
    _mistake("epsilon-in-uncorrected-root", "adds epsilon inside the root, before v is corrected", _TINY,
             (_ADAM_DIVISOR, "xp.sqrt(v_hat + self.epsilon / (1 - self.beta_2**t))")),
    *_epsilon(_ADAM_ROOT, _ADAM_DIVISOR, _ADAM_QUOTIENT),
    _mistake("no-root", *_NO_ROOT, (_ADAM_ROOT, "v_hat")),
    _mistake("m-summed", "leaves 1 - beta_1 out, so that m is a sum", "All steps are too long by 1 / (1 - beta_1). "
             + _TRADED, ("(1 - self.beta_1) * g", "g")),
    _mistake("v-summed", "leaves 1 - beta_2 out, so that v is a sum",
             "All steps are too short by the root of 1 - beta_2. " + _TRADED, ("(1 - self.beta_2) * g**2", "g**2")),
    _mistake("betas-swapped", "has beta_1 and beta_2 the wrong way round",
             "It is an Adam with other decays, slow to turn and quick to forget sizes.", *_SWAP),
    _mistake("v-weighted-with-beta-1", "weights the new square by 1 - beta_1 instead of 1 - beta_2",
             "v is too large by one factor. " + _TRADED, ("(1 - self.beta_2) * g**2", "(1 - self.beta_1) * g**2")),
    _mistake("v-decays-with-beta-1", "lets v decay by beta_1", "It is an Adam with a short memory for sizes.",
             (_V, _V.replace("beta_2", "beta_1"))),
    _mistake("v-corrected-with-beta-1", "corrects v with beta_1", _LATER, (_V_HAT, "v / (1 - self.beta_1**t)")),
    _mistake("m-corrected-with-beta-2", "corrects m with beta_2", _LATER, (_M_HAT, "m / (1 - self.beta_2**t)")),
    *_second_moment(_V),
    _mistake("v-of-m", "squares m instead of g in v", "Where gradients hardly change, m is g.",
             ("g**2", "m**2")),
    _mistake("is-adabelief", "averages (g - m) squared in v: AdaBelief, another rule",
             "AdaBelief is a good rule, under its own name.", ("g**2", "(g - m)**2")),
    _mistake("moments-stale", "steps by m and v from before this gradient",
             "Everything happens one step late, which a smooth loss forgives.",
             (_M, f"new_m = {_M.removeprefix('m = ')}"), (_V, f"new_v = {_V.removeprefix('v = ')}"),
             (")), m, v", ")), new_m, new_v")),
    _mistake("corrected-before-average", "corrects the old moments before the gradient comes in", _LATER,
             (_M, "last_m, last_v = m, v\n    " + _M),
             (_M_HAT, "self.beta_1 * last_m / (1 - self.beta_1**t) + (1 - self.beta_1) * g"),
             (_V_HAT, "self.beta_2 * last_v / (1 - self.beta_2**t) + (1 - self.beta_2) * g**2")),
    _mistake("moments-never-decay", "adds the averages to the old moments (+=), so that they grow for ever",
             "m and the root of v grow alike for a while.",
             ("m = self.beta_1", "m = m + self.beta_1"), ("v = self.beta_2", "v = v + self.beta_2")),
    _mistake("m-never-decays", "adds the average to the old m (+=), so that it grows for ever",
             "It still points downhill, until it overshoots.", ("m = self.beta_1", "m = m + self.beta_1")),
    _mistake("v-never-decays", "adds the average to the old v (+=), so that it grows for ever",
             "Its steps shrink, like AdaGrad's and faster.", ("v = self.beta_2", "v = v + self.beta_2")),
    _mistake("m-unused", "divides the gradient and not m: RMSprop with a correction",
             "RMSprop is a good rule, under its own name.", ("(m_hat /", "(g /")),
    _mistake("is-rmsprop", "has neither m nor a correction: RMSprop, another rule",
             "RMSprop is a good rule, under its own name.", ("(m_hat /", "(g /"), (_V_HAT, "v")),
    _mistake("v-unused", "does not divide by the root of v: an average of gradients, momentum",
             "Momentum is a good rule, under its own name.", (_ADAM_QUOTIENT, "m_hat")),
    _mistake("is-descent", "steps by the gradient: plain descent, another rule", "Descent is a good rule.",
             (_ADAM_QUOTIENT, "g")),
    _mistake("is-amsgrad", "divides by the largest v so far: AMSGrad, another rule",
             "AMSGrad is a good rule, under its own name.",
             (f"v_hat = {_V_HAT}", "top = xp.maximum(top, v)\n    v_hat = top / (1 - self.beta_2**t)"), memory="top"),
]

_ADAMAX_AVERAGE = "u = xp.maximum(self.beta_2 * u, xp.abs(g))"
_ADAMAX_DIVISOR = "(u + self.epsilon)"
_ADAMAX_QUOTIENT = f"(m / {_ADAMAX_DIVISOR})"
_ADAMAX = [
    _dialect("epsilon-in-maximum", "adds epsilon to abs(g) inside the maximum", "PyTorch and optax do. " + _TINY,
             (_ADAMAX_AVERAGE, _ADAMAX_AVERAGE.replace("xp.abs(g)", "xp.abs(g) + self.epsilon")),
             (_ADAMAX_DIVISOR, "u")),
    _dialect("epsilon-floor", "takes the maximum with epsilon instead of adding it", _TINY,
             (_ADAMAX_DIVISOR, "xp.maximum(u, self.epsilon)")),
    _dialect("epsilon-on-old-maximum", "adds epsilon to the decayed maximum, inside", _TINY,
             (_ADAMAX_AVERAGE, _ADAMAX_AVERAGE.replace("* u,", "* u + self.epsilon,")), (_ADAMAX_DIVISOR, "u")),
    _mistake("no-correction", "leaves the correction of m out",
             "The first ten steps are too short; then m has filled up.", ("(1 - self.beta_1**t)", "1")),
    _mistake("correction-without-power", "divides by 1 - beta_1 without the power t, or with a t that stays at 1",
             "The steps are ten times too long from the second ten on. " + _TRADED, ("**t)", ")")),
    _mistake("correction-multiplied", "multiplies by 1 - beta_1 ** t instead of dividing", _LATER,
             ("/ (1 - self.beta_1**t)", "* (1 - self.beta_1**t)")),
    _mistake("t-from-zero", "counts the steps from 0, so that the first correction divides by zero",
             "Where the language makes no error of it, an epsilon covers it.", ("**t)", "**(t - 1))")),
    _mistake("correction-plus-epsilon", "counts the steps from 0 and hides the division by zero with an epsilon in "
             "the correction", "The first step is enormous; then the correction is one step late.",
             ("(1 - self.beta_1**t)", "(1 - self.beta_1**(t - 1) + self.epsilon)")),
    _mistake("t-ahead", "counts one step ahead in the correction", _LATER, ("**t)", "**(t + 1))")),
    _mistake("t-counts-epochs", "counts epochs and not steps in the correction", _LATER,
             ("**t)", f"**((t - 1) // {EPOCH} + 1))")),
    _mistake("t-per-parameter", "advances the step number once for every parameter, not once a step", _LATER,
             sharing="t"),
    _mistake("t-per-layer", "advances the step number once for every layer (two parameters), not once a step", _LATER,
             sharing="t of pairs"),
    _mistake("correction-of-power", "divides by beta_1 ** t instead of 1 - beta_1 ** t",
             "At first it is nine times too slow; the steps grow without bound.",
             ("(1 - self.beta_1**t)", "(self.beta_1**t)")),
    _mistake("u-averaged", "averages abs(g) in u instead of taking the maximum", "It is near Adam, without the squares.",
             (_ADAMAX_AVERAGE, "u = self.beta_2 * u + (1 - self.beta_2) * xp.abs(g)")),
    _mistake("is-descent", "steps by the gradient: plain descent, another rule", "Descent is a good rule.",
             ("self.learning_rate / (1 - self.beta_1**t) * (m / (u + self.epsilon))", "self.learning_rate * g")),
    _mistake("m-hat-stored", "keeps the corrected m for the next step",
             "The correction is applied again to what was corrected already.",
             (", m, u", ", m / (1 - self.beta_1**t), u")),
    _mistake("corrected-twice", "applies the correction twice", _LATER, ("**t)", "**t)**2")),
    _mistake("u-corrected", "corrects u too, which has no bias towards zero", _LATER,
             (_ADAMAX_DIVISOR, "(u / (1 - self.beta_2**t) + self.epsilon)")),
    _mistake("m-corrected-with-beta-2", "corrects m with beta_2", _LATER,
             ("(1 - self.beta_1**t)", "(1 - self.beta_2**t)")),
    _mistake("root-of-u", "takes the root of u, which is a size and not a square",
             "Where gradients are near 1 it makes no difference.", (_ADAMAX_DIVISOR, "(xp.sqrt(u) + self.epsilon)")),
    _mistake("u-one-for-all", "keeps one maximum for a whole array", "All coordinates then share one rate.",
             ("xp.abs(g)", "largest_of(xp.abs(g))")),
    _mistake("u-never-decays", "never lets u decay", "u is then the largest gradient ever seen, which beta_2 forgets "
             "slowly anyway.", ("self.beta_2 * u", "u")),
    _mistake("u-not-kept", "uses the last gradient's size only", "It goes downhill by the sign.",
             ("self.beta_2 * u", "0 * u")),
    _mistake("u-signed", "takes the maximum with g and not with its size",
             "Where gradients are positive there is no difference.", ("xp.abs(g)", "g")),
    _mistake("u-blended", "puts 1 - beta_2 before abs(g) inside the maximum", "u is too small by one factor. "
             + _TRADED, ("xp.abs(g)", "(1 - self.beta_2) * xp.abs(g)")),
    _mistake("u-of-square", "takes the maximum with g squared", "Where gradients are near 1 it makes no difference.",
             ("xp.abs(g)", "g**2")),
    _mistake("u-stale", "divides by u from before this gradient",
             "One gradient seldom changes a maximum, but the first step divides by epsilon alone.",
             (_ADAMAX_AVERAGE, _ADAMAX_AVERAGE.replace("u = ", "last, u = u, ")),
             (_ADAMAX_DIVISOR, "(last + self.epsilon)")),
    _mistake("u-starts-at-one", "starts u at 1 instead of 0", "Small gradients then make short steps.",
             start={"u": 1.0}),
    *[form for form in _epsilon("u", _ADAMAX_DIVISOR, _ADAMAX_QUOTIENT)
      if form.id in ("epsilon-on-weights", "epsilon-on-step", "epsilon-subtracted", "gradient-plus-epsilon")],
    _mistake("m-summed", "leaves 1 - beta_1 out, so that m is a sum", "All steps are too long by 1 / (1 - beta_1). "
             + _TRADED, ("(1 - self.beta_1) * g", "g")),
    _mistake("betas-swapped", "has beta_1 and beta_2 the wrong way round",
             "It is an AdaMax with other decays, slow to turn and quick to forget sizes.", *_SWAP),
    _mistake("m-unused", "divides the gradient and not m", "It still goes downhill.",
             (_ADAMAX_QUOTIENT, f"(g / {_ADAMAX_DIVISOR})")),
    _mistake("moments-stale", "steps by m from before this gradient",
             "Everything happens one step late, which a smooth loss forgives.",
             (_M, f"last, m = m, {_M.removeprefix('m = ')}"), (_ADAMAX_QUOTIENT, f"(last / {_ADAMAX_DIVISOR})")),
    _mistake("m-never-decays", "adds the average to the old m (+=), so that it grows for ever",
             "It still points downhill, until it overshoots.", ("m = self.beta_1", "m = m + self.beta_1")),
    _mistake("is-adam", "averages squares and divides by their root: Adam, another rule",
             "Adam is a good rule, under its own name.",
             (_ADAMAX_AVERAGE, "u = self.beta_2 * u + (1 - self.beta_2) * g**2"),
             (_ADAMAX_DIVISOR, "(xp.sqrt(u / (1 - self.beta_2**t)) + self.epsilon)")),
]

KNOWN = {
    GradientDescent: (*_DESCENT,),
    Momentum: (*_VELOCITY, *_VELOCITY_MISTAKES,
               *[form for form in _on_any_rule(("m",)) if form.id != "state-lost"]),  # the same as velocity-unused
    Nesterov: (*_VELOCITY, *_NESTEROV, *_on_any_rule(("m",))),
    AdaGrad: (*_ADAGRAD, *_on_any_rule(("v",))),
    AdaDelta: (*_ADADELTA, *_on_any_rule(("v", "d"))),
    RMSprop: (*_RMSPROP, *_on_any_rule(("v",))),
    Adam: (*_ADAM, *_on_any_rule(("m", "v"), counts=True)),
    AdaMax: (*_ADAMAX, *_on_any_rule(("m", "u"), counts=True)),
}


def with_epochs(cls, steps):
    """The mistakes that come back with every epoch, for epochs of so many steps."""
    return [dataclasses.replace(
        form, first=form.first.replace(f"% {EPOCH}", f"% {steps}"),
        edits=tuple((piece, other.replace(f"// {EPOCH} ", f"// {steps} ").replace(f"% {EPOCH} ", f"% {steps} "))
                    for piece, other in form.edits))
        for form in KNOWN[cls] if form.id in ("state-reset", "moments-reset", "t-counts-epochs", "t-reset")]

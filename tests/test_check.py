"""``optkit.check``: right code passes in every form, wrong code is named, and nothing that a candidate does gets out."""

import itertools
import json
import math
import subprocess
import sys
import time

import numpy as np
import pytest

import optkit
from optkit import AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, Momentum, Nesterov, RMSprop
from optkit.__main__ import main
from optkit.checking.catalogue import KNOWN
from optkit.checking.check import _probe as probe_of
from optkit.checking.known import type_with
from optkit.checking.probe import STEPS, moved
from own_code import DECAYED, FORMS, beside, in_gradient, right, uncorrected
from wrong_rules import WRONG

RULES = list(KNOWN)
# At a learning rate of 1 this one is the rule itself.
RATES = {AdaDelta: 0.5}
# What the catalogue calls the mistakes of wrong_rules.py, which were written by hand and not by edits.
CALLED = {
    "no correction": "no-correction", "only m corrected": "v-not-corrected", "only v corrected": "m-not-corrected",
    "m hat computed and m used": "m-not-corrected", "m hat unused": "no-correction",
    "no correction of m": "no-correction", "divided by 1 - beta without the power": "correction-without-power",
    "multiplied by it": "correction-multiplied", "t from 0": "t-from-zero",
    "hidden by adding epsilon to the correction": "correction-plus-epsilon", "t one ahead": "t-ahead",
    "t counts epochs": "t-counts-epochs", "t advanced once per parameter": "t-per-parameter",
    "m overwritten by m hat": "hats-stored", "correction applied twice": "corrected-twice",
    "epsilon in the root": "epsilon-in-root", "epsilon added to the step": "epsilon-on-step",
    "epsilon in both places": "epsilon-twice", "max(root, epsilon)": "epsilon-maximum",
    "epsilon subtracted": "epsilon-subtracted", "no root": ("no-root", "no-root-above"),
    "AdaGrad without root": "no-root", "m without (1 - beta_1)": "m-summed", "v without (1 - beta_2)": "v-summed",
    "v starts at g^2": "v-starts-at-square", "betas swapped": "betas-swapped",
    "v corrected with beta_1": "v-corrected-with-beta-1", "v from g": "v-of-gradient", "v from abs(g)": "v-of-size",
    "v from (g - m)^2": "is-adabelief", "g + epsilon": "gradient-plus-epsilon", "v starts at 1": "v-starts-at-one",
    "corrected before the average": "corrected-before-average", "v one scalar per tensor": "v-one-for-all",
    "accumulators updated by += of a blend": "moments-never-decay", "v = rho v + g^2": "v-summed",
    "no decay": "v-never-decays", "rho and 1 - rho swapped": "rho-swapped", "stale v": "v-stale",
    "one cache shared by all weights": "state-shared", "shared velocity": "state-shared",
    "centred without clamping": "centred",
    "bias correction that the method does not have": "correction-not-in-method", "AdaGrad with decay": "v-decays",
    "AdaGrad with hidden momentum": "hidden-momentum",
    "AdaDelta with the new average in the numerator": "new-average-above", "accumulating g^2": "gradients-in-d",
    "u corrected too": "u-corrected", "root of u": "root-of-u", "one maximum over the tensor": "u-one-for-all",
    "no decay of u": "u-never-decays", "signed maximum": "u-signed", "(1 - beta_2) inside the maximum": "u-blended",
    "g^2 inside it": "u-of-square", "0/0": "no-epsilon", "lr applied twice": "rate-twice",
    "Nesterov before the average": "look-ahead-before-average", "Nesterov with the old velocity": "is-momentum",
    "look-ahead with the wrong sign": "look-ahead-backwards",
    "the new velocity in the old velocity's formula": "look-ahead-new-velocity",
    "velocity computed and never applied": "velocity-unused",
    "velocity indexed by the iteration": "velocity-by-iteration",
    "state assigned to a loop variable and lost": ("state-lost", "velocity-unused"), "state reset every epoch": "state-reset",
    "the update indented under the initialisation": "only-one-step", "ascent": "ascent",
    "learning rate compounding": "rate-drifts", "learning rate boosted": ("rate-scaled", "m-summed"),  # ten times, as without 1 - beta_1
    "gradient clipped to positive values": "gradient-clipped-positive",
    "L2 called decoupled decay": "decay-in-gradient", "decay left out": "is-adam", "decay added": "decay-added",
    "decay divided by the root of v": "decay-divided", "decay averaged in m": "decay-in-m",
    "decay summed in m": "decay-on-m", "m shrunk and not the weights": "decay-of-m",
    "decay in the gradient too": "decay-twice", "decay scaled by lr twice": "decay-rate-squared",
    "the sign of the weights subtracted": "decay-of-sign",
}
DIALECTS = {"EMA form": "averaged-velocity", "decay not scaled by lr": "decay-not-scaled"}


def at_rate(cls):
    return cls(learning_rate=RATES[cls]) if cls in RATES else cls()


# Right

# All of one rule in turn: what its known forms do is then computed once.
@pytest.mark.parametrize("other, rule", list(itertools.product(RULES, RULES)))
def test_each_rule_is_itself_and_no_other(rule, other):
    report = optkit.check(rule(), other())
    assert report.ok == (rule is other), str(report)
    assert report.dialect is None and (report.mistake is None) == report.ok


@pytest.mark.parametrize("name", FORMS)
def test_code_in_every_form(name):
    form, make = FORMS[name]
    report = optkit.check(make(right), Adam())
    assert report.ok and report.dialect is None and report.form == form, str(report)
    assert optkit.check(make(right), Adam(), form=form).ok
    report = optkit.check(make(uncorrected), Adam())
    assert report.mistake == "no-correction" and report.form == form, str(report)
    assert report.step == 1 and report.expected != report.got


@pytest.mark.parametrize("name", DECAYED)
def test_weight_decay_in_every_form(name):
    form, make = DECAYED[name]
    report = optkit.check(make(beside), AdamW())
    assert report.ok and report.dialect is None and report.form == form, str(report)
    report = optkit.check(make(in_gradient), AdamW())
    assert report.mistake == "decay-in-gradient" and report.form == form, str(report)


@pytest.mark.parametrize("order, dialect", [("before", None), ("after", "decay-after-step")])
def test_weights_may_shrink_before_the_step_or_after_it(order, dialect):
    class Mine(RightAdam):
        def update(self, w, grad):
            if order == "before":
                return super().update(w * (1 - self.lr * 0.01), grad)
            return super().update(w, grad) * (1 - self.lr * 0.01)

    report = optkit.check(Mine, AdamW())
    assert report.ok and report.dialect == dialect, str(report)


def test_a_decay_of_zero_is_said_to_show_nothing():
    class Mine(RightAdam):
        def __init__(self, lr=0.001):
            super().__init__(lr)
            self.weight_decay = 0.0

    report = optkit.check(Mine, AdamW())
    assert report.ok and any("is Adam" in note for note in report.notes)
    assert optkit.check(RightAdam, AdamW()).mistake == "is-adam"
    assert not any("is Adam" in note for note in optkit.check(RightAdam, Adam()).notes)


def test_a_rate_and_a_decay_fixed_in_the_code():
    def mine(rate, decay):
        class Mine:
            def __init__(self):
                self.own = RightAdam()

            def update(self, w, grad):
                return w - rate * (decay * w - (self.own.update(0 * w, grad)) / 0.001)
        return Mine

    assert optkit.check(mine(0.001, 0.01), AdamW()).ok
    report = optkit.check(mine(0.3, 0.01), AdamW())
    assert report.mistake == "rate-scaled" and "0.3" in report.verdict
    report = optkit.check(mine(0.001, 0.05), AdamW())
    assert report.mistake == "other-constant" and "weight_decay = 0.05" in report.verdict


def test_a_wrong_form_is_refused():
    report = optkit.check(FORMS["class_with_update"][1](right), Adam(), form="callback")
    assert not report.ok and report.mistake == "not-understood" and "'new'" in report.verdict


@pytest.mark.parametrize("make, rule, dialect", [
    (lambda k: k.optimizers.Adam(), Adam(), "epsilon-hat"),
    (lambda k: k.optimizers.Adam, Adam(), "epsilon-hat"),
    (lambda k: lambda: k.optimizers.Adam(), Adam(), "epsilon-hat"),
    (lambda k: k.optimizers.SGD(0.1), GradientDescent(), None),
    (lambda k: k.optimizers.SGD(0.1, momentum=0.8), Momentum(), "rate-in-velocity"),
    (lambda k: k.optimizers.SGD(0.1, momentum=0.8, nesterov=True), Nesterov(), "rate-in-velocity"),
    (lambda k: k.optimizers.Adagrad(initial_accumulator_value=0.0), AdaGrad(), "epsilon-in-root"),
    (lambda k: k.optimizers.Adagrad(), AdaGrad(), None),  # what starts at 0.1 hides where epsilon stands
    (lambda k: k.optimizers.Adadelta(), AdaDelta(), None),
    (lambda k: k.optimizers.RMSprop(), RMSprop(), "epsilon-in-root"),
    (lambda k: k.optimizers.AdamW(), AdamW(), "epsilon-hat"),
    (lambda k: k.optimizers.AdamW, AdamW(weight_decay=0.1), "epsilon-hat"),
    (lambda k: k.optimizers.Adam(weight_decay=0.02), AdamW(), "epsilon-hat"),
    (lambda k: k.optimizers.Adamax(), AdaMax(), None)])
def test_keras_optimizers_are_right(make, rule, dialect):
    keras = pytest.importorskip("keras")
    report = optkit.check(make(keras), rule)
    assert report.ok and report.dialect == dialect and report.form == "keras", str(report)


@pytest.mark.parametrize("rule", RULES)
def test_our_keras_optimizers_are_right(rule):
    report = optkit.check(optkit.KerasOptimizer(rule()), rule())
    assert report.ok and report.dialect is None


def test_a_keras_optimizer_that_is_another():
    keras = pytest.importorskip("keras")
    assert optkit.check(keras.optimizers.Adam(amsgrad=True), Adam()).mistake == "is-amsgrad"
    assert optkit.check(keras.optimizers.AdamW(weight_decay=0.1), Adam()).mistake == "depends-on-weights"
    assert optkit.check(keras.optimizers.Adam(), AdamW()).mistake == "is-adam"


# Wrong

@pytest.mark.parametrize("cls, known", [(cls, known) for cls in RULES for known in KNOWN[cls] if not known.sharing],
                         ids=lambda value: getattr(value, "__name__", getattr(value, "id", None)))
def test_every_known_form_is_named(cls, known):
    rule = at_rate(cls)
    report = optkit.check(known.applied_to(rule), rule)
    named = report.dialect if known.dialect else report.mistake
    assert named == known.id and report.ok == known.dialect, str(report)
    assert known.says in report.verdict and known.why in report.why and "(1)" not in report.verdict


@pytest.mark.parametrize("cls, mistake", WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_wrong_rules_written_by_hand_are_caught_and_named(cls, mistake):
    rule = at_rate(cls)
    report = optkit.check(WRONG[cls, mistake](learning_rate=rule.learning_rate), rule)
    if mistake in DIALECTS:
        assert report.ok and report.dialect == DIALECTS[mistake]
        return
    assert not report.ok, str(report)
    if mistake in CALLED:
        wanted = CALLED[mistake]
        assert report.mistake in (wanted if isinstance(wanted, tuple) else (wanted,)), str(report)


@pytest.mark.parametrize("cls", RULES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_probe_separates_every_pair(cls, dtype):
    """In single precision too, where the paths of a form in single and in double precision differ by rounding."""
    rule = at_rate(cls)
    start, g, _ = probe_of(rule, 3)
    paths = {}
    for forms in [(), *((known,) for known in KNOWN[cls])]:
        paths[forms] = moved(rule, forms, g.astype(dtype), np.full(STEPS, rule.learning_rate), [1e-8], start)[0]
    for (first, a), (second, b) in itertools.combinations(paths.items(), 2):
        with np.errstate(all="ignore"):
            size = sum(np.abs(np.nan_to_num(path, posinf=0, neginf=0)).max(axis=0) for path in (a, b))
            apart = np.abs(a - b) / size
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        apart = np.where(same, 0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf)).max()
        ids = [form.id for form in (*first, *second)]
        if ids == ["rate-in-velocity"]:  # the same path, while the rate is constant: a change of rate tells them apart
            continue
        if ids == ["decay-after-step"] and dtype == "float32":  # steps shorter by 1e-5; the dialect is right anyway
            continue
        assert apart > (2e-5 if dtype == "float32" else 1e-6), ids


@pytest.mark.parametrize("names, cls", [
    (("no-correction", "epsilon-in-root"), Adam), (("v-not-corrected", "epsilon-in-root"), Adam),
    (("no-correction", "is-amsgrad"), Adam), (("v-sums-array", "v-decays"), AdaGrad),
    (("correction-of-sum", "hats-stored"), Adam), (("is-rmsprop", "v-sums-array"), AdaDelta),
    (("corrected-twice", "u-sums-array"), AdaMax), (("epsilon-on-rate", "v-summed"), RMSprop),
    (("no-root", "correction-without-power"), Adam), (("ascent", "no-correction"), Adam),
    (("decay-in-gradient", "no-correction"), AdamW), (("decay-added", "epsilon-on-weights"), AdamW),
    (("correction-of-sum", "ascent"), Momentum),
    (("betas-swapped", "epsilon-on-weights"), Adam), (("hats-stored", "v-starts-at-one"), Adam),
    (("v-summed", "ascent"), RMSprop), (("no-root", "v-starts-at-one"), AdaGrad), (("u-of-square", "t-ahead"), AdaMax),
    (("new-average-above", "rho-swapped"), AdaDelta), (("rate-twice", "momentum-negative"), Momentum)])
def test_two_mistakes_at_once(names, cls):
    forms = {known.id: known for known in KNOWN[cls]}
    rule = at_rate(cls)
    report = optkit.check(type_with(tuple(forms[name] for name in names), cls)(learning_rate=rule.learning_rate), rule)
    assert set(report.mistake.split(" + ")) == set(names), str(report)
    assert all(forms[name].says in report.verdict for name in names)


@pytest.mark.parametrize("dialect, mistake, cls", [
    ("epsilon-hat", "ascent", Adam), ("epsilon-in-root", "v-starts-at-one", RMSprop),
    ("averaged-velocity", "velocity-never-decays", Momentum), ("epsilon-in-maximum", "no-correction", AdaMax),
    ("decay-not-scaled", "no-correction", AdamW), ("decay-after-step", "v-not-corrected", AdamW)])
def test_a_mistake_in_a_dialect(dialect, mistake, cls):
    forms = {known.id: known for known in KNOWN[cls]}
    report = optkit.check(type_with((forms[dialect], forms[mistake]), cls)(), cls())
    assert report.mistake == mistake, str(report)


def test_mistakes_that_come_back_with_epochs_of_any_length():
    class Mine(RightAdam):
        def hats(self):
            t = (self.t - 1) // 5 + 1
            return self.m / (1 - 0.9**t), self.v / (1 - 0.999**t)

    report = optkit.check(Mine, Adam())
    assert report.mistake == "t-counts-epochs" and "5 steps" in report.verdict


class RightAdam:
    """Adam for one array, with a place to go wrong."""

    def __init__(self, lr=0.001):
        self.lr, self.m, self.v, self.t = lr, 0, 0, 0

    def hats(self):
        return self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)

    def update(self, w, grad):
        self.t += 1
        self.m, self.v = 0.9 * self.m + 0.1 * grad, 0.999 * self.v + 0.001 * grad**2
        m, v = self.hats()
        return w - self.lr * m / (np.sqrt(v) + 1e-8)


def test_something_unknown_names_the_nearest_and_says_how_far():
    class Mine(RightAdam):
        def hats(self):
            m, v = super().hats()
            return np.round(m, 3), v

    report = optkit.check(Mine, Adam())
    assert not report.ok and "nearest" in report.verdict and "% of a coordinate's way" in report.verdict


def test_one_wrong_parameter_among_right_ones():
    class Mine:
        def __init__(self, lr=0.001):
            self.own = {}

        def update(self, params, grads):
            for key in params:
                if key.startswith("b"):
                    params[key] = params[key] - 0.001 * grads[key]
                else:
                    params[key] = self.own.setdefault(key, RightAdam()).update(params[key], grads[key])

    report = optkit.check(Mine, Adam())
    assert report.mistake == "is-descent" and "b1, b2" in report.verdict and "the others are right" in report.verdict


def test_one_sum_for_all_parameters():
    class Mine:
        def __init__(self, lr=0.01):
            self.lr, self.total = lr, 0.0

        def update(self, params, grads):
            self.total += sum(np.sum(grads[key]**2) for key in grads)
            for key in params:
                params[key] -= self.lr * grads[key] / (np.sqrt(self.total) + 1e-8)

    report = optkit.check(Mine, AdaGrad())
    assert report.mistake == "v-sums-all" and "all parameters" in report.verdict


def test_the_number_of_the_layer_for_that_of_the_step():
    def mine(params, grads, v, s, t, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
        for layer in range(1, len(params) // 2 + 1):
            for key in (f"W{layer}", f"b{layer}"):
                v[key] = beta1 * v[key] + (1 - beta1) * grads["d" + key]
                s[key] = beta2 * s[key] + (1 - beta2) * grads["d" + key]**2
                root = np.sqrt(s[key] / (1 - beta2**layer)) + epsilon
                params[key] = params[key] - learning_rate * v[key] / (1 - beta1**layer) / root
        return params, v, s

    assert optkit.check(mine, Adam()).mistake == "t-is-layer"


@pytest.mark.parametrize("clip, says", [
    (lambda g: np.clip(g, -5, 5), "every entry of the gradient at 5"),
    (lambda g: g * 10 / max(10, np.linalg.norm(g)), "each gradient at a length of 10")])
@pytest.mark.parametrize("sign, named", [(1, "gradient-clipped"), (-1, "ascent + gradient-clipped")])
def test_clipped_gradients_are_named(clip, says, sign, named):
    def mine(w, grad, v, learning_rate):
        step, v = _stepped(clip(grad), v)
        return w - sign * learning_rate * step, v

    report = optkit.check(mine, AdaGrad())
    assert report.mistake == named and says in report.verdict, str(report)


# Hyperparameters

def test_a_candidate_is_judged_at_its_own_attributes():
    candidate = RightAdam(lr=0.25)
    report = optkit.check(candidate, Adam())
    assert report.ok and report.hyperparameters["learning_rate"] == 0.25
    assert any("0.25" in note and "0.001" in note for note in report.notes)


def test_a_factory_gets_the_hyperparameters_that_it_takes():
    def make(lr=0.001):
        return RightAdam(lr)

    report = optkit.check(make, Adam(0.01))
    assert report.ok and report.hyperparameters["learning_rate"] == 0.01
    assert optkit.check(lambda: RightAdam(0.02), Adam()).hyperparameters["learning_rate"] == 0.02


def test_a_factory_of_something_that_cannot_be_called():
    def make(x0, lr=0.001):
        return lambda fn, x: x - lr * fn(x)  # a gradient that is called like a loss

    report = optkit.check(make, GradientDescent())
    assert report.mistake == "not-understood" and "how that is called is not known" in report.verdict


def test_what_is_hidden_in_code_is_not_inferred():
    report = optkit.check(lambda w, grad: w - 0.3 * grad, GradientDescent())
    assert report.mistake == "rate-scaled" and "0.3" in report.verdict
    assert optkit.check(lambda w, grad: w - 0.3 * grad, GradientDescent(0.3)).ok


def test_another_constant_is_named():
    class Mine:
        def __init__(self, lr=0.001):
            self.lr, self.s = lr, 0

        def update(self, w, grad):
            self.s = 0.99 * self.s + 0.01 * grad**2
            return w - self.lr * grad / (np.sqrt(self.s) + 1e-8)

    report = optkit.check(Mine, RMSprop())
    assert report.mistake == "other-constant" and "rho = 0.99" in report.verdict
    assert optkit.check(Mine, RMSprop(rho=0.99)).ok


@pytest.mark.parametrize("epsilon", [1e-2, 1e-5, 1e-7, 1e-10, 1e-16, float(np.finfo(float).eps)])
def test_epsilon_is_inferred_and_said(epsilon):
    class Mine(RightAdam):
        def update(self, w, grad):
            super().update(w, grad)
            m, v = self.hats()
            return w - self.lr * m / (np.sqrt(v) + epsilon)

    report = optkit.check(Mine, Adam())
    assert report.ok and report.hyperparameters["epsilon"] == epsilon
    assert any("inferred" in note for note in report.notes)


@pytest.mark.parametrize("cls", [RMSprop, AdaGrad])
def test_code_without_an_epsilon_divides_zero_by_zero(cls):
    class Mine:
        def __init__(self, lr):
            self.lr, self.v = lr, 0

        def update(self, w, grad):
            self.v = self.v + grad**2 if cls is AdaGrad else 0.9 * self.v + 0.1 * grad**2
            return w - self.lr * grad / np.sqrt(self.v)

    report = optkit.check(Mine, cls())
    assert report.mistake == "no-epsilon" and "NaN" in report.verdict and np.isnan(report.got)
    wanted = optkit.check(Mine, cls(epsilon=0))
    assert wanted.ok and any("NaN" in note for note in wanted.notes)  # where nobody wanted one


def test_a_change_of_the_learning_rate_tells_dialects_apart():
    class Inside:
        def __init__(self, lr=0.01, momentum=0.9):
            self.lr, self.momentum, self.v = lr, momentum, 0

        def update(self, w, grad):
            self.v = self.momentum * self.v - self.lr * grad
            return w + self.v

    assert optkit.check(Inside, Momentum()).dialect == "rate-in-velocity"


# Code that misbehaves

def test_code_that_raises():
    report = optkit.check(lambda w, grad: w - undefined, Adam())  # noqa: F821
    assert report.mistake == "exception" and "NameError" in report.verdict and not report.ok

    class Later(RightAdam):
        def update(self, w, grad):
            if self.t == 3:
                raise RuntimeError("no more")
            return super().update(w, grad)

    report = optkit.check(Later, Adam())
    assert report.mistake == "exception" and "step 4" in report.verdict and "no more" in report.verdict


def test_code_that_fails_only_for_arrays_is_not_taken_for_code_for_numbers():
    class Mine(RightAdam):
        def update(self, w, grad):
            if self.t > 0 and self.m == np.inf:  # an array has no truth value, a number has
                raise AssertionError
            return super().update(w, grad)

    assert optkit.check(Mine, Adam()).mistake == "exception"


def interrupted(w, grad):
    raise KeyboardInterrupt


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("candidate, mistake", [
    (lambda w, grad: None, "nothing-moves"),
    (lambda w, grad: w, "nothing-moves"),
    (lambda w, grad: w[:5] - grad[:5], "wrong-shape"),
    (lambda w, grad: "weights", "wrong-shape"),
    (lambda w, grad: np.full_like(w, np.nan), "not-a-number"),
    (lambda w, grad: exit(3), "exception"), (interrupted, "exception"), (lambda: Hostile(), "not-understood"),
    (GradientDescent(0), "nothing-moves"), (int, "not-understood"), (print, "not-understood"),
    (lambda: None, "not-understood"), (3, "not-understood"), ("adam", "not-understood"), (None, "not-understood"),
    (lambda layer, data, labels, loss: None, "not-understood"), (object(), "not-understood")])
def test_what_cannot_be_an_optimizer(candidate, mistake):
    report = optkit.check(candidate, GradientDescent())
    assert not report.ok and report.mistake == mistake, str(report)
    assert report.verdict.endswith((".", "?")) and len(report.verdict) > 20


@pytest.mark.parametrize("loop, mistake", [
    (lambda gradient, start, learning_rate, steps: start - learning_rate * gradient(start), "only-one-step"),
    (lambda gradient, start, learning_rate, steps: start - sum(learning_rate * gradient(start) for _ in range(steps)),
     "gradient-at-start")])
def test_loops_that_do_not_walk(loop, mistake):
    assert optkit.check(loop, GradientDescent()).mistake == mistake


@pytest.mark.parametrize("order", ["step first", "memory first"])
def test_a_step_that_comes_back_with_its_memory(order):
    def mine(g, v, stepsz, epsilon):
        v = v + g**2
        step = stepsz * g / (np.sqrt(v) + epsilon)
        return (step, v) if order == "step first" else (v, step)

    assert optkit.check(mine, AdaGrad()).ok


def _stepped(g, v):
    """AdaGrad's step, without the learning rate, and its memory."""
    v = v + g**2
    return g / (np.sqrt(v) + 1e-8), v


class _Kept:
    learning_rate = 0.01


def _moved(self, key, g):
    """AdaGrad's step, with memories in a dict of the object."""
    self.memories = getattr(self, "memories", {})
    step, self.memories[key] = _stepped(g, self.memories.get(key, 0.0))
    return self.learning_rate * step


class TakesNames(_Kept):
    def update(self, param, grad):
        return _moved(self, param, grad)


class TakesTheRateBetween(_Kept):
    def step(self, x, lr, df):
        self.learning_rate = lr
        x -= _moved(self, 0, df)


class TakesTwoInTurn(_Kept):
    def apply(self, W, dl_dw, b, dl_db):
        W -= _moved(self, 0, dl_dw)
        b -= _moved(self, 1, dl_db)
        return W, b


class GivesTwoSteps(_Kept):
    def calculate_change(self, nabla_w, nabla_b):
        return _moved(self, 0, nabla_w), _moved(self, 1, nabla_b)


class IsPrivate(_Kept):
    def _renew(self, gradient):
        return _moved(self, 0, gradient)


class TakesANumber(_Kept):
    def __init__(self, number_of_params):
        self.memories = {0: np.array([0.0] * number_of_params)}

    def step(self, gradient):
        return _moved(self, 0, gradient)


class TakesRowsAndColumns(_Kept):
    def __init__(self, num_row, num_col):
        self.memories = {0: np.zeros((num_row, num_col))}

    def update(self, W, gradient):
        W -= _moved(self, 0, gradient)


class TakesTheGradientFirst(_Kept):
    def __init__(self, d_func):
        self.gradient_at = d_func

    def update_params(self, params):
        return params - _moved(self, 0, self.gradient_at(params))


class CountsAndGivesTheDirection:
    v = 0.0

    def update(self, ds, t):
        step, self.v = _stepped(ds, self.v)
        return step


class HoldsObjects(_Kept):
    def __init__(self, tensors):
        self.tensors = list(tensors)

    def optimise(self):
        for tensor in self.tensors:
            tensor.val -= _moved(self, tensor, tensor.grad)


def rate_as_the_only_unknown(dx, v, learning_rate):
    step, v = _stepped(dx, v)
    return learning_rate * step, v


def memory_from_before(learning_rate, epsilon, grad, s_prev):
    s = s_prev + grad**2
    return learning_rate * grad / (np.sqrt(s) + epsilon), s


def memory_named_after_the_gradient(param, grad, sum_grad, learning_rate):
    step, sum_grad[:] = _stepped(grad, sum_grad)
    param -= learning_rate * step


def memory_that_may_be_none(w, grad, learning_rate, v=None):
    step, v = _stepped(grad, 0.0 if v is None else v)
    return w - learning_rate * step, v


def made_with_the_parameters(params, learning_rate=0.5):
    v = [0.0] * len(params)

    def update(grads):
        for i, g in enumerate(grads):
            step, v[i] = _stepped(g, v[i])
            params[i] -= learning_rate * step

    return update


def holds_pairs(params, grads, v, learning_rate):
    for i, ((w, b), (dw, db), (v_w, v_b)) in enumerate(zip(params, grads, v)):
        (step_w, v_w), (step_b, v_b) = _stepped(dw, v_w), _stepped(db, v_b)
        v[i], params[i] = (v_w, v_b), (w - learning_rate * step_w, b - learning_rate * step_b)


def for_two_parameters():
    optimizer = TakesTwoInTurn()

    def update(params, grads):
        w, b = params[0] + 0.0, params[1]
        optimizer.apply(w, grads[0], b, grads[1])
        return [w, b]

    return update


def until_the_loss_stands_still(loss, x, gradient, tol, maxiter, learning_rate):
    v, before = 0.0, np.inf
    for _ in range(maxiter):
        if abs(loss(x) - before) <= tol:
            return x
        before = loss(x)
        step, v = _stepped(gradient(x), v)
        x = x - learning_rate * step
    return x


def needs_a_state_with(w, grad, optim):
    step, optim["sum"] = _stepped(grad, optim["sum"] if "sum" in optim else 0.0)
    return w - optim["Alpha"] * step


def memory_beside_the_gradient(w, grad, G, lr, eps=1e-8):
    G += grad**2
    w -= lr * grad / (np.sqrt(G) + eps)
    return w, G


def gives_a_list(cur_w, cur_grad, grad, lr):
    step, cur_grad = _stepped(grad, cur_grad)
    return [cur_w - lr * step, cur_grad]


def gives_a_dict(w, grad, sum_sq, lr):
    step, sum_sq = _stepped(grad, sum_sq)
    return {"new_sum_sq": sum_sq, "new_w": w - lr * step}


def velocity_named_like_a_gradient(W, dW, en_W, learning_rate):
    step, dW = _stepped(en_W, dW)
    return W - learning_rate * step, dW


class CallsThemBeta(_Kept):
    def update(self, beta, gradient, args=None):
        return beta - _moved(self, 0, gradient)


class CallsThemFilters(_Kept):
    def update(self, filters, biases, filters_grads, biases_grads):
        return filters - _moved(self, 0, filters_grads), biases - _moved(self, 1, biases_grads)


class AsksAnObject(_Kept):
    def optimize(self, oracle, x0, max_iter=100):
        x, memory = x0, 0.0
        for _ in range(max_iter):
            step, memory = _stepped(oracle.gradient(x), memory)
            x = x - self.learning_rate * step
        return x


class TakesPlainNumbers(_Kept):
    def step(self, params: dict[str, float], grads: dict[str, float]):
        memories = self.memories = getattr(self, "memories", {})
        for key in params:
            memories[key] = memories.get(key, 0.0) + grads[key]**2
            params[key] -= self.learning_rate * grads[key] / (math.sqrt(memories[key]) + 1e-8)
        return params


class RegistersACopy(_Kept):
    def register_parameters(self, params):
        self.params = np.array(params, dtype=float)
        self.memories = {0: np.zeros_like(self.params)}

    def step(self, gradient):
        self.params -= _moved(self, 0, gradient)


class StartsByItself(_Kept):
    def __init__(self, learning_rate=0.01, pos=np.array([2.0, 3.0])):
        self.learning_rate, self.pos = learning_rate, np.asarray(pos)

    def step(self, grad):
        self.pos = self.pos - _moved(self, 0, grad)


def made_for_a_shape(shape, learning_rate=0.5):
    v = np.zeros(shape)

    def update(parameter, gradient):
        step, v[...] = _stepped(gradient, v)
        parameter -= learning_rate * step

    return update


def made_for_two_shapes(dw_shape, db_shape):
    memories = [np.zeros(dw_shape), np.zeros(db_shape)]

    class Mine:
        def update_grad(self, dw, db):
            (dw, memories[0]), (db, memories[1]) = _stepped(dw, memories[0]), _stepped(db, memories[1])
            return 0.01 * dw, 0.01 * db

    return Mine()


def rate_at_the_start(x, grad_x, moving_sum, alpha_0, epsilon):
    moving_sum = moving_sum + grad_x**2
    return x - alpha_0 / (np.sqrt(moving_sum) + epsilon) * grad_x, moving_sum


_BY_PLACE = []


def memories_by_place(diff, eta, j):
    if j == len(_BY_PLACE):
        _BY_PLACE.append(0.0)
    step, _BY_PLACE[j] = _stepped(diff, _BY_PLACE[j])
    return -eta * step


class TakesALayer(_Kept):
    def get_update(self, layer, grad):
        return _moved(self, str(layer), grad)


class SetsItsSettings(_Kept):
    def set_params(self, params):
        for key in params:
            setattr(self, key, params[key])

    def get_update(self, grad):
        return _moved(self, 0, grad)


class SetsUpListsOfWeightsAndBiases(_Kept):
    def initialize(self, weights, biases):
        self.sums = [np.zeros_like(w) for w in weights], [np.zeros_like(b) for b in biases]

    def update(self, weights, biases, dW, db):
        for held, gradients, sums in zip((weights, biases), (dW, db), self.sums):
            for i, g in enumerate(gradients):
                step, sums[i] = _stepped(g, sums[i])
                held[i] -= self.learning_rate * step


def state_that_somebody_else_makes(params, grads, state, lr=0.01):
    for name, value in params.items():
        total = state["sums"][name]
        total += grads[name]**2
        value -= lr * grads[name] / (np.sqrt(total) + 1e-8)


class TakesOneGradientAfterTheOther(_Kept):
    def __init__(self, params):
        self.params = list(params)

    def update(self, *gradients):
        for i, g in enumerate(gradients):
            self.params[i] -= _moved(self, i, g)


class TakesWhatItDoesNotUse(_Kept):
    def __init__(self, friction, something):
        pass

    def update(self, w, grad):
        return w - _moved(self, 0, grad)


class TakesTwoPlaces(_Kept):
    def step(self, x, y, dx, dy):
        x -= _moved(self, 0, dx)
        y -= _moved(self, 1, dy)
        return x, y


def all_of_one_letter(w, u, s, alpha, eps):
    s = s + u**2
    return w - alpha * u / (np.sqrt(s) + eps), s


class TakesTwoChanges(_Kept):
    def update(self, weightChanges, biasChanges):
        return _moved(self, 0, weightChanges), _moved(self, 1, biasChanges)


class TakesTheShapeOfTheGradient(_Kept):
    def __init__(self, grad_shape):
        self.memories = {0: np.zeros(grad_shape)}

    def get_update(self, grads):
        return _moved(self, 0, grads)


def in_greek(w, grad, G, η, ε):
    G = G + grad**2
    return w - η * grad / (np.sqrt(G) + ε), G


def made_with_the_gradient_function(params, grad_fn, lr=0.5):
    class Mine:
        learning_rate = lr

        def __init__(self):
            self.params = np.array(params, dtype=np.float32)

        def step(self):
            self.params -= _moved(self, 0, grad_fn(self.params))

    return Mine()


@pytest.mark.parametrize("candidate", [
    rate_at_the_start, memories_by_place, TakesALayer, SetsItsSettings, SetsUpListsOfWeightsAndBiases,
    state_that_somebody_else_makes, TakesOneGradientAfterTheOther, TakesWhatItDoesNotUse, TakesTwoPlaces,
    TakesTwoChanges,
    all_of_one_letter, TakesTheShapeOfTheGradient, in_greek, made_with_the_gradient_function, needs_a_state_with,
    memory_beside_the_gradient, gives_a_list, gives_a_dict, velocity_named_like_a_gradient,
    CallsThemBeta, CallsThemFilters, AsksAnObject, TakesPlainNumbers, RegistersACopy, StartsByItself,
    made_for_a_shape, made_for_two_shapes,
    TakesNames, TakesTheRateBetween, TakesTwoInTurn, GivesTwoSteps, IsPrivate, TakesANumber, TakesRowsAndColumns,
    TakesTheGradientFirst, HoldsObjects, rate_as_the_only_unknown, memory_from_before,
    memory_named_after_the_gradient, memory_that_may_be_none, made_with_the_parameters, for_two_parameters,
    holds_pairs, until_the_loss_stands_still])
def test_names_and_forms_met_in_public_code(candidate):
    report = optkit.check(candidate, AdaGrad())
    assert report.ok, str(report)


@pytest.mark.parametrize("takes", ["mu, rho", "rho, decay_rate", "decay_rate_one, decay_rate_two", "β1, β2",
                                   "omega1, omega2"])
def test_names_of_the_betas(takes):
    first, second = takes.split(", ")
    names = {"moments": lambda m, v, g, b1, b2: (b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2), "np": np}
    exec(f"def mine(w, grad, m, v, t, lr, {takes}):\n"
         f"    m, v = moments(m, v, grad, {takes})\n"
         f"    return w - lr * m / (1 - {first}**t) / (np.sqrt(v / (1 - {second}**t)) + 1e-8), m, v\n", names)
    assert optkit.check(names["mine"], Adam(beta_1=0.8, beta_2=0.95)).ok


@pytest.mark.parametrize("takes", ["gamma=0.9, mu=0.1", "gamma=0.1, mu=0.9"])
def test_of_two_doubtful_names_the_smaller_default_is_the_rate(takes):
    momentum, rate = sorted(takes.split(", "), key=lambda one: float(one.split("=")[1]), reverse=True)
    names = {}
    exec(f"def mine(w, grad, v, {takes}):\n    v = {momentum.split('=')[0]} * v + grad\n"
         f"    return w - {rate.split('=')[0]} * v, v\n", names)
    assert optkit.check(names["mine"], Momentum()).ok


@pytest.mark.parametrize("decay", [1e-6, 1e-3])
def test_a_learning_rate_that_hardly_changes_is_noticed(decay):
    class Mine(RightAdam):
        def update(self, w, grad):
            step = w - super().update(w, grad)
            return w - step / (1 + decay * (self.t - 1))

    assert optkit.check(Mine, Adam()).mistake == "rate-drifts"


def test_code_that_computes_in_single_precision_and_hands_back_double():
    class Mine(RightAdam):
        def update(self, w, grad):
            return w - np.float64(np.float32(w - super().update(w, grad)))

    assert optkit.check(Mine, Adam()).ok


@pytest.mark.parametrize("holds, what", [("parameters", "parameters"), ("rows", "rows")])
def test_a_return_inside_the_loop(holds, what):
    def of_list(params: list, grads, learning_rate):
        for i in range(len(params)):
            params[i] = params[i] - learning_rate * grads[i]
            return params

    def of_array(w, grad, learning_rate):
        w = w.copy()
        for i in range(len(w)):
            w[i] = w[i] - learning_rate * grad[i]
            return w

    report = optkit.check(of_list if holds == "parameters" else of_array, GradientDescent())
    assert report.mistake == "some-parameters" and f"some of its {what}" in report.verdict, str(report)


def test_nothing_is_called_wrong_because_of_zeros_for_an_unknown_argument():
    def still(w, grad, moving_sum, swiftness):
        step, moving_sum = _stepped(grad, moving_sum)
        return w - swiftness * step, moving_sum

    def asks(gradf, x0, lr, smallest, max_iter):
        x, v = x0, 0.0
        for _ in range(max_iter):
            v = v + gradf(x)**2
            x = x - lr * gradf(x) / np.sqrt(v + smallest)
        return x

    for mine, unknown in ((still, "'swiftness'"), (asks, "'smallest'")):
        report = optkit.check(mine, AdaGrad())
        assert report.mistake == "not-understood" and unknown in report.verdict, str(report)


def test_an_unknown_argument_that_makes_no_difference():
    def mine(gradf, x0, lr, max_iter, swiftness):
        x = x0
        for _ in range(max_iter):
            x = x - lr * np.round(gradf(x), 1)
            if swiftness and np.all(x == 0):
                break
        return x

    assert optkit.check(mine, GradientDescent()).mistake == "unknown"


def test_an_argument_of_the_class_that_is_unknown_and_used():
    class Mine(_Kept):
        def __init__(self, something):
            self.something = something

        def update(self, w, grad):
            return w - self.something * _moved(self, 0, grad)

    class Reshaped(Mine):
        def update(self, w, grad):
            return w - np.reshape(self.something, (3, 4)) * grad

    for cls in (Mine, Reshaped):
        report = optkit.check(cls, AdaGrad())
        assert report.mistake == "not-understood" and "'something'" in report.verdict, str(report)


def test_a_set_up_that_fails_and_is_needed():
    class Mine(_Kept):
        def initialize(self, params):
            raise RuntimeError("no room")

        def update(self, w, grad):
            return w - self.memory

    report = optkit.check(Mine, AdaGrad())
    assert report.mistake == "exception" and "no room" in report.verdict


@pytest.mark.parametrize("first", [0, 1])
def test_a_wrong_rule_whose_caller_counts_from(first):
    def mine(w, grad, m, v, t, lr=0.001):
        t += 1 - first
        m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
        return w - lr * m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t) + 1e-8), m, v

    assert optkit.check(mine, Adam()).mistake == "epsilon-in-root"


def test_the_number_of_a_step_or_of_all_steps():
    def moved(x, g, m, v, t):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        return x - 0.001 * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v

    def step(w, grad_fn, m, v, t):
        return moved(w, grad_fn(w), m, v, t)

    def loop(x, grad_fn, it):
        m = v = 0.0
        for t in range(1, it + 1):
            x, m, v = moved(x, grad_fn(x), m, v, t)
        return x

    assert optkit.check(step, Adam()).ok and optkit.check(loop, Adam()).ok


def test_two_mistakes_and_something_unknown_besides():
    def mine(w, grad, v, t, lr, rho):
        v = rho * (3e-6 if t == 1 else v) + (1 - rho) * grad**2
        return w + lr * grad / (np.sqrt(v / (1 - rho**t)) + 1e-8), v

    report = optkit.check(mine, RMSprop())
    assert set(report.mistake.split(" + ")) == {"ascent", "correction-not-in-method"}, str(report)
    assert "no known mistake explains in full" in report.verdict and "(2) " in report.verdict


@pytest.mark.parametrize("in_gradient, mistake", [(0.0, None), (0.01, "decay-twice")])
def test_weights_that_shrink_after_the_step_by_more_than_the_rate_says(in_gradient, mistake):
    class Mine(RightAdam):
        weight_decay = 0.01

        def update(self, w, grad):
            w = super().update(w, grad + in_gradient * w)
            return w - self.weight_decay * w

    report = optkit.check(Mine, AdamW())
    assert report.mistake == mistake, str(report)
    assert mistake or set(report.dialect.split(" + ")) == {"decay-after-step", "decay-not-scaled"}


def test_three_mistakes_in_a_dialect():
    class Mine:
        lr, weight_decay, m, v, top = 0.001, 0.01, 0.0, 0.0, 0.0

        def update(self, w, grad):
            self.m, self.v = 0.9 * self.m + 0.1 * grad, 0.999 * self.v + 0.001 * grad**2
            self.top = np.maximum(self.top, self.v)
            return w - self.lr * self.m / (np.sqrt(self.top) + 1e-8) + self.weight_decay * w

    report = optkit.check(Mine, AdamW())
    assert set(report.mistake.split(" + ")) == {"no-correction", "decay-added", "is-amsgrad"}, str(report)
    assert report.verdict.startswith("It makes three mistakes")


def test_the_velocity_that_comes_back_passes_near_the_parameters():
    def mine(x, grads_fn, velocity, lr, momentum):
        velocity = momentum * velocity + (1 - momentum) * grads_fn(x - lr * momentum * velocity)
        return x - lr * velocity, velocity

    assert optkit.check(mine, Nesterov()).dialect == "averaged-velocity"


def test_a_name_is_handed_over_only_where_an_array_cannot_be_a_key():
    def mine(w, grad):
        return 0.01 * grad if w else 0.0

    assert optkit.check(TakesNames, AdaGrad()).notes[0].startswith("It was handed a parameter's name")
    assert "one number at a time" in optkit.check(mine, GradientDescent(learning_rate=0.01)).notes[0]


def test_a_layer_may_be_an_array_beside_a_name():
    class Mine(_Kept):
        def update(self, layer, grad, key):
            layer -= _moved(self, key, grad)

    assert optkit.check(Mine, AdaGrad()).ok


def test_a_direction_that_waits_for_its_rate():
    assert optkit.check(CountsAndGivesTheDirection, AdaGrad(learning_rate=1.0)).ok


def test_a_wrong_step_that_comes_back_behind_its_memories():
    def mine(dweights, moment1, moment2):
        moment1 = 0.9 * moment1 + 0.1 * dweights
        moment2 = 0.999 * moment2 + 0.001 * dweights**2
        return moment1, moment2, 0.001 * moment1 / (np.sqrt(moment2) + 1e-8)

    assert optkit.check(mine, Adam()).mistake == "no-correction"


def test_a_misspelt_name_beside_a_method_that_does_nothing():
    class Mine:
        def __init__(self, gamma=0.9):
            self.gamma = gamma

        def update(self, gradient, theta, learning_rate):
            pass

        def __call__(self, theta, gradient, learning_rate):
            return theta - learning_rate * gama * gradient  # noqa: F821

    report = optkit.check(Mine, Momentum())
    assert report.mistake == "exception" and "gama" in report.verdict


def test_code_that_asks_where_it_stood_because_its_steps_have_become_nothing():
    class Mine:
        def __init__(self, gradient, params, step_size=0.001, beta1=0.93, beta2=0.95):
            self.gradient, self.params, self.step_size = gradient, params, step_size
            self.beta1, self.beta2, self.m, self.v, self.t = beta1, beta2, np.zeros(2), np.zeros(2), 0

        def update_params(self):
            g = self.gradient(self.params)
            self.t += 1
            self.m = (self.beta1 * self.m + (1 - self.beta1) * g) / (1 - self.beta1**self.t)
            self.v = (self.beta2 * self.v + (1 - self.beta2) * g**2) / (1 - self.beta2**self.t)
            self.params = self.params - self.step_size * self.m / (np.sqrt(self.v) + 1e-8)

    assert optkit.check(Mine, Adam()).mistake == "hats-stored"


def test_a_function_that_is_not_written_yet():
    def mine(x, g, v, learning_rate, epsilon):
        """Fill me in."""

    assert optkit.check(mine, AdaGrad()).mistake == "nothing-moves"


def test_code_for_one_number_at_a_time_is_said_to_be_so():
    report = optkit.check(FORMS["plain_numbers"][1](right), Adam())
    assert report.ok and any("one number at a time" in note for note in report.notes)


def test_weights_and_biases_with_memories_of_their_own():
    def mine(w, b, dw, db, v_w, v_b, learning_rate=0.01, momentum=0.9):
        v_w, v_b = momentum * v_w + dw, momentum * v_b + db
        return w - learning_rate * v_w, b - learning_rate * v_b, v_w, v_b

    assert optkit.check(mine, Momentum()).ok


def test_a_config_that_must_be_there():
    def mine(w, dw, config):
        v = config["momentum"] * config.get("velocity", np.zeros_like(w)) - config["learning_rate"] * dw
        config["velocity"] = v
        return w + v, config

    assert optkit.check(mine, Momentum()).ok
    assert optkit.check(mine, Momentum(0.5, 0.7)).ok


def test_both_betas_in_one_argument():
    class Mine(RightAdam):
        def __init__(self, lr=0.001, beta=(0.8, 0.9)):
            super().__init__(lr)
            self.beta_pair = beta

        def update(self, w, grad):
            first, second = self.beta_pair
            self.t += 1
            self.m = first * self.m + (1 - first) * grad
            self.v = second * self.v + (1 - second) * grad**2
            m, v = self.m / (1 - first**self.t), self.v / (1 - second**self.t)
            return w - self.lr * m / (np.sqrt(v) + 1e-8)

    assert optkit.check(Mine, Adam()).ok


def test_an_attribute_that_is_not_what_its_name_says():
    class Mine:
        def __init__(self, decay_rate=0.9):
            self.lr, self.s = decay_rate, 0  # the decay

        def update(self, w, grad):
            self.s = self.lr * self.s + (1 - self.lr) * grad**2
            return w - 0.001 * grad / (np.sqrt(self.s) + 1e-8)

    assert optkit.check(Mine, RMSprop()).ok


def test_a_gradient_function_and_the_memory_before_the_parameters():
    def mine(x, velocity, gradient_function, learning_rate, momentum=0.9):
        velocity = momentum * velocity - learning_rate * gradient_function(x)
        return velocity, x + velocity

    assert optkit.check(mine, Momentum()).ok


def test_gradients_that_are_called_after_the_parameters():
    class Mine:
        def GetNewParams(self, params, gparams):
            return [p - 0.01 * g for p, g in zip(params, gparams)]

    assert optkit.check(Mine, GradientDescent()).ok


def test_several_mistakes_are_numbered():
    forms = {known.id: known for known in KNOWN[Adam]}
    report = optkit.check(type_with((forms["no-correction"], forms["ascent"]), Adam)(), Adam())
    assert report.verdict.startswith("It makes two mistakes: (1) it ") and "; (2) it " in report.verdict
    assert "(1) " in report.why and "(2) " in report.why


def test_whole_numbers():
    report = optkit.check(lambda w, grad: (w - 0.01 * grad).astype(int), GradientDescent())
    assert report.mistake == "whole-numbers"


def test_a_step_that_never_ends(monkeypatch):
    monkeypatch.setattr(sys.modules["optkit.checking.check"], "SECONDS", 0.5)

    def forever(w, grad):
        while True:
            try:
                w = w - 1
            except Exception:
                pass

    report = optkit.check(forever, Adam())
    assert report.mistake == "never-ends" and "0.5 seconds of computing" in report.verdict


def test_a_step_that_waits_for_ever(monkeypatch):
    monkeypatch.setattr(sys.modules["optkit.checking.check"], "WAITING", 0.5)

    def asleep(w, grad):
        while True:
            time.sleep(0.01)

    report = optkit.check(asleep, Adam())
    assert report.mistake == "never-ends" and "after 0.5 seconds." in report.verdict


def test_a_busy_machine_does_not_make_code_endless(monkeypatch):
    monkeypatch.setattr(sys.modules["optkit.checking.check"], "SECONDS", 2)

    class Late(RightAdam):
        def update(self, w, grad):
            time.sleep(0.02)  # 40 steps, several times: more than 2 s on the clock, and next to nothing of computing
            return super().update(w, grad)

    assert optkit.check(Late, Adam()).ok


def test_prints_are_dropped(capsys):
    def loud(w, grad):
        print("step")
        return w - 0.01 * grad

    assert optkit.check(loud, GradientDescent()).ok
    assert capsys.readouterr() == ("", "")


def test_state_shared_between_two_optimizers():
    class Mine:
        memory = {}

        def __init__(self, lr=0.01, momentum=0.9):
            self.lr, self.momentum = lr, momentum

        def update(self, w, grad):
            self.memory["v"] = self.momentum * self.memory.get("v", 0) + grad
            return w - self.lr * self.memory["v"]

    assert optkit.check(Mine, Momentum()).mistake == "state-between-instances"
    assert optkit.check(Mine(), Momentum()).mistake == "state-between-instances"
    assert not Mine.memory  # and nothing is left in it


def test_random_steps():
    random = np.random.default_rng(0)
    report = optkit.check(lambda w, grad: w - 0.01 * grad * random.uniform(), GradientDescent())
    assert report.mistake == "state-between-instances"


def test_a_kept_gradient():
    class Mine:
        def __init__(self, lr=0.01, momentum=0.9):
            self.lr, self.momentum, self.last, self.m = lr, momentum, None, 0

        def update(self, w, grad):
            if self.last is not None:
                self.m = self.momentum * (self.m + self.last)
            self.last = grad  # and not a copy
            return w - self.lr * (self.m + grad)

    assert optkit.check(Mine, Momentum()).mistake == "keeps-the-gradient"


def test_changed_gradients_and_parameters_are_said_and_not_called_wrong():
    def mine(w, grad):
        grad *= 0.01
        w -= grad
        return w.copy()

    report = optkit.check(mine, GradientDescent())
    assert report.ok and any("changes the gradient" in note for note in report.notes)


def test_the_candidate_is_left_as_it_was():
    candidate = RightAdam()
    optkit.check(candidate, Adam())
    assert candidate.t == 0 and candidate.m == 0
    memory = {"t": 0}

    def mine(w, grad):
        memory["t"] += 1
        return w - 0.01 * grad

    optkit.check(mine, GradientDescent())
    assert memory == {"t": 0}


def test_one_object_called_for_each_parameter_in_turn():
    class Mine:
        def __init__(self, lr=0.001):
            self.lr, self.t = lr, 0

        def update(self, param, grad, m, v):
            self.t += 1
            m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
            return param - self.lr * m / (1 - 0.9**self.t) / (np.sqrt(v / (1 - 0.999**self.t)) + 1e-8), m, v

    report = optkit.check(Mine, Adam())
    assert report.mistake == "t-per-parameter" and "With one parameter it is right" in report.verdict


# The report

def test_the_report_as_text_table_picture_and_data():
    report = optkit.check(FORMS["dict_in_place"][1](uncorrected), Adam())
    text = str(report)
    assert text.startswith("It leaves out both bias corrections.") and "W1[" in text and "step 1" in text
    table = report._repr_html_()
    assert table.count("<tr>") == len(text.splitlines()) and "<script" not in table
    assert report.picture().startswith(b"\x89PNG") and len(report.drift) == STEPS
    assert "Adam" in report.alternative_text()
    assert json.loads(json.dumps(report.as_dict()))["mistake"] == "no-correction"
    assert f"{report.expected:.3g}" in text and f"{report.got:.3g}" in text


def test_a_right_report_says_so():
    report = optkit.check(RightAdam, Adam())
    assert str(report).startswith("This is Adam.") and report.step is report.mistake is report.drift is None


@pytest.mark.parametrize("rule", [None, "adam", 3, object(), RightAdam])
def test_a_rule_is_needed(rule):
    with pytest.raises(ValueError, match="rule must be one of GradientDescent"):
        optkit.check(RightAdam, rule)


def test_a_form_must_be_known():
    with pytest.raises(ValueError, match="form must be one of new, step"):
        optkit.check(RightAdam, Adam(), form="class")


# From a terminal

@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def descent(w, grad, lr=0.01):\n    return w - lr * grad\n\n"
                    "def ascent(w, grad, lr=0.01):\n    return w + lr * grad\n")
    return path


def test_the_command(file, capsys):
    assert main(["check", f"{file}:descent", "--rule", "GradientDescent"]) == 0
    assert capsys.readouterr().out.startswith("This is GradientDescent.")
    assert main(["check", f"{file}:ascent", "--rule", "gradientdescent", "--with", "learning_rate=0.5", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["mistake"] == "ascent" and report["hyperparameters"] == {"learning_rate": 0.5}


@pytest.mark.parametrize("candidate, settings, said", [
    ("{}:missing", [], "has no missing"), ("nowhere.py:adam", [], "no file nowhere.py"), ("{}", [], "FILE.py:NAME"),
    ("{}:descent", ["--with", "learning_rate=fast"], "NAME=NUMBER"),
    ("{}:descent", ["--with", "speed=1"], "speed"), ("{}:descent", ["--with", "learning_rate=-1"], "learning_rate")])
def test_the_command_says_what_is_missing(file, capsys, candidate, settings, said):
    assert main(["check", candidate.format(file), "--rule", "gradientdescent", *settings]) == 2
    output = capsys.readouterr()
    assert said in output.err and not output.out


def test_a_file_that_cannot_be_imported(tmp_path, capsys):
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    assert main(["check", f"{tmp_path / 'broken.py'}:adam", "--rule", "adam"]) == 2
    assert "nothing_of_this_name" in capsys.readouterr().err


def test_the_command_from_a_shell(file):
    done = subprocess.run([sys.executable, "-m", "optkit", "check", f"{file}:ascent", "--rule", "gradientdescent"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "climbs" in done.stdout and not done.stderr

"""The update rules: against their papers, against Keras, in every life they lead, and what they refuse."""

import copy
import dataclasses
import re
import subprocess
import sys
from dataclasses import dataclass

import keras
import numpy as np
import optree
import pytest
import tensorflow as tf

import probe
from optkit import (AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, Momentum, Nesterov, RMSprop, Rule, sweep,
                    tasks)
from references import KERAS, REFERENCES, polyak, sutskever
from wrong_rules import WRONG

RULES = list(REFERENCES)
SETTINGS = [
    GradientDescent(), GradientDescent(0.3),
    Momentum(), Momentum(0.3, 0.5),
    Nesterov(), Nesterov(0.3, 0.5),
    AdaGrad(), AdaGrad(0.3, 0.1, 1e-3),
    AdaDelta(), AdaDelta(0.3, 0.7, 1e-3),
    RMSprop(), RMSprop(0.3, 0.6, 1e-3),
    Adam(), Adam(0.1, 0.6, 0.8, 1e-3),
    AdaMax(), AdaMax(0.1, 0.6, 0.8, 1e-3),
    AdamW(), AdamW(0.1, 0.6, 0.8, 1e-3, 0.5),
]


def name_of(value):
    """A test's name: a rule says which one it is, a lambda nothing."""
    return value if isinstance(value, str) else getattr(value, "__name__", repr(value)).replace("<lambda>", "")


every_rule = pytest.mark.parametrize("cls", RULES, ids=name_of)


# Against the papers

@pytest.mark.parametrize("rule", SETTINGS, ids=name_of)
def test_rule_is_the_formula_of_its_paper(rule):
    assert probe.difference_from(REFERENCES[type(rule)], rule) <= probe.TOLERANCE


@pytest.mark.parametrize("cls, paper", [(Momentum, polyak), (Nesterov, sutskever)], ids=name_of)
def test_momentum_visits_the_points_of_its_paper(cls, paper):
    stacked = probe.gradients()
    found = probe.displacements(cls(0.1, 0.75), stacked, probe.START, np.ones(probe.STEPS))
    right = {name: paper(g, 0.1, 0.75) for name, g in stacked.items()}
    assert probe.difference(found, right) <= probe.TOLERANCE


def test_defaults_are_the_documented_ones():
    assert [dataclasses.astuple(cls()) for cls in RULES] == [
        (0.01,), (0.01, 0.9), (0.01, 0.9), (0.01, 0.0, 1e-8), (1.0, 0.95, 1e-6), (0.001, 0.9, 1e-8),
        (0.001, 0.9, 0.999, 1e-8), (0.002, 0.9, 0.999, 1e-8), (0.001, 0.9, 0.999, 1e-8, 0.01)]


# The tests above, tested: each mistake, made on purpose, must fail them. Rules that share a mistake share a line.

MISTAKES = {
    (Adam, AdamW): [
        "no correction", "only m corrected", "only v corrected", "divided by 1 - beta without the power",
        "multiplied by it", "t from 0", "hidden by adding epsilon to the correction", "t one ahead", "t counts epochs",
        "t advanced once per parameter", "m overwritten by m hat", "correction applied twice", "epsilon in the root",
        "epsilon added to the weights", "epsilon added to the step", "epsilon in both places", "max(root, epsilon)",
        "no root", "m without (1 - beta_1)", "v without (1 - beta_2)", "v starts at g^2", "betas swapped",
        "v corrected with beta_1", "v from g", "v from abs(g)", "v from (g - m)^2", "stale m and v", "g + epsilon",
        "v starts at 1", "corrected before the average", "m hat computed and m used", "v one scalar per tensor",
        "accumulators updated by += of a blend", "epsilon subtracted"],
    (AdamW,): ["L2 called decoupled decay", "decay not scaled by lr", "decay left out", "decay added",
               "decay divided by the root of v", "decay averaged in m", "decay summed in m",
               "m shrunk and not the weights", "decay in the gradient too", "decay scaled by lr twice",
               "the sign of the weights subtracted"],
    (RMSprop, AdaDelta): ["v = rho v + g^2", "no decay", "rho and 1 - rho swapped", "no root",
                          "bias correction that the method does not have"],
    (RMSprop, AdaGrad, AdaDelta): ["v starts at 1", "stale v", "one cache shared by all weights"],
    (RMSprop,): ["centred without clamping"],
    (AdaGrad,): ["AdaGrad with decay", "AdaGrad without root", "AdaGrad with hidden momentum"],
    (AdaDelta,): ["AdaDelta with the new average in the numerator", "accumulating lr times the step",
                  "accumulating g^2"],
    (AdaMax,): ["no correction of m", "m hat unused", "u corrected too", "root of u", "one maximum over the tensor",
                "no decay of u", "signed maximum", "(1 - beta_2) inside the maximum", "g^2 inside it", "0/0"],
    (Momentum,): ["EMA form", "lr applied twice", "velocity computed and never applied",
                  "velocity indexed by the iteration"],
    (Nesterov,): ["Nesterov before the average", "Nesterov with the old velocity", "look-ahead with the wrong sign",
                  "the new velocity in the old velocity's formula"],
    (Momentum, Nesterov): ["shared velocity"],
    tuple(RULES[1:]): ["state assigned to a loop variable and lost", "state reset every epoch"],
    tuple(RULES): ["ascent", "the update indented under the initialisation", "learning rate compounding",
                   "learning rate boosted", "gradient clipped to positive values"],
    (Adam, AdamW, RMSprop, AdaDelta, AdaMax, Nesterov): ["another rule under the name"],
}


def test_every_known_mistake_is_made():
    named = {(cls, mistake) for classes, mistakes in MISTAKES.items() for cls in classes for mistake in mistakes}
    assert named == set(WRONG)


@pytest.mark.parametrize("setting", [0, 1])
@pytest.mark.parametrize("cls, mistake", WRONG, ids=name_of)
def test_mistake_is_caught(cls, mistake, setting):
    right = [rule for rule in SETTINGS if type(rule) is cls][setting]
    wrong = WRONG[cls, mistake](**dataclasses.asdict(right))
    assert probe.difference_from(REFERENCES[cls], wrong) > 0.01  # not by a hair: the tolerance is 1e-12


def test_centred_rmsprop_without_clamping_ends_in_nan():
    g = np.float32(0.1)
    rule = WRONG[RMSprop, "centred without clamping"](epsilon=0.0)
    state = rule.init(g)
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(300):
            step, state = rule.update(g, state)
            if not np.isfinite(step):
                break
    assert not np.isfinite(step)


# Against Keras's own optimizers

# Exact in float32, by which Keras passes some.
RATE, BETA_1, BETA_2, RHO, DECAY = 2.0**-10, 0.875, 1 - 2.0**-10, 0.875, 1.0


@pytest.fixture
def float64():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


def displacements_in_keras(optimizer, stacked, factors, start):
    rate = float(optimizer.learning_rate.numpy())
    variables = [keras.Variable(start[name]) for name in stacked]
    optimizer.build(variables)

    @tf.function
    def apply(*gradients):
        optimizer.apply(list(gradients), variables)

    history = []
    for i, factor in enumerate(factors):
        optimizer.learning_rate = rate * factor
        apply(*(tf.constant(g[i]) for g in stacked.values()))
        history.append([variable.numpy() for variable in variables])
    return {name: np.array([values[k] for values in history]) - start[name] for k, name in enumerate(stacked)}


def start_for(cls, stacked):
    """At zero, where positions are displacements to the last digit, unless the rule depends on where it is."""
    size = 2.0**-8 if "x" in cls.arguments() else 0.0
    return {name: size * (-1.0) ** np.indices(g.shape[1:]).sum(axis=0) for name, g in stacked.items()}


@every_rule
def test_rule_is_keras_where_epsilon_does_not_count(cls, float64):
    optimizers, small = keras.optimizers, 2.0**-80
    rule, optimizer = {
        GradientDescent: (GradientDescent(RATE), optimizers.SGD(RATE)),
        Momentum: (Momentum(RATE, BETA_1), optimizers.SGD(RATE, BETA_1)),
        Nesterov: (Nesterov(RATE, BETA_1), optimizers.SGD(RATE, BETA_1, nesterov=True)),
        AdaGrad: (AdaGrad(RATE, 0.125, small), optimizers.Adagrad(RATE, 0.125, epsilon=small)),
        AdaDelta: (AdaDelta(RATE, RHO, small), optimizers.Adadelta(RATE, RHO, epsilon=small)),
        RMSprop: (RMSprop(RATE, RHO, small), optimizers.RMSprop(RATE, RHO, epsilon=small)),
        Adam: (Adam(RATE, BETA_1, BETA_2, small), optimizers.Adam(RATE, BETA_1, BETA_2, small)),
        AdaMax: (AdaMax(RATE, BETA_1, BETA_2, small), optimizers.Adamax(RATE, BETA_1, BETA_2, small)),
        AdamW: (AdamW(RATE, BETA_1, BETA_2, small, DECAY), optimizers.AdamW(RATE, DECAY, BETA_1, BETA_2, small)),
    }[cls]
    stacked, constant = probe.gradients(100, sizes=np.logspace(-3, 4, 8)), np.ones(100)
    start = start_for(cls, stacked)
    ours = probe.displacements(rule, stacked, start, constant)
    tolerance = 1e-13 if cls is AdamW else 1e-14  # positions away from zero are rounded
    assert probe.difference(displacements_in_keras(optimizer, stacked, constant, start), ours) <= tolerance


@pytest.mark.parametrize("rule, make, same_as_paper", [
    (GradientDescent(RATE), lambda o: o.SGD(RATE), True),
    (Momentum(RATE, BETA_1), lambda o: o.SGD(RATE, BETA_1), False),
    (Nesterov(RATE, BETA_1), lambda o: o.SGD(RATE, BETA_1, nesterov=True), False),
    (AdaGrad(RATE, 0.0, 1e-7), lambda o: o.Adagrad(RATE, 0.0), False),
    (AdaDelta(RATE, RHO, 1e-7), lambda o: o.Adadelta(RATE, RHO), True),
    (RMSprop(RATE, RHO, 1e-7), lambda o: o.RMSprop(RATE, RHO), False),
    (Adam(RATE, BETA_1, BETA_2, 1e-7), lambda o: o.Adam(RATE, BETA_1, BETA_2), False),
    (AdaMax(RATE, BETA_1, BETA_2, 1e-7), lambda o: o.Adamax(RATE, BETA_1, BETA_2), True),
    (AdamW(RATE, BETA_1, BETA_2, 1e-7, DECAY), lambda o: o.AdamW(RATE, DECAY, BETA_1, BETA_2), False),
], ids=name_of)
def test_keras_speaks_the_dialect_that_we_say_it_does(rule, make, same_as_paper, float64):
    """At its default epsilon, with tiny gradients and a change of rate, which tell its forms from the papers'."""
    stacked, factors = probe.gradients(100), np.where(np.arange(100) < 50, 1.0, 0.25)
    start = start_for(type(rule), stacked)
    theirs = displacements_in_keras(make(keras.optimizers), stacked, factors, start)
    assert probe.difference(theirs, probe.expected(KERAS[type(rule)], rule, stacked, start, factors)) <= 1e-13
    ours = probe.displacements(rule, stacked, start, factors)
    assert probe.difference(theirs, ours) <= 1e-13 if same_as_paper else probe.difference(theirs, ours) > 0.5


def test_keras_starts_adagrad_at_a_tenth(float64):
    stacked, factors = probe.gradients(100), np.ones(100)
    start = start_for(AdaGrad, stacked)
    theirs = displacements_in_keras(keras.optimizers.Adagrad(RATE), stacked, factors, start)
    tenth = AdaGrad(RATE, 0.1, 1e-7)
    right = probe.expected(KERAS[AdaGrad], tenth, stacked, start, factors)
    assert probe.difference(theirs, right) <= 1e-8  # Keras rounds this one number to float32
    assert probe.difference(probe.displacements(AdaGrad(RATE, 0.0, 1e-7), stacked, start, factors), right) > 0.5


# Many runs at once

SWEPT = {"learning_rate": [0.5, 0.01, 0.1], "momentum": [0.0, 0.9, 0.5], "rho": [0.95, 0.0, 0.6],
         "beta_1": [0.9, 0.0, 0.3], "beta_2": [0.5, 0.999, 0.9], "epsilon": [1e-8, 0.1, 1e-3],
         "initial_accumulator": [0.0, 0.1, 2.0], "weight_decay": [0.0, 0.01, 0.5]}
FIELDS = [(cls, field.name) for cls in RULES for field in dataclasses.fields(cls)]
SHAPES = [(3,), (3, 2), (3, 3), (3, 4, 2), (3, 2, 3), (3, 2, 5, 2), (3, 3, 3, 3)]


def updated(rule, leaf, steps=3):
    """The last step and the memory after a few steps with a gradient that changes."""
    state = rule.init(leaf)
    for i in range(steps):
        step, state = rule.update(leaf * (1 - 0.75 * i), state, leaf)
    return [step, *(state[slot] for slot in rule.slots())]


def assert_batched_equals_one_by_one(batched, singles, shape, library):
    leaf = np.random.default_rng(3).normal(size=shape)
    convert = np.asarray if library is np else tf.constant
    together = updated(batched, convert(leaf))
    for i, single in enumerate(singles):
        for many, one in zip(together, updated(single, convert(leaf[i])), strict=True):
            np.testing.assert_allclose(np.asarray(many)[i], np.asarray(one), rtol=1e-14, atol=0)


@pytest.mark.parametrize("library", [np, tf], ids=name_of)
@pytest.mark.parametrize("cls, field", FIELDS, ids=name_of)
def test_swept_hyperparameter_equals_the_rules_one_by_one(cls, field, library):
    singles = [cls(**{field: value}) for value in SWEPT[field]]
    for shape in SHAPES:
        assert_batched_equals_one_by_one(cls(**{field: np.array(SWEPT[field])}), singles, shape, library)


@pytest.mark.parametrize("library", [np, tf], ids=name_of)
@every_rule
def test_all_hyperparameters_swept_together(cls, library):
    names = [field.name for field in dataclasses.fields(cls)]
    singles = [cls(**{name: SWEPT[name][i] for name in names}) for i in range(3)]
    assert_batched_equals_one_by_one(cls(**{name: SWEPT[name] for name in names}), singles, (3, 3, 2), library)


@pytest.mark.parametrize("library", [np, tf], ids=name_of)
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (4, 3)], ids=str)
def test_leaf_without_a_row_for_every_run_is_refused(shape, library):
    params = {"weights": np.zeros((3, 2)) if library is np else tf.zeros((3, 2), "float64"),
              "bias": np.zeros(shape) if library is np else tf.zeros(shape, "float64")}
    rule = Adam(epsilon=[1e-8, 1e-6, 1e-4])
    with pytest.raises(ValueError, match=r"epsilon .*3 runs.*\['bias'\]"):
        rule.init(params)
    with pytest.raises(ValueError, match=r"epsilon .*3 runs.*gradient\['bias'\]"):
        rule.update(params, Adam().init(params))


def test_a_grid_of_rates_and_decays_trains_each_run_by_its_own_pair():
    task, rates, decays = tasks.linear_regression(), [0.03, 0.3], [0.0, 0.1, 1.0]
    together = sweep(AdamW(), task, learning_rate=rates, weight_decay=decays, seeds=[0, 1], steps=20, batch_size=32)
    assert list(together.grid) == ["learning_rate", "weight_decay"] and together.validation_loss.shape == (2, 3, 2)
    for i, rate in enumerate(rates):
        for j, decay in enumerate(decays):
            rule = AdamW(weight_decay=decay) if decay else Adam()
            alone = sweep(rule, task, learning_rate=[rate], seeds=[0, 1], steps=20, batch_size=32)
            np.testing.assert_allclose(together.validation_loss[i, j], alone.validation_loss[0], rtol=1e-4)


@every_rule
def test_lengths_that_tensorflow_learns_later(cls):
    swept = cls(learning_rate=[0.5, 0.25, 0.125])

    @tf.function(input_signature=[tf.TensorSpec([None, None], "float64")])
    def compiled(leaf):
        return updated(swept, leaf)

    leaf = tf.constant(np.random.default_rng(4).normal(size=(3, 2)))
    for found, right in zip(compiled(leaf), updated(swept, leaf), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-13)


# Any nest

def flat(nest):
    return optree.tree_leaves(nest)


@pytest.mark.parametrize("arrange", [
    lambda a, b, c: {"w": a, "b": b, "s": c}, lambda a, b, c: [a, b, c], lambda a, b, c: (a, b, c),
    lambda a, b, c: {"layers": [(a, b), {"scale": c}]}, lambda a, b, c: [{"z": a, "a": b}, [[c]]],
], ids=["dict", "list", "tuple", "nested", "keys out of order"])
@every_rule
def test_nest_is_updated_array_by_array(cls, arrange):
    random = np.random.default_rng(5)
    arrays = [random.normal(size=shape) for shape in [(2, 3), (3,), ()]]
    params, rule = arrange(*arrays), cls()
    state = rule.init(params)
    alone = [rule.init(array) for array in flat(params)]
    for i in range(4):
        gradient = optree.tree_map(lambda array: array * (i - 1), params)
        step, state = rule.update(gradient, state, params)
        assert optree.tree_structure(step) == optree.tree_structure(params)
        for k, g in enumerate(flat(gradient)):
            one, alone[k] = rule.update(g, alone[k], flat(params)[k])
            np.testing.assert_array_equal(flat(step)[k], one)
            for slot in rule.slots():
                np.testing.assert_array_equal(flat(state[slot])[k], alone[k][slot])
    assert state["t"] == 4 and set(state) == {"t", *rule.slots()}


# Types and libraries

def loop(rules, stacked, params):
    """All rules over all gradients in one compiled loop: the displacements and the final states."""
    steps = len(stacked["columns"])
    zeros = {name: tf.zeros_like(value) for name, value in params.items()}

    def body(i, moved, states):
        results = [rule.update({name: g[i] for name, g in stacked.items()}, state,
                               {name: params[name] + way[name] for name in params})
                   for rule, state, way in zip(rules, states, moved)]
        moved = [{name: m[name] - step[name] for name in m} for m, (step, _) in zip(moved, results)]
        return i + 1, moved, [state for _, state in results]

    start = (0, [zeros] * len(rules), [rule.init(params) for rule in rules])
    _, moved, states = tf.while_loop(lambda i, *_: i < steps, body, start)
    return moved, states


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compiled", [True, False], ids=["XLA", "tf.function"])
def test_compiled_loop_keeps_the_dtype_and_agrees_with_numpy(compiled, dtype):
    rules, stacked = [cls() for cls in RULES], probe.gradients()
    tensors = {name: tf.constant(g, dtype) for name, g in stacked.items()}
    params = {name: tf.constant(value, dtype) for name, value in probe.START.items()}
    moved, states = tf.function(lambda tensors: loop(rules, tensors, params), jit_compile=compiled)(tensors)
    assert {leaf.dtype.name for leaf in tf.nest.flatten(moved)} == {dtype}
    assert {leaf.dtype.name for state in states for slot in state.keys() - {"t"}
            for leaf in tf.nest.flatten(state[slot])} == {dtype}
    assert all(int(state["t"]) == probe.STEPS and state["t"].dtype == "int64" for state in states)
    for rule, found in zip(rules, moved):
        right = probe.displacements(rule, stacked, probe.START, np.ones(probe.STEPS))
        for name in right:
            farthest = np.abs(right[name]).max(axis=0)
            worst = (np.abs(found[name].numpy() - right[name][-1]) / farthest).max()
            assert worst <= (1e-12 if dtype == "float64" else 3e-4), (rule, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("convert", [np.asarray, tf.constant, tf.Variable], ids=["NumPy", "tensor", "variable"])
@every_rule
def test_dtype_is_kept(cls, convert, dtype):
    plain, swept = cls(), cls(learning_rate=np.array([0.1, 0.2]))
    for rule, shape in [(plain, ()), (plain, (2, 3)), (swept, (2, 3))]:
        params = [convert(np.full(shape, 0.5, dtype))]
        state = rule.init(params)
        for _ in range(2):
            step, state = rule.update(params, state, params)
            leaves = [*step, *(state[slot][0] for slot in rule.slots())]
            assert [np.dtype(leaf.dtype if convert is np.asarray else leaf.dtype.name) for leaf in leaves] == (
                [np.dtype(dtype)] * len(leaves))
            assert all(tuple(leaf.shape) == shape for leaf in leaves)


@every_rule
def test_float32_rounds_hyperparameters_once(cls):
    """A tensor in float32 sees 0.999 rounded to float32, and a tensor in float64 sees all of it."""
    for dtype in ("float32", "float64"):
        g = np.array([0.25, -3.0], dtype)
        ours, _ = cls().update(g, cls().init(g), g)
        theirs, _ = cls().update(tf.constant(g), cls().init(tf.constant(g)), tf.constant(g))
        np.testing.assert_allclose(theirs.numpy(), ours, rtol=4 * np.finfo(dtype).eps)


def test_tensors_as_hyperparameters():
    g = tf.constant([[1.0, 2.0], [3.0, 4.0]], "float64")
    rates = tf.constant([0.5, 0.25], "float64")
    expected, _ = GradientDescent(np.array([0.5, 0.25])).update(g, {"t": 0})

    @tf.function
    def traced(rates):
        return GradientDescent(rates).update(g, {"t": 0})[0]

    np.testing.assert_array_equal(GradientDescent(rates).update(g, {"t": 0})[0], expected)
    np.testing.assert_array_equal(traced(rates), expected)


# Purity

@every_rule
def test_nothing_is_changed_in_place(cls):
    params = {"w": np.linspace(-1, 1, 6).reshape(2, 3), "b": np.array([1.0, 2.0])}
    gradient = {name: 3 * value - 1 for name, value in params.items()}
    rule = cls()
    _, state = rule.update(gradient, rule.init(params), params)
    for nest in (params, gradient, *(state[slot] for slot in rule.slots())):
        for array in flat(nest):
            array.flags.writeable = False
    before = copy.deepcopy((params, gradient, state))
    first, second = rule.update(gradient, state, params), rule.update(gradient, state, params)
    np.testing.assert_equal((params, gradient, state), before)
    np.testing.assert_equal(first, second)
    assert first[1]["t"] == state["t"] + 1


@every_rule
def test_variables_are_not_changed(cls):
    params = [tf.Variable([1.0, -2.0])]
    rule = cls()
    state = rule.init(params)
    first, second = rule.update(params, state, params), rule.update(params, state, params)
    np.testing.assert_array_equal(params[0], [1.0, -2.0])
    np.testing.assert_array_equal(first[0][0], second[0][0])
    assert all(not np.any(np.asarray(state[slot][0])) for slot in rule.slots())


def test_rules_are_frozen_and_hold_copies():
    rates = np.array([0.1, 0.2])
    rule = GradientDescent(rates)
    rates[0] = 7
    assert rule.learning_rate[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        rule.learning_rate[0] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.learning_rate = 7


# What is refused

@pytest.mark.parametrize("bad", [
    -0.1, float("nan"), float("inf"), -float("inf"), "0.1", "fast", b"0.1", None, 1j, {}, [], np.array([]),
    np.ones((2, 2)), [0.1, -0.1], [0.1, float("nan")], [0.1, None], ["0.1"], np.array([0.1j]), [[0.1], [0.2, 0.3]],
], ids=repr)
def test_bad_hyperparameter_is_refused(bad):
    for cls, field in FIELDS:
        with pytest.raises(ValueError, match=f"^{cls.__name__}: {field} must .*, got "):
            cls(**{field: bad})


@pytest.mark.parametrize("cls, field", [(cls, field) for cls, field in FIELDS
                                        if field in ("momentum", "rho", "beta_1", "beta_2")], ids=name_of)
def test_decay_of_one_or_more_is_refused(cls, field):
    for bad in (1, 1.5, [0.9, 1.0]):
        with pytest.raises(ValueError, match=re.escape(f"{field} must lie in [0, 1), got {bad}")):
            cls(**{field: bad})
    cls(**{field: 0})


@pytest.mark.parametrize("cls, field", [(cls, field) for cls, field in FIELDS
                                        if field in ("learning_rate", "epsilon", "initial_accumulator",
                                                     "weight_decay")], ids=name_of)
def test_range_is_named(cls, field):
    with pytest.raises(ValueError, match=f"{field} must be finite and at least 0, got -1"):
        cls(**{field: -1})
    cls(**{field: 0}), cls(**{field: 1000})


def test_tensor_is_checked_unless_it_is_traced():
    with pytest.raises(ValueError, match="learning_rate must be finite and at least 0"):
        GradientDescent(tf.constant(-1.0))

    @tf.function
    def traced(rate):
        return GradientDescent(rate).update(tf.constant([1.0]), {"t": 0})[0]

    assert traced(tf.constant(-1.0)).numpy() == [-1.0]


@every_rule
def test_sparse_gradients_are_densified(cls):
    dense = np.array([[0.0, 0.0], [4.0, -1.0], [0.0, 0.0], [2.0, 0.0]])
    slices = tf.IndexedSlices(tf.constant([[1.0, 0.0], [2.0, 0.0], [3.0, -1.0]], "float64"), tf.constant([1, 3, 1]),
                              dense_shape=tf.constant([4, 2]))
    sparse = tf.SparseTensor([[1, 0], [1, 1], [3, 0]], tf.constant([4.0, -1.0, 2.0], "float64"), [4, 2])
    rule = cls()
    expected, after = updated_twice(rule, {"table": tf.constant(dense)}, dense)
    for gradient in (slices, sparse):
        step, state = updated_twice(rule, {"table": gradient}, dense)
        np.testing.assert_array_equal(step["table"], expected["table"])
        for slot in rule.slots():
            np.testing.assert_array_equal(state[slot]["table"], after[slot]["table"])


def updated_twice(rule, gradient, params):
    params = {"table": tf.constant(params)}
    _, state = rule.update(gradient, rule.init(params), params)
    return rule.update(gradient, state, params)


def test_gradient_of_an_embedding_is_densified_in_a_compiled_function():
    table = tf.Variable(np.arange(8.0).reshape(4, 2))

    @tf.function
    def one_step(indices):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(table, indices))
        gradient = tape.gradient(loss, table)
        assert isinstance(gradient, tf.IndexedSlices)
        return GradientDescent(1.0).update(gradient, {"t": 0})[0]

    np.testing.assert_array_equal(one_step([1, 3, 1]), [[0, 0], [2, 2], [0, 0], [1, 1]])


GOOD = {"w": np.ones((2, 3)), "b": np.ones(3)}


@pytest.mark.parametrize("bad, complaint", [
    ({"w": np.ones((2, 3)), "b": None}, r"gradient\['b'\] is None"),
    ({"w": np.ones((2, 3)), "b": np.ones(3, "int64")}, r"gradient\['b'\] has the dtype int64"),
    ({"w": np.ones((2, 3)), "b": np.ones(3, "float16")}, r"gradient\['b'\] has the dtype float16"),
    ({"w": np.ones((2, 3)), "b": tf.ones(3, "bfloat16")}, r"gradient\['b'\] has the dtype bfloat16"),
    ({"w": np.ones((2, 3)), "b": np.ones(3, bool)}, r"gradient\['b'\] has the dtype bool"),
    ({"w": np.ones((2, 3)), "b": "text"}, r"gradient\['b'\] has the dtype"),
    ({"w": np.ones((2, 3)), "b": np.ones(4)}, r"gradient\['b'\] has the shape \(4,\)"),
    ({"w": np.ones((2, 3)), "b": np.ones((3, 1))}, r"gradient\['b'\] has the shape \(3, 1\)"),
    ({"w": np.ones((2, 3)), "b": np.ones(3, "float32")}, r"gradient\['b'\] .* float32.* float64"),
    ({"w": np.ones((2, 3))}, "differ in structure"),
    ({"w": np.ones((2, 3)), "b": np.ones(3), "c": np.ones(3)}, "differ in structure"),
    ([np.ones((2, 3)), np.ones(3)], "differ in structure"),
    ({}, "gradient holds no array"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_gradient_that_does_not_fit_is_refused(bad, complaint):
    rule = Adam()
    state = rule.init(GOOD)
    with pytest.raises(ValueError, match=complaint):
        rule.update(bad, state)


def test_tensor_that_does_not_fit_is_refused():
    state = Adam().init([tf.ones((2, 3))])
    with pytest.raises(ValueError, match=r"gradient\[0\] has the shape \(2, 4\)"):
        Adam().update([tf.ones((2, 4))], state)
    with pytest.raises(ValueError, match=r"gradient\[0\] is None"):
        Adam().update([None], state)


@pytest.mark.parametrize("bad, complaint", [
    ({"w": None}, r"params\['w'\] is None"), ({"w": np.ones(3, "int32")}, r"params\['w'\] has the dtype int32"),
    ([], "params holds no array"), ({"w": tf.ones(3, "float16")}, r"params\['w'\] has the dtype float16"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_params_that_do_not_fit_are_refused(bad, complaint):
    with pytest.raises(ValueError, match=complaint):
        Adam().init(bad)


# Rules of one's own

def test_rule_that_uses_the_parameters_asks_for_them():
    rule, params = AdamW(), {"w": np.ones(3)}
    with pytest.raises(ValueError, match=r"AdamW uses the parameters: call update\(gradient, state, params\)"):
        rule.update(params, rule.init(params))
    with pytest.raises(ValueError, match=r"gradient\['w'\] has the shape \(3,\) .* but x has \(2,\)"):
        rule.update(params, rule.init(params), {"w": np.ones(2)})
    with pytest.raises(ValueError, match="gradient and params differ in structure"):
        rule.update(params, rule.init(params), [np.ones(3)])


def test_step_must_hand_its_memory_back():
    @dataclass(frozen=True)
    class Forgetful(Rule):
        learning_rate: float = 0.1

        def step(self, xp, t, g, m, v):
            return self.learning_rate * g, m

    with pytest.raises(ValueError, match="Forgetful.step must return the step, m, v; it returned 2 values"):
        Forgetful().update(np.ones(2), Forgetful().init(np.ones(2)))


def test_own_hyperparameter_must_be_finite():
    @dataclass(frozen=True)
    class Drifting(Rule):
        drift: float = 0.0

        def step(self, xp, t, g):
            return g + self.drift

    assert Drifting(-1.0).drift == -1.0
    for bad in ("nan", "inf", "-inf"):
        with pytest.raises(ValueError, match=f"drift must be finite, got {bad}"):
            Drifting(float(bad))


def test_importing_optkit_imports_neither_tensorflow_nor_matplotlib():
    code = "import sys, optkit; print([name for name in ('tensorflow', 'keras', 'matplotlib') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

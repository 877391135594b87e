"""Many trainings in one program: each must be the training that one would do by hand."""

import hashlib
import random
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import optkit
from optkit import (AdaDelta, AdaGrad, Adam, AdaMax, GradientDescent, Momentum, Nesterov, RMSprop, Rule, memory, models,
                    sweep, tasks, training)
from optkit.hardware import keras, tensorflow as tf

RULES = [GradientDescent, Momentum, Nesterov, AdaGrad, AdaDelta, RMSprop, Adam, AdaMax]


def network(*layers, inputs=3):
    """A model factory."""
    return lambda: keras.Sequential([keras.Input((inputs,)), *(layer() for layer in layers)])


def dense(units, **arguments):
    return lambda: keras.layers.Dense(units, **arguments)


def blobs(model=network(dense(4, activation="tanh"), dense(3)), examples=20,
          loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), classes=3):
    """A small task with class labels."""
    generator = np.random.default_rng(5)

    def part():
        labels = generator.integers(0, classes, examples)
        return generator.normal(0, 0.5, (examples, 3)) + np.eye(3)[labels % 3], labels
    return optkit.Task(model, loss, part(), part(), part())


BLOBS = blobs()


def short(rule=GradientDescent(), task=BLOBS, **arguments):
    """A sweep that is over soon, unless the arguments say otherwise."""
    return sweep(rule, task, **{"seeds": (3, 4), "steps": 3, "batch_size": 8} | arguments)


def digest(result):
    arrays = [result.loss, result.train_loss, result.validation_loss, result.test_loss, *result.weights]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def orders(examples, seed, steps, batch_size):
    """Which rows each step takes, as the documentation of ``sweep`` has it."""
    generator, rows = np.random.default_rng(seed), []
    while len(rows) < steps:
        epoch = generator.permutation(examples)
        rows += [epoch[i:i + batch_size] for i in range(0, examples - batch_size + 1, batch_size)]
    return rows[:steps]


def by_hand(rule, task, weights, rows, factors=None):
    """One run, the plain way: ``(losses, weights)``."""
    model = task.model()
    model.set_weights(weights)
    state = rule.init(weights)
    losses = []
    for t, batch in enumerate(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(task.loss(task.train[1][batch], model(task.train[0][batch], training=True)))
            loss += sum(model.losses)
        gradient = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, model.trainable_variables)]
        factor = 1 if factors is None else factors[t]
        step, state = replace(rule, learning_rate=rule.learning_rate * factor).update(gradient, state)
        model.set_weights([w - s for w, s in zip(model.get_weights(), step)])
        losses.append(float(loss))
    return losses, model.get_weights()


def start_of(task, seed):
    """The initial weights: those of a run that does not move."""
    still = sweep(GradientDescent(), task, learning_rate=0, seeds=seed, steps=1, batch_size=1)
    return [array[0, 0] for array in still.weights]


# What a sweep computes

@pytest.mark.parametrize("rule", [GradientDescent(), Adam(beta_1=0.8)])
def test_one_step_of_every_run_is_the_step_of_a_plain_loop(rule):
    rates = [0.001, 0.1]
    result = short(rule, learning_rate=rates, steps=1)
    for i, rate in enumerate(rates):
        for j, seed in enumerate(result.seeds):
            start = start_of(BLOBS, seed)
            losses, weights = by_hand(replace(rule, learning_rate=rate), BLOBS, start, orders(20, seed, 1, 8))
            np.testing.assert_allclose(result.loss[i, j], losses, rtol=1e-6)
            for ours, plain, before in zip(result.weights, weights, start):
                np.testing.assert_allclose(ours[i, j] - before, plain - before, rtol=1e-4, atol=2e-7)


@pytest.mark.parametrize("rule", [Momentum(), Adam()])
def test_many_steps_and_a_schedule_follow_a_plain_loop(rule):
    factors = np.array([1, 0.5, 0, 2, 1, 0.25, 1.5])
    result = short(rule, learning_rate=[0.02, 0.05], steps=7, schedule=lambda t: factors[t])
    for i, rate in enumerate([0.02, 0.05]):
        for j, seed in enumerate(result.seeds):
            losses, weights = by_hand(type(rule)(rate), BLOBS, start_of(BLOBS, seed), orders(20, seed, 7, 8), factors)
            np.testing.assert_allclose(result.loss[i, j], losses, rtol=1e-4)
            for ours, plain in zip(result.weights, weights):
                np.testing.assert_allclose(ours[i, j], plain, rtol=1e-3, atol=1e-5)


def test_the_schedule_sees_the_steps_already_made():
    seen = []
    short(learning_rate=0.1, steps=4, schedule=lambda t: seen.append(t) or t + 1)
    assert seen[0].tolist() == [0, 1, 2, 3]


def test_losses_after_training_are_those_of_the_trained_weights():
    result = short(learning_rate=[0.01, 0.3], steps=5)
    model = BLOBS.model()
    for i in range(2):
        for j in range(2):
            model.set_weights([array[i, j] for array in result.weights])
            for part in ("train", "validation", "test"):
                inputs, targets = getattr(BLOBS, part)
                outputs = model(inputs)
                np.testing.assert_allclose(getattr(result, part + "_loss")[i, j], BLOBS.loss(targets, outputs),
                                           rtol=1e-5)
            share = np.mean(np.argmax(outputs, axis=-1) == targets)
            np.testing.assert_allclose(result.test_accuracy[i, j], share, rtol=1e-6)


def test_shapes_and_grid_of_several_hyperparameters_in_the_order_given():
    result = short(Momentum(), momentum=[0.0, 0.5, 0.9], learning_rate=[0.1, 0.2], seeds=(0, 1, 2, 3), steps=2)
    assert list(result.grid) == ["momentum", "learning_rate"]
    assert result.grid["learning_rate"].tolist() == [0.1, 0.2]
    assert result.seeds == (0, 1, 2, 3) and result.rule == Momentum() and result.task is BLOBS
    assert result.loss.shape == (3, 2, 4, 2)
    for array in (result.train_loss, result.validation_loss, result.test_loss, result.test_accuracy, result.diverged):
        assert array.shape == (3, 2, 4)
    assert [array.shape for array in result.weights] == [(3, 2, 4, 3, 4), (3, 2, 4, 4), (3, 2, 4, 4, 3), (3, 2, 4, 3)]
    alone = short(Momentum(), momentum=0.9, learning_rate=0.1, seeds=2, steps=2)
    assert alone.loss.shape == (1, 1, 1, 2)
    np.testing.assert_allclose(result.loss[2, 0, 2], alone.loss[0, 0, 0], rtol=1e-5)


def test_a_sweep_of_nothing_but_seeds_takes_the_rule_as_it_is():
    result = short(Adam(0.05))
    assert result.grid == {} and result.loss.shape == (2, 3)
    np.testing.assert_allclose(result.loss, short(Adam(), learning_rate=0.05).loss[0], rtol=1e-5)


def test_more_runs_than_one_piece_holds():
    """45 runs are cut into three pieces; each run must come out at its own place, and the filling not at all."""
    rates, seeds = np.logspace(-3, -1, 9), range(5)
    result = short(learning_rate=rates, seeds=seeds, steps=2)
    np.testing.assert_array_equal(result.grid["learning_rate"], rates)
    for i in range(9):
        np.testing.assert_allclose(result.loss[i], short(learning_rate=rates[i], seeds=seeds, steps=2).loss[0],
                                   rtol=1e-5)
    many = short(learning_rate=np.linspace(0.01, 0.02, 37), seeds=0, steps=2)
    assert many.loss.shape == (37, 1, 2)
    assert (np.diff(many.loss[:, 0, 1]) < 0).all()  # a little further down with every larger rate


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_fits_a_line_as_a_plain_loop_does(rule):
    task = tasks.linear_regression()
    result = sweep(rule(), task, seeds=(0, 1), steps=30, batch_size=32)
    for j, seed in enumerate((0, 1)):
        weights = start_of(task, seed)
        losses, _ = by_hand(rule(), task, weights, orders(600, seed, 4, 32))
        np.testing.assert_allclose(result.loss[j, :4], losses, rtol=1e-5)
        inputs, targets = task.train
        assert result.train_loss[j] < np.mean((inputs @ weights[0] + weights[1] - targets) ** 2)
    assert not result.diverged.any() and result.test_accuracy is None


def test_regularisers_are_part_of_the_loss_and_of_its_gradient():
    task = blobs(network(dense(3, kernel_regularizer=keras.regularizers.L2(0.5))))
    result = short(GradientDescent(0.1), task, steps=2, batch_size=20)
    model = task.model()
    for j, seed in enumerate(result.seeds):
        losses, weights = by_hand(GradientDescent(0.1), task, start_of(task, seed), orders(20, seed, 2, 20))
        np.testing.assert_allclose(result.loss[j], losses, rtol=1e-5)
        np.testing.assert_allclose(result.weights[0][j], weights[0], rtol=1e-4, atol=1e-6)
        model.set_weights(weights)
        plain = task.loss(task.test[1], model(task.test[0]))
        np.testing.assert_allclose(result.test_loss[j], plain + sum(model.losses), rtol=1e-4)


# What a seed decides

def telltale():
    """A task whose loss gives the batch away: the sum of the powers of two of its rows."""
    inputs, targets = np.zeros((11, 3)), 2.0 ** np.arange(11)[:, None]
    part = (inputs, targets)
    return optkit.Task(network(dense(1)), lambda targets, outputs: targets[:, 0] + 0 * outputs[:, 0], part, part, part)


def taken(losses, batch_size):
    """The rows of each batch, read from its loss."""
    return [[row for row in range(11) if int(round(loss * batch_size)) >> row & 1] for loss in losses]


def test_each_epoch_is_a_permutation_and_drops_the_remainder():
    result = sweep(GradientDescent(), telltale(), learning_rate=0, seeds=range(3), steps=10, batch_size=4)
    orders_seen = set()
    for losses in result.loss[0]:
        batches = taken(losses, 4)
        assert all(len(batch) == 4 for batch in batches)
        for first, second in zip(batches[::2], batches[1::2]):  # two batches of 4 an epoch; 3 rows are left over
            assert not set(first) & set(second)
        orders_seen.add(str(batches))
        assert len({str(batches[i:i + 2]) for i in range(0, 10, 2)}) == 5  # a fresh permutation each epoch
    assert len(orders_seen) == 3


def test_one_batch_of_all_and_batches_of_one():
    everything = sweep(GradientDescent(), telltale(), learning_rate=0, seeds=1, steps=2, batch_size=11)
    assert taken(everything.loss[0, 0], 11) == [list(range(11))] * 2
    single = sweep(GradientDescent(), telltale(), learning_rate=0, seeds=1, steps=22, batch_size=1)
    rows = [batch[0] for batch in taken(single.loss[0, 0], 1)]
    assert sorted(rows[:11]) == sorted(rows[11:]) == list(range(11)) and rows[:11] != rows[11:]


def test_weights_and_order_depend_on_the_seed_alone():
    task = telltale()
    known = sweep(GradientDescent(), task, learning_rate=0, seeds=7, steps=4, batch_size=4)
    others = [sweep(Adam(), task, learning_rate=0, seeds=7, steps=4, batch_size=4),
              sweep(Adam(), task, learning_rate=[0.5, 0, 1], seeds=(2, 7, 9), steps=4, batch_size=4),
              sweep(Momentum(), task, momentum=[0.1, 0.2], learning_rate=0, seeds=(7, 0), steps=4, batch_size=4),
              sweep(GradientDescent(), telltale(), learning_rate=0, seeds=(1, 2, 7), steps=4, batch_size=4)]
    for other in others:
        place = other.seeds.index(7)
        for setting in np.ndindex(other.loss.shape[:-2]):
            np.testing.assert_array_equal(other.loss[setting][place], known.loss[0, 0])
        still = (0,) * (other.loss.ndim - 2) if other is not others[1] else (1,)
        for ours, array in zip(other.weights, known.weights):
            np.testing.assert_array_equal(ours[still][place], array[0, 0])


def test_two_seeds_start_differently():
    first, second = start_of(BLOBS, 0), start_of(BLOBS, 1)
    assert not np.array_equal(first[0], second[0]) and not np.array_equal(first[2], second[2])


def test_the_same_seeds_give_the_same_bytes_twice():
    arguments = {"learning_rate": [0.01, 0.1, 1], "seeds": range(7), "steps": 20}
    assert digest(short(Adam(), **arguments)) == digest(short(Adam(), **arguments)) == \
        digest(short(Adam(), blobs(), **arguments))  # a task of its own: nothing is remembered


def test_the_same_seeds_give_the_same_bytes_in_another_process():
    program = ("import sys; sys.path.insert(0, 'tests'); from test_sweep import *; "
               "print(digest(short(Adam(), learning_rate=[0.01, 0.1, 1], seeds=range(7), steps=20)))")
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                           cwd=optkit.__path__[0] + "/..")
    assert other.stdout.strip() == digest(short(Adam(), learning_rate=[0.01, 0.1, 1], seeds=range(7), steps=20))


def draws():
    return [random.random(), np.random.rand(), float(tf.random.uniform(())), float(keras.random.uniform(()))]


def test_global_random_state_is_neither_used_nor_changed():
    keras.utils.set_random_seed(1)
    expected = draws()
    keras.utils.set_random_seed(1)
    first = short(Adam(), blobs())  # a task of its own, so that its weights are drawn now
    assert draws() == expected
    keras.utils.set_random_seed(2)
    assert digest(short(Adam(), blobs())) == digest(first)


def test_random_state_is_restored_when_the_model_cannot_be_made():
    before = random.getstate()
    with pytest.raises(ZeroDivisionError):
        short(task=blobs(lambda: 1 / 0))
    assert random.getstate() == before


# Runs that diverge

def test_runs_that_overflow_are_infinite_and_never_nan():
    result = sweep(GradientDescent(), tasks.linear_regression(), learning_rate=[0.001, 10.0, 1e30], seeds=(0, 1),
                   steps=60, batch_size=16)
    assert result.diverged.tolist() == [[False] * 2, [True] * 2, [True] * 2]
    for array in (result.loss[..., -1], result.train_loss, result.validation_loss, result.test_loss):
        assert np.isfinite(array[0]).all() and np.isposinf(array[1:]).all()
    assert np.isfinite(result.loss[0]).all() and not np.isnan(result.loss).any()
    assert np.isfinite(result.loss[1, :, 0]).all()  # it began like the others
    assert (np.diff(np.isinf(result.loss).astype(int), axis=-1) >= 0).all()  # once infinite, always infinite


def test_runs_that_end_above_their_start_are_infinite_though_finite_until_then():
    result = sweep(GradientDescent(), tasks.linear_regression(), learning_rate=[0.001, 0.05], seeds=0, steps=5,
                   batch_size=600)
    assert result.diverged.tolist() == [[False], [True]]
    assert np.isfinite(result.loss[1, 0, :-1]).all() and np.isposinf(result.loss[1, 0, -1])
    assert np.isposinf([result.train_loss[1, 0], result.validation_loss[1, 0], result.test_loss[1, 0]]).all()
    assert np.isfinite(result.weights[0]).all()


def test_diverged_runs_have_no_accuracy_and_leave_their_neighbours_alone():
    result = short(learning_rate=[0.1, 1e38, 0.1], steps=6)
    assert result.diverged.tolist() == [[False] * 2, [True] * 2, [False] * 2]
    assert (result.test_accuracy[1] == 0).all() and (result.test_accuracy[[0, 2]] > 0).all()
    np.testing.assert_array_equal(result.loss[0], result.loss[2])
    assert np.isfinite(result.loss[0]).all()


def test_a_run_that_breaks_in_its_last_update_has_diverged():
    result = short(learning_rate=[0.1, 1e39], steps=1)  # infinite in float32: all that follows is NaN
    assert result.diverged.tolist() == [[False] * 2, [True] * 2]
    assert np.isposinf([result.loss[1, :, 0], result.train_loss[1], result.test_loss[1]]).all()


def test_a_run_that_recovers_from_infinity_has_diverged_all_the_same():
    part = np.zeros((5, 3)), np.array([[0.0], [0], [1000], [0], [0]])
    task = optkit.Task(network(dense(1)), lambda targets, outputs: tf.exp(targets[:, 0]) + 0 * outputs[:, 0],
                       part, part, part)
    result = sweep(GradientDescent(), task, seeds=range(3), steps=5, batch_size=1)
    assert result.diverged.all()
    for seed, losses in enumerate(result.loss):
        step = np.concatenate(orders(5, seed, 5, 1)).tolist().index(2)
        assert (losses[:step] == 1).all() and np.isposinf(losses[step:]).all()


def test_a_run_that_does_not_move_has_not_diverged():
    assert not short(learning_rate=0).diverged.any()


# Tasks of a reader's own

OWN_LOSSES = ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy(),
              lambda targets, outputs: -tf.math.log(tf.gather(outputs, targets, batch_dims=1))]


def test_a_loss_may_be_a_name_an_object_or_a_function():
    results = [short(task=blobs(network(dense(3, activation="softmax")), loss=loss)) for loss in OWN_LOSSES]
    for other in results[1:]:
        np.testing.assert_allclose(other.loss, results[0].loss, rtol=1e-5)
        np.testing.assert_allclose(other.test_loss, results[0].test_loss, rtol=1e-5)


def functional():
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, activation="relu")(inputs)
    normal = keras.layers.LayerNormalization()(hidden)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Concatenate()([inputs, normal])))


class OwnModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = keras.layers.Dense(4, activation="relu"), keras.layers.Dense(3)

    def call(self, inputs):  # without ``training``
        return self.outer(self.inner(inputs))


MODELS = {
    "functional, with LayerNormalization": functional,
    "without Input": lambda: keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(3)]),
    "subclassed": OwnModel,
    "convolution": network(lambda: keras.layers.Reshape((3, 1)), lambda: keras.layers.Conv1D(4, 2, activation="relu"),
                           keras.layers.Flatten, dense(3)),
    "float64": network(dense(4, activation="tanh", dtype="float64"), dense(3, dtype="float64")),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_of_ones_own(name):
    task = blobs(MODELS[name])
    result = short(learning_rate=[0.01, 0.1], task=task, steps=2)
    assert result.weights[0].dtype == ("float64" if name == "float64" else "float32")
    if name in ("without Input", "subclassed"):
        assert result.loss.shape == (2, 2, 2) and np.isfinite(result.loss).all()  # nothing to set weights in by hand
        return
    for j, seed in enumerate(result.seeds):
        losses, weights = by_hand(GradientDescent(0.1), task, start_of(task, seed), orders(20, seed, 2, 8))
        np.testing.assert_allclose(result.loss[1, j], losses, rtol=1e-5)
        for ours, plain in zip(result.weights, weights):
            np.testing.assert_allclose(ours[1, j], plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("between", [[], [dense(3)], [lambda: keras.layers.Conv1D(3, 2)]],
                         ids=["alone", "dense", "convolution"])
def test_the_sparse_gradient_of_an_embedding(between):
    words = np.random.default_rng(0).integers(0, 9, (20, 5)).astype("int32")
    part = words, words[:, 0] % 2

    def model():
        return keras.Sequential([keras.Input((5,), dtype="int32"), keras.layers.Embedding(9, 4),
                                 *(layer() for layer in between), keras.layers.GlobalAveragePooling1D(),
                                 keras.layers.Dense(2)])
    task = optkit.Task(model, BLOBS.loss, part, part, part)
    result = short(Adam(), task, steps=1)
    for j, seed in enumerate(result.seeds):
        _, weights = by_hand(Adam(), task, start_of(task, seed), orders(20, seed, 1, 8))
        for ours, plain in zip(result.weights, weights):
            np.testing.assert_allclose(ours[j], plain, rtol=1e-4, atol=1e-6)


@dataclass(frozen=True)
class Halving(Rule):
    """A rule of one's own, which counts how often TensorFlow reads its lines."""

    learning_rate: float = 0.1
    calls = []

    def step(self, xp, t, g, m):
        self.calls.append(t)
        m = 0.5 * m + 0.5 * g
        return self.learning_rate * m, m


def test_a_second_sweep_of_the_same_shape_is_not_compiled_again():
    short(Halving(), learning_rate=[0.1, 0.2], seeds=(0, 1))
    read = len(Halving.calls)
    assert read
    again = short(Halving(), learning_rate=[0.3, 0.4], seeds=(5, 6), schedule=lambda t: 1 / (1 + t))
    assert len(Halving.calls) == read
    losses, _ = by_hand(Halving(0.4), BLOBS, start_of(BLOBS, 6), orders(20, 6, 3, 8), 1 / (1 + np.arange(3)))
    np.testing.assert_allclose(again.loss[1, 1], losses, rtol=1e-5)


def test_sweeps_of_many_shapes_log_nothing(caplog):
    """TensorFlow warns of a function that it compiles often. Here it should be, and a notebook would keep the lines."""
    for rates in range(1, 8):
        short(learning_rate=[0.1] * rates, steps=1)
    assert caplog.records == []


# Layers that keep something

NORMAL = network(dense(4), lambda: keras.layers.BatchNormalization(momentum=0.75), dense(3))


def test_batch_normalisation_keeps_its_averages_run_by_run():
    task = blobs(NORMAL)
    result = short(GradientDescent(), task, learning_rate=[0.1, 0.2], steps=20)
    for i, rate in enumerate((0.1, 0.2)):
        for j, seed in enumerate(result.seeds):
            start = [array[0, j] for array in short(GradientDescent(0.0), task, learning_rate=[0.0], steps=1).weights]
            model = task.model()
            kept = [k for k, variable in enumerate(model.weights) if "moving" in variable.path]
            for k in kept:  # the run that does not move has averages all the same
                start[k] = model.get_weights()[k]
            model.set_weights(start)
            for batch in orders(20, seed, 20, 8):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(task.loss(task.train[1][batch], model(task.train[0][batch], training=True)))
                gradient = tape.gradient(loss, model.trainable_variables)
                for variable, g in zip(model.trainable_variables, gradient):
                    variable.assign_sub(rate * g)
            for ours, plain in zip(result.weights, model.get_weights()):
                np.testing.assert_allclose(ours[i, j], plain, rtol=1e-4, atol=1e-5)
            after = tf.reduce_mean(task.loss(task.test[1], model(task.test[0], training=False)))
            np.testing.assert_allclose(result.test_loss[i, j], after, rtol=1e-4)


def test_a_frozen_layer_stays():
    task = blobs(network(lambda: keras.layers.Dense(4, name="gates", trainable=False), dense(3)))
    moved, still = short(GradientDescent(0.5), task), short(GradientDescent(0.0), task)
    np.testing.assert_array_equal(moved.weights[0], still.weights[0])
    assert not np.array_equal(moved.weights[2], still.weights[2])


# Layers that draw random numbers, that count, and those without a batched form

def image(*layers):
    return network(lambda: keras.layers.Reshape((1, 3, 1)), *layers, keras.layers.Flatten, dense(3))


def dropout():
    return keras.layers.Dropout(0.5, name="noise")


APART = {
    "dropout and a convolution": (image(lambda: keras.layers.Conv2D(2, (1, 2), name="folding"), dropout),
                                  ("folding", "noise")),
    "a convolution within a model": (image(lambda: keras.Sequential([keras.layers.Conv2D(2, 1, name="folding")])),
                                     ("folding",)),
}


@pytest.mark.parametrize("name", APART)
def test_layers_without_a_batched_form_are_named_and_do_what_keras_does(name):
    """Random numbers too: those of a model that was made with the seed, and none in the end."""
    model, layers = APART[name]
    task = blobs(model)
    result = short(task=task, learning_rate=[0.05, 0.1], steps=3)
    assert result.one_at_a_time == layers
    for j, seed in enumerate(result.seeds):
        model = models.new_model(task, seed)
        losses = []
        for batch in orders(20, seed, 3, 8):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(task.loss(task.train[1][batch], model(task.train[0][batch], training=True)))
            for variable, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
                variable.assign_sub(0.1 * g)
            losses.append(float(loss))
        np.testing.assert_allclose(result.loss[1, j], losses, rtol=1e-4)
        after = tf.reduce_mean(task.loss(task.test[1], model(task.test[0], training=False)))
        np.testing.assert_allclose(result.test_loss[1, j], after, rtol=1e-4)


def drawn():
    """A task whose loss gives the random numbers away: the mean of 400 numbers, 0 or 2, from a dropout of ones."""
    def model():
        inputs = keras.Input((20,))
        return keras.Model(inputs, keras.layers.Concatenate()([dropout()(inputs), keras.layers.Dense(1)(inputs)]))

    part = np.ones((20, 20)), np.zeros((20, 1))
    return optkit.Task(model, lambda targets, outputs: tf.reduce_mean(outputs[:, :20], axis=1) + 0 * outputs[:, 20],
                       part, part, part)


def test_random_numbers_are_those_of_the_seed_whatever_the_rule_and_the_piece():
    """Compiled by XLA they are others than outside, but of the same kind."""
    task, seeds = drawn(), range(6)
    many = short(Adam(), task, learning_rate=[0.1, 0.2, 0.3], seeds=seeds, steps=9)  # 18 runs, in two pieces
    assert many.piece == training._RUNS_IN_A_PIECE < 18 and many.one_at_a_time == ("noise",)
    np.testing.assert_array_equal(many.loss, np.broadcast_to(many.loss[0], many.loss.shape))
    alone = short(GradientDescent(), task, seeds=4, steps=9)
    np.testing.assert_allclose(many.loss[0, 4], alone.loss[0], rtol=1e-6)
    assert len(np.unique(many.loss[0].round(3))) > 20  # of 54: other ones for each seed, and in each step
    assert abs(many.loss[0].mean() - 1) < 0.05 and 0.02 < many.loss[0].std() < 0.2  # 0.08 for 160 numbers
    np.testing.assert_array_equal(many.test_loss, 1)  # none


class Counting(keras.layers.Layer):
    def build(self, shape):
        self.count = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False)

    def call(self, inputs, training=False):
        if training:
            self.count.assign_add(1)
        return inputs * keras.ops.cast(self.count, inputs.dtype)


def test_a_layer_that_counts():
    result = short(task=blobs(network(Counting, dense(3))), learning_rate=[0.0, 0.1], steps=3)
    assert (result.weights[0] == 3).all() and result.weights[0].shape == (2, 2)
    assert not np.allclose(result.loss[0, 0, 0], result.loss[0, 0, 1])


def test_a_layer_with_a_loop_of_its_own_is_batched_and_writes_nothing(capfd):
    task = blobs(network(lambda: keras.layers.Reshape((3, 1)), lambda: keras.layers.LSTM(2), dense(3)))
    result = short(task=task, steps=1)
    assert result.one_at_a_time == () and capfd.readouterr().err == ""
    for j, seed in enumerate(result.seeds):
        losses, weights = by_hand(GradientDescent(), task, start_of(task, seed), orders(20, seed, 1, 8))
        np.testing.assert_allclose(result.loss[j], losses, rtol=1e-5)
        for ours, plain in zip(result.weights, weights):
            np.testing.assert_allclose(ours[j], plain, rtol=1e-4, atol=1e-6)


def test_what_xla_cannot_compile_is_trained_without_it():
    bessel = network(lambda: keras.layers.Lambda(lambda inputs: tf.math.special.bessel_j0(abs(inputs))), dense(3))
    task = blobs(bessel)
    result = short(task=task, steps=2)
    losses, _ = by_hand(GradientDescent(), task, start_of(task, 4), orders(20, 4, 2, 8))
    np.testing.assert_allclose(result.loss[1], losses, rtol=1e-5)


@pytest.mark.parametrize("words, draw", [
    ("variables that are not among its weights.*a keras.random.SeedGenerator of its own", keras.random.normal),
    ("draws random numbers that no seed decides .*lambda.*keras.random.SeedGenerator", tf.random.normal)])
def test_random_numbers_that_no_run_owns_are_refused(words, draw):
    with pytest.raises(ValueError, match=words):
        short(task=blobs(network(lambda: keras.layers.Lambda(lambda inputs: inputs + draw((1, 3))), dense(3))))


# Memory

def test_pieces_become_smaller_where_the_memory_is_small_and_few_go_at_once(monkeypatch):
    arguments = {"learning_rate": np.linspace(0.01, 0.1, 20), "seeds": 0}
    whole = short(**arguments)
    assert whole.piece == training._RUNS_IN_A_PIECE
    needed = training._train_program(GradientDescent, BLOBS, 8, whole.piece).bytes
    monkeypatch.setattr(memory, "share", lambda: needed - 1)
    cut = short(**arguments)
    assert cut.piece == 8 and cut.loss.shape == whole.loss.shape
    np.testing.assert_allclose(cut.loss, whole.loss, rtol=1e-5)
    assert digest(cut) == digest(short(**arguments))  # the same size, the same bytes


def test_a_result_that_would_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr("optkit.training._train_program", untrained)
    monkeypatch.setattr(memory, "total", lambda: 10_000)
    with pytest.raises(ValueError, match="40 runs leave 0.0 GiB of weights and losses, and this machine has"):
        short(learning_rate=np.linspace(0.01, 0.1, 20))


def test_the_limit_of_a_container_counts(monkeypatch, tmp_path):
    (tmp_path / "memory.max").write_text("1000000\n")
    monkeypatch.setattr(memory, "_LIMITS", (tmp_path / "none", tmp_path / "memory.max"))
    assert memory.total() == 1_000_000 and memory.share() == 250_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.total() > 2 ** 28


# The peak of ``resource`` begins at that of the process that started this one, so Linux is asked elsewhere.
PEAK = """
import pathlib, re
import numpy as np, optkit
from optkit import training
from optkit.hardware import keras
inputs = np.random.default_rng(0).normal(size=(1024, 100))
layers = keras.layers
task = optkit.Task(lambda: keras.Sequential([keras.Input((100,)), layers.Dense(4000, "tanh"), layers.Dense(1)]), "mse",
                   *[(inputs[:count], inputs[:count, :1]) for count in (1024, 4, 4)])
for runs in (1, 8):
    optkit.sweep(optkit.Adam(), task, learning_rate=np.full(runs, 1e-4), seeds=0, steps=1, batch_size=1024)
    status = pathlib.Path("/proc/self/status").read_text()
    print(1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]),
          training._train_program(optkit.Adam, task, 1024, runs).bytes)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of one process")
def test_a_piece_takes_no_more_memory_than_was_calculated_nor_much_less():
    """By what the process really takes: eight runs against one, so that TensorFlow itself does not count."""
    output = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True).stdout
    one, eight = [[int(word) for word in line.split()] for line in output.splitlines()]
    taken, calculated = eight[0] - one[0], eight[1] - one[1]
    assert taken > 2 ** 27 and 1 < calculated / taken < 8


def test_many_examples_are_measured_in_turn(monkeypatch):
    task = blobs(network(dense(4, kernel_regularizer="l2"), dense(3)))
    expected = short(task=task)
    monkeypatch.setattr(models, "_EVALUATED_AT_ONCE", 1000)  # of 60 examples, some at a time
    in_turn = short(task=blobs(network(dense(4, kernel_regularizer="l2"), dense(3))))
    for measure in ("train_loss", "validation_loss", "test_loss", "test_accuracy"):
        np.testing.assert_allclose(getattr(in_turn, measure), getattr(expected, measure), rtol=1e-6)


# The split

def test_a_seed_may_deal_the_examples_anew():
    plain, anew = short(seeds=(3, 4)), short(seeds=(3, 4), redraw=True)
    inputs, targets = (np.concatenate(arrays) for arrays in zip(BLOBS.train, BLOBS.validation, BLOBS.test))
    for part in plain.parts:
        np.testing.assert_array_equal(part[0], part[1])
    for j in range(2):
        assert sorted(np.concatenate([part[j] for part in anew.parts])) == list(range(60))
        train, validation, test = [(inputs[part[j]], targets[part[j]]) for part in anew.parts]
        own = optkit.Task(BLOBS.model, BLOBS.loss, train, validation, test)
        alone = short(task=own, seeds=plain.seeds[j])
        np.testing.assert_allclose(alone.loss[0], anew.loss[j], rtol=1e-6)
        for measure in ("train_loss", "validation_loss", "test_loss", "test_accuracy"):
            np.testing.assert_allclose(getattr(alone, measure)[0], getattr(anew, measure)[j], rtol=1e-6)
    assert not np.array_equal(anew.parts[0][0], anew.parts[0][1])


def test_a_run_with_no_more_right_than_the_commonest_label_is_stuck():
    result = short(learning_rate=[0.0, 0.5], steps=60)
    commonest = np.bincount(BLOBS.test[1]).max() / 20
    np.testing.assert_array_equal(result.stuck, result.test_accuracy <= commonest)
    assert not result.stuck[1].any() and result.test_accuracy[1].min() > commonest
    assert not short(GradientDescent(1e38)).stuck.any()  # those diverged


@pytest.mark.parametrize("steps", [63, 64, 65, 130])
def test_any_number_of_steps_goes_through_the_same_program(steps):
    result = short(Adam(0.01), seeds=(3,), steps=steps)
    losses, _ = by_hand(Adam(0.01), BLOBS, start_of(BLOBS, 3), orders(20, 3, steps, 8))
    assert result.loss.shape == (1, steps)
    np.testing.assert_allclose(result.loss[0], losses, rtol=2e-3)


# What is refused, before any training

def untrained(*_):
    raise AssertionError("training began")


REFUSED = [
    ("rule", {"rule": "adam"}),
    ("rule", {"rule": Adam}),
    ("learning_rate is an array in the rule", {"rule": GradientDescent(np.array([0.1, 0.2]))}),
    ("momentum is an array in the rule", {"rule": Momentum(0.1, np.array([0.5, 0.9]))}),
    ("no momentum; it has learning_rate", {"momentum": [0.9]}),
    ("learning_rate", {"learning_rate": [0.1, -0.1]}),
    ("learning_rate", {"learning_rate": [0.1, float("nan")]}),
    ("learning_rate", {"learning_rate": [0.1, float("inf")]}),
    ("learning_rate", {"learning_rate": []}),
    ("learning_rate", {"learning_rate": [[0.1, 0.2]]}),
    ("learning_rate", {"learning_rate": ["fast"]}),
    ("learning_rate", {"learning_rate": None}),
    ("task", {"task": keras.Sequential()}),
    ("task", {"task": tasks.digits}),
    ("seeds must be different", {"seeds": (1, 1)}),
    ("seeds", {"seeds": (0, -1)}),
    ("seeds", {"seeds": (0.5,)}),
    ("seeds", {"seeds": ()}),
    ("seeds", {"seeds": None}),
    ("seeds", {"seeds": True}),
    ("steps", {"steps": 0}),
    ("steps", {"steps": 2.5}),
    ("steps", {"steps": "many"}),
    ("batch_size must be a whole number from 1 to 20", {"batch_size": 0}),
    ("batch_size must be a whole number from 1 to 20", {"batch_size": 21}),
    ("batch_size", {"batch_size": 2.0}),
    ("schedule", {"schedule": lambda t: 1}),
    ("schedule", {"schedule": lambda t: np.ones(len(t) + 1)}),
    ("schedule", {"schedule": lambda t: -t}),
    ("schedule", {"schedule": lambda t: np.full(len(t), np.nan)}),
    ("schedule", {"schedule": 0.5}),
    ("random numbers to loud; leave out the seed", {"task": blobs(network(
        lambda: keras.layers.Dropout(0.5, seed=1, name="loud"), dense(3)))}),
    ("seeds 3 and 4", {"task": blobs(network(dense(3, kernel_initializer=keras.initializers.GlorotUniform(1))))}),
    ("seeds 3 and 4", {"task": blobs(network(dense(3, kernel_initializer="zeros")))}),
    (r"model cannot be called on the inputs, of the shape \(.*3\) and the dtype float32",
     {"task": blobs(network(dense(3), inputs=4))}),
    ("loss cannot be called on targets of the shape", {"task": blobs(loss=lambda targets, outputs: targets @ outputs)}),
    ("class labels, from 0 to 2 for 3 .*these go from 0 to 3", {"task": blobs(classes=4)}),
    ("class labels, from 0 to 1 for 1 .*Give other targets as floating-point",
     {"task": blobs(network(dense(1)), loss="mse")}),
    ("no trainable weights", {"task": blobs(network(keras.layers.Flatten))}),
    ("model must return", {"task": blobs(lambda: None)}),
    ("loss must return one value an example", {"task": blobs(loss=lambda targets, outputs: outputs)}),
    ("loss must return one value an example", {"task": blobs(loss=lambda t, outputs: tf.reduce_mean(outputs))}),
]


@pytest.mark.parametrize("words, arguments", REFUSED)
def test_refused_with_the_name_of_the_argument(monkeypatch, words, arguments):
    monkeypatch.setattr("optkit.training._train_program", untrained)
    with pytest.raises(ValueError, match=words):
        short(**arguments)


def test_a_rule_without_learning_rate_is_refused():
    @dataclass(frozen=True)
    class Fixed(Rule):
        def step(self, xp, t, g):
            return 0.1 * g

    with pytest.raises(ValueError, match="Fixed has no learning_rate"):
        short(Fixed())

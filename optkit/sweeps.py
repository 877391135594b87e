"""Hundreds of trainings in one compiled program.

All runs of a sweep, each hyperparameter setting with each seed, are trained side by side: every weight has an axis
more, the runs, and one pass of the program takes every run one step further.
"""

import functools
import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optkit.hardware import keras, tensorflow as tf
from optkit.rules import Rule
from optkit.tasks import Task

_RUNS_IN_A_PIECE = 16  # enough for large products, few enough that four cores have work in 60 runs
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.DepthwiseConv1D,
                 keras.layers.DepthwiseConv2D, keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)


@dataclass(frozen=True)
class Sweep:
    """What came out of ``sweep``. "Grid" stands for one axis a swept hyperparameter, in the order given.

    ``grid``: the swept values, by name. ``seeds``: a tuple. ``loss``: the mean loss over the batch of each step,
    before that step, of shape (grid, seeds, steps). ``train_loss``, ``validation_loss``, ``test_loss``, and for class
    labels ``test_accuracy`` (a share; None for other targets): after the last step, over the whole part, of shape
    (grid, seeds). ``weights``: the trained arrays of the model, each of shape (grid, seeds, ...).

    ``diverged``, of shape (grid, seeds): the runs whose loss was not finite in some step, or whose loss over the
    training data ended above where it began. Their losses after the last step are infinite, their accuracy is 0; in
    ``loss`` they are infinite from the first step that was not finite on, and in the last step. Nothing is ever NaN
    but their weights.
    """

    rule: Rule
    task: Task
    grid: dict
    seeds: tuple
    loss: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    test_loss: np.ndarray
    test_accuracy: Any
    weights: list
    diverged: np.ndarray


def sweep(rule, task, *, seeds, steps, batch_size, schedule=None, **grid):
    """Train ``task`` by ``rule`` with every combination of the swept hyperparameters and every seed, all at once.

    ``grid`` names hyperparameters of the rule with their values, ``learning_rate=[0.01, 0.1]``; several make a grid,
    in the order given. ``seeds``: whole numbers; a seed decides the initial weights and the order of the data (a new
    permutation each epoch, the remainder dropped), the same for every rule and setting. ``schedule``, if given, is a
    function of the steps already made, an array ``0 ... steps - 1``, and returns the factors on the learning rate.

    Returns a ``Sweep``. ValueError, before any training, names an argument that does not fit; also when the initial
    weights of two seeds are equal, as an initialiser with a fixed seed makes them.
    """
    grid = _checked_grid(rule, grid)
    seeds, steps, batch_size = _checked_counts(task, seeds, steps, batch_size)
    factors = _factors(schedule, steps)
    starts = _initial_weights(task, seeds)
    settings = list(itertools.product(*grid.values()))
    runs = len(settings) * len(seeds)

    # The runs of one setting lie together, a seed after the other.
    values = {name: np.full(runs, value, "float64") for name, value in rule.hyperparameters().items()}
    values |= {name: np.repeat([setting[i] for setting in settings], len(seeds)) for i, name in enumerate(grid)}
    rows = np.tile(batches(len(task.train[0]), seeds, steps, batch_size), (1, len(settings), 1))
    weights = [np.concatenate([array] * len(settings)) for array in starts]

    evaluate = _evaluate_program(task)
    (before, _), _, _ = evaluate(starts)
    history, weights = _trained(type(rule), task, values, factors, weights, rows)
    (train_loss, _), (validation_loss, _), (test_loss, test_accuracy) = evaluate(weights)

    broken = np.logical_or.accumulate(~np.isfinite(history), axis=1)
    # So written, NaN counts as diverged.
    diverged = broken[:, -1] | ~(train_loss.numpy() <= np.tile(before.numpy(), len(settings)))
    loss = np.where(broken, np.inf, history)
    loss[diverged, -1] = np.inf
    shape = tuple(len(axis) for axis in grid.values()) + (len(seeds),)

    def finished(values, bad):
        return np.where(diverged, bad, values.numpy()).reshape(shape)

    return Sweep(rule, task, grid, seeds, loss=loss.reshape(shape + (steps,)),
                 train_loss=finished(train_loss, np.inf), validation_loss=finished(validation_loss, np.inf),
                 test_loss=finished(test_loss, np.inf),
                 test_accuracy=finished(test_accuracy, 0.0) if task.classifies else None,
                 weights=[array.reshape(shape + array.shape[1:]) for array in weights],
                 diverged=diverged.reshape(shape))


def _trained(rule_class, task, values, factors, weights, rows):
    """All runs through all steps: ``(history, weights)``, the runs along the first axis of each array.

    On a processor they are cut into pieces of one size, which its cores train at the same time; a graphics card takes
    all runs at once. The cut does not depend on the number of cores, so that every processor rounds alike; and the
    pieces of two sweeps have one shape, so that the second finds its program compiled.
    """
    runs = rows.shape[1]
    size = runs if _on_a_gpu() else min(runs, _RUNS_IN_A_PIECE)
    data = [tf.constant(array) for array in task.train]
    arguments = []
    for first in range(0, runs, size):
        own = np.arange(first, first + size) % runs  # the last piece is filled up, with runs left out below
        arguments.append(({name: value[own] for name, value in values.items()}, factors,
                          [array[own] for array in weights], rows[:, own], *data))
    # Asked for its program beforehand, TensorFlow does not warn that sweeps of several shapes need several.
    program = _train_program(rule_class, task).get_concrete_function(*arguments[0])
    with ThreadPoolExecutor() as threads:
        results = list(threads.map(lambda piece: program(*piece), arguments))
    history = np.concatenate([history.numpy().T for history, _ in results])[:runs]
    return history, [np.concatenate(arrays)[:runs] for arrays in zip(*[weights for _, weights in results])]


@functools.lru_cache(maxsize=64)  # a second sweep of the same shape finds its program compiled
def _train_program(rule_class, task):
    """A compiled function that takes the runs of one piece through all steps."""
    model = _new_model(task)
    convolves = any(isinstance(layer, _CONVOLUTIONS) for layer in model.layers)

    def loss_and_gradient(run):
        weights, inputs, targets = run
        with tf.GradientTape() as tape:
            tape.watch(weights)
            losses, _, penalty = _losses(task, model, weights, inputs, targets, training=True)
            loss = tf.reduce_mean(losses) + penalty
        return loss, tape.gradient(loss, weights, unconnected_gradients="zero")

    def all_losses_and_gradients(runs):
        if convolves:  # TensorFlow cannot convolve with several weights side by side: a run after the other
            types = runs[0][0].dtype, [array.dtype for array in runs[0]]
            return tf.map_fn(loss_and_gradient, runs, fn_output_signature=types)
        return tf.vectorized_map(loss_and_gradient, runs, fallback_to_while_loop=False)

    # Measured on a processor: dense networks run three times faster under XLA, convolutions slower. Autograph would
    # take seconds to find nothing to do.
    @tf.function(jit_compile=not convolves or _on_a_gpu(), autograph=False)
    def train(values, factors, weights, rows, inputs, targets):  # data built in would be compiled anew each time
        rule = rule_class(**values)
        learning_rate = values["learning_rate"]

        def step(t, weights, state, history):
            loss, gradient = all_losses_and_gradients(
                (weights, tf.gather(inputs, rows[t]), tf.gather(targets, rows[t])))
            now = replace(rule, learning_rate=learning_rate * factors[t])
            change, state = now.update(gradient, state, weights)
            weights = [weight - moved for weight, moved in zip(weights, change)]
            return t + 1, weights, state, tf.tensor_scatter_nd_update(history, [[t]], [loss])

        steps = rows.shape[0]
        start = (0, weights, rule.init(weights), tf.zeros(rows.shape[:2], weights[0].dtype))
        _, weights, _, history = tf.while_loop(lambda t, *_: t < steps, step, start)
        return history, weights

    return train


@functools.lru_cache(maxsize=64)
def _evaluate_program(task):
    """A compiled function from the weights of runs to their (loss, accuracy) on each of the three parts."""
    model = _new_model(task)

    def result(weights, part):
        inputs, targets = (tf.constant(array) for array in part)
        losses, outputs, penalty = _losses(task, model, weights, inputs, targets, training=False)
        hits = tf.cast(tf.argmax(outputs, -1), targets.dtype) == targets if task.classifies else False
        return tf.reduce_mean(losses) + penalty, tf.reduce_mean(tf.cast(hits, "float32"))

    @tf.function(autograph=False)
    def evaluate(weights):  # a run after the other: side by side, all the examples of all runs would fill the memory
        parts = (task.train, task.validation, task.test)
        return tf.map_fn(lambda run: [result(run, part) for part in parts], weights,
                         fn_output_signature=[(weights[0].dtype, "float32")] * len(parts))

    any_runs = [tf.TensorSpec((None, *variable.shape), variable.dtype) for variable in model.trainable_variables]
    return evaluate.get_concrete_function(any_runs)


def _losses(task, model, weights, inputs, targets, training):
    """For one run: the loss of every example, the outputs, and the penalty of the regularisers."""
    with keras.StatelessScope(zip(model.trainable_variables, weights), collect_losses=True):  # weights in their place
        outputs = model(inputs, training=training)
        penalty = sum(model.losses)
    loss = task.loss.call if isinstance(task.loss, keras.losses.Loss) else task.loss
    losses = loss(targets, outputs)
    if losses.shape.rank != 1:
        raise ValueError(f"loss must return one value an example, of shape (examples,); it returned the shape "
                         f"{losses.shape}")
    return losses, outputs, penalty


def _on_a_gpu():
    return bool(tf.config.list_physical_devices("GPU"))


def _new_model(task, seed=0):
    """A built model of the task; ValueError when its layers cannot be trained side by side."""
    before = random.getstate()
    random.seed(seed)  # Keras draws the seed of every initialiser from here, while a layer is made
    try:
        model = task.model()
        if not isinstance(model, keras.Model):
            raise ValueError(f"model must return a Keras model, it returned {model!r}")
        if not model.built:
            model(task.train[0][:1])
    finally:
        random.setstate(before)
    stateful = [layer.name for layer in model.layers if layer.non_trainable_variables]
    if stateful:
        raise ValueError(f"a sweep trains every weight of a model and keeps no other state; these layers are frozen or "
                         f"have a state of their own: {', '.join(stateful)}")
    if not model.trainable_variables:
        raise ValueError("model has no trainable weights")
    return model


@functools.lru_cache(maxsize=256)  # every rule of a comparison starts from the same weights
def _start(task, seed):
    """The initial weights of one model."""
    return [variable.numpy() for variable in _new_model(task, seed).trainable_variables]


def _initial_weights(task, seeds):
    """The weights of one model a seed, each stacked along a first axis of the length of ``seeds``."""
    models = [_start(task, seed) for seed in seeds]
    for (a, first), (b, second) in itertools.combinations(zip(seeds, models), 2):
        if all(np.array_equal(x, y) for x, y in zip(first, second)):
            raise ValueError(f"seeds {a} and {b} give the model the same initial weights; an initialiser with a fixed "
                             "seed, or a constant one, makes every run alike: leave its seed out")
    return [np.stack(arrays) for arrays in zip(*models)]


def batches(examples, seeds, steps, batch_size):
    """The rows of the data that each step takes, of shape (steps, seeds, batch_size).

    Every seed goes through permutation after permutation; what is left of one, too few for a
    batch, is dropped.
    """
    an_epoch = examples // batch_size
    orders = []
    for seed in seeds:
        generator = np.random.default_rng(seed)
        epochs = [generator.permutation(examples)[:an_epoch * batch_size]
                  for _ in range(-(-steps // an_epoch))]  # rounded up
        orders.append(np.concatenate(epochs).reshape(-1, batch_size)[:steps])
    return np.stack(orders, axis=1).astype("int32")


def _factors(schedule, steps):
    if schedule is None:
        return np.ones(steps)
    if not callable(schedule):
        raise ValueError(f"schedule must be a function of the steps already made, got {schedule!r}")
    factors = np.asarray(schedule(np.arange(steps)), float)
    if factors.shape != (steps,) or not (np.isfinite(factors) & (factors >= 0)).all():
        raise ValueError("schedule must turn the array of steps into as many finite factors of at least 0; it "
                         f"returned the shape {factors.shape}")
    return factors


def _checked_grid(rule, grid):
    if not isinstance(rule, Rule):
        raise ValueError(f"rule must be one of optkit.rules, such as optkit.Adam(), got {rule!r}")
    own = rule.hyperparameters()
    if "learning_rate" not in own:
        raise ValueError(f"{type(rule).__name__} has no learning_rate, which a sweep scales by its schedule")
    for name, value in own.items():
        if np.ndim(value):
            raise ValueError(f"{name} is an array in the rule; give the rule one number and sweep {name}=[...]")
    grid = {name: np.atleast_1d(values) for name, values in grid.items()}
    for name, values in grid.items():
        if name not in own:
            raise ValueError(f"{type(rule).__name__} has no {name}; it has {', '.join(own)}")
        replace(rule, **{name: values})  # refuses what is not allowed
    return {name: values.astype(float) for name, values in grid.items()}


def _checked_counts(task, seeds, steps, batch_size):
    if not isinstance(task, Task):
        raise ValueError(f"task must be an optkit.Task, such as optkit.tasks.digits(), got {task!r}")
    seeds = tuple(seeds) if np.iterable(seeds) else (seeds,)
    if not seeds or len(set(seeds)) < len(seeds) or not all(_whole(seed, 0) for seed in seeds):
        raise ValueError(f"seeds must be different whole numbers of at least 0, got {seeds!r}")
    if not _whole(steps, 1):
        raise ValueError(f"steps must be a whole number of at least 1, got {steps!r}")
    examples = len(task.train[0])
    if not _whole(batch_size, 1) or batch_size > examples:
        raise ValueError(f"batch_size must be a whole number from 1 to {examples}, the training examples; "
                         f"got {batch_size!r}")
    return tuple(int(seed) for seed in seeds), int(steps), int(batch_size)


def _whole(value, least):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least

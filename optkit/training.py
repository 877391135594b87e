"""The compiled programs behind a sweep: many runs of one model, trained side by side and measured.

Every weight has an axis more, the runs, and one pass of the program takes every run one step further. The program is
compiled for so many runs and so many steps; a sweep is cut into pieces of that size, whatever its grid and its length
are, so that it is compiled once a rule and not once a sweep.
"""

import functools
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from optkit.hardware import keras, tensorflow as tf

_RUNS_IN_A_PIECE = 16  # enough for large products, few enough that four cores have work in 60 runs
_STEPS_IN_A_PIECE = 64  # a shorter training stops before; a longer one goes through the program again
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.DepthwiseConv1D,
                 keras.layers.DepthwiseConv2D, keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)


def trained(rule_class, task, values, factors, weights, states, rows, advance):
    """All runs through all steps: ``(history, weights, states)``, the runs along the first axis of each array.

    ``values``: the hyperparameters by name, each of shape (runs,). ``rows``, of shape (steps, runs, batch_size): the
    examples of each step, counted through all parts of the task. ``advance`` is told how many steps of how many runs
    are done. On a processor the runs are cut into pieces of one size, which its cores train at the same time; a
    graphics card takes all runs at once. The cut does not depend on the number of cores, so that every processor
    rounds alike.
    """
    runs = rows.shape[1]
    size = runs if on_a_gpu() else min(runs, _RUNS_IN_A_PIECE)
    data = [tf.constant(array) for array in pooled(task)]
    program = _train_program(rule_class, task)  # here, once: each of the threads below would make one of its own
    pieces = [np.arange(first, first + size) % runs  # the last piece is filled up, with runs left out below
              for first in range(0, runs, size)]

    def through(own):
        rule = rule_class(**{name: tf.constant(value[own]) for name, value in values.items()})
        return _through(program, rule, factors, [[array[own] for array in arrays] for arrays in (weights, states)],
                        rows[:, own], data)

    with ThreadPoolExecutor() as threads:
        results = []
        for result in threads.map(through, pieces):
            results.append(result)
            advance(len(rows) * min(size, runs - (len(results) - 1) * size))
    history, *arrays = zip(*results)
    return np.concatenate(history)[:runs], *[[np.concatenate(pieces)[:runs] for pieces in zip(*kind)]
                                             for kind in arrays]


def _through(program, rule, factors, arrays, rows, data):
    """The runs of one piece through all steps: ``(history, weights, states)``."""
    values = rule.hyperparameters()
    weights, states = ([tf.constant(array) for array in kind] for kind in arrays)
    memory, history = rule.init(weights), []
    for first in range(0, len(rows), _STEPS_IN_A_PIECE):
        now = rows[first:first + _STEPS_IN_A_PIECE]
        left_out = _STEPS_IN_A_PIECE - len(now)
        arguments = (values, np.pad(factors[first:first + len(now)], (0, left_out)), weights, states, memory,
                     np.pad(now, ((0, left_out), (0, 0), (0, 0))), np.int32(len(now)), *data)
        # Asked for its program beforehand, TensorFlow does not warn that tasks of several shapes need several.
        losses, weights, states, memory = program.get_concrete_function(*arguments)(*arguments)
        history.append(losses.numpy()[:len(now)])
    return np.concatenate(history).T, *[[array.numpy() for array in kind] for kind in (weights, states)]


@functools.lru_cache(maxsize=64)  # a second sweep with the same rule and task finds its program compiled
def _train_program(rule_class, task):
    """A compiled function that takes the runs of one piece some steps further."""
    model = _pattern(task)
    convolves = any(isinstance(layer, _CONVOLUTIONS) for layer in model.layers)

    def loss_and_gradient(run):
        weights, states, inputs, targets = run
        with tf.GradientTape() as tape:
            tape.watch(weights)
            losses, _, penalty, states = _losses(task, model, weights, states, inputs, targets, training=True)
            loss = tf.reduce_mean(losses) + penalty
        return loss, tape.gradient(loss, weights, unconnected_gradients="zero"), states

    def all_losses_and_gradients(runs):
        if convolves:  # TensorFlow cannot convolve with several weights side by side: a run after the other
            types = [[array.dtype for array in kind] for kind in runs[:2]]
            return tf.map_fn(loss_and_gradient, runs, fn_output_signature=(runs[0][0].dtype, *types))
        return tf.vectorized_map(loss_and_gradient, runs, fallback_to_while_loop=False)

    # Measured on a processor: dense networks run three times faster under XLA, convolutions slower. Autograph would
    # take seconds to find nothing to do. Data built in, and not handed over, would be compiled anew each time.
    @tf.function(jit_compile=not convolves or on_a_gpu(), autograph=False)
    def train(values, factors, weights, states, memory, rows, steps, inputs, targets):
        rule = rule_class(**values)
        learning_rate = values["learning_rate"]

        def step(t, weights, states, memory, history):
            loss, gradient, states = all_losses_and_gradients(
                (weights, states, tf.gather(inputs, rows[t]), tf.gather(targets, rows[t])))
            now = replace(rule, learning_rate=learning_rate * factors[t])
            change, memory = now.update(gradient, memory, weights)
            weights = [weight - moved for weight, moved in zip(weights, change)]
            return t + 1, weights, states, memory, tf.tensor_scatter_nd_update(history, [[t]], [loss])

        start = (0, weights, states, memory, tf.zeros(rows.shape[:2], weights[0].dtype))
        _, weights, states, memory, history = tf.while_loop(lambda t, *_: t < steps, step, start)
        return history, weights, states, memory

    return train


@functools.lru_cache(maxsize=64)
def evaluate_program(task):
    """A function of the runs' weights, their states and the examples that count, for each part of shape (runs, ...).

    It returns for each part the (loss, accuracy), each of shape (runs,).
    """
    model = _pattern(task)
    inputs, targets = (tf.constant(array) for array in pooled(task))

    def result(weights, states, parts):  # every example once, in whatever part it is
        losses, outputs, penalty, _ = _losses(task, model, weights, states, inputs, targets, training=False)
        hits = tf.cast(tf.argmax(outputs, -1), targets.dtype) == targets if task.classifies else tf.zeros_like(losses)
        hits = tf.cast(hits, "float32")
        return [(tf.reduce_mean(tf.gather(losses, rows)) + penalty, tf.reduce_mean(tf.gather(hits, rows)))
                for rows in parts]

    @tf.function(autograph=False)
    def evaluate(weights, states, parts):  # a run after the other: side by side they would fill the memory
        return tf.map_fn(lambda run: result(*run), (weights, states, parts),
                         fn_output_signature=[(weights[0].dtype, "float32")] * len(parts))

    def any_runs(shape, dtype):
        return tf.TensorSpec((None, *shape), dtype)

    return evaluate.get_concrete_function(
        [any_runs(variable.shape, variable.dtype) for variable in model.trainable_variables],
        [any_runs(variable.shape, variable.dtype) for variable in model.non_trainable_variables],
        [any_runs((len(part[0]),), "int32") for part in (task.train, task.validation, task.test)])


def _losses(task, model, weights, states, inputs, targets, training):
    """For one run: the loss of every example, the outputs, the penalty of the regularisers, and the new states."""
    own = [*zip(model.trainable_variables, weights), *zip(model.non_trainable_variables, states)]
    with keras.StatelessScope(own, collect_losses=True) as scope:  # weights and states in their place
        outputs = model(inputs, training=training)
        penalty = sum(model.losses)
    loss = task.loss.call if isinstance(task.loss, keras.losses.Loss) else task.loss
    losses = loss(targets, outputs)
    if losses.shape.rank != 1:
        raise ValueError(f"loss must return one value an example, of shape (examples,); it returned the shape "
                         f"{losses.shape}")
    return losses, outputs, penalty, [scope.get_current_value(variable) for variable in model.non_trainable_variables]


def on_a_gpu():
    return bool(tf.config.list_physical_devices("GPU"))


@functools.lru_cache(maxsize=64)
def pooled(task):
    """(inputs, targets) of the three parts, one after the other."""
    return tuple(np.concatenate(arrays, dtype=arrays[0].dtype, casting="unsafe")
                 for arrays in zip(task.train, task.validation, task.test))


def new_model(task, seed=0):
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
    random_layers = [layer.name for layer in model.layers
                     if any(not variable.dtype.startswith("float") for variable in layer.non_trainable_variables)]
    if random_layers:
        raise ValueError(f"a sweep cannot train layers that draw random numbers or count; leave them out: "
                         f"{', '.join(random_layers)}")
    if not model.trainable_variables:
        raise ValueError("model has no trainable weights")
    return model


def prepare(task, rule_classes, seeds):
    """Make what the threads of a race share, in the thread of the caller: models above all, which Keras makes with the
    settings of the thread that it is in."""
    evaluate_program(task)
    for rule_class in rule_classes:
        _train_program(rule_class, task)
    for seed in seeds:
        start(task, seed)


@functools.lru_cache(maxsize=64)
def _pattern(task):
    """A model of the task whose layers are used and whose weights are not."""
    return new_model(task)


@functools.lru_cache(maxsize=1024)  # every rule of a comparison starts from the same weights
def start(task, seed):
    """The initial weights of one model, and its initial states: averages that layers keep, and frozen weights."""
    model = new_model(task, seed)
    return [[variable.numpy() for variable in kind]
            for kind in (model.trainable_variables, model.non_trainable_variables)]


def in_order(task, weights, states):
    """Weights and states as ``model.set_weights`` takes them."""
    model = _pattern(task)
    own = {id(variable): array for variable, array in zip(
        model.trainable_variables + model.non_trainable_variables, [*weights, *states])}
    return [own[id(variable)] for variable in model.weights]

"""The model of a task: made, called with the weights of a run in place of its own, and measured."""

import functools
import random

import numpy as np

from optkit import memory
from optkit.hardware import keras, tensorflow as tf
from optkit.side_by_side import leaves, seeds

RUNS_AT_ONCE_IN_A_LOOP = 10  # so many TensorFlow goes through side by side, unless it is told otherwise
_EVALUATED_AT_ONCE = 2 ** 24  # bytes of what layers put out for the examples of one run


@functools.lru_cache(maxsize=64)
def evaluate_program(task):
    """A function of the runs' weights, their states and the examples that count, for each part of shape (runs, ...).

    It returns for each part the (loss, accuracy), each of shape (runs,). Its ``bytes`` are what one run takes.
    """
    model = pattern(task)
    inputs, targets = on_device(task)
    needed = 0

    def judged(weights, states, inputs, targets):
        nonlocal needed
        losses, outputs, penalty, _ = losses_of(task, model, weights, states, inputs, targets, training=False)
        needed = memory.held(tf.compat.v1.get_default_graph().get_operations())
        return losses, _hits(task, targets, outputs) if task.classifies else tf.zeros_like(losses, "float32"), penalty

    def judged_in_turn(weights, states, at_once):
        def some(first):
            rows = tf.minimum(first + tf.range(at_once), len(inputs) - 1)
            *arrays, penalty = judged(weights, states, tf.gather(inputs, rows), tf.gather(targets, rows))
            return *arrays, tf.cast(penalty, weights[0].dtype)

        losses, hits, penalties = tf.map_fn(some, tf.range(0, len(inputs), at_once), parallel_iterations=1,
                                            fn_output_signature=(weights[0].dtype, "float32", weights[0].dtype))
        return *[tf.reshape(array, (-1, *array.shape[2:]))[:len(inputs)] for array in (losses, hits)], penalties[0]

    def result(weights, states, parts, at_once):  # every example once, in whatever part it is
        losses, hits, penalty = (judged(weights, states, inputs, targets) if at_once >= len(inputs) else
                                 judged_in_turn(weights, states, at_once))
        return [(tf.reduce_mean(tf.gather(losses, rows)) + penalty, tf.reduce_mean(tf.gather(hits, rows)))
                for rows in parts]

    def any_runs(shape, dtype):
        return tf.TensorSpec((None, *shape), dtype)

    def traced(at_once):
        @tf.function(autograph=False)
        def evaluate(weights, states, parts):  # a run after the other: side by side they would fill the memory
            return tf.map_fn(lambda run: result(*run, at_once), (weights, states, parts),
                             fn_output_signature=[(weights[0].dtype, "float32")] * len(parts))

        return evaluate.get_concrete_function(
            [any_runs(variable.shape, variable.dtype) for variable in model.trainable_variables],
            [any_runs(variable.shape, variable.dtype) for variable in model.non_trainable_variables],
            [any_runs((len(part[0]),), "int32") for part in (task.train, task.validation, task.test)])

    evaluate = traced(len(inputs))
    if needed > _EVALUATED_AT_ONCE:
        evaluate = traced(max(1, int(len(inputs) * _EVALUATED_AT_ONCE / needed)))
    evaluate.bytes = needed
    return evaluate


def _hits(task, targets, outputs):
    """For each example, whether its label is the one that the outputs mean."""
    outputs = outputs if outputs.shape.rank > 1 else outputs[:, None]
    _check_labels(task, outputs)
    if outputs.shape[-1] == 1:
        means = tf.cast(outputs[..., 0] > (0.0 if getattr(task.loss, "from_logits", False) else 0.5), targets.dtype)
    else:
        means = tf.cast(tf.argmax(outputs, -1), targets.dtype)
    return tf.cast(means == tf.reshape(targets, tf.shape(means)), "float32")


def _check_labels(task, outputs):
    labels, one_each = pooled(task)[1], tuple(outputs.shape[1:-1])
    if labels.shape[1:] not in (one_each, (*one_each, 1)):
        raise ValueError(f"targets that are whole numbers are class labels, one for each output of the shape "
                         f"{outputs.shape[1:]}; these have the shape {labels.shape[1:]}. Give other targets as "
                         "floating-point numbers")
    most = max(outputs.shape[-1], 2) - 1
    if labels.min() < 0 or labels.max() > most:
        raise ValueError(f"targets that are whole numbers are class labels, from 0 to {most} for {outputs.shape[-1]} "
                         f"output(s); these go from {labels.min()} to {labels.max()}. Give other targets as "
                         "floating-point numbers")


def losses_of(task, model, weights, states, inputs, targets, training):
    """For one run: the loss of every example, the outputs, the penalty of the regularisers, and the new states."""
    own = [*zip(model.trainable_variables, weights), *zip(model.non_trainable_variables, states)]
    with keras.StatelessScope(own, collect_losses=True) as scope:  # weights and states in their place
        outputs = _outputs(model, inputs, training)
        penalty = sum(model.losses)
    losses = _loss(task, targets, outputs)
    return losses, outputs, penalty, [scope.get_current_value(variable) for variable in model.non_trainable_variables]


def _outputs(model, inputs, training):
    try:
        outputs = model(inputs, training=training)
    except Exception as error:  # whatever a reader's layers raise
        raise ValueError(f"model cannot be called on the inputs, of the shape {tuple(inputs.shape)} and the "
                         f"dtype {tf.as_dtype(inputs.dtype).name}: {error}") from error
    if not tf.is_tensor(outputs):
        raise ValueError(f"model must return one array of outputs, it returned {type(outputs).__name__}")
    return outputs


def _loss(task, targets, outputs):
    loss = task.loss.call if isinstance(task.loss, keras.losses.Loss) else task.loss
    if outputs.shape[-1] == 1 and targets.shape.rank == outputs.shape.rank - 1 and loss.__module__.startswith("keras."):
        targets = targets[..., None]  # which some of Keras's losses do by themselves
    try:
        losses = loss(targets, outputs)
    except Exception as error:
        raise ValueError(f"loss cannot be called on targets of the shape {targets.shape} and outputs of the shape "
                         f"{outputs.shape}: {error}") from error
    if losses.shape != targets.shape[:1]:
        raise ValueError(f"loss must return one value an example, of shape (examples,); it returned the shape "
                         f"{losses.shape}")
    return losses


def on_a_gpu():
    return bool(tf.config.list_physical_devices("GPU"))


@functools.lru_cache(maxsize=64)
def pooled(task):
    """(inputs, targets) of the three parts, one after the other."""
    return tuple(np.concatenate(arrays, dtype=arrays[0].dtype, casting="unsafe")
                 for arrays in zip(task.train, task.validation, task.test))


@functools.lru_cache(maxsize=64)
def on_device(task):
    """``pooled`` where training runs."""
    return [tf.constant(array) for array in pooled(task)]


def new_model(task, seed=0):
    """A built model of the task; ValueError when there is nothing to train in it."""
    before = random.getstate()
    random.seed(seed)  # Keras draws the seed of every initialiser and random layer from here, while a layer is made
    try:
        model = task.model()
        if not isinstance(model, keras.Model):
            raise ValueError(f"model must return a Keras model, it returned {model!r}")
        if not model.built:
            _outputs(model, task.train[0][:1], False)
    finally:
        random.setstate(before)
    if not model.trainable_variables:
        raise ValueError("model has no trainable weights")
    return model


def prepare(task, seeds):
    """Make what the threads of a race share, in the thread of the caller: models above all, which Keras makes with the
    settings of the thread that it is in."""
    evaluate_program(task)
    for seed in seeds:
        start(task, seed)


@functools.lru_cache(maxsize=64)
def pattern(task):
    """A model of the task whose layers are used and whose weights are not."""
    return new_model(task)


@functools.lru_cache(maxsize=1024)  # every rule of a comparison starts from the same weights
def start(task, seed):
    """The initial weights of one model, and its initial states: averages that layers keep, frozen weights, counts, and
    the states of its generators of random numbers."""
    model = new_model(task, seed)
    return [[variable.numpy() for variable in kind]
            for kind in (model.trainable_variables, model.non_trainable_variables)]


def random_layers(task):
    """The layers that draw random numbers, by the place of their generator among the states."""
    model = pattern(task)
    variables = model.non_trainable_variables
    return {place: layer.name for place in seeds(variables) for layer in leaves(model)
            if any(variables[place] is variable for variable in layer.variables)}


def in_order(task, weights, states):
    """Weights and states as ``model.set_weights`` takes them."""
    model = pattern(task)
    own = {id(variable): array for variable, array in zip(
        model.trainable_variables + model.non_trainable_variables, [*weights, *states])}
    return [own[id(variable)] for variable in model.weights]

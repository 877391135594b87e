"""What may happen to a picture before a trained network sees it, and how many digits the network still tells.

A picture is a row of 64 pixels between 0 (paper) and 1 (ink), as in ``tasks.digits``; the functions take any number
of them, of shape ``(..., 64)``, and return as many. ``accuracy`` and ``attacked`` judge all runs of a ``Sweep``.
"""

import functools

import numpy as np

from optkit import models
from optkit.hardware import keras, tensorflow as tf

_SIDE = 8
GOALS = ("loss", "margin")


def noise(pictures, strength, seed=0, pixels=None):
    """Normal noise of this deviation on every pixel, or on those in ``pixels`` alone, cut off at 0 and at 1."""
    pictures = np.asarray(pictures)
    pushes = np.random.default_rng(seed).normal(0, strength, pictures.shape)
    if pixels is not None:
        pushes = np.where(np.isin(np.arange(pictures.shape[-1]), pixels), pushes, 0)
    return np.clip(pictures + pushes, 0, 1).astype(pictures.dtype)


def blur(pictures, width):
    """The mean of what is around each pixel, weighted by a bell of this deviation in pixels; outside there is paper."""
    if width <= 0:
        raise ValueError(f"width must be above 0, got {width!r}")
    offsets = np.arange(-4 * _SIDE, 4 * _SIDE + 1)
    bell = np.exp(-(offsets / width) ** 2 / 2)
    spread = dict(zip(offsets.tolist(), bell / bell.sum()))
    return _mixed(pictures, *2 * [[[spread[i - j] for j in range(_SIDE)] for i in range(_SIDE)]])


def shift(pictures, right, down):
    """Every picture moved by so many pixels, or parts of one; what leaves it is lost, what comes in is paper."""
    places = np.arange(_SIDE)
    columns, rows = (np.maximum(0, 1 - np.abs(places[:, None] - places - by)) for by in (right, down))
    return _mixed(pictures, rows, columns)


def occlude(pictures, side, seed=0):
    """A square of paper, ``side`` pixels long, laid on each picture, wherever it has room."""
    if side not in range(_SIDE + 1):
        raise ValueError(f"side must be a whole number from 0 to {_SIDE}, got {side!r}")
    pictures = np.asarray(pictures)
    generator, places = np.random.default_rng(seed), np.arange(_SIDE)
    covered = []
    for _ in range(2):
        start = generator.integers(0, _SIDE - side + 1, pictures.shape[:-1])[..., None]
        covered.append((start <= places) & (places < start + side))
    hidden = covered[0][..., :, None] & covered[1][..., None, :]
    return np.where(hidden.reshape(pictures.shape), 0, pictures).astype(pictures.dtype)


def _mixed(pictures, rows, columns):
    """Each picture with its rows and its columns replaced by mixtures of them."""
    pictures = np.asarray(pictures)
    squares = pictures.reshape(*pictures.shape[:-1], _SIDE, _SIDE)
    return (np.array(rows) @ squares @ np.transpose(columns)).reshape(pictures.shape).astype(pictures.dtype)


def accuracy(sweep, disturb=None):
    """The share of its test examples that each run still classifies rightly, of the shape of ``sweep.test_accuracy``.

    ``disturb``: a function that takes the inputs, of shape (seeds, examples, ...), and returns what the networks get
    to see; every run of a seed sees the same. ValueError when the targets are no class labels.
    """
    return _judged(sweep, disturb, 0.0, "loss", 0)


def attacked(sweep, strength, goal="loss", steps=10):
    """As ``accuracy``, when every input is changed so as to mislead the run at hand, by at most ``strength`` a pixel.

    In each step all pixels move by the same amount in the direction in which the goal grows, and are put back to
    where they may be: within ``strength`` of the input, and within [0, 1]. The goal is the task's ``"loss"`` or the
    ``"margin"``, the highest score of a wrong class less that of the right one (after Carlini and Wagner 2017). With
    ``steps=1`` it is the fast gradient sign method (Goodfellow, Shlens and Szegedy 2015), with more the projected
    descent of Madry et al. 2018, started at the input itself. ValueError names an argument that does not fit.
    """
    if goal not in GOALS:
        raise ValueError(f"goal must be one of {', '.join(GOALS)}, got {goal!r}")
    if not 0 <= strength < np.inf:
        raise ValueError(f"strength must be finite and at least 0, got {strength!r}")
    if steps not in range(1, 1001):
        raise ValueError(f"steps must be a whole number from 1 to 1000, got {steps!r}")
    return _judged(sweep, None, strength, goal, steps)


def _judged(sweep, disturb, strength, goal, steps):
    if not sweep.task.classifies:
        raise ValueError("accuracy needs class labels, which are whole numbers; the targets of this task are others")
    inputs, labels = (array[sweep.parts[2]] for array in models.pooled(sweep.task))
    if disturb is not None:
        inputs = np.asarray(disturb(inputs), inputs.dtype)
    shape = sweep.test_loss.shape
    weights = [array.reshape(-1, *array.shape[len(shape):]) for array in sweep.weights]
    seeds = np.tile(np.arange(shape[-1], dtype="int32"), np.prod(shape[:-1], dtype=int))
    judged = _program(sweep.task, goal, steps)(weights, seeds, inputs, labels, np.asarray(strength, inputs.dtype))
    return judged.numpy().reshape(shape)


@functools.lru_cache(maxsize=32)
def _program(task, goal, steps):
    """A compiled function from the weights of the runs, the inputs of the seeds and a strength to accuracies."""
    model = models.new_model(task)

    def scores(weights, inputs):
        with keras.StatelessScope(list(zip(model.weights, weights))):
            return model(inputs, training=False)

    def aim(weights, inputs, labels):
        outputs = scores(weights, inputs)
        if goal == "loss":
            return task.loss.call(labels, outputs) if isinstance(task.loss, keras.losses.Loss) else task.loss(
                labels, outputs)
        right = tf.one_hot(labels, outputs.shape[-1], dtype="bool", on_value=True, off_value=False)
        wrong = tf.reduce_max(tf.where(right, outputs.dtype.min, outputs), axis=-1)
        return wrong - tf.reduce_sum(tf.where(right, outputs, 0), axis=-1)

    def judge(weights, inputs, labels, strength):
        low, high = tf.maximum(inputs - strength, 0), tf.minimum(inputs + strength, 1)
        for _ in range(steps):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                value = aim(weights, inputs, labels)
            pushes = tf.sign(tape.gradient(value, inputs))
            inputs = tf.clip_by_value(inputs + pushes * strength * min(1.0, 2.5 / steps), low, high)
        hits = tf.cast(tf.argmax(scores(weights, inputs), -1), labels.dtype) == labels
        return tf.reduce_mean(tf.cast(hits, "float32"))

    @tf.function(autograph=False)
    def judged(weights, seeds, inputs, labels, strength):
        return tf.map_fn(lambda run: judge(run[0], inputs[run[1]], labels[run[1]], strength), (weights, seeds),
                         fn_output_signature="float32")

    # For any number of runs, so that it is compiled once.
    runs = [tf.TensorSpec((None, *variable.shape), variable.dtype) for variable in model.weights]
    data = [tf.TensorSpec((None, None, *part.shape[1:]), part.dtype) for part in models.pooled(task)]
    return judged.get_concrete_function(runs, tf.TensorSpec([None], "int32"), *data, tf.TensorSpec([], data[0].dtype))

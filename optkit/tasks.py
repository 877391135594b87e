"""What is trained: a Keras model, a loss, and data in three parts."""

from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from optkit.datasets import load_digits, load_mnist
from optkit.hardware import keras

__all__ = ["Task", "digits", "linear_regression", "load_mnist"]


@dataclass(frozen=True, eq=False)
class Task:
    """A model to train and the data to train and judge it on.

    ``model`` is a function without arguments that returns a new Keras model. ``loss`` is a Keras loss, its name, or a
    function of targets and outputs with one value an example. ``train``, ``validation`` and ``test`` are pairs of
    arrays (inputs, targets) with as many rows; integer targets are class labels. ValueError names the part and what
    is wrong with it: not a pair, of unequal length, empty, not finite.
    """

    model: Callable[[], Any]
    loss: Any
    train: tuple
    validation: tuple
    test: tuple

    def __post_init__(self):
        if not callable(self.model) or isinstance(self.model, keras.Model):
            raise ValueError(f"model must be a function that returns a new Keras model each time, got {self.model!r}")
        object.__setattr__(self, "loss", keras.losses.get(self.loss))  # ValueError for a name it does not know
        if not callable(self.loss):
            raise ValueError("loss must be a Keras loss, its name, or a function of targets and outputs")
        for part in ("train", "validation", "test"):
            object.__setattr__(self, part, _checked_part(part, getattr(self, part)))

    @property
    def classifies(self):
        """Whether the targets are class labels, so that there is an accuracy."""
        return np.issubdtype(self.train[1].dtype, np.integer)


def _checked_part(name, part):
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        raise ValueError(f"{name} must be a pair (inputs, targets), got {type(part).__name__}")
    inputs, targets = (np.asarray(array) for array in part)
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets) or len(inputs) == 0:
        raise ValueError(f"{name} must have as many inputs as targets, and at least one; got the shapes "
                         f"{inputs.shape} and {targets.shape}")
    for kind, array in (("inputs", inputs), ("targets", targets)):
        if not np.issubdtype(array.dtype, np.number):
            raise ValueError(f"the {kind} of {name} must be numbers, got the dtype {array.dtype}")
        if not np.isfinite(array).all():
            raise ValueError(f"the {kind} of {name} hold NaN or infinity")
    return tuple(array.astype("float32") if array.dtype == "float64" else array for array in (inputs, targets))


def linear_regression():
    """The line y = 2 x + 3 with noise: 1,000 points, x uniform in [0, 10], noise normal with deviation 1.

    600 points to train on, 200 each to validate and test; a single unit with an intercept; squared error.
    """
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 10, (1000, 1))
    y = 2 * x + 3 + generator.normal(0, 1, (1000, 1))

    def model():
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    return Task(model, "mean_squared_error", *_split(x, y, 600, 200))


def digits():
    """Handwritten digits, 8 x 8 pixels in ten classes: 1,400 to train on, 197 to validate and 200 to test.

    A network of 64 inputs, 64 rectified units and 10 outputs (4,810 weights), with cross-entropy.
    """
    def model():
        return keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, activation="relu"),
                                 keras.layers.Dense(10)])

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Task(model, loss, *_split(*load_digits(), 1400, 197))


def _split(inputs, targets, train, validation):
    """Three parts in a shuffled order: as published, the digits of one writer stand together."""
    order = np.random.default_rng(1).permutation(len(inputs))
    ends = np.split(order, [train, train + validation])
    return [(inputs[rows], targets[rows]) for rows in ends]

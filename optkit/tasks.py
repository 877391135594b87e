"""What is trained: a Keras model, a loss, and data in three parts."""

from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from optkit import memory
from optkit.datasets import load_digits, load_docstrings, load_mnist
from optkit.hardware import keras, tensorflow as tf

__all__ = ["Task", "convolutional_digits", "deep_digits", "digits", "docstrings", "linear_regression", "load_mnist",
           "ravine"]


@dataclass(frozen=True, eq=False)
class Task:
    """A model to train and the data to train and judge it on.

    ``model`` is a function without arguments that returns a new Keras model. ``loss`` is a Keras loss, its name, or a
    function of targets and outputs with one value an example. ``train``, ``validation`` and ``test`` are pairs of
    arrays (inputs, targets) with as many rows, or a ``tf.data.Dataset`` of such pairs, which is read once, to its end.
    Its elements are batches where inputs and targets have a first axis of the same length, single examples otherwise.
    ``exchangeable``: whether the three parts may be dealt anew, as ``optkit.race`` then does for every seed; not so
    where a part differs on purpose, as later data or other writers do. ValueError names the part and what is wrong with
    it: not a pair, of unequal length, empty, without end, not finite, unlike the part to train on.

    Integer targets are class labels, and there is an accuracy. A model with a single output takes the labels 0 and 1;
    an output above one half means 1, or above 0 where the loss was made with ``from_logits=True``.
    """

    model: Callable[[], Any]
    loss: Any
    train: tuple
    validation: tuple
    test: tuple
    exchangeable: bool = False

    def __post_init__(self):
        if not callable(self.model) or isinstance(self.model, keras.Model):
            raise ValueError(f"model must be a function that returns a new Keras model each time, got {self.model!r}")
        object.__setattr__(self, "loss", keras.losses.get(self.loss))  # ValueError for a name it does not know
        if not callable(self.loss):
            raise ValueError("loss must be a Keras loss, its name, or a function of targets and outputs")
        for part in ("train", "validation", "test"):
            object.__setattr__(self, part, _checked_part(part, getattr(self, part)))
        for part in ("validation", "test"):
            _check_alike(self.train, part, getattr(self, part))

    @property
    def classifies(self):
        """Whether the targets are class labels, so that there is an accuracy."""
        return np.issubdtype(self.train[1].dtype, np.integer)


def _read(name, dataset):
    """The arrays in a ``tf.data.Dataset``."""
    spec = dataset.element_spec
    if not (isinstance(spec, tuple) and len(spec) == 2 and all(isinstance(one, tf.TensorSpec) for one in spec)):
        raise ValueError(f"{name} must be a tf.data.Dataset of pairs (inputs, targets), both arrays; its elements "
                         f"are {spec}")
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(f"{name} is a tf.data.Dataset without end: leave its repeat() out, or take(count) of it")
    pairs, size = [], 0
    for pair in dataset.as_numpy_iterator():
        pairs.append(pair)
        size += sum(array.nbytes for array in pair)
        if size > memory.share():
            raise ValueError(f"{name} is a tf.data.Dataset of more than {memory.in_words(memory.share())}, and a task "
                             "holds its data in memory: take(count) of it")
    if not pairs:
        raise ValueError(f"{name} is a tf.data.Dataset with nothing in it")
    batches = all(inputs.ndim and targets.ndim and len(inputs) == len(targets) for inputs, targets in pairs)
    try:
        return [(np.concatenate if batches else np.stack)(arrays) for arrays in zip(*pairs)]
    except ValueError as error:
        raise ValueError(f"{name} is a tf.data.Dataset whose elements differ in shape: {error}") from error


def _checked_part(name, part):
    if isinstance(part, tf.data.Dataset):
        part = _read(name, part)
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        raise ValueError(f"{name} must be a pair (inputs, targets), or a tf.data.Dataset, got {type(part).__name__}")
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


def _check_alike(train, name, part):
    for kind, array, other in zip(("inputs", "targets"), part, train):
        labels = np.issubdtype(other.dtype, np.integer)
        if array.shape[1:] != other.shape[1:] or labels and not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"the {kind} of {name} must be like those of train, which have the shape {other.shape} "
                             f"and the dtype {other.dtype}; got {array.shape} and {array.dtype}")


def linear_regression():
    """The line y = 2 x + 3 with noise: 1,000 points, x uniform in [0, 10], noise normal with deviation 1.

    600 points to train on, 200 each to validate and test; a single unit with an intercept; squared error.
    """
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 10, (1000, 1))
    y = 2 * x + 3 + generator.normal(0, 1, (1000, 1))

    def model():
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    return Task(model, "mean_squared_error", *_split(x, y, 600, 200), exchangeable=True)


def digits():
    """Handwritten digits, 8 x 8 pixels in ten classes: 1,400 to train on, 197 to validate and 200 to test.

    A network of 64 inputs, 64 rectified units and 10 outputs (4,810 weights), with cross-entropy.
    """
    def model():
        return keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, activation="relu"),
                                 keras.layers.Dense(10)])

    return Task(model, _cross_entropy(), *_split(*load_digits(), 1400, 197), exchangeable=True)


def deep_digits():
    """The digits of ``digits`` for a deep and narrow network: eight layers of 32 units with tanh (9,802 weights)."""
    def model():
        hidden = [keras.layers.Dense(32, activation="tanh") for _ in range(8)]
        return keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10)])

    return Task(model, _cross_entropy(), *_split(*load_digits(), 1400, 197), exchangeable=True)


def convolutional_digits():
    """The digits of ``digits`` as images, of shape (8, 8, 1), for a small convolutional network.

    Two layers of 3 x 3 filters, 8 and 16 of them, both at every second pixel, and 10 outputs, with cross-entropy.
    """
    def model():
        filters = [keras.layers.Conv2D(count, 3, strides=2, padding="same", activation="relu") for count in (8, 16)]
        return keras.Sequential([keras.Input((8, 8, 1)), *filters, keras.layers.Flatten(), keras.layers.Dense(10)])

    images, labels = load_digits()
    return Task(model, _cross_entropy(), *_split(images.reshape(-1, 8, 8, 1), labels, 1400, 197), exchangeable=True)


def docstrings():
    """Documentation strings in 20 classes, the packages of Python that they come from: sparse text.

    An input has an entry for each of 1,103 words: 1 when the document has the word, else 0; nine or ten of them are
    not zero. The weights of a word get a gradient only in the batches where it appears, which are all for the most
    frequent word and, of 64 documents, one in ten for the rarest. ``(inputs > 0).mean(axis=0)`` is the share of
    documents with each word; ``datasets.load_docstrings`` has the words. 1,981 documents to train on, 300 each to
    validate and test; one layer of 20 outputs (22,080 weights), with cross-entropy.
    """
    counts, labels, words, packages = load_docstrings()

    def model():
        return keras.Sequential([keras.Input((len(words),)), keras.layers.Dense(len(packages))])

    return Task(model, _cross_entropy(), *_split(np.sign(counts), labels, len(counts) - 600, 300), exchangeable=True)


def ravine(condition_number=100.0):
    """Linear regression on 20 weights, without noise: a loss that is a quadratic with this condition number.

    The curvatures of the loss, which are the eigenvalues of its Hessian, run in equal ratios from
    1 / ``condition_number`` to 1; their axes are turned at random against the weights. Training with
    ``batch_size=200``, all the training examples, descends exactly this quadratic; smaller batches have other
    Hessians, but the same minimum, where the loss is 0. The 100 examples each to validate and test have the same
    Hessian again. ValueError when ``condition_number`` is not a finite number of at least 1.
    """
    if not 1 <= condition_number < np.inf:
        raise ValueError(f"condition_number must be a finite number of at least 1, got {condition_number!r}")
    generator = np.random.default_rng(0)
    axes = np.linalg.qr(generator.normal(size=(20, 20)))[0]
    curvatures = np.geomspace(1 / condition_number, 1, 20)
    truth = generator.normal(size=(20, 1))

    def part(examples):
        directions = np.linalg.qr(generator.normal(size=(examples, 20)))[0]
        # The mean squared error is |x (w - truth)|^2 / examples, and its Hessian twice x' x / examples.
        x = np.sqrt(examples / 2 * curvatures) * directions @ axes.T
        return x, x @ truth

    def model():
        return keras.Sequential([keras.Input((20,)), keras.layers.Dense(1, use_bias=False)])

    return Task(model, "mean_squared_error", part(200), part(100), part(100))


def _cross_entropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _split(inputs, targets, train, validation):
    """Three parts in a shuffled order: as published, the digits of one writer stand together."""
    order = np.random.default_rng(1).permutation(len(inputs))
    ends = np.split(order, [train, train + validation])
    return [(inputs[rows], targets[rows]) for rows in ends]

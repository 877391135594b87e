"""What is trained: the tasks that come with the book, and what is refused as a task of one's own."""

import numpy as np
import pytest

import optkit
from optkit import memory, tasks
from optkit.datasets import load_digits, load_docstrings
from optkit.hardware import keras, tensorflow as tf
from optkit.sweeps import batches
from optkit.models import start

PARTS = ("train", "validation", "test")


DIGITS = [tasks.digits, tasks.deep_digits, tasks.convolutional_digits]


@pytest.mark.parametrize("make, lengths, inputs, outputs", [
    (tasks.linear_regression, (600, 200, 200), (1,), 1), (tasks.ravine, (200, 100, 100), (20,), 1),
    (tasks.docstrings, (1981, 300, 300), (1103,), 20), (tasks.digits, (1400, 197, 200), (64,), 10),
    (tasks.deep_digits, (1400, 197, 200), (64,), 10), (tasks.convolutional_digits, (1400, 197, 200), (8, 8, 1), 10)])
def test_shapes_and_dtypes(make, lengths, inputs, outputs):
    task = make()
    for name, length in zip(PARTS, lengths):
        x, y = getattr(task, name)
        assert x.shape == (length, *inputs) and x.dtype == "float32"
        assert y.shape == ((length,) if task.classifies else (length, 1))
        assert y.dtype == ("int64" if task.classifies else "float32")
    assert task.classifies == (outputs > 1)
    model = task.model()
    assert model is not task.model()
    assert model(task.train[0][:2]).shape == (2, outputs)


@pytest.mark.parametrize("make", [tasks.linear_regression, tasks.ravine, tasks.docstrings, *DIGITS])
def test_every_call_gives_the_same_data(make):
    first, second = make(), make()
    for name in PARTS:
        for ours, again in zip(getattr(first, name), getattr(second, name)):
            np.testing.assert_array_equal(ours, again)


def test_the_line_is_two_x_plus_three():
    parts = [getattr(tasks.linear_regression(), name) for name in PARTS]
    x, y = (np.concatenate([part[i] for part in parts])[:, 0].astype(float) for i in (0, 1))
    slope, intercept = np.polyfit(x, y, 1)
    assert abs(slope - 2) < 0.04 and abs(intercept - 3) < 0.25  # three standard errors and a little
    assert 0.9 < np.std(y - slope * x - intercept) < 1.1
    assert 0 <= x.min() < 0.1 and 9.9 < x.max() <= 10
    assert not tasks.linear_regression().classifies


@pytest.mark.parametrize("make", DIGITS)
def test_digits_are_all_there_once_and_in_every_part(make):
    task = make()
    images, labels = load_digits()
    parts = [getattr(task, name) for name in PARTS]
    ours = np.concatenate([np.column_stack([y, x.reshape(-1, 64)]) for x, y in parts])
    published = np.column_stack([labels, images]).astype("float32")
    # Equal as collections, so that no image is lost and none is in two parts.
    assert sorted(map(bytes, ours.astype("float32"))) == sorted(map(bytes, published))
    assert [np.bincount(y, minlength=10).min() > 10 for _, y in parts] == [True] * 3


def test_parts_of_digits_are_mixed():
    """As published, the digits of one writer stand together, and the last ones are harder."""
    images, _ = load_digits()
    train = {bytes(image) for image in tasks.digits().train[0]}
    kept = np.array([bytes(image) in train for image in images])
    assert 0.6 < kept[:900].mean() < 0.95 and 0.6 < kept[900:].mean() < 0.95


@pytest.mark.parametrize("make", [tasks.docstrings, *DIGITS])
def test_the_loss_of_classes_takes_logits(make):
    task = make()
    outputs = np.arange(10, dtype="float32")[None]
    np.testing.assert_allclose(task.loss(np.array([3]), outputs), np.log(np.exp(outputs - 3).sum()), rtol=1e-6)


def test_networks_are_of_the_announced_size():
    weights = {make: task.model().count_params() for make, task in ((make, make()) for make in DIGITS)}
    assert weights == {tasks.digits: 4810, tasks.deep_digits: 9802, tasks.convolutional_digits: 1898}
    assert tasks.docstrings().model().count_params() == 22080
    layers = tasks.deep_digits().model().layers
    assert [layer.units for layer in layers] == [32] * 8 + [10]
    assert [layer.activation.__name__ for layer in layers] == ["tanh"] * 8 + ["linear"]
    filters = [layer.filters for layer in tasks.convolutional_digits().model().layers if hasattr(layer, "filters")]
    assert filters == [8, 16]


def test_images_of_the_convolutional_digits_stand_upright():
    """A zero has its hole in the middle: rows and columns are where the published digits have them."""
    x, y = tasks.convolutional_digits().train
    flat, _ = tasks.digits().train
    np.testing.assert_array_equal(x[:, 2, 5, 0], flat[:, 2 * 8 + 5])
    assert x[y == 0, 3:5, 3:5].mean() < 0.2 < 0.5 < x[y == 0, 3:5, 2].mean()


# Sparse text

def test_docstrings_are_all_there_once_and_every_package_in_every_part():
    task = tasks.docstrings()
    counts, labels, words, packages = load_docstrings()
    parts = [getattr(task, name) for name in PARTS]
    ours = np.concatenate([np.column_stack([y, x]) for x, y in parts]).astype("uint8")
    published = np.column_stack([labels, counts > 0]).astype("uint8")
    assert sorted(map(bytes, ours)) == sorted(map(bytes, published))
    for _, y in parts:
        assert set(y) == set(range(len(packages)))
        assert np.bincount(y).max() < 0.15 * len(y)


def test_an_input_says_which_words_are_there():
    x, _ = tasks.docstrings().train
    assert set(np.unique(x)) == {0, 1}
    assert 9 < x.sum(axis=1).mean() < 10  # of 1,103
    share = (x > 0).mean(axis=0)
    assert share[0] > 0.45 and np.median(share) < 0.01


def test_weights_of_rare_words_rarely_get_a_gradient():
    x, _ = tasks.docstrings().train
    rows = batches(len(x), (0,), 300, 64)[:, 0]
    share = np.array([x[batch].any(axis=0) for batch in rows]).mean(axis=0)  # of batches that have the word
    assert share[0] == 1 and np.median(share) < 0.3 and 0.05 < share[-100:].mean() < 0.15


# The ravine

def hessian(inputs):
    """Of the mean squared error of a linear unit."""
    inputs = inputs.astype(float)
    return 2 * inputs.T @ inputs / len(inputs)


@pytest.mark.parametrize("condition_number", [1, 100.0, 1e4])
def test_the_ravine_has_the_announced_curvatures_in_every_part(condition_number):
    task = tasks.ravine(condition_number)
    for name in PARTS:
        curvatures = np.linalg.eigvalsh(hessian(getattr(task, name)[0]))
        np.testing.assert_allclose(curvatures, np.geomspace(1 / condition_number, 1, 20), rtol=1e-5)
        np.testing.assert_allclose(hessian(getattr(task, name)[0]), hessian(task.train[0]), atol=1e-6)


def test_the_mean_squared_error_is_that_quadratic():
    """Against the form (w - w*)' H (w - w*) / 2, at a random point, by the task's own loss."""
    task = tasks.ravine(1000)
    x, y = task.train
    minimum, *_ = np.linalg.lstsq(x.astype(float), y.astype(float), rcond=None)
    model = task.model()
    away = np.random.default_rng(5).normal(size=(20, 1))
    model.set_weights([minimum + away])
    loss = float(np.mean(task.loss(y, model(x))))
    assert loss == pytest.approx((away.T @ hessian(x) @ away / 2).item(), rel=1e-4)
    for name in PARTS:  # without noise: the same weights fit every part
        x, y = getattr(task, name)
        np.testing.assert_allclose(x @ minimum, y, atol=1e-4)


def test_the_ravine_lies_along_no_weight():
    axes = np.linalg.eigh(hessian(tasks.ravine().train[0]))[1]
    assert abs(axes).max() < 0.8  # the largest entry of a random rotation in 20 dimensions is about 0.7


def test_parts_of_the_ravine_share_no_example():
    task = tasks.ravine()
    examples = np.concatenate([getattr(task, name)[0] for name in PARTS])
    assert len(np.unique(examples, axis=0)) == 400


@pytest.mark.parametrize("condition_number", [0.99, 0, -100, np.nan, np.inf])
def test_condition_numbers_that_no_ravine_has_are_refused(condition_number):
    with pytest.raises(ValueError, match="condition_number must be a finite number of at least 1, got"):
        tasks.ravine(condition_number)


def test_the_full_batch_descends_the_ravine_as_theory_says():
    """Along an axis of curvature a, a step of gradient descent multiplies the distance by 1 - learning rate * a."""
    task = tasks.ravine(100.0)
    x, y = task.train
    curvatures, axes = np.linalg.eigh(hessian(x))
    minimum = np.linalg.lstsq(x.astype(float), y.astype(float), rcond=None)[0]
    after = optkit.sweep(optkit.GradientDescent(), task, learning_rate=[1.9, 2.1], seeds=[0], steps=50, batch_size=200)
    assert not after.diverged[0, 0] and after.diverged[1, 0]  # two over the largest curvature, which is 1
    weights = start(task, 0)[0][0]
    np.testing.assert_allclose(axes.T @ (after.weights[0][0, 0] - minimum),
                               (1 - 1.9 * curvatures[:, None]) ** 50 * (axes.T @ (weights - minimum)), atol=2e-4)


# All of them can be learnt

@pytest.mark.parametrize("make, rule, rate, batch_size, below", [
    (tasks.docstrings, optkit.AdaGrad(), 0.16, 64, 1.3), (tasks.docstrings, optkit.GradientDescent(), 5.0, 64, 1.3),
    (tasks.deep_digits, optkit.GradientDescent(), 0.16, 64, 0.6),
    (tasks.convolutional_digits, optkit.Adam(), 0.01, 64, 0.6),
    (tasks.ravine, optkit.GradientDescent(), 1, 200, 0.01)])
def test_a_known_rule_trains_each_task(make, rule, rate, batch_size, below):
    """Chance is log(20) = 3.0 for the packages and log(10) = 2.3 for the digits."""
    task = make()
    results = optkit.sweep(rule, task, learning_rate=[rate], seeds=[0, 1], steps=200, batch_size=batch_size)
    assert not results.diverged.any() and results.test_loss.max() < below
    assert (results.loss[0, :, 0] > 2 * below).all()
    if task.classifies:
        assert results.test_accuracy.min() > (0.6 if make is tasks.docstrings else 0.85)


def test_deep_digits_are_harder_than_digits():
    """With the best of six rates for each, the deep network stays behind after as many steps."""
    best = {}
    for make in (tasks.digits, tasks.deep_digits):
        results = optkit.sweep(optkit.GradientDescent(), make(), learning_rate=0.04 * 2.0 ** np.arange(6),
                               seeds=range(5), steps=300, batch_size=64)
        best[make] = np.median(results.validation_loss, axis=1).min()
    assert best[tasks.deep_digits] > 1.25 * best[tasks.digits]


# Tasks of a reader's own

X, Y = np.ones((4, 3)), np.arange(4)


def own(**changes):
    return optkit.Task(**{"model": tasks.digits().model, "loss": "mse", "train": (X, Y), "validation": (X, Y),
                          "test": (X, Y)} | changes)


def test_arrays_are_taken_as_they_are_but_for_float64():
    task = own(train=[X.tolist(), Y.tolist()], test=(X.astype("float16"), Y.astype("uint8")))
    assert [array.dtype for array in task.train] == ["float32", "int64"]
    assert [array.dtype for array in task.test] == ["float16", "uint8"]
    assert task.classifies and not own(train=(X, Y + 0.5)).classifies


def test_only_what_comes_from_one_source_is_dealt_anew():
    assert not own().exchangeable and not tasks.ravine().exchangeable
    assert all(task().exchangeable for task in (tasks.digits, tasks.docstrings, tasks.linear_regression))


def test_a_loss_may_be_a_name_an_object_or_a_function():
    loss = keras.losses.Huber()
    assert own(loss=loss).loss is loss
    assert own(loss=own).loss is own
    assert own(loss="huber").loss is not None


# Data of a tf.data.Dataset

def dataset(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays)


@pytest.mark.parametrize("made", [
    lambda data: data, lambda data: data.batch(3), lambda data: data.batch(2, drop_remainder=True),
    lambda data: data.batch(3).prefetch(1), lambda data: data.repeat(2).take(4)])
def test_a_dataset_is_read_once_whether_in_batches_or_not(made):
    begun = []
    data = tf.data.Dataset.from_generator(lambda: begun.append(1) or zip(X, Y),
                                          output_signature=(tf.TensorSpec((3,)), tf.TensorSpec((), "int64")))
    task = own(train=made(data))
    np.testing.assert_array_equal(task.train[0], X)
    np.testing.assert_array_equal(task.train[1], Y)
    assert len(begun) == 1 and task.classifies and task.train[0].dtype == "float32"


@pytest.mark.parametrize("words, data", [
    ("train is a tf.data.Dataset without end", dataset(X, Y).repeat()),
    ("train is a tf.data.Dataset with nothing in it", dataset(X, Y).take(0)),
    (r"train must be a tf.data.Dataset of pairs \(inputs, targets\), both arrays; its elements are", dataset(X, Y, Y)),
    ("train must be a tf.data.Dataset of pairs", tf.data.Dataset.from_tensor_slices(X)),
    ("train must be a tf.data.Dataset of pairs", tf.data.Dataset.from_tensor_slices({"x": X, "y": Y})),
    ("train must be a tf.data.Dataset of pairs", dataset({"x": X}, Y)),
    ("train is a tf.data.Dataset whose elements differ in shape", tf.data.Dataset.from_generator(
        lambda: [(X[0], 0), (X[0, :2], 1)], output_signature=(tf.TensorSpec((None,)), tf.TensorSpec((), "int64")))),
    ("the inputs of train hold NaN", dataset(X * np.nan, Y)),
])
def test_a_dataset_that_is_no_part_is_refused(words, data):
    with pytest.raises(ValueError, match=words):
        own(train=data)


def test_a_dataset_without_a_known_end_stops_at_the_memory(monkeypatch):
    def forever():
        while True:
            yield np.ones(1000, "float32"), 1

    signature = tf.TensorSpec((1000,)), tf.TensorSpec((), "int64")
    data = tf.data.Dataset.from_generator(forever, output_signature=signature)
    monkeypatch.setattr(memory, "total", lambda: 4 * 10 ** 5)
    with pytest.raises(ValueError, match=r"train is a tf.data.Dataset of more than .* take\(count\) of it"):
        own(train=data)


# Which label an output means

LABELS = np.array([0, 1, 1, 0, 1, 1])
SCORES = np.array([[-2.0], [0.3], [0.7], [0.2], [2], [-1]])


@pytest.mark.parametrize("loss, labels", [(keras.losses.BinaryCrossentropy(from_logits=True), LABELS), ("mse", LABELS),
                                          ("binary_crossentropy", LABELS[:, None])])
def test_a_single_output_means_one_or_zero(loss, labels):
    """One above 0 where the loss takes logits, else above one half."""
    def model():
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])

    task = optkit.Task(model, loss, *3 * [(SCORES, labels)])
    result = optkit.sweep(optkit.GradientDescent(0.0), task, seeds=range(2), steps=1, batch_size=6)
    for j in range(2):
        scores = SCORES[:, 0] * result.weights[0][j, 0, 0]
        means = scores > (0 if isinstance(loss, keras.losses.Loss) else 0.5)
        assert result.test_accuracy[j] == pytest.approx(np.mean(means == LABELS))


@pytest.mark.parametrize("words, changes", [
    ("model must be a function", {"model": None}),
    ("model must be a function", {"model": keras.Sequential([keras.layers.Dense(1)])}),
    ("no_such_loss", {"loss": "no_such_loss"}),
    ("loss must be", {"loss": None}),
    ("loss", {"loss": 3}),
    ("train must be a pair", {"train": X}),
    ("train must be a pair", {"train": (X,)}),
    ("validation must be a pair", {"validation": (X, Y, Y)}),
    ("test must be a pair", {"test": None}),
    ("train must have as many inputs as targets", {"train": (X, Y[:3])}),
    ("validation must have as many inputs as targets, and at least one", {"validation": (X[:0], Y[:0])}),
    ("test must have as many inputs as targets", {"test": (1.0, 2.0)}),
    ("the inputs of train must be numbers", {"train": (np.full((4, 3), "a"), Y)}),
    ("the targets of test must be numbers", {"test": (X, np.array(list("abcd")))}),
    ("the inputs of test hold NaN", {"test": (X * np.nan, Y)}),
    (r"the inputs of test must be like those of train.*\(4, 2\)", {"test": (X[:, :2], Y)}),
    ("the targets of validation must be like those of train.*float", {"validation": (X, Y + 0.5)}),
    ("the targets of validation hold NaN", {"validation": (X, np.array([0, 1, np.inf, 2]))})])
def test_refused_with_the_part_that_does_not_fit(words, changes):
    with pytest.raises(ValueError, match=words):
        own(**changes)

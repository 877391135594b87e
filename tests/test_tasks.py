"""What is trained: the two tasks that come with the book, and what is refused as a task of one's own."""

import numpy as np
import pytest

import optkit
from optkit import tasks
from optkit.datasets import load_digits
from optkit.hardware import keras

PARTS = ("train", "validation", "test")


@pytest.mark.parametrize("make, lengths, inputs, target_dtype", [
    (tasks.linear_regression, (600, 200, 200), (1,), "float32"), (tasks.digits, (1400, 197, 200), (64,), "int64")])
def test_shapes_and_dtypes(make, lengths, inputs, target_dtype):
    task = make()
    for name, length in zip(PARTS, lengths):
        x, y = getattr(task, name)
        assert x.shape == (length, *inputs) and x.dtype == "float32"
        assert y.shape == ((length,) if task.classifies else (length, 1)) and y.dtype == target_dtype
    model = task.model()
    assert model is not task.model()
    assert model(task.train[0][:2]).shape == ((2, 10) if task.classifies else (2, 1))


@pytest.mark.parametrize("make", [tasks.linear_regression, tasks.digits])
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


def test_digits_are_all_there_once_and_in_every_part():
    task = tasks.digits()
    assert task.classifies and task.model().count_params() == 4810
    images, labels = load_digits()
    parts = [getattr(task, name) for name in PARTS]
    ours = np.concatenate([np.column_stack([y, x]) for x, y in parts])
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


def test_the_loss_of_digits_takes_logits():
    task = tasks.digits()
    outputs = np.arange(10, dtype="float32")[None]
    np.testing.assert_allclose(task.loss(np.array([3]), outputs), np.log(np.exp(outputs - 3).sum()), rtol=1e-6)


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


def test_a_loss_may_be_a_name_an_object_or_a_function():
    loss = keras.losses.Huber()
    assert own(loss=loss).loss is loss
    assert own(loss=own).loss is own
    assert own(loss="huber").loss is not None


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
    ("the targets of validation hold NaN", {"validation": (X, np.array([0, 1, np.inf, 2]))})])
def test_refused_with_the_part_that_does_not_fit(words, changes):
    with pytest.raises(ValueError, match=words):
        own(**changes)

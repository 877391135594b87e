"""Disturbances of pictures by what they must do to a single pixel; attacks against arithmetic by hand."""

from dataclasses import replace

import numpy as np
import pytest
from optkit import Adam, GradientDescent, Task, disturbances, sweep, tasks
from optkit.hardware import keras

DOT = np.eye(64, dtype="float32")[8 * 3 + 4]  # one pixel of ink, in row 3 and column 4
PICTURES = np.random.default_rng(0).uniform(0, 1, (5, 7, 64)).astype("float32")


@pytest.fixture(scope="module")
def swept():
    return sweep(Adam(0.01), tasks.digits(), learning_rate=[0.01, 0.02], seeds=range(3), steps=40, batch_size=64,
                 redraw=True)


@pytest.mark.parametrize("change", [
    lambda z: disturbances.noise(z, 0.3), lambda z: disturbances.blur(z, 0.7), lambda z: disturbances.shift(z, 1, -1),
    lambda z: disturbances.shift(z, 0.5, 0.25), lambda z: disturbances.occlude(z, 3)])
def test_pictures_stay_pictures(change):
    before = PICTURES.copy()
    after = change(PICTURES)
    assert after.shape == PICTURES.shape and after.dtype == PICTURES.dtype
    assert after.min() >= 0 and after.max() <= 1 + 1e-6 and not np.array_equal(after, before)
    assert np.array_equal(PICTURES, before) and np.array_equal(after, change(PICTURES))


def test_noise_has_its_deviation_its_pixels_and_its_seed():
    grey = np.full((400, 64), 0.5)
    changed = disturbances.noise(grey, 0.05)
    assert changed.std() == pytest.approx(0.05, rel=0.03) and changed.mean() == pytest.approx(0.5, abs=0.002)
    assert not np.array_equal(changed, disturbances.noise(grey, 0.05, seed=1))
    there = np.any(disturbances.noise(grey, 0.05, pixels=[3, 60]) != 0.5, axis=0)
    assert np.flatnonzero(there).tolist() == [3, 60]


def test_shift_moves_ink_and_loses_what_leaves():
    assert np.array_equal(disturbances.shift(DOT, 2, 1), np.eye(64)[8 * 4 + 6])
    assert np.array_equal(disturbances.shift(DOT, -4, 0), np.eye(64)[8 * 3])
    assert disturbances.shift(DOT, -5, 0).sum() == 0
    halfway = disturbances.shift(DOT, 0.25, 0)
    assert halfway[8 * 3 + 4] == 0.75 and halfway[8 * 3 + 5] == 0.25


def test_blur_is_a_bell_that_keeps_the_ink_in_the_middle():
    blurred = disturbances.blur(DOT, 0.7).reshape(8, 8)
    assert blurred[3, 5] == pytest.approx(blurred[3, 4] * np.exp(-(1 / 0.7) ** 2 / 2), rel=1e-4)
    assert blurred[2, 4] == pytest.approx(blurred[3, 5]) and blurred.sum() == pytest.approx(1, abs=1e-4)
    corner = disturbances.blur(np.eye(64, dtype="float32")[0], 0.7)
    assert 0.3 < corner.sum() < 0.8  # what is blurred over the edge is lost
    assert np.allclose(disturbances.blur(PICTURES, 0.05), PICTURES, atol=1e-6)


def test_occlusion_covers_one_square_a_picture_everywhere_alike():
    covered = disturbances.occlude(np.ones((3000, 64)), 3).reshape(-1, 8, 8) == 0
    assert np.all(covered.sum(axis=(1, 2)) == 9)
    assert np.all(covered.any(axis=1).sum(axis=1) == 3) and np.all(covered.any(axis=2).sum(axis=1) == 3)
    assert covered[:, 3, 3].mean() == pytest.approx(9 / 36, abs=0.03)  # of 36 places nine cover it
    assert np.array_equal(disturbances.occlude(PICTURES, 0), PICTURES)


@pytest.mark.parametrize("call, words", [
    (lambda: disturbances.blur(DOT, 0), "width must be above 0"),
    (lambda: disturbances.occlude(DOT, 9), "side must be a whole number from 0 to 8"),
    (lambda: disturbances.occlude(DOT, 2.5), "side must be a whole number")])
def test_what_does_not_fit_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_accuracy_is_the_sweeps_own_and_follows_the_pictures(swept):
    assert np.array_equal(disturbances.accuracy(swept), swept.test_accuracy)
    blank = disturbances.accuracy(swept, lambda seen: 0 * seen)
    assert blank.shape == (2, 3) and blank.max() < 0.3
    each = [disturbances.accuracy(swept, lambda seen: np.where(np.arange(3)[:, None, None] == seed, seen, 0))
            for seed in range(3)]
    for seed, judged in enumerate(each):  # every run sees the pictures of its own seed
        assert np.array_equal(judged[:, seed], swept.test_accuracy[:, seed])


def test_one_step_is_the_sign_of_the_gradient_by_hand(swept):
    images, labels = [np.concatenate(arrays) for arrays in zip(
        swept.task.train, swept.task.validation, swept.task.test)]
    for goal in disturbances.GOALS:
        judged = disturbances.attacked(swept, 0.1, goal, steps=1)
        for place in np.ndindex(2, 3):
            w, b, v, c = (array[place].astype(float) for array in swept.weights)
            z, y = images[swept.parts[2][place[1]]].astype(float), labels[swept.parts[2][place[1]]]
            hidden = np.maximum(z @ w + b, 0)
            scores, right = hidden @ v + c, np.eye(10)[y]
            if goal == "loss":
                by_score = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True) - right
            else:
                by_score = np.eye(10)[np.where(right == 1, -np.inf, scores).argmax(axis=1)] - right
            z = np.clip(z + 0.1 * np.sign(by_score @ v.T * (hidden > 0) @ w.T), 0, 1)
            told = (np.maximum(z @ w + b, 0) @ v + c).argmax(axis=1) == y
            assert judged[place] == pytest.approx(told.mean(), abs=0.0101)  # two digits may round otherwise


def test_an_attack_grows_with_its_strength_and_its_steps(swept):
    assert np.array_equal(disturbances.attacked(swept, 0.0), swept.test_accuracy)
    by_strength = [disturbances.attacked(swept, strength).mean() for strength in (0.02, 0.1, 0.2)]
    assert by_strength[0] > by_strength[1] + 0.1 > by_strength[2] + 0.2
    for goal in disturbances.GOALS:
        assert disturbances.attacked(swept, 0.15, goal).mean() < disturbances.attacked(swept, 0.15, goal, 1).mean()


def test_the_margin_sees_through_scores_that_are_large(swept):
    sure = replace(swept, weights=[*swept.weights[:2], 100 * swept.weights[2], 100 * swept.weights[3]])
    assert np.array_equal(disturbances.accuracy(sure), swept.test_accuracy)
    by_loss, by_margin = [disturbances.attacked(sure, 0.1, goal, 1) for goal in disturbances.GOALS]
    assert by_loss.min() > by_margin.max()
    assert by_margin == pytest.approx(disturbances.attacked(swept, 0.1, "margin", 1), abs=0.011)


@pytest.mark.parametrize("arguments, words", [
    ({"strength": 0.1, "goal": "score"}, "goal must be one of loss, margin"),
    ({"strength": -0.1}, "strength must be"), ({"strength": np.nan}, "strength must be"),
    ({"strength": 0.1, "steps": 0}, "steps must be")])
def test_an_attack_names_what_does_not_fit(swept, arguments, words):
    with pytest.raises(ValueError, match=words):
        disturbances.attacked(swept, **arguments)


def test_targets_that_are_no_labels_are_refused():
    swept = sweep(GradientDescent(), tasks.linear_regression(), seeds=[0], steps=2, batch_size=10)
    with pytest.raises(ValueError, match="class labels"):
        disturbances.accuracy(swept)


def test_other_models_and_averages_kept_by_layers():
    def model():
        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, strides=2), keras.layers.Flatten(),
                                 keras.layers.BatchNormalization(), keras.layers.Dense(10)])

    plain = tasks.convolutional_digits()
    swept = sweep(Adam(0.01), Task(model, plain.loss, plain.train, plain.validation, plain.test), seeds=range(2),
                  steps=60, batch_size=32)
    assert np.array_equal(disturbances.accuracy(swept), swept.test_accuracy)
    assert disturbances.attacked(swept, 0.1, "margin").max() < swept.test_accuracy.min()

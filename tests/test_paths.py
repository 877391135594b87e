"""Walking down a surface."""

import warnings

import numpy as np
import pytest

from optkit import (AdaDelta, AdaGrad, Adam, AdaMax, GradientDescent, Momentum, Nesterov, Path, RMSprop, descend,
                    surfaces)
from wrong_rules import AdamW

RULES = [GradientDescent(), Momentum(), Nesterov(), AdaGrad(), AdaDelta(), RMSprop(), Adam(), AdaMax(), AdamW()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_path_is_that_of_a_plain_loop(rule):
    surface = surfaces.Himmelblau()
    path = descend(rule, surface, [0.5, -1.0], 25)
    assert isinstance(path, Path) and path.points.shape == (26, 2) and path.values.shape == (26,)
    assert path.points.dtype == path.values.dtype == np.float64
    x, state = np.array([0.5, -1.0]), rule.init(np.zeros(2))
    for t in range(26):
        np.testing.assert_array_equal(path.points[t], x)
        assert path.values[t] == surface(x)
        step, state = rule.update(surface.gradient(x), state, x)
        x = x - step
    assert path.diverged is False


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.09, 0.0999])
def test_gradient_descent_in_a_ravine_has_a_closed_form(rate):
    """Each coordinate shrinks by 1 - rate times curvature a step."""
    path = descend(GradientDescent(rate), surfaces.Ravine(20.0), (-2.0, 1.0), 40)
    t = np.arange(41)
    np.testing.assert_allclose(path.points[:, 0], -2 * (1 - rate) ** t, rtol=1e-12)
    np.testing.assert_allclose(path.points[:, 1], (1 - 20 * rate) ** t, rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(path.values, surfaces.Ravine(20.0)(path.points), rtol=1e-14)
    assert not path.diverged


def test_start_and_steps_in_any_form():
    surface = surfaces.Saddle()
    plain = descend(Adam(), surface, [1.0, 0.5], 3)
    start = np.array([1.0, 0.5])
    for same in (start, (1, 0.5), np.array([1.0, 0.5], "float32")):
        np.testing.assert_array_equal(descend(Adam(), surface, same, np.int64(3)).points, plain.points)
    np.testing.assert_array_equal(start, [1.0, 0.5])
    path = descend(Adam(), surface, start, 0)
    assert path.points.tolist() == [[1.0, 0.5]] and path.values.shape == (1,) and not path.diverged


@pytest.mark.parametrize("surface, start, rate", [
    (surfaces.Ravine(20.0), (-2.0, 1.0), 0.5), (surfaces.Rosenbrock(), (-1.2, 1.0), 0.1),
    (surfaces.Beale(), (4.0, 1.0), 1.0), (surfaces.Himmelblau(), (5.0, 5.0), 1.0), (surfaces.Saddle(), (1.0, 3.0), 2.0),
    (surfaces.Rosenbrock(), (1e60, 1.0), 0.1), (surfaces.Rosenbrock(), (1e80, 1.0), 0.1),
], ids=repr)
@pytest.mark.parametrize("cls", [GradientDescent, Momentum, Nesterov])
def test_overflow_is_reported_and_not_warned_of(cls, surface, start, rate):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = descend(cls(rate), surface, start, 400)
    first = np.argmin(np.isfinite(path.values))  # the number of the first step that is not
    assert first == 0 if start[0] == 1e80 else first > 0
    assert np.isfinite(path.values[:first]).all() and np.isfinite(path.points[:first]).all()
    assert (path.values[first:] == np.inf).all() and np.isnan(path.points[first:]).all()
    assert path.points.shape == (401, 2) and not np.isnan(path.values).any()
    assert path.diverged is True


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_no_rule_warns_however_steep_it_is(rule):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for surface in (surfaces.Rosenbrock(), surfaces.Beale()):
            path = descend(rule, surface, (1e30, -1e30), 50)
            assert not np.isnan(path.values).any()
        path = descend(rule, surfaces.Ravine(), (0.0, 0.0), 50)  # where every gradient is zero
        assert not path.diverged and (path.values == 0).all()


def test_path_that_ends_above_its_start_has_diverged():
    rising = descend(GradientDescent(0.11), surfaces.Ravine(20.0), (0.0, 1.0), 5)  # the edge is at 2 / 20
    assert np.isfinite(rising.values).all() and rising.values[-1] > rising.values[0] and rising.diverged is True
    edge = descend(GradientDescent(0.125), surfaces.Ravine(16.0), (0.0, 1.0), 5)  # at the edge it stays as high
    assert edge.values[-1] == edge.values[0] and edge.diverged is False
    detour = descend(Adam(0.3), surfaces.Ravine(20.0), (0.0, 0.1), 500)  # Adam's first step is long
    assert detour.values.max() > detour.values[0] and detour.diverged is False


def test_zero_by_zero_is_reported_and_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = descend(RMSprop(epsilon=0.0), surfaces.Ravine(), (0.0, 0.0), 3)
    assert path.diverged is True and path.values.tolist() == [0, np.inf, np.inf, np.inf]


def test_minimum_is_found():
    for surface, start in [(surfaces.Himmelblau(), (0.0, 0.0)), (surfaces.Beale(), (1.0, 1.0)),
                           (surfaces.RippledBowl(0.1), (2.0, 2.0))]:
        path = descend(Adam(0.05), surface, start, 3000)
        assert np.linalg.norm(surface.minima - path.points[-1], axis=1).min() < 1e-3


@pytest.mark.parametrize("arguments, complaint", [
    ((Adam, surfaces.Saddle(), (0, 0), 3), "rule must be one of optkit.rules"),
    (("Adam", surfaces.Saddle(), (0, 0), 3), "rule must be one of optkit.rules"),
    ((Adam(), surfaces.Saddle, (0, 0), 3), "surface must be one of optkit.surfaces"),
    ((Adam(), abs, (0, 0), 3), "surface must be one of optkit.surfaces"),
    ((Adam(), surfaces.Saddle(), (0, 0, 0), 3), "start must be two finite numbers"),
    ((Adam(), surfaces.Saddle(), 0, 3), "start must be two finite numbers"),
    ((Adam(), surfaces.Saddle(), [(0, 0)], 3), "start must be two finite numbers"),
    ((Adam(), surfaces.Saddle(), (0, np.nan), 3), "start must be two finite numbers"),
    ((Adam(), surfaces.Saddle(), (0, np.inf), 3), "start must be two finite numbers"),
    ((Adam(), surfaces.Saddle(), (0, 0), -1), "steps must be a whole number of at least 0, got -1"),
    ((Adam(), surfaces.Saddle(), (0, 0), 2.0), "steps must be a whole number"),
    ((Adam(), surfaces.Saddle(), (0, 0), "3"), "steps must be a whole number"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_argument_is_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        descend(*arguments)


def test_batched_rule_is_refused():
    with pytest.raises(ValueError, match="learning_rate has one value for each of 3 runs"):
        descend(Adam(learning_rate=[0.1, 0.2, 0.3]), surfaces.Saddle(), (0, 0), 3)

"""The surfaces: gradients against differences of heights, minima against a grid."""

import numpy as np
import pytest

from optkit import surfaces
from optkit.surfaces import Beale, Himmelblau, Ravine, RippledBowl, Rosenbrock, Saddle, Surface

ALL = [Ravine(), Ravine(1.0), Ravine(1000.0, 30.0), Ravine(5.0, -75.5), Ravine(50.0, 200.0), Rosenbrock(), Beale(),
       Himmelblau(), Saddle(), RippledBowl(), RippledBowl(0.0), RippledBowl(0.3)]
every_surface = pytest.mark.parametrize("surface", ALL, ids=repr)


def random_points(surface, count=200):
    left, right, bottom, top = surface.box
    return np.random.default_rng(7).uniform([left, bottom], [right, top], (count, 2))


def test_every_surface_is_tested():
    named = {value for value in vars(surfaces).values()
             if isinstance(value, type) and issubclass(value, Surface) and value is not Surface}
    assert named == {type(surface) for surface in ALL}


@every_surface
def test_gradient_is_the_complex_step_derivative(surface):
    """height(x + i h) = height(x) + i h height'(x), without any cancellation."""
    h = 1e-30
    x, y = random_points(surface).T
    right = np.stack([surface.height(np, x + 1j * h, y).imag / h, surface.height(np, x, y + 1j * h).imag / h], axis=-1)
    found = surface.gradient(np.stack([x, y], axis=-1))
    np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12 * np.abs(right).max())


@every_surface
def test_gradient_is_the_slope_of_the_height(surface):
    h = 1e-5
    points = random_points(surface)
    found = surface.gradient(points)
    for axis in (0, 1):
        shift = h * np.eye(2)[axis]
        slope = (surface(points + shift) - surface(points - shift)) / (2 * h)
        np.testing.assert_allclose(found[:, axis], slope, rtol=1e-6, atol=1e-8 * np.abs(slope).max())


@every_surface
def test_minima_are_the_lowest_points(surface):
    left, right, bottom, top = surface.box
    minima = surface.minima
    assert minima.shape == (len(minima), 2) and minima.dtype == np.float64
    assert ((minima > [left, bottom]) & (minima < [right, top])).all()
    np.testing.assert_allclose(surface.gradient(minima), 0, atol=1e-12)
    lowest = surface(minima)
    np.testing.assert_allclose(lowest, lowest[0], atol=1e-24)
    x, y = np.meshgrid(np.linspace(left, right, 801), np.linspace(bottom, top, 801))
    grid = np.stack([x, y], axis=-1)
    heights = surface(grid)
    assert heights.min() >= lowest[0] - 1e-12
    # and there are no others: whatever on the grid is nearly as low lies close to one that is listed
    inner = heights[1:-1, 1:-1]
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    local = np.all([inner <= heights[1 + i : 800 + i, 1 + j : 800 + j] for i, j in shifts], axis=0)
    rounded = 1e-2 * (1 + getattr(surface, "condition_number", 1))
    for point in grid[1:-1, 1:-1][local & (inner < lowest[0] + rounded)]:
        assert np.linalg.norm(minima - point, axis=1).min() < 0.35, point
    for minimum in minima:
        near = np.linalg.norm(grid - minimum, axis=-1) < 0.2
        assert heights[near].min() >= surface(minimum)


def test_known_heights():
    assert Ravine(20.0)([[1.0, 0.0], [0.0, 1.0]]).tolist() == [0.5, 10.0]
    assert Rosenbrock()([-1.2, 1.0]) == pytest.approx(24.2, rel=1e-14)
    assert Beale()([0.0, 0.0]) == 1.5**2 + 2.25**2 + 2.625**2
    assert Himmelblau()([0.0, 0.0]) == 170
    assert Himmelblau()([-0.270845, -0.923039]) == pytest.approx(181.617, abs=1e-3)  # its local maximum
    assert Saddle()([[0.0, 0.0], [0.0, 1.0], [2.0, 0.0]]).tolist() == [0.0, -0.25, 2.0]
    np.testing.assert_array_equal(Saddle().gradient([0.0, 0.0]), [0, 0])
    assert RippledBowl(1.0)([np.pi, 0.0]) == pytest.approx(np.pi**2 / 2 + 0.4, rel=1e-14)


@pytest.mark.parametrize("condition_number, angle", [(1.0, 0.0), (20.0, 0.0), (20.0, 30.0), (300.0, -100.0)])
def test_ravine_has_the_curvatures_and_the_angle_it_says(condition_number, angle):
    ravine = Ravine(condition_number, angle)
    hessian = ravine.gradient(np.eye(2))  # the gradient is linear, so its values at the unit vectors are its rows
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    across = np.array([-along[1], along[0]])
    np.testing.assert_allclose(hessian @ along, along, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(hessian @ across, condition_number * across, rtol=1e-12, atol=1e-10)


@every_surface
@pytest.mark.parametrize("shape", [(2,), (5, 2), (3, 4, 2), (0, 2)], ids=str)
def test_points_of_any_shape(surface, shape):
    points = np.random.default_rng(1).normal(size=shape)
    heights, gradients = surface(points), surface.gradient(points)
    assert np.shape(heights) == shape[:-1] and heights.dtype == np.float64
    assert gradients.shape == shape and gradients.dtype == np.float64
    for i, point in enumerate(points.reshape(-1, 2)):
        np.testing.assert_allclose(np.reshape(heights, -1)[i], surface(point), rtol=1e-14)
        np.testing.assert_allclose(gradients.reshape(-1, 2)[i], surface.gradient(point), rtol=1e-14, atol=1e-14)


@every_surface
def test_everything_is_float64(surface):
    for points in ([1, 2], np.array([1, 2], "float32"), np.array([1, 2], "int8")):
        assert surface(points).dtype == surface.gradient(points).dtype == np.float64
        assert surface(points) == surface([1.0, 2.0])


@pytest.mark.parametrize("bad", [1.0, [1.0], [1.0, 2.0, 3.0], np.ones((2, 3)), np.ones((2, 1)), []], ids=repr)
def test_points_of_another_shape_are_refused(bad):
    for call in (Saddle(), Saddle().gradient):
        with pytest.raises(ValueError, match=r"points must have the shape \(..., 2\), got \("):
            call(bad)


@pytest.mark.parametrize("make, complaint", [
    (lambda: Ravine(0.5), "condition_number must be finite and at least 1, got 0.5"),
    (lambda: Ravine(float("nan")), "condition_number .* got nan"), (lambda: Ravine(float("inf")), "condition_number"),
    (lambda: Ravine(angle=float("nan")), "angle must be a finite number of degrees, got nan"),
    (lambda: Ravine(angle=float("inf")), "angle"), (lambda: RippledBowl(-0.1), "ripple must be finite and at least 0"),
    (lambda: RippledBowl(float("nan")), "ripple"), (lambda: RippledBowl(float("inf")), "ripple"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_argument_is_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def test_points_are_not_changed():
    points = random_points(Beale())
    points.flags.writeable = False
    before = points.copy()
    Beale()(points), Beale().gradient(points)
    np.testing.assert_array_equal(points, before)

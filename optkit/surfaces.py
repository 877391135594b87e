"""Test functions of two variables: a landscape to walk on, with its exact gradient.

A surface is a frozen dataclass with the height in ``height(xp, x, y)`` and its two partial derivatives in
``slope(xp, x, y)``. Called on points of shape ``(..., 2)`` it gives heights of shape ``(...)``;
``surface.gradient(points)`` has the shape of the points. Everything is float64. ``surface.minima`` has the shape
``(n, 2)``: all global minima, exact or to the last place. ``surface.box`` is the part worth drawing,
``(left, right, bottom, top)``.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np


class Surface:
    """What every surface shares: it is called on points, and knows its gradient."""

    minima: ClassVar[np.ndarray]
    box: ClassVar[tuple]

    def __call__(self, points):
        """The heights, of shape ``(...)``, at points of shape ``(..., 2)``; ValueError for another shape."""
        return self.height(np, *_coordinates(points))

    def gradient(self, points):
        """The gradients, of shape ``(..., 2)``, at points of shape ``(..., 2)``; ValueError for another shape."""
        return np.stack(self.slope(np, *_coordinates(points)), axis=-1)


@dataclass(frozen=True)
class Ravine(Surface):
    """The quadratic (a^2 + condition_number b^2) / 2, where a and b are x and y turned by ``angle`` degrees.

    Its curvatures are 1 along the floor and ``condition_number`` across it. ValueError when that is below 1 or the
    angle is not finite.
    """

    condition_number: float = 20.0
    angle: float = 0.0
    minima: ClassVar = np.array([[0.0, 0.0]])
    box: ClassVar = (-2.2, 2.2, -1.6, 1.6)

    def __post_init__(self):
        if not 1 <= self.condition_number < np.inf:
            raise ValueError(f"condition_number must be finite and at least 1, got {self.condition_number!r}")
        if not np.isfinite(self.angle):
            raise ValueError(f"angle must be a finite number of degrees, got {self.angle!r}")

    def height(self, xp, x, y):
        c = xp.cos(self.angle * xp.pi / 180)
        s = xp.sin(self.angle * xp.pi / 180)
        a = c * x + s * y
        b = c * y - s * x
        return (a**2 + self.condition_number * b**2) / 2

    def slope(self, xp, x, y):
        c = xp.cos(self.angle * xp.pi / 180)
        s = xp.sin(self.angle * xp.pi / 180)
        a = c * x + s * y
        b = c * y - s * x
        return c * a - self.condition_number * s * b, s * a + self.condition_number * c * b


@dataclass(frozen=True)
class Rosenbrock(Surface):
    """(1 - x)^2 + 100 (y - x^2)^2: a curved valley, easy to find and slow to follow (Rosenbrock 1960)."""

    minima: ClassVar = np.array([[1.0, 1.0]])
    box: ClassVar = (-2.0, 2.0, -1.0, 3.0)

    def height(self, xp, x, y):
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    def slope(self, xp, x, y):
        across = y - x**2
        return -2 * (1 - x) - 400 * x * across, 200 * across


@dataclass(frozen=True)
class Beale(Surface):
    """Three squared misfits 1.5, 2.25, 2.625 - x (1 - y^k): plateaus, a flat valley, steep corners (Beale 1958)."""

    minima: ClassVar = np.array([[3.0, 0.5]])
    box: ClassVar = (-1.0, 4.5, -1.5, 1.5)

    def height(self, xp, x, y):
        a = 1.5 - x + x * y
        b = 2.25 - x + x * y**2
        c = 2.625 - x + x * y**3
        return a**2 + b**2 + c**2

    def slope(self, xp, x, y):
        a = 1.5 - x + x * y
        b = 2.25 - x + x * y**2
        c = 2.625 - x + x * y**3
        along_x = 2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1)
        along_y = 2 * a * x + 4 * b * x * y + 6 * c * x * y**2
        return along_x, along_y


@dataclass(frozen=True)
class Himmelblau(Surface):
    """(x^2 + y - 11)^2 + (x + y^2 - 7)^2: four minima of the same depth; the start decides (Himmelblau 1972)."""

    minima: ClassVar = np.array([[3.0, 2.0], [-2.805118086952745, 3.131312518250573],
                                 [-3.779310253377747, -3.283185991286170], [3.584428340330492, -1.848126526964404]])
    box: ClassVar = (-5.5, 5.5, -5.5, 5.5)

    def height(self, xp, x, y):
        a = x**2 + y - 11
        b = x + y**2 - 7
        return a**2 + b**2

    def slope(self, xp, x, y):
        a = x**2 + y - 11
        b = x + y**2 - 7
        return 4 * x * a + 2 * b, 2 * a + 4 * y * b


@dataclass(frozen=True)
class Saddle(Surface):
    """x^2 / 2 - y^2 / 2 + y^4 / 4: a pass at the origin between two minima, at y = 1 and y = -1."""

    minima: ClassVar = np.array([[0.0, 1.0], [0.0, -1.0]])
    box: ClassVar = (-1.8, 1.8, -1.6, 1.6)

    def height(self, xp, x, y):
        return x**2 / 2 - y**2 / 2 + y**4 / 4

    def slope(self, xp, x, y):
        return x, y**3 - y


@dataclass(frozen=True)
class RippledBowl(Surface):
    """(x^2 + y^2) / 2 + ripple (2 - cos(5 x) - cos(5 y)) / 5: deepest at the origin, a dimple in every wave.

    At a ripple of 2 many dimples hold a local minimum; at 0 it is a plain bowl. ValueError when the ripple is negative
    or not finite.
    """

    ripple: float = 2.0
    minima: ClassVar = np.array([[0.0, 0.0]])
    box: ClassVar = (-3.2, 3.2, -3.2, 3.2)

    def __post_init__(self):
        if not 0 <= self.ripple < np.inf:
            raise ValueError(f"ripple must be finite and at least 0, got {self.ripple!r}")

    def height(self, xp, x, y):
        return (x**2 + y**2) / 2 + self.ripple * (2 - xp.cos(5 * x) - xp.cos(5 * y)) / 5

    def slope(self, xp, x, y):
        return x + self.ripple * xp.sin(5 * x), y + self.ripple * xp.sin(5 * y)


def _coordinates(points):
    points = np.asarray(points, float)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(f"points must have the shape (..., 2), got {points.shape}")
    return points[..., 0], points[..., 1]

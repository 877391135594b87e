"""Walking down a surface with a rule."""

from dataclasses import dataclass

import numpy as np

from optkit import surfaces
from optkit.rules import Rule


@dataclass(frozen=True)
class Path:
    """Where a rule went: ``points`` of shape ``(steps + 1, 2)``, and ``values`` there, of shape ``(steps + 1,)``.

    ``diverged`` says that the height became infinite or ended above where it began. From the first point that
    is not finite on, the points are NaN (and are not drawn) and the values infinite.
    """

    points: np.ndarray
    values: np.ndarray
    diverged: bool


def descend(rule, surface, start, steps):
    """Follow ``rule`` for ``steps`` steps on ``surface``, from ``start``, two coordinates; returns a ``Path``.

    ValueError when the start is not two finite numbers, or steps is not a whole number of at least 0.
    """
    if not isinstance(rule, Rule):
        raise ValueError(f"rule must be one of optkit.rules, such as optkit.Adam(), got {rule!r}")
    if not isinstance(surface, surfaces.Surface):
        raise ValueError(f"surface must be one of optkit.surfaces, such as surfaces.Ravine(), got {surface!r}")
    x = np.array(start, float)
    if x.shape != (2,) or not np.isfinite(x).all():
        raise ValueError(f"start must be two finite numbers, got {start!r}")
    if not isinstance(steps, (int, np.integer)) or steps < 0:
        raise ValueError(f"steps must be a whole number of at least 0, got {steps!r}")
    points, values = np.full((steps + 1, 2), np.nan), np.full(steps + 1, np.inf)
    state = rule.init(x)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a run that overflows is reported as diverged
        for t in range(steps + 1):
            value = surface(x)
            if not np.isfinite(value):
                break
            points[t], values[t] = x, value
            step, state = rule.update(surface.gradient(x), state, x)
            x = x - step
    return Path(points, values, diverged=bool(values[-1] == np.inf or values[-1] > values[0]))

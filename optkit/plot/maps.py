"""Surfaces and maps from above, and pictures of digits."""

import matplotlib
import matplotlib.style
import numpy as np

from optkit.plot.look import FAINT, GROUND, INK, LOOK, STYLES, WIDTH, Figure, legend, new_figure, styled


def paths(surface, walks, box=None, x_label="$x$", y_label="$y$"):
    """Contours of a surface with the paths of ``walks``, a dict from a rule or a label to a ``Path``.

    A ring marks the start, a plus each minimum. ``box``: (left, right, bottom, top), by default the surface's own.
    """
    left, right, bottom, top = box or surface.box
    with matplotlib.style.context(LOOK):
        figure, (axis,) = new_figure(height=3.7)
        x, y = np.meshgrid(np.linspace(left, right, 241), np.linspace(bottom, top, 241))
        heights = surface(np.stack([x, y], axis=-1))
        above = heights - surface(surface.minima).min()
        levels = np.quantile(above, np.linspace(0.02, 0.95, 12) ** 1.6)
        axis.contourf(x, y, above, levels=[0, *levels, above.max() + 1], cmap="Greys", alpha=0.25)
        axis.contour(x, y, above, levels=levels, colors=FAINT, linewidths=0.5)
        axis.plot(*surface.minima.T, "+", color=INK, markersize=9, markeredgewidth=1.8, zorder=3)
        for (name, colour, style), walk in zip(styled(walks), walks.values()):
            axis.plot(*walk.points.T, style, color=colour, marker="o", markersize=2.8, linewidth=1.3, label=name)
            axis.plot(*walk.points[0], "o", color=INK, markerfacecolor=GROUND, markersize=7)
        axis.set(xlim=(left, right), ylim=(bottom, top), xlabel=x_label, ylabel=y_label)
        axis.grid(False)
        legend(axis)
    return figure


def contours(x, y, values, *, x_label, y_label, levels, curves=None, marks=None):
    """A map: lines of equal ``values``, of shape ``(len(y), len(x))``, at ``levels``, the fainter the grey the lower.

    What lies above the last level is strongest, and what is NaN stays blank. ``curves`` is a dict from a label to a pair
    of arrays, ``marks`` one from a label to a pair of numbers: lines and points to compare with.
    """
    with matplotlib.style.context(LOOK):
        figure, (axis,) = new_figure(height=4.0)
        values = np.clip(values, None, 2 * levels[-1])  # infinity too
        axis.contourf(x, y, values, levels=[0, *levels, 2.1 * levels[-1]], alpha=0.75,
                      colors=matplotlib.colormaps["Greys"](np.linspace(0.05, 0.6, len(levels) + 1)))
        drawn = axis.contour(x, y, values, levels=levels, colors=INK, linewidths=0.6)
        axis.clabel(drawn, fontsize=8, fmt="%g")
        for (name, colour, style), points in zip(styled(curves or {}), (curves or {}).values()):
            axis.plot(*points, style, color=colour, label=name, linewidth=2.2)
        for name, place in (marks or {}).items():
            axis.plot(*place, "o", color=STYLES["Momentum"][0], markeredgecolor=GROUND, markersize=9, label=name,
                      linestyle="none", clip_on=False, zorder=4)
        axis.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=x_label, ylabel=y_label)
        axis.grid(False)
        legend(axis)
    return figure


def images(pictures, labels):
    """A row of square grey pictures, given as rows of pixels between 0 and 1, with a label above each."""
    side = int(np.sqrt(np.shape(pictures)[1]))
    figure = Figure(figsize=(WIDTH, 0.9), layout="constrained")
    for axis, picture, label in zip(figure.subplots(1, len(pictures)), pictures, labels):
        axis.imshow(np.reshape(picture, (side, side)), cmap="Greys", vmin=0, vmax=1)
        axis.set_title(str(label), fontsize=10, color=INK)
        axis.set_axis_off()
    return figure

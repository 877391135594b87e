"""Lines over an axis."""

import matplotlib.style
import numpy as np

from optkit.plot.look import (FAINT, INK, LOOK, SEQUENCE, WIDTH, Figure, class_of, finite, legend, logarithmic,
                              new_figure, styled)


def lines(x, series, *, x_label, y_label, x_log=False, y_log=False, levels=None, edges=None, y_range=None):
    """Lines over ``x``: ``series`` is a dict from a rule or a label to values of shape ``(points,)``.

    Values of shape ``(runs, points)`` are drawn as their median with a band from the lower to the upper quartile.
    ``levels`` and ``edges`` are dicts from a label to the height, or the place, of a dotted line for comparison.
    """
    panel = {"series": series, "y_label": y_label, "y_log": y_log, "levels": levels, "edges": edges,
             "y_range": y_range}
    return stacked(x, [panel], x_label=x_label, x_log=x_log)


def stacked(x, panels, *, x_label, x_log=False):
    """Several panels of lines, one above the other, over the same ``x``.

    Each panel is a dict of what ``lines`` takes: ``series`` and ``y_label``, perhaps ``y_log``, ``levels``, ``edges``.
    """
    with matplotlib.style.context(LOOK):
        figure, axes = new_figure(height=3.3 if len(panels) == 1 else 2.5 * len(panels), rows=len(panels))
        for axis, panel in zip(axes, panels):
            _draw_lines(axis, x, **panel)
            if x_log:
                logarithmic(axis, "x")
            if axis is axes[0] or list(panel["series"]) != list(panels[0]["series"]):
                legend(axis)
        axes[-1].set_xlabel(x_label)
    return figure


def learning_rates(sweeps, measure="validation_loss", y_label="validation loss", y_range=None, edges=None):
    """Loss against learning rate: the median over the seeds of each sweep, with a band between the quartiles.

    ``sweeps`` is a dict from a rule or a label to a ``Sweep`` over learning rates. A rate at which half of
    the seeds or more diverged has no point; a cross at the top marks it. A dotted line marks a rule's default.
    """
    with matplotlib.style.context(LOOK):
        figure, (axis,) = new_figure(height=3.3)
        axis.set(xlabel="learning rate", ylabel=y_label)
        draw_rates(axis, sweeps, measure, y_range, edges)
        legend(axis)
    return figure


def fit(x, y, fits):
    """Points (x, y) with straight lines: ``fits`` is a dict from a label to (slope, intercept)."""
    with matplotlib.style.context(LOOK):
        figure, (axis,) = new_figure(height=3.3)
        axis.plot(np.ravel(x), np.ravel(y), ".", color=FAINT, markersize=3, label="data")
        ends = np.array([0, np.max(x)])
        for (name, colour, style), (slope, intercept) in zip(styled(fits), fits.values()):
            axis.plot(ends, slope * ends + intercept, style, color=colour, label=name)
        axis.set(xlabel="$x$", ylabel="$y$")
        legend(axis)
    return figure


def winners(x, series, *, x_label, y_label):
    """Which line is lowest where: all in grey, and the lowest at each ``x`` with a large dot in its rule's colour.

    ``series``: a dict from a rule to values of shape ``(points,)``. Both axes are logarithmic.
    """
    lowest = np.argmin(np.array(list(series.values())), axis=0)
    with matplotlib.style.context(LOOK):
        figure, (axis,) = new_figure(height=3.6)
        for place, ((name, colour, style), values) in enumerate(zip(styled(series), series.values())):
            axis.plot(x, finite(values), color="#c9c9c4", linewidth=1, zorder=1)
            wins = lowest == place
            if wins.any():
                axis.plot(x, np.where(wins, finite(values), np.nan), style, color=colour, marker="o", markersize=8,
                          label=name)
        axis.set(xlabel=x_label, ylabel=y_label)
        logarithmic(axis, "x")
        logarithmic(axis, "y")
        legend(axis)
    return figure


def symptom(before, after, *, titles=("what you see", "after the remedy"), x=None, x_label="step",
            y_label="training loss", y_log=False, y_range=None):
    """Two small panels on one scale: the trouble at the left, the same run after its remedy at the right.

    ``before`` and ``after`` have the shape ``(runs, points)``: the first run is drawn boldly, the others faintly; or
    each is a dict from a label to such values. A cross marks where the first run stops being a number. ``x`` holds the
    places of the points, by default 0, 1, 2 and so on.
    """
    with matplotlib.style.context(LOOK):
        figure = Figure(figsize=(WIDTH, 2.1), layout="constrained")
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        crosses = []
        for axis, title, curves, place in zip(axes, titles, (before, after), (0, 3)):
            styles = [(SEQUENCE[place][0], "-"), (INK, "--")]
            curves = curves if isinstance(curves, dict) else {"": curves}
            for (label, runs), (colour, style) in zip(curves.items(), styles):
                runs = np.atleast_2d(np.asarray(runs, float))
                places = np.arange(runs.shape[1]) if x is None else np.asarray(x)
                axis.plot(places, finite(runs[1:]).T, style, color=colour, linewidth=0.6, alpha=0.35)
                axis.plot(places, finite(runs[0]), style, color=colour, label=label,
                          linewidth=1.5 if len(places) <= 150 else 0.9)
                if not np.isfinite(runs[0]).all():
                    last = max(np.argmin(np.isfinite(runs[0])) - 1, 0)
                    crosses.append((axis, places[last], runs[0, last]))
            axis.set_title(title, loc="left")
            axis.set_xlabel(x_label)
        axes[0].set_ylabel(y_label)
        if y_range:
            axes[0].set_ylim(y_range)
        if y_log:
            logarithmic(axes[0], "y")
        for axis, place, height in crosses:
            axis.plot(place, np.clip(height, *axis.get_ylim()), "x", color=INK, markersize=9, markeredgewidth=2.2,
                      clip_on=False, zorder=5)
        if isinstance(before, dict):
            axes[1].legend(handlelength=1.8)
    return figure


def _draw_lines(axis, x, series, y_label, y_log=False, levels=None, edges=None, y_range=None):
    few = len(x) <= 30
    for (name, colour, style), values in zip(styled(series), series.values()):
        values = np.asarray(values, float)
        if values.ndim == 2:
            (low, high), values = _quartiles(values, axis=0), np.median(values, axis=0)
            axis.fill_between(x, finite(low), finite(high), color=colour, alpha=0.2, linewidth=0)
        axis.plot(x, finite(values), style, color=colour, label=name, marker="o" if few else None, markersize=3.5)
    for label, height in (levels or {}).items():
        axis.axhline(height, color=INK, linestyle=":", linewidth=1.2)
        axis.annotate(label, (1, height), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                      va="center", fontsize=9)
    _draw_edges(axis, edges)
    axis.set_ylabel(y_label)
    if y_range:
        axis.set_ylim(y_range)
    if y_log:
        logarithmic(axis, "y")


def draw_rates(axis, sweeps, measure, y_range=None, edges=None):
    tops = []
    for (name, colour, style), (key, sweep) in zip(styled(sweeps), sweeps.items()):
        rates, losses = sweep.grid["learning_rate"], getattr(sweep, measure)
        (low, high), middle = _quartiles(losses, axis=1), np.median(losses, axis=1)
        axis.plot(rates, finite(middle), style, color=colour, marker="o", markersize=3.5, label=name)
        axis.fill_between(rates, finite(low), finite(np.where(np.isfinite(high), high, middle)), color=colour,
                          alpha=0.2, linewidth=0)
        tops.append((rates[~np.isfinite(middle)], colour))
        if rule_class := class_of(key):
            axis.axvline(rule_class().learning_rate, color=colour, linestyle=":", linewidth=1.2)
    _draw_edges(axis, edges)
    logarithmic(axis, "x")
    if y_range:
        axis.set_ylim(y_range)
    logarithmic(axis, "y")
    for rates, colour in tops:
        axis.plot(rates, np.full(len(rates), 0.97), "x", color=colour, markersize=6, clip_on=False,
                  transform=axis.get_xaxis_transform())


def _quartiles(values, axis):
    """The lower and the upper one; values that occur, since between a number and infinity there is none."""
    return np.quantile(values, [0.25, 0.75], axis=axis, method="nearest")


def _draw_edges(axis, edges):
    for label, place in (edges or {}).items():
        axis.axvline(place, color=INK, linestyle=":", linewidth=1.2, label=label)

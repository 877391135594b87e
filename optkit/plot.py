"""Every figure of the book.

A rule has one colour and one line style, the same in every chapter; the colours are told apart by colour-blind
readers, the styles in grey. Figures are narrow, so that their words stay readable on a phone, and bring their own
light ground, so that they are readable on a dark page.
"""

import io

import matplotlib.figure
import matplotlib.lines
import matplotlib.style
import matplotlib.ticker
import numpy as np

from optkit import rules
from optkit.rules import Rule

# Found by search: on this ground every colour has a contrast of at least 3, and any two lie at least 18 apart in the
# uniform colour space CAM02-UCS, for full colour vision and for each of the three kinds of dichromacy. AdamW came last:
# beside the other eight only colours near black are left, and this is the one of them farthest from all below.
_STYLES = {
    "GradientDescent": ("#4d4d4d", "-"), "Momentum": ("#0012f5", "-"), "Nesterov": ("#2e8dff", "--"),
    "AdaGrad": ("#928d0c", "-"), "AdaDelta": ("#bd5d9c", "--"), "RMSprop": ("#5a805f", "-."), "Adam": ("#9e0004", "-"),
    "AdaMax": ("#37003a", "--"), "AdamW": ("#020000", "-."),
}
# For what is not a rule, in order: from light to dark, so that the order shows in grey too.
_SEQUENCE = [("#eb6628", "-"), ("#c33b4f", "-."), ("#84206b", ":"), ("#420a68", "-."), ("#030210", "--")]
_GROUND, _INK, _FAINT = "#fbfbf9", "#222222", "#8a8a8a"
_LOOK = {
    "font.size": 10, "axes.titlesize": 10, "axes.labelsize": 10, "legend.fontsize": 9, "xtick.labelsize": 9,
    "ytick.labelsize": 9, "text.color": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
    "axes.edgecolor": _FAINT, "axes.spines.top": False, "axes.spines.right": False, "axes.facecolor": _GROUND,
    "axes.grid": True, "grid.color": "#e4e4e0", "lines.linewidth": 1.8, "legend.frameon": False,
    "axes.axisbelow": True,
}
_WIDTH = 5.2  # inches; at the width of a phone the 9 points of a tick label are still about 9 pixels


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure that shows itself as a picture when it is the value of a notebook cell."""

    def _repr_png_(self):
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=200, facecolor=_GROUND, bbox_inches="tight", pad_inches=0.12)
        return picture.getvalue()


def paths(surface, walks, box=None, x_label="$x$", y_label="$y$"):
    """Contours of a surface with the paths of ``walks``, a dict from a rule or a label to a ``Path``.

    A ring marks the start, a plus each minimum. ``box``: (left, right, bottom, top), by default the surface's own.
    """
    left, right, bottom, top = box or surface.box
    with matplotlib.style.context(_LOOK):
        figure, (axis,) = _figure(height=3.7)
        x, y = np.meshgrid(np.linspace(left, right, 241), np.linspace(bottom, top, 241))
        heights = surface(np.stack([x, y], axis=-1))
        above = heights - surface(surface.minima).min()
        levels = np.quantile(above, np.linspace(0.02, 0.95, 12) ** 1.6)
        axis.contourf(x, y, above, levels=[0, *levels, above.max() + 1], cmap="Greys", alpha=0.25)
        axis.contour(x, y, above, levels=levels, colors=_FAINT, linewidths=0.5)
        axis.plot(*surface.minima.T, "+", color=_INK, markersize=9, markeredgewidth=1.8, zorder=3)
        for (name, colour, style), walk in zip(_styled(walks), walks.values()):
            axis.plot(*walk.points.T, style, color=colour, marker="o", markersize=2.8, linewidth=1.3, label=name)
            axis.plot(*walk.points[0], "o", color=_INK, markerfacecolor=_GROUND, markersize=7)
        axis.set(xlim=(left, right), ylim=(bottom, top), xlabel=x_label, ylabel=y_label)
        axis.grid(False)
        _legend(axis)
    return figure


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
    with matplotlib.style.context(_LOOK):
        figure, axes = _figure(height=3.3 if len(panels) == 1 else 2.5 * len(panels), rows=len(panels))
        for axis, panel in zip(axes, panels):
            _draw_lines(axis, x, **panel)
            if x_log:
                _logarithmic(axis, "x")
            if axis is axes[0] or list(panel["series"]) != list(panels[0]["series"]):
                _legend(axis)
        axes[-1].set_xlabel(x_label)
    return figure


def learning_rates(sweeps, measure="validation_loss", y_label="validation loss", y_range=None, edges=None):
    """Loss against learning rate: the median over the seeds of each sweep, with a band between the quartiles.

    ``sweeps`` is a dict from a rule or a label to a ``Sweep`` over learning rates. A rate at which more than half of
    the seeds diverged has no point; a cross at the top marks it. A dotted line marks a rule's default.
    """
    with matplotlib.style.context(_LOOK):
        figure, (axis,) = _figure(height=3.3)
        axis.set(xlabel="learning rate", ylabel=y_label)
        _draw_rates(axis, sweeps, measure, y_range, edges)
        _legend(axis)
    return figure


def race(run):
    """A race in one picture: above, the validation loss of every rule over its learning rates; below, the test losses.

    Up to four rules share one panel, more have a panel each, with the others in grey. A dotted line marks a rule's
    default rate, a ring the one that was chosen; in the lower part there is a dot for each of the fresh seeds.
    """
    few = len(run.tuning) <= 4
    panels = [run.tuning] if few else [{key: swept} for key, swept in run.tuning.items()]
    columns = 1 if few else 2
    rows = -(-len(panels) // columns)
    above, between, below = rows * (2.4 if few else 1.25), 0.9, 0.34 * len(run.tuning)  # inches
    height = above + between + below
    with matplotlib.style.context(_LOOK):
        figure, first = Figure(figsize=(_WIDTH, height)), None
        grid = figure.add_gridspec(rows, columns, bottom=(below + between) / height, top=1, left=0, right=1,
                                   hspace=0.45, wspace=0.08)
        for place, shown in enumerate(panels):
            first = axis = figure.add_subplot(grid[place // columns, place % columns], sharex=first, sharey=first)
            _draw_tuned(axis, shown, {} if few else run.tuning, run.learning_rate)
            lowest = place >= len(panels) - columns
            axis.tick_params(labelbottom=lowest, labelleft=place % columns == 0)
            axis.set(xlabel="learning rate" if lowest else "", ylabel="" if place % columns else "validation loss")
        if few:
            _legend(axis)
        _draw_dots(figure.add_axes((0, 0, 1, below / height)),
                   {key: result.test_loss[0] for key, result in run.results.items()}, "test loss, fresh seeds", True)
    return figure


def _draw_tuned(axis, shown, others, chosen):
    """Loss over learning rates, a ring at the chosen one; the others in grey behind, and then the names as titles."""
    for swept in others.values():
        axis.plot(swept.grid["learning_rate"], _finite(np.median(swept.validation_loss, axis=1)), color="#c9c9c4",
                  linewidth=1, zorder=1)
    _draw_rates(axis, shown, "validation_loss")
    for (name, colour, _), (key, swept) in zip(_styled(shown), shown.items()):
        place = np.argmin(np.abs(swept.grid["learning_rate"] - chosen[key]))
        axis.plot(chosen[key], np.median(swept.validation_loss[place]), "o", color=colour, markersize=9,
                  markerfacecolor="none", markeredgewidth=1.6)
        if others:
            axis.set_title(name, color=colour, fontsize=9, pad=3)


def fit(x, y, fits):
    """Points (x, y) with straight lines: ``fits`` is a dict from a label to (slope, intercept)."""
    with matplotlib.style.context(_LOOK):
        figure, (axis,) = _figure(height=3.3)
        axis.plot(np.ravel(x), np.ravel(y), ".", color=_FAINT, markersize=3, label="data")
        ends = np.array([0, np.max(x)])
        for (name, colour, style), (slope, intercept) in zip(_styled(fits), fits.values()):
            axis.plot(ends, slope * ends + intercept, style, color=colour, label=name)
        axis.set(xlabel="$x$", ylabel="$y$")
        _legend(axis)
    return figure


def images(pictures, labels):
    """A row of square grey pictures, given as rows of pixels between 0 and 1, with a label above each."""
    side = int(np.sqrt(np.shape(pictures)[1]))
    figure = Figure(figsize=(_WIDTH, 0.9), layout="constrained")
    for axis, picture, label in zip(figure.subplots(1, len(pictures)), pictures, labels):
        axis.imshow(np.reshape(picture, (side, side)), cmap="Greys", vmin=0, vmax=1)
        axis.set_title(str(label), fontsize=10, color=_INK)
        axis.set_axis_off()
    return figure


def dots(groups, *, x_label, x_log=False):
    """A row a rule, a dot a run: ``groups`` is a dict from a rule or a label to values of shape ``(runs,)``.

    A bar marks the median. Runs that diverged have no dot; their number stands at the right.
    """
    with matplotlib.style.context(_LOOK):
        figure, (axis,) = _figure(height=0.9 + 0.5 * len(groups))
        _draw_dots(axis, groups, x_label, x_log)
    return figure


def intervals(groups, *, x_label):
    """A row a label: ``groups`` is a dict from a label to (low, middle, high), drawn as a bar with a dot."""
    with matplotlib.style.context(_LOOK):
        figure, (axis,) = _figure(height=0.9 + 0.32 * len(groups))
        rows, colour = np.arange(len(groups)), _STYLES["Momentum"][0]
        low, middle, high = np.transpose(list(groups.values()))
        axis.hlines(rows, low, high, color=colour, linewidth=2.6, alpha=0.45)
        axis.plot(middle, rows, "o", color=colour, markersize=6)
        axis.set_yticks(rows, list(groups))
        axis.set(xlabel=x_label, xlim=(0, None), ylim=(len(groups) - 0.5, -0.5))
        axis.grid(axis="y", visible=False)
    return figure


def contours(x, y, values, *, x_label, y_label, levels, curves=None, marks=None):
    """A map: lines of equal ``values``, of shape ``(len(y), len(x))``, at ``levels``, the lighter the lower.

    What lies above the last level is darkest, and what is NaN stays blank. ``curves`` is a dict from a label to a pair
    of arrays, ``marks`` one from a label to a pair of numbers: lines and points to compare with.
    """
    with matplotlib.style.context(_LOOK):
        figure, (axis,) = _figure(height=4.0)
        values = np.clip(values, None, 2 * levels[-1])  # infinity too
        axis.contourf(x, y, values, levels=[0, *levels, 2.1 * levels[-1]], alpha=0.75,
                      colors=matplotlib.colormaps["Greys"](np.linspace(0.05, 0.6, len(levels) + 1)))
        drawn = axis.contour(x, y, values, levels=levels, colors=_INK, linewidths=0.6)
        axis.clabel(drawn, fontsize=8, fmt="%g")
        for (name, colour, style), points in zip(_styled(curves or {}), (curves or {}).values()):
            axis.plot(*points, style, color=colour, label=name, linewidth=2.2)
        for name, place in (marks or {}).items():
            axis.plot(*place, "o", color=_STYLES["Momentum"][0], markeredgecolor=_GROUND, markersize=9, label=name,
                      linestyle="none", clip_on=False, zorder=4)
        axis.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=x_label, ylabel=y_label)
        axis.grid(False)
        _legend(axis)
    return figure


def _figure(height, rows=1):
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]


def _draw_lines(axis, x, series, y_label, y_log=False, levels=None, edges=None, y_range=None):
    few = len(x) <= 30
    for (name, colour, style), values in zip(_styled(series), series.values()):
        values = np.asarray(values, float)
        if values.ndim == 2:
            low, values, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0, method="nearest")
            axis.fill_between(x, _finite(low), _finite(high), color=colour, alpha=0.2, linewidth=0)
        axis.plot(x, _finite(values), style, color=colour, label=name, marker="o" if few else None, markersize=3.5)
    for label, height in (levels or {}).items():
        axis.axhline(height, color=_INK, linestyle=":", linewidth=1.2)
        axis.annotate(label, (1, height), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                      va="center", fontsize=9)
    _draw_edges(axis, edges)
    axis.set_ylabel(y_label)
    if y_log:
        _logarithmic(axis, "y")
    if y_range:
        axis.set_ylim(y_range)


def _draw_rates(axis, sweeps, measure, y_range=None, edges=None):
    tops = []
    for (name, colour, style), (key, sweep) in zip(_styled(sweeps), sweeps.items()):
        rates, losses = sweep.grid["learning_rate"], getattr(sweep, measure)
        low, middle, high = np.quantile(losses, [0.25, 0.5, 0.75], axis=1, method="nearest")
        axis.plot(rates, _finite(middle), style, color=colour, marker="o", markersize=3.5, label=name)
        axis.fill_between(rates, _finite(low), _finite(np.where(np.isfinite(high), high, middle)), color=colour,
                          alpha=0.2, linewidth=0)
        tops.append((rates[~np.isfinite(middle)], colour))
        if rule_class := _rule_class(key):
            axis.axvline(rule_class().learning_rate, color=colour, linestyle=":", linewidth=1.2)
    _draw_edges(axis, edges)
    _logarithmic(axis, "x")
    _logarithmic(axis, "y")
    if y_range:
        axis.set_ylim(y_range)
    for rates, colour in tops:
        axis.plot(rates, np.full(len(rates), 0.97), "x", color=colour, markersize=6, clip_on=False,
                  transform=axis.get_xaxis_transform())


def _draw_dots(axis, groups, x_label, x_log):
    for row, ((name, colour, _), values) in enumerate(zip(_styled(groups), groups.values())):
        values = np.asarray(values, float)
        apart = (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.4  # up and down, so that dots do not hide each other
        axis.plot(_finite(values), row + apart, "o", color=colour, markersize=4, alpha=0.6, markeredgewidth=0)
        axis.plot(_finite(np.full(2, np.median(values))), [row - 0.36, row + 0.36], color=colour, linewidth=2.6)
        if diverged := int(np.sum(~np.isfinite(values))):
            axis.annotate(f"{diverged} diverged", (1, row), (3, 0), xycoords=("axes fraction", "data"),
                          textcoords="offset points", va="center", fontsize=9)
    axis.set_yticks(range(len(groups)), [name for name, *_ in _styled(groups)])
    axis.set(xlabel=x_label, ylim=(len(groups) - 0.5, -0.5))
    axis.grid(axis="y", visible=False)
    if x_log:
        _logarithmic(axis, "x")


def _draw_edges(axis, edges):
    for label, place in (edges or {}).items():
        axis.axvline(place, color=_INK, linestyle=":", linewidth=1.2, label=label)


def _logarithmic(axis, which):
    """A logarithmic axis; one that spans little more than a decade has plain numbers between the powers of ten too."""
    getattr(axis, f"set_{which}scale")("log")
    low, high = getattr(axis, f"get_{which}lim")()
    if high < 30 * low:
        scale = getattr(axis, f"{which}axis")
        scale.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
        scale.set_minor_locator(matplotlib.ticker.LogLocator(subs=(2, 5)))
        scale.set_minor_formatter(matplotlib.ticker.FormatStrFormatter("%g"))


def _styled(series):
    """For each key its name, colour and line style: a rule has its own, what is not a rule goes by its place."""
    others = [key for key in series if not _rule_class(key)]
    if len(others) > len(_SEQUENCE):
        raise ValueError(f"a figure holds at most {len(_SEQUENCE)} lines that are not rules, got {len(others)}")
    for key in series:
        if rule_class := _rule_class(key):
            yield rule_class.__name__, *_STYLES.get(rule_class.__name__, _SEQUENCE[0])
        else:
            # Two or three lines take colours that lie far apart.
            place = others.index(key) * (len(_SEQUENCE) - 1) // max(1, len(others) - 1)
            yield str(key), *_SEQUENCE[place]


def _rule_class(key):
    """The class of a rule, or of the rule that a label names; None for another label."""
    return type(key) if isinstance(key, Rule) else getattr(rules, key) if key in _STYLES else None


def _finite(values):
    return np.where(np.isfinite(values), values, np.nan)


def _legend(axis):
    """Names above the picture, where they cover nothing; none for a single line, which the axis names."""
    handles, names = axis.get_legend_handles_labels()
    if len(names) > 1:
        axis.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, handlelength=2.6, borderaxespad=0.2)


def winners(x, series, *, x_label, y_label):
    """Which line is lowest where: all in grey, and the lowest at each ``x`` with a large dot in its rule's colour.

    ``series``: a dict from a rule to values of shape ``(points,)``. Both axes are logarithmic.
    """
    lowest = np.argmin(np.array(list(series.values())), axis=0)
    with matplotlib.style.context(_LOOK):
        figure, (axis,) = _figure(height=3.6)
        for place, ((name, colour, style), values) in enumerate(zip(_styled(series), series.values())):
            axis.plot(x, _finite(values), color="#c9c9c4", linewidth=1, zorder=1)
            wins = lowest == place
            if wins.any():
                axis.plot(x, np.where(wins, _finite(values), np.nan), style, color=colour, marker="o", markersize=8,
                          label=name)
        axis.set(xlabel=x_label, ylabel=y_label)
        _logarithmic(axis, "x")
        _logarithmic(axis, "y")
        _legend(axis)
    return figure


def profiles(groups, *, largest=10.0, x_label="within this factor of the best", y_label="share of settings"):
    """Performance profiles, a panel a rule with the others in grey: the share of settings within each factor.

    ``groups``: a dict from a label to a dict from a rule to its ratios to the best, of shape ``(settings,)``. The first
    label is drawn as a full line, a second one dotted. Factors go from 1 to ``largest``, logarithmic.
    """
    factors = np.geomspace(1, largest, 400)
    shares = {label: {key: np.mean(np.asarray(ratios)[:, None] <= factors * (1 + 1e-9), axis=0)
                      for key, ratios in group.items()} for label, group in groups.items()}
    first = next(iter(shares.values()))
    rows = -(-len(first) // 2)
    with matplotlib.style.context(_LOOK):
        figure = Figure(figsize=(_WIDTH, 1.35 * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        for axis, (name, colour, _), key in zip(axes.flat, _styled(first), first):
            for other in first.values():
                axis.plot(factors, other, color="#c9c9c4", linewidth=1, zorder=1)
            for (label, share), style in zip(shares.items(), ("-", ":")):
                axis.plot(factors, share[key], style, color=colour, label=label, linewidth=2.2)
            axis.set_title(name, color=colour, fontsize=9, pad=3)
            axis.set(ylim=(-0.04, 1.04), xlim=(1, largest))
            _logarithmic(axis, "x")
        figure.supxlabel(x_label, fontsize=10)
        figure.supylabel(y_label, fontsize=10)
        if len(groups) > 1:
            handles = [matplotlib.lines.Line2D([], [], color=_INK, linestyle=style) for style in ("-", ":")]
            figure.legend(handles, list(shares), loc="outside upper left", ncols=2, fontsize=9)
        for axis in axes.flat[len(first):]:
            axis.set_axis_off()
    return figure


def matrix(values, *, columns, texts, lowest=1.0, highest=10.0):
    """A table as a picture: a row a rule, a column a setting, the darker the higher the value (logarithmic).

    ``values``: a dict from a rule or a label to values of shape ``(columns,)``. ``texts``: the same with what stands in
    the cells. ``columns``: their headings, short. Values below ``lowest`` are white, those above ``highest`` darkest.
    """
    heights = np.array([np.asarray(own, float) for own in values.values()])
    scaled = np.log(np.clip(heights, lowest, highest) / lowest) / np.log(highest / lowest)
    with matplotlib.style.context(_LOOK):
        figure, (axis,) = _figure(height=0.55 + 0.33 * len(values))
        axis.imshow(scaled, cmap="Greys", vmin=0, vmax=1.35, aspect="auto")
        for row, own in enumerate(texts.values()):
            for column, text in enumerate(own):
                axis.text(column, row, text, ha="center", va="center", fontsize=9,
                          color=_GROUND if scaled[row, column] > 0.85 else _INK)
        axis.set_yticks(range(len(values)), [name for name, *_ in _styled(values)])
        for label, (_, colour, _) in zip(axis.get_yticklabels(), _styled(values)):
            label.set_color(colour)
        axis.set_xticks(range(len(columns)), columns)
        axis.tick_params(length=0, labeltop=True, labelbottom=False)
        axis.grid(False)
        axis.spines[:].set_visible(False)
    return figure


def symptom(before, after, *, titles=("what you see", "after the remedy"), x=None, x_label="step",
            y_label="training loss", y_log=False, y_range=None):
    """Two small panels on one scale: the trouble at the left, the same run after its remedy at the right.

    ``before`` and ``after`` have the shape ``(runs, points)``: the first run is drawn boldly, the others faintly; or
    each is a dict from a label to such values. A cross marks where the first run stops being a number. ``x`` holds the
    places of the points, by default 0, 1, 2 and so on.
    """
    with matplotlib.style.context(_LOOK):
        figure = Figure(figsize=(_WIDTH, 2.1), layout="constrained")
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        crosses = []
        for axis, title, curves, place in zip(axes, titles, (before, after), (0, 3)):
            styles = [(_SEQUENCE[place][0], "-"), (_INK, "--")]
            curves = curves if isinstance(curves, dict) else {"": curves}
            for (label, runs), (colour, style) in zip(curves.items(), styles):
                runs = np.atleast_2d(np.asarray(runs, float))
                places = np.arange(runs.shape[1]) if x is None else np.asarray(x)
                axis.plot(places, _finite(runs[1:]).T, style, color=colour, linewidth=0.6, alpha=0.35)
                axis.plot(places, _finite(runs[0]), style, color=colour, label=label,
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
            axes[0].yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
            _logarithmic(axes[0], "y")
        for axis, place, height in crosses:
            axis.plot(place, np.clip(height, *axis.get_ylim()), "x", color=_INK, markersize=9, markeredgewidth=2.2,
                      clip_on=False, zorder=5)
        if isinstance(before, dict):
            axes[1].legend(handlelength=1.8)
    return figure

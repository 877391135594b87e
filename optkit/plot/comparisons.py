"""Several rules beside one another: races, profiles, rows of dots and of intervals, tables."""

import matplotlib.lines
import matplotlib.style
import numpy as np

from optkit.plot.curves import draw_rates
from optkit.plot.look import GROUND, INK, LOOK, STYLES, WIDTH, Figure, finite, legend, logarithmic, new_figure, styled


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
    with matplotlib.style.context(LOOK):
        figure, first = Figure(figsize=(WIDTH, height)), None
        grid = figure.add_gridspec(rows, columns, bottom=(below + between) / height, top=1, left=0, right=1,
                                   hspace=0.45, wspace=0.08)
        for place, shown in enumerate(panels):
            first = axis = figure.add_subplot(grid[place // columns, place % columns], sharex=first, sharey=first)
            _draw_tuned(axis, shown, {} if few else run.tuning, run.learning_rate)
            lowest = place >= len(panels) - columns
            axis.tick_params(labelbottom=lowest, labelleft=place % columns == 0)
            axis.set(xlabel="learning rate" if lowest else "", ylabel="" if place % columns else "validation loss")
        if few:
            legend(axis)
        _draw_dots(figure.add_axes((0, 0, 1, below / height)),
                   {key: result.test_loss[0] for key, result in run.results.items()}, "test loss, fresh seeds", True)
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
    with matplotlib.style.context(LOOK):
        figure = Figure(figsize=(WIDTH, 1.35 * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        for axis, (name, colour, _), key in zip(axes.flat, styled(first), first):
            for other in first.values():
                axis.plot(factors, other, color="#c9c9c4", linewidth=1, zorder=1)
            for (label, share), style in zip(shares.items(), ("-", ":")):
                axis.plot(factors, share[key], style, color=colour, label=label, linewidth=2.2)
            axis.set_title(name, color=colour, fontsize=9, pad=3)
            axis.set(ylim=(-0.04, 1.04), xlim=(1, largest))
            logarithmic(axis, "x")
        figure.supxlabel(x_label, fontsize=10)
        figure.supylabel(y_label, fontsize=10)
        if len(groups) > 1:
            handles = [matplotlib.lines.Line2D([], [], color=INK, linestyle=style) for style in ("-", ":")]
            figure.legend(handles, list(shares), loc="outside upper left", ncols=2, fontsize=9)
        for axis in axes.flat[len(first):]:
            axis.set_axis_off()
    return figure


def dots(groups, *, x_label, x_log=False):
    """A row a rule, a dot a run: ``groups`` is a dict from a rule or a label to values of shape ``(runs,)``.

    A bar marks the median. Runs that diverged have no dot; their number stands at the right.
    """
    with matplotlib.style.context(LOOK):
        figure, (axis,) = new_figure(height=0.9 + 0.5 * len(groups))
        _draw_dots(axis, groups, x_label, x_log)
    return figure


def intervals(groups, *, x_label):
    """A row a label: ``groups`` is a dict from a label to (low, middle, high), drawn as a bar with a dot."""
    with matplotlib.style.context(LOOK):
        figure, (axis,) = new_figure(height=0.9 + 0.32 * len(groups))
        rows, colour = np.arange(len(groups)), STYLES["Momentum"][0]
        low, middle, high = np.transpose(list(groups.values()))
        axis.hlines(rows, low, high, color=colour, linewidth=2.6, alpha=0.45)
        axis.plot(middle, rows, "o", color=colour, markersize=6)
        axis.set_yticks(rows, list(groups))
        axis.set(xlabel=x_label, xlim=(0, None), ylim=(len(groups) - 0.5, -0.5))
        axis.grid(axis="y", visible=False)
    return figure


def matrix(values, *, columns, texts, lowest=1.0, highest=10.0):
    """A table as a picture: a row a rule, a column a setting; the stronger the grey, the higher the value (logarithmic).

    ``values``: a dict from a rule or a label to values of shape ``(columns,)``. ``texts``: the same with what stands in
    the cells. ``columns``: their headings, short. Values below ``lowest`` have no grey, those
    above ``highest`` the strongest.
    """
    heights = np.array([np.asarray(own, float) for own in values.values()])
    scaled = np.log(np.clip(heights, lowest, highest) / lowest) / np.log(highest / lowest)
    with matplotlib.style.context(LOOK):
        figure, (axis,) = new_figure(height=0.55 + 0.33 * len(values))
        axis.imshow(scaled, cmap="Greys", vmin=0, vmax=1.35, aspect="auto")
        for row, own in enumerate(texts.values()):
            for column, text in enumerate(own):
                axis.text(column, row, text, ha="center", va="center", fontsize=9,
                          color=GROUND if scaled[row, column] > 0.85 else INK)
        axis.set_yticks(range(len(values)), [name for name, *_ in styled(values)])
        for label, (_, colour, _) in zip(axis.get_yticklabels(), styled(values)):
            label.set_color(colour)
        axis.set_xticks(range(len(columns)), columns)
        axis.tick_params(length=0, labeltop=True, labelbottom=False)
        axis.grid(False)
        axis.spines[:].set_visible(False)
    return figure


def _draw_tuned(axis, shown, others, chosen):
    """Loss over learning rates, a ring at the chosen one; the others in grey behind, and then the names as titles."""
    for swept in others.values():
        axis.plot(swept.grid["learning_rate"], finite(np.median(swept.validation_loss, axis=1)), color="#c9c9c4",
                  linewidth=1, zorder=1)
    draw_rates(axis, shown, "validation_loss")
    for (name, colour, _), (key, swept) in zip(styled(shown), shown.items()):
        place = np.argmin(np.abs(swept.grid["learning_rate"] - chosen[key]))
        axis.plot(chosen[key], np.median(swept.validation_loss[place]), "o", color=colour, markersize=9,
                  markerfacecolor="none", markeredgewidth=1.6)
        if others:
            axis.set_title(name, color=colour, fontsize=9, pad=3)


def _draw_dots(axis, groups, x_label, x_log):
    for row, ((name, colour, _), values) in enumerate(zip(styled(groups), groups.values())):
        values = np.asarray(values, float)
        apart = (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.4  # up and down, so that dots do not hide each other
        axis.plot(finite(values), row + apart, "o", color=colour, markersize=4, alpha=0.6, markeredgewidth=0)
        axis.plot(finite(np.full(2, np.median(values))), [row - 0.36, row + 0.36], color=colour, linewidth=2.6)
        if diverged := int(np.sum(~np.isfinite(values))):
            axis.annotate(f"{diverged} diverged", (1, row), (3, 0), xycoords=("axes fraction", "data"),
                          textcoords="offset points", va="center", fontsize=9)
    axis.set_yticks(range(len(groups)), [name for name, *_ in styled(groups)])
    axis.set(xlabel=x_label, ylim=(len(groups) - 0.5, -0.5))
    axis.grid(axis="y", visible=False)
    if x_log:
        logarithmic(axis, "x")

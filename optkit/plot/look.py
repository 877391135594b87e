"""How every figure looks: its colours, its size, its legend and its logarithmic axes."""

import io

import matplotlib.figure
import matplotlib.ticker
import numpy as np

from optkit import rules
from optkit.rules import Rule

# Found by search: on this ground every colour has a contrast of at least 3, and any two lie at least 17 apart in the
# uniform colour space CAM02-UCS, for full colour vision and for each of the three kinds of dichromacy. AdamW came last:
# beside the other eight only colours near black are left, and this is the one of them farthest from all below.
STYLES = {
    "GradientDescent": ("#4d4d4d", "-"), "Momentum": ("#0012f5", "-"), "Nesterov": ("#2e8dff", "--"),
    "AdaGrad": ("#928d0c", "-"), "AdaDelta": ("#bd5d9c", "--"), "RMSprop": ("#5a805f", "-."), "Adam": ("#9e0004", "-"),
    "AdaMax": ("#37003a", "--"), "AdamW": ("#020000", "-."),
}
# For what is not a rule, in order: from light to dark, so that the order shows in grey too.
SEQUENCE = [("#eb6628", "-"), ("#c33b4f", "-."), ("#84206b", ":"), ("#420a68", "-."), ("#030210", "--")]
# The colours of the rules on a dark ground, for the playground and the dark pages. Found by search among the light
# colours' own hues, so that on #121212 each has a contrast of at least 4.5, on the theme's panels of at least 3, and any
# two lie at least 15 apart, counted as above.
DARK = {
    "GradientDescent": "#b4b4b4", "Momentum": "#b4ccfc", "Nesterov": "#609cfc", "AdaGrad": "#d8c000",
    "AdaDelta": "#a87884", "RMSprop": "#18fc9c", "Adam": "#fc1800", "AdaMax": "#e448b4", "AdamW": "#f0f0f0",
}
# For what is not a rule: as in SEQUENCE each stands out more than the one before, here from dark to light. Found by the
# same search: each has a contrast of at least 4.5, any two lie at least 14 apart, each at least 8 from every rule.
DARK_SEQUENCE = ["#b86844", "#ea8a7e", "#d89cd8", "#e1d2e6", "#dcffd7"]
GROUND, INK, FAINT = "#fbfbf9", "#222222", "#8a8a8a"
LOOK = {
    "font.size": 10, "axes.titlesize": 10, "axes.labelsize": 10, "legend.fontsize": 9, "xtick.labelsize": 9,
    "ytick.labelsize": 9, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.edgecolor": FAINT, "axes.spines.top": False, "axes.spines.right": False, "axes.facecolor": GROUND,
    "axes.grid": True, "grid.color": "#e4e4e0", "lines.linewidth": 1.8, "legend.frameon": False,
    "axes.axisbelow": True,
}
WIDTH = 5.2  # inches; at the width of a phone the 9 points of a tick label are still about 9 pixels


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure that shows itself as a picture when it is the value of a notebook cell."""

    def _repr_png_(self):
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=200, facecolor=GROUND, bbox_inches="tight", pad_inches=0.12)
        return picture.getvalue()


def new_figure(height, rows=1):
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]


def styled(series):
    """For each key its name, colour and line style: a rule of the book has its own, anything else goes by its place."""
    others = [key for key in series if getattr(class_of(key), "__name__", None) not in STYLES]
    if len(others) > len(SEQUENCE):
        raise ValueError(f"a figure holds at most {len(SEQUENCE)} lines that are not rules, got {len(others)}")
    for key in series:
        name = getattr(class_of(key), "__name__", str(key))
        if name in STYLES:
            yield name, *STYLES[name]
        else:
            # Two or three lines take colours that lie far apart.
            place = others.index(key) * (len(SEQUENCE) - 1) // max(1, len(others) - 1)
            yield name, *SEQUENCE[place]


def class_of(key):
    """The class of a rule, or of the rule that a label names; None for another label."""
    return type(key) if isinstance(key, Rule) else getattr(rules, key) if key in STYLES else None


def finite(values):
    return np.where(np.isfinite(values), values, np.nan)


def legend(axis):
    """Names above the picture, where they cover nothing; none for a single line, which the axis names."""
    handles, names = axis.get_legend_handles_labels()
    if len(names) > 1:
        axis.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, handlelength=2.6, borderaxespad=0.2)


def logarithmic(axis, which):
    """A logarithmic axis; one that spans less than two decades has plain numbers between the powers of ten too."""
    getattr(axis, f"set_{which}scale")("log")
    low, high = getattr(axis, f"get_{which}lim")()
    scale = getattr(axis, f"{which}axis")
    if high < 100 * low:
        scale.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
        scale.set_minor_locator(matplotlib.ticker.LogLocator(subs=(2, 5)))
        scale.set_minor_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    else:
        scale.set_minor_formatter(matplotlib.ticker.NullFormatter())

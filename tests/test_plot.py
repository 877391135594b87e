"""The figures: that they draw what they are given, look the same twice, and can be told apart."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import optkit
from optkit import plot, surfaces
from optkit.plot import look

RULES = [optkit.GradientDescent, optkit.Momentum, optkit.Nesterov, optkit.AdaGrad, optkit.AdaDelta, optkit.RMSprop,
         optkit.Adam, optkit.AdaMax, optkit.AdamW]


def contrast(colour, ground):
    """The contrast ratio of the Web Content Accessibility Guidelines 2.1."""
    def luminance(name):
        parts = np.array([int(name[i:i + 2], 16) / 255 for i in (1, 3, 5)])
        return np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([luminance(colour), luminance(ground)])
    return (high + 0.05) / (low + 0.05)


def test_every_rule_has_a_style_of_its_own_and_every_colour_stands_out():
    assert set(look.STYLES) == {rule.__name__ for rule in RULES}
    colours = [colour for colour, _ in [*look.STYLES.values(), *look.SEQUENCE]]
    assert len(set(colours)) == len(colours)
    assert min(contrast(colour, look.GROUND) for colour in colours) >= 3
    assert contrast(look.INK, look.GROUND) >= 7


def test_a_rule_has_the_same_colour_whatever_stands_beside_it():
    x = np.arange(5.0)
    for others in ([], ["first", "second"], [optkit.Adam()]):
        series = {key: x for key in [*others, optkit.Momentum(0.3)]}
        line = plot.lines(x, series, x_label="step", y_label="loss").axes[0].lines[-1]
        assert line.get_color() == look.STYLES["Momentum"][0] and line.get_label() == "Momentum"


def test_paths_draw_every_walk_its_start_and_the_minima():
    ravine = surfaces.Ravine()
    walk = optkit.descend(optkit.GradientDescent(0.05), ravine, (-2, 1), 10)
    axis = plot.paths(ravine, {"slow": walk, optkit.Adam(): walk}).axes[0]
    drawn = [line.get_xydata() for line in axis.lines]
    assert sum(np.array_equal(points, walk.points) for points in drawn) == 2
    assert any(np.array_equal(points, ravine.minima) for points in drawn)
    assert axis.get_xlabel() and axis.get_ylabel()


def test_a_diverged_walk_is_drawn_without_a_warning():
    valley = surfaces.Rosenbrock()
    walk = optkit.descend(optkit.GradientDescent(1.0), valley, (-2, 1), 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot.paths(valley, {"too large": walk})._repr_png_()


def test_many_runs_are_drawn_as_median_and_quartiles():
    x, runs = np.arange(3), np.array([[1.0, 2, 3], [2, 3, 4], [3, 4, 50], [4, 5, np.inf], [5, 6, np.inf]])
    axis = plot.lines(x, {"runs": runs}, x_label="step", y_label="loss").axes[0]
    assert axis.lines[0].get_ydata().tolist() == [3, 4, 50]
    assert len(axis.collections) == 1


def swept(losses):
    rates = np.geomspace(0.01, 10, len(losses))
    return SimpleNamespace(grid={"learning_rate": rates}, validation_loss=np.array(losses, float))


def test_learning_rates_mark_the_default_and_what_diverged():
    results = swept([[2, 3, 4], [1, 1, 2], [2, np.inf, 2], [np.inf, np.inf, 1]])
    axis = plot.learning_rates({optkit.Adam(0.5): results}).axes[0]
    assert np.array_equal(axis.lines[0].get_ydata(), [3, 1, 2, np.nan], equal_nan=True)
    crosses = [line for line in axis.lines if line.get_marker() == "x"]
    assert [line.get_xdata().tolist() for line in crosses] == [[results.grid["learning_rate"][3]]]
    assert any(line.get_linestyle() == ":" and line.get_xdata()[0] == 0.001 for line in axis.lines)
    assert axis.get_xscale() == axis.get_yscale() == "log"


def test_stacked_panels_share_one_legend_when_they_show_the_same_lines():
    panel = {"series": {"a": np.arange(4), "b": np.arange(4)}, "y_label": "loss"}
    other = {"series": {"c": np.arange(4), "d": np.arange(4)}, "y_label": "rate", "levels": {"edge": 2}}
    first, second, third = plot.stacked(np.arange(4), [panel, panel, other], x_label="step").axes
    assert first.get_legend() and not second.get_legend() and third.get_legend()
    assert [text.get_text() for text in third.texts] == ["edge"]


def test_the_same_figure_has_the_same_bytes_twice():
    def figure():
        return plot.fit([1, 2], [1, 2], {"line": (1, 0)})._repr_png_()

    assert figure() == figure() and figure().startswith(b"\x89PNG")


@pytest.mark.parametrize("span", [3, 8, 20, 29, 45, 80, 150, 900, 1e5])
def test_the_numbers_of_a_logarithmic_axis_stand_apart(span):
    x = np.geomspace(0.013, 0.013 * span, 40)
    figure = plot.lines(x, {"line": x}, x_label="x", y_label="y", x_log=True, y_log=True)
    figure.draw_without_rendering()
    for axis, start, end in ((figure.axes[0].xaxis, "x0", "x1"), (figure.axes[0].yaxis, "y0", "y1")):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels(which="both") if label.get_text()]
        boxes = sorted((getattr(box, start), getattr(box, end)) for box in boxes if box.width)
        assert len(boxes) >= 2
        assert all(left[1] < right[0] for left, right in zip(boxes, boxes[1:])), boxes


def test_images_are_square():
    figure = plot.images(np.zeros((3, 64)), [1, 2, 3])
    assert [axis.images[0].get_array().shape for axis in figure.axes] == [(8, 8)] * 3


def test_more_lines_than_can_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="at most 5 lines"):
        plot.lines([0, 1], {str(i): [0, 1] for i in range(6)}, x_label="x", y_label="y")


def test_dots_draw_every_run_the_median_and_count_what_diverged():
    axis = plot.dots({optkit.Adam(): [3.0, 1.0, 2.0], "other": [1.0, np.inf, np.inf]}, x_label="loss").axes[0]
    dots, median, others, no_median = [line.get_xdata() for line in axis.lines]
    assert list(dots) == [3.0, 1.0, 2.0] and list(median) == [2.0, 2.0]
    assert np.isfinite(others).sum() == 1 and not np.isfinite(no_median).any()
    assert [text.get_text() for text in axis.texts] == ["2 diverged"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["Adam", "other"]
    assert axis.lines[0].get_color() == look.STYLES["Adam"][0]


def test_intervals_draw_a_bar_and_a_dot_for_each_label():
    axis = plot.intervals({"one, 1 of 4": (5, 25, 70), "two": np.array([10, 20, 40])}, x_label="share in %").axes[0]
    assert [list(dots) for dots in axis.lines[0].get_data()] == [[25, 20], [0, 1]]
    bars = axis.collections[0].get_segments()
    assert [bar[:, 0].tolist() for bar in bars] == [[5, 70], [10, 40]]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["one, 1 of 4", "two"]
    assert axis.get_xlim()[0] == 0 and axis.get_xlabel() == "share in %"


def test_contours_draw_the_map_its_curves_and_marks_and_take_infinity():
    x, y = np.linspace(0, 1, 5), np.linspace(0, 2, 7)
    values = np.add.outer(y, x)
    values[0, 0], values[-1, -1] = np.inf, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plot.contours(x, y, values, x_label="rate", y_label="momentum", levels=[1, 2],
                               curves={"edge": (x, 2 * x)}, marks={"best": (0.5, 1)})
        assert figure._repr_png_()
    axis = figure.axes[0]
    assert axis.get_xlabel() == "rate" and axis.get_ylabel() == "momentum"
    assert [line.get_label() for line in axis.lines] == ["edge", "best"]


def test_winners_colour_the_lowest_line_at_each_place():
    x = np.array([0.1, 1.0, 10.0])
    figure = plot.winners(x, {"Adam": [1.0, 2.0, np.inf], "Momentum": [3.0, 1.0, 4.0], "AdaGrad": [5.0, 5.0, 5.0]},
                          x_label="learning rate", y_label="test loss")
    axis = figure.axes[0]
    coloured = {line.get_label(): line.get_ydata() for line in axis.lines if not line.get_label().startswith("_")}
    assert set(coloured) == {"Adam", "Momentum"}  # AdaGrad is nowhere lowest
    assert np.array_equal(coloured["Adam"], [1, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(coloured["Momentum"], [np.nan, 1, 4], equal_nan=True)
    assert figure._repr_png_() and axis.get_xscale() == axis.get_yscale() == "log"


def test_profiles_rise_to_the_share_within_each_factor():
    tuned = {"Adam": [1.0, 2.0], "Momentum": [1.5, 1.0], "AdaGrad": [np.inf, 20.0]}
    figure = plot.profiles({"tuned": tuned, "default": {key: np.multiply(own, 5) for key, own in tuned.items()}})
    assert [axis.get_title() for axis in figure.axes[:3]] == ["Adam", "Momentum", "AdaGrad"]
    for axis, name in zip(figure.axes, tuned):
        first, second = [line for line in axis.lines if not line.get_label().startswith("_")]
        assert (first.get_label(), second.get_label()) == ("tuned", "default")
        assert np.all(np.diff(first.get_ydata()) >= 0) and first.get_ydata()[-1] == np.mean(np.array(tuned[name]) <= 10)
        assert second.get_ydata()[0] == 0
    assert figure.axes[0].lines[-2].get_ydata()[0] == 0.5  # Adam is the best of one setting
    assert figure._repr_png_()


def test_a_matrix_holds_its_texts_and_names_its_rows_and_columns():
    figure = plot.matrix({"Adam": [1.0, 20.0], "AdaGrad": [1.5, np.inf]}, columns=["digits", "text"],
                         texts={"Adam": ["1.0", ">10"], "AdaGrad": ["1.5", "-"]})
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.texts] == ["1.0", ">10", "1.5", "-"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["Adam", "AdaGrad"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["digits", "text"]
    assert axis.images[0].get_array().max() == 1 and axis.images[0].get_array().min() == 0
    assert figure._repr_png_()


def test_symptom_draws_the_first_run_boldly_and_marks_where_it_ends():
    before = np.array([[1.0, 2, np.nan], [1, 3, 4]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plot.symptom(before, np.ones((2, 3)), titles=("rate 1", "rate 0.1"), y_log=True)
        assert figure._repr_png_()
    left, right = figure.axes
    faint, bold, cross = left.lines
    assert bold.get_linewidth() > faint.get_linewidth() and list(faint.get_ydata()) == [1, 3, 4]
    assert cross.get_marker() == "x" and (cross.get_xdata()[0], cross.get_ydata()[0]) == (1, 2)
    assert len(right.lines) == 2 and left.get_ylim() == right.get_ylim()
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == ("rate 1", "rate 0.1")


def test_symptom_tells_two_curves_of_a_run_apart():
    pair = {"training": [3.0, 2, 1], "validation": [3, 2, 2]}
    left, right = plot.symptom(pair, pair, x=[0, 10, 20]).axes
    training, validation = left.lines
    assert training.get_linestyle() != validation.get_linestyle()
    assert list(training.get_xdata()) == [0, 10, 20]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["training", "validation"]

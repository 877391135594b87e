"""The fair comparison: its protocol, and that it decides what is so and nothing else."""

from types import SimpleNamespace

import numpy as np
import pytest

import optkit
from optkit import Adam, GradientDescent, Momentum, races, tasks
from optkit.races import Race, race


class Result:
    """Stands in for a sweep over fresh seeds."""

    def __init__(self, losses):
        self.test_loss, self.seeds = np.array([losses]), range(len(losses))
        self.train_loss = 5 - self.test_loss


def finished(**losses):
    return Race(None, {}, {}, {}, {name: Result(values) for name, values in losses.items()})


@pytest.fixture(scope="module")
def line():
    return tasks.linear_regression()


@pytest.fixture(scope="module")
def run(line):
    return race([GradientDescent(), Momentum()], line, steps=30, batch_size=100)


def test_the_best_rate_lies_within_its_grid_and_is_the_best(run):
    for rule, tuning in run.tuning.items():
        grid = tuning.grid["learning_rate"]
        medians = np.median(tuning.validation_loss, axis=1)
        place = list(grid).index(run.learning_rate[rule])
        assert 0 < place < len(grid) - 1 and medians[place] == medians.min()
        assert len(grid) == 12 and np.allclose(grid[1:] / grid[:-1], 2)


def test_results_are_on_fresh_seeds_at_the_best_rate(run):
    for rule, result in run.results.items():
        assert result.grid["learning_rate"] == [run.learning_rate[rule]]
        assert not set(result.seeds) & set(run.tuning[rule].seeds) and len(result.seeds) == 30
        assert result.test_loss.shape == (1, 30)


def test_a_best_rate_on_the_edge_moves_the_grid_and_the_trials_are_counted(line, run):
    far = race([GradientDescent(1e-4)], line, steps=30, batch_size=100)
    assert far.trials[GradientDescent(1e-4)] == 24
    best = far.learning_rate[GradientDescent(1e-4)]
    assert best / run.learning_rate[GradientDescent()] == pytest.approx(1, rel=1)  # the same, up to the grid's factor 2
    too_high = race([GradientDescent(1e6)], line, steps=30, batch_size=100)  # every rate of the first grid diverges
    assert too_high.trials[GradientDescent(1e6)] > 12 and too_high.learning_rate[GradientDescent(1e6)] < 1


def test_no_end_of_shifting_is_an_error(line, monkeypatch):
    monkeypatch.setattr(races, "_MOST_GRIDS", 1)
    with pytest.raises(ValueError, match="no best learning rate between its edges in 1 grid.*from 2e-08 to 3e-05"):
        race([GradientDescent(1e-6)], line, steps=5, batch_size=100)


def test_every_rule_starts_alike(run):
    first, second = (result.loss[0, :, 0] for result in run.results.values())
    assert np.array_equal(first, second)  # the loss before the first step, seed by seed


def test_a_rule_against_itself_is_undecided(line):
    same = race({"one": Momentum(), "other": Momentum()}, line, steps=30, batch_size=100)
    comparison = same.compare("one", "other")
    assert (comparison.winner, comparison.ratio, comparison.wins, comparison.chance) == ("undecided", 1.0, 0, 1.0)


def test_a_win_needs_the_margin_and_the_seeds():
    generator = np.random.default_rng(0)
    base = generator.uniform(1, 2, 30)
    for ratio, winner in [(0.5, "a"), (0.95, "undecided"), (2.0, "b"), (1.05, "undecided")]:
        result = finished(a=base * ratio, b=base).compare("a", "b")
        assert result.winner == winner and result.ratio == pytest.approx(ratio)
        assert result.wins == (30 if ratio < 1 else 0) and result.pairs == 30
    uneven = np.where(np.arange(30) < 19, 0.5, 2.0)  # half the median, but 19 of 30 are no evidence
    assert finished(a=base * uneven, b=base).compare("a", "b").winner == "undecided"
    assert finished(a=base, b=base * uneven).compare("a", "b").winner == "undecided"


def test_another_measure_may_have_another_winner():
    run = finished(a=np.ones(30), b=np.full(30, 3.0))
    assert run.compare("a", "b").winner == "a" and run.compare("a", "b", "train_loss").winner == "b"


def test_the_validation_loss_chooses(line, monkeypatch):
    def made_up(rule, task, *, learning_rate, seeds, **settings):
        place = np.arange(len(learning_rate), dtype=float)[:, None] * np.ones(len(seeds))
        return SimpleNamespace(grid={"learning_rate": learning_rate}, validation_loss=abs(place - 7),
                               train_loss=abs(place - 3), test_loss=abs(place - 5))

    monkeypatch.setattr(races, "sweep", made_up)
    assert race([Adam(0.1)], line, steps=5, batch_size=100).learning_rate == {Adam(0.1): 0.2}


def test_more_pairs_need_more_evidence():
    base = np.linspace(1, 2, 30)
    better = base * np.where(np.arange(30) < 22, 0.5, 2.0)  # chance 0.016
    assert finished(a=better, b=base).compare("a", "b").winner == "a"
    crowd = {f"c{i}": base * (1 + 1e-3 * (np.arange(30) % 2 - 0.5) * i) for i in range(1, 5)}
    assert finished(a=better, b=base, **crowd).compare("a", "b").winner == "undecided"


def test_diverged_runs_lose_and_two_of_them_are_equal():
    base, worse = np.ones(30), np.where(np.arange(30) < 25, np.inf, 1.0)
    assert finished(a=base, b=worse).compare("a", "b").winner == "a"
    tie = finished(a=worse, b=worse).compare("a", "b")
    assert tie.winner == "undecided" and tie.ratio == 1.0


@pytest.mark.parametrize("arguments, message", [
    ({"rules": []}, "at least one"),
    ({"rules": ["Adam"]}, "must be rules of optkit"),
    ({"rules": [Momentum(momentum=0.5), Momentum()]}, "same name"),
    ({"rules": [Adam(learning_rate=0.0)]}, "learning_rate above 0"),
    ({"tuning_seeds": range(3), "seeds": range(2, 5)}, "must differ"),
    ({"rates": 2}, "at least 3"),
    ({"task": "digits"}, "must be an optkit.Task"),
])
def test_bad_arguments_are_refused(line, arguments, message):
    arguments = {"rules": [Adam()], "task": line, "steps": 5, "batch_size": 100} | arguments
    with pytest.raises(ValueError, match=message):
        race(**arguments)


def test_who_did_not_take_part_is_named():
    with pytest.raises(ValueError, match="c did not take part; a, b did"):
        finished(a=[1.0], b=[2.0]).compare("a", "c")
    with pytest.raises(ValueError, match="twice"):
        finished(a=[1.0], b=[2.0]).compare("a", "a")


def test_it_prints_who_ran(run):
    assert repr(run) == "Race of GradientDescent, Momentum on 30 fresh seeds"
    assert optkit.race is race

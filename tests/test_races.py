"""The fair comparison: its protocol, and that it decides what is so and nothing else."""

from types import SimpleNamespace

import numpy as np
import pandas
import pytest

import optkit
from optkit import Adam, GradientDescent, Momentum, plot, races, tasks
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


# The table, its file, and the picture

def test_the_table_has_a_row_a_training(run):
    table = run.table()
    assert len(table) == 2 * (12 * 5 + 30) and set(table["stage"]) == {"tuning", "result"}
    rows = table[(table["rule"] == "Momentum") & (table["stage"] == "result")]
    result = run.results[Momentum()]
    assert rows["seed"].tolist() == list(range(100, 130))
    np.testing.assert_array_equal(rows["test_loss"], result.test_loss[0])
    assert (rows["learning_rate"] == run.learning_rate[Momentum()]).all()
    assert rows["test_accuracy"].isna().all() and (table["trials"] == 12).all()


def test_a_race_is_written_and_read_back(run, tmp_path):
    path = tmp_path / "race.csv"
    run.to_csv(path)
    back = Race.read_csv(path)
    pandas.testing.assert_frame_equal(back.table(), run.table(), check_exact=True)
    assert back.compare("Momentum", "GradientDescent") == run.compare("Momentum", "GradientDescent")
    assert back.learning_rate["Momentum"] == run.learning_rate[Momentum()]
    assert list(tmp_path.iterdir()) == [path]


def test_infinite_losses_survive_the_file(tmp_path):
    digits = race([GradientDescent(100)], tasks.digits(), steps=5, batch_size=64, tuning_seeds=[0], seeds=[1])
    assert np.isinf(digits.table()["test_loss"]).any()
    digits.to_csv(tmp_path / "race.csv")
    pandas.testing.assert_frame_equal(Race.read_csv(tmp_path / "race.csv").table(), digits.table(), check_exact=True)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(run, tmp_path, monkeypatch):
    path = tmp_path / "race.csv"
    path.write_text("precious")

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(pandas.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match="No space"):
        run.to_csv(path)
    assert path.read_text() == "precious" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("change, message", [
    (lambda table: table.drop(columns="seed"), "no column seed"),
    (lambda table: table.iloc[:-1], "Momentum has 29 rows of the stage 'result'"),
    (lambda table: table[table["stage"] == "tuning"], "GradientDescent has 0 rows of the stage 'result'"),
])
def test_a_table_that_is_no_race_is_refused(run, tmp_path, change, message):
    change(run.table()).to_csv(tmp_path / "race.csv", index=False)
    if "29" in message:  # a row lost from one of the seeds' rates
        table = pandas.concat([run.table(), run.table().iloc[[-1]].assign(learning_rate=9.0)])
        table.to_csv(tmp_path / "race.csv", index=False)
        message = "Momentum has 31 rows of the stage 'result', for 2 learning rates"
    with pytest.raises(ValueError, match=message):
        Race.read_csv(tmp_path / "race.csv")


@pytest.mark.parametrize("count", [2, 5])
def test_a_race_draws_itself(run, count):
    several = Race(None, *[{f"rule {i}": which[Momentum()] for i in range(count)} for which in
                           (run.tuning, run.trials, run.learning_rate, run.results)])
    assert several._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    axes = plot.race(several).axes
    assert len(axes) == (2 if count == 2 else 6)
    dots = axes[-1]
    assert [label.get_text() for label in dots.get_yticklabels()] == [f"rule {i}" for i in range(count)]


def test_the_default_rate_is_marked_and_the_chosen_one_ringed(run):
    axis = plot.race(run).axes[0]
    dotted = {line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == ":"}
    rings = {float(line.get_xdata()[0]) for line in axis.lines if line.get_markerfacecolor() == "none"}
    assert dotted == {0.01} and rings == set(run.learning_rate.values())


def test_names_serve_as_well_as_rules(run):
    assert run.compare("Momentum", "GradientDescent") == run.compare(Momentum(), GradientDescent())


# The split

def test_a_seed_redraws_the_split_for_every_rule_alike():
    digits = race([GradientDescent(0.1), Adam(0.01)], tasks.digits(), steps=2, batch_size=64, rates=3, tuning_seeds=[0],
                  seeds=[1, 2])
    first, second = digits.results.values()
    sizes = [1400, 197, 200]
    for part, other, size in zip(first.parts, second.parts, sizes):
        assert part.shape == (2, size)
        np.testing.assert_array_equal(part, other)
        assert not np.array_equal(np.sort(part[0]), np.sort(part[1]))
    assert sorted(np.concatenate([part[0] for part in first.parts])) == list(range(1797))


def test_parts_that_are_not_exchangeable_stay():
    same = race([GradientDescent()], tasks.ravine(), steps=9, batch_size=200, rates=9, tuning_seeds=[0], seeds=[1, 2])
    np.testing.assert_array_equal(same.results[GradientDescent()].parts[2], [range(300, 400)] * 2)


def test_a_race_compiles_once_a_rule():
    from optkit import training

    task, before = tasks.linear_regression(), training._train_program.cache_info().misses
    for steps, rates in ((70, 5), (30, 7), (90, 4)):
        race([Momentum()], task, steps=steps, batch_size=100, rates=rates)
    assert training._train_program.cache_info().misses == before + 1

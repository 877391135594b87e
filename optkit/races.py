"""A fair comparison of update rules on one task: each tuned on its own grid, judged on fresh seeds."""

import itertools
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas

from optkit import models, plot, progress as bars
from optkit.comparison import holm, sign_test
from optkit.rules import Rule
from optkit.sweeps import Sweep, checked_counts, sweep
from optkit.tasks import Task

_MARGIN = 1.1  # a loss less than a tenth lower is no win, however sure
_MOST_GRIDS = 8  # twelve rates, shifted seven times: sixteen decades
_RULES_AT_ONCE = 2  # while one rule's program is compiled, on one core, another rule trains
_MEASURES = ("train_loss", "validation_loss", "test_loss", "test_accuracy")
_NUMBERS = (*_MEASURES, "diverged", "stuck")  # what a table says of each training


@dataclass(frozen=True, eq=False)
class Race:
    """What came out of ``race``. Each dict has the keys of ``rules``: rules, or the labels that were given.

    ``tuning``: the ``Sweep`` of the grid that holds the best learning rate within its edges, of shape (rates,
    tuning seeds). ``trials``: how many learning rates were tried in all. ``learning_rate``: the best one, by the
    median validation loss. ``results``: the ``Sweep`` at that rate over the fresh seeds, of shape (1, seeds).

    In a notebook it shows itself: the loss of every rule over its learning rates, and the results below.
    """

    task: Task
    tuning: dict[object, Sweep]
    trials: dict[object, int]
    learning_rate: dict[object, float]
    results: dict[object, Sweep]

    def table(self):
        """A pandas ``DataFrame`` with a row a training: those of the grid, and those with fresh seeds.

        The columns: rule (its name or label), stage ("tuning" or "result"), trials (how many learning rates the rule
        had in all), learning_rate, seed, train_loss, validation_loss, test_loss, test_accuracy (a share; missing where
        the targets are no labels), diverged, and stuck: no more labels right than the commonest one has by itself.
        """
        frames = [self._rows(key, stage, swept[key]) for stage, swept in (("tuning", self.tuning),
                                                                          ("result", self.results)) for key in swept]
        return pandas.concat(frames, ignore_index=True)

    def _rows(self, key, stage, swept):
        rates, seeds = np.meshgrid(swept.grid["learning_rate"], swept.seeds, indexing="ij")
        columns = {"rule": _name(key), "stage": stage, "trials": self.trials[key], "learning_rate": rates.ravel(),
                   "seed": seeds.ravel()}
        for measure in _MEASURES:
            values = getattr(swept, measure)
            columns[measure] = np.nan if values is None else np.ravel(values).astype(float)
        return pandas.DataFrame(columns | {"diverged": swept.diverged.ravel(), "stuck": swept.stuck.ravel()})

    def to_csv(self, path):
        """Write the table as comma-separated values, whole or not at all; ``Race.read_csv`` makes a race of it."""
        path = Path(path)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8", newline="") as file:
            try:
                self.table().to_csv(file, index=False)
            except BaseException:
                os.unlink(file.name)
                raise
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)

    @classmethod
    def read_csv(cls, path):
        """The race that ``to_csv`` wrote, keyed by names: all but its task, loss curves, weights and parts (None).

        ValueError when a column is missing or a rule has no rows of one of the stages.
        """
        table = pandas.read_csv(path)
        if missing := {"rule", "stage", "trials", "learning_rate", "seed", *_NUMBERS} - set(table):
            raise ValueError(f"{path} is not the table of a race: it has no column {', '.join(sorted(missing))}")
        names = list(dict.fromkeys(table["rule"]))
        tuning, results = ({name: _read_sweep(path, table, name, stage) for name in names}
                           for stage in ("tuning", "result"))
        return cls(None, tuning, {name: int(table.loc[table["rule"] == name, "trials"].iloc[0]) for name in names},
                   {name: float(result.grid["learning_rate"][0]) for name, result in results.items()}, results)

    @property
    def one_at_a_time(self):
        """The names of the layers without a batched form, as in a ``Sweep``; none for a race read from a file."""
        return next(iter(self.results.values())).one_at_a_time

    def _repr_png_(self):
        return plot.race(self)._repr_png_()

    def compare(self, first, second, measure="test_loss"):
        """The ``Comparison`` of two of the rules, or of their names, by ``measure``: test_loss, validation_loss or
        train_loss.

        A winner needs both: an exact sign test at 5%, corrected (Holm) for the number of pairs in this race, and a
        loss at least a tenth lower (median over the seeds). ValueError names a rule that did not take part.
        """
        named = {_name(key): key for key in self.results}
        first, second = (named.get(key, key) if isinstance(key, str) else key for key in (first, second))
        for key in (first, second):
            if key not in self.results:
                raise ValueError(f"{_name(key)} did not take part; {', '.join(named)} did")
        if first == second:
            raise ValueError(f"compare needs two of the rules, got {_name(first)} twice")
        losses = {key: getattr(result, measure)[0].astype(float) for key, result in self.results.items()}
        tests = {frozenset(pair): _sign_test(losses[pair[0]], losses[pair[1]])
                 for pair in itertools.combinations(losses, 2)}
        corrected = dict(zip(tests, holm(list(tests.values()))))
        chance = corrected[frozenset((first, second))]
        wins, ratio = int(np.sum(losses[first] < losses[second])), _median_ratio(losses[first], losses[second])
        losses_of_first = int(np.sum(losses[first] > losses[second]))
        winner = "undecided"
        if chance < 0.05 and wins > losses_of_first and ratio <= 1 / _MARGIN:
            winner = _name(first)
        if chance < 0.05 and wins < losses_of_first and ratio >= _MARGIN:
            winner = _name(second)
        return Comparison(_name(first), _name(second), winner, ratio, wins, len(losses[first]), float(chance))

    def __repr__(self):
        seeds = len(next(iter(self.results.values())).seeds)
        return f"Race of {', '.join(map(_name, self.results))} on {seeds} fresh seeds"


def _read_sweep(path, table, name, stage):
    """The part of a sweep that a table holds: of the rule with this name, in this stage."""
    rows = table[(table["rule"] == name) & (table["stage"] == stage)]
    rates, seeds = list(dict.fromkeys(rows["learning_rate"])), list(dict.fromkeys(rows["seed"]))
    if not len(rows) or len(rows) != len(rates) * len(seeds):
        raise ValueError(f"{path} is not the table of a race: {name} has {len(rows)} rows of the stage {stage!r}, for "
                         f"{len(rates)} learning rates and {len(seeds)} seeds")
    values = {name: rows[name].to_numpy().reshape(len(rates), len(seeds)) for name in _NUMBERS}
    if np.isnan(values["test_accuracy"]).all():
        values["test_accuracy"] = None
    return Sweep(None, None, {"learning_rate": np.array(rates)}, tuple(int(seed) for seed in seeds), loss=None,
                 weights=None, parts=None, **values)


@dataclass(frozen=True)
class Comparison:
    """Two rules of a race. ``winner``: the name of one, or "undecided".

    ``ratio``: the first one's loss over the second's, median over the seeds. ``wins``: of ``pairs`` seeds, in how many
    the first ends lower. ``chance``: how probable so uneven a count is by chance, corrected for the race's pairs.
    """

    first: str
    second: str
    winner: str
    ratio: float
    wins: int
    pairs: int
    chance: float


def race(rules, task, *, steps, batch_size, schedule=None, rates=12, tuning_seeds=range(5), seeds=range(100, 130),
         progress=None, keep_in=None):
    """The fair comparison of several rules on one task.

    ``rules`` is a list of rules, or a dict from a label to a rule. Every rule gets as many learning rates, ``rates``,
    each twice the one before, around the one that it comes with; when the best of them lies on the edge, the grid
    moves there and is run again. The best is the one with the lowest median validation loss over ``tuning_seeds``; it
    is then trained again with ``seeds``, which are others. ``steps``, ``batch_size`` and ``schedule`` as in
    ``optkit.sweep``; a seed gives every rule the same initial weights and the same order of the data and, where the
    task's examples are exchangeable, the same new split into three parts. ``progress``: whether a bar shows how far
    it is; None: where somebody looks, at a terminal or a notebook opened in an editor. ``keep_in``: a folder for what
    is finished, with a folder for every sweep of the race; the same call again goes on from there.

    Returns a ``Race``. ValueError, before any training, names an argument that does not fit; and the rule for which
    no grid holds its best rate within its edges.
    """
    rules = _checked_rules(rules)
    tuning_seeds, _, _ = checked_counts(task, tuning_seeds, steps, batch_size)
    seeds, _, _ = checked_counts(task, seeds, steps, batch_size)
    if set(tuning_seeds) & set(seeds):
        raise ValueError("seeds must differ from tuning_seeds: a rate must not be judged on what it was chosen by")
    if not isinstance(rates, int) or rates < 3:
        raise ValueError(f"rates must be a whole number of at least 3, got {rates!r}")
    settings = {"steps": steps, "batch_size": batch_size, "schedule": schedule, "redraw": task.exchangeable}
    a_grid, all_fresh = rates * len(tuning_seeds), len(seeds)
    models.prepare(task, tuning_seeds + seeds)

    def judged(key):
        def trained(stage, rates, seeds):
            folder = keep_in if keep_in is None else Path(keep_in, f"{quote(_name(key), safe='')}-{stage}")
            return sweep(rules[key], task, learning_rate=rates, seeds=seeds, keep_in=folder, **settings)

        def on_grid(number, grid):
            return trained(f"grid-{number}", grid, tuning_seeds)

        tuning, trials, best = _tuned(rules[key], rates, on_grid, settings)
        return tuning, trials, best, trained("result", [best], seeds)

    with (bars.shown(progress, len(rules) * (a_grid + all_fresh) * steps) as bar,
          ThreadPoolExecutor(_RULES_AT_ONCE) as threads):
        settings["progress"] = bar
        found = [threads.submit(judged, key) for key in rules]
        try:
            columns = zip(*[one.result() for one in found])
        except BaseException:  # a rule fails, or the reader interrupts: the others are not carried to their end
            bar.stopped.set()
            raise
        finally:
            threads.shutdown(cancel_futures=True)
    return Race(task, *[dict(zip(rules, column)) for column in columns])


def _tuned(rule, rates, trained, settings):
    """The sweep that holds the best learning rate within its edges, how many rates it took, and the best one.

    ``trained(number, grid)`` is the sweep over a grid, the first of which has the number 1.
    """
    centre = rule.learning_rate
    for grids in range(1, _MOST_GRIDS + 1):
        grid = centre * 2.0 ** (np.arange(rates) - rates // 2)
        swept = trained(grids, grid)
        best = int(np.median(swept.validation_loss, axis=1).argmin())  # all diverged: the lowest, so the grid goes down
        if 0 < best < rates - 1:
            return swept, grids * rates, float(grid[best])
        centre = grid[best]
        settings["progress"].expect(swept.loss.size)
    raise ValueError(f"{type(rule).__name__} has no best learning rate between its edges in {_MOST_GRIDS} grid(s); the "
                     f"last one goes from {grid[0]:.1g} to {grid[-1]:.1g}. Give it one near its best to start from")


def _checked_rules(rules):
    rules = dict(rules) if isinstance(rules, dict) else {rule: rule for rule in rules}
    names = [_name(key) for key in rules]
    if not rules or not all(isinstance(rule, Rule) for rule in rules.values()):
        raise ValueError("rules must be rules of optkit, at least one, or a dict from labels to them; got "
                         f"{list(rules.values())!r}")
    for rule in rules.values():
        if not rule.hyperparameters().get("learning_rate"):
            raise ValueError(f"{rule!r} needs a learning_rate above 0, around which its grid is laid")
    if len(set(names)) < len(names):
        raise ValueError(f"two of the rules have the same name ({', '.join(names)}): give a dict from labels to rules")
    return rules


def _name(key):
    return type(key).__name__ if isinstance(key, Rule) else str(key)


def _sign_test(first, second):
    return sign_test(first, second)[1] if np.any(first != second) else 1.0


def _median_ratio(first, second):
    """The median of first / second, where both diverged or both are zero counting as equal."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = first / second
    return float(np.median(np.where(first == second, 1.0, ratios)))

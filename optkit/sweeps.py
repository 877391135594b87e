"""Hundreds of trainings in one compiled program: every setting of the hyperparameters with every seed."""

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optkit import progress as bars, training
from optkit.rules import Rule
from optkit.tasks import Task


@dataclass(frozen=True)
class Sweep:
    """What came out of ``sweep``. "Grid" stands for one axis a swept hyperparameter, in the order given.

    ``grid``: the swept values, by name. ``seeds``: a tuple. ``loss``: the mean loss over the batch of each step,
    before that step, of shape (grid, seeds, steps). ``train_loss``, ``validation_loss``, ``test_loss``, and for class
    labels ``test_accuracy`` (a share; None for other targets): after the last step, over the whole part, of shape
    (grid, seeds). ``weights``: the arrays of the model as ``set_weights`` takes them, each of shape
    (grid, seeds, ...). ``parts``: for train, validation and test the examples that each seed had in it, of shape
    (seeds, examples), counted through all three parts of the task.

    ``diverged``, of shape (grid, seeds): the runs whose loss was not finite in some step, or whose loss over the
    training data ended above where it began. Their losses after the last step are infinite, their accuracy is 0; in
    ``loss`` they are infinite from the first step that was not finite on, and in the last step. Nothing is ever NaN
    but their weights. ``stuck``, of shape (grid, seeds) too: the other runs that have no more of the test labels right
    than the commonest label is by itself.
    """

    rule: Rule
    task: Task
    grid: dict
    seeds: tuple
    loss: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    test_loss: np.ndarray
    test_accuracy: Any
    weights: list
    diverged: np.ndarray
    stuck: np.ndarray
    parts: list


def sweep(rule, task, *, seeds, steps, batch_size, schedule=None, redraw=False, progress=False, **grid):
    """Train ``task`` by ``rule`` with every combination of the swept hyperparameters and every seed, all at once.

    ``grid`` names hyperparameters of the rule with their values, ``learning_rate=[0.01, 0.1]``; several make a grid,
    in the order given. ``seeds``: whole numbers; a seed decides the initial weights and the order of the data (a new
    permutation each epoch, the remainder dropped), the same for every rule and setting. ``schedule``, if given, is a
    function of the steps already made, an array ``0 ... steps - 1``, and returns the factors on the learning rate.

    ``redraw``: whether a seed also deals all the examples anew to the three parts. ``progress``: whether a bar shows
    how far it is (or the bar of a race that this sweep is a part of).

    Layers may keep averages, as batch normalisation does; layers that draw random numbers are refused.

    Returns a ``Sweep``. ValueError, before any training, names an argument that does not fit; also when the initial
    weights of two seeds are equal, as an initialiser with a fixed seed makes them.
    """
    grid = _checked_grid(rule, grid)
    seeds, steps, batch_size = checked_counts(task, seeds, steps, batch_size)
    factors = _factors(schedule, steps)
    weights, states = _initial(task, seeds)
    settings = list(itertools.product(*grid.values()))
    runs = len(settings) * len(seeds)

    # The runs of one setting lie together, a seed after the other.
    values = {name: np.full(runs, value, "float64") for name, value in rule.hyperparameters().items()}
    values |= {name: np.repeat([setting[i] for setting in settings], len(seeds)) for i, name in enumerate(grid)}
    parts = dealt(task, seeds, redraw)
    rows = batches(len(task.train[0]), seeds, steps, batch_size)
    rows = np.take_along_axis(parts[0][None], rows.reshape(steps, len(seeds), -1), axis=2)

    evaluate = training.evaluate_program(task)
    (before, _), _, _ = evaluate(weights, states, parts)
    with bars.shown(progress, runs * steps) as bar:
        history, weights, states = training.trained(
            type(rule), task, values, factors, *[[np.concatenate([array] * len(settings)) for array in arrays]
                                                 for arrays in (weights, states)],
            np.tile(rows, (1, len(settings), 1)), bar.advance)
    everywhere = [np.tile(part, (len(settings), 1)) for part in parts]
    (train_loss, _), (validation_loss, _), (test_loss, test_accuracy) = evaluate(weights, states, everywhere)

    broken = np.logical_or.accumulate(~np.isfinite(history), axis=1)
    # So written, NaN counts as diverged.
    diverged = broken[:, -1] | ~(train_loss.numpy() <= np.tile(before.numpy(), len(settings)))
    loss = np.where(broken, np.inf, history)
    loss[diverged, -1] = np.inf
    shape = tuple(len(axis) for axis in grid.values()) + (len(seeds),)

    def finished(values, bad=np.inf):
        return np.where(diverged, bad, values.numpy()).reshape(shape)

    test_accuracy = finished(test_accuracy, 0.0)
    return Sweep(rule, task, grid, seeds, loss=loss.reshape(shape + (steps,)),
                 train_loss=finished(train_loss), validation_loss=finished(validation_loss),
                 test_loss=finished(test_loss), test_accuracy=test_accuracy if task.classifies else None,
                 weights=[array.reshape(shape + array.shape[1:])
                          for array in training.in_order(task, weights, states)],
                 diverged=diverged.reshape(shape),
                 stuck=~diverged.reshape(shape) & (test_accuracy <= _share_of_commonest(task, parts[2])), parts=parts)


def _initial(task, seeds):
    """The weights and the states of one model a seed, each stacked along a first axis of the length of ``seeds``."""
    models = [training.start(task, seed) for seed in seeds]
    for (a, (first, _)), (b, (second, _)) in itertools.combinations(zip(seeds, models), 2):
        if all(np.array_equal(x, y) for x, y in zip(first, second)):
            raise ValueError(f"seeds {a} and {b} give the model the same initial weights; an initialiser with a fixed "
                             "seed, or a constant one, makes every run alike: leave its seed out")
    return [[np.stack(arrays) for arrays in zip(*kind)] for kind in zip(*models)]


def dealt(task, seeds, redraw):
    """The examples of the three parts for each seed, each of shape (seeds, examples), counted through all parts."""
    sizes = [len(part[0]) for part in (task.train, task.validation, task.test)]
    examples = np.arange(sum(sizes))
    # A stream of its own for each seed, apart from the one that orders the batches.
    orders = [np.random.default_rng([seed, 1]).permutation(examples) if redraw else examples for seed in seeds]
    return np.split(np.array(orders, "int32"), np.cumsum(sizes)[:2], axis=1)


def batches(examples, seeds, steps, batch_size):
    """The rows of the data that each step takes, of shape (steps, seeds, batch_size).

    Every seed goes through permutation after permutation; what is left of one, too few for a
    batch, is dropped.
    """
    an_epoch = examples // batch_size
    orders = []
    for seed in seeds:
        generator = np.random.default_rng(seed)
        epochs = [generator.permutation(examples)[:an_epoch * batch_size]
                  for _ in range(-(-steps // an_epoch))]  # rounded up
        orders.append(np.concatenate(epochs).reshape(-1, batch_size)[:steps])
    return np.stack(orders, axis=1).astype("int32")


def _share_of_commonest(task, rows):
    """For each seed the share of the commonest label among these examples; below any share where there are none."""
    if not task.classifies:
        return np.full(len(rows), -1.0)
    labels = training.pooled(task)[1][rows].reshape(len(rows), -1)
    return np.array([np.unique(own, return_counts=True)[1].max() / len(own) for own in labels])


def _factors(schedule, steps):
    if schedule is None:
        return np.ones(steps)
    if not callable(schedule):
        raise ValueError(f"schedule must be a function of the steps already made, got {schedule!r}")
    factors = np.asarray(schedule(np.arange(steps)), float)
    if factors.shape != (steps,) or not (np.isfinite(factors) & (factors >= 0)).all():
        raise ValueError("schedule must turn the array of steps into as many finite factors of at least 0; it "
                         f"returned the shape {factors.shape}")
    return factors


def _checked_grid(rule, grid):
    if not isinstance(rule, Rule):
        raise ValueError(f"rule must be one of optkit.rules, such as optkit.Adam(), got {rule!r}")
    own = rule.hyperparameters()
    if "learning_rate" not in own:
        raise ValueError(f"{type(rule).__name__} has no learning_rate, which a sweep scales by its schedule")
    for name, value in own.items():
        if np.ndim(value):
            raise ValueError(f"{name} is an array in the rule; give the rule one number and sweep {name}=[...]")
    grid = {name: np.atleast_1d(values) for name, values in grid.items()}
    for name, values in grid.items():
        if name not in own:
            raise ValueError(f"{type(rule).__name__} has no {name}; it has {', '.join(own)}")
        replace(rule, **{name: values})  # refuses what is not allowed
    return {name: values.astype(float) for name, values in grid.items()}


def checked_counts(task, seeds, steps, batch_size):
    if not isinstance(task, Task):
        raise ValueError(f"task must be an optkit.Task, such as optkit.tasks.digits(), got {task!r}")
    seeds = tuple(seeds) if np.iterable(seeds) else (seeds,)
    if not seeds or len(set(seeds)) < len(seeds) or not all(_whole(seed, 0) for seed in seeds):
        raise ValueError(f"seeds must be different whole numbers of at least 0, got {seeds!r}")
    if not _whole(steps, 1):
        raise ValueError(f"steps must be a whole number of at least 1, got {steps!r}")
    examples = len(task.train[0])
    if not _whole(batch_size, 1) or batch_size > examples:
        raise ValueError(f"batch_size must be a whole number from 1 to {examples}, the training examples; "
                         f"got {batch_size!r}")
    return tuple(int(seed) for seed in seeds), int(steps), int(batch_size)


def _whole(value, least):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least

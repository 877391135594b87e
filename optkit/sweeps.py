"""Hundreds of trainings in one compiled program: every setting of the hyperparameters with every seed."""

import contextlib
import hashlib
import importlib.metadata
import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from optkit import memory, models, progress as bars, resume, rules, side_by_side, training
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

    ``piece``: how many runs were trained together. The last digits of a result depend on it, so that two sweeps are
    equal to the last digit where their pieces are of one size. ``one_at_a_time``: the names of the layers that have an
    operation for which TensorFlow has no batched form. Random numbers are then drawn run by run, as for ``Dropout``,
    which costs little; anything else, such as a convolution with weights of each run, makes the runs of a piece be
    trained one after the other.
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
    piece: Any = None
    one_at_a_time: tuple = ()


def sweep(rule, task, *, seeds, steps, batch_size, schedule=None, redraw=False, progress=False, keep_in=None,
          **grid):
    """Train ``task`` by ``rule`` with every combination of the swept hyperparameters and every seed, all at once.

    ``grid`` names hyperparameters of the rule with their values, ``learning_rate=[0.01, 0.1]``; several make a grid,
    in the order given. ``seeds``: whole numbers; a seed decides the initial weights and the order of the data (a new
    permutation each epoch, the remainder dropped), the same for every rule and setting. ``schedule``, if given, is a
    function of the steps already made, an array ``0 ... steps - 1``, and returns the factors on the learning rate.

    ``redraw``: whether a seed also deals all the examples anew to the three parts. ``progress``: whether a bar shows
    how far it is (or the bar of a race that this sweep is a part of).

    ``keep_in``: a folder for what is finished. After an interruption of any kind the same call, with the same folder,
    takes the pieces that are in it and trains the others; the result is the same to the last digit. A piece that is not
    as it was written is trained again, with a warning.

    Layers may keep averages, as batch normalisation does, and draw random numbers, as dropout does: those of a run
    depend on its seed alone. What is measured after training is measured without them.

    Returns a ``Sweep``. ValueError, before any training, names an argument that does not fit; also when the initial
    weights of two seeds are equal, as an initialiser with a fixed seed makes them, or their random numbers, and when
    ``keep_in`` holds another sweep: it says what differs. RuntimeError when another process is at work there, OSError
    when nothing can be written there; what was finished stays.
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
    owners = np.tile(np.arange(len(seeds)), len(settings))
    todo = training.Runs(values, factors, owners, weights, states, rows, parts)

    (before, _), _, _ = models.evaluate_program(task)(weights, states, parts)
    needed = _bytes(todo)
    plan = training.planned(type(rule), task, batch_size, runs)
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(bars.shown(progress, runs * steps))
        kept = keep_in if keep_in is None else stack.enter_context(resume.opened(
            keep_in, _description(rule, task, grid, seeds, plan, todo), needed))
        done = training.trained(plan, todo, bar, kept)
    history, accuracies = done["history"], done["accuracies"]
    train_loss, validation_loss, test_loss = done["losses"].T

    broken = np.logical_or.accumulate(~np.isfinite(history), axis=1)
    # So written, NaN counts as diverged.
    diverged = broken[:, -1] | ~(train_loss <= before.numpy()[owners])
    loss = np.where(broken, np.inf, history)
    loss[diverged, -1] = np.inf
    shape = tuple(len(axis) for axis in grid.values()) + (len(seeds),)

    def finished(values, bad=np.inf):
        return np.where(diverged, bad, values).reshape(shape)

    test_accuracy = finished(accuracies[:, 2], 0.0)
    return Sweep(rule, task, grid, seeds, loss=loss.reshape(shape + (steps,)),
                 train_loss=finished(train_loss), validation_loss=finished(validation_loss),
                 test_loss=finished(test_loss), test_accuracy=test_accuracy if task.classifies else None,
                 weights=[array.reshape(shape + array.shape[1:])
                          for array in models.in_order(task, done["weights"], done["states"])],
                 diverged=diverged.reshape(shape),
                 stuck=~diverged.reshape(shape) & (test_accuracy <= _share_of_commonest(task, parts[2])), parts=parts,
                 piece=plan.size, one_at_a_time=plan.one_at_a_time)


def _initial(task, seeds):
    """The weights and the states of one model a seed, each stacked along a first axis of the length of ``seeds``."""
    starts = [models.start(task, seed) for seed in seeds]
    draws = models.random_layers(task)
    for (a, (first, own)), (b, (second, other)) in itertools.combinations(zip(seeds, starts), 2):
        if all(np.array_equal(x, y) for x, y in zip(first, second)):
            raise ValueError(f"seeds {a} and {b} give the model the same initial weights; an initialiser with a fixed "
                             "seed, or a constant one, makes every run alike: leave its seed out")
        if alike := [name for place, name in draws.items() if np.array_equal(own[place], other[place])]:
            raise ValueError(f"seeds {a} and {b} give the same random numbers to {', '.join(alike)}; leave out the "
                             "seed of the layer, so that each run draws its own")
    return [[np.stack(arrays) for arrays in zip(*kind)] for kind in zip(*starts)]


def _bytes(todo):
    """How many bytes the result has; ValueError when the machine has not twice as many, once to gather them."""
    a_run = sum(array[0].nbytes for array in (*todo.weights, *todo.states)) + 8 * (len(todo.rows) + 12)
    needed = a_run * len(todo.owners)
    if 2 * needed > memory.total():
        raise ValueError(f"{len(todo.owners)} runs leave {memory.in_words(needed)} of weights and losses, and this "
                         f"machine has a memory of {memory.in_words(memory.total())}: sweep fewer values or seeds")
    return needed


def _description(rule, task, grid, seeds, plan, todo):
    """What decides the results, in words, numbers and digests; ``resume`` compares two of them in this order."""
    lines = [getattr(type(rule), method).__code__ for method in ("step", "start")]
    lines = [[code.co_code, code.co_names, [str(value) for value in code.co_consts if isinstance(value, (int, float))]]
             for code in lines]
    program = [Path(module.__file__).read_bytes() for module in (models, rules, side_by_side, training)]
    return {
        "rule": repr(rule), "the code of the rule": _digest(repr(lines).encode()),
        "the grid": {name: values.tolist() for name, values in grid.items()}, "seeds": list(seeds),
        "steps": len(todo.rows), "batch_size": todo.rows.shape[-1], "schedule": _digest(todo.factors),
        "the data of the task": _digest(*models.pooled(task)),
        "the split into parts": _digest(*todo.parts), "the order of the data": _digest(todo.rows),
        "the model's initial weights": _digest(*todo.weights, *todo.states), "the runs in a piece": plan.size,
        "the program of optkit": _digest(*program),
        **{f"the version of {name}": importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
        "the first steps (the model, its loss, or how this machine rounds)": training.first_steps(plan, todo),
    }


def _digest(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{getattr(part, 'shape', '')} {getattr(part, 'dtype', '')} ".encode())
        digest.update(part if isinstance(part, bytes) else part.tobytes())
    return digest.hexdigest()


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
    labels = models.pooled(task)[1][rows].reshape(len(rows), -1)
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

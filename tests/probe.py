"""A sequence of gradients on which wrong update rules cannot hide, and the one comparison that judges every rule.

Constant or Gaussian gradients let many wrong rules pass. These do not: eight columns from 1e-10 to 1e4 in size, a
first gradient of zero, a streak of zeros, one gradient a thousand times too large, a column of one sign, a column
whose sign flips, parameters that differ in shape and two that share one, a learning rate changed midway, and a start
that is not zero.
"""

import dataclasses

import numpy as np

STEPS = 40
EPOCH = 8  # in steps, for mistakes that happen once an epoch
TOLERANCE = 1e-12
RATE_FACTORS = np.where(np.arange(STEPS) < 26, 1.0, 0.25)

START = {"columns": np.linspace(-2, 1.5, 8), "matrix": np.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]]),
         "twin": np.full((3, 2), -1.5)}


def gradients(steps=STEPS, sizes=np.logspace(-10, 4, 8)):
    """The gradients of every step, stacked: a dict of float64 arrays of shape ``(steps, ...)``."""
    random = np.random.default_rng(2015)
    columns = random.normal(size=(steps, 8)) * sizes
    columns[:, 3] = np.abs(columns[:, 3])
    columns[:, 5] = np.abs(columns[:, 5]) * np.where(np.arange(steps) < steps // 2, 1, -1)
    columns[0] = 0
    columns[12:18] = 0
    columns[22] *= 1000
    matrix = 0.3 * random.normal(size=(steps, 3, 2))
    matrix[5:9, 0] = 0
    twin = random.normal(size=(steps, 3, 2)) + 1
    return {"columns": columns, "matrix": matrix, "twin": twin}


def displacements(rule, stacked, start, factors=RATE_FACTORS):
    """How far a rule has carried each parameter from its start after every step, summed from zero.

    ``rule`` has ``init``, ``update`` and a field ``learning_rate``, which is multiplied by ``factors`` step by step.
    """
    state = rule.init(start)
    moved = {name: np.zeros_like(value) for name, value in start.items()}
    history = {name: [] for name in start}
    for i, factor in enumerate(factors):
        now = dataclasses.replace(rule, learning_rate=rule.learning_rate * factor)
        params = {name: start[name] + moved[name] for name in start}
        step, state = now.update({name: g[i] for name, g in stacked.items()}, state, params)
        for name in start:
            moved[name] = moved[name] - step[name]
            history[name].append(moved[name])
    return {name: np.array(values) for name, values in history.items()}


def expected(reference, rule, stacked, start, factors=RATE_FACTORS):
    """What ``displacements`` gives for the formula in a paper, with the hyperparameters of a rule."""
    others = dataclasses.asdict(rule)
    rates = others.pop("learning_rate") * factors
    moved = {}
    for name, g in stacked.items():
        column = rates.reshape((-1,) + (1,) * (g.ndim - 1))
        moved[name] = reference(g, column, start[name], **others)
    return moved


def difference(found, right):
    """The greatest difference, for each coordinate relative to the farthest it should ever get; infinite for NaN."""
    worst = 0.0
    for name in right:
        farthest = np.abs(right[name]).max(axis=0)
        relative = np.abs(found[name] - right[name]) / farthest
        worst = max(worst, np.nan_to_num(relative, nan=np.inf, posinf=np.inf).max())
    return worst


def difference_from(reference, rule, like=None):
    """How far a rule is from a formula over the probe; ``like`` has the hyperparameters if ``rule`` has them not."""
    stacked = gradients()
    with np.errstate(all="ignore"):  # wrong rules divide by zero and overflow
        found = displacements(rule, stacked, START)
    return difference(found, expected(reference, like or rule, stacked, START))

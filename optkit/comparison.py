"""Judging a comparison of two rules, seed by seed."""

from math import comb

import numpy as np


def sign_test(first, second):
    """How often ``first`` is lower than ``second``, pair by pair, and how probable so uneven a count is by chance.

    ``first`` and ``second`` have the shape ``(pairs,)``: losses of two rules with the same seeds. Returns
    ``(wins, chance)``, where the chance is the exact two-sided one for a fair coin (Arbuthnot 1710); ties are left
    out. ValueError when the shapes differ or every pair is a tie.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"first and second must be as long as each other, got the shapes {first.shape} and "
                         f"{second.shape}")
    wins, losses = int(np.sum(first < second)), int(np.sum(first > second))
    if wins + losses == 0:
        raise ValueError("first and second are equal in every pair: there is nothing to test")
    pairs, more = wins + losses, max(wins, losses)
    return wins, min(1.0, 2 * sum(comb(pairs, count) for count in range(more, pairs + 1)) / 2**pairs)


def holm(chances):
    """The chances of several tests made together, corrected for their number (Holm 1979).

    ``chances`` has the shape ``(tests,)``, and so has the result. Compared with a level of 0.05, as if each stood
    alone, they raise a false alarm in at most 5% of such families. ValueError when one is not in [0, 1].
    """
    chances = np.asarray(chances, float)
    if chances.ndim != 1 or not ((0 <= chances) & (chances <= 1)).all():
        raise ValueError(f"chances must be a list of numbers between 0 and 1, got {chances!r}")
    order = np.argsort(chances)
    corrected = np.maximum.accumulate(chances[order] * np.arange(len(chances), 0, -1))
    result = np.empty_like(chances)
    result[order] = np.minimum(1, corrected)
    return result


def steps_to(loss, target, window=20):
    """How many steps each run makes until the mean of its last ``window`` losses is at most ``target``; else infinity.

    ``loss`` has the shape (..., steps), as ``Sweep.loss`` has, where a step's loss is that before it. A single batch
    may be easy, the mean of several is not; the first possible answer is ``window``.
    """
    loss = np.asarray(loss, float)
    if not 1 <= window <= loss.shape[-1]:
        raise ValueError(f"window must be from 1 to the number of steps, {loss.shape[-1]}; got {window!r}")
    means = np.lib.stride_tricks.sliding_window_view(loss, window, axis=-1).mean(axis=-1)  # infinite if one of them is
    reached = means <= target
    return np.where(reached.any(axis=-1), reached.argmax(axis=-1) + float(window), np.inf)


def ratios_to_best(losses):
    """How many times the lowest loss each rule has, setting by setting: a dict as ``losses``, from a rule to values.

    The values, of shape (settings,), are losses, or steps to a target. Of these ratios a performance profile shows the
    share below each factor (Dolan and More 2002). Where the lowest is infinite too, nobody solved the setting: ratios
    are infinite.
    """
    values = np.array([np.asarray(own, float) for own in losses.values()])
    best = values.min(axis=0)
    with np.errstate(invalid="ignore"):
        ratios = np.where(np.isfinite(values), values / best, np.inf)
    return dict(zip(losses, ratios))

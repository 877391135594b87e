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

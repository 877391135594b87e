"""Learning-rate schedules: pure functions of the step.

A schedule takes the steps already made, the array ``0 ... steps - 1``, and returns as many factors on the learning
rate; ``optkit.sweep`` takes one as ``schedule=``. Schedules multiply: ``lambda t: warm_up(t, 50) * linear_decay(t)``.
"""

import numpy as np


def linear_decay(t):
    """Falls in a straight line, from 1 at the first step to ``1 / steps`` at the last: zero would be the next."""
    return 1 - t / len(t)


def cosine_decay(t):
    """Falls along half a cosine, from 1 towards zero, slowly at both ends (Loshchilov and Hutter 2017)."""
    return (1 + np.cos(np.pi * t / len(t))) / 2


def warm_up(t, steps):
    """Rises in a straight line over the first ``steps`` steps, ``1 / steps`` in the first of them, and stays at 1."""
    return np.minimum(1, (t + 1) / steps)

"""What all ways have to do: the digits network, 300 steps of Adam on batches of 64, for each learning rate and seed.

``written`` puts the data, the initial weights and the batches into one file, so that every way, in a process of its
own and with a library of its own, starts from the same numbers. Reading it needs NumPy alone.
"""

import json
import resource
import statistics
import sys
import time

import numpy as np

RATES = np.logspace(-4, -1, 12)
STEPS, BATCH_SIZE = 300, 64


def written(path, seeds):
    """Make the file, for so many seeds. The runs of one rate lie together, a seed after the other, as in a sweep."""
    import optkit
    from optkit import sweeps, tasks

    task = tasks.digits()
    still = optkit.sweep(optkit.Adam(), task, learning_rate=[0.0], seeds=range(seeds), steps=1, batch_size=BATCH_SIZE)
    weights = {f"weights_{place}": array[0] for place, array in enumerate(still.weights)}
    rows = sweeps.batches(len(task.train[0]), range(seeds), STEPS, BATCH_SIZE)
    np.savez(path, rows=np.asarray(rows).reshape(STEPS, seeds, BATCH_SIZE), inputs=task.train[0], targets=task.train[1],
             test_inputs=task.test[0], test_targets=task.test[1], **weights)


class Work:
    """The file, read. ``runs`` numbers the trainings: a rate after the other, and with each a seed after the other."""

    def __init__(self, path, runs):
        with np.load(path) as file:
            self.__dict__.update(file)
        self.seeds = runs // len(RATES)
        if runs != self.seeds * len(RATES) or not 0 < self.seeds <= self.rows.shape[1]:
            raise ValueError(f"runs must be {len(RATES)}, or a multiple of it up to {len(RATES) * self.rows.shape[1]}, "
                             f"got {runs}")
        self.runs = range(runs)

    def rate(self, run):
        return float(RATES[run // self.seeds])

    def weights(self, run):
        return [getattr(self, f"weights_{place}")[run % self.seeds] for place in range(4)]

    def batches(self, run):
        """Inputs of shape (steps, batch, 64) and targets of shape (steps, batch)."""
        rows = self.rows[:, run % self.seeds]
        return self.inputs[rows], self.targets[rows]


def operations(sizes, runs):
    """The floating-point operations that these trainings need, of a network of dense layers with so many units.

    A product of matrices takes two for every weight and example, and a layer three products: its outputs, the gradient
    of its weights and that of its inputs, which the first layer does not need. All else is left out.
    """
    weights = [before * after for before, after in zip(sizes, sizes[1:])]
    return 2 * (3 * sum(weights) - weights[0]) * BATCH_SIZE * STEPS * runs


def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def peak():
    """The most memory that this process has held so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def report(**measured):
    print(json.dumps({name: np.asarray(value).tolist() for name, value in measured.items()}))


def first_and_later(function, repeats=3):
    """What the function returns, how long its first call takes, and the median of the later ones."""
    result, first = timed(function)
    return result, first, statistics.median(timed(function)[1] for _ in range(repeats))

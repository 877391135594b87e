"""The gradients on which wrong rules cannot hide, and how far a rule goes on them.

Constant or Gaussian gradients let many wrong rules pass. These have twelve kinds of coordinates: sizes from 1e-10 to
1e4, a first gradient of zero, one that is always zero, one of a single sign, one whose sign flips, a streak of zeros,
a spike a thousand times as large.
"""

import types

import numpy as np

from optkit.checking.known import start_with, step_with

STEPS = 40
SHAPE = (4, 3)  # of each parameter: one coordinate of each kind
KINDS = 12
_SIZES = np.array([1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0, 1.0, 1.0, 1.0, 30.0, 1e4, 0.0])
_ZERO_FIRST = [0, 3, 6, 9, 11]


def gradients(parameters):
    """The gradients of every step, of shape (steps, parameters, 12)."""
    random = np.random.default_rng(2015)
    g = random.normal(size=(STEPS, parameters, KINDS)) * _SIZES
    g[:, :, 7] = np.abs(g[:, :, 7])
    g[:, :, 8] = np.abs(g[:, :, 8]) * np.where(np.arange(STEPS) < STEPS // 2, 1, -1)[:, None]
    g[12:18, :, 6] = 0
    g[22, :, 9] *= 1000
    g[0][:, _ZERO_FIRST] = 0
    if parameters > 1:
        g[30, 1] = 0  # a whole parameter without gradient, while the others have one
    return g


def moved(rule, forms, g, rates, epsilons, start=0.0, along=None):
    """How far the rule, written in these forms, has moved after each step: of shape (epsilons, steps, parameters, 12).

    ``g``: gradients of shape (steps, parameters, 12); ``rates``: the learning rate of each step; ``start``: where the
    parameters are before the first one, which counts where the rule uses them; ``along``: where they are before each
    step, in place of where the rule itself leads. None when the forms do not fit together. Where the rule divides zero
    by zero there is NaN, and no warning.
    """
    cls = type(rule)
    step = step_with(forms, cls)
    sharing = [form.sharing for form in forms if form.sharing]
    if step is None or len(sharing) > 1:
        return None
    self = types.SimpleNamespace(**rule.hyperparameters())
    if "epsilon" in rule.hyperparameters():
        self.epsilon = np.asarray(epsilons, float)[:, None, None]
    zeros = np.zeros((len(epsilons), *g.shape[1:]))
    memory = {**dict.fromkeys(cls.slots(), zeros), **rule.start(zeros)}
    memory |= {form.memory: zeros for form in forms if form.memory}
    memory |= {name: zeros + value for name, value in start_with(forms).items()}
    position, path = zeros, []
    with np.errstate(all="ignore"):  # a wrong rule divides by zero and overflows: that is one way to know it
        for i, rate in enumerate(rates):
            self.learning_rate = rate
            at = start + position if along is None else along[i] + zeros
            given = {"x": at} if "x" in cls.arguments() else {}
            change, memory = _stepped(step, self, i, g[i] + zeros, given, memory, sharing[0] if sharing else "")
            position = position - change
            path.append(position)
    return np.stack(path, axis=1)


def _stepped(step, self, i, g, given, memory, sharing):
    """One step of all parameters; ``i`` counts from 0, ``given`` holds the parameters where the rule uses them."""
    parameters = g.shape[1]
    if sharing.startswith("t"):  # each parameter, or each layer of two, counts one on, or is the count
        together = 1 if sharing == "t" else 2
        before = 0 if sharing == "t as pair" else i * -(-parameters // together)
        t = before + (np.arange(parameters) // together + 1.0)[:, None]
        change, *after = _as_tuple(step(self, np, t, g=g, **given, **memory))
    elif sharing == "memory":  # each parameter finds what the one before left
        changes, after = [], [value[:, -1:] for value in memory.values()]
        for k in range(parameters):
            own = {name: value[:, k:k + 1] for name, value in given.items()} | dict(zip(memory, after))
            change, *after = _as_tuple(step(self, np, i + 1.0, g=g[:, k:k + 1], **own))
            changes.append(change)
        change, after = np.concatenate(changes, axis=1), [value + np.zeros_like(g) for value in after]
    else:
        change, *after = _as_tuple(step(self, np, i + 1.0, g=g, **given, **memory))
    return change, dict(zip(memory, after))


def _as_tuple(result):
    return result if isinstance(result, tuple) else (result,)

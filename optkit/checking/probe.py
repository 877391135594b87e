"""The gradients on which wrong rules cannot hide, and how far a rule goes on them.

Constant or Gaussian gradients let many wrong rules pass. These have twelve kinds of coordinates: sizes from 1e-10 to
1e4, a first gradient of zero, one that is always zero, one of a single sign, one whose sign flips, a streak of zeros,
a spike a thousand times as large.
"""

import dataclasses
import functools
import types
from dataclasses import dataclass

import numpy as np

from optkit.checking.known import lines_with, start_with

STEPS = 40
SHAPE = (4, 3)  # of each parameter: one coordinate of each kind
KINDS = 12
_SIZES = np.array([1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0, 1.0, 1.0, 1.0, 30.0, 1e4, 0.0])
_ZERO_FIRST = [0, 3, 6, 9, 11]
_SIDE_BY_SIDE = 256  # forms


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

    The arguments are those of ``Paths``. None when the forms do not fit together.
    """
    return next((paths[0] for _, paths in Paths(rule, g, rates, epsilons, start, along).of([forms], len(rates))), None)


class Paths:
    """How far a rule, written in many forms, moves along one probe: side by side, each line for all forms at once.

    ``g``: gradients of shape (steps, parameters, 12); ``rates``: the learning rate of each step; ``start``: where the
    parameters are before the first one, which counts where the rule uses them; ``along``: where they are before each
    step, in place of where the rule itself leads. Where the rule divides zero by zero there is NaN, and no warning.
    """

    def __init__(self, rule, g, rates, epsilons, start=0.0, along=None):
        self.rule, self.g, self.rates, self.epsilons, self.along = rule, g, rates, epsilons, along
        self.settings = types.SimpleNamespace(**rule.hyperparameters())
        if "epsilon" in rule.hyperparameters():
            self.settings.epsilon = np.asarray(epsilons, float)[:, None, None]
        self.zeros = np.zeros((len(epsilons), *g.shape[1:]))
        self.start = start + self.zeros
        self.first = {**dict.fromkeys(type(rule).slots(), self.zeros), **rule.start(self.zeros)}
        self.places = {}  # forms: (the block they are in, their number there); None when they do not fit together

    def of(self, candidates, steps):
        """(forms, their paths of shape (forms, epsilons, steps, parameters, 12)), some at a time; without those that do
        not fit together."""
        self._place([forms for forms in candidates if forms not in self.places])
        blocks = {}
        for forms in candidates:
            if self.places[forms]:
                block, number = self.places[forms]
                blocks.setdefault(block, []).append((forms, number))
        for block, found in blocks.items():
            forms, numbers = [list(column) for column in zip(*found)]
            if len(block.path) < steps:
                block, numbers = self._of_these(block, forms, numbers), list(range(len(forms)))
                with np.errstate(all="ignore"):  # a wrong rule divides by zero and overflows: one way to know it
                    while len(block.path) < steps:
                        block.advance()
            yield forms, np.stack([reached[numbers] for reached in block.path[:steps]], axis=2)

    def _place(self, candidates):
        alike = {}
        for forms in candidates:
            walker = _walker(forms, type(self.rule))
            self.places[forms] = None
            if walker:
                alike.setdefault(walker.sharing == "memory", []).append((forms, walker))
        for walkers in alike.values():
            for i in range(0, len(walkers), _SIDE_BY_SIDE):
                forms, these = zip(*walkers[i:i + _SIDE_BY_SIDE])
                block = _Block(self, these, self._memories(these), [])
                self.places |= {forms: (block, number) for number, forms in enumerate(forms)}

    def _memories(self, walkers):
        """What the memories of all are before the first step, by name; a rule without one of them has it for nothing."""
        memories = {name: np.zeros((len(walkers), *self.zeros.shape)) for walker in walkers for name in walker.memory}
        for name, value in self.first.items():
            memories[name][:] = value
        for k, walker in enumerate(walkers):
            for name, value in walker.start.items():
                memories[name][k] = value
        return memories

    def _of_these(self, block, forms, numbers):
        """A block of these alone; the others stay where they are."""
        if len(numbers) == len(block.walkers):
            return block
        block = _Block(self, [block.walkers[k] for k in numbers],
                       {name: value[numbers] for name, value in block.memory.items()},
                       [reached[numbers] for reached in block.path])
        self.places |= {these: (block, number) for number, these in enumerate(forms)}
        return block


@dataclass(frozen=True, eq=False)
class _Walker:
    """A rule in some forms: the lines of its step, what its parameters share, the names of its memories, and what these
    are before the first step where the forms say it."""

    lines: tuple
    sharing: str
    memory: tuple
    start: dict


@functools.cache
def _walker(forms, cls):
    """The rule in these forms; None when they do not fit together. NameError when the rule itself reads what is not
    there."""
    sharing = [form.sharing for form in forms if form.sharing]
    lines = lines_with(forms, cls) if len(sharing) < 2 else None
    memory = *cls.slots(), *(form.memory for form in forms if form.memory)
    missing = _missing(lines or (), memory, [field.name for field in dataclasses.fields(cls)])
    if missing and not forms:
        raise NameError(f"name {missing!r} is not defined")
    fit = lines and not missing
    return _Walker(lines, sharing[0] if sharing else "", memory, start_with(forms)) if fit else None


def _missing(lines, memory, settings):
    """A name that is read before it is set: an edit may have removed what another one needs. "" when all are there."""
    there = {"g", "x", "t", *memory}
    for line in lines:
        if not (there.issuperset(line.reads) and line.settings.issubset(settings)):
            return next(name for name in (*line.reads, *line.settings) if name not in there and name not in settings)
        there |= {*line.sets}
    return ""


class _Block:
    """Some forms of a rule that walk side by side: their memories, by name, and ``path``, how far they have come after
    each step; forms count along the first axis."""

    def __init__(self, paths, walkers, memory, path):
        self.paths, self.walkers, self.memory, self.path = paths, walkers, memory, path
        self.plan, self.sharings = _planned(tuple(walkers)), {walker.sharing for walker in walkers}

    def advance(self):
        """One step of all."""
        paths, i = self.paths, len(self.path)
        paths.settings.learning_rate = paths.rates[i]
        before = self.path[-1] if self.path else np.zeros((len(self.walkers), *paths.zeros.shape))
        values = {"g": paths.g[i] + paths.zeros,
                  "x": paths.start + before if paths.along is None else paths.along[i] + paths.zeros}
        if self.walkers[0].sharing == "memory":  # each parameter finds what the one before left
            changes, memory = [], {name: value[..., -1:, :] for name, value in self.memory.items()}
            for k in range(paths.g.shape[1]):
                own = {name: value[..., k:k + 1, :] for name, value in values.items()}
                change, memory = self._run(i, own, memory)
                changes.append(change)
            change = np.concatenate(changes, axis=-2)
            self.memory = {name: value + np.zeros_like(change) for name, value in memory.items()}
        else:
            change, self.memory = self._run(i, values, self.memory)
        self.path.append(before - change)

    def _run(self, i, given, memory):
        """(change, memory) of one step, line by line; ``given``: values from outside, among them those that are the same
        for all forms."""
        own, shape, made = dict(memory), (len(self.walkers), *given["g"].shape[-3:]), set()
        outside = {sharing: given | {"t": _number(i, sharing, self.paths.g.shape[1])} for sharing in self.sharings}
        for line, sharing, where, reads, others, sets in self.plan:
            every = len(where) == len(self.walkers)
            values = {name: own[name] if every else own[name][where] for name in reads}
            for name in others:
                value = outside[sharing][name]
                values[name] = value[where] if name == "x" and value.ndim == len(shape) and not every else value
            for name, value in zip(sets, self._result(line, values, len(where))):
                if every and np.shape(value) == shape and not any(
                        value is other for other in (*values.values(), *own.values())):
                    own[name] = value
                else:
                    if name not in made:  # what was there before is not to be changed
                        own[name] = np.array(own[name]) if name in own else np.empty(shape)
                    own[name][where] = value
                made.add(name)
        return own.pop("change"), {name: own[name] for name in memory}

    def _result(self, line, values, forms):
        values |= {"self": self.paths.settings, "xp": np}
        if not line.is_whole:
            return line.run(values)
        each = [line.run({name: value[k] if np.ndim(value) == 4 else value for name, value in values.items()})
                for k in range(forms)]
        return [np.stack([np.broadcast_to(value, values["g"].shape[-3:]) for value in column]) for column in zip(*each)]


@functools.lru_cache(maxsize=64)
def _planned(walkers):
    """The lines of all, each once for all that have it: (line, sharing, their numbers, which of the values that it
    reads are their own, which come from outside, what it sets)."""
    plan, own = {}, [{*walker.memory} for walker in walkers]
    for depth in range(max(len(walker.lines) for walker in walkers)):
        for k, walker in enumerate(walkers):
            if depth < len(walker.lines):
                line = walker.lines[depth]
                reads = tuple(name for name in line.reads if name in own[k])
                sets = line.sets or ("change", *walker.memory)
                plan.setdefault((depth, line, walker.sharing, reads, sets), []).append(k)
                own[k] |= {*line.sets}
    return [(line, sharing, np.array(where), reads, [name for name in line.reads if name not in reads], sets)
            for (_, line, sharing, reads, sets), where in plan.items()]


def _number(i, sharing, parameters):
    """The number of the step, from 1; where parameters, or layers of two, count it on or are it, one for each."""
    if not sharing.startswith("t"):
        return i + 1.0
    together = 1 if sharing == "t" else 2
    before = 0 if sharing == "t as pair" else i * -(-parameters // together)
    return before + (np.arange(parameters) // together + 1.0)[:, None]

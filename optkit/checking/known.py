"""Forms in which people write an update rule: right in other words (a dialect), or wrong (a mistake).

Each is an edit of the rule's own lines, so that no formula is written twice, two mistakes combine as their edits do,
and a mistake can be trained with like any rule.
"""

import dataclasses
import functools
import inspect
import textwrap
from dataclasses import dataclass, field

import numpy as np

from optkit.rules import Rule


@dataclass(frozen=True)
class Known:
    """One known form.

    ``id``: a stable name. ``says``: what the code does, to be read after "it". ``why``: for a mistake, why the loss
    may fall all the same; for a dialect, where it is usual and what differs. ``edits``: pairs of a piece of the
    source of the rule's ``step`` and what stands in its place. ``first``: lines put before the others. ``start``:
    what the memories are before the first step, where that is not zero. ``memory``: one more memory that the code
    keeps. ``sharing``: "" when each parameter has
    memories of its own; "memory" when all use one, in turn; "all" when all use one, together; "t" (or "t of pairs")
    when each of them (or each two) advances the step number; "t as pair" when the number of the pair is taken for it.
    """

    id: str
    says: str
    why: str
    edits: tuple = ()
    first: str = ""
    start: dict = field(default_factory=dict, hash=False)
    memory: str = ""
    sharing: str = ""
    dialect: bool = False

    def applied_to(self, rule):
        """The rule with this mistake: a rule too. ValueError when a piece is not in its source."""
        return type_with((self,), type(rule))(**rule.hyperparameters())


@functools.cache
def source_of(cls):
    """The lines of ``cls.step``, without a docstring."""
    return textwrap.dedent(inspect.getsource(cls.step))


def edited(source, forms):
    """The source with the edits of all forms; None when a piece to be replaced is not there (any more)."""
    head, body = source.split("\n", 1)
    for form in forms:
        for piece, other in form.edits:
            if piece not in body:
                return None
            body = body.replace(piece, other)
    for form in forms:
        if form.memory:
            head, body = head.replace("):", f", {form.memory}):"), f"{body.rstrip()}, {form.memory}\n"
    first = "".join(f"    {line}\n" for form in forms for line in form.first.splitlines())
    return f"{head}\n{first}{body}"


# What some mistakes do with a whole array: for one array, and for arrays that lie in the last axis of a larger one.
_WHOLE = {"mean_of": np.mean, "total_of": np.sum, "total_of_all": np.sum, "largest_of": np.max,
          "entry_of": lambda m, t: m.reshape(-1)[int(t) % m.size] + 0 * m}
_ROWS = {"mean_of": functools.partial(np.mean, axis=-1, keepdims=True),
         "total_of": functools.partial(np.sum, axis=-1, keepdims=True),
         "total_of_all": functools.partial(np.sum, axis=(-2, -1), keepdims=True),
         "largest_of": functools.partial(np.max, axis=-1, keepdims=True),
         "entry_of": lambda m, t: m[..., [int(t) % m.shape[-1]]]}


@functools.cache
def step_with(forms, cls, rows=True):
    """The function ``step`` with the edits of all forms; None when they do not fit together. ``rows``: is each row of
    an array a parameter of its own?"""
    source = edited(source_of(cls), forms)
    if source is None:
        return None
    names = dict(_ROWS if rows else _WHOLE)
    exec(compile(source, f"<{' and '.join(form.id for form in forms) or 'the rule'}>", "exec"), names)
    return names["step"]


def start_with(forms):
    """What the memories are before the first step, where that is not zero."""
    return {name: value for form in forms for name, value in form.start.items()}


@functools.cache
def type_with(forms, cls):
    """A subclass of the rule, with the edits of all forms. ValueError when they do not fit together."""
    step = step_with(forms, cls, rows=False)
    if step is None:
        raise ValueError(f"{', '.join(form.id for form in forms)}: not a form of {cls.__name__}")

    def start(self, zeros):
        return Rule.start(self, zeros) | cls.start(self, zeros) | {
            name: zeros + value for name, value in start_with(forms).items()}

    return dataclasses.dataclass(frozen=True)(type(cls.__name__, (cls,), {"step": step, "start": start}))

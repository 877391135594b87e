"""Forms in which people write an update rule: right in other words (a dialect), or wrong (a mistake).

Each is an edit of the rule's own lines, so that no formula is written twice, two mistakes combine as their edits do,
and a mistake can be trained with like any rule.
"""

import ast
import builtins
import dataclasses
import functools
import inspect
import re
import textwrap
import types
from dataclasses import dataclass, field

import numpy as np

from optkit.rules import Rule


@dataclass(frozen=True, eq=False)  # each is itself alone: two of one content are not needed, and hashing takes time
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
    start: dict = field(default_factory=dict)
    memory: str = ""
    sharing: str = ""
    dialect: bool = False

    def applied_to(self, rule):
        """The rule with this mistake: a rule too. ValueError when a piece is not in its source."""
        return type_with((self,), type(rule))(**rule.hyperparameters())


@functools.cache
def source_of(cls):
    """The lines of ``cls.step``: as they stand where the rule is one of the book, whose lines the edits know; else a
    statement a line, without comments and docstring, and with brackets around the step that is returned."""
    try:
        source = textwrap.dedent(inspect.getsource(cls.step))
    except (OSError, TypeError):
        raise ValueError(f"the source of {cls.__name__}.step cannot be read; define the class in a file or a notebook "
                         "cell") from None
    if any(base.__module__ == Rule.__module__ for base in cls.__mro__ if base is not Rule):
        return source
    function = ast.parse(source).body[0]
    statements = [node for node in function.body
                  if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    text = "\n".join([*map(ast.unparse, statements[:-1]), _with_brackets(statements[-1])])
    return f"def step({ast.unparse(function.args)}):\n{textwrap.indent(text, '    ')}\n"


def _with_brackets(statement):
    """A return whose first value is in brackets, so that what an edit puts before them counts for all of it."""
    if not isinstance(statement, ast.Return) or statement.value is None:
        return ast.unparse(statement)
    step, *memories = getattr(statement.value, "elts", [statement.value])
    return "return " + ", ".join([f"({ast.unparse(step)})", *map(ast.unparse, memories)])


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


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a ``step``: its code, the names of the values that it reads, and of those that it sets; none in a
    return, which is the last. ``settings``: what it reads of ``self``."""

    code: object
    reads: tuple
    sets: tuple
    settings: frozenset = frozenset()

    @functools.cached_property
    def is_whole(self):
        """Is it a function, with all lines in it?"""
        return isinstance(self.code, types.FunctionType)

    def run(self, values):
        """What it sets, or returns, in a tuple. Arrays hold parameters in their rows."""
        if self.is_whole:
            return _as_tuple(self.code(**values))
        if not self.sets:
            return _as_tuple(eval(self.code, _ROWS, values))
        exec(self.code, _ROWS, values)
        return tuple(values[name] for name in self.sets)


@functools.cache
def lines_with(forms, cls):
    """The lines of the rule's ``step`` with the edits of all forms, each a ``Line``; a step that is not a mere list of
    assignments is one line. None when the forms do not fit together."""
    source = edited(source_of(cls), forms)
    if source is None:
        return None
    lines = source.split("\n", 1)[1].splitlines()
    try:
        if _is_flat(lines):
            return tuple(_line(line[4:]) for line in lines)
        step = _compiled(source, " and ".join(form.id for form in forms) or "the rule", rows=True)
        return (Line(step, tuple(inspect.signature(step).parameters)[2:], ()),)
    except (SyntaxError, AttributeError):
        return None


def _as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


def _is_flat(lines):
    """Is it one assignment a line, and a return at the end?"""
    return lines[-1].startswith("    return ") and all(map(_is_assignment, lines[:-1]))


@functools.cache
def _is_assignment(line):
    return bool(re.match(r" {4}[a-z]\w*(, [a-z]\w*)* = ", line))


@functools.cache
def _line(text):
    end = text.startswith("return ")
    tree = ast.parse(text.removeprefix("return "), mode="eval" if end else "exec")
    nodes = list(ast.walk(tree))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    of = {owner: {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == owner}
          for owner in ("self", "xp")}
    for name in of["xp"]:
        getattr(np, name)
    reads = {node.id for node in names if isinstance(node.ctx, ast.Load)} - {"self", "xp", *_ROWS, *dir(builtins)}
    sets = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    code = compile(tree, f"<{text}>", "eval" if end else "exec")
    return Line(code, tuple(sorted(reads)), tuple(sorted(sets)), frozenset(of["self"]))


def _compiled(source, name, rows):
    """The function ``step`` of this source. ``rows``: is each row of an array a parameter of its own?"""
    names = dict(_ROWS if rows else _WHOLE)
    exec(compile(source, f"<{name}>", "exec"), names)
    return names["step"]


def start_with(forms):
    """What the memories are before the first step, where that is not zero."""
    return {name: value for form in forms for name, value in form.start.items()}


@functools.cache
def type_with(forms, cls):
    """A subclass of the rule, with the edits of all forms. ValueError when they do not fit together."""
    source = edited(source_of(cls), forms)
    if source is None:
        raise ValueError(f"{', '.join(form.id for form in forms)}: not a form of {cls.__name__}")
    step = _compiled(source, " and ".join(form.id for form in forms), rows=False)

    def start(self, zeros):
        return Rule.start(self, zeros) | cls.start(self, zeros) | {
            name: zeros + value for name, value in start_with(forms).items()}

    return dataclasses.dataclass(frozen=True)(type(cls.__name__, (cls,), {"step": step, "start": start}))

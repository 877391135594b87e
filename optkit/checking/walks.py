"""A candidate through the probe: step by step, or as it asks for its gradients."""

import itertools
from dataclasses import dataclass

import numpy as np

from optkit.checking import names
from optkit.checking.holders import Unreadable, readable
from optkit.checking.instance import RAISED, Instance, NotUnderstood, each

_OF_AN_OBJECT = ("gradient", "grad", "get_gradient", "compute_gradient", "df")


class Crashed(Exception):
    """The candidate made some steps and then raised ``__cause__``."""


class OnePoint(Exception):
    """A loop asks for its gradient again and again at the point where it began."""


class _Enough(BaseException):
    """Ends a loop that asks for one gradient more than there are; no ``except Exception`` there keeps it."""


@dataclass
class Walk:
    """Where the candidate was: ``points``, of shape (steps, parameters, 12), after the first, second, ... step.

    ``form``: a key of ``FORMS``. ``settings``: hyperparameters read from the candidate after it was made. ``notes``:
    what a user should know. ``rate_changes``: could the learning rate be changed on the way?
    """

    points: np.ndarray
    form: str
    settings: dict
    notes: tuple = ()
    rate_changes: bool = False
    single: bool = False  # in float32
    whole: bool = False  # integers came back
    scale: float = 1.0  # by which the steps were multiplied, where the caller is to do that


# Through the probe, step by step

def stepped(reading, start, g, factors, reuse, restore, scale=1.0):
    mode, index = _first_look(reading, start, g)
    instance = Instance(reading, start, restore)
    holder, settings, points, notes, raw = instance.holder, instance.settings(), [], set(), []
    buffer = holder.make(g[0])
    for i, factor in enumerate(factors):
        before = instance.now()
        given = holder.fill(buffer, g[i]) if reuse else holder.make(g[i])
        if holder.kind == "objects":
            for p, gradient in zip(instance.handed, given):
                p.grad = gradient.data
        try:
            result = instance.advance(i + 1, factor, given)
        except RAISED as error:
            if i == 0:
                raise
            raise Crashed(f"at step {i + 1}") from error
        if mode == "in-place":
            values = instance.now()
            raw.append(instance.held())
            if index is not None:
                instance.keep(_split(holder, result, index)[1])
        else:
            returned, rest = _split(holder, result, index)
            value = holder.read(returned)
            raw.append(returned)
            values = value if mode == "new" else before - scale * value
            instance.keep(rest)
            if not np.array_equal(instance.now(), before, equal_nan=True):
                notes.add("It changes the parameters that it is handed, too.")
            instance.handed = holder.fill(instance.handed, values)
        if holder.kind != "objects" and holder.shape and not np.array_equal(holder.read(given), g[i], equal_nan=True):
            notes.add("It changes the gradient that it is handed: hand it a copy if you need it again.")
        points.append(values)
    changes = "learning_rate" in instance.rates or instance.own_rate is not None
    return Walk(np.stack(points), "held" if reading.held else mode, settings | instance.settings(True),
                tuple(sorted(notes)), changes, *(_has_type(raw, kinds) for kinds in ("float32", "integer")), scale)


def _has_type(raw, kind):
    """Did single-precision numbers, or integers, come back?"""
    arrays = [array for values in raw for array in (values if isinstance(values, (list, tuple)) else [values])]
    types = [array.dtype for array in arrays if isinstance(array, np.ndarray)]
    return any(own == np.float32 if kind == "float32" else own.kind in "iu" for own in types)


def _first_look(reading, start, g):
    """What a call does: ("new", "step" or "in-place", and which of the values returned is meant)."""
    instance = Instance(reading, start)
    holder, before = instance.holder, instance.now()

    def called(instance):
        given = holder.make(g[1])
        if holder.kind == "objects":
            for p, gradient in zip(instance.handed, given):
                p.grad = gradient.data
        return instance.advance(1, 1.0, given)

    result = called(instance)
    moved = not np.array_equal(instance.now(), before, equal_nan=True)
    if result is None or reading.held and (moved or result is instance.made):
        return "in-place", None
    options = _options(holder, result)
    if not options:
        if callable(result):
            raise NotUnderstood(f"it makes {_described(result)}, and how that is called is not known")
        if isinstance(result, list) and _of_other_count(holder, result):
            raise Unreadable(f"{len(result)} arrays where {holder.count} were expected")
        if moved or isinstance(result, bool) or result is instance.made:
            return "in-place", None
        raise Unreadable(f"it returned {_described(result)}, which is not the parameters, and changed nothing in place")
    if moved:
        same = [i for i in options
                if np.array_equal(holder.read(_split(holder, result, i)[0]), instance.now(), equal_nan=True)]
        if same:
            return "in-place", same[0]
    # What moves along when the start is moved is the new parameters; what does not is the step.
    shift = np.abs(start) + 1e-6
    probes = [called(Instance(reading, origin)) for origin in (start, start + shift)]
    for i in options:
        first, second = (holder.read(_split(holder, probe, i)[0]) for probe in probes)
        if np.nanmedian((second - first) / shift) > 0.5:
            return "new", i
    return "step", options[-1 if reading.last else 0]


def _of_other_count(holder, result):
    """Did a list of parameters come back that is longer or shorter than the one handed over?"""
    return holder.kind == "list" and len(result) != holder.count and all(isinstance(p, np.ndarray) for p in result)


def _described(result):
    shape = f" of shape {result.shape}" if isinstance(result, np.ndarray) else ""
    return f"{'an' if type(result).__name__[0] in 'aeiou' else 'a'} {type(result).__name__}{shape}"


def _options(holder, result):
    """Which of the values that were returned could be the parameters: their places, or -1 for all of it."""
    found = []
    places = [-1, *range(len(result))] if isinstance(result, tuple) else [-1]
    if holder.kind == "separate" and isinstance(result, (tuple, list)):
        places = [-1]
    for i in places:
        try:
            holder.read(_split(holder, result, i)[0])
            found.append(i)
        except Unreadable:
            pass
    return found


def _split(holder, result, index):
    """The value meant, and the others."""
    if holder.kind == "separate" and isinstance(result, (tuple, list)):
        return list(result[:holder.count]), list(result[holder.count:])
    if index is None or index < 0:
        return result, []
    return result[index], [value for i, value in enumerate(result) if i != index]


# Through the probe, as the candidate asks for its gradients

def asked(reading, start, g, factors, restore):
    holder, asked, calls, fresh, raw = reading.holder, [], [], [True], []

    def gradient(*arguments):
        point = _point(holder, arguments)
        calls.append(point)
        if point is None:
            raise Unreadable("it asks for the gradient at something that is not the parameters")
        if fresh or not np.array_equal(point, asked[-1], equal_nan=True):
            asked.append(point)
            raw.extend(arguments)
            fresh.clear()
        if len(asked) > len(g):
            raise _Enough
        values = holder.make(g[len(asked) - 1])
        return tuple(values) if holder.kind == "separate" else values

    for name in _OF_AN_OBJECT:  # it may be an object that is asked: oracle.gradient(x)
        setattr(gradient, name, gradient)
    instance = Instance(reading, start, restore, gradient)
    settings, single_steps = instance.settings(), True
    try:
        for i in range(len(g) + 1):
            count = len(asked)
            fresh.append(True)  # a new call is a new step, wherever it asks
            result = _call_asking(instance, gradient, i, factors, len(g))
            if len(asked) - count > 1:
                single_steps = False
                break
            if i == 0 and len(calls) > 2 and len(asked) == 1:
                raise OnePoint
            if len(asked) == count:
                raise Unreadable("it never asks for a gradient")
            end = _take_over(instance, result)
            if "count" in instance.roles.values() and end is not None:  # a loop that is over after one step
                asked += [end] * len(g)
                break
    except _Enough:
        pass
    if all(np.array_equal(point, asked[0]) for point in asked):
        raise Unreadable("it asks for the gradient at one point only")
    points = np.stack(asked[1:])
    notes = () if len(points) >= len(g) else (f"It stopped by itself after {len(points)} of {len(g)} steps.",)
    # Where it asks is where it stands: for Nesterov's momentum the point ahead, which is what the rule stores.
    changes = single_steps and ("learning_rate" in instance.rates or instance.own_rate is not None)
    return Walk(points, "callback", settings | instance.settings(True), notes, changes, _has_type(raw, "float32"))


def _point(holder, arguments):
    """The parameters among the arguments of a call for the gradient: None when there are none."""
    if holder.kind == "separate":
        return readable(holder, list(arguments[-holder.count:]))
    if holder.kind == "array" and len(arguments) == holder.size > 1:
        return readable(holder, np.array(arguments, dtype=object).astype(float))
    found = (readable(holder, argument) for argument in reversed(arguments))
    return next((point for point in found if point is not None), None)


def _call_asking(instance, gradient, i, factors, steps):
    values = itertools.count(1)

    def function(*_):  # falls with every call: some loops end when it does not
        return 1.0 / (next(values) + i)

    fields = {own: field for field, own in instance.rates.items()}
    arguments, parameters = {}, iter(each(instance.holder, instance.handed))
    for name, argument in instance.arguments.items():
        what, required = instance.roles[name], argument.default is argument.empty
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            continue
        if name in instance.memory and what not in ("gradient function",):
            arguments[name] = instance.memory[name]
        elif what in ("gradient function", "gradient"):
            arguments[name] = gradient
        elif what == "parameters" and (value := next(parameters, None)) is not None:
            arguments[name] = value
        elif name in fields:
            scale = factors[min(i, steps - 1)] if fields[name] == "learning_rate" else 1.0
            arguments[name] = getattr(instance.rule, fields[name]) * scale
        elif what == "objective" and required:
            arguments[name] = function
        elif what == "count":
            arguments[name] = steps + 1
        elif what == "step" and required:  # the number of a step or of all steps: the likelier first, then the other
            of_all = names.plain(name) in ("n", "k", "t", "it") and "count" not in instance.roles.values()
            arguments[name] = steps + 1 if of_all == (instance.reading.first_t == 1) else i + 1
        elif what == "tolerance":
            arguments[name] = 0.0
        elif required:
            raise NotUnderstood(f"nothing is known to hand over for its argument {name!r}")
    positional = [arguments.pop(name) for name, argument in instance.arguments.items()
                  if argument.kind == argument.POSITIONAL_ONLY]
    return instance.in_order(instance.call(*positional, **arguments))


def _take_over(instance, result):
    """The parameters that came back, handed over with the next call; None when none did."""
    holder = instance.holder
    options = _options(holder, result) if result is not None else []
    if instance.own_names or not options:
        return None
    if instance.place not in options:  # a step is small beside the way from zero: what is nearest is where it has come
        now = instance.now()  # to. That holds for the first; later a velocity may come near by chance
        instance.place = min(options, key=lambda i: np.nanmedian(np.abs(
            holder.read(_split(holder, result, i)[0]) - now)))
    value, rest = _split(holder, result, instance.place)
    value = holder.read(value)
    instance.handed = holder.fill(instance.handed, value)
    instance.keep(rest)
    return value


def in_turn(reading, start, g, factors):
    """Where the parameters are after each step, when one object is called for each of them in turn."""
    mode, index = _first_look(reading, start[:1], g[:, :1])
    instance = Instance(reading, start[:1])
    handed = [reading.holder.make(start[k:k + 1]) for k in range(len(start))]
    memories = [{name: instance.first_memory(name) for name in instance.memory} for _ in handed]
    points = []
    for i, factor in enumerate(factors):
        for k in range(len(start)):
            instance.handed, instance.memory, instance.number = handed[k], memories[k], k
            before = instance.now()
            result = instance.advance(i + 1, factor, reading.holder.make(g[i, k:k + 1]))
            if mode != "in-place":
                returned, rest = _split(reading.holder, result, index)
                value = reading.holder.read(returned)
                instance.keep(rest)
                instance.handed = reading.holder.fill(instance.handed, value if mode == "new" else before - value)
            elif index is not None:
                instance.keep(_split(reading.holder, result, index)[1])
            handed[k], memories[k] = instance.handed, instance.memory
        points.append(np.concatenate([reading.holder.read(array) for array in handed]))
    return np.stack(points)

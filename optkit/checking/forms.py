"""The forms in which people write optimizers: a table, and the ways in which a candidate can be understood."""

import copy
import functools
import inspect
from dataclasses import dataclass, replace

import numpy as np

from optkit.checking import names, walks
from optkit.checking.arguments import exchanged, required, roles
from optkit.checking.holders import Holder, ways
from optkit.checking.instance import HOOKS, RAISED, Instance, NotUnderstood, Remembered, size
from optkit.checking.probe import SHAPE, STEPS

FORMS = {
    "new": "(w, grad) -> new w: a function or a method, with or without a state, a config or a step number",
    "step": "(w, grad) or (grad) -> the step, which the caller subtracts (or adds, if it comes with its sign)",
    "in-place": "(params, grads), an array, list or dict, changed in place",
    "held": "holds its parameters from construction: step(), step(grads), update(dW, dB)",
    "callback": "asks for its own gradient: minimize(grad, x0, ...) or step(w, grad)",
    "rule": "a rule of optkit",
    "keras": "a Keras optimizer",
    "torch": "a PyTorch optimizer, or its class",
    "optax": "an optax transformation",
}

_METHODS = ("update", "step", "apply_gradients", "__call__", "update_params", "update_parameters", "update_weights",
            "optimize", "optimise", "apply", "get_update", "compute_update", "calculate_update", "minimize", "run",
            "fit", "descent")


@dataclass(frozen=True)
class Reading:
    """One way to understand a candidate: ``make(handed)`` gives what is called, ``roles`` what its arguments are."""

    make: object
    rule: object
    holder: Holder
    method: str = ""  # of the object that ``make`` gives; "" when that is called itself
    memory: str = "zeros"  # how memories start that are handed over: zeros, an empty dict, or None
    first_t: int = 1
    asks: bool = False  # for its gradient
    held: bool = False
    name: str = ""
    remembered: object = None
    last: bool = False  # of several values that come back the step is the last one, and not the first
    named: bool = False  # parameters and gradient are known by their names
    guessed: bool = False  # something is handed over of which only a guess is known
    by_name: bool = False  # the parameter's name is handed over in its place
    swapped: bool = False  # what is called dw is a memory, and what has another name the gradient
    unknown: tuple = ()  # names of arguments of which nothing is known: they are handed zeros, or None
    one: bool = False  # a plain function is one and the same: what it keeps must be put back first

    def walk(self, start, g, factors, reuse=False, restore=True, scale=1.0):
        """Through the probe, from ``start``. Raises what the candidate raises, and Unreadable.

        ``reuse``: the gradients come in the same arrays every time. ``restore``: what the candidate keeps outside of
        its objects is put back first. ``factors``: on the learning rate, step by step. ``scale``: what the caller
        multiplies a step by that is returned.
        """
        size = self.holder.size
        if size == start.shape[1]:
            return self._walk(start, g, factors, reuse, restore, scale)
        walks = [self._walk(start[:, k:k + size], g[:, :, k:k + size], factors, reuse, restore, scale)
                 for k in range(0, start.shape[1], size)]  # some coordinates at a time, each time a fresh candidate
        shortest = min(len(walk.points) for walk in walks)
        return replace(walks[0], points=np.concatenate([walk.points[:shortest] for walk in walks], axis=2))

    @property
    def in_turn(self):
        """Is one object called for one parameter after the other, each with a name or memories of its own?"""
        if not self.method or self.held or self.asks or self.holder.kind != "array":
            return False
        instance = Instance(self, np.zeros((1, self.holder.size)))
        return bool(instance.memory) or any(instance.roles[name] in ("key", "place")
                                             for name in required(instance.arguments))

    def walk_in_turn(self, start, g, factors):
        """The points when one object is called for each of several parameters in turn."""
        return walks.in_turn(self, start, g, factors)

    def _walk(self, start, g, factors, reuse, restore, scale):
        if self.asks:
            return walks.asked(self, start, g, factors, restore)
        return walks.stepped(self, start, g, factors, reuse, restore, scale)


# The ways in which a candidate can be understood

def readings(candidate, rule):
    """The readings of a candidate, the likeliest first. NotUnderstood says what is missing."""
    remembered = Remembered(candidate)
    one = inspect.isroutine(candidate) and bool(required(names.parameters_of(candidate)))
    found = [replace(reading, remembered=remembered, one=one) for reading in
             (_of_class(candidate, rule) if inspect.isclass(candidate) else _of_value(candidate, rule))]
    if not found:
        raise NotUnderstood("no method or function of it takes a gradient")
    return found


def _of_class(cls, rule):
    arguments = names.parameters_of(cls)
    kinds = {name: names.role(name) for name in arguments}
    needed = required(arguments)
    held = [name for name, what in kinds.items() if what == "parameters" and (
        name in needed or arguments[name].kind is inspect.Parameter.VAR_POSITIONAL)]
    if not held and not any("parameters" in roles(_without_self(getattr(cls, method)), asks, rule).values()
                            for method, asks in _methods(cls)):  # it has a start of its own, and takes another
        held = [name for name, what in kinds.items() if what == "parameters"
                and isinstance(arguments[name].default, (list, tuple, np.ndarray))][:1]
    sizes = [name for name in needed if kinds[name] == "size"]
    fields = names.hyperparameters([name for name in arguments if name not in held], rule, arguments)
    asks_from_start = any(kinds[name] in ("gradient function", "gradient") for name in needed
                          if name not in fields.values())

    def make(handed, gradient, holder=None):
        values, positional = {own: getattr(rule, field) for field, own in fields.items()}, []
        given = iter(handed if holder and holder.kind == "separate" else [handed])
        for name, argument in arguments.items():
            if argument.kind == argument.VAR_POSITIONAL and name in held:
                positional = list(given)
            elif name in held:
                values[name] = next(given)
            elif names.is_pair(name, argument, rule):
                values[name] = (rule.beta_1, rule.beta_2)
            elif name in sizes:
                values[name] = size(handed, sizes.index(name) if len(sizes) == 2 else None)
            elif name in needed and name not in values:
                values[name] = {"shape": np.shape(handed) if not isinstance(handed, (list, dict)) else len(handed),
                                "gradient function": gradient, "gradient": gradient, "tolerance": 0.0,
                                "objective": lambda *_: 0.0, "count": STEPS + 1}.get(kinds[name], None)
        if positional:  # what stands before *parameters can only be handed over by position
            before = [values.pop(name) for name in arguments if name in values
                      and arguments[name].kind is not arguments[name].KEYWORD_ONLY]
            return cls(*before, *positional, **values)
        return cls(**values)

    # An argument that nobody uses does no harm: it is handed None.
    unknown = tuple(name for name in needed if name not in held and name not in fields.values() and kinds[name] not in (
        "shape", "size", "gradient function", "gradient", "tolerance", "objective", "count") and not names.is_pair(
            name, arguments[name], rule))
    if held:
        holders = ways(held, arguments[held[0]].annotation)
        if arguments[held[0]].kind is inspect.Parameter.VAR_POSITIONAL:
            holders = [Holder("separate", 2, SHAPE)]
        for holder in holders:
            for method, asks in _methods(cls):
                takes = [name for name, what in roles(_without_self(getattr(cls, method)), rule=rule).items()
                         if what == "parameters"]
                if not takes:
                    yield Reading(functools.partial(make, holder=holder), rule, holder, method, held=True,
                                  asks=asks or asks_from_start, name=cls.__name__, unknown=unknown)
    for method, asks in _methods(cls):
        for reading in _of_call(make, rule, _without_self(getattr(cls, method)), method, asks or asks_from_start,
                                cls.__name__):
            yield replace(reading, unknown=unknown + reading.unknown)


def _of_value(candidate, rule):
    arguments = names.parameters_of(candidate)
    kinds = roles(arguments, rule=rule)
    if inspect.isroutine(candidate) or callable(candidate) and not _has_methods(candidate):
        takes_parameters = names.role(next(iter(required(arguments)), "")) == "parameters"
        if takes_parameters:
            yield from _of_maker(candidate, rule, arguments)
        needed = required(arguments)
        if all(names.role(name) in ("shape", "size") for name in needed) and not {
                "gradient", "gradient function"} & {what for name, what in kinds.items() if name not in needed}:
            yield from _of_factory(candidate, rule)
            return
        asks, own = "gradient function" in kinds.values(), getattr(candidate, "__name__", "")
        yield from _of_call(lambda handed, gradient: candidate, rule, arguments, "", asks, own)
        if "gradient" in kinds.values() or asks:  # what is called grad or df may be either
            yield from _of_call(lambda handed, gradient: candidate, rule, arguments, "", not asks, own)
        if not takes_parameters:
            yield from _of_maker(candidate, rule, arguments)
        return
    copies = _copies(candidate)
    for method, asks in _methods(candidate):
        for reading in _of_call(copies, rule, names.parameters_of(getattr(candidate, method)), method, asks,
                                type(candidate).__name__):
            yield reading


def _of_factory(factory, rule):
    taken = names.hyperparameters(names.parameters_of(factory), rule)
    settings = {own: getattr(rule, field) for field, own in taken.items()}
    shapes = required(names.parameters_of(factory))  # one, or one for each of several parameters

    def make(handed, gradient):
        each = handed if len(shapes) > 1 else [handed]
        return factory(**settings, **{name: np.shape(array) if names.role(name) == "shape" else size(array)
                                      for name, array in zip(shapes, each)})

    made = make([np.zeros(SHAPE)] * len(shapes) if len(shapes) > 1 else np.zeros(SHAPE), None)
    if inspect.isroutine(made):
        yield from _of_call(make, rule, names.parameters_of(made), "", False, "the factory")
        return
    for method, asks in _methods(made):
        yield from _of_call(make, rule, names.parameters_of(getattr(made, method)), method, asks, type(made).__name__)


def _of_maker(maker, rule, arguments):
    """The readings of a function that is handed the parameters once, and makes what takes the gradients, or asks for
    them where it is handed their function, too."""
    needed = required(arguments)
    held = next((name for name in needed if len(needed) == 1 or names.role(name) == "parameters"), None)
    functions = {name: names.role(name) for name in needed if name != held}
    if held is None or functions and not {"gradient function"} <= {*functions.values()} <= {"gradient function",
                                                                                            "objective"}:
        return
    taken = names.hyperparameters([name for name in arguments if name not in (held, *functions)], rule)

    def make(handed, gradient):
        return maker(**{held: handed}, **{own: getattr(rule, field) for field, own in taken.items()},
                     **{name: gradient if what == "gradient function" else lambda *_: 0.0
                        for name, what in functions.items()})

    for holder in ways([held], arguments[held].annotation):
        try:
            made = make(holder.make(np.zeros((holder.count, holder.size))), None)
        except RAISED:  # another holder may be the right one
            continue
        yield from _of_made(made, make, rule, holder, bool(functions))


def _of_made(made, make, rule, holder, told):
    """The readings of what a maker made; ``told``: was it told the gradient's function? What takes the parameters again
    was told where they start, or how many there are, and does not hold them."""
    routine = inspect.isroutine(made)
    if not routine and not hasattr(made, "__dict__"):
        return
    for method, asks in [("", False)] if routine else _methods(made):
        arguments = names.parameters_of(getattr(made, method) if method else made)
        own = roles(arguments, rule=rule)
        kinds = {own[name] for name in required(arguments)}
        asks = asks or "gradient function" in kinds
        if "parameters" in kinds and {"gradient", "gradient function"} & kinds:
            yield from _of_call(make, rule, arguments, method, asks, "the factory")
        if {"gradient", "gradient function"} & {*own.values()} or not kinds:
            yield Reading(make, rule, holder, method, held=True, asks=asks and not routine or told, name="the factory")


def _copies(candidate):
    """A function that gives a fresh copy of the candidate, as it was handed over."""
    try:
        kept = copy.deepcopy(candidate)
    except Exception:  # what cannot be copied is used as it is
        return lambda handed, gradient: candidate
    return lambda handed, gradient: copy.deepcopy(kept)


def _has_methods(candidate):
    return bool(_methods_among(candidate, _public(candidate))) and not inspect.isroutine(candidate)


def _methods(thing):
    """The methods that take a gradient or ask for one, the likeliest first: pairs (name, asks)."""
    private = [name for name in dir(thing) if name.startswith("_") and not name.startswith("__")]
    return _methods_among(thing, _public(thing)) or _methods_among(thing, private)


def _public(thing):
    return [name for name in dir(thing) if not name.startswith("_") or name == "__call__"]


def _methods_among(thing, own):
    if isinstance(thing, type) and "__call__" not in {name for cls in thing.__mro__[:-1] for name in vars(cls)}:
        own = [name for name in own if name != "__call__"]
    ranked = sorted(own, key=lambda name: _METHODS.index(name) if name in _METHODS else len(_METHODS))
    found, late = [], []
    for name in ranked:
        method = inspect.getattr_static(thing, name)
        if not callable(getattr(thing, name, None)) or isinstance(method, property):
            continue
        arguments = _without_self(getattr(thing, name)) if isinstance(thing, type) else names.parameters_of(
            getattr(thing, name))
        kinds = roles(arguments).values()
        if name in HOOKS:
            continue
        if "gradient function" in kinds:
            found.append((name, True))
            late.append((name, False))
        elif "gradient" in {names.role(argument) for argument in arguments}:
            found.append((name, False))
            late.append((name, True))
        elif name in _METHODS and ("gradient" in kinds or not required(arguments)):
            late.insert(0, (name, False))
    return found + late


def _without_self(function):
    arguments = names.parameters_of(function)
    return dict(list(arguments.items())[1:]) if next(iter(arguments), "") in ("self", "this", "s_") else arguments


def _of_call(make, rule, arguments, method, asks, name):
    """The readings of one function: how its parameters are handed over, how its memories start, where t starts."""
    kinds = roles(arguments, asks, rule)
    needed = required(arguments)
    gradients = [own for own, what in kinds.items() if what == "gradient" and (own in needed or not asks)]
    parameters = [own for own, what in kinds.items() if what == "parameters" and own in needed]
    if not asks and not gradients:
        return
    if asks and not parameters:
        parameters = [own for own, what in kinds.items() if what == "parameters"]
    handed = parameters or gradients
    if len(parameters) > 1 and len(gradients) > 1:
        handed = parameters[:len(gradients)]
    elif not asks:
        handed = handed[:1] if parameters else handed
    annotation = arguments[handed[0]].annotation if handed else ""
    memories = ["zeros"]
    if any(what in ("memory", "state", "settings") and own in needed for own, what in kinds.items()):
        memories = ["zeros", "dict", "none", "missing"]
        if any(what in ("state", "settings") for what in kinds.values()):
            memories = ["dict", "zeros", "none", "missing", "alike"]
    counts_from = [1, 0] if "step" in kinds.values() and any(
        what == "step" and own in needed for own, what in kinds.items()) else [1]
    given = names.hyperparameters(needed, rule).values()
    guesses = [own for own in needed if kinds[own] == "memory" and own not in given]
    guessed, unknown = bool(guesses), tuple(own for own in guesses if not names.role(own))
    named = {"parameters", "gradient"} <= {names.role(own) for own in needed}
    for holder in ways(handed or ["w"], annotation):
        for memory in memories:
            for first_t in counts_from:
                for last in (False, True) if guessed else (False,):
                    yield Reading(make, rule, holder, method, memory, first_t, asks, name=name, last=last,
                                  named=named, guessed=guessed, unknown=unknown)
        if guessed and exchanged(arguments, kinds):
            yield Reading(make, rule, holder, method, asks=asks, name=name, guessed=True, swapped=True)
        if holder.kind == "array" and len(parameters) == len(gradients) == 1:  # where that fails: update(name, grad)
            yield Reading(make, rule, holder, method, asks=asks, name=name, named=named, by_name=True)

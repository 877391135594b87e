"""The forms in which people write optimizers, and how each is taken through the probe.

``FORMS`` is the table: what a form is called, what it looks like. ``readings`` lists the ways in which a candidate can
be understood, the likeliest first; each ``Reading`` can be run as often as needed, each time from the start.
"""

import contextlib
import copy
import functools
import inspect
from dataclasses import dataclass, field, replace

import numpy as np

from optkit.checking import names
from optkit.checking.holders import NAMES, Holder, Named, Unreadable, ways
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
            "optimize", "apply", "get_update", "compute_update", "calculate_update", "minimize", "run", "fit", "descent")
_BEFORE = ("pre_update_params", "pre_update", "before_update", "begin_step", "begin", "on_step_begin", "start_step")
_AFTER = ("post_update_params", "post_update", "after_update", "end_step", "increment", "tick", "on_step_end", "next_step")
_SET_UP = ("initialize", "initialise", "init", "build", "setup", "set_up", "set_params", "set_parameters", "init_params",
           "register", "initialize_state", "init_state", "set_weights", "initialize_parameters", "assign")


class Remembered:
    """What a function or class keeps outside of its objects (globals, closures, defaults, attributes of the class), as
    it was when it was handed over; ``restore`` puts that back, so that each run begins alike."""

    def __init__(self, candidate):
        self.places = []
        if inspect.isclass(candidate) or not inspect.isroutine(candidate):
            cls = candidate if inspect.isclass(candidate) else type(candidate)
            for base in cls.__mro__[:-1]:
                for name, value in list(vars(base).items()):
                    if inspect.isfunction(value):
                        self._remember_function(value)
                    elif _is_plain(value) and not name.startswith("__"):
                        self._remember(lambda value, base=base, name=name: setattr(base, name, value), value)
        elif inspect.isfunction(candidate):
            self._remember_function(candidate)

    def _remember_function(self, function):
        for name in function.__code__.co_names:
            if name in function.__globals__ and _is_plain(function.__globals__[name]):
                self._remember(lambda value, name=name: function.__globals__.__setitem__(name, value),
                               function.__globals__[name])
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):  # an empty cell
                if _is_plain(cell.cell_contents):
                    self._remember(lambda value, cell=cell: setattr(cell, "cell_contents", value), cell.cell_contents)
        if function.__defaults__ and any(isinstance(value, (list, dict)) for value in function.__defaults__):
            for value in function.__defaults__:
                if isinstance(value, (list, dict)):
                    self._remember(lambda value: None, value)
        self._remember(lambda value: None, function.__dict__)

    def _remember(self, put, value):
        with contextlib.suppress(Exception):  # what cannot be copied stays as it is
            self.places.append((put, value, copy.deepcopy(value)))

    def restore(self):
        for put, original, value in self.places:
            if isinstance(original, dict):  # the very object, which others may hold too
                original.clear()
                original.update(copy.deepcopy(value))
            elif isinstance(original, list):
                original[:] = copy.deepcopy(value)
            elif isinstance(original, np.ndarray):
                original[...] = value
            put(original)


def _is_plain(value):
    return isinstance(value, (int, float, list, dict, np.ndarray, type(None))) and not isinstance(value, bool)


class NotUnderstood(Exception):
    """The candidate has no form of the table."""


class Crashed(Exception):
    """The candidate made some steps and then raised ``__cause__``."""


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

    def scaled(self, scale, start):
        """The same walk with every step multiplied."""
        if scale == 1.0:
            return self
        return replace(self, points=start + scale * (self.points - start), scale=scale)


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
    guessed: bool = False  # something is handed over of which only a guess is known
    one: bool = False  # a plain function is one and the same: what it keeps must be put back first

    def walk(self, start, g, factors, reuse=False, restore=True):
        """Through the probe, from ``start``. Raises what the candidate raises, and Unreadable.

        ``reuse``: the gradients come in the same arrays every time. ``restore``: what the candidate keeps outside of
        its objects is put back first. ``factors``: on the learning rate, step by step.
        """
        size = self.holder.size
        if size == start.shape[1]:
            return self._walk(start, g, factors, reuse, restore)
        walks = [self._walk(start[:, k:k + size], g[:, :, k:k + size], factors, reuse, restore)
                 for k in range(0, start.shape[1], size)]  # some coordinates at a time, each time a fresh candidate
        shortest = min(len(walk.points) for walk in walks)
        return replace(walks[0], points=np.concatenate([walk.points[:shortest] for walk in walks], axis=2))

    @property
    def in_turn(self):
        """Is it one object that is called for one parameter after the other, each with a name or memories of its own?"""
        if not self.method or self.held or self.asks or self.holder.kind != "array":
            return False
        instance = _Instance(self, np.zeros((1, self.holder.size)))
        return bool(instance.memory) or any(instance.roles[name] == "key" for name in _required(instance.arguments))

    def walk_in_turn(self, start, g, factors):
        """Where the parameters are after each step, when one object is called for each of them in turn."""
        mode, index = _first_look(self, start[:1], g[:, :1])
        instance = _Instance(self, start[:1])
        handed = [self.holder.make(start[k:k + 1]) for k in range(len(start))]
        memories = [{name: instance.first_memory(name) for name in instance.memory} for _ in handed]
        points = []
        for i, factor in enumerate(factors):
            for k in range(len(start)):
                instance.handed, instance.memory, instance.key = handed[k], memories[k], NAMES[k]
                before = instance.now()
                result = instance.advance(i + 1, factor, self.holder.make(g[i, k:k + 1]))
                if mode != "in-place":
                    returned, rest = _split(self.holder, result, index)
                    value = self.holder.read(returned)
                    instance.keep(rest)
                    instance.handed = self.holder.fill(instance.handed, value if mode == "new" else before - value)
                elif index is not None:
                    instance.keep(_split(self.holder, result, index)[1])
                handed[k], memories[k] = instance.handed, instance.memory
            points.append(np.concatenate([self.holder.read(array) for array in handed]))
        return np.stack(points)

    def _walk(self, start, g, factors, reuse, restore):
        if self.asks:
            return _asked(self, start, g, factors, restore)
        return _stepped(self, start, g, factors, reuse, restore)


class _Instance:
    """A candidate that has just been made, with its parameters in hand."""

    def __init__(self, reading, start, restore=True, gradient=None):
        if restore and reading.remembered:
            reading.remembered.restore()
        self.reading, self.rule, self.holder = reading, reading.rule, reading.holder
        self.factor, self.key = 1.0, NAMES[0]
        self.handed = self.holder.make(start)
        self.made = reading.make(self.handed, gradient)
        self._fill_empty()
        self.call = getattr(self.made, reading.method) if reading.method else self.made
        self.arguments = names.parameters_of(self.call)
        self.roles = roles(self.arguments)
        self.own_names = _where_held(self.holder, self.made, self.handed) if reading.held else []
        self.memory = {name: self.first_memory(name) for name, what in self.roles.items()
                       if what in ("memory", "state", "settings") and self._needed(name, what)}
        self.rates = names.hyperparameters([name for name in self.arguments if name not in self._taken()], self.rule)
        self.own_rate = getattr(self.made, self.rate_name()) if self.rate_name() else None
        self.hooks = [[getattr(self.made, name) for name in hooks if name != reading.method and _is_free(self.made, name)]
                      if reading.method else [] for hooks in (_BEFORE, _AFTER)]
        self._set_up()

    def _fill_empty(self):
        """Hyperparameters that the candidate leaves to be set as attributes get the rule's values."""
        empty = [name for name, value in getattr(self.made, "__dict__", {}).items() if value is None]
        for field, name in names.hyperparameters(empty, self.rule).items():
            if names.role(name) != "memory":  # m and v are often None before the first step
                setattr(self.made, name, getattr(self.rule, field))

    def _taken(self):
        """Names of arguments that are no hyperparameters: parameters, gradients, required memories."""
        return {name for name, what in self.roles.items()
                if what in ("parameters", "gradient", "gradient function", "objective")
                or self.arguments[name].default is inspect.Parameter.empty and what in ("state", "settings", "step")
                and not (self.reading.asks and names.plain(name) == "step")}

    def _needed(self, name, what):
        argument = self.arguments[name]
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            return False
        fields = names.hyperparameters([n for n in self.arguments if self.roles[n] == "memory"], self.rule).values()
        if what == "memory" and name in fields:
            return False
        return argument.default is argument.empty or argument.default is None and what != "memory"

    def first_memory(self, name):
        if self.reading.memory == "none" or self.arguments[name].default is None:
            return None
        if self.reading.memory == "dict":
            return {}
        if self.reading.memory == "missing":
            return _Missing()
        return self.holder.zeros()

    def _set_up(self):
        for name in _SET_UP:
            if name == self.reading.method or not callable(getattr(self.made, name, None)) or not self.reading.method:
                continue
            needed = _required(names.parameters_of(getattr(self.made, name)))
            given = {argument: self._set_up_value(names.role(argument)) for argument in needed}
            if len(needed) == 1 and not names.role(needed[0]):
                given = {needed[0]: self.handed}
            if needed and all(value is not None for value in given.values()):
                getattr(self.made, name)(**given)
                return

    def _set_up_value(self, what):
        return {"parameters": self.handed, "shape": self.holder.shape}.get(what)

    def advance(self, t, factor, given):
        """One call: what it returns."""
        positional, keywords, parameters, gradients = [], {}, iter(_each(self.holder, self.handed)), iter(
            _each(self.holder, given))
        for name, argument in self.arguments.items():
            if argument.kind == argument.VAR_POSITIONAL:
                if self.roles[name] == "gradient":
                    positional += list(gradients)
                elif self.roles[name] == "parameters":
                    positional += list(parameters)
                continue
            if argument.kind == argument.VAR_KEYWORD:
                continue
            found, value = self._argument(name, argument, t, factor, parameters, gradients)
            if not found:
                if argument.default is argument.empty:
                    raise NotUnderstood(f"nothing is known to hand over for its argument {name!r}")
                continue
            if argument.kind == argument.KEYWORD_ONLY or len(positional) < _position(self.arguments, name):
                keywords[name] = value
            else:
                positional.append(value)
        if factor != self.factor and self.own_rate is not None:  # set only when it changes: the code may change it, too
            setattr(self.made, self.rate_name(), self.own_rate * factor)
        self.factor = factor
        for hook in self.hooks[0]:
            hook()
        result = self.call(*positional, **keywords)
        for hook in self.hooks[1]:
            hook()
        return result

    def _argument(self, name, argument, t, factor, parameters, gradients):
        what = self.roles[name]
        fields = {own: field for field, own in self.rates.items()}
        if name in self.memory:
            return True, self.memory[name]
        if what == "parameters":
            value = next(parameters, None)
            return value is not None, value
        if what == "gradient":
            value = next(gradients, None)
            return value is not None, value
        if name in fields:
            scale = factor if fields[name] == "learning_rate" else 1.0
            return True, getattr(self.rule, fields[name]) * scale
        if names.plain(name) == "betas" and "beta_1" in self.rule.hyperparameters():
            return True, (self.rule.beta_1, self.rule.beta_2)
        if what == "step":
            return True, t - 1 + self.reading.first_t
        required = argument.default is argument.empty
        if what == "key" and required:
            return True, self.key
        if what == "shape" and required:
            return True, self.holder.shape
        if what in ("objective", "tolerance", "count") and required:
            return True, {"objective": lambda *_: 0.0, "tolerance": 0.0, "count": t}[what]
        return False, None

    def rate_name(self):
        """The attribute in which the candidate keeps its learning rate; "" if it keeps none."""
        if "learning_rate" in self.rates or not hasattr(self.made, "__dict__"):
            return ""
        name = names.hyperparameters(vars(self.made), self.rule).get("learning_rate", "")
        return name if isinstance(getattr(self.made, name, None) if name else None, float) else ""

    def settings(self, of_memory=False):
        """The candidate's own hyperparameters, where they can be read: from its attributes, or from a config dict."""
        found = {}
        if of_memory:
            for value in self.memory.values():
                if isinstance(value, dict) and not isinstance(value, Named):
                    found |= names.settings_of(value, self.rule)
        elif hasattr(self.made, "__dict__") and not inspect.isroutine(self.made):
            found = names.settings_of(self.made, self.rule)
        return {name: value for name, value in found.items() if name not in self.rates}

    def now(self):
        """The values of the parameters as the candidate holds them."""
        return self.holder.read(self.held())

    def held(self):
        values = [getattr(self.made, name) for name in self.own_names]
        return self.handed if not values else values[0] if len(values) == 1 else values

    def keep(self, rest):
        """What came back beside the parameters is handed over again with the next call."""
        memories = list(self.memory)
        if len(rest) > len(memories):  # a loss or a count may come back, too
            rest = [value for value in rest if _readable(self.holder, value) is not None or isinstance(value, dict)]
        self.memory |= dict(zip(memories, rest))


class _Missing(dict):
    """A state in which everything that was not put there is zero."""

    def __missing__(self, key):
        return 0


def roles(arguments):
    """What each argument is: a role of ``names``, or "memory" for what nothing is known of."""
    found = {name: names.role(name) for name in arguments}
    required = _required(arguments)
    known = [name for name, what in found.items() if what in ("gradient", "gradient function")]
    unknown = [name for name in required if not found[name]]
    if "parameters" not in found.values() and not known and len(required) >= 2:  # (a, b) can only be (w, grad)
        first, second = (unknown + [name for name in required if name not in unknown])[:2]
        found |= {first: "parameters", second: "gradient"}
    elif not known and unknown:
        found[unknown[0]] = "gradient"
    elif not known and len(required) == 1 and found[required[0]] in ("parameters", "objective"):
        found[required[0]] = "gradient"
    unknown = [name for name in required if not found[name]]
    if len(unknown) == 1 and known and "parameters" not in found.values():  # update(grad, thing)
        found[unknown[0]] = "parameters"
    return {name: what or "memory" for name, what in found.items()}


def _required(arguments):
    return [name for name, argument in arguments.items()
            if argument.default is argument.empty and argument.kind not in (argument.VAR_POSITIONAL,
                                                                            argument.VAR_KEYWORD)]


def _position(arguments, name):
    return list(arguments).index(name)


def _is_free(thing, name):
    """Is there a method of this name that needs no argument?"""
    method = getattr(thing, name, None)
    return callable(method) and not _required(names.parameters_of(method))


def _each(holder, held):
    return held if holder.kind == "separate" else [held]


def _where_held(holder, made, handed):
    """The attributes in which an object keeps the parameters that it was given: one name, or one for each of several
    separate parameters; [] when there are none."""
    attributes = getattr(made, "__dict__", {})
    if holder.kind == "separate":
        found = [name for array in handed for name, value in attributes.items() if value is array]
        if len(found) == len(handed):
            return found
    for name, value in attributes.items():
        if value is handed or isinstance(value, (list, tuple)) and isinstance(handed, list) and (
                len(value) == len(handed) and all(a is b for a, b in zip(value, handed))):
            return [name]
    return []


# Through the probe, step by step

def _stepped(reading, start, g, factors, reuse, restore):
    mode, index = _first_look(reading, start, g)
    instance = _Instance(reading, start, restore)
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
        except Exception as error:
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
            values = value if mode == "new" else before - value
            instance.keep(rest)
            if not np.array_equal(instance.now(), before, equal_nan=True):
                notes.add("It changes the parameters that it is handed, too.")
            instance.handed = holder.fill(instance.handed, values)
        if holder.kind not in ("numbers", "objects") and holder.shape and not np.array_equal(holder.read(given), g[i], equal_nan=True):
            notes.add("It changes the gradient that it is handed: hand it a copy if you need it again.")
        points.append(values)
    changes = "learning_rate" in instance.rates or instance.own_rate is not None
    return Walk(np.stack(points), "held" if reading.held else mode, settings | instance.settings(True),
                tuple(sorted(notes)), changes, *(_has_type(raw, kinds) for kinds in ("float32", "integer")))


def _has_type(raw, kind):
    """Did single-precision numbers, or integers, come back?"""
    arrays = [array for values in raw for array in (values if isinstance(values, (list, tuple)) else [values])]
    types = [array.dtype for array in arrays if isinstance(array, np.ndarray)]
    return any(own == np.float32 if kind == "float32" else own.kind in "iu" for own in types)


def _first_look(reading, start, g):
    """What a call does: ("new", "step" or "in-place", and which of the values returned is meant)."""
    instance = _Instance(reading, start)
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
    probes = [called(_Instance(reading, origin)) for origin in (start, start + shift)]
    for i in options:
        first, second = (holder.read(_split(holder, probe, i)[0]) for probe in probes)
        if np.nanmedian((second - first) / shift) > 0.5:
            return "new", i
    return "step", options[-1] if instance.memory and len(options) > 1 else options[0]


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

def _asked(reading, start, g, factors, restore):
    holder, asked = reading.holder, []

    def gradient(*arguments):
        point = _point(holder, arguments)
        if point is None:
            raise Unreadable("it asks for the gradient at something that is not the parameters")
        if not asked or not np.array_equal(point, asked[-1], equal_nan=True):
            asked.append(point)
        if len(asked) > len(g):
            raise _Enough
        values = holder.make(g[len(asked) - 1])
        return tuple(values) if holder.kind == "separate" else values

    instance = _Instance(reading, start, restore, gradient)
    settings, single_steps = instance.settings(), True
    try:
        for i in range(len(g) + 1):
            count = len(asked)
            result = _call_asking(instance, gradient, i, factors, len(g))
            if len(asked) - count > 1:
                single_steps = False
                break
            if len(asked) == count:
                raise Unreadable("it never asks for a gradient")
            _take_over(instance, result)
    except _Enough:
        pass
    if len(asked) < 2:
        raise Unreadable("it asks for the gradient at one point only")
    points = np.stack(asked[1:])
    notes = () if len(points) >= len(g) else (f"It stopped by itself after {len(points)} of {len(g)} steps.",)
    # Where it asks is where it stands: for Nesterov's momentum the point ahead, which is what the rule stores.
    changes = single_steps and ("learning_rate" in instance.rates or instance.own_rate is not None)
    return Walk(points, "callback", settings | instance.settings(True), notes, changes)


def _point(holder, arguments):
    """The parameters among the arguments of a call for the gradient: None when there are none."""
    if holder.kind == "separate":
        return _readable(holder, list(arguments[-holder.count:]))
    if holder.kind == "array" and len(arguments) == holder.size > 1:
        return _readable(holder, np.array(arguments, dtype=object).astype(float))
    found = (_readable(holder, argument) for argument in reversed(arguments))
    return next((point for point in found if point is not None), None)


def _readable(holder, value):
    try:
        return holder.read(value)
    except Unreadable:
        return None


def _call_asking(instance, gradient, i, factors, steps):
    def function(*_):
        return 1.0 / (1 + i)

    fields = {own: field for field, own in instance.rates.items()}
    arguments, parameters = {}, iter(_each(instance.holder, instance.handed))
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
        elif what == "step" and required:
            arguments[name] = steps + 1 if names.plain(name) in ("n", "k", "t") and "count" not in \
                instance.roles.values() else i + 1
        elif what == "tolerance":
            arguments[name] = 0.0
        elif required:
            raise NotUnderstood(f"nothing is known to hand over for its argument {name!r}")
    positional = [arguments.pop(name) for name, argument in instance.arguments.items()
                  if argument.kind == argument.POSITIONAL_ONLY]
    return instance.call(*positional, **arguments)


def _take_over(instance, result):
    holder = instance.holder
    options = _options(holder, result) if result is not None else []
    if instance.own_names or not options:
        return
    index = options[0]
    value, rest = _split(holder, result, index)
    instance.handed = holder.fill(instance.handed, holder.read(value))
    instance.keep(rest)


# The ways in which a candidate can be understood

def readings(candidate, rule):
    """The readings of a candidate, the likeliest first. NotUnderstood says what is missing."""
    remembered = Remembered(candidate)
    one = inspect.isroutine(candidate) and bool(_required(names.parameters_of(candidate)))
    found = [replace(reading, remembered=remembered, one=one) for reading in
             (_of_class(candidate, rule) if inspect.isclass(candidate) else _of_value(candidate, rule))]
    if not found:
        raise NotUnderstood("no method or function of it takes a gradient")
    return found


def _of_class(cls, rule):
    arguments = names.parameters_of(cls)
    kinds = {name: names.role(name) for name in arguments}
    required = _required(arguments)
    held = [name for name, what in kinds.items() if what == "parameters" and (
        name in required or arguments[name].kind is inspect.Parameter.VAR_POSITIONAL)]
    asks_from_start = any(kinds[name] in ("gradient function", "gradient") for name in required)
    fields = names.hyperparameters([name for name in arguments if name not in held], rule)

    def make(handed, gradient, holder=None):
        values, positional = {own: getattr(rule, field) for field, own in fields.items()}, []
        given = iter(handed if holder and holder.kind == "separate" else [handed])
        for name, argument in arguments.items():
            if argument.kind == argument.VAR_POSITIONAL and name in held:
                positional = list(given)
            elif name in held:
                values[name] = next(given)
            elif names.plain(name) == "betas" and "beta_1" in rule.hyperparameters():
                values[name] = (rule.beta_1, rule.beta_2)
            elif name in required and name not in values:
                values[name] = {"shape": np.shape(handed) if not isinstance(handed, (list, dict)) else len(handed),
                                "gradient function": gradient, "gradient": gradient, "tolerance": 0.0,
                                "objective": lambda *_: 0.0, "count": STEPS + 1}.get(kinds[name], None)
        if positional:  # what stands before *parameters can only be handed over by position
            before = [values.pop(name) for name in arguments if name in values
                      and arguments[name].kind is not arguments[name].KEYWORD_ONLY]
            return cls(*before, *positional, **values)
        return cls(**values)

    unknown = [name for name in required if name not in held and name not in fields.values() and kinds[name] not in (
        "shape", "gradient function", "gradient", "tolerance", "objective", "count") and names.plain(name) != "betas"]
    if unknown:
        raise NotUnderstood(f"nothing is known to hand over for the argument {unknown[0]!r} of {cls.__name__}(...); hand "
                            f"over a function without arguments that makes one")
    if held:
        holders = ways(held, arguments[held[0]].annotation)
        if arguments[held[0]].kind is inspect.Parameter.VAR_POSITIONAL:
            holders = [Holder("separate", 2, SHAPE)]
        for holder in holders:
            for method, asks in _methods(cls):
                takes = [name for name, what in roles(_without_self(getattr(cls, method))).items()
                         if what == "parameters"]
                if not takes:
                    yield Reading(functools.partial(make, holder=holder), rule, holder, method, held=True,
                                  asks=asks or asks_from_start, name=cls.__name__)
    for method, asks in _methods(cls):
        yield from _of_call(make, rule, _without_self(getattr(cls, method)), method, asks or asks_from_start,
                            cls.__name__)


def _of_value(candidate, rule):
    arguments = names.parameters_of(candidate)
    kinds = roles(arguments)
    if inspect.isroutine(candidate) or callable(candidate) and not _has_methods(candidate):
        if not _required(arguments) and not {"gradient", "gradient function"} & set(kinds.values()):
            yield from _of_factory(candidate, rule)
            return
        asks = "gradient function" in kinds.values()
        yield from _of_call(lambda handed, gradient: candidate, rule, arguments, "", asks, getattr(candidate, "__name__", ""))
        if not asks and "gradient" in kinds.values():
            yield from _of_call(lambda handed, gradient: candidate, rule, arguments, "", True, getattr(candidate, "__name__", ""))
        if len(_required(arguments)) == 1:
            for holder in ways(_required(arguments)):
                for method, asks in (("step", False), ("update", False), ("step", True)):
                    yield Reading(lambda handed, gradient: candidate(handed), rule, holder, method, held=True, asks=asks,
                                  name="the factory")
        return
    copies = _copies(candidate)
    for method, asks in _methods(candidate):
        for reading in _of_call(copies, rule, names.parameters_of(getattr(candidate, method)), method, asks,
                                type(candidate).__name__):
            yield reading


def _of_factory(factory, rule):
    made = factory()
    if inspect.isroutine(made):
        yield from _of_call(lambda handed, gradient: factory(), rule, names.parameters_of(made), "", False, "the factory")
        return
    for method, asks in _methods(made):
        yield from _of_call(lambda handed, gradient: factory(), rule, names.parameters_of(getattr(made, method)), method, asks,
                            type(made).__name__)


def _copies(candidate):
    """A function that gives a fresh copy of the candidate, as it was handed over."""
    try:
        kept = copy.deepcopy(candidate)
    except Exception:  # what cannot be copied is used as it is
        return lambda handed, gradient: candidate
    return lambda handed, gradient: copy.deepcopy(kept)


def _has_methods(candidate):
    return any(True for _ in _methods(candidate)) and not inspect.isroutine(candidate)


def _methods(thing):
    """The methods that take a gradient or ask for one, the likeliest first: pairs (name, asks)."""
    own = [name for name in dir(thing) if not name.startswith("_") or name == "__call__"]
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
        if name in _SET_UP or name in _BEFORE or name in _AFTER:
            continue
        if "gradient function" in kinds:
            found.append((name, True))
        elif "gradient" in {names.role(argument) for argument in arguments}:
            found.append((name, False))
            late.append((name, True))
        elif name in _METHODS and ("gradient" in kinds or not _required(arguments)):
            late.insert(0, (name, False))
    return found + late


def _without_self(function):
    arguments = names.parameters_of(function)
    return dict(list(arguments.items())[1:]) if next(iter(arguments), "") in ("self", "this", "s_") else arguments


def _of_call(make, rule, arguments, method, asks, name):
    """The readings of one function: how its parameters are handed over, how its memories start, where t starts."""
    kinds = roles(arguments)
    required = _required(arguments)
    gradients = [own for own, what in kinds.items() if what == "gradient" and (own in required or not asks)]
    parameters = [own for own, what in kinds.items() if what == "parameters" and own in required]
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
    if any(what in ("memory", "state", "settings") and own in required for own, what in kinds.items()):
        memories = ["zeros", "dict", "none", "missing"]
        if any(what in ("state", "settings") for what in kinds.values()):
            memories = ["dict", "zeros", "none", "missing"]
    counts_from = [1, 0] if "step" in kinds.values() and any(
        what == "step" and own in required for own, what in kinds.items()) else [1]
    for holder in ways(handed or ["w"], annotation):
        for memory in memories:
            for first_t in counts_from:
                yield Reading(make, rule, holder, method, memory, first_t, asks, name=name,
                              guessed=any(what == "memory" for own, what in kinds.items() if own in required))

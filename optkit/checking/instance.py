"""A candidate in hand: made, with its parameters, and called step by step by what its arguments are named."""

import contextlib
import copy
import inspect

import numpy as np

from optkit.checking import names
from optkit.checking.arguments import exchanged, required, roles
from optkit.checking.holders import NAMES, Named, readable

_BEFORE = ("pre_update_params", "pre_update", "before_update", "begin_step", "begin", "on_step_begin", "start_step")
_AFTER = ("post_update_params", "post_update", "after_update", "end_step", "increment", "tick", "on_step_end",
          "next_step")
_SET_UP = ("initialize", "initialise", "init", "build", "setup", "set_up", "set_params", "set_parameters",
           "init_params", "register", "initialize_state", "init_state", "set_weights", "initialize_parameters",
           "register_parameters", "register_params", "add_parameters", "assign")

# What a candidate may raise. Ctrl-C is not among it: that reaches the thread that waits, and not the candidate's.
RAISED = (Exception, SystemExit, KeyboardInterrupt, GeneratorExit)
_FEW = 4  # values in a list that comes back: more are a history
HOOKS = (*_BEFORE, *_AFTER, *_SET_UP)


class NotUnderstood(Exception):
    """The candidate has no form of the table."""


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


class Instance:
    """A candidate that has just been made, with its parameters in hand."""

    def __init__(self, reading, start, restore=True, gradient=None, set_up=True):
        if restore and reading.remembered:
            reading.remembered.restore()
        self.reading, self.rule, self.holder = reading, reading.rule, reading.holder
        self.factor, self.number = 1.0, 0  # of the parameter, where one is handed over at a time
        self.place = None  # of the parameters among what code returns that asks for its gradients, once that is known
        self.handed = self.holder.make(start)
        self.made = reading.make(self.handed, gradient)
        self._fill_empty()
        self.call = getattr(self.made, reading.method) if reading.method else self.made
        self.arguments = names.parameters_of(self.call)
        self.roles = roles(self.arguments, reading.asks, self.rule)
        if reading.swapped:
            self.roles |= exchanged(self.arguments, self.roles)
        if reading.by_name:
            self.roles = {name: "key" if what == "parameters" else what for name, what in self.roles.items()}
        self.own_names = _where_held(self.holder, self.made, self.handed) if reading.held else []
        self.memory = {name: self.first_memory(name) for name, what in self.roles.items()
                       if what in ("memory", "state", "settings") and self._needed(name, what)}
        self.rates = names.hyperparameters([name for name in self.arguments if name not in self._taken()], self.rule,
                                           self.arguments)
        self.own_rate = getattr(self.made, self.rate_name()) if self.rate_name() else None
        self.hooks = [[getattr(self.made, name) for name in hooks
                       if reading.method not in ("", name) and _is_free(self.made, name)]
                      for hooks in (_BEFORE, _AFTER)]
        self.set_up_error = None
        try:
            if set_up:
                self._set_up()
        except RAISED as error:  # a method of such a name may do something else
            self.__init__(reading, start, restore, gradient, set_up=False)
            self.set_up_error = error

    def _fill_empty(self):
        """Hyperparameters that the candidate leaves to be set as attributes get the rule's values."""
        own = getattr(self.made, "__dict__", {})
        filled = names.hyperparameters([name for name, value in own.items() if value is not None], self.rule)
        empty = names.hyperparameters([name for name, value in own.items() if value is None], self.rule)
        for field, name in empty.items():
            if field not in filled and names.role(name) != "memory":  # memories are often None before the first step
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
        return argument.default is argument.empty or argument.default is None and what == names.role(name)

    def first_memory(self, name):
        if self.reading.memory == "none" or self.arguments[name].default is None:
            return None
        if self.roles[name] == "settings":
            return names.as_settings(self.rule)
        if self.reading.memory == "dict":
            return {}
        if self.reading.memory in ("missing", "alike"):
            return _Missing(self.rule, self.holder if self.reading.memory == "alike" else None)
        if self.holder.kind == "separate":  # each parameter with a memory of its own, as with w, b, v_w, v_b
            return np.zeros(self.holder.shape)
        return self.holder.zeros()

    def _set_up(self):
        for name in _SET_UP:
            if name == self.reading.method or not callable(getattr(self.made, name, None)) or not self.reading.method:
                continue
            needed = required(names.parameters_of(getattr(self.made, name)))
            parameters = iter(each(self.holder, self.handed))
            given = {argument: self._set_up_value(names.role(argument), parameters) for argument in needed}
            if len(needed) == 1 and not names.role(needed[0]):
                given = {needed[0]: self.handed}
            if needed and all(value is not None for value in given.values()):
                getattr(self.made, name)(**given)
                if any(value is self.handed for value in given.values()) and "parameters" not in self.roles.values():
                    self.own_names = _where_held(self.holder, self.made, self.handed, copied=True)
                return

    def _set_up_value(self, what, parameters):
        return next(parameters, None) if what == "parameters" else self.holder.shape if what == "shape" else None

    def advance(self, t, factor, given):
        """One call: what it returns."""
        positional, keywords, parameters, gradients = [], {}, iter(each(self.holder, self.handed)), iter(
            each(self.holder, given))
        for name, argument in self.arguments.items():
            if argument.kind == argument.VAR_POSITIONAL:
                if self.roles[name] == "gradient":
                    positional += given if self.holder.kind == "list" else gradients
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
        try:
            result = self.call(*positional, **keywords)
        except RAISED as error:
            if self.set_up_error:  # without it the call could not work
                raise self.set_up_error from error
            raise
        for hook in self.hooks[1]:
            hook()
        return self.in_order(result)

    def in_order(self, result):
        """What came back, as a tuple with the parameters and the memories in the order of the arguments: a short list,
        a dict whose keys end like the arguments' names ("new_w"), or a tuple of more than these, by its names."""
        if self.holder.kind not in ("array", "numbers"):
            return result
        if isinstance(result, tuple) and len(result) > 1 + len(self.memory) > 1:
            return self._by_names(result, names.returned(self.call))
        if isinstance(result, list) and len(result) <= _FEW and not all(np.ndim(value) == 0 for value in result):
            return tuple(result)
        if not isinstance(result, dict) or isinstance(result, Named):
            return result
        kept = [name for name, what in self.roles.items() if what in ("parameters", "memory")]
        ends = {key: max((name for name in kept if names.plain(str(key)).endswith(names.plain(name))), key=len,
                         default=None) for key in result}
        if "parameters" not in {self.roles.get(name) for name in ends.values()}:
            return result
        return tuple(result[key] for key in sorted(
            result, key=lambda key: kept.index(ends[key]) if ends[key] else len(kept)))

    def _by_names(self, result, returned):
        """A tuple with its memories right after its first other value, where the return statement names them as the
        arguments do ("m", or "m_next")."""
        places = []
        for name in map(names.plain, self.memory):
            own = [i for i, other in enumerate(returned) if names.plain(other) == name] or [
                i for i, other in enumerate(returned) if names.plain(other).startswith(name)]
            places += own if len(own) == 1 else []
        if len(returned) != len(result) or len({*places}) != len(self.memory):
            return result
        first, *others = (value for i, value in enumerate(result) if i not in places)
        return first, *(result[i] for i in places), *others

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
        if names.is_pair(name, argument, self.rule):
            return True, (self.rule.beta_1, self.rule.beta_2)
        if name in fields:
            scale = factor if fields[name] == "learning_rate" else 1.0
            return True, getattr(self.rule, fields[name]) * scale
        if what == "step":
            return True, t - 1 + self.reading.first_t
        required = argument.default is argument.empty
        if what in ("key", "place") and required:
            return True, NAMES[self.number] if what == "key" else self.number
        if what in ("shape", "size") and required:
            return True, self.holder.shape if what == "shape" else size(self.handed)
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
            rest = [value for value in rest if readable(self.holder, value) is not None or isinstance(value, dict)]
        self.memory |= dict(zip(memories, rest))


class _Missing(names.Settings):
    """A state in which a hyperparameter is the rule's, and all else that was not put there is zero: a number, or with a
    ``holder`` zeros like the parameters."""

    def __init__(self, rule, holder=None):
        super().__init__(rule)
        self.holder = holder

    def __missing__(self, key):
        try:
            return super().__missing__(key)
        except KeyError:
            if self.holder is None or names.role(str(key)) == "step":
                return 0
            return self.setdefault(key, self.holder.zeros())


def size(handed, place=None):
    """What np.zeros is to be called with for an array like this; of a list or dict, how many it holds. ``place``: of
    two sizes, those of a matrix, the first (0) or the second (1)."""
    if isinstance(handed, (list, dict)):
        return len(handed)
    shape = np.shape(handed)
    if place is not None and len(shape) != 2:
        raise NotUnderstood("it takes the two sizes of a matrix")
    if place is not None:
        return shape[place]
    return shape[0] if len(shape) == 1 or shape[1:] == (1,) else shape


def _position(arguments, name):
    return list(arguments).index(name)


def _is_free(thing, name):
    """Is there a method of this name that needs no argument?"""
    method = getattr(thing, name, None)
    return callable(method) and not required(names.parameters_of(method))


def each(holder, held):
    return held if holder.kind == "separate" else [held]


def _where_held(holder, made, handed, copied=False):
    """The attributes in which an object keeps the parameters that it was given: one name, or one for each of several
    separate parameters; [] when there are none. ``copied``: a copy will do, where there is only one."""
    attributes = getattr(made, "__dict__", {})
    if holder.kind == "separate":
        found = [name for array in handed for name, value in attributes.items() if value is array]
        if len(found) == len(handed):
            return found
    for name, value in attributes.items():
        if value is handed or isinstance(value, (list, tuple)) and isinstance(handed, list) and (
                len(value) == len(handed) and all(a is b for a, b in zip(value, handed))):
            return [name]
    if copied and holder.kind == "array":
        alike = [name for name, value in attributes.items() if isinstance(value, np.ndarray)
                 and np.array_equal(value, handed)]
        return alike if len(alike) == 1 else []
    return []

"""Rules and surfaces as JavaScript, printed from their own lines: what moves on the page is what runs here."""

import dataclasses
import json
import math

import numpy as np

from optkit.rules import Rule
from optkit.surfaces import Surface
from optkit.symbols import Number, Symbol, assignments, read

_FUNCTIONS = {"abs": "Math.abs", "cos": "Math.cos", "exp": "Math.exp", "log": "Math.log", "maximum": "Math.max",
              "minimum": "Math.min", "sign": "Math.sign", "sin": "Math.sin", "sqrt": "Math.sqrt", "tanh": "Math.tanh"}
_CONSTANTS = {"pi": "Math.PI"}
_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "negate": 3, "**": 4}


def javascript(rules, surfaces=()):
    """A script that defines ``optkit.rules`` and ``optkit.surfaces``, by name, for one coordinate and for one point.

    ``rules`` are rules, ``surfaces`` surfaces; what they are set to becomes the ``settings`` of the script::

        const rule = optkit.rules.Adam;
        let now = {x: 2, ...rule.start(rule.settings)};
        for (let t = 1; t <= 100; t++) now = rule.step(rule.settings, t, slope(now.x), now);

    After a step ``now`` holds all that the rule's lines name: x, the memories, g, and what is worked out on the way.
    A surface has ``settings``, ``minima``, ``box``, ``height(settings, x, y)`` and ``slope(settings, x, y)``.

    ValueError when two share a name, or when a line uses what JavaScript does not have.
    """
    printed = {"rules": [_rule(rule) for rule in _checked(rules, Rule, "rules")],
               "surfaces": [_surface(surface) for surface in _checked(surfaces, Surface, "surfaces")]}
    parts = [f"  {kind}: {{\n{''.join(own)}  }},\n" for kind, own in printed.items()]
    return f"const optkit = {{\n{''.join(parts)}}};\n"


def _checked(things, kind, argument):
    things = list(things) if np.iterable(things) else [things]
    names = [type(thing).__name__ for thing in things]
    for thing in things:
        if not isinstance(thing, kind):
            raise ValueError(f"{argument} must be objects of optkit.{argument}, got {thing!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"{argument} must have different names, got {', '.join(names)}")
    return things


def _rule(rule):
    cls = type(rule)
    starts = dict.fromkeys(cls.slots(), Number(0))
    if cls.start is not Rule.start:
        starts |= read(cls, "start", {"zeros": Number(0)})[1]
    starts = ", ".join(f"{name}: {_script(tree)}" for name, tree in starts.items())
    lines = "".join(f"        {_script(symbol)} = {_script(tree)};\n" for symbol, tree in assignments(cls))
    return (f"    {cls.__name__}: {{\n"
            f"      settings: {_settings(rule)},\n"
            f"      start(settings) {{ return {{{starts}}}; }},\n"
            f"      step(settings, t, g, before) {{\n"
            f"        const now = {{g}};\n{lines}        return now;\n      }},\n    }},\n")


def _surface(surface):
    cls = type(surface)
    methods = ""
    for method in ("height", "slope"):
        lines, values = read(cls, method, {"x": Symbol("x", "t"), "y": Symbol("y", "t")})
        lines = "".join(f"        {_script(symbol)} = {_script(tree)};\n" for symbol, tree in lines)
        result = ", ".join(map(_script, values))
        result = f"[{result}]" if method == "slope" else result
        methods += (f"      {method}(settings, x, y) {{\n        const now = {{x, y}};\n{lines}"
                    f"        return {result};\n      }},\n")
    return (f"    {cls.__name__}: {{\n      settings: {_settings(surface)},\n"
            f"      minima: {json.dumps(surface.minima.tolist())},\n      box: {json.dumps(surface.box)},\n"
            f"{methods}    }},\n")


def _settings(thing):
    values = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    for name, value in values.items():
        if np.ndim(value):
            raise ValueError(f"{name} of {type(thing).__name__} must be one number, got {value!r}")
    return json.dumps({name: float(value) for name, value in values.items()})


def _script(tree):
    """A tree as JavaScript; brackets keep the order of the operations, so that the rounding is the same."""
    if isinstance(tree, Number):
        return repr(tree.value)
    if isinstance(tree, Symbol):  # never a bare name, so that none of them can be a word of the language
        return tree.name if tree == Symbol("t") else f"{_HOLDERS[tree.when]}.{tree.name}"
    if tree.name in _CONSTANTS and not tree.arguments:
        return _CONSTANTS[tree.name]
    if tree.name in _FUNCTIONS and tree.arguments:
        return f"{_FUNCTIONS[tree.name]}({', '.join(map(_script, tree.arguments))})"
    if tree.name not in _STRENGTH:
        raise ValueError(f"xp.{tree.name} has no counterpart in JavaScript here; there are "
                         f"{', '.join([*_FUNCTIONS, *_CONSTANTS])}")
    if tree.name == "negate":
        return "-" + _bracketed(tree.arguments[0], math.inf)  # the language forbids -a ** b
    left, right = tree.arguments
    own = _STRENGTH[tree.name]
    if tree.name == "**":
        return f"{_bracketed(left, math.inf)} ** {_bracketed(right, own)}"
    return f"{_bracketed(left, own)} {tree.name} {_bracketed(right, own + 1)}"


_HOLDERS = {"": "settings", "t-1": "before", "t": "now"}


def _bracketed(tree, strength):
    own = _STRENGTH.get(getattr(tree, "name", ""), math.inf) if not isinstance(tree, Symbol) else math.inf
    return _script(tree) if own >= strength else f"({_script(tree)})"

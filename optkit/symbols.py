"""The equation on the page, read from the rule's own lines.

The source of ``rule.step`` is read into an expression tree: numbers, symbols and operations. A memory that is read
before it is assigned is its value at t - 1, afterwards at t. The tree is printed as LaTeX, and can be evaluated,
which is how the tests know that what is printed is what runs.
"""

import ast
import inspect
import math
import textwrap
from dataclasses import dataclass

from optkit.rules import Rule


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Symbol:
    """A name: ``when`` is "t" or "t-1" for what changes from step to step, and empty for what does not."""

    name: str
    when: str = ""


@dataclass(frozen=True)
class Operation:
    """``name`` is one of + - * / ** negate, or a function of ``xp``: sqrt, abs, maximum, ..."""

    name: str
    arguments: tuple


_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


def assignments(rule):
    """The lines of a rule as pairs ``(symbol, tree)``, in order; the last one is ``(Symbol("x", "t"), ...)``.

    ``rule`` is a rule or its class. ValueError when its source cannot be had, or uses more than assignments to
    names, arithmetic, functions of ``xp`` and one return.
    """
    cls = rule if isinstance(rule, type) else type(rule)
    if not issubclass(cls, Rule):
        raise ValueError(f"rule must be one of optkit.rules or a subclass of optkit.Rule, got {rule!r}")
    given = {"t": Symbol("t"), "g": Symbol("g", "t")}
    given |= {name: Symbol(name, "t-1") for name in cls.arguments() if name != "g"}
    lines, (step, *memories) = read(cls, "step", given)
    if [getattr(memory, "name", None) for memory in memories] != list(cls.slots()):
        raise ValueError(f"{cls.__name__}.step: cannot print what it returns; after the step it must return the names "
                         f"of the memories, {', '.join(cls.slots()) or 'none here'}")
    return [*lines, (Symbol("x", "t"), Operation("-", (Symbol("x", "t-1"), step)))]


def read(cls, method, given):
    """The lines of a method of ``cls`` as pairs ``(symbol, tree)``, and the trees that it returns.

    ``given`` maps the names of its arguments to their symbols. What a return puts into a tuple comes back as a list,
    what it puts into a dict as a dict. ValueError as in ``assignments``.
    """
    where = f"{cls.__name__}.{method}"
    try:
        source = textwrap.dedent(inspect.getsource(getattr(cls, method)))
    except (OSError, TypeError):
        raise ValueError(f"the source of {where} cannot be read; define the class in a file or a notebook "
                         "cell") from None
    names, lines = dict(given), []
    for statement in ast.parse(source).body[0].body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring
        if isinstance(statement, ast.Return):
            value = statement.value
            if isinstance(value, ast.Dict) and all(isinstance(key, ast.Constant) for key in value.keys):
                return lines, {key.value: _tree(own, names, where) for key, own in zip(value.keys, value.values)}
            return lines, [_tree(own, names, where) for own in getattr(value, "elts", [value])]
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1
                and isinstance(statement.targets[0], ast.Name)):
            raise ValueError(f"{where}: cannot print the line {ast.unparse(statement)!r}; only assignments to one name "
                             "and one return can be")
        name = statement.targets[0].id
        tree = _tree(statement.value, names, where)
        if names.get(name, Symbol(name)).when == "t":
            raise ValueError(f"{where}: cannot print {name!r}, which is assigned twice in one step")
        names[name] = Symbol(name, "t")
        lines.append((names[name], tree))
    raise ValueError(f"{where} returns nothing")


def _tree(node, names, where):
    """The expression tree of a syntax tree; ``names`` maps the names that are known here to their symbols."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Number(node.value)
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "self":
            return Symbol(node.attr)
        if node.value.id == "xp":
            return Operation(node.attr, ())  # a constant, such as pi
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return Operation(_OPERATORS[type(node.op)], (_tree(node.left, names, where), _tree(node.right, names, where)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return Operation("negate", (_tree(node.operand, names, where),))
    if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name) and node.func.value.id == "xp" and not node.keywords):
        return Operation(node.func.attr, tuple(_tree(argument, names, where) for argument in node.args))
    raise ValueError(f"{where}: cannot print {ast.unparse(node)!r}")


def evaluate(tree, values, xp=math):
    """The value of a tree: ``values`` maps each ``Symbol`` to a number or array, ``xp`` has the functions."""
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Symbol):
        return values[tree]
    arguments = [evaluate(argument, values, xp) for argument in tree.arguments]
    if tree.name == "negate":
        return -arguments[0]
    if tree.name in _OPERATORS.values():
        return {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
                "/": lambda a, b: a / b, "**": lambda a, b: a**b}[tree.name](*arguments)
    value = getattr(xp, tree.name)
    return value(*arguments) if arguments else value


def equation(rule):
    """The update of a rule as LaTeX, a line for each of its assignments, read from its source.

    ``rule`` is a rule or its class, one defined in a notebook cell too. ValueError when its lines cannot be printed.
    """
    lines = [rf"{latex(symbol)} &= {latex(tree)}" for symbol, tree in assignments(rule)]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


_LETTERS = {"learning_rate": r"\eta", "momentum": r"\mu", "rho": r"\rho", "epsilon": r"\epsilon",
            "beta_1": r"\beta_1", "beta_2": r"\beta_2", "weight_decay": r"\lambda", "delta": r"\Delta"}
_FUNCTIONS = {"sqrt": r"\sqrt{%s}", "abs": r"\left|%s\right|", "maximum": r"\max\left(%s\right)",
              "minimum": r"\min\left(%s\right)", "exp": r"\exp\left(%s\right)",
              "sign": r"\operatorname{sign}\left(%s\right)", "pi": r"\pi%s"}
_STRENGTH = {"+": 1, "-": 1, "negate": 1, "*": 2, "/": 3, "**": 4}


def latex(tree):
    """A tree as LaTeX: fractions and roots where the source has / and sqrt, brackets only where they are needed."""
    if isinstance(tree, Number):
        digits, _, exponent = f"{tree.value:.15g}".partition("e")
        return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits
    if isinstance(tree, Symbol):
        return _letter(tree.name) + ("_{%s}" % tree.when if "-" in tree.when else "_t" if tree.when else "")
    if tree.name not in _STRENGTH:
        inner = ", ".join(latex(argument) for argument in tree.arguments)
        if tree.name in _FUNCTIONS:
            return _FUNCTIONS[tree.name] % inner
        return r"\operatorname{%s}\left(%s\right)" % (tree.name, inner)
    if tree.name == "/":
        return r"\frac{%s}{%s}" % tuple(latex(argument) for argument in tree.arguments)
    if tree.name == "negate":
        return "-" + _bracketed(tree.arguments[0], 2)
    left, right = tree.arguments
    if tree.name == "**":
        return "%s^{%s}" % (_bracketed(left, 5), latex(right))
    if tree.name == "*":
        factor = _bracketed(right, 2)
        return _bracketed(left, 2) + (r" \cdot " if factor[0].isdigit() else r" \, ") + factor
    strength = 2 if tree.name == "-" or latex(right).startswith("-") else 1
    return f"{_bracketed(left, 1)} {tree.name} {_bracketed(right, strength)}"


def _bracketed(tree, strength):
    """The LaTeX of a tree, in brackets when it binds less strongly than its place asks for."""
    own = _STRENGTH.get(getattr(tree, "name", ""), 9) if isinstance(tree, Operation) else 9
    return latex(tree) if own >= strength else r"\left(%s\right)" % latex(tree)


def _letter(name):
    if name.endswith("_hat"):
        return r"\hat{%s}" % _letter(name.removesuffix("_hat"))
    return _LETTERS.get(name) or (name if len(name) == 1 else r"\mathrm{%s}" % name.replace("_", r"\_"))

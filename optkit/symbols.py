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
    try:
        source = textwrap.dedent(inspect.getsource(cls.step))
    except (OSError, TypeError):
        raise ValueError(f"the source of {cls.__name__}.step cannot be read; define the rule in a file or a "
                         "notebook cell") from None
    function = ast.parse(source).body[0]
    now = {"g"}
    lines = []
    for statement in function.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring
        if isinstance(statement, ast.Return):
            step, *memories = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
            if [getattr(memory, "id", None) for memory in memories] != list(cls.slots()):
                raise ValueError(f"{cls.__name__}.step: cannot print {ast.unparse(statement)!r}; after the step it must "
                                 f"return the names of the memories, {', '.join(cls.slots()) or 'none here'}")
            lines.append((Symbol("x", "t"), Operation("-", (Symbol("x", "t-1"), _tree(step, now, cls)))))
            return lines
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1
                and isinstance(statement.targets[0], ast.Name)):
            raise ValueError(f"{cls.__name__}.step: cannot print the line {ast.unparse(statement)!r}; only "
                             "assignments to one name and one return can be")
        name = statement.targets[0].id
        tree = _tree(statement.value, now, cls)
        if name in now:
            raise ValueError(f"{cls.__name__}.step: cannot print {name!r}, which is assigned twice in one step")
        now = now | {name}
        lines.append((Symbol(name, "t"), tree))
    raise ValueError(f"{cls.__name__}.step returns nothing")


def _tree(node, now, cls):
    """The expression tree of a syntax tree; ``now`` holds the names that have been assigned in this step."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Number(node.value)
    if isinstance(node, ast.Name):
        if node.id == "t":
            return Symbol("t")
        if node.id in now or node.id in cls.arguments():
            return Symbol(node.id, "t" if node.id in now else "t-1")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return Symbol(node.attr)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return Operation(_OPERATORS[type(node.op)], (_tree(node.left, now, cls), _tree(node.right, now, cls)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return Operation("negate", (_tree(node.operand, now, cls),))
    if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name) and node.func.value.id == "xp" and not node.keywords):
        return Operation(node.func.attr, tuple(_tree(argument, now, cls) for argument in node.args))
    raise ValueError(f"{cls.__name__}.step: cannot print {ast.unparse(node)!r}")


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
    return getattr(xp, tree.name)(*arguments)


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
              "sign": r"\operatorname{sign}\left(%s\right)"}
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

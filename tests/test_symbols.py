"""The equations: what is printed is what runs, and reads as the papers print it."""

import itertools
import re
from dataclasses import asdict, dataclass, replace

import nbclient
import nbformat
import numpy as np
import pytest

import probe
from optkit import (AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, Momentum, Nesterov, RMSprop, Rule,
                    equation)
from optkit.symbols import Number, Operation, Symbol, assignments, evaluate, latex

REVIEWED = {
    GradientDescent: [r"x_t &= x_{t-1} - \eta \, g_t"],
    Momentum: [r"m_t &= \mu \, m_{t-1} + g_t",
               r"x_t &= x_{t-1} - \eta \, m_t"],
    Nesterov: [r"m_t &= \mu \, m_{t-1} + g_t",
               r"x_t &= x_{t-1} - \eta \, \left(g_t + \mu \, m_t\right)"],
    AdaGrad: [r"v_t &= v_{t-1} + g_t^{2}",
              r"x_t &= x_{t-1} - \frac{\eta}{\sqrt{v_t} + \epsilon} \, g_t"],
    AdaDelta: [r"v_t &= \rho \, v_{t-1} + \left(1 - \rho\right) \, g_t^{2}",
               r"\Delta_t &= \frac{\sqrt{d_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} \, g_t",
               r"d_t &= \rho \, d_{t-1} + \left(1 - \rho\right) \, \Delta_t^{2}",
               r"x_t &= x_{t-1} - \eta \, \Delta_t"],
    RMSprop: [r"v_t &= \rho \, v_{t-1} + \left(1 - \rho\right) \, g_t^{2}",
              r"x_t &= x_{t-1} - \frac{\eta}{\sqrt{v_t} + \epsilon} \, g_t"],
    Adam: [r"m_t &= \beta_1 \, m_{t-1} + \left(1 - \beta_1\right) \, g_t",
           r"v_t &= \beta_2 \, v_{t-1} + \left(1 - \beta_2\right) \, g_t^{2}",
           r"\hat{m}_t &= \frac{m_t}{1 - \beta_1^{t}}",
           r"\hat{v}_t &= \frac{v_t}{1 - \beta_2^{t}}",
           r"x_t &= x_{t-1} - \eta \, \frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon}"],
    AdaMax: [r"m_t &= \beta_1 \, m_{t-1} + \left(1 - \beta_1\right) \, g_t",
             r"u_t &= \max\left(\beta_2 \, u_{t-1}, \left|g_t\right|\right)",
             r"x_t &= x_{t-1} - \frac{\eta}{1 - \beta_1^{t}} \, \frac{m_t}{u_t + \epsilon}"],
    AdamW: [r"m_t &= \beta_1 \, m_{t-1} + \left(1 - \beta_1\right) \, g_t",
            r"v_t &= \beta_2 \, v_{t-1} + \left(1 - \beta_2\right) \, g_t^{2}",
            r"\hat{m}_t &= \frac{m_t}{1 - \beta_1^{t}}",
            r"\hat{v}_t &= \frac{v_t}{1 - \beta_2^{t}}",
            r"x_t &= x_{t-1} - \eta \, \left(\frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} + "
            r"\lambda \, x_{t-1}\right)"],
}


@pytest.mark.parametrize("cls", REVIEWED, ids=lambda cls: cls.__name__)
def test_equation_reads_as_reviewed(cls):
    expected = "\\begin{aligned}\n" + " \\\\\n".join(REVIEWED[cls]) + "\n\\end{aligned}"
    assert equation(cls()) == equation(cls) == expected


@pytest.mark.parametrize("cls", REVIEWED, ids=lambda cls: cls.__name__)
def test_what_is_printed_is_what_runs(cls):
    """The lines of the equation, worked out one after the other, give the parameters and the memory of the rule."""
    rule, lines = replace(cls(), learning_rate=0.25), assignments(cls)
    for name, stacked in probe.gradients().items():
        x, state = probe.START[name], rule.init(probe.START[name])
        fields = {Symbol(field): value for field, value in asdict(rule).items()}
        memory = {slot: np.zeros_like(x) for slot in rule.slots()}
        for t, g in enumerate(stacked, start=1):
            values = fields | {Symbol("t"): t, Symbol("g", "t"): g, Symbol("x", "t-1"): x}
            values |= {Symbol(slot, "t-1"): value for slot, value in memory.items()}
            for symbol, tree in lines:
                values[symbol] = evaluate(tree, values, np)
            step, state = rule.update(g, state, x)
            np.testing.assert_allclose(values[Symbol("x", "t")], x - step, rtol=1e-13, atol=1e-13)
            x, memory = x - step, {slot: values[Symbol(slot, "t")] for slot in memory}
            for slot in memory:
                np.testing.assert_allclose(memory[slot], state[slot], rtol=1e-13)


# Brackets. The LaTeX is read back as arithmetic, by other means than it was printed by.

def read_back(text):
    """A Python expression for the LaTeX of a tree over one-letter symbols."""
    for printed, arithmetic in [(r"\left(", "("), (r"\right)", ")"), (r"\frac", ""), ("}{", ")/("), (r"\sqrt", "sqrt"),
                                (r"\,", "*"), (r"\cdot", "*"), ("^", "**"), ("{", "("), ("}", ")")]:
        text = text.replace(printed, arithmetic)
    return text


A, B, C, T = (Symbol(letter) for letter in "abct")
TWO, THREE = Number(2), Number(3)
BINARY = ["+", "-", "*", "/", "**"]


def negated(tree):
    return Operation("negate", (tree,))


def small_trees():
    """All trees of two levels under a root, over symbols and numbers."""
    below = [A, TWO, negated(B), Operation("sqrt", (C,)), negated(Operation("+", (A, C))),
             *(Operation(name, pair) for name in BINARY for pair in [(B, C), (THREE, A), (negated(C), B)])]
    for name, left, right in itertools.product(BINARY, below, below):
        yield Operation(name, (left, right))
    for name, inner, outside in itertools.product(BINARY, below, [T, TWO]):
        for tree in (Operation(name, (inner, outside)), Operation(name, (outside, inner))):
            yield negated(tree)
            for outer in BINARY:
                yield Operation(outer, (tree, B))
                yield Operation(outer, (B, tree))


def test_brackets_keep_the_value():
    values = {symbol: np.complex128(value) for symbol, value in [(A, 1.3), (B, 0.7), (C, 2.1), (T, 3)]}
    names = {symbol.name: value for symbol, value in values.items()} | {"sqrt": np.sqrt}
    compared = 0
    for tree in small_trees():
        text = latex(tree)
        assert not re.search(r"[-+] -|\\, -|\d \\, \d", text), text  # two signs in a row, or 2 3 for 2 times 3
        with np.errstate(all="ignore"):
            right = evaluate(tree, values, np)
            found = eval(read_back(text), names)
        if 1e-6 < abs(right) < 1e6:  # the others divide by a difference that rounds to zero, and such
            assert abs(found - right) <= 1e-9 * abs(right), text
            compared += 1
    assert compared > 3000


@pytest.mark.parametrize("tree, text", [
    (Operation("-", (A, Operation("-", (B, C)))), r"a - \left(b - c\right)"),
    (Operation("-", (Operation("-", (A, B)), C)), "a - b - c"),
    (Operation("-", (A, Operation("+", (B, C)))), r"a - \left(b + c\right)"),
    (Operation("+", (A, Operation("-", (B, C)))), "a + b - c"),
    (Operation("+", (A, negated(B))), r"a + \left(-b\right)"),
    (Operation("*", (Operation("+", (A, B)), C)), r"\left(a + b\right) \, c"),
    (Operation("*", (A, Operation("/", (B, C)))), r"a \, \frac{b}{c}"),
    (Operation("*", (A, negated(B))), r"a \, \left(-b\right)"),
    (Operation("**", (Operation("*", (A, B)), TWO)), r"\left(a \, b\right)^{2}"),
    (Operation("**", (Operation("/", (A, B)), T)), r"\left(\frac{a}{b}\right)^{t}"),
    (Operation("**", (Operation("**", (A, B)), C)), r"\left(a^{b}\right)^{c}"),
    (Operation("**", (A, Operation("**", (B, C)))), "a^{b^{c}}"),
    (Operation("**", (negated(A), TWO)), r"\left(-a\right)^{2}"),
    (negated(Operation("**", (A, TWO))), "-a^{2}"),
    (negated(Operation("+", (A, B))), r"-\left(a + b\right)"),
    (negated(Operation("*", (A, B))), r"-a \, b"),
    (negated(negated(A)), r"-\left(-a\right)"),
    (Operation("/", (Operation("+", (A, B)), Operation("-", (A, B)))), r"\frac{a + b}{a - b}"),
    (Operation("*", (TWO, A)), r"2 \, a"),
    (Operation("*", (A, TWO)), r"a \cdot 2"),
    (Operation("*", (TWO, Operation("*", (THREE, A)))), r"2 \cdot 3 \, a"),
    (Operation("sign", (A,)), r"\operatorname{sign}\left(a\right)"),
    (Operation("where", (A, B, C)), r"\operatorname{where}\left(a, b, c\right)"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_brackets_stand_where_they_are_needed(tree, text):
    assert latex(tree) == text


@pytest.mark.parametrize("symbol, text", [
    (Symbol("learning_rate"), r"\eta"), (Symbol("m_hat", "t"), r"\hat{m}_t"),
    (Symbol("v_hat", "t-1"), r"\hat{v}_{t-1}"), (Symbol("t"), "t"), (Symbol("g", "t"), "g_t"),
    (Symbol("beta_1"), r"\beta_1"), (Symbol("decay"), r"\mathrm{decay}"),
    (Symbol("trust_ratio", "t"), r"\mathrm{trust\_ratio}_t"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_letters(symbol, text):
    assert latex(symbol) == text


# Rules of one's own

def test_rule_of_a_notebook_cell_is_printed():
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("from dataclasses import dataclass\nimport optkit"),
        nbformat.v4.new_code_cell("@dataclass(frozen=True)\nclass Lion(optkit.Rule):\n    learning_rate: float = 1e-4\n"
                                  "    beta_1: float = 0.9\n    beta_2: float = 0.99\n\n"
                                  "    def step(self, xp, t, g, m):\n"
                                  "        \"\"\"Chen et al. 2023.\"\"\"\n"
                                  "        direction = xp.sign(self.beta_1 * m + (1 - self.beta_1) * g)  # its sign\n"
                                  "        m = self.beta_2 * m + (1 - self.beta_2) * g\n"
                                  "        return self.learning_rate * direction, m"),
        nbformat.v4.new_code_cell("print(optkit.equation(Lion()))")])
    nbclient.NotebookClient(notebook, timeout=60).execute()
    assert notebook.cells[2].outputs[0].text == r"""\begin{aligned}
\mathrm{direction}_t &= \operatorname{sign}\left(\beta_1 \, m_{t-1} + \left(1 - \beta_1\right) \, g_t\right) \\
m_t &= \beta_2 \, m_{t-1} + \left(1 - \beta_2\right) \, g_t \\
x_t &= x_{t-1} - \eta \, \mathrm{direction}_t
\end{aligned}
"""


@dataclass(frozen=True)
class Branching(Rule):
    learning_rate: float = 0.1

    def step(self, xp, t, g):
        if t > 1:
            g = 2 * g
        return self.learning_rate * g


@dataclass(frozen=True)
class Choosing(Rule):
    learning_rate: float = 0.1

    def step(self, xp, t, g):
        g = g if t > 1 else 2 * g
        return self.learning_rate * g


@dataclass(frozen=True)
class InPlace(Rule):
    learning_rate: float = 0.1

    def step(self, xp, t, g, m):
        m += g
        return self.learning_rate * m, m


@dataclass(frozen=True)
class Unknown(Rule):
    def step(self, xp, t, g):
        return LEARNING_RATE * g  # noqa: F821


@dataclass(frozen=True)
class Calling(Rule):
    def step(self, xp, t, g):
        return np.sqrt(g)


@dataclass(frozen=True)
class Naming(Rule):
    def step(self, xp, t, g):
        return xp.sum(g, axis=0)


@dataclass(frozen=True)
class Pairing(Rule):
    def step(self, xp, t, g, m):
        m, g = g, m
        return g, m


@dataclass(frozen=True)
class Endless(Rule):
    def step(self, xp, t, g):
        a = 2 * g


@dataclass(frozen=True)
class Hiding(Rule):
    def step(self, xp, t, g, m):
        return g + m, 0.9 * m + g  # what becomes of m would be missing on the page


@dataclass(frozen=True)
class Twice(Rule):
    def step(self, xp, t, g, m):
        m = 0.9 * m
        m = m + g
        return m, m


@pytest.mark.parametrize("cls, complaint", [
    (Branching, "Branching.step: cannot print the line 'if t > 1"), (Choosing, "cannot print 'g if t > 1 else 2 * g'"),
    (InPlace, "InPlace.step: cannot print the line 'm += g'"), (Unknown, "cannot print 'LEARNING_RATE'"),
    (Calling, "cannot print 'np.sqrt(g)'"), (Naming, "cannot print 'xp.sum(g, axis=0)'"),
    (Pairing, "Pairing.step: cannot print the line"), (Endless, "Endless.step returns nothing"),
    (Hiding, "after the step it must return the names of the memories, m"), (Twice, "'m', which is assigned twice"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_line_that_cannot_be_printed_is_named(cls, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        equation(cls)


def test_rule_without_source_is_refused():
    names = {"Rule": Rule}
    exec("class Hidden(Rule):\n    def step(self, xp, t, g):\n        return g\n", names)
    with pytest.raises(ValueError, match="the source of Hidden.step cannot be read; define the class in a file or a"):
        equation(names["Hidden"])


@pytest.mark.parametrize("value", [3, "Adam", int, None])
def test_what_is_no_rule_is_refused(value):
    with pytest.raises(ValueError, match="rule must be one of optkit.rules"):
        equation(value)


@pytest.mark.parametrize("value, printed", [(2, "2"), (0.5, "0.5"), (0.1234567, "0.1234567"), (1000, "1000"),
                                            (1e-8, r"1 \cdot 10^{-8}"), (2.5e-7, r"2.5 \cdot 10^{-7}")])
def test_numbers_are_printed_as_written(value, printed):
    assert latex(Number(value)) == printed

"""optkit.check with a rule that is not in the book: its mistakes are made from its own lines."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

import optkit
from optkit import Rule
from optkit.checking.check import _probe
from optkit.checking.in_own import forms_of
from optkit.checking.probe import STEPS, moved


@dataclass(frozen=True)
class Votes(Rule):
    learning_rate: float = 0.01
    beta_1: float = 0.9

    def step(self, xp, t, g, m):
        m = self.beta_1 * m + (1 - self.beta_1) * xp.sign(g)
        return self.learning_rate * m, m


@dataclass(frozen=True)
class Odd(Rule):
  # Two spaces, a docstring, comments, a line that goes on, a sum: what the book's rules do not have.
  learning_rate: float = 0.01
  beta_1: float = 0.9
  rho: float = 0.99
  epsilon: float = 1e-8
  pull: float = 0.1

  def step(self, xp, t, g, x, m, v):
    """A docstring."""
    m = (self.beta_1 * m
         + (1 - self.beta_1) * g)  # a comment
    v = self.rho * v + (1 - self.rho) * xp.abs(g)
    m_hat = m / (1 - self.beta_1**t)
    return self.learning_rate * m_hat / (xp.sqrt(v) + self.epsilon) + self.learning_rate * self.pull * x, m, v


@pytest.mark.parametrize("cls, least", [(Votes, 14), (Odd, 28)])
def test_the_probe_tells_all_forms_of_an_own_rule_apart(cls, least):
    rule = cls()
    start, g, _ = _probe(rule, 3)
    paths = {form.id: moved(rule, (form,), g, np.full(STEPS, 0.01), [1e-8], start)[0] for form in forms_of(cls)}
    paths["none"] = moved(rule, (), g, np.full(STEPS, 0.01), [1e-8], start)[0]
    assert len(paths) == 1 + len(forms_of(cls)) > least
    for (first, a), (second, b) in itertools.combinations(paths.items(), 2):
        with np.errstate(all="ignore"):
            size = sum(np.abs(np.nan_to_num(path, posinf=0, neginf=0)).max(axis=0) for path in (a, b))
            apart = np.nan_to_num(np.abs(a - b) / size)
        assert apart.max() > 1e-6 or (np.isfinite(a) != np.isfinite(b)).any(), (first, second)


def by_hand(w, g, m, t, lr, beta1):
    m = beta1 * m + (1 - beta1) * np.sign(g)
    return w - lr * m, m


def sign_of_mean(w, g, m, t, lr, beta1):
    m = beta1 * m + (1 - beta1) * g
    return w - lr * np.sign(m), m


def summed_and_climbing(w, g, m, t, lr, beta1):
    m = beta1 * m + np.sign(g)
    return w + lr * m, m


def test_votes_written_by_hand():
    report = optkit.check(by_hand, Votes())
    assert report.ok and report.verdict == "This is Votes."
    report = optkit.check(sign_of_mean, Votes())
    assert report.mistake == "sign-outside" and "has sign(m) where the rule has sign(g) in m" in report.verdict
    assert optkit.check(summed_and_climbing, Votes()).mistake == "beta_1-summed + ascent"


def test_an_own_rule_with_more_in_it():
    assert optkit.check(Odd, Odd()).ok
    forms = {form.id: form for form in forms_of(Odd)}
    for name in ("ascent", "no-correction-by-beta_1", "epsilon-in-root", "v-stale", "decays-swapped"):
        report = optkit.check(forms[name].applied_to(Odd()), Odd())
        assert report.mistake == name and forms[name].says in report.verdict


class EpochsOfFive:
    def __init__(self, learning_rate=0.01):
        self.m = self.v = self.t = 0

    def update(self, w, g):
        self.m, self.v = 0.9 * self.m + 0.1 * g, 0.99 * self.v + 0.01 * np.abs(g)
        t, self.t = self.t // 5 + 1, self.t + 1
        return w - 0.01 * self.m / (1 - 0.9**t) / (np.sqrt(self.v) + 1e-8) - 0.001 * w


def test_epochs_of_any_length():
    report = optkit.check(EpochsOfFive, Odd())
    assert report.mistake == "t-counts-epochs" and "5 steps" in report.verdict


def test_what_a_rule_must_not_use_is_named():
    @dataclass(frozen=True)
    class Outside(Rule):
        learning_rate: float = 0.01

        def step(self, xp, t, g):
            return self.learning_rate * g * FACTOR  # noqa: F821

    with pytest.raises(ValueError, match="Outside.step may use self, xp and its arguments alone: name 'FACTOR'"):
        optkit.check(by_hand, Outside())

    @dataclass(frozen=True)
    class Fixed(Rule):
        def step(self, xp, t, g):
            return 0.01 * g

    with pytest.raises(ValueError, match="Fixed has no learning_rate"):
        optkit.check(by_hand, Fixed())
    made = {}
    exec("import dataclasses, optkit\n@dataclasses.dataclass(frozen=True)\nclass Hidden(optkit.Rule):\n"
         "    learning_rate: float = 0.1\n    def step(self, xp, t, g):\n        return g\n", made)
    with pytest.raises(ValueError, match="source of Hidden.step cannot be read; define the class in a file"):
        optkit.check(by_hand, made["Hidden"]())

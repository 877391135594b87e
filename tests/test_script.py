"""The JavaScript: it is printed from the rules and surfaces, and computes what they compute."""

import itertools
import json
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from py_mini_racer import MiniRacer

import probe
from optkit import (AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, Momentum, Nesterov, RMSprop, Rule, descend,
                    javascript, surfaces)

RULES = [GradientDescent(0.05), Momentum(0.02, 0.8), Nesterov(0.02, 0.8), AdaGrad(0.3, 0.1, 1e-6), AdaDelta(2.0, 0.9),
         RMSprop(0.02, 0.8), Adam(0.1, 0.8, 0.99), AdaMax(0.1, 0.8, 0.99), AdamW(0.1, 0.8, 0.99, weight_decay=0.3)]
SURFACES = [surfaces.Ravine(20, 30), surfaces.Rosenbrock(), surfaces.Beale(), surfaces.Himmelblau(),
            surfaces.Saddle(), surfaces.RippledBowl()]
STARTS = {"Ravine": (1.9, 1.3), "Rosenbrock": (-1.2, 1.7), "Beale": (0.4, 0.9), "Himmelblau": (-0.3, -1.1),
          "Saddle": (1.5, 0.1), "RippledBowl": (2.6, -1.7)}
STEPS = """
function taken(name, settings, slope, start, steps) {
  const {step, start: begin} = optkit.rules[name];
  let now = start.map(x => ({x, ...begin(settings)}));
  const points = [start];
  for (let t = 1; t <= steps; t++) {
    const g = slope(now.map(one => one.x), t);
    now = now.map((one, i) => step(settings, t, g[i], one));
    points.push(now.map(one => one.x));
  }
  return points;
}
"""


def name_of(thing):
    return type(thing).__name__


@pytest.fixture(scope="module")
def engine():
    engine = MiniRacer()
    engine.eval(javascript(RULES, SURFACES) + STEPS)

    def value(script, *arguments):
        """The value of an expression, in which $0, $1, ... stand for the arguments."""
        text = re.sub(r"\$(\d+)", lambda found: json.dumps(arguments[int(found[1])]), script)
        return json.loads(engine.eval(f"JSON.stringify({text})"))

    return value


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_one_step_from_any_state_is_the_rules_own(rule, engine):
    compared = 0
    for name, stacked in probe.gradients().items():
        x, state = probe.START[name], rule.init(probe.START[name])
        for t, g in enumerate(stacked, start=1):
            step, after = rule.update(g, state, x)
            flat = {"x": x} | {slot: state[slot] for slot in rule.slots()}
            before = [dict(zip(flat, map(float, row))) for row in zip(*map(np.ravel, flat.values()))]
            now = engine("$0.map((one, i) => optkit.rules.$1.step(optkit.rules.$1.settings, $2, $3[i], one))".replace(
                "$1", name_of(rule)), before, None, t, np.ravel(g).tolist())
            for slot, values in ({"x": x - step} | {slot: after[slot] for slot in rule.slots()}).items():
                np.testing.assert_allclose([one[slot] for one in now], np.ravel(values), rtol=1e-12, atol=1e-300)
            x, state, compared = x - step, after, compared + 1
    assert compared > 20


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_heights_and_slopes_are_the_surfaces_own(surface, engine):
    left, right, bottom, top = surface.box
    points = np.random.default_rng(1).uniform((left, bottom), (right, top), (200, 2))
    own = f"optkit.surfaces.{name_of(surface)}"
    call = f"$0.map(([x, y]) => {own}.%s({own}.settings, x, y))"
    np.testing.assert_allclose(engine(call % "height", points.tolist()), surface(points), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(engine(call % "slope", points.tolist()), surface.gradient(points), rtol=1e-12,
                               atol=1e-12)
    described = engine(own)
    assert described["minima"] == surface.minima.tolist() and described["box"] == list(surface.box)


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_whole_walks_agree_where_rounding_does_not_grow(surface, engine):
    start, followed = STARTS[name_of(surface)], 0
    for rule in RULES:
        ours = descend(rule, surface, start, 200).points
        other = descend(rule, surface, np.nextafter(start, np.inf), 200).points
        same = np.abs(ours - other).max(axis=1) < 1e-12
        steps = len(same) if same.all() else int(np.argmin(same))
        own = engine(f"taken('{name_of(rule)}', optkit.rules.{name_of(rule)}.settings, ([x, y]) => "
                     f"optkit.surfaces.{name_of(surface)}.slope(optkit.surfaces.{name_of(surface)}.settings, x, y), "
                     "$0, 200)", list(start))
        np.testing.assert_allclose(np.array(own[:steps], float), ours[:steps], rtol=0, atol=1e-9)
        followed += steps
    assert followed > 900  # of nine walks of 200 steps


def test_settings_are_those_of_the_rule_and_may_change_later(engine):
    assert engine("optkit.rules.AdaGrad.settings") == {"learning_rate": 0.3, "initial_accumulator": 0.1,
                                                       "epsilon": 1e-6}
    assert engine("optkit.rules.AdaGrad.start({initial_accumulator: 7})") == {"v": 7}
    assert engine("optkit.rules.Adam.start({})") == {"m": 0, "v": 0}
    own = engine("taken('Adam', {...optkit.rules.Adam.settings, learning_rate: 0.5}, ([x]) => [2 * x], [3], 50)")
    rule, x = replace(RULES[6], learning_rate=0.5), np.array([3.0])
    state = rule.init(x)
    for _ in range(50):
        step, state = rule.update(2 * x, state)
        x = x - step
    assert own[-1][0] == pytest.approx(x[0], rel=1e-9)


def test_a_step_tells_what_was_worked_out_on_the_way(engine):
    now = engine("optkit.rules.Adam.step(optkit.rules.Adam.settings, 1, 3, {x: 1, m: 0, v: 0})")
    assert set(now) == {"g", "m", "v", "m_hat", "v_hat", "x"} and now["m_hat"] == pytest.approx(3)


# Brackets and words

@dataclass(frozen=True)
class Tangled(Rule):
    """Every place where brackets matter, and names that are words of the other language."""

    learning_rate: float = 0.1
    new: float = 3.0

    def step(self, xp, t, g, delete):
        var = -g**2 - (-g)**2 - -g + ((1 + g**2)**0.5)**self.new
        function = self.new - (g - (delete - 2)) / (g / (var * (1 + t)))
        delete = (xp.abs(var) + 1)**(-self.new / 2)**2 - 2 * (function + g) * 3 + xp.maximum(xp.minimum(g, 1e-3), xp.pi)
        step = delete - xp.tanh(xp.exp(-xp.abs(function)) + xp.log(1 + g**2)) * xp.sign(g)
        return self.learning_rate * step, delete


@pytest.mark.parametrize("g, before, t", list(itertools.product([0.7, -1.3], [0.2, -2.5], [1, 7])))
def test_brackets_keep_the_meaning(g, before, t):
    engine, rule = MiniRacer(), Tangled()
    engine.eval(javascript(rule))
    now = json.loads(engine.eval("JSON.stringify(optkit.rules.Tangled.step(optkit.rules.Tangled.settings, "
                                 f"{t}, {g}, {{x: 1, delete: {before}}}))"))
    step, delete = rule.step(np, t, g, before)
    assert now["delete"] == pytest.approx(delete, rel=1e-12) and now["x"] == pytest.approx(1 - step, rel=1e-12)


@dataclass(frozen=True)
class Sorting(Rule):
    learning_rate: float = 0.1

    def step(self, xp, t, g):
        return self.learning_rate * xp.arctan(g)


@pytest.mark.parametrize("rules, own_surfaces, complaint", [
    ([Sorting()], [], "xp.arctan has no counterpart in JavaScript here; there are abs, cos"),
    ([Adam], [], "rules must be objects of optkit.rules, got <class"),
    ([Adam(), Adam(0.1)], [], "rules must have different names, got Adam, Adam"),
    ([], [Adam()], "surfaces must be objects of optkit.surfaces, got Adam"),
    ([Adam(np.array([0.1, 0.2]))], [], "learning_rate of Adam must be one number"),
])
def test_what_cannot_be_printed_is_named(rules, own_surfaces, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        javascript(rules, own_surfaces)

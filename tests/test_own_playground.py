"""optkit.export_playground: one file, opened from the disk, in which somebody's own rule races those of the book."""

import os
import re
import urllib.parse
from dataclasses import dataclass

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import optkit
from optkit import Adam, Momentum, Rule, descend, surfaces


@dataclass(frozen=True)
class Votes(Rule):
    """With a hyperparameter and a memory that no rule of the book has."""

    learning_rate: float = 0.05
    beta_1: float = 0.9
    loudness: float = 0.5

    def step(self, xp, t, g, m, last):
        m = self.beta_1 * m + (1 - self.beta_1) * xp.sign(g)
        last = g
        return self.learning_rate * (1 + self.loudness) * m, m, last


@dataclass(frozen=True)
class Sorting(Rule):
    learning_rate: float = 0.1

    def step(self, xp, t, g):
        return self.learning_rate * xp.sort(g)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "my playground.html"
    optkit.export_playground([Votes(), Adam(0.3)], path)
    return path


@pytest.fixture
def tab(browser, file):
    """The file, opened from the disk; it asks for nothing else and has no error."""
    context, troubles = browser.new_context(viewport={"width": 1280, "height": 1400}, color_scheme="dark"), []
    tab = context.new_page()
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("console", lambda said: troubles.append(said.text))
    tab.on("request", lambda request: troubles.append(request.url))
    tab.goto(file.as_uri())
    tab.wait_for_selector(".playground .contours", state="attached")
    yield tab
    context.close()
    assert {urllib.parse.urldefrag(trouble).url for trouble in troubles} == {file.as_uri()}


def says(tab, part):
    tab.wait_for_function("part => document.querySelector('.summary').textContent.includes(part)", arg=part,
                          timeout=15000)


def test_an_own_rule_is_dragged_stepped_and_diverges(tab, file):
    racing = tab.locator(".rules .tick:has(input:checked) > span:not(.result)").all_inner_texts()
    assert racing == ["Momentum", "Votes", "Adam"]
    ground = tab.locator(".surface .ground").bounding_box()
    at = [(ground["x"] + ground["width"] * (x + 2.2) / 4.4, ground["y"] + ground["height"] * (1.65 - y) / 3.3)
          for x, y in [(-2, 1), (0.5, 0.5), (1.5, -1)]]
    tab.mouse.move(*at[0])
    tab.mouse.down()
    for place in at[1:]:
        tab.mouse.move(*place, steps=2)
    tab.mouse.up()
    tab.wait_for_function("() => location.hash.includes('start=1.')", timeout=15000)
    start = [float(part) for part in re.search("start=([^&]+)", tab.url)[1].split(",")]
    assert start == pytest.approx([1.5, -1], abs=0.02)
    tab.get_by_role("button", name="Back to start").click()
    for _ in range(3):
        tab.get_by_role("button", name="Step").click()
    says(tab, "Step 3 of 150: Momentum")
    walk = descend(Votes(), surfaces.Ravine(20), start, 3)
    heights = dict(text.split(" ") for text in tab.locator(".reading .values span").all_inner_texts())
    assert float(heights["Votes"]) == pytest.approx(walk.values[3], rel=1e-4)

    tab.goto(f"{file.as_uri()}#rules=Votes(0.05,0.9,0.5)&show=numbers")
    says(tab, "Step 150 of 150: Votes")
    assert "memory last" in tab.locator(".numbers").inner_text()
    loudness = tab.locator(".slider", has_text="loudness").locator("input")
    assert [float(loudness.nth(1).get_attribute(bound)) for bound in ("min", "max")] == [0, 1]
    loudness.first.fill("1e9")
    says(tab, "Votes diverged")


def test_it_follows_light_and_dark_and_anybody_can_use_it(tab):
    ground = "getComputedStyle(document.querySelector('.ground')).fill"
    for scheme, colour in [("dark", "rgb(18, 18, 18)"), ("light", "rgb(251, 251, 249)")]:
        tab.emulate_media(color_scheme=scheme)
        tab.wait_for_function(f"() => {ground} === '{colour}'")
        assert Axe().run(tab).response["violations"] == []
    tab.set_viewport_size({"width": 360, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") == 360


def test_a_file_is_replaced_only_when_that_is_said(tmp_path):
    path = tmp_path / "mine.html"
    path.write_text("years of work", "utf-8")
    with pytest.raises(FileExistsError, match="mine.html, which is there already; overwrite=True replaces it"):
        optkit.export_playground(Votes(), path)
    assert path.read_text("utf-8") == "years of work"
    optkit.export_playground(Votes(), path, overwrite=True)
    assert "Votes" in path.read_text("utf-8") and os.listdir(tmp_path) == ["mine.html"]
    again = path.read_bytes()
    optkit.export_playground([Votes()], str(path), overwrite=True)
    assert path.read_bytes() == again


@pytest.mark.parametrize("rules, complaint", [
    (Sorting(), "xp.sort has no counterpart in JavaScript"),
    ([], "at least one rule"),
    (Votes, "must be objects of optkit.rules, got <class"),
    (type("Adam", (Momentum,), {})(), "rules must have different names"),
    (Votes(np.array([0.1, 0.2])), "learning_rate of Votes must be one number"),
])
def test_what_cannot_be_shown_writes_nothing(rules, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint):
        optkit.export_playground(rules, tmp_path / "mine.html")
    assert not os.listdir(tmp_path)


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "mine.html"
    path.write_text("years of work", "utf-8")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        optkit.export_playground(Votes(), path, overwrite=True)
    assert path.read_text("utf-8") == "years of work" and os.listdir(tmp_path) == ["mine.html"]

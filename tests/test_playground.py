"""The playground (_extensions/playground.py): what it says is true, and it does what a person at it wants."""

import functools
import http.server
import math
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_extensions"))

import playground  # noqa: E402
from optkit.playground import PRESETS  # noqa: E402
from optkit.plot.look import DARK, STYLES  # noqa: E402

CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "_extensions")!r})
extensions = ["myst_parser", "playground"]
html_theme = "sphinx_book_theme"
html_static_path = [{str(ROOT / "_static")!r}]
root_doc = "playground"
project = "A page"
"""
SHORT = """# Short

```{playground}
:surface: Ravine(20)
:start: -2, 1
:rules: GradientDescent(0.05), Momentum(0.02, 0.9)
:steps: 60
:show: gradient, velocity
:alt: Contours of a long, narrow ravine with two paths from the same start, one of them of momentum.
```
"""


def fields(text):
    return dict(part.split("=", 1) for part in text.split("&"))


# What it says

def steps_of(path):
    return np.linalg.norm(np.diff(path.points, axis=0), axis=1)


def first_below(path, height):
    return int(np.argmax(path.values < height)) if (path.values < height).any() else None


def preset(name):
    text = next(state for title, state, _ in PRESETS if title == name)
    return playground.walks(playground.read_state(fields(text)))


def changed(name, old, new):
    text = next(state for title, state, _ in PRESETS if title == name)
    assert old in text
    return playground.walks(playground.read_state(fields(text.replace(old, new))))


def test_above_the_limit_descent_diverges_slowly():
    walk = preset("A rate above the limit")["GradientDescent"]
    assert walk.diverged and np.isfinite(walk.values).all()
    np.testing.assert_allclose(walk.points[1:, 1] / walk.points[:-1, 1], -1.04)


def test_momentum_overshoots_and_is_sooner():
    walks = preset("Momentum overshoots")
    turns = {name: int((np.diff(np.sign(walk.points[:, 0])) != 0).sum()) for name, walk in walks.items()}
    assert turns == {"GradientDescent": 0, "Momentum": 4}
    assert first_below(walks["Momentum"], 0.01) == 40 and first_below(walks["GradientDescent"], 0.01) is None


def test_momentum_moves_the_limit():
    walks = preset("Momentum moves the limit")
    assert walks["GradientDescent"].diverged and walks["Momentum"].values[-1] < 1e-3
    assert changed("Momentum moves the limit", "Momentum(0.15", "Momentum(0.195")["Momentum"].diverged


def test_adagrad_slows_down():
    walks = preset("AdaGrad slows down")
    moves = steps_of(walks["AdaGrad"])
    assert moves[9] / moves[99] == pytest.approx(9, abs=0.5) and walks["AdaGrad"].values[-1] > 0.1
    assert first_below(walks["RMSprop"], 1e-3) < 100 and steps_of(walks["RMSprop"])[-1] > 0.05


def test_a_turned_ravine_slows_adagrad():
    turned, along = preset("A turned ravine"), changed("A turned ravine", "(100,45)", "(100,0)")
    assert first_below(turned["AdaGrad"], 0.1) == 198 and first_below(along["AdaGrad"], 0.1) == 8


def test_without_its_correction_adam_rushes_past():
    walks = preset("Adam without its correction")
    assert steps_of(walks["Adam"])[0] / steps_of(walks["AdamW"])[0] == pytest.approx(3.2, abs=0.05)
    assert walks["Adam"].points[:, 0].max() > 0.7 and walks["AdamW"].points[:, 0].max() < 0.1
    corrected = changed("Adam without its correction", "&uncorrected=Adam", "")
    np.testing.assert_allclose(corrected["Adam"].points, corrected["AdamW"].points)


def test_three_rules_find_three_minima():
    walks = preset("Three minima from one start")
    minima = playground.SURFACES["Himmelblau"].minima
    assert len({int(np.linalg.norm(minima - walk.points[-1], axis=1).argmin()) for walk in walks.values()}) == 3
    assert all(walk.values[-1] < 1e-3 for walk in walks.values())


def test_off_the_ridge():
    walks = preset("Off the ridge")
    assert {name: int(np.argmax(walk.points[:, 1] > 0.5)) for name, walk in walks.items()} == {
        "GradientDescent": 67, "Momentum": 25, "Adam": 6}


def test_dimples_hold_descent():
    walks, faster = preset("Dimples"), changed("Dimples", "Momentum(0.03", "Momentum(0.05")
    assert walks["GradientDescent"].values[-1] == pytest.approx(1.43, abs=0.005)
    assert walks["Momentum"].values[-1] < 1e-3 and faster["Momentum"].values[-1] > 0.5


def test_every_preset_is_held_to_its_sentence():
    held = re.findall(r'preset\("([^"]+)"\)', Path(__file__).read_text("utf-8"))
    assert {name for name, *_ in PRESETS} <= set(held)


# What the extension takes and makes

@pytest.mark.parametrize("field, value, complaint", [
    ("surface", "Mountain", "there is no Mountain here; there are Ravine"),
    ("rules", "Adam(0.1, 2, 3", "is not a list of"),
    ("rules", "Adam(-1)", "learning_rate"),
    ("rules", "GradientDescent(0.1, 2)", "GradientDescent has the settings learning_rate"),
    ("show", "slope", "show takes gradient, velocity, numbers"),
    ("uncorrected", "AdaMax", "AdaMax does not race here"),
])
def test_an_option_that_means_nothing_is_named(field, value, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        playground.read_state({"surface": "Ravine", "rules": "Adam"} | {field: value})


def contrast(one, other):
    def light(colour):
        parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        return np.dot([0.2126, 0.7152, 0.0722],
                      [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts])

    low, high = sorted([light(one), light(other)])
    return (high + 0.05) / (low + 0.05)


def test_colours_stand_out_on_both_grounds():
    assert list(DARK) == list(playground.RULES) and set(playground.RULES) <= set(STYLES)
    assert all(contrast(colour, "#121212") >= 4.5 for colour in DARK.values())
    assert all(contrast(STYLES[name][0], "#fbfbf9") >= 3 for name in playground.RULES)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    source = tmp_path_factory.mktemp("playground")
    (source / "conf.py").write_text(CONF, "utf-8")
    (source / "playground.md").write_text((ROOT / "playground.md").read_text("utf-8"), "utf-8")
    (source / "short.md").write_text("---\norphan: true\n---\n" + SHORT, "utf-8")
    (source / "plain.md").write_text("---\norphan: true\n---\n# Plain\n", "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", str(source), str(source / "out")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    return source / "out"


def test_only_pages_with_a_playground_load_its_scripts(site):
    texts = {name: (site / f"{name}.html").read_text("utf-8") for name in ("playground", "short", "plain")}
    for file in ("playground.js", "playground.css", playground.PRINTED):
        assert [name for name, text in texts.items() if file in text] == ["playground", "short"]
        assert (site / "_static" / file).is_file()


def test_a_still_picture_with_its_description_is_in_the_page(site):
    text = (site / "short.html").read_text("utf-8")
    picture = re.search(r'<div class="playground"[^>]*>\s*(?:<a[^>]*>)?<img alt="([^"]{40,})"[^>]*src="([^"]+)"', text)
    assert picture and (site / picture[2]).read_bytes().startswith(b"\x89PNG")


def test_a_picture_without_a_description_is_refused(tmp_path):
    (tmp_path / "conf.py").write_text(CONF.replace("sphinx_book_theme", "basic"), "utf-8")
    (tmp_path / "playground.md").write_text("# A\n\n```{playground}\n:alt: a picture\n```\n", "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "dummy", str(tmp_path), str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert "needs an :alt: of at least 40 characters" in result.stderr


# In a browser

@pytest.fixture(scope="module")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def opened(browser, address):
    """Opens a page of its own; errors and requests to elsewhere are collected in ``opened.troubles``."""
    def opened(page="playground.html", state="", base=address, **options):
        tab = browser.new_context(**({"viewport": {"width": 1280, "height": 1400}} | options)).new_page()
        tab.on("pageerror", lambda error: opened.troubles.append(str(error)))
        # What a browser says of a drawing that it cannot read; the theme has complaints of its own.
        tab.on("console", lambda said: said.text.startswith("Error: <") and opened.troubles.append(said.text))
        tab.on("request", lambda request: request.url.startswith((base, "data:", "blob:"))
               or opened.troubles.append(request.url))
        tab.goto(f"{base}/{page}{'#' + state if state else ''}")
        if options.get("java_script_enabled", True):
            tab.wait_for_selector(".playground .contours", state="attached")
        return tab

    opened.troubles = []
    return opened


@pytest.fixture
def visit(opened):
    """As ``opened``; the page is closed after the test, and nothing has gone wrong."""
    tabs = []

    def visit(*arguments, **options):
        tabs.append(opened(*arguments, **options))
        return tabs[-1]

    yield visit
    for tab in tabs:
        tab.context.close()
    assert opened.troubles == []


@pytest.fixture(scope="module")
def desk(opened):
    return opened()


@pytest.fixture
def at(desk, opened):
    """Takes one page, open all the time, to a state, by way of its address."""
    def at(state):
        desk.mouse.move(0, 0)
        desk.evaluate("""state => new Promise(done => {
          document.activeElement.blur();
          location.hash = state;
          setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 30);
        })""", state)
        return desk

    yield at
    assert opened.troubles == []


DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def read(tab):
    """The exact heights that the page shows, by rule; infinite where it says that they are not finite."""
    values = tab.locator(".reading .values span").all_inner_texts()
    return {name: math.inf if value == "not finite" else float(value)
            for name, value in (text.split(" ", 1) for text in values)}


def summary(tab, said):
    tab.wait_for_function("said => document.querySelector('.summary').textContent.includes(said)", arg=said,
                          timeout=15000)


def box(tab, selector):
    """Where something is on the screen, in one call: a drawing may be drawn anew between two."""
    return tab.evaluate("""selector => {
      const {x, y, width, height} = document.querySelector(selector).getBoundingClientRect();
      return {x, y, width, height};
    }""", selector)


def place(tab, x, y, drawn=(-2.2, 2.2, -1.65, 1.65)):
    """Where a point of the ravine is on the screen."""
    ground = box(tab, ".surface .ground")
    return (ground["x"] + ground["width"] * (x - drawn[0]) / (drawn[1] - drawn[0]),
            ground["y"] + ground["height"] * (drawn[3] - y) / (drawn[3] - drawn[2]))


def saved(tab, part):
    tab.wait_for_function("part => decodeURIComponent(location.hash).includes(part)", arg=part, timeout=15000)


def field(tab, label):
    return tab.locator(".typed", has_text=re.compile(f"^{label}$")).locator("input")


@pytest.mark.parametrize("surface", playground.SURFACES)
def test_the_heights_on_the_page_are_those_of_optkit(surface, at):
    text = f"surface={surface}&rules={','.join(playground.RULES)}&uncorrected=AdaMax,AdamW&steps=20"
    walks, lowest = playground.walks(playground.read_state(fields(text))), 0
    shape = playground.SURFACES[surface]
    lowest = shape(shape.minima).min()
    shown = read(at(text))
    assert list(shown) == list(playground.RULES)
    for name, walk in walks.items():
        assert shown[name] == pytest.approx(walk.values[-1] - lowest, rel=1e-5, abs=1e-12), name


def numbers_in(drawn):
    """The points of a drawn path."""
    return np.reshape([float(word) for word in re.findall(r"-?\d+(?:\.\d+)?", drawn)], (-1, 2))


def test_contours_join_places_of_equal_height(at):
    tab = at("surface=Ravine(1)&start=-2,1&rules=GradientDescent(0.1)")
    drawn = numbers_in(tab.locator(".surface .contours").get_attribute("d"))
    (middle,) = numbers_in(re.match(r"M[^h]*", tab.locator(".surface .minimum").get_attribute("d"))[0]) + [6, 0]
    radii = np.linalg.norm(drawn - middle, axis=1).reshape(-1, 2)
    assert len(radii) > 500 and np.ptp(radii, axis=1).max() < 0.5  # of a pixel
    assert len(np.unique(np.round(radii[:, 0] / 4))) <= 24  # a dozen rings


def test_the_start_is_dragged_by_mouse_and_the_address_follows(visit):
    tab = visit()
    tab.mouse.move(*place(tab, -2, 1))
    tab.mouse.down()
    tab.mouse.move(*place(tab, 0, 0.3), steps=3)
    tab.mouse.move(*place(tab, 1.5, -1.2), steps=3)
    tab.mouse.up()
    saved(tab, "start=1.")
    start = re.search("start=([^&]+)", tab.url)[1]
    assert [float(word) for word in start.split(",")] == pytest.approx([1.5, -1.2], abs=0.02)
    walk = playground.walks(playground.read_state({"surface": "Ravine", "rules": "Adam(0.2)", "start": start}))
    assert read(tab)["Adam"] == pytest.approx(walk["Adam"].values[-1], rel=1e-4)
    was = tab.locator(".summary").inner_text()
    tab.reload()
    summary(tab, was)
    assert tab.locator(".surface .handle").get_attribute("aria-valuetext") == "x {}, y {}".format(*start.split(","))


def test_the_start_is_moved_by_arrow_keys(at):
    tab = at("surface=Ravine(20)&start=-2,1&rules=Momentum(0.02,0.9)")
    tab.locator(".surface .handle").focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Shift+ArrowUp")
    saved(tab, "start=-1.96,1.33")


def test_the_start_is_tapped_and_dragged_by_a_finger(visit):
    tab = visit(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    tab.locator(".surface").scroll_into_view_if_needed()
    tab.touchscreen.tap(*place(tab, 1, -1))
    tab.evaluate(DRAWN)
    handle = tab.locator(".surface .handle")
    x, y = (float(word) for word in re.findall(r"-?[\d.]+", handle.get_attribute("aria-valuetext")))
    assert (x, y) == (pytest.approx(1, abs=0.03), pytest.approx(-1, abs=0.03))
    finger, scrolled = tab.context.new_cdp_session(tab), tab.evaluate("scrollY")
    for kind, at in [("touchStart", (1, -1)), ("touchMove", (0.5, 0)), ("touchMove", (-1, 1)), ("touchEnd", None)]:
        points = [dict(zip("xy", place(tab, *at)))] if at else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    tab.evaluate(DRAWN)
    x, y = (float(word) for word in re.findall(r"-?[\d.]+", handle.get_attribute("aria-valuetext")))
    assert (x, y) == (pytest.approx(-1, abs=0.03), pytest.approx(1, abs=0.03)) and tab.evaluate("scrollY") == scrolled


def test_step_back_scrub_and_play(at):
    tab = at("surface=Ravine(20)&start=-2,1&rules=GradientDescent(0.05)&steps=20&step=3")
    tab.get_by_role("button", name="Step").click()
    summary(tab, "Step 4 of 20: GradientDescent")
    tab.get_by_role("slider", name="Step", exact=True).focus()
    tab.keyboard.press("End")
    summary(tab, "Step 20 of 20")
    tab.get_by_role("button", name="Back to start").click()
    summary(tab, "Step 0 of 20: GradientDescent 12.")
    tab.get_by_role("button", name="Play").click()
    assert tab.get_by_role("button", name="Pause").is_visible()
    tab.wait_for_function("document.querySelector('.scrub input').value > 2")
    assert tab.locator(".summary").inner_text().startswith("Step 0 ")  # nothing is read out while it moves
    summary(tab, "Step 20 of 20")
    assert tab.get_by_role("button", name="Play").is_visible()
    tab.get_by_role("button", name="Play").click()  # from the end: once more from the start
    tab.get_by_role("button", name="Pause").click()
    assert int(tab.get_by_role("slider", name="Step", exact=True).input_value()) < 20


def test_play_stops_at_rest_and_jumps_where_motion_is_not_wanted(visit):
    tab = visit(state="surface=Ravine(1)&start=-2,1&rules=GradientDescent(0.5)&steps=500&step=0",
                reduced_motion="reduce")
    now = tab.evaluate("""() => {
      [...document.querySelectorAll('button')].find(one => one.textContent === 'Play').click();
      return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
        () => done([document.querySelector('.scrub input').value, document.querySelector('.board').textContent]))));
    }""")
    assert now[0] == "12" and "Pause" not in now[1]  # at once, with nothing between
    # (2, 1) halved eleven and twelve times: the slope is shorter than 0.001 from the twelfth on.
    assert math.hypot(2, 1) / 2**11 > 1e-3 > math.hypot(2, 1) / 2**12
    summary(tab, "Step 12 of 500: GradientDescent 1.5e-7, at rest.")


def test_a_run_that_jumps_again_is_not_at_rest(at):
    text = "surface=Ravine(20)&start=-2,1&rules=RMSprop(0.1)&steps=100"
    walk = playground.walks(playground.read_state(fields(text)))["RMSprop"]
    assert walk.values[50:60].max() < 1e-9 and walk.values[-1] > 1e-3
    summary(at(text + "&step=55"), "Step 55 of 100: RMSprop")
    assert "rest" not in at(text + "&step=55").locator(".summary").inner_text()


def test_a_setting_is_typed_and_slid_and_nonsense_is_marked(at):
    tab = at("surface=Ravine(20)&start=-2,1&rules=GradientDescent(0.05)&steps=60")
    rate = field(tab, "learning rate")
    rate.fill("0.12")
    summary(tab, "Step 60 of 60: GradientDescent diverged.")
    rate.fill("fast")
    assert rate.get_attribute("aria-invalid") == "true"
    rate.fill("-1")
    assert rate.get_attribute("aria-invalid") == "true"
    rate.blur()
    restored = "document.activeElement === document.body && !document.querySelector('.board [aria-invalid=true]')"
    tab.wait_for_function(restored)
    assert rate.input_value() == "0.12"
    rate.fill("1e-2")
    assert rate.get_attribute("aria-invalid") == "false"
    saved(tab, "rules=GradientDescent(0.01)")
    slider = tab.get_by_role("slider", name="learning rate")
    slider.focus()
    tab.keyboard.press("ArrowRight")
    saved(tab, "rules=GradientDescent(0.0105)")  # the next place of the logarithm


def test_a_start_at_rest_is_drawn_too(at):
    tab = at("surface=Saddle&start=0,1&rules=GradientDescent(0.1),Adam(0.1)&steps=20")
    summary(tab, "Step 20 of 20: GradientDescent 0, at rest; Adam 0, at rest.")
    assert "NaN" not in tab.locator(".board").inner_html()


def test_rules_enter_and_leave_and_one_stays(at):
    tab = at("rules=Momentum(0.02)")
    tab.get_by_role("checkbox", name="AdaMax").click()
    saved(tab, "rules=Momentum(0.02),AdaMax(0.2)&chosen=AdaMax")
    tab.get_by_role("checkbox", name="bias correction").click()
    saved(tab, "uncorrected=AdaMax")
    tab.get_by_role("checkbox", name="AdaMax").click()
    tab.get_by_role("checkbox", name="Momentum").click()
    assert tab.get_by_role("checkbox", name="Momentum").is_checked()
    saved(tab, "rules=Momentum(0.02)&chosen=Momentum")


@pytest.mark.parametrize("bad", [
    "surface=Mountain&start=1,nowhere&rules=Adam(fast,beta_1=1),Newton,constructor&chosen=Newton&steps=1e9&step=-4"
    "&show=all",
    "surface=&rules=&start=&steps=&step=&%", "surface=toString(3)&rules=valueOf&__proto__=1&=&=="])
def test_a_bad_address_falls_back_field_by_field(bad, at):
    tab = at(bad)
    assert tab.locator(".surface [data-rule]").count() >= 1
    assert tab.locator(".surface .handle").get_attribute("aria-valuetext") == "x -2, y 1"
    if "Adam" in bad:
        summary(tab, "Step 150 of 150: Adam ")
        assert field(tab, "learning rate").input_value() == "0.2" and field(tab, "beta_1").input_value() == "0.9"


def test_each_preset_shows_its_sentence_until_the_state_is_another(at):
    tab = at("surface=Ravine(20)&start=-2,1&rules=Momentum(0.02,0.9)")
    for i, (name, state, sentence) in enumerate(PRESETS):
        tab.get_by_label("Situation").select_option(name)
        tab.wait_for_function("text => document.querySelector('.comment').textContent === text", arg=sentence)
    tab.locator(".surface .handle").focus()
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_function("document.querySelector('.comment').textContent === ''")
    assert tab.get_by_label("Situation").input_value() == ""


def test_the_map_of_momentum_measures_and_moves(at):
    tab = at("surface=Ravine(20)&rules=Momentum(0.02,0.9)")
    assert f"{math.sqrt(0.9):.3f}" in tab.locator(".map-verdict").inner_text()  # between the walls: root of momentum
    tab.locator(".chart").scroll_into_view_if_needed()
    chart = box(tab, ".chart .ground")
    tab.mouse.click(chart["x"] + chart["width"] * 0.95, chart["y"] + chart["height"] * 0.5)
    tab.wait_for_function("document.querySelector('.map-verdict').textContent.includes('diverges')")
    assert float(field(tab, "learning rate").input_value()) > 1
    assert 0.9 < float(field(tab, "momentum").input_value()) < 0.95
    # Below the wall 2 (1 + momentum) / 20 it converges, above it does not.
    field(tab, "momentum").fill("0.5")
    field(tab, "learning rate").fill("0.149")
    tab.wait_for_function("document.querySelector('.map-verdict').textContent.includes('ten times closer')")
    field(tab, "learning rate").fill("0.151")
    tab.wait_for_function("document.querySelector('.map-verdict').textContent.includes('diverges')")
    tab.locator(".presets select").select_option("Three minima from one start")
    tab.wait_for_function("!document.querySelector('.map').firstChild")


def test_overlays_show_the_next_step_of_the_chosen_rule(at):
    tab = at("surface=Ravine(20)&start=-2,1&rules=Momentum(0.02,0.9)&show=gradient,velocity,numbers&step=0")
    assert tab.locator(".surface .arrow").count() == 2
    for arrow in tab.locator(".surface .arrow").all():  # against (-2, 20): to the right, and down on the screen
        (x, y), (to_x, to_y) = numbers_in(arrow.get_attribute("d"))[:2]
        assert to_x > x and to_y > y and (to_y - y) / (to_x - x) == pytest.approx(10)
    rows = {row[0]: row[1:] for row in (
        [cell.strip() for cell in text.split("\t")] for text in tab.locator(".numbers tr").all_inner_texts())}
    assert rows["gradient g"] == rows["velocity m"] == ["-2", "20"] and rows["step"] == ["0.04", "-0.4"]


def test_the_curve_tells_exact_heights_under_the_pointer_and_by_keys(at):
    text = "surface=Ravine(20)&start=-2,1&rules=GradientDescent(0.05)&steps=60"
    tab, walk = at(text), playground.walks(playground.read_state(fields(text)))["GradientDescent"]
    tab.locator(".curve").scroll_into_view_if_needed()
    ground = box(tab, ".curve .ground")
    tab.mouse.move(ground["x"] + ground["width"] / 3, ground["y"] + 30)
    assert "step 20" in tab.locator(".reading").inner_text()
    assert read(tab)["GradientDescent"] == pytest.approx(walk.values[20], rel=1e-5)
    tab.mouse.move(0, 0)
    tab.locator(".curve").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    assert read(tab)["GradientDescent"] == pytest.approx(walk.values[1], rel=1e-5)


def test_a_chapter_has_a_compact_one_that_leads_to_the_page_with_its_state(visit):
    tab = visit("short.html")
    assert tab.locator(".playground select[aria-label=Surface]").count() == 0
    assert tab.get_by_role("checkbox", name="Adam").count() == 0
    tab.locator(".surface .handle").focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("document.querySelector('.foot a')?.href.includes('start=-1.96,1')")
    assert "#" not in tab.url  # the address of a chapter stays its own
    tab.get_by_role("link", name="Open in the playground").click()
    tab.wait_for_selector(".presets")
    summary(tab, "Step 60 of 60: GradientDescent")
    assert tab.locator(".surface .handle").get_attribute("aria-valuetext") == "x -1.96, y 1"


def test_it_works_from_a_file_on_disk(site, visit):
    tab = visit(base=site.as_uri())
    tab.locator(".surface .handle").focus()
    tab.keyboard.press("ArrowRight")
    saved(tab, "start=-1.96,1")
    tab.get_by_role("button", name="Copy link").click()
    tab.wait_for_function("/Cop/.test(document.querySelector('.foot span').textContent)")


def test_without_scripts_and_on_paper_the_still_picture_stands(visit):
    assert visit("short.html", java_script_enabled=False).locator(".playground img").is_visible()
    tab = visit("short.html")
    assert not tab.locator(".playground img").is_visible() and tab.locator(".board").is_visible()
    tab.emulate_media(media="print")
    assert tab.locator(".playground img").is_visible() and not tab.locator(".board").is_visible()


def test_on_a_phone_nothing_sticks_out_and_fingers_find_the_controls(visit):
    tab = visit(state="rules=Momentum,Adam&chosen=Adam&show=gradient,velocity,numbers",
                viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    small = tab.evaluate("""
      [...document.querySelectorAll('.board :is(button, select, .tick, input[type=text], input[type=range])')]
      .filter(one => one.getBoundingClientRect().height < 44 || one.getBoundingClientRect().right > 390)
      .map(one => one.outerHTML)""")
    assert small == []


def test_axe_finds_nothing_in_light_and_in_dark(at):
    axe = Axe()
    tab = at("surface=Ravine(20)&rules=Momentum(0.02,0.9),Adam(0.2)&chosen=Momentum&step=5"
             "&show=gradient,velocity,numbers")
    for theme in ("dark", "light"):
        tab.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        found = axe.run(tab, ".playground").response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], theme

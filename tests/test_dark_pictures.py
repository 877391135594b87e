"""The dark versions of the figures: as if optkit.plot had drawn them so, and loaded only where they are shown."""

import functools
import io
import re
import sys
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import optkit
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from optkit import plot, surfaces
from optkit.plot import comparisons, curves, look, maps
from PIL import Image
from test_site import Visit, html_files, serve  # noqa: F401

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_extensions"))

import dark_pictures  # noqa: E402
import light_pages  # noqa: E402
from optkit import playground  # noqa: E402

RULES = [getattr(optkit, name)() for name in look.STYLES]
GREYS, COLOURS = dark_pictures.GREYS, dark_pictures.COLOURS


# ---------------------------------------------------------------- against a second drawing

@pytest.fixture
def dark_plot(monkeypatch):
    """Call it, and from then on optkit.plot draws with the dark colours."""
    def switch():
        exchange = GREYS | COLOURS
        native = {"STYLES": {name: (exchange[colour], style) for name, (colour, style) in look.STYLES.items()},
                  "SEQUENCE": [(exchange[colour], style) for colour, style in look.SEQUENCE],
                  "LOOK": {key: exchange.get(value, value) for key, value in look.LOOK.items()},
                  **{name: exchange[getattr(look, name)] for name in ("GROUND", "INK", "FAINT")}}
        for module in (look, curves, comparisons, maps):
            for name in native.keys() & vars(module).keys():
                monkeypatch.setattr(module, name, native[name])
        drawn = Axes.plot  # the grey of lines in the background is named where they are drawn
        monkeypatch.setattr(Axes, "plot", lambda self, *points, **options: drawn(
            self, *points, **{key: exchange.get(value, value) if key == "color" else value
                              for key, value in options.items()}))
        light, dark = (np.array([int(colour[1:3], 16) for colour in side]) for side in (GREYS, GREYS.values()))
        greys = matplotlib.colormaps["Greys"](np.arange(256))[:, 0] * 255
        greys = np.interp(-greys, np.array([-255, *-light, 0]), [14, *dark, dark[-1]]) / 255
        monkeypatch.setitem(matplotlib.colormaps._cmaps, "Greys", ListedColormap(np.stack([greys] * 3, axis=1)))
    return switch


def numbers(*shape):
    return np.random.default_rng(0).random(shape)


def bands():
    series = np.exp(-np.arange(60) / 20) + 0.15 * np.arange(9)[:, None, None] + 0.3 * numbers(9, 7, 60)
    return plot.lines(np.arange(60), dict(zip(RULES, series)), x_label="step", y_label="loss", levels={"here": 1.0})


def sequence():
    series = {str(place): place + numbers(25) for place in range(5)}
    return plot.lines(np.arange(25), series, x_label="step", y_label="loss", edges={"edge": 9})


def walks():
    surface = surfaces.Ravine()
    return plot.paths(surface, {rule: optkit.descend(rule, surface, (-2, 1), 40) for rule in (
        optkit.GradientDescent(0.05), optkit.Momentum(0.02), optkit.Adam(0.2))})


def landscape():
    x = np.linspace(0, 1, 40)
    return plot.contours(x, x, 10 * np.add.outer(x ** 2, x), x_label="x", y_label="y", levels=[1, 2, 5, 10, 15],
                         curves={"edge": (x, x), "other": (x, 1 - x)}, marks={"here": (0.5, 0.5)})


def table():
    values = dict(zip(RULES, 1 + 11 * numbers(9, 5)))
    return plot.matrix(values, columns="abcde", texts={key: [f"{value:.2f}" for value in own]
                                                       for key, own in values.items()})


def trouble():
    panel = {"train": numbers(4, 90), "test": 1 + numbers(4, 90)}
    return plot.symptom(panel, panel)


def lowest():
    x = np.geomspace(0.01, 1, 30)
    return plot.winners(x, dict(zip(RULES, x ** (np.arange(9) / 4)[:, None] + numbers(9, 1))), x_label="x", y_label="y")


def digits():
    return plot.images(numbers(6, 64), "abcdef")


FIGURES = [bands, sequence, walks, landscape, table, trouble, lowest, digits]


def picture(figure):
    return Image.open(io.BytesIO(figure()._repr_png_())).convert("RGB")


light_picture = functools.cache(picture)


def disagreement(recoloured, native):
    """How far apart two pictures are: on average where nothing is drawn and where something is, and there at the 99th
    of 100 points."""
    one, other = (np.asarray(image, int) for image in (recoloured, native))
    assert one.shape == other.shape
    apart, drawn = abs(one - other).max(axis=2), (other != other[0, 0]).any(axis=2)
    return apart[~drawn].mean(), apart[drawn].mean(), np.quantile(apart[drawn], 0.99)


BOUNDS = 0.5, 5, 35  # of 255; measured: at most 0.08, 3.3 and 27


@pytest.mark.parametrize("figure", FIGURES)
def test_a_dark_picture_is_the_one_that_would_be_drawn(figure, dark_plot):
    light = light_picture(figure)
    dark_plot()
    measured = disagreement(dark_pictures.darkened(light), picture(figure))
    assert np.less(measured, BOUNDS).all(), measured


@pytest.mark.parametrize("figure, light, wrong", [
    (sequence, look.SEQUENCE[0][0], "#ea8a7e"), (landscape, look.GROUND, "#1e1e1e"), (trouble, look.INK, "#c8c8c8")])
def test_a_wrong_colour_is_noticed(figure, light, wrong, dark_plot, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(COLOURS if light in COLOURS else GREYS, light, wrong)
        patch.setattr(dark_pictures, "grey_scale", dark_pictures.grey_scale.__wrapped__)
        recoloured = dark_pictures.darkened(light_picture(figure))
    dark_plot()
    assert not np.less(disagreement(recoloured, picture(figure)), BOUNDS).all()


def test_mixtures_become_mixtures():
    light = [look.GROUND, look.STYLES["Momentum"][0], look.STYLES["Adam"][0]]
    dark = [dark_pictures.DARK_GROUND, dark_pictures.DARK["Momentum"], dark_pictures.DARK["Adam"]]
    light, dark = (np.array([dark_pictures.parts(colour) for colour in colours]) for colours in (light, dark))
    shares = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.8, 0.2, 0], [0.5, 0, 0.5], [0.64, 0.16, 0.2],
                       [0.1, 0.6, 0.3]])
    assert abs(dark_pictures.exchanged((shares @ light).round()) - shares @ dark).max() <= 3


def test_only_figures_are_changed_and_always_to_the_same_bytes(tmp_path):
    figure = light_picture(sequence)
    assert dark_pictures.is_figure(figure) and not dark_pictures.is_figure(Image.new("RGB", (9, 9), "white"))
    for name, image in (("a", figure), ("b", figure), ("other", Image.new("RGB", (9, 9), "white"))):
        image.save(tmp_path / f"{name}.webp", **light_pages.WEBP)
        light_pages.make_dark(tmp_path / f"{name}.webp")
    assert (tmp_path / "dark-a.webp").read_bytes() == (tmp_path / "dark-b.webp").read_bytes()
    assert not (tmp_path / "dark-other.webp").exists()
    with Image.open(tmp_path / "dark-a.webp") as dark:
        assert dark.size == figure.size and dark.getpixel((0, 0))[:3] == (0x12, 0x12, 0x12)


# ---------------------------------------------------------------- the colours

LINEAR = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                   [0.0883024619, 0.2817188376, 0.6299787005]])
OKLAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                  [0.0259040371, 0.7827717662, -0.8086757660]])
# What is left of a colour without one of the three cones (Machado and others, 2009); the first line: with all three.
VISIONS = [np.eye(3),
           [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
           [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
           [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]]


def light_of(colour):
    share = dark_pictures.parts(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(colour, ground):
    low, high = sorted(light_of(name) @ [0.2126, 0.7152, 0.0722] for name in (colour, ground))
    return (high + 0.05) / (low + 0.05)


def seen(colour):
    """A colour in Oklab, times 100, in each of the four kinds of vision."""
    left = [(np.array(vision) @ light_of(colour)).clip(0, 1) for vision in VISIONS]
    return np.array([OKLAB @ np.cbrt(LINEAR @ colour) for colour in left]) * 100


def nearest(colours):
    return min(np.linalg.norm(seen(one) - seen(other), axis=1).min() for one, other in combinations(colours, 2))


def test_dark_colours_stand_out_and_apart():
    ground, rules, sequence = dark_pictures.DARK_GROUND, dark_pictures.DARK, dark_pictures.DARK_SEQUENCE
    assert list(rules) == list(look.STYLES) and len(sequence) == len(look.SEQUENCE)
    assert min(contrast(colour, ground) for colour in [*rules.values(), *sequence]) >= 4.5  # for words
    assert contrast(dark_pictures.DARK_INK, ground) >= 7 and contrast(GREYS[look.FAINT], ground) >= 3
    assert nearest(rules.values()) >= 6 and nearest(sequence) >= 9 and nearest([*rules.values(), *sequence]) >= 3.5
    lightness = np.array([seen(colour)[:, 0] for colour in sequence])
    assert (np.diff(lightness, axis=0) > 1).all()  # in order, for everybody
    assert playground.DARK is rules


def test_words_in_the_cells_of_a_table_can_be_read():
    """On a grey up to the one where optkit.plot.matrix changes its ink, and from there on."""
    cells = [f"#{grey:02x}{grey:02x}{grey:02x}" for grey in range(84, 256)]
    dark = dark_pictures.exchanged(np.array([dark_pictures.parts(cell) for cell in cells]))
    for cell, (grey, *_) in zip(cells, dark):
        ink = dark_pictures.DARK_INK if int(cell[1:3], 16) >= 0x71 else dark_pictures.DARK_GROUND
        assert contrast(ink, "#" + f"{int(grey):02x}" * 3) >= 3.4, cell


# ---------------------------------------------------------------- the pages

def test_both_versions_are_in_a_page_once(tmp_path):
    (tmp_path / "_images").mkdir()
    for name in ("a", "dark-a", "a-small", "dark-a-small", "other"):
        Image.new("RGB", (4, 3)).save(tmp_path / "_images" / f"{name}.webp")
    page = ('<p><img class="left" alt="x" src="_images/a.webp" /></p>'
            '<a href="#here"><img alt="y" src="_images/a-small.webp"></a>'
            '<a class="reference" href="_images/a.webp">\n<img src="_images/a.webp"></a><img src="_images/other.webp">')
    both = light_pages.with_dark_pictures(page, tmp_path)
    assert both == (
        '<p><img class="only-light left" alt="x" src="_images/a.webp" />'
        '<img class="only-dark left" alt="x" src="_images/dark-a.webp" /></p>'
        '<a href="#here"><img class="only-light" alt="y" src="_images/a-small.webp">'
        '<img class="only-dark" alt="y" src="_images/dark-a-small.webp"></a>'
        '<a class="only-light reference" href="_images/a.webp">\n<img class="only-light" src="_images/a.webp"></a>'
        '<a class="only-dark reference" href="_images/dark-a.webp">\n'
        '<img class="only-dark" src="_images/dark-a.webp"></a>'
        '<img src="_images/other.webp">')
    assert light_pages.with_dark_pictures(both, tmp_path) == both


def test_every_figure_of_the_book_has_a_dark_version(site):
    found = 0
    for file in html_files(site):
        tags = re.findall(r"<img\b[^>]*_images/[^>]*>", file.read_text("utf-8"))
        light, dark = ([tag for tag in tags if f'class="{name}' in tag] for name in ("only-light", "only-dark"))
        assert len(tags) == len(light) + len(dark), file
        assert dark == [tag.replace("only-light", "only-dark").replace("_images/", "_images/dark-") for tag in light]
        assert all((file.parent / re.search(r'src="([^"]+)"', tag)[1]).is_file() for tag in dark), file
        found += len(dark)
    assert found > 120


PLAIN = "rgba(0, 0, 0, 0), none, 0px"
STYLE = "[getComputedStyle(%s)].map(style => [style.backgroundColor, style.filter, style.padding].join(', '))[0]"
SHOWN = "[...document.querySelectorAll('article img')].filter(image => image.checkVisibility())"


@pytest.mark.parametrize("name", ["chapters/what-to-change.html", "index.html"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_only_the_pictures_that_are_shown_are_loaded(name, theme, site, browser, serve):  # noqa: F811
    with Visit(browser, color_scheme=theme) as visit:
        page = visit.go(serve(site) + name)
        shown = page.evaluate(f"{SHOWN}.map(image => [image.alt, image.src])")
        assert len(shown) == len(page.query_selector_all("article img")) / 2
        for _, source in shown:
            page.locator(f'article img[src$="/{source.rpartition("/")[2]}"]').scroll_into_view_if_needed()
        visit.wait(f"{SHOWN}.every(image => image.complete && image.naturalWidth)")
        loaded = [url for url in visit.requests if "/_images/" in url]
        assert set(loaded) == {source for _, source in shown}
        assert all(("/_images/dark-" in url) == (theme == "dark") for url in loaded)
        read = page.locator("article").get_by_role("img").evaluate_all("all => all.map(image => image.alt)")
        assert [words for words in read if words] == [words for words, _ in shown]  # by a screen reader too, once


def test_a_change_of_theme_changes_the_picture_and_moves_nothing(site, browser, serve):  # noqa: F811
    picture = f"{SHOWN}[0]"
    frame = f"[{picture}.getBoundingClientRect()].map(box => [box.x, box.y + scrollY, box.width, box.height])[0]"
    with Visit(browser, color_scheme="dark") as visit:
        page = visit.go(serve(site) + "index.html")
        page.locator("article img.only-dark").first.scroll_into_view_if_needed()
        visit.wait(f"{picture}.complete && {picture}.naturalWidth")
        before = page.evaluate(frame)
        assert page.evaluate(STYLE % picture) == PLAIN
        assert page.evaluate(STYLE % "document.body").startswith("rgb(18, 18, 18)")  # the ground of the picture
        while page.evaluate("document.documentElement.dataset.theme") != "light":
            page.locator(".theme-switch-button").first.click()
        visit.wait(f"!{picture}.src.includes('dark-') && {picture}.complete && {picture}.naturalWidth")
        assert page.evaluate(frame) == before


def test_on_paper_figures_are_light_and_a_caption_is_for_both(site, browser, serve):  # noqa: F811
    caption = "getComputedStyle(document.querySelector('figure.own figcaption')).display"
    with Visit(browser) as visit:
        page = visit.go(serve(site) + "index.html")
        page.locator("article").evaluate("""article => article.insertAdjacentHTML("beforeend",
            '<figure class="own"><img class="only-light"><img class="only-dark"><figcaption>Words</figcaption>')""")
        for theme in ("light", "dark"):
            visit.show(theme)
            assert page.evaluate(caption) == "block"
            page.emulate_media(media="print")
            assert page.evaluate(f"{SHOWN}.every(image => image.classList.contains('only-light'))")
            assert page.evaluate(STYLE % f"{SHOWN}[0]") == PLAIN
            assert page.evaluate(caption) == "block"
            page.emulate_media(media="screen")


def test_on_paper_what_folds_is_open_and_no_dark_picture_comes(site, browser, serve):  # noqa: F811
    folds = "[...document.querySelectorAll('article details')].map(fold => fold.open)"
    with Visit(browser) as visit:
        page = visit.go(serve(site) + "index.html")
        page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {folds}; }})")
        before = page.evaluate(folds)
        page.pdf()
        assert not all(before) and all(page.evaluate("window.printed")) and page.evaluate(folds) == before
        loaded = [url for url in visit.requests if "/_images/" in url]
        assert loaded and not [url for url in loaded if "/dark-" in url]
        assert page.evaluate("[...document.images].every(image => image.getAttribute('src'))")  # back afterwards

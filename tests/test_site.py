"""The site around the pages: no other host, light pages, addresses from one setting each, and what a browser sees."""

import functools
import gzip
import http.server
import json
import re
import shutil
import sys
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import build, find_chromium
from docutils import nodes
from PIL import Image, ImageChops
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util.docutils import docutils_namespace

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_extensions"))

import addresses  # noqa: E402
import closed_pages  # noqa: E402
import light_pages  # noqa: E402
import not_found  # noqa: E402

PAGES = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text("utf-8"))
NOTEBOOKS = [name for name in PAGES if (ROOT / f"{name}.ipynb").exists()]


def html_files(site):
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.relative_to(site).parts]


@pytest.fixture(scope="session")
def texts(site):
    return {path.relative_to(site).as_posix(): path.read_text("utf-8") for path in html_files(site)}


# ---------------------------------------------------------------- no other host

def test_every_page_forbids_other_hosts(texts):
    for name, text in texts.items():
        policies = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)"', text)
        assert policies == [closed_pages.POLICY], name
        assert text.index("Content-Security-Policy") < min(text.index("<script"), text.index("<link")), name
    assert not re.search(r"https?:|\*", closed_pages.POLICY)


def test_sphinx_thebe_is_gone_and_no_script_comes_twice(texts):
    for name, text in texts.items():
        head = text.split("</head>")[0]
        assert "THEBE" not in text and "thebe" not in head, name
        scripts = re.findall(r"<script[^>]*>.*?</script>", head, re.DOTALL)
        assert len(scripts) == len(set(scripts)), name


# ---------------------------------------------------------------- light pages

def test_icons_are_drawn_in_the_page(texts):
    for name, text in texts.items():
        assert "fontawesome.js" not in text, name
        assert not re.search(r'<(?:i|span) class="[^"]*\bfa[bsr]?[ -]', text), name
    icons = re.findall(r'<svg class="svg-inline--fa [^>]*>', texts["chapters/06-adam.html"])
    assert len(icons) >= 12
    assert all('aria-hidden="true"' in icon and re.search(r'viewBox="0 0 \d+ 512"', icon) for icon in icons)


def test_an_icon_is_the_one_that_the_theme_has(site):
    script = site / "_static" / "scripts" / "fontawesome.js"
    page = light_pages.with_icons('<i class="theme fas fa-moon fa-lg" data-mode="dark" title="Dark"></i>', script)
    assert page.startswith('<svg class="svg-inline--fa theme fa-moon fa-lg" data-mode="dark" aria-hidden="true"')
    assert 'viewBox="0 0 384 512"' in page and "M223.5 32" in page  # the solid moon, not the outlined
    assert "M165.9 397.4" in light_pages.with_icons('<i class="fab fa-github"></i>', script)
    assert "<path" in light_pages.with_icons('<i class="fas fa-pencil-alt"></i>', script)  # an older name
    with pytest.raises(KeyError, match="no-such"):
        light_pages.with_icons('<i class="fas fa-no-such"></i>', script)
    assert light_pages.with_icons("<i>a word</i>", script) == "<i>a word</i>"


def test_the_font_of_icons_has_only_what_the_style_sheets_name(site):
    font = site / "_static" / f"{light_pages.ICON_FONT}-few.woff"
    assert font.stat().st_size < 8000
    with light_pages.TTFont(font) as few:
        letters = set(few.getBestCmap())
    assert {0xF0F3, 0xF107} <= letters  # the bell of a note, the arrow of a folded part
    theme = (site / "_static" / "styles" / "pydata-sphinx-theme.css").read_text("utf-8")
    assert theme.count(font.name) == 1 and "fa-solid-900.woff2" not in theme


def test_pictures_come_late_with_their_size(site, texts):
    seen = 0
    for name, text in texts.items():
        for tag in re.findall(r'<img\b[^>]*_images/[^>]*>', text):
            source = (site / name).parent / re.search(r'src="([^"]+)"', tag).group(1)
            width, height = (int(re.search(rf'{side}="(\d+)"', tag).group(1)) for side in ("width", "height"))
            assert 'loading="lazy"' in tag and Image.open(source).size == (width, height), tag
            seen += source.suffix == ".webp"
    assert seen > 50 and not list((site / "_images").glob("*.png"))


def test_a_recoded_picture_is_the_same_and_smaller(tmp_path):
    image = Image.new("RGBA", (300, 200), "white")
    image.paste(Image.effect_mandelbrot((200, 200), (-2, -1, 1, 1), 40).convert("RGBA"), (50, 0))
    image.putpixel((0, 0), (10, 20, 30, 0))  # the colour of what cannot be seen stays too
    image.save(tmp_path / "a.png")
    light_pages.recode(tmp_path / "a.png")
    with Image.open(tmp_path / "a.webp") as recoded:
        assert ImageChops.difference(recoded.convert("RGBA"), image).getbbox(alpha_only=False) is None
    assert (tmp_path / "a.webp").stat().st_size < (tmp_path / "a.png").stat().st_size
    page = light_pages.with_pictures('<a href="_images/a.png"><img alt="x" src="_images/a.png" /></a>'
                                     '<img src="_images/none.png"><img src="https://example.org/_images/a.png">', tmp_path)
    assert page == page.replace("a.png", "a.png", 1)
    (tmp_path / "_images").mkdir()
    shutil.copy(tmp_path / "a.webp", tmp_path / "_images")
    page = light_pages.with_pictures('<a href="_images/a.png"><img alt="x" src="_images/a.png" /></a>'
                                     '<img src="_images/none.png"><img src="https://example.org/_images/a.png">', tmp_path)
    assert '<img loading="lazy" decoding="async" width="300" height="200" alt="x" src="_images/a.webp" />' in page
    assert '<img src="_images/none.png"><img src="https://example.org/_images/a.png">' in page
    assert light_pages.with_pictures(page, tmp_path) == page


def test_an_index_of_pictures_shows_small_ones(site, tmp_path):
    text = (site / "chapters" / "what-to-change.html").read_text("utf-8")
    index = light_pages.PICTURE_INDEX.search(text).group()
    tags = re.findall(r"<img\b[^>]*>", index)
    assert len(tags) >= 10
    for tag in tags:
        source = site / "chapters" / re.search(r'src="([^"]+)"', tag).group(1)
        assert source.name.endswith("-small.webp") and source.stat().st_size < 20_000, tag
        assert source.with_name(source.name.replace("-small", "")).exists()
    (tmp_path / "_images").mkdir()
    Image.new("RGB", (1000, 312), "white").save(tmp_path / "_images" / "a.webp", lossless=True)
    page = light_pages.with_small_pictures('<div class="picture-index"><ul><img src="_images/a.png"></ul></div><img src="_images/a.png">', tmp_path)
    assert page.count("a-small.webp") == 1 and page.endswith('<img src="_images/a.png">')


def test_scripts_of_one_extension_are_not_on_every_page(texts):
    for name, text in texts.items():
        if 'class="playground' not in text:
            assert "playground.js" not in text and "playground.css" not in text, name


def test_search_scripts_are_on_the_search_page_only(texts):
    for name, text in texts.items():
        assert ("searchindex.js" in text) == (name == "search.html"), name


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_each_notebook_can_be_downloaded(name, site, texts):
    link = re.search(r'<a href="([^"]+)" download\s+class="[^"]*btn-download-source-button', texts[f"{name}.html"])
    copy = (site / f"{name}.html").parent / link.group(1)
    assert copy.name == f"{Path(name).name}.ipynb"
    assert json.loads(copy.read_text("utf-8")) == json.loads((ROOT / f"{name}.ipynb").read_text("utf-8"))


# ---------------------------------------------------------------- addresses: both settings empty

def setting(config, name):
    section, key = name.split(".")
    return (config.get(section) or {}).get(key)


@pytest.fixture
def without_addresses():
    import yaml

    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    if setting(config, "html.baseurl") or setting(config, "repository.url"):
        pytest.skip("the book has an address now; test_with_both_addresses says what comes of it")


def test_without_an_address_none_is_shown(without_addresses, site, texts):
    assert not (site / "sitemap.xml").exists() and not (site / "_cards").exists()
    for name, text in texts.items():
        assert "og:url" not in text and "og:image" not in text and 'rel="canonical"' not in text, name
        assert not re.search(r"source-repository-button|source-edit-button|source-issues-button|launch-buttons", text), name
        assert not re.search(r"mybinder|colab|executablebooks|example\.(?:org|com)", text), name


def test_each_page_says_what_it_is_about(texts):
    described = 0
    for name, text in texts.items():
        head = text.split("</head>")[0]
        words = re.findall(r'<meta name="description" content="([^"]+)"', head)
        assert len(words) <= 1, name
        if words:
            assert 50 < len(words[0]) <= 260 and "Understand takes" not in words[0], name
            assert f'<meta property="og:description" content="{words[0]}"' in head, name
            described += 1
        if Path(name).stem not in ("404", "search", "genindex", "py-modindex"):
            title = re.search(r'<meta property="og:title" content="([^"]+)"', head).group(1)
            assert title in head.split("<title>")[1], name
    assert described >= 20


# ---------------------------------------------------------------- addresses: both set

ADDRESS, REPOSITORY = "https://example.org/a-book/", "https://github.com/somebody/a-repository"


@pytest.fixture(scope="session")
def addressed(tmp_path_factory):
    """A small book with both settings, each written as a person might: without and with a slash at its end."""
    source = tmp_path_factory.mktemp("small")
    (source / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: deep/notebook\n", "utf-8")
    (source / "index.md").write_text("# A small book about *descent*\n\nIt has a paragraph that says \"what\" it is & how much of it there is.\n", "utf-8")
    shutil.copytree(ROOT / "_static", source / "_static")
    (source / "deep").mkdir()
    cell = {"cell_type": "markdown", "metadata": {}, "source": "# A page $\\eta$\n\nShort.", "id": "a"}
    (source / "deep" / "notebook.ipynb").write_text(json.dumps({
        "cells": [cell], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}, "nbformat": 4,
        "nbformat_minor": 5}), "utf-8")

    def change(config):
        config["title"] = "A small book"
        config["html"]["baseurl"] = ADDRESS.rstrip("/")
        config["repository"]["url"] = REPOSITORY + "/"
        config["bibtex_bibfiles"] = [str(ROOT / "references.bib")]

    return build(tmp_path_factory.mktemp("addressed"), source, change)


def attributes(text, kind, name):
    return re.findall(rf'<meta {kind}="{name}" content="([^"]*)"', text)


def test_with_both_addresses_the_site_says_where_it_is(addressed):
    index, page = ((addressed / name).read_text("utf-8") for name in ("index.html", "deep/notebook.html"))
    assert re.findall(r'rel="canonical" href="([^"]+)"', page) == [ADDRESS + "deep/notebook.html"]
    assert attributes(page, "property", "og:url") == [ADDRESS + "deep/notebook.html"]
    assert attributes(page, "property", "og:image") == [ADDRESS + "_cards/deep/notebook.png"]
    assert attributes(page, "name", "twitter:card") == ["summary_large_image"]
    assert attributes(page, "name", "description") == []  # no paragraph that says enough
    assert attributes(index, "property", "og:title") == ["A small book about descent"]
    assert attributes(index, "name", "description") == [
        "It has a paragraph that says “what” it is &amp; how much of it there is."]
    for name in ("index", "deep/notebook"):
        with Image.open(addressed / "_cards" / f"{name}.png") as card:
            assert card.size == (1200, 630) and len(card.convert("RGB").getcolors(10**6)) > 20
    places = [place.text for place in ElementTree.parse(addressed / "sitemap.xml").iter() if place.tag.endswith("loc")]
    assert places == [ADDRESS + "deep/notebook.html", ADDRESS + "index.html"]
    assert all((addressed / place.removeprefix(ADDRESS)).is_file() for place in places)


def test_with_both_addresses_the_buttons_lead_to_the_source(addressed):
    page = (addressed / "deep" / "notebook.html").read_text("utf-8")
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="(https://[^"]+)"', page)]
    assert f"{REPOSITORY}/edit/main/deep/notebook.ipynb" in links
    assert any(link.startswith(f"{REPOSITORY}/issues/new?") for link in links)
    assert REPOSITORY in links
    binder = urlsplit(next(link for link in links if "mybinder.org" in link))
    assert binder.path == "/v2/gh/somebody/a-repository/main"
    assert parse_qs(binder.query) == {"urlpath": ["lab/tree/deep/notebook.ipynb"]}
    index = (addressed / "index.html").read_text("utf-8")
    assert "mybinder" not in index and f"{REPOSITORY}/edit/main/index.md" in index


def test_the_settings_are_checked():
    assert addresses.checked("x", None) == addresses.checked("x", " ") == ""
    assert addresses.checked("x", "https://example.org/a") == addresses.checked("x", " https://example.org/a// ") \
        == "https://example.org/a/"
    for wrong in ("example.org", "/a/", "ftp://example.org", "https://", "https://example.org/?a=b"):
        with pytest.raises(ConfigError, match="html.baseurl"):
            addresses.checked("html.baseurl", wrong)


def test_a_card_names_its_page_safely():
    tags = addresses.card_tags('"A" < B', "Book", "", "https://example.org/?a=1&b=2", "")
    assert '<meta property="og:title" content="&quot;A&quot; &lt; B" />' in tags
    assert "?a=1&amp;b=2" in tags and "og:image" not in tags and "description" not in tags and "twitter" not in tags
    assert addresses.plain("Step <em>by</em> step &amp; on") == "Step by step & on"


def test_a_description_is_the_first_paragraph_of_words():
    words = "Here is a sentence that says in words alone what the page is about, and it is long. " * 4
    formula = nodes.paragraph("", "", nodes.Text("The rate times the gradient, in symbols, is the step: "), nodes.math("", "x"))
    page = nodes.section("", nodes.note("", nodes.paragraph("", "A note that is as long as you like, but is no beginning.")),
                         nodes.paragraph("", "Understand takes about 25 minutes. Evidence takes 20 and may be skipped."),
                         formula, nodes.paragraph("", words))
    text = addresses.description(page)
    assert words.startswith(text.removesuffix(" …")) and 150 < len(text) <= 200
    assert addresses.description(nodes.section("", nodes.paragraph("", "Short."))) == ""


# ---------------------------------------------------------------- 404

def test_the_missing_page_knows_the_top_of_the_site(site, addressed):
    for folder, top in ((site, "/"), (addressed, "/a-book/")):
        text = (folder / "404.html").read_text("utf-8")
        if folder is addressed or "og:url" not in (site / "index.html").read_text("utf-8"):
            assert re.findall(r'<base href="([^"]+)"', text) == [top]
        head = text.split("</head>")[0]
        assert head.index("<base") < min(head.index("<link"), head.index("<script"), head.index("href=") + 6)
        assert not re.search(r'href="#', text) and 'href="404.html#main-content"' in text
        assert "canonical" not in text
    assert not_found.anchored('<a href="#a">') == '<a href="404.html#a">'


# ---------------------------------------------------------------- in a browser

@pytest.mark.parametrize("required, end", [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_without_a_browser_tests_are_skipped_but_not_in_ci(required, end, monkeypatch):
    assert "REQUIRE_CHROMIUM=1 make test" in (ROOT / ".ci" / "run").read_text("utf-8")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("REQUIRE_CHROMIUM", required)
    with pytest.raises(end, match="no Chromium on this machine"):
        find_chromium()


class Server(http.server.SimpleHTTPRequestHandler):
    """A plain file server that shows 404.html for what is not there, under a path of its own."""

    top = "/"

    def translate_path(self, path):
        path = urlsplit(path).path
        return super().translate_path("/" + path.removeprefix(self.top) if path.startswith(self.top) else "/nowhere")

    def send_error(self, code, message=None, explain=None):
        body = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def serve():
    servers = []

    def start(folder, top="/"):
        handler = functools.partial(type("At", (Server,), {"top": top}), directory=str(folder))
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}{top}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Visit:
    """A page in the browser, with what it asked for and what it complained about."""

    THEME = "document.documentElement.dataset.theme"

    def __init__(self, browser, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = self.context.new_page()
        self.requests, self.errors = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def go(self, address):
        self.requests.clear()
        self.errors.clear()
        self.page.goto(address, wait_until="load")
        # A condition that is asked again and again ends; a promise that nobody keeps would be waited for without end.
        self.page.evaluate("window.MathJax ? void MathJax.startup.promise.then(() => window.formulasSet = true) : "
                           "window.formulasSet = true")
        self.wait("window.formulasSet", 30)
        return self.page

    def wait(self, condition, seconds=10):
        """Playwright's own wait_for_function evaluates a string in the page, which the policy forbids."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def show(self, scheme):
        """The page in light or in dark, as the system says."""
        self.page.emulate_media(color_scheme=scheme)
        self.wait(f"{self.THEME} === '{scheme}'")

    def outside(self, address):
        home = address.split("/", 3)[:3]
        return [url for url in self.requests if not url.startswith(("data:", "blob:")) and url.split("/", 3)[:3] != home]


# A text of each look: what axe says of its contrast holds for all texts of that colour, ground, size and weight.
MARK_LOOKS = """() => {
    const seen = new Set(), texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (const marked of document.querySelectorAll("[data-look]")) delete marked.dataset.look;
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        const shown = element.checkVisibility({opacityProperty: true, visibilityProperty: true});
        if (!texts.currentNode.data.trim() || !shown) continue;
        const style = getComputedStyle(element);
        let under = element, ground;
        do ground = getComputedStyle(under).backgroundColor;
        while (/, 0\\)$/.test(ground) && (under = under.parentElement));
        const look = [style.color, ground, style.fontSize, style.fontWeight].join();
        if (!seen.has(look)) element.dataset.look = look;
        seen.add(look);
    }
    return seen.size;
}"""
# What makes axe slow and is the same over and over: pieces of code of one kind, and the inside of formulas.
THIN_OUT = """() => {
    const seen = new Set();
    for (const code of document.querySelectorAll("pre")) {
        const ground = getComputedStyle(code).backgroundColor;
        for (const piece of code.querySelectorAll("span")) {
            const kind = [piece.className, piece.parentElement.className, ground].join();
            if (seen.has(kind)) piece.replaceWith(...piece.childNodes);
            seen.add(kind);
        }
        code.normalize();
    }
    for (const formula of [...document.querySelectorAll("mjx-container")].slice(5)) formula.replaceChildren();
}"""
CONTRAST = "color-contrast"
# Two rules that axe leaves off by itself: places to touch of 24 pixels, and names that say what is written.
STRUCTURE = {CONTRAST: {"enabled": False}, "target-size": {"enabled": True},
             "label-content-name-mismatch": {"enabled": True}}
# What reaches over the edge of the page, and what is cut off at the edge of its own box; what scrolls may be wider.
STICKING_OUT = """() => {
    const width = document.documentElement.clientWidth, page = document.scrollingElement;
    const scrolls = element => /auto|scroll/.test(getComputedStyle(element).overflowX);
    const inside = element => { while ((element = element.parentElement)) if (scrolls(element)) return true; };
    const parts = "article :is(p, li, table, pre, img, svg, button, mjx-math)";
    const out = [...document.querySelectorAll(parts)].filter(element => {
        const box = element.getBoundingClientRect(), around = element.closest(".math")?.getBoundingClientRect();
        return element.checkVisibility() && !inside(element)
            && (box.right > width + 1 || box.left < -1 || (around && box.right > around.right + 1));
    });
    const boxes = "article :is(table, td, figure, div), .prev-next-area a";
    const cut = [...document.querySelectorAll(boxes)].filter(element =>
        element.scrollWidth > element.clientWidth + 1 && element.clientWidth && !element.classList.contains("math")
        && getComputedStyle(element).overflowX === "hidden");
    const all = [...(page.scrollWidth > page.clientWidth ? [page] : []), ...out, ...cut];
    return all.map(element => element.outerHTML.slice(0, 150));
}"""
# A table may scroll where it must, but none has to on a phone.
WIDE_TABLES = """[...document.querySelectorAll("article table")].filter(table => {
    let box = table.parentElement;
    while (box.tagName !== "ARTICLE" && getComputedStyle(box).overflowX === "visible") box = box.parentElement;
    return table.checkVisibility() && table.scrollWidth > box.clientWidth + 1;
}).map(table => table.outerHTML.slice(0, 150))"""
# The theme makes code that scrolls a stop for the Tab key, a moment after the page has got its size.
STOPS_ARE_SET = "[...document.querySelectorAll('pre')].every(code => code.scrollWidth <= code.clientWidth || !code.tabIndex)"
NARROW, PHONE, DESKTOP = ({"width": width, "height": 860} for width in (320, 390, 1280))


def complaints(page, where, **options):
    """What axe finds, and how many of its rules found something to look at."""
    options |= {"resultTypes": ["violations"], "preload": False}  # or it asks for style sheets, at wrong addresses
    found = page.evaluate("([where, options]) => axe.run(where ?? document, options)", [where, options])
    assert found["passes"] or found["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]


def looked_at(visit, width):
    """What axe says of a page: of its colours in both themes, and of the rest."""
    page, found = visit.page, {}
    for scheme in ("dark", "light"):
        visit.show(scheme)
        assert page.evaluate(MARK_LOOKS) > 2
        found[f"colours, {scheme}, {width}"] = complaints(page, {"include": [["[data-look]"]]}, runOnly=[CONTRAST])
    found[f"the rest, {width}"] = complaints(page, None, rules=STRUCTURE)
    return {mode: each for mode, each in found.items() if each}


@pytest.fixture(scope="session")
def visits(browser, serve, site):
    """What every page did in the browser: in light and in dark, on a desktop and on a phone."""
    address, seen = serve(site), {}
    with Visit(browser, color_scheme="light", reduced_motion="reduce") as visit:
        for file in html_files(site):
            name = file.relative_to(site).as_posix()
            page = visit.go(address + name)
            at_first, loaded = page.evaluate(visit.THEME), page.evaluate(
                "performance.getEntriesByType('resource').map(entry => entry.name)")
            page.evaluate("for (const fold of document.querySelectorAll('article details')) fold.open = true")
            page.add_style_tag(content="* { transition: none !important; }")
            page.evaluate(Axe().axe_script)
            formulas = {"formulas": page.locator("mjx-container").count(), "faulty": page.locator("mjx-merror").count(),
                        "raw": page.evaluate("document.querySelectorAll('.math:not(:has(mjx-container))').length")}
            sticking_out, found = [], {}
            for size in (NARROW, PHONE):
                page.set_viewport_size(size)
                sticking_out += page.evaluate(STICKING_OUT)
            wide_tables = page.evaluate(WIDE_TABLES)
            page.evaluate(THIN_OUT)
            for size in (PHONE, DESKTOP):
                page.set_viewport_size(size)
                visit.wait(STOPS_ARE_SET)
                found |= looked_at(visit, size["width"])
            seen[name] = formulas | {
                "theme": at_first, "errors": list(visit.errors), "outside": visit.outside(address),
                "files": {name} | {unquote(urlsplit(url).path).lstrip("/") for url in loaded if url.startswith(address)},
                "sticking out": sticking_out, "wide tables": wide_tables, "axe": found,
                "undescribed": page.locator("img:not([alt]), img[alt='']").evaluate_all("all => all.map(one => one.outerHTML)")}
    return seen


def test_axe_finds_nothing_on_any_page(visits):
    assert {name: seen["axe"] for name, seen in visits.items() if seen["axe"]} == {}


def test_axe_would_find_what_is_wrong(browser, serve, site):
    with Visit(browser, reduced_motion="reduce") as visit:
        page = visit.go(serve(site) + "appendix/glossary.html")
        page.evaluate(Axe().axe_script)
        for faint, scheme in (("#999", "light"), ("#555", "dark")):
            pale = f"<i style='color: {faint}'>pale</i>"
            page.evaluate("pale => document.querySelector('article p').innerHTML = pale", pale)
            found = looked_at(visit, "any")
            assert list(found) == [f"colours, {scheme}, any"] and "pale" in str(found)
        page.evaluate("document.querySelector('article p').innerHTML = '<img src=\"\">'")
        assert "image-alt" in str(looked_at(visit, "any"))


def test_nothing_sticks_out_of_a_phone(visits):
    assert {name: seen["sticking out"] for name, seen in visits.items() if seen["sticking out"]} == {}


def test_tables_fit_a_phone(visits):
    assert {name: seen["wide tables"] for name, seen in visits.items() if seen["wide tables"]} == {}


def test_what_sticks_out_is_seen(browser, serve, site):
    with Visit(browser, viewport=PHONE) as visit:
        page = visit.go(serve(site) + "appendix/notation.html")
        assert page.evaluate(STICKING_OUT) == []
        page.evaluate("document.querySelector('article p').style.width = '500px'")
        assert any(one.startswith("<p") for one in page.evaluate(STICKING_OUT))
        page.reload()
        visit.wait("!!document.querySelector('article .math mjx-math')")
        page.evaluate("document.querySelector('article .math:has(mjx-math)').style.maxWidth = '3px'")
        assert any(one.startswith("<mjx-math") for one in page.evaluate(STICKING_OUT))


def test_every_picture_is_described_in_the_browser_too(visits):
    assert {name: seen["undescribed"] for name, seen in visits.items() if seen["undescribed"]} == {}


def test_no_page_asks_another_host_or_raises(visits):
    for name, seen in visits.items():
        assert seen["outside"] == [] and seen["errors"] == [], name
        assert seen["theme"] == "light", name
        assert len(seen["files"]) > 10, name


def test_every_formula_is_set(visits):
    for name, seen in visits.items():
        assert (seen["faulty"], seen["raw"]) == (0, 0), name
    assert visits["chapters/06-adam.html"]["formulas"] > 10


# ---------------------------------------------------------------- by keyboard

FOCUSED = """() => {
    const element = document.activeElement, box = element.getBoundingClientRect();
    const style = getComputedStyle(element.querySelector(".halo") ?? element);
    const ring = element.matches(".handle") ? style.stroke :  // drawn inside, see playground.css
        style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 ? style.outlineColor : style.boxShadow;
    const name = element.getAttribute("aria-label") || element.title || element.textContent;
    const shown = element.checkVisibility({opacityProperty: true, visibilityProperty: true});
    return {tag: element.localName, name: name.trim(), ring, classes: [...element.classList],
            hidden: !shown || box.bottom < 0 || box.top > innerHeight};
}"""


def walk(page, limit=400):
    """Every stop of the Tab key from here to the end of the page."""
    stops = []
    while len(stops) < limit:
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        if stops[-1]["tag"] == "body":
            return stops[:-1]
    raise AssertionError("the Tab key does not come to an end")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tab_key_leads_through_a_chapter(scheme, browser, serve, site):
    with Visit(browser, color_scheme=scheme, reduced_motion="reduce") as visit:
        page = visit.go(serve(site) + "chapters/06-adam.html")
        page.add_style_tag(content="* { transition: none !important; }")
        stops = walk(page)
        assert stops[0]["name"] == "Skip to main content"
        assert [stop for stop in stops if stop["hidden"] or stop["ring"] in ("none", "")] == []
        for kind in ("summary", "pre", "button", "input", "select", "a"):
            assert any(stop["tag"] == kind for stop in stops), kind
        assert any("handle" in stop["classes"] for stop in stops)
        assert not any(stop["tag"] == "mjx-container" for stop in stops)  # none is too wide here
        assert all(stop["name"] for stop in stops if stop["tag"] in ("a", "button", "summary"))


def reach(page, selector):
    """The Tab key, from the stop before it, leads to the first such element that is shown."""
    page.evaluate("""selector => {
        window.target = [...document.querySelectorAll(selector)].find(element => element.checkVisibility());
        const stops = [...document.querySelectorAll("a, button, summary, [tabindex='0']")];
        const before = stop => stop.compareDocumentPosition(target) === Node.DOCUMENT_POSITION_FOLLOWING;
        stops.findLast(stop => stop.checkVisibility({visibilityProperty: true}) && before(stop)).focus();
    }""", selector)
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === target"):
            return
    raise AssertionError(f"the Tab key does not lead to {selector}")


def scroll_sideways(visit, selector):
    reach(visit.page, selector)
    visit.page.keyboard.press("ArrowRight")
    visit.wait("document.activeElement.scrollLeft > 0")


def test_a_chapter_is_worked_by_keyboard(browser, serve, site):
    with Visit(browser, permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.go(serve(site) + "chapters/06-adam.html")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # over the side bar
        page.keyboard.press("Tab")
        assert page.evaluate("!!document.activeElement.closest('main')")
        for fold in ("details.sd-dropdown", "details.hide"):
            reach(page, f"{fold} > summary")
            for opened in (True, False):
                page.keyboard.press("Enter")
                assert page.evaluate("target.parentElement.open") is opened
        scroll_sideways(visit, "article pre[tabindex='0']")
        reach(page, "div.cell_input button.copybtn")
        page.keyboard.press("Enter")
        visit.wait("document.querySelector('button.copybtn.success')")
        assert page.evaluate("navigator.clipboard.readText()").strip()
        reach(page, ".article-header-buttons .dropdown-toggle")
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.textContent.trim()") == ".ipynb"


def test_a_phone_is_worked_by_keyboard(browser, serve, site):
    with Visit(browser, viewport=PHONE) as visit:
        page = visit.go(serve(site) + "chapters/06-adam.html")
        reach(page, ".primary-toggle")
        page.keyboard.press("Enter")
        visit.wait("!!document.querySelector('#pst-primary-sidebar-modal[open]')")
        page.keyboard.press("Tab")
        assert page.evaluate("!!document.activeElement.closest('#pst-primary-sidebar-modal')")
        page.keyboard.press("Escape")
        visit.wait("!document.querySelector('#pst-primary-sidebar-modal[open]')")
        for wide in ("div.math mjx-container", "article pre"):
            scroll_sideways(visit, f"{wide}[tabindex='0']")


def test_the_policy_holds_against_a_page_that_asks(browser, serve, site):
    address = serve(site)
    with Visit(browser) as visit:
        page = visit.go(address + "appendix/glossary.html")
        page.evaluate("""() => {
            window.refused = [];
            document.addEventListener("securitypolicyviolation", event => refused.push(event.blockedURI));
            fetch("https://example.org/fetched").catch(() => null);
            document.body.append(Object.assign(document.createElement("img"), {src: "https://example.org/a.png"}));
        }""")
        visit.wait("refused.length === 2")
        assert all(address.startswith("https://example.org") for address in page.evaluate("refused"))


def test_a_page_opened_from_disk_works(browser, site):
    with Visit(browser, color_scheme="dark") as visit:
        page = visit.go((site / "chapters" / "06-adam.html").as_uri())
        assert visit.errors == [] and page.locator("mjx-container").count() > 10
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.evaluate("getComputedStyle(document.querySelector('.svg-inline--fa')).height") != "auto"


def weight(site, files):
    """Bytes as a server sends them: text compressed, pictures and fonts as they are."""
    total = 0
    for file in files:
        content = (site / file).read_bytes()
        total += len(content) if Path(file).suffix in (".webp", ".png", ".woff", ".woff2") else len(gzip.compress(content, 6))
    return total


def test_the_first_view_of_a_page_is_under_a_megabyte(visits, site):
    weights = {name: weight(site, seen["files"]) for name, seen in visits.items()}
    assert {name: total for name, total in weights.items() if total > 900_000} == {}
    assert weights["chapters/06-adam.html"] > 400_000  # MathJax alone is 260,000: something is weighed


def test_nothing_jumps_when_pictures_come(browser, serve, site):
    with Visit(browser) as visit:
        page = visit.go(serve(site) + "chapters/08-fair-comparison.html")
        height = "document.documentElement.scrollHeight"
        before = page.evaluate(height)
        assert page.evaluate("[...document.images].some(image => !image.complete)")
        page.evaluate("for (const image of document.images) image.loading = 'eager'")
        visit.wait("[...document.querySelectorAll('article img')].every(image => image.complete && image.naturalWidth)")
        assert abs(page.evaluate(height) - before) <= 2


def test_colours_follow_the_system_until_the_reader_chooses(browser, serve, site):
    address = serve(site) + "appendix/glossary.html"
    theme, first = "document.documentElement.dataset.theme", "window.firstTheme"
    with Visit(browser, color_scheme="dark") as visit:
        visit.page.add_init_script("new MutationObserver((_, observer) => { if (document.body) { observer.disconnect(); "
                                   "window.firstTheme = document.documentElement.dataset.theme; } })"
                                   ".observe(document, {childList: true, subtree: true});")
        page = visit.go(address)
        assert page.evaluate(first) == page.evaluate(theme) == "dark"  # from the first moment
        button = page.locator(".theme-switch-button").first
        shown = page.locator(".theme-switch-button svg:visible").first
        for _ in range(3):
            button.click()
            if page.evaluate(theme) == "light":
                break
        assert page.evaluate(theme) == "light" and shown.get_attribute("data-mode") == "light"
        visit.go(address)
        assert page.evaluate(first) == page.evaluate(theme) == "light"


def test_search_finds_from_a_plain_file_server(browser, serve, site):
    with Visit(browser) as visit:
        page = visit.go(serve(site) + "search.html?q=momentum")
        page.wait_for_selector("#search-results li a", timeout=10_000)
        visit.wait("!!document.querySelector('#search-results a[href*=\"03-momentum\"]')")
        found = "#search-results li:has(a[href$='%s']) p.context"  # the lines around the word, read from the page
        page.wait_for_selector(found % "06-adam.html")
        contexts = page.locator("#search-results p.context").all_inner_texts()
        assert not re.search(r"\\[(a-z]|\.ipynb|Show code", "".join(contexts))  # no formula as TeX, no menu
        page.wait_for_selector(found % "appendix/glossary.html#term-momentum")
        definition = page.locator(found % "appendix/glossary.html#term-momentum").inner_text()
        assert definition.startswith("momentum ") and len(definition) > 60
        assert visit.errors == []


def test_a_build_of_some_pages_keeps_every_definition_in_the_search(tmp_path):
    settings = {"extensions": ["site_search"], "project": "Small", "source_suffix": {".rst": "restructuredtext"}}
    (tmp_path / "index.rst").write_text("Title\n=====\n\n.. toctree::\n\n   words\n", "utf-8")
    (tmp_path / "words.rst").write_text("Words\n=====\n\n.. glossary::\n\n   batch\n      A heap.\n", "utf-8")
    for text in ("", "\nMore.\n"):
        with open(tmp_path / "index.rst", "a", encoding="utf-8") as page:
            page.write(text)
        with docutils_namespace():
            Sphinx(tmp_path, None, tmp_path / "out", tmp_path / "doctrees", "html", settings, status=None,
                   warningiserror=True).build()
        index = (tmp_path / "out" / "searchindex.js").read_text("utf-8")
        index = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
        assert index["indexentries"] == {"batch": [[1, "term-batch", True]]}


def test_search_is_reached_from_a_chapter(browser, serve, site):
    with Visit(browser) as visit:
        page = visit.go(serve(site) + "chapters/06-adam.html")
        page.keyboard.press("Control+k")
        icon, field = (page.evaluate(f"JSON.stringify(document.querySelector('#pst-search-dialog {part}').getBoundingClientRect())")
                       for part in ("svg", "input"))
        assert json.loads(icon)["right"] <= json.loads(field)["left"]  # beside the words, not on them
        page.keyboard.type("momentum")
        with page.expect_navigation(url="**/search.html?q=momentum", timeout=20_000):
            page.keyboard.press("Enter")
        page.wait_for_selector('#search-results a[href*="03-momentum"]', timeout=20_000)
        assert visit.errors == []


def test_code_is_copied(browser, serve, site):
    with Visit(browser, permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.go(serve(site) + "chapters/06-adam.html")
        cell = page.locator("div.cell_input div.highlight").filter(visible=True).first
        code = cell.locator("pre").inner_text()
        cell.hover()
        cell.locator("button.copybtn").click()
        visit.wait("document.querySelector('button.copybtn.success')")
        assert page.evaluate("navigator.clipboard.readText()").strip() == code.strip()


def test_previous_and_next_lead_through_the_book(browser, serve, site):
    with Visit(browser) as visit:
        page = visit.go(serve(site) + "appendix/notation.html")
        after = PAGES[PAGES.index("appendix/notation") + 1]
        page.locator("a.right-next").click()
        assert page.url.endswith(f"{after}.html")
        page.locator("a.left-prev").click()
        assert page.url.endswith("appendix/notation.html")


@pytest.mark.parametrize("missing", ["nothing", "a/b/c/nothing.html"])
def test_the_missing_page_works_at_any_depth(missing, browser, serve, addressed):
    address = serve(addressed, "/a-book/")
    with Visit(browser) as visit:
        page = visit.go(address + missing)
        assert page.locator("h1", has_text="This page is not here").is_visible()
        failed = [error for error in visit.errors if "404" not in error]
        assert failed == [] and len(visit.errors) <= 1  # the page itself is answered with 404, nothing else is
        assert page.evaluate("getComputedStyle(document.querySelector('.bd-sidebar-primary')).display") != "inline"
        page.locator("article").get_by_role("link", name="Begin at the beginning").click()
        assert page.url == address + "index.html"


def test_the_mark_is_the_icon_of_every_page(texts, site):
    for name, text in texts.items():
        icon = re.findall(r'<link rel="icon" href="([^"]+)"', text)
        assert len(icon) == 1 and ((site / name).parent / icon[0].split("?")[0]).resolve() == (site / "_static" / "mark.svg").resolve(), name
    mark = ElementTree.parse(site / "_static" / "mark.svg").getroot()
    assert mark.get("viewBox") == "0 0 64 64"

"""The book as it is read: built once from the stored outputs, without running a notebook, and looked at."""

import inspect
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import optkit
import pytest

ROOT = Path(__file__).parent.parent
PAGES = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))

# What a browser fetches by itself; a link (<a href>) waits for the reader.
LOADED = {"src", "srcset", "poster", "data"}
LOADED_RELS = {"stylesheet", "preload", "modulepreload", "prefetch", "icon", "shortcut", "manifest", "preconnect"}
CSS_ADDRESS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """What the tests below ask of a page."""

    def __init__(self, path):
        super().__init__()
        self.loads, self.links, self.ids, self.images = [], [], set(), []
        self.heading, self.prose, self.formulas = "", "", 0
        self.inside = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = {name: value or "" for name, value in attributes}
        if tag in {"h1", "style", "script", "pre", "code", "title"}:
            self.inside.append(tag)
        self.loads += [value for name, value in attributes.items() if name in LOADED and tag != "input"]
        if tag == "link" and LOADED_RELS & set(attributes.get("rel", "").split()):
            self.loads.append(attributes.get("href", ""))
        self.loads += css_addresses(attributes.get("style", ""))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        self.formulas += "math" in attributes.get("class", "").split()
        if tag == "img":
            self.images.append(attributes)
        self.ids |= {attributes[name] for name in ("id", "name") if name in attributes}

    def handle_endtag(self, tag):
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data):
        if "style" in self.inside:
            self.loads += css_addresses(data)
        elif "h1" in self.inside:
            self.heading += data
        elif not self.inside:
            self.prose += data


def css_addresses(text):
    return ["".join(match) for match in CSS_ADDRESS.findall(text)]


def outside(address):
    """Whether an address leaves the site; what is written into the page itself (data:) does not."""
    return bool(urlparse(address).netloc)


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in sorted(site.rglob("*.html"))
            if "_static" not in path.parts}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_page_exists_with_its_title(name, pages):
    source = next(path for path in ROOT.glob(f"{name}.*") if path.suffix in {".md", ".ipynb"})
    title = re.search(r'^(?:\s*")?# (.+?)(?:\\n",?|",?)?$', source.read_text(encoding="utf-8"), re.MULTILINE)
    heading = pages[f"{name}.html"].heading.rstrip("#").strip()
    assert heading and heading.endswith(title.group(1).strip()), heading


def test_no_page_loads_anything_from_another_host(site, pages):
    for name, page in pages.items():
        assert page.loads, name
        assert [address for address in page.loads if outside(address)] == [], name
    for sheet in site.rglob("*.css"):
        assert [address for address in css_addresses(sheet.read_text("utf-8")) if outside(address)] == [], sheet


def test_formulas_are_set_by_a_script_of_the_site_itself(site, pages):
    with_formulas = {name: page for name, page in pages.items() if page.formulas}
    assert with_formulas
    for name, page in with_formulas.items():
        scripts = [urlparse(address).path for address in page.loads if "mathjax" in address]
        assert scripts, name
        for script in scripts:
            assert ((site / name).parent / script).is_file(), script


def test_every_picture_is_described(pages):
    for name, page in pages.items():
        for image in page.images:
            alt = image.get("alt", "").strip()
            assert alt and not re.search(r"^\S*\.\w{3,4}$|^[0-9a-f]{32,}", alt), f"{name}: {image}"


def test_nothing_is_left_unrendered(pages):
    for name in PAGES:
        left = re.search(r"\{(eq|cite|ref|numref|doc|math|prf:ref|download)[\w:]*\}|```|:::|\[\?\]", pages[f"{name}.html"].prose)
        assert not left, f"{name}: {left.group()}"


def test_links_within_the_book_lead_somewhere(site, pages):
    for name, page in pages.items():
        for link in page.links + page.loads:
            parts = urlparse(link)
            if parts.scheme or parts.netloc:
                continue
            address, fragment = urldefrag(link)
            target = ((site / name).parent / unquote(parts.path)).resolve() if address else site / name
            assert target.is_file(), f"{name}: {link}"
            if fragment and target.suffix == ".html":
                ids = pages[target.relative_to(site.resolve()).as_posix()].ids if address else page.ids
                assert unquote(fragment) in ids, f"{name}: {link}"


def public_names():
    """Every name that a reader can use: what optkit exports, and the functions and classes of its public modules."""
    for name in optkit.__all__:
        value = getattr(optkit, name)
        if not inspect.ismodule(value):
            yield f"optkit.{name}"
            continue
        for own, thing in vars(value).items():
            here = (inspect.isfunction(thing) or inspect.isclass(thing)) and (
                thing.__module__ == value.__name__ or thing.__module__.startswith(f"{value.__name__}."))  # a package
            if here and not own.startswith("_"):
                yield f"{value.__name__}.{own}"


# Left out on purpose: optkit.Task and its like are there under their public name; the rest shows itself.
ELSEWHERE = {"optkit.tasks.Task", "optkit.plot.Figure"}


def test_every_public_name_is_in_the_api(site):
    html = (site / "appendix" / "api.html").read_text("utf-8")
    names = {name for name in public_names() if not name.startswith("optkit.rules.")} - ELSEWHERE
    assert len(names) > 40
    assert [name for name in sorted(names) if f'id="{name}"' not in html] == []


def test_the_api_shows_docstrings_and_no_clutter(site):
    html = (site / "appendix" / "api.html").read_text("utf-8")
    assert "__init__" not in html and "dataclass_fields" not in html
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))
    assert "learning_rate=0.001 , beta_1=0.9 , beta_2=0.999" in text.replace(",", " ,").replace("  ", " ")
    assert "``" not in text  # a docstring that reStructuredText could not read


def test_the_glossary_has_each_term_once_in_both_languages(site):
    text = (ROOT / "appendix" / "glossary.md").read_text("utf-8")
    entries = re.findall(r"^(\S.*)\n(\S.*)\n  (.+)$", text.split("```{glossary}\n")[1], re.MULTILINE)
    assert 50 <= len(entries) <= 70
    english = [entry[0] for entry in entries]
    assert len(set(english)) == len(english) and english == sorted(english, key=str.lower)
    for term, chinese, definition in entries:
        assert re.search("[\u4e00-\u9fff]", chinese), term
        assert len(definition) > 40 and definition.endswith("."), term
    html = (site / "appendix" / "glossary.html").read_text("utf-8")
    assert html.count('<dt lang="zh-Hans"') == len(entries)

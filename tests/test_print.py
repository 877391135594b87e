"""The whole book as an EPUB and as a PDF: built from the stored outputs, and looked at."""

import io
import os
import posixpath
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree
from zipfile import ZIP_STORED, ZipFile

import pytest
from pypdf import PdfReader
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "_extensions"), str(ROOT / "tools")]

import downloads  # noqa: E402
import ebook  # noqa: E402
import print_book  # noqa: E402
from mathml import mathml  # noqa: E402

TOC = (ROOT / "_toc.yml").read_text("utf-8")
PAGES = re.findall(r"(?:root|file): (\S+)", TOC)
SHOWN = "chapters/weight-decay"  # the chapter that is printed here
XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def epub(site):
    """The EPUB, from the pages that the site was made of."""
    output = site.parent.parent
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(ROOT), "--config",
               str(output / "_config.yml"), "--path-output", str(output), "-W", "-n", "--keep-going",
               "--builder", "custom", "--custom-builder", "epub"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr[-4000:]
    return output / "_build" / "epub" / "how-adam-works.epub"


@pytest.fixture(scope="module")
def files(epub):
    with ZipFile(epub) as book:
        return {name: book.read(name) for name in book.namelist()}


@pytest.fixture(scope="module")
def trees(files):
    """Every page, parsed: what is no XML fails here."""
    return {name: ElementTree.fromstring(data) for name, data in files.items() if name.endswith(".xhtml")}


def from_page(name, address):
    """What an address on a page of this name leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), address))


def texts(element):
    """What is read on a page, but for code."""
    if element.tag in (f"{XHTML}pre", f"{XHTML}code") or "sig-param" in element.get("class", ""):
        return
    yield element.text or ""
    for child in element:
        yield from texts(child)
        yield child.tail or ""


# ---------------------------------------------------------------- the EPUB

def test_the_package_is_one_that_readers_open(epub, files):
    with ZipFile(epub) as book:
        first = book.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", ZIP_STORED)
        assert book.read(first) == b"application/epub+zip"
        assert {entry.date_time for entry in book.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    package = print_book.parsed(files["book.opf"])
    listed = {item.get("href"): item for item in package.iter("item")}
    assert set(listed) == set(files) - {"mimetype", "META-INF/container.xml", "book.opf"}
    assert [name for name, item in listed.items() if item.get("properties") == "nav"] == ["contents.xhtml"]
    assert [name for name, item in listed.items() if item.get("properties") == "cover-image"] == ["cover.png"]
    for name, data in files.items():
        if name.endswith(".xhtml"):
            assert (listed[name].get("properties") == "mathml") == (b"<math " in data), name
    places = {item.get("id"): name for name, item in listed.items()}
    order = [places[item.get("idref")] for item in package.iter("itemref")]
    assert order == ["cover.xhtml", "contents.xhtml", *(f"{name}.xhtml" for name in PAGES)]
    assert package.find(".//language").text == "en" and package.find(".//identifier").text.startswith("urn:uuid:")
    assert len(package.find(".//description").text) > 50
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", package.find(".//meta").text)


def test_the_contents_have_every_part_and_page(trees):
    nav = trees["contents.xhtml"].find(f".//{XHTML}nav")
    links = [link.get("href") for link in nav.iter(f"{XHTML}a")]
    assert [link for link in links if "#" not in link] == [f"{name}.xhtml" for name in PAGES]
    assert sum("#" in link for link in links) > 150
    parts = [part.text for part in nav.iter(f"{XHTML}span")]
    assert parts == re.findall(r"caption: (.+)", TOC)


def test_links_lead_to_what_is_there_once(files, trees):
    ids = {name: [element.get("id") for element in tree.iter() if element.get("id")] for name, tree in trees.items()}
    seen = 0
    for name, tree in trees.items():
        assert len(ids[name]) == len(set(ids[name])), name
        for link in tree.iter(f"{XHTML}a"):
            parts = urlsplit(link.get("href"))
            if not parts.scheme:
                target = from_page(name, unquote(parts.path)) if parts.path else name
                assert target in files, f"{name}: {link.get('href')}"
                assert not parts.fragment or unquote(parts.fragment) in ids[target], f"{name}: {link.get('href')}"
                seen += 1
    assert seen > 500


def test_nothing_runs_and_nothing_comes_from_outside(files, trees):
    for name, tree in trees.items():
        for element in tree.iter():
            assert element.tag.removeprefix(XHTML) not in ("script", "iframe", "object", "style", "form", "input"), name
            assert not [word for word in element.attrib if word.startswith("on")], name
            for attribute in ("src", "srcset", "poster", *(("href",) if element.tag == f"{XHTML}link" else ())):
                assert not urlsplit(element.get(attribute, "")).netloc, name
    assert not re.search(r"url\(|@import", files["book.css"].decode())
    assert {Path(name).suffix for name in files} == {".xhtml", ".css", ".png", ".opf", ".xml", ""}


def test_every_formula_is_mathml(site, trees):
    total = 0
    for name in PAGES:
        found = list(trees[f"{name}.xhtml"].iter("{http://www.w3.org/1998/Math/MathML}math"))
        page = (site / f"{name}.html").read_text("utf-8")
        assert len(found) == len(re.findall(r'<(?:span|div) class="[^"]*\bmath notranslate', page)), name
        assert all(formula.get("alttext") and len(formula) for formula in found)
        left = re.search(r"\\[a-zA-Z(\[]|\$\S", "".join(texts(trees[f"{name}.xhtml"].find(f"{XHTML}body"))))
        assert not left, f"{name}: {left.group()}"
        total += len(found)
    assert total > 1000


def test_every_picture_is_there_described_and_light(site, files, trees):
    shown = set()
    for name, tree in trees.items():
        for picture in tree.iter(f"{XHTML}img"):
            source = from_page(name, picture.get("src"))
            assert files[source].startswith(b"\x89PNG") and len(picture.get("alt")) >= 20, f"{name}: {source}"
            shown.add(source)
    assert shown == {name for name in files if name.endswith(".png")}  # and nothing is carried for nobody
    assert not [name for name in shown if "dark-" in name]
    on_site = {path.stem for path in (site / "_images").glob("*.webp")}
    on_site = {name for name in on_site if not re.search("^dark-|-small$", name)}
    assert {Path(name).stem for name in shown} - {"cover"} == on_site


def test_what_folds_says_what_is_in_it(trees):
    summaries = [summary for tree in trees.values() for summary in tree.iter(f"{XHTML}summary")]
    assert len(summaries) > 150
    for summary in summaries:
        assert len(summary) == 0 and 3 < len(summary.text) < 80 and "Hide" not in summary.text


def test_a_page_is_made_fit_for_a_book_without_scripts():
    body = ebook.tidied('<p id="a" data-x="1">A&nbsp;b<svg><path /></svg> c</p><p id="a" lang="zh-Hans">d</p>'
                        r'<details><summary><p class="collapsed">Show</p><p>Hide</p></summary></details>'
                        r'<span class="math notranslate">\(v_t\)</span><dl><dd>x</dd></dl>', "a page")
    written = ebook.serialised(body)
    assert written.startswith('<body><p id="a">A\u00a0b c</p><p lang="zh-Hans" xml:lang="zh-Hans">d</p>')
    assert "<details><summary>Show</summary></details>" in written and "<div><div>x</div></div>" in written
    assert re.search(r'<span class="math"><math [^>]*alttext="v_t"><msub><mi>v</mi><mi>t</mi></msub></math>', written)
    with pytest.raises(ExtensionError, match="chapters/x: the formula .* cannot be set: Undefined control sequence"):
        ebook.tidied(r'<p class="math">\(\unheardof{x}\)</p>', "chapters/x")
    with pytest.raises(ExtensionError, match="chapters/x is no XML"):
        ebook.tidied("<p>a<br></p>", "chapters/x")


def test_a_table_of_equations_is_aligned_in_css_too():
    element = mathml(r"\begin{aligned} a &= b \\ c &= \frac{1}{2} \end{aligned}", display=True)
    assert element.get("display") == "block"
    sides = [cell.get("style").split(";")[0] for cell in element.iter("mtd")]
    assert sides == ["text-align: right", "text-align: left"] * 2
    assert not [name for part in element.iter() for name in part.attrib if name.startswith("data-")]


def test_the_same_files_are_the_same_bytes_and_an_interrupted_book_is_none(tmp_path, monkeypatch):
    first, second = tmp_path / "a.epub", tmp_path / "b.epub"
    ebook.write(first, {"b.css": b"1" * 100, "a.png": b"2"})
    monkeypatch.setattr(time, "time", lambda: 2e9)
    ebook.write(second, {"a.png": b"2", "b.css": b"1" * 100})
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(TypeError):
        ebook.write(first, {"a.png": b"3", "b.css": None})
    assert first.read_bytes() == second.read_bytes()
    mark = ROOT / "_static" / "mark.svg"
    assert ebook.cover("A title", "Somebody", mark) == ebook.cover("A title", "Somebody", mark)


# ---------------------------------------------------------------- the PDF

@pytest.fixture(scope="module")
def book(epub):
    """A book of two chapters and its contents."""
    made = print_book.Book(epub)
    made.pages = {name: made.pages[name] for name in ("contents.xhtml", "index.xhtml", f"{SHOWN}.xhtml")}
    return made


@pytest.fixture(scope="module")
def pdf(book, browser):
    return print_book.printed(browser, book, {})


def bookmarks(outline):
    for entry in outline:
        yield from bookmarks(entry) if isinstance(entry, list) else [entry.title]


def test_the_pdf_has_bookmarks_and_tells_its_pages(book, pdf):
    reader = PdfReader(io.BytesIO(pdf))
    titles = list(bookmarks(reader.outline))
    for name, body in book.pages.items():
        for heading in (*body.iter("h1"), *body.iter("h2")):
            assert ebook.text(heading) in [re.sub(r"\s+", " ", title) for title in titles], name
    assert reader.metadata.title == "How Adam works, and when to use it"
    assert reader.trailer["/Root"]["/Lang"] == "en" and reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    numbers = print_book.page_numbers(pdf)
    begins = numbers[print_book.place(f"{SHOWN}.xhtml")]
    words = reader.pages[begins - 1].extract_text().split()
    title = ebook.text(book.pages[f"{SHOWN}.xhtml"].find(".//h1"))
    assert title in " ".join(words) and str(begins) in (words[0], words[-1])
    assert f'{title}<span class="number">{begins}</span>' in print_book.joined(book, numbers)


def test_links_in_the_pdf_lead_to_a_page_of_it(book, pdf):
    reader, text = PdfReader(io.BytesIO(pdf)), print_book.joined(book, {})
    notes = [note.get_object() for page in reader.pages for note in page.get("/Annots", [])]
    followed = {str(note["/Dest"]).lstrip("/") for note in notes if "/Dest" in note} & set(print_book.page_numbers(pdf))
    there = {target for target in re.findall(r'href="#([^"]+)"', text) if f'id="{target}"' in text}
    assert followed == there and len(there) > 10
    assert {note["/A"]["/URI"] for note in notes if "/A" in note} >= set(re.findall(r'href="(https?:[^"]+)"', text))


def test_the_pdf_has_everything_that_the_pages_have(book, pdf):
    reader = PdfReader(io.BytesIO(pdf))
    pages = [page.extract_text() for page in reader.pages]
    drawn = [thing for page in reader.pages for thing in page["/Resources"].get("/XObject", {}).values()]
    pictures = {thing.idnum for thing in map(lambda thing: thing.get_object().indirect_reference, drawn)
                if thing.get_object()["/Subtype"] == "/Image"}
    assert len(pictures) == len({image.get("src") for body in book.pages.values() for image in body.iter("img")}) > 3
    assert all(len(text.split()) > 10 for text in pages)  # no page has its number alone
    text = "".join(pages)
    assert not re.search(r"\\(frac|beta|sqrt|begin)", text) and len(re.findall("[ηλ𝜂𝜆]", text)) > 10
    for page in reader.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            assert font["/Subtype"] == "/Type3" or {"/FontFile2", "/FontFile3"} & set(inner["/FontDescriptor"])


def test_a_page_that_asks_for_what_is_not_in_the_book_is_not_printed(book, browser):
    broken = SimpleNamespace(facts=book.facts, files=book.files, pages={"index.xhtml": ElementTree.fromstring(
        '<body><img src="https://example.org/a.png" alt="" /></body>')})
    with pytest.raises(RuntimeError, match="asks for .*a.png, which is not in it"):
        print_book.printed(browser, broken, {})


def test_print_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(print_book.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="make pdf needs Chromium or Chrome.*apt-get install chromium"):
        print_book.chromium()


def test_the_pdf_has_no_date_of_its_own():
    data = b"<</CreationDate (D:20260102030405+00'00')\n/ModDate (D:20260102030405+00'00')>> (D:20260102030405)"
    assert print_book.undated(data) == data.replace(b"Date (D:20260102030405", b"Date (D:19800101000000")


# ---------------------------------------------------------------- on the site

@pytest.fixture
def app(tmp_path):
    """As much of Sphinx as downloads needs: a book of one page, and an EPUB and a PDF that were made after it."""
    for name, when in {"page.md": 1000, "_build/epub/name.epub": 2000, "_build/pdf/name.pdf": 2000}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 1_600_000)
        os.utime(tmp_path / name, (when, when))
    (tmp_path / "_build" / "html").mkdir()
    config = SimpleNamespace(external_site_map=["page"], epub_basename="name", html_context={"kept": 1})
    return SimpleNamespace(srcdir=tmp_path, outdir=tmp_path / "_build" / "html", config=config,
                           builder=SimpleNamespace(name="html"))


def offered(app):
    downloads.offer(app, app.config)
    downloads.copy(app, None)
    menu = {"label": "download-buttons", "buttons": []}
    context = app.config.html_context | {"header_buttons": [menu], "pathto": lambda name, resource: f"../{name}"}
    downloads.add_buttons(app, "page", "page.html", context, None)
    assert app.config.html_context["kept"] == 1
    assert sorted(path.name for path in app.outdir.iterdir()) == sorted(button["url"][3:] for button in menu["buttons"])
    return {button["url"]: button["text"] for button in menu["buttons"]}


def test_the_site_links_the_pdf_and_the_epub_where_they_are(app):
    assert offered(app) == {"../name.pdf": "Whole book (.pdf, 2 MB)", "../name.epub": "Whole book (.epub, 2 MB)"}
    (app.srcdir / "_build" / "pdf" / "name.pdf").unlink()
    assert list(offered(app)) == ["../name.epub"]


def test_the_site_does_not_link_what_is_older_than_the_book(app):
    (app.srcdir / "optkit").mkdir()
    (app.srcdir / "optkit" / "rules.py").touch()
    assert offered(app) == {}


def test_without_them_the_site_has_no_link(site):
    for page in site.rglob("*.html"):
        assert "download-book-" not in page.read_text("utf-8")

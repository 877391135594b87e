"""Print the EPUB of the whole book as a PDF, with the Chromium of this machine: make pdf.

    python tools/print_book.py _build/epub/how-adam-works.epub _build/pdf/how-adam-works.pdf

The pages of the EPUB become one, whose formulas MathJax sets as on the site. It is printed twice: the first time tells
on which page a chapter begins, the second time the table of contents says so. Nothing is asked of another host.
"""

import argparse
import io
import os
import posixpath
import re
import shutil
import sys
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree
from zipfile import ZipFile

import matplotlib
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_extensions"))

from mathml import mathjax_folder  # noqa: E402

ADDRESS = "http://book.invalid/"  # answered here, by answer_all
STYLE, MARK = ROOT / "tools" / "print.css", ROOT / "_static" / "mark.svg"
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # STIX and DejaVu: the same on every machine
CHROMIUM = ("chromium", "chromium-browser", "google-chrome",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium")
CHINESE = re.compile("[\u4e00-\u9fff]")
TYPES = {".css": "text/css", ".js": "text/javascript", ".png": "image/png", ".svg": "image/svg+xml",
         ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".ttf": "font/ttf", ".woff": "font/woff"}
FORMULA = '<span class="formula">'
UNNUMBERED = "000"  # as wide as the numbers that replace it, so that nothing moves

HEAD = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="book.css">
<link rel="stylesheet" href="print.css">
<script>MathJax = {{options: {{enableMenu: false, menuOptions: {{settings: {{assistiveMml: false}}}}}}}}</script>
<script src="mathjax/tex-chtml.js"></script>
</head>
<body>
<header>
<img src="mark.svg" alt="">
<p class="title">{title}</p>
<p>{creator}</p>
<p class="rights">{rights}</p>
</header>
"""


class Book:
    """What is in an EPUB: facts about it, and its pages in the order in which they are read."""

    def __init__(self, path):
        with ZipFile(path) as book:
            self.files = {name: book.read(name) for name in book.namelist()}
        package = parsed(self.files["book.opf"])
        self.facts = {name: package.find(f".//{name}").text for name in ("title", "language", "creator", "rights")}
        places = {item.get("id"): item.get("href") for item in package.iter("item")}
        names = [places[item.get("idref")] for item in package.iter("itemref")]
        self.pages = {name: parsed(self.files[name]).find("body") for name in names}
        del self.pages["cover.xhtml"]  # the first page of the PDF is made of words


def parsed(data):
    """XML without its namespaces."""
    text = re.sub(r'\sxmlns(?::\w+)?="[^"]*"', "", data.decode("utf-8"))
    return ElementTree.fromstring(re.sub(r"(<|</|\s)(?:dc|epub):", r"\1", text).encode())


# ---------------------------------------------------------------- one page of all

def place(name, fragment=""):
    """The id, in the one page, of what a page of the EPUB is or has."""
    return name.removesuffix(".xhtml").replace("/", "-") + (f"--{fragment}" if fragment else "")


def joined(book, numbers):
    """The one page as HTML; `numbers` says on which page of the PDF an id is."""
    text = HEAD.format(**{name: escape(value) for name, value in book.facts.items()})
    for name, body in book.pages.items():
        chapter = ElementTree.fromstring(ElementTree.tostring(body))  # a copy
        chapter.tag, chapter.attrib = "main", {"id": place(name)}
        for element in list(chapter.iter()):
            adapt(element, name, book.pages)
        for link in chapter.findall(".//nav//a") if name == "contents.xhtml" else []:
            number = ElementTree.SubElement(link, "span", {"class": "number"})
            number.text = str(numbers.get(link.get("href")[1:], UNNUMBERED))
        text += ElementTree.tostring(chapter, encoding="unicode", method="html") + "\n"
    return text + "</body>\n</html>\n"


def adapt(element, name, pages):
    """What is different in print: one page, TeX for MathJax, nothing folded."""
    folder = posixpath.dirname(name)
    if "id" in element.attrib and element.tag != "main":
        element.set("id", place(name, element.get("id")))
    if element.tag == "img":
        element.set("src", posixpath.normpath(posixpath.join(folder, element.get("src"))))
    elif element.tag == "a" and not urlsplit(element.get("href", "")).scheme:
        parts = urlsplit(element.get("href", ""))
        target = posixpath.normpath(posixpath.join(folder, unquote(parts.path))) if parts.path else name
        element.set("href", "#" + place(target, unquote(parts.fragment)))
    elif element.tag == "details":
        element.tag = "div"
        element.set("class", element.get("class", "") + " folded")
    elif element.tag == "summary":
        element.tag, element.attrib = "p", {"class": "summary"}
        element.text = re.sub(r"^Show (\w)", lambda match: match[1].upper(), element.text)
    elif element.find("math") is not None:
        set_tex(element)


def set_tex(element):
    for formula in element.findall("math"):
        left, right = (r"\[", r"\]") if formula.get("display") == "block" else (r"\(", r"\)")
        tex, tail = formula.get("alttext"), formula.tail
        formula.clear()
        formula.tag, formula.attrib = "span", {"class": "formula"}
        formula.text, formula.tail = left + tex + right, tail


# ---------------------------------------------------------------- print it

def chromium():
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not found:
        sys.exit("make pdf needs Chromium or Chrome, and none is on this machine: apt-get install chromium, or\n"
                 "brew install --cask chromium. make epub needs neither.")
    return found


def answer_all(page, book, text):
    """Answer what the page asks for from the EPUB, MathJax, the fonts and tools/; refuse everything else."""
    folders = {"mathjax": mathjax_folder(), "fonts": FONTS}
    own = {"": ("text/html", text.encode()), "print.css": ("text/css", STYLE.read_bytes()),
           "mark.svg": ("image/svg+xml", MARK.read_bytes())}

    def answer(route):
        name = unquote(route.request.url).removeprefix(ADDRESS)
        folder, _, rest = name.partition("/")
        if name in own:
            kind, data = own[name]
        elif name in book.files:
            kind, data = TYPES[Path(name).suffix], book.files[name]
        elif folder in folders and (folders[folder] / rest).is_file():
            kind, data = TYPES[Path(name).suffix], (folders[folder] / rest).read_bytes()
        else:
            return route.abort()
        route.fulfill(status=200, content_type=f"{kind}; charset=utf-8", body=data)
    page.route("**/*", answer)


def printed(browser, book, numbers):
    """The bytes of a PDF."""
    page, failed = browser.new_page(), []
    page.on("requestfailed", lambda request: failed.append(request.url))
    text = joined(book, numbers)
    answer_all(page, book, text)
    page.goto(ADDRESS)
    page.evaluate("MathJax.startup.promise.then(() => document.fonts.ready).then(() => undefined)")
    if failed:
        raise RuntimeError(f"the book asks for {', '.join(failed)}, which is not in it")
    if problem := page.evaluate("document.querySelector('mjx-merror')?.textContent"):
        raise RuntimeError(f"a formula cannot be set: {problem}")
    if (found := page.locator("mjx-container").count()) != (formulas := text.count(FORMULA)):
        raise RuntimeError(f"of {formulas} formulas {found} are set")
    characters = sorted(set(CHINESE.findall(text)))[:2]
    if len(characters) == 2 and page.evaluate(SAME, characters):
        sys.exit(f"No font on this machine has the Chinese characters of the glossary, such as {characters[0]}:\n"
                 "apt-get install fonts-noto-cjk")
    data = page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    page.close()
    return data


# Whether two characters look alike: both are then the box that stands for what no font has.
SAME = """characters => {
  const drawn = characters.map(character => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 40, height: 40});
    const context = canvas.getContext('2d');
    context.font = '30px serif';
    context.fillText(character, 2, 32);
    return canvas.toDataURL();
  });
  return drawn[0] === drawn[1];
}"""


def page_numbers(data):
    """From each id that is linked to the number of its page."""
    reader = PdfReader(io.BytesIO(data))
    return {name.lstrip("/"): reader.get_destination_page_number(target) + 1
            for name, target in reader.named_destinations.items()}


def undated(data):
    """Without the time of printing, which two fixed dates of the same length replace: same book, same bytes."""
    return re.sub(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}", rb"\g<1>19800101000000", data)


def print_book(source, target):
    book = Book(source)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        data = printed(browser, book, page_numbers(printed(browser, book, {})))
        browser.close()
    target.parent.mkdir(parents=True, exist_ok=True)
    beginning = target.with_suffix(".part")
    beginning.write_bytes(undated(data))
    os.replace(beginning, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the EPUB")
    parser.add_argument("target", type=Path, help="the PDF to be written")
    given = parser.parse_args()
    print_book(given.source, given.target)
    print(f"{given.target} is written.")

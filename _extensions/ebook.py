"""The whole book as an EPUB, which `make pdf` prints too.

The builder ``epub`` of Sphinx, of which this one takes the links between the pages, leaves formulas as TeX, adds the
scripts and styles of the site, and packs with the time of day. Here each page is gone through as XML: formulas become
MathML (mathml.py), what only a script or the site's style gives a meaning goes, and what folds says what is in it. Then
the pages, their pictures, one style sheet, a cover and a table of contents are packed, with fixed dates, whole or not
at all. ``epub_basename``, ``epub_identifier`` and ``version`` are set in _config.yml.
"""

import io
import os
import re
import subprocess
import textwrap
from html import escape, unescape
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from addresses import BLUE, ORANGE, description, plain
from matplotlib.figure import Figure
from mathml import mathml
from pygments.formatters import HtmlFormatter
from sphinx.addnodes import toctree
from sphinx.builders.epub3 import Epub3Builder
from sphinx.errors import ExtensionError

STYLE = Path(__file__).with_name("ebook.css")
PYGMENTS = "a11y-high-contrast-light"  # as on the site
NAMED = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;)\w+;")  # what HTML names and XML does not
DROPPED = {"svg", "script", "style"}
UNCLASSED = {"tex2jax_ignore", "mathjax_ignore", "notranslate", "nohighlight", "docutils", "container"}
TYPES = {".xhtml": "application/xhtml+xml", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml",
         ".gif": "image/gif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
      lang="{language}" xml:lang="{language}">
<head>
<meta charset="utf-8" />
<title>{title}</title>
<link rel="stylesheet" type="text/css" href="{up}book.css" />
</head>
{body}
</html>
"""
COVER = '<body class="cover"><img src="cover.png" alt="The cover: {title}, by {author}" /></body>'
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml" /></rootfiles>
</container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="identifier" xml:lang="{language}">
  <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:identifier id="identifier">{identifier}</dc:identifier>
    <dc:title>{title}</dc:title>
    <dc:language>{language}</dc:language>
    <dc:creator>{author}</dc:creator>
    <dc:description>{description}</dc:description>
    <dc:rights>Text and figures © {copyright} {author}, CC BY 4.0. Code: MIT.</dc:rights>
    <meta property="dcterms:modified">{modified}</meta>
  </metadata>
  <manifest>
{manifest}
  </manifest>
  <spine>
{spine}
  </spine>
</package>
"""


# ---------------------------------------------------------------- a page

def tidied(body, name):
    """The body of a page as an element, for a book without scripts."""
    try:
        body = ElementTree.fromstring(f"<body>{NAMED.sub(lambda match: unescape(match.group()), body)}</body>")
    except ElementTree.ParseError as problem:
        raise ExtensionError(f"{name} is no XML, which a page of an EPUB must be: {problem}") from problem
    for parent in list(body.iter()):
        for child in list(parent):
            if child.tag in DROPPED:
                remove(parent, child)
        if "math" in classes(parent):
            set_formula(parent, name)
        if parent.tag == "summary":
            set_summary(parent)
        if parent.tag == "dl" and len(parent) and parent[0].tag == "dd":  # a signature on several lines
            for element in (parent, *parent):
                element.tag = "div"
    seen = set()
    for element in body.iter():
        if element.get("id") in seen:
            del element.attrib["id"]  # sphinx-exercise gives every exercise the same
        seen |= {element.get("id")} - {None}
        for attribute in [name for name in element.attrib if name.startswith("data-") or name == "role"]:
            del element.attrib[attribute]
        if "class" in element.attrib:
            element.set("class", " ".join(word for word in classes(element) if word not in UNCLASSED))
        if "lang" in element.attrib:
            element.set("xml:lang", element.get("lang"))
    return body


def classes(element):
    return element.get("class", "").split()


def remove(parent, child):
    """Take an element out, but not the text after it."""
    before = list(parent).index(child)
    if before:
        parent[before - 1].tail = (parent[before - 1].tail or "") + (child.tail or "")
    else:
        parent.text = (parent.text or "") + (child.tail or "")
    parent.remove(child)


def set_formula(element, name):
    """MathML in place of what MathJax would find in a page of the site."""
    if len(element):
        raise ExtensionError(f"{name}: a formula has a number or a link in it, which ebook.py does not expect")
    tex = re.fullmatch(r"\s*(?:\\\((.*)\\\)|\\\[(.*)\\\]|(.*))\s*", element.text, re.DOTALL)
    try:
        element[:] = [mathml(next(filter(None, tex.groups())), display=tex[1] is None)]
    except ValueError as problem:
        raise ExtensionError(f"{name}: {problem}") from problem
    element.text = None
    element.set("class", "math")


def set_summary(element):
    """What is folded, in words: not what folds and unfolds it."""
    words = next((part.text for part in element.iter() if "collapsed" in classes(part)), None) or text(element)
    element[:], element.text, element.attrib = [], words.strip(), {}


def text(element):
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def serialised(element):
    return ElementTree.tostring(element, encoding="unicode", short_empty_elements=True)


# ---------------------------------------------------------------- the book

class EBook(Epub3Builder):
    allow_parallel = False  # the pages are kept in this process
    math_renderer_name = "mathjax"  # whose marks set_formula looks for

    def init(self):
        super().init()
        self.pages = {}

    def get_outdated_docs(self):
        return self.env.found_docs

    def handle_page(self, pagename, addctx, *others, **more):
        if pagename in self.env.found_docs:
            self.pages[pagename] = plain(addctx["title"]), tidied(addctx["body"], pagename)

    def add_visible_links(self, *others):
        pass  # a link is one; the bibliography has its addresses in words

    def copy_assets(self):
        (Path(self.outdir) / "_static").mkdir(parents=True, exist_ok=True)  # myst-nb writes into it

    def finish(self):
        write(Path(self.outdir) / f"{self.config.epub_basename}.epub", files(self))


def files(builder):
    """From the name of each file of the book to its bytes."""
    config, parts = builder.config, list(in_parts(builder.env))
    names = [name for _, pages in parts for name in pages]
    facts = {"title": escape(config.html_title), "author": escape(config.author), "language": config.language or "en"}

    def page(name, title, body):
        return PAGE.format(title=escape(title), body=body, up="../" * name.count("/"), language=facts["language"])

    made = {"cover.png": cover(config.html_title, config.author, Path(builder.srcdir) / "_static" / "mark.svg"),
            "book.css": STYLE.read_text("utf-8") + HtmlFormatter(style=PYGMENTS).get_style_defs(".highlight"),
            "cover.xhtml": page("", config.html_title, COVER.format(**facts)),
            "contents.xhtml": page("", "Contents", contents(parts, builder.pages))}
    made |= {f"{name}.xhtml": page(name, builder.pages[name][0], serialised(builder.pages[name][1])) for name in names}
    made |= {f"_images/{name}": (Path(builder.srcdir) / source).read_bytes() for source, name in builder.images.items()}
    made["book.opf"] = package(made, ["cover", "contents", *names], facts | {
        "identifier": escape(config.epub_identifier), "copyright": escape(config.copyright),
        "description": escape(description(builder.env.get_doctree(config.root_doc), 400)),
        "modified": modified(builder.srcdir, config.copyright)})
    made["META-INF/container.xml"] = CONTAINER
    return {name: data.encode() if isinstance(data, str) else data for name, data in made.items()}


def in_parts(env):
    """Each part's name and its pages, in the order of the book; the first page is a part without a name."""
    root = env.config.root_doc
    yield None, [root]
    for part in env.get_doctree(root).findall(toctree):
        yield part.get("caption"), [name for entry in part["includefiles"] for name in with_children(env, entry)]


def with_children(env, name):
    yield name
    for child in env.toctree_includes.get(name, []):
        yield from with_children(env, child)


def contents(parts, pages):
    """The page of contents: parts, their chapters, and the sections of these."""
    def item(name):
        title, body = pages[name]
        sections = "".join(f'<li><a href="{name}.xhtml#{section.get("id")}">{escape(text(section.find("h2")))}</a></li>'
                           for section in body.iter("section") if section.find("h2") is not None)
        sections = f"<ol>{sections}</ol>" if sections else ""
        return f'<li><a href="{name}.xhtml">{escape(title)}</a>{sections}</li>\n'

    items = ""
    for part, names in parts:
        inside = "".join(map(item, names))
        items += f'<li class="part"><span>{escape(part)}</span>\n<ol>\n{inside}</ol></li>\n' if part else inside
    return f'<body><nav epub:type="toc" class="toc"><h1>Contents</h1>\n<ol>\n{items}</ol></nav></body>'


def package(made, order, facts):
    """The list of what is in the book, and in which order it is read."""
    def properties(name):
        found = {"cover.png": "cover-image", "contents.xhtml": "nav"}.get(name, "")
        return found or ("mathml" if name.endswith(".xhtml") and "<math " in made[name] else "")

    identifiers = {name: f"file-{place}" for place, name in enumerate(sorted(made))}
    manifest = [f'    <item id="{identifiers[name]}" href="{name}" media-type="{TYPES[Path(name).suffix]}"'
                + (f' properties="{properties(name)}"' if properties(name) else "") + " />" for name in sorted(made)]
    spine = [f'    <itemref idref="{identifiers[f"{name}.xhtml"]}" />' for name in order]
    return PACKAGE.format(manifest="\n".join(manifest), spine="\n".join(spine), **facts)


def modified(folder, year):
    """When the book was last changed: its newest commit, or the year of its copyright where there is no repository."""
    command = ["git", "log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd"]
    try:
        found = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"TZ": "UTC"})
    except FileNotFoundError:
        return f"{year}-01-01T00:00:00Z"
    return found.stdout.strip() or f"{year}-01-01T00:00:00Z"


def cover(title, author, mark):
    """The cover, a picture of 1600 x 2400 pixels: the mark, the title, the author."""
    figure = Figure(figsize=(8, 12), dpi=200, facecolor=BLUE)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 800), ylim=(1200, 0))
    axes.axis("off")
    corners = re.search(r'points="([^"]+)"', mark.read_text("utf-8")).group(1)
    points = [[float(value) for value in pair.split(",")] for pair in corners.split()]
    across, down = [180 + 7 * x for x, _ in points], [140 + 7 * y for _, y in points]
    axes.plot(across, down, color="white", linewidth=24, solid_joinstyle="round", solid_capstyle="round")
    axes.plot(across[-1], down[-1], "o", color=ORANGE, markersize=52)
    axes.text(90, 690, "\n".join(textwrap.wrap(title, 18)), color="white", fontsize=46, weight="bold", va="top",
              linespacing=1.3, parse_math=False)
    axes.text(90, 1110, author, color=ORANGE, fontsize=24, parse_math=False)
    written = io.BytesIO()
    figure.savefig(written, metadata={"Software": None})
    return written.getvalue()


def write(path, made):
    """Pack the files, the one that says what this is first and uncompressed; whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beginning = path.with_suffix(".part")
    with ZipFile(beginning, "w") as book:
        book.writestr(ZipInfo("mimetype"), "application/epub+zip", ZIP_STORED)
        for name in sorted(made):
            stored = name.endswith(".png")  # compressed already
            book.writestr(ZipInfo(name), made[name], ZIP_STORED if stored else ZIP_DEFLATED)
    os.replace(beginning, path)


def setup(app):
    app.add_builder(EBook, override=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

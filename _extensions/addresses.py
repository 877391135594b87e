"""All that needs an address, from two settings of _config.yml, which may both be empty:

- html.baseurl, where the site is read: canonical links (Sphinx makes them), sitemap.xml, and the picture and the
  address in the card that others show when they link to a page. The card's words need no address.
- repository.url, where the source lies: the repository, edit, issue and launch buttons.

While a setting is empty, none of what needs it is shown. There are extensions for sitemap and cards, but without an
address the one warns and the other writes relative addresses where absolute ones must stand.
"""

import re
import textwrap
from html import escape, unescape
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import escape as xml_escape

from docutils import nodes
from matplotlib.figure import Figure
from sphinx.errors import ConfigError

BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")
# Binder makes the environment that .binder says. Colab would open a notebook without optkit, the data and the lock
# beside it, so its first cell would fail: it gets no button.
BINDER = {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"}
TOO_LARGE = {"chapters/08-fair-comparison"}  # takes 2.5 GB to run, where Binder gives 2
BLUE, ORANGE = "#1b4f8f", "#ffb454"  # as in _static/mark.svg


def checked(setting, address):
    """The address without spaces and with one slash at its end; ConfigError if it is none."""
    address = (address or "").strip()
    if not address:
        return ""
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.netloc or parts.query or parts.fragment:
        raise ConfigError(f"{setting} is {address!r}: neither empty nor an address like https://example.org/book/")
    return address.rstrip("/") + "/"


def settle(app, config):
    """The two settings decide what the theme shows."""
    config.html_baseurl = checked("html.baseurl", config.html_baseurl)
    options = config.html_theme_options
    repository = checked("repository.url", options.get("repository_url"))
    options["repository_url"] = repository.rstrip("/")
    options.update(dict.fromkeys(BUTTONS, bool(repository)))
    options["launch_buttons"] = dict(BINDER) if repository else {}


def leave_out_launch(app, pagename, templatename, context, doctree):
    """No launch button where Binder's memory does not suffice."""
    if pagename in TOO_LARGE:
        buttons = context["header_buttons"]
        buttons[:] = [button for button in buttons if button.get("label") != "launch-buttons"]


def description(doctree, length=200):
    """The first paragraph of words alone, but for the line that says how long a chapter takes; cut where a word ends."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = re.sub(r"\s+", " ", paragraph.astext()).strip()
        own = isinstance(paragraph.parent, nodes.section) and not next(paragraph.findall(nodes.math), None)
        if own and len(text) > 50 and not text.startswith("Understand takes"):
            return textwrap.shorten(text, length, placeholder=" …")
    return ""


def plain(title):
    return unescape(re.sub(r"<[^>]+>", "", title)).strip()


def even_lines(text, width):
    """As few lines as it takes, and no longer than so many take: no word is left alone on the last."""
    lines = textwrap.wrap(text, width)
    while width > 1 and len(narrower := textwrap.wrap(text, width := width - 1)) == len(lines):
        lines = narrower
    return lines


def draw_card(path, title, book, mark):
    """A picture of 1200 x 630 pixels, which is what those who show cards ask for: the mark, the book, and the title, so
    large that it can be read where the card is shown at a third of its size."""
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor=BLUE)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 1200), ylim=(630, 0))
    axes.axis("off")
    corners = re.search(r'points="([^"]+)"', mark.read_text("utf-8")).group(1)
    points = [[float(value) for value in pair.split(",")] for pair in corners.split()]
    left, top, size = 70, 55, 2  # of the mark's own 64 units
    axes.plot([left + size * x for x, _ in points], [top + size * y for _, y in points], color="white", linewidth=8,
              solid_joinstyle="round", solid_capstyle="round")
    axes.plot(left + size * points[-1][0], top + size * points[-1][1], "o", color=ORANGE, markersize=19)
    if title != book:
        axes.text(205, 121, book, color=ORANGE, fontsize=25, va="center", parse_math=False)
    axes.text(90, 385, "\n".join(even_lines(title, 27)[:5]), color="white", fontsize=42, weight="bold", va="center",
              linespacing=1.3, parse_math=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def card_tags(title, book, words, address="", picture=""):
    """The meta elements of a card; those with an address only where there is one."""
    properties = {"og:type": "article", "og:site_name": book, "og:title": title, "og:description": words,
                  "og:url": address, "og:image": picture}
    if picture:
        properties |= {"og:image:width": "1200", "og:image:height": "630", "og:image:alt": title}
    named = {"description": words, "twitter:card": "summary_large_image" if picture else ""}
    tags = [("property", name, value) for name, value in properties.items()]
    tags += [("name", name, value) for name, value in named.items()]
    return "".join(f'<meta {kind}="{name}" content="{escape(value)}" />\n' for kind, name, value in tags if value)


def add_card(app, pagename, templatename, context, doctree):
    if doctree is None or app.builder.name not in ("html", "dirhtml"):
        return
    title, book = plain(context["title"]), plain(app.config.html_title)
    picture, site = "", app.config.html_baseurl
    if site:
        name = f"_cards/{pagename}.png"
        draw_card(Path(app.outdir) / name, title, book, Path(app.srcdir) / "_static" / "mark.svg")
        picture = site + name
    context["metatags"] = context.get("metatags", "") + card_tags(
        title, book, description(doctree), context.get("pageurl") or "", picture)


def sitemap(addresses):
    lines = "".join(f"  <url><loc>{xml_escape(address)}</loc></url>\n" for address in addresses)
    return ('<?xml version="1.0" encoding="utf-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{lines}</urlset>\n')


def write_sitemap(app, exception):
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    file, site = Path(app.outdir) / "sitemap.xml", app.config.html_baseurl
    file.unlink(missing_ok=True)
    if site:
        pages = [site + app.builder.get_target_uri(name) for name in sorted(app.env.found_docs)]
        file.write_text(sitemap(pages), "utf-8")


def setup(app):
    app.connect("config-inited", settle)
    app.connect("html-page-context", add_card)
    app.connect("html-page-context", leave_out_launch, priority=900)  # once the theme has put it in
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""404.html, which a server shows at any address it does not know, also deep in the tree.

The page is made like every other, with addresses relative to the top of the site; <base> says where the top is:
the path of html.baseurl, or / while that is empty. An address within the page (#main-content) would lead from a
<base> to the home page, so it names the page too.
"""

import re
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

BODY = """<section id="not-found">
<h1>This page is not here</h1>
<p>The address may be mistyped, or the page has another name now.</p>
<ul>
<li><a href="index.html">Begin at the beginning</a></li>
<li><a href="search.html">Search the book</a></li>
</ul>
</section>"""


def page(app):
    if app.builder.name == "html":
        yield "404", {"title": "This page is not here", "body": BODY}, "page.html"


def add_base(app, pagename, templatename, context, doctree):
    if pagename == "404" and app.builder.name == "html":
        top = (urlsplit(app.config.html_baseurl or "").path or "/").rstrip("/") + "/"
        context["metatags"] = f'<base href="{escape(top)}" />\n' + context.get("metatags", "")
        context["pageurl"] = None  # no address is its own


def anchored(html):
    """Addresses within the page with its name before them."""
    return re.sub(r'\bhref="#', 'href="404.html#', html)


def anchor(app, exception):
    file = Path(app.outdir) / "404.html"
    if exception is None and app.builder.name == "html" and file.exists():
        file.write_text(anchored(file.read_text("utf-8")), "utf-8")


def setup(app):
    app.connect("html-collect-pages", page)
    app.connect("html-page-context", add_base, priority=950)  # first in the head: after closed_pages
    app.connect("build-finished", anchor)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Pages that a screen reader finds its way in: what the theme and Sphinx write otherwise is mended here.

- The side bar, with the name of the book and the search, is a part of the page that can be jumped to.
- The entries of the bibliography are the items of a list; their own role is no longer in the standard.
- The arguments of a signature are a list: <dl> must have terms, and theirs has none.
- The switch of a folded cell, and the button of the search, are called what is written on them.
"""

import re
from pathlib import Path

SIDE_BAR = '<div id="pst-primary-sidebar" class="'
ARGUMENTS = re.compile(r"<dl>\s*((?:<dd>(?:(?!<dl|<dt|<dd).)*</dd>\s*)+)</dl>", re.DOTALL)
SEARCH_BUTTON = re.compile(r'(<button class="[^"]*\bsearch-button-field\b[^>]*?) aria-label="[^"]*"')


def mended(page):
    page = page.replace(SIDE_BAR, SIDE_BAR.replace("<div", '<div role="navigation" aria-label="Book"'))
    page = page.replace(' role="doc-biblioentry"', ' role="listitem"')
    page = page.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    page = SEARCH_BUTTON.sub(r"\1", page)
    return ARGUMENTS.sub(lambda match: "<ul>\n" + re.sub(r"<(/?)dd>", r"<\1li>", match.group(1)) + "</ul>", page)


def mend_all(app, exception):
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    for file in sorted(Path(app.outdir).rglob("*.html")):
        before = file.read_text("utf-8")
        after = mended(before)
        if after != before:
            file.write_text(after, "utf-8")


def setup(app):
    app.connect("build-finished", mend_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

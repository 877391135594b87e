"""The PDF and the EPUB of the whole book in the download menu of each page, exactly when they are there.

`make pdf` and `make epub` leave them in _build; the next `make book` puts copies beside the pages and links to them.
One that is older than what the book is made of is not offered, and the build says so.
"""

import os
import shutil
from pathlib import Path

from sphinx.util import logging

ICONS = {"pdf": "fas fa-file-pdf", "epub": "fas fa-book"}
BESIDES = ("_config.yml", "references.bib", "requirements.lock", "optkit", "data")

logger = logging.getLogger(__name__)


def newest(config, root):
    """The file, of those that the book is made of, that was changed last."""
    pages = [root / f"{name}{suffix}" for name in config.external_site_map for suffix in (".ipynb", ".md")]
    inside = [path for name in BESIDES for path in [root / name, *(root / name).rglob("*")]]
    files = [path for path in pages + inside if path.is_file() and "__pycache__" not in path.parts]
    return max(files, key=lambda path: path.stat().st_mtime)


def offer(app, config):
    """Put into the context of each page, and so into what decides whether a page is written anew, what there is."""
    last, books = newest(config, Path(app.srcdir)), {}
    for kind in ICONS:
        path = made(app, kind)
        if path.is_file() and path.stat().st_mtime < last.stat().st_mtime:
            since = last.relative_to(app.srcdir)
            logger.info(f"{path.name} is older than {since}, so the site does not offer it: make {kind}")
        elif path.is_file():
            books[kind] = f"{max(1, round(path.stat().st_size / 1e6))} MB"
    config.html_context = (config.html_context or {}) | {"whole_books": books}


def made(app, kind):
    return Path(app.outdir).parent / kind / f"{app.config.epub_basename}.{kind}"


def add_buttons(app, pagename, templatename, context, doctree):
    for menu in context.get("header_buttons", []):
        for kind, size in context["whole_books"].items() if menu.get("label") == "download-buttons" else ():
            menu["buttons"].append({
                "type": "link", "url": context["pathto"](f"{app.config.epub_basename}.{kind}", 1), "icon": ICONS[kind],
                "text": f"Whole book (.{kind}, {size})", "tooltip": "Download the whole book",
                "label": f"download-book-{kind}"})


def copy(app, exception):
    if exception is not None or app.builder.name != "html":
        return
    for kind in ICONS:
        source, target = made(app, kind), Path(app.outdir) / f"{app.config.epub_basename}.{kind}"
        if kind in app.config.html_context["whole_books"]:
            beginning = target.with_suffix(".part")
            shutil.copyfile(source, beginning)
            os.replace(beginning, target)
        else:
            target.unlink(missing_ok=True)


def setup(app):
    app.connect("config-inited", offer, priority=950)  # once sphinx-external-toc has read _toc.yml
    app.connect("html-page-context", add_buttons, priority=600)  # once the theme has made its menus
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

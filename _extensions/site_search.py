"""A search that finds every definition and shows the lines around what it found; for the lines see _static/search.js.

Sphinx writes the entries of the glossary and of the API into the search index only together with their pages. A build
that takes these pages over from the one before loses the entries, so they are written again whenever any page is.
"""


def pages_with_entries(app, env):
    if app.builder.name in ("html", "dirhtml"):
        return [name for name, entries in env.get_domain("index").entries.items() if entries]
    return []


def add_script(app, pagename, templatename, context, doctree):
    if pagename == "search":
        app.add_js_file("search.js", loading_method="defer")  # after the theme's own, which it mends


def setup(app):
    app.connect("env-updated", pages_with_entries)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Pages that ask nothing of another host, and may not.

A content-security policy in every page has the browser refuse each address outside the site. What is written into
the page itself stays allowed ('unsafe-inline', data:), because the theme and MathJax need it. sphinx-thebe is left
out: it would run cells on a machine of somebody else, no page uses it, and Jupyter Book declares it twice, which
every browser reports as an error.
"""

POLICY = ("default-src 'self' file: data: blob: 'unsafe-inline'; "  # file: where a page is opened on disk
          "object-src 'none'; base-uri 'self'; form-action 'self' file:")
META = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />\n'


def without_thebe(files):
    """The scripts or the style sheets of a page, each once and none of sphinx-thebe."""
    kept = {}
    for file in files:
        name, body = str(getattr(file, "filename", None) or ""), getattr(file, "attributes", {}).get("body", "")
        if "thebe" not in name and "THEBE" not in body:
            kept.setdefault((name, body) if name or body else id(file), file)
    return list(kept.values())


def close(app, pagename, templatename, context, doctree):
    if app.builder.format != "html" or app.builder.name == "epub":
        return
    context["metatags"] = META + context.get("metatags", "")
    context["script_files"] = without_thebe(context["script_files"])
    context["css_files"] = without_thebe(context["css_files"])


def setup(app):
    app.connect("html-page-context", close, priority=900)  # once every other extension has added what it needs
    return {"parallel_read_safe": True, "parallel_write_safe": True}

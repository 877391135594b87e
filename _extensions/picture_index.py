"""A list of links inside a container of the class ``picture-index`` shows, above each link, the first picture of the
section that it leads to: the index of a page is then made of the page's own pictures, and never older than they are.
Without this extension, or in Jupyter, it is a list of links."""

from docutils import nodes


def fill(doctree):
    """Put the pictures in, in place; ValueError names a link whose section has none."""
    sections = {name: section for section in doctree.findall(nodes.section) for name in section["ids"]}
    for index in doctree.findall(lambda node: isinstance(node, nodes.container) and "picture-index" in node["classes"]):
        for link in index.findall(nodes.reference):
            section = sections.get(link.get("refid") or link.get("refuri", "").lstrip("#"))
            picture = next(section.findall(nodes.image), None) if section else None
            if picture is None:
                raise ValueError(f"the section of {link.astext()!r} has no picture for the index")
            link.insert(0, picture.deepcopy())


def setup(app):
    app.connect("doctree-read", lambda app, doctree: fill(doctree))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

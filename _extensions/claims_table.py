"""The table of claims, made from the verdicts that the notebooks store in their outputs.

On a page, ```` ```{claims} ```` is the table of all claims, and ```` ```{claims} C01 C21 ```` of these, in this order.
``{claims-count}`` says in a paragraph how many came out how. Nothing is typed by hand: a verdict is read from the
output of its cell, where ``optkit.claims`` leaves it, and links there; a claim without one reads "pending".
"""

import json
from collections import Counter
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.errors import ExtensionError

from optkit.claims import CLAIMS, KEY, VERDICTS, anchor

CHAPTERS = "chapters"
WORDS = {"holds": "Holds", "holds when": "holds under a condition"}


def verdicts(root):
    """From the id of each claim that has been judged to its data, with the page that judged it as "page"."""
    found = {}
    for path in sorted((Path(root) / CHAPTERS).glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                data = output.get("metadata", {}).get(KEY)
                if data is None:
                    continue
                if data["id"] in found:
                    raise ExtensionError(f"{data['id']} is judged twice, in {found[data['id']]['page']} and in "
                                         f"{CHAPTERS}/{path.stem}")
                found[data["id"]] = data | {"page": f"{CHAPTERS}/{path.stem}"}
    return found


class Unlinked(nodes.reference):
    """A link to a cell of a page, whose address the builder knows once all pages are read."""


class Claims(Directive):
    optional_arguments = len(CLAIMS)

    def run(self):
        judged = _read(self.state.document.settings.env)
        if unknown := [name for name in self.arguments if name not in CLAIMS]:
            raise self.error(f"{unknown[0]} is not a claim; there are {', '.join(CLAIMS)}")
        head = nodes.row("", *[nodes.entry("", nodes.paragraph(text=text))
                               for text in ("The claim", "Verdict", "What came out")])
        body = nodes.tbody("", *[_row(name, judged.get(name)) for name in self.arguments or CLAIMS])
        columns = [nodes.colspec(colwidth=width) for width in (36, 20, 44)]
        return [nodes.table("", nodes.tgroup("", *columns, nodes.thead("", head), body, cols=3), classes=["claims"])]


class ClaimsCount(Directive):
    def run(self):
        judged = _read(self.state.document.settings.env)
        kinds = Counter("holds when" if data["verdict"].startswith("holds when") else data["verdict"]
                        for data in judged.values())
        kinds["pending"] = len(CLAIMS) - len(judged)
        order = ("holds", "holds when", *[verdict for verdict in VERDICTS if verdict != "holds"], "pending")
        counted = [f"{WORDS.get(kind, kind)}: {kinds[kind]}" for kind in order if kinds[kind]]
        return [nodes.paragraph(text=f"Of {len(CLAIMS)} claims. {'; '.join(counted)}.")]


def _read(env):
    for path in (Path(env.srcdir) / CHAPTERS).glob("*.ipynb"):
        env.note_dependency(str(path))
    return verdicts(env.srcdir)


def _row(name, data):
    claim = nodes.paragraph("", "", nodes.strong(text=name), nodes.Text(f" {CLAIMS[name]}"))
    if data is None:
        cells = [claim, nodes.paragraph(text="pending"), nodes.paragraph(text="not measured yet")]
    else:
        link = Unlinked(text=f"How {name} was measured", internal=True, page=data["page"], anchor=anchor(name))
        cells = [claim, nodes.paragraph("", "", nodes.strong(text=data["verdict"])),
                 nodes.paragraph("", "", nodes.Text(_sentence(data["number"]) + " "), link)]
    return nodes.row("", *[nodes.entry("", cell) for cell in cells])


def _sentence(text):
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def link(app, doctree, docname):
    for node in list(doctree.findall(Unlinked)):
        address = f"{app.builder.get_relative_uri(docname, node['page'])}#{node['anchor']}"
        node.replace_self(nodes.reference("", node.astext(), internal=True, refuri=address))


def setup(app):
    app.add_directive("claims", Claims)
    app.add_directive("claims-count", ClaimsCount)
    app.add_node(Unlinked)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

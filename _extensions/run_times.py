"""How long each notebook took to run, as a table: ```` ```{run-times} ````.

The times are myst-nb's, of the run that made the outputs of this site; no notebook stores any. A page that was built
from stored outputs has no time, and says so.
"""

import os

from docutils import nodes
from docutils.parsers.rst import Directive
from myst_nb.ext.execution_tables import METADATA_KEY
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util.nodes import make_refnode


class RunTimes(nodes.General, nodes.Element):
    """Holds the place of the table until all notebooks have run."""


class RunTimesDirective(Directive):
    def run(self):
        env = self.state.document.settings.env
        # As myst-nb's own table does, so that the page is written anew when a notebook has run.
        NbMetadataCollector.set_doc_data(env, env.docname, METADATA_KEY, True)
        return [RunTimes()]


def words(seconds):
    """Such as 0.4 s, 41 s or 2 min 5 s, with spaces at which no line breaks."""
    if seconds < 0.95:
        return f"{max(seconds, 0.1):.1f}\u00a0s"
    minutes, rest = divmod(round(seconds), 60)
    return "\u00a0".join([f"{minutes}\u00a0min"] * bool(minutes) + [f"{rest}\u00a0s"] * bool(rest or not minutes))


def times(env):
    """From each notebook, in the order of the book, to the seconds that its last run took; None if it was not run."""
    data = NbMetadataCollector.get_doc_data(env)
    order = [name for name in _in_order(env, env.config.root_doc) if env.doc2path(name).endswith(".ipynb")]
    return {name: (data.get(name, {}).get("exec_data") or {}).get("runtime") for name in order}


def _in_order(env, name):
    yield name
    for part in env.toctree_includes.get(name, []):
        yield from _in_order(env, part)


def filled(app, docname):
    """What stands in the place of the table."""
    taken = times(app.env)
    known = [seconds for seconds in taken.values() if seconds is not None]
    if not known:
        return [nodes.paragraph(text="No notebook was run for this copy of the book: it shows the outputs that are "
                                     "stored in the notebooks, so there are no times to show.")]
    cores = os.cpu_count()
    together = (f"{len(known)} of {len(taken)} notebooks were run for this copy of the book, on a machine with {cores} "
                f"core{'s' * (cores != 1)}; together they took {words(sum(known))}. One that has not changed is not "
                "run again when the book is built again: its time is that of its last run.")
    return [nodes.paragraph(text=together), table(app, docname, taken)]


def table(app, docname, taken):
    def row(first, second):
        return nodes.row("", *[nodes.entry("", nodes.paragraph("", "", node)) for node in (first, nodes.Text(second))])

    def link(name):
        return make_refnode(app.builder, docname, name, "", nodes.Text(app.env.titles[name].astext()))

    body = [row(link(name), "not run" if seconds is None else words(seconds)) for name, seconds in taken.items()]
    columns = [nodes.colspec(colwidth=width) for width in (80, 20)]
    head = nodes.thead("", row(nodes.Text("Notebook"), "Time"))
    return nodes.table("", nodes.tgroup("", *columns, head, nodes.tbody("", *body), cols=2), classes=["run-times"])


def fill(app, doctree, docname):
    for node in list(doctree.findall(RunTimes)):
        node.replace_self(filled(app, docname))


def setup(app):
    app.add_node(RunTimes)
    app.add_directive("run-times", RunTimesDirective)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The playground: a surface on which the reader drags a start and races the rules.

    ```{playground}
    :surface: Ravine(20)
    :start: -2, 1
    :rules: GradientDescent(0.05), Momentum(0.02, 0.8)
    :alt: What the still picture of it shows, in a sentence.
    ```

Further options: ``:steps:``, ``:show:`` (of gradient, velocity, numbers), ``:chosen:`` (the rule whose settings and
arrows are shown) and ``:uncorrected:`` (rules that run without bias correction). A setting that is left out is the one
in ``optkit.playground``. On the page named ``playground`` it has all controls and keeps its state in the address; on any
other page it is compact, and links there.

Script and style come from ``optkit.playground``, and the rules and surfaces are printed anew at every build. Where no
script runs, on paper and in other formats, a still picture stands in its place, drawn by ``optkit.plot``.
"""

import dataclasses
import hashlib
import os
import re
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from optkit import descend, plot
from optkit.playground import FILES, OVERLAYS, RULES, STARTS, SURFACES, printed

PAGE = "playground"
PRINTED = "playground-optkit.js"


def setup(app):
    app.add_directive("playground", PlaygroundDirective)
    app.add_node(playground, html=(open_playground, close_playground),
                 **dict.fromkeys(("latex", "text", "texinfo", "man"), (lambda *_: None, lambda *_: None)))
    app.connect("builder-inited", write_script)
    app.connect("html-page-context", load_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class playground(nodes.General, nodes.Element):
    """A playground, with its still picture inside."""


class PlaygroundDirective(SphinxDirective):
    option_spec = dict.fromkeys(
        ("surface", "start", "rules", "steps", "show", "chosen", "uncorrected", "alt"), directives.unchanged_required)

    def run(self):
        options = dict(self.options)
        alt = options.pop("alt", "").strip()
        if len(alt) < 40:
            raise self.error("a playground needs an :alt: of at least 40 characters, for its still picture")
        try:
            state = read_state({"surface": "Ravine", "rules": "GradientDescent, Momentum"} | options)
        except (ValueError, TypeError, KeyError) as problem:
            raise self.error(f"playground: {problem}") from problem
        node = playground("", state=fragment(options), compact=self.env.docname != PAGE)
        node += nodes.image(uri=self.still(state), alt=alt)
        return [node]

    def still(self, state):
        """The address of the still picture, below the folder of the doctrees, which every builder can read."""
        name = hashlib.sha256(repr(state).encode()).hexdigest()[:16]
        path = Path(self.env.doctreedir) / "playground" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(plot.paths(state["surface"], walks(state))._repr_png_())
        return "/" + Path(os.path.relpath(path, self.env.srcdir)).as_posix()


# A state: in an address as in the options of the directive

def fragment(options):
    """The part of an address after #, from the options of the directive."""
    return "&".join(name + "=" + re.sub(r"\s+", "", value) for name, value in options.items())


def read_state(fields):
    """What the fields of a state mean, as objects of optkit; ValueError, TypeError or KeyError when they mean nothing."""
    (surface,) = _called(fields["surface"], SURFACES)
    racing = _called(fields["rules"], RULES)
    start = fields.get("start")
    start = STARTS[type(surface).__name__] if start is None else tuple(float(part) for part in start.split(","))
    show, uncorrected = _names(fields.get("show", "")), _names(fields.get("uncorrected", ""))
    for name in show:
        if name not in OVERLAYS:
            raise ValueError(f"show takes {', '.join(OVERLAYS)}, got {name}")
    for name in [*uncorrected, *_names(fields.get("chosen", ""))]:
        if name not in [type(rule).__name__ for rule in racing]:
            raise ValueError(f"{name} does not race here")
    return {"surface": surface, "rules": racing, "start": start, "steps": int(fields.get("steps", 150)),
            "uncorrected": uncorrected}


def walks(state):
    """From the name of each rule of a state to its ``Path``."""
    return {type(rule).__name__: descend(
        _uncorrected(rule) if type(rule).__name__ in state["uncorrected"] else rule,
        state["surface"], state["start"], state["steps"]) for rule in state["rules"]}


def _uncorrected(rule):
    """The same rule, which counts its steps from 10 to the 9th: there every correction 1 - beta**t is 1."""
    def init(self, params):
        return type(rule).init(self, params) | {"t": 10**9}

    late = type(type(rule).__name__, (type(rule),), {"init": init})
    return late(**rule.hyperparameters())


def _called(text, known):
    """Objects from a text such as ``Momentum(0.02, momentum=0.8), Adam``."""
    made = []
    for part in re.findall(r"[^,(]+(?:\([^()]*\))?", text):
        call = re.fullmatch(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*", part)
        if not call:
            raise ValueError(f"{text!r} is not a list of {', '.join(known)}, with their settings in brackets")
        name, inside = call[1], call[2] or ""
        if name not in known:
            raise ValueError(f"there is no {name} here; there are {', '.join(known)}")
        settings = [field.name for field in dataclasses.fields(known[name])]
        values = [value.strip().rpartition("=") for value in inside.split(",") if value.strip()]
        if len(values) > len(settings):
            raise ValueError(f"{name} has the settings {', '.join(settings) or 'none'}")
        given = {word.strip() or settings[place]: float(value) for place, (word, _, value) in enumerate(values)}
        made.append(dataclasses.replace(known[name], **given))
    return made


def _names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


# What the pages get

def write_script(app):
    if app.builder.format == "html" and app.builder.name != "epub":
        folder = Path(app.outdir) / "_static"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PRINTED).write_text(printed(), encoding="utf-8")
        for name, text in FILES.items():
            (folder / name).write_text(text, encoding="utf-8")


def load_scripts(app, pagename, templatename, context, doctree):
    """Only a page with a playground loads its scripts; in a book to download the still picture stands."""
    if app.builder.name != "epub" and doctree is not None and next(doctree.findall(playground), None) is not None:
        app.add_css_file("playground.css")
        app.add_js_file(PRINTED, loading_method="defer")
        app.add_js_file("playground.js", loading_method="defer")


def open_playground(translator, node):
    page = ""
    if node["compact"] and PAGE in translator.builder.env.found_docs:
        page = translator.builder.get_relative_uri(translator.builder.current_docname, PAGE)
    kind = f' data-compact="" data-page="{escape(page)}"' if node["compact"] else ""
    translator.body.append(f'<div class="playground" data-state="{escape(node["state"])}"{kind}>\n')


def close_playground(translator, node):
    translator.body.append("</div>\n")

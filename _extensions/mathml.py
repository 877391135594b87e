"""Formulas as MathML, for books that run no script: MathJax itself, as on the site, translates each into MathML."""

import importlib.util
from functools import cache, lru_cache
from pathlib import Path
from xml.etree import ElementTree

from py_mini_racer import MiniRacer

PARTS = ("startup.js", "core.js", "adaptors/liteDOM.js", "input/tex-full.js")
# Without the packages that colour what they do not know or let it pass: an unknown command is an error.
SETTINGS = """{startup: {typeset: false}, loader: {load: []},
               tex: {packages: ['base', 'ams', 'newcommand', 'textmacros']}}"""


def mathjax_folder():
    """Where sphinx-mathjax-offline has MathJax."""
    (package,) = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations
    return Path(package) / "static" / "mathjax"


@cache
def engine():
    made = MiniRacer()
    made.eval(f"var MathJax = {SETTINGS}; 0")
    for part in PARTS:
        made.eval((mathjax_folder() / part).read_text("utf-8") + "\n;0")
    made.eval("MathJax.startup.useAdaptor('liteAdaptor'); MathJax.startup.defaultReady(); 0")
    return made


@lru_cache(maxsize=None)
def translated(tex, display):
    text = engine().call("MathJax.tex2mml", tex, {"display": display})
    if "<merror" in text:
        problem = ElementTree.fromstring(text).find(".//*[@data-mjx-error]").get("data-mjx-error")
        raise ValueError(f"the formula {tex!r} cannot be set: {problem}")
    return text


def mathml(tex, display=False):
    """The element <math> of a formula in TeX, kept as its alttext; ValueError says what is wrong with it."""
    element = ElementTree.fromstring(translated(tex.strip(), display).replace("&nbsp;", "\u00a0"))
    for part in element.iter():
        part.tag = part.tag.rpartition("}")[2]
        part.tail = None
        if len(part):
            part.text = None  # line breaks and indentation
        for name in [name for name in part.attrib if name.startswith("data-")]:
            del part.attrib[name]  # MathJax's notes to itself
    for table in element.iter("mtable"):
        align(table)
    element.set("xmlns", "http://www.w3.org/1998/Math/MathML")
    element.set("alttext", tex.strip())
    return element


def align(table):
    """Say in CSS too how the columns are aligned, for readers that know MathML Core alone."""
    sides = table.get("columnalign", "center").split()
    for row in table.iter("mtr"):
        for place, cell in enumerate(row):
            cell.set("style", f"text-align: {sides[place % len(sides)]}; padding: 0.2em 0")

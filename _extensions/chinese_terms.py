"""The Chinese terms of the glossary say so in the page (lang="zh-Hans"): a screen reader then speaks them as Chinese, and a
browser picks the simplified forms of the characters."""

import re

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

CHINESE = re.compile("[\u4e00-\u9fff]")


def visit_term(translator, node):
    HTML5Translator.visit_term(translator, node)
    if CHINESE.search(node.astext()):
        translator.body[-1] = translator.body[-1].replace("<dt", '<dt lang="zh-Hans"', 1)


def setup(app):
    app.add_node(nodes.term, override=True, html=(visit_term, HTML5Translator.depart_term))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The first mention of a glossary term on a page leads to its definition, so that the prose need not be marked up.

Only running prose is looked at: paragraphs and lists, and in them only words that are neither code nor mathematics, nor
a link, nor emphasised. A page that emphasises a term introduces it, one that has it in its title is about it, and one
that links it already has said enough: on such a page that term stays as it is. The back matter links what it wants to.
"""

import re
from collections import defaultdict
from itertools import groupby

from docutils import nodes
from sphinx.addnodes import glossary
from sphinx.util.nodes import make_refnode

GLOSSARY, BACK_MATTER = "appendix/glossary", "appendix/"
RUNNING = (nodes.section, nodes.bullet_list, nodes.enumerated_list, nodes.list_item)

# Every page has these, and who reads it knows them.
FAMILIAR = {"Adam", "gradient", "gradient descent", "learning rate", "loss", "momentum", "parameter"}
# These have other meanings: the edge of a grid, the floor of a ravine, what somebody claims, a quadratic equation.
AMBIGUOUS = {"claim", "edge", "floor", "quadratic", "race"}


def definitions(doctree):
    """From each term to be linked to its anchor and the first sentence of its definition."""
    found = {}
    for item in (item for listed in doctree.findall(glossary) for item in listed.findall(nodes.definition_list_item)):
        term, text = next(item.findall(nodes.term)), next(item.findall(nodes.definition)).astext()
        if term.astext() not in FAMILIAR | AMBIGUOUS:
            found[term.astext()] = term["ids"][0], re.match(r".+?\.(?=\s|$)|.+", text, re.DOTALL).group()
    return found


def pattern(terms):
    """Finds the first of the terms at a place, also in the plural or the past, and as a group of its own. A name has
    its capital letters; another term may have one."""
    def words(term):
        text = r"\s+".join(re.escape(word) for word in term.split())
        return f"({text})" if re.search("[A-Z]", term) else f"((?i:{text}))"
    return re.compile(r"(?<![\w-])(?:" + "|".join(map(words, terms)) + r")(?:e?s|d)?(?![\w-])")


def page_of(node, env):
    """The name of the page that a node is on, and whether it is in the page's running prose. Where Sphinx puts all
    pages into one, the topmost nodes of each still have the document of their page as parent."""
    above, running = node.parent, True
    while not isinstance(above, nodes.document):
        running = running and isinstance(above, RUNNING)
        above = above.parent
    return env.path2doc(above["source"]), running


def link(app, doctree, docname):
    """Put the links in, in place."""
    if GLOSSARY not in app.env.found_docs:
        return
    defined = definitions(app.env.get_doctree(GLOSSARY))
    terms = sorted(defined, key=len, reverse=True)
    mentioned = pattern(terms)
    done = already_there(doctree, app.env, terms, mentioned)

    def linked(text, seen):
        """A text with its links, as a list of nodes."""
        parts, rest = [], 0
        for match in mentioned.finditer(text):
            term = terms[match.lastindex - 1]
            if term not in seen:
                seen.add(term)
                words = make_refnode(app.builder, docname, GLOSSARY, defined[term][0], nodes.Text(match.group()),
                                     title=defined[term][1])
                words["classes"].append("glossary-term")
                parts += [nodes.Text(text[rest:match.start()]), words]
                rest = match.end()
        return [*parts, nodes.Text(text[rest:])]

    for paragraph in list(doctree.findall(nodes.paragraph)):
        page, running = page_of(paragraph, app.env)
        if running and not page.startswith(BACK_MATTER):
            parts = []
            for is_text, children in groupby(paragraph, lambda node: isinstance(node, nodes.Text)):
                parts += linked("".join(children), done[page]) if is_text else children  # each line may be a node
            paragraph[:] = parts


def already_there(doctree, env, terms, mentioned):
    """From each page to the terms that are in its title, or emphasised or linked somewhere on it."""
    done = defaultdict(set)

    def note(node, matches):
        done[page_of(node, env)[0]].update(terms[match.lastindex - 1] for match in matches if match)

    for node in doctree.findall(nodes.title):
        if isinstance(node.parent.parent, nodes.document):
            note(node, mentioned.finditer(node.astext()))
    for kind in (nodes.emphasis, nodes.strong, nodes.reference):
        for node in doctree.findall(kind):
            note(node, [mentioned.fullmatch(node.astext())])
    return done


def reread_all(app, env, added, changed, removed):
    """A page may link to what the glossary no longer has, or not to what it has now."""
    return env.found_docs if GLOSSARY in added | changed | removed else []


def setup(app):
    app.connect("env-get-outdated", reread_all)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The back matter says what the book does: every symbol, every source. What needs the built pages is in test_book.py."""

import re
from pathlib import Path

import nbformat
import pytest
from optkit.rules import Rule
from optkit.symbols import Operation, Symbol, assignments, latex

ROOT = Path(__file__).parent.parent
APPENDIX = ROOT / "appendix"
RULES = [rule for rule in Rule.__subclasses__() if rule.__module__ == "optkit.rules"]


def table_rows(text):
    """The rows of the Markdown tables in a page, as lists of cells."""
    return [[cell.strip() for cell in line.strip("| \n").split(" | ")]
            for line in text.splitlines() if line.startswith("|") and "---" not in line]  # fmt: skip


def symbols_in(tree):
    if isinstance(tree, Symbol):
        yield tree.name
    if isinstance(tree, Operation):
        for argument in tree.arguments:
            yield from symbols_in(argument)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_symbol_of_the_equations_is_in_the_notation(rule):
    here, _, _ = (APPENDIX / "notation.md").read_text("utf-8").partition("## The same thing under another letter")
    rows = {row[0]: row for row in table_rows(here)}
    names = {name for left, right in assignments(rule) for name in (left.name, *symbols_in(right))}
    assert names
    for name in names:
        row = rows.get(f"${latex(Symbol(name))}$")
        assert row, f"{name} has no row"
        # A name longer than its letter is one that the code uses.
        assert len(name) == 1 or f"`{name}`" in " ".join(row), f"the row of {row[0]} does not name {name}"


def test_every_hyperparameter_is_in_the_notation():
    text = (APPENDIX / "notation.md").read_text("utf-8")
    assert len(RULES) == 9
    for rule in RULES:
        for name in rule().hyperparameters():
            assert f"`{name}`" in text, name


def entries():
    """The bibliography: a dict from a key to the entry's text."""
    bib = (ROOT / "references.bib").read_text("utf-8")
    return {key: text for key, text in re.findall(r"^@\w+\{([^,\s]+),\n(.*?)^\}", bib, re.MULTILINE | re.DOTALL)}


def cited():
    pages = [*APPENDIX.glob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("*.ipynb"), *ROOT.glob("chapters/*.ipynb")]
    keys = set()
    for page in pages:
        text = page.read_text("utf-8")
        if page.suffix == ".ipynb":
            cells = nbformat.reads(text, as_version=4).cells
            text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for found in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text):
            keys |= {key.strip() for key in found.split(",")}
    return keys


def test_every_source_is_cited_and_every_citation_has_a_source():
    assert set(entries()) - cited() == set(), "never cited"
    assert cited() - set(entries()) == set(), "not in references.bib"


def test_no_source_stands_twice():
    bib = (ROOT / "references.bib").read_text("utf-8")
    assert len(re.findall(r"^@", bib, re.MULTILINE)) == len(entries())  # two entries with one key would be one
    titles = [re.search(r"^\s*title\s*=\s*\{(.+)\},?$", text, re.MULTILINE).group(1) for text in entries().values()]
    plain = [re.sub(r"[^a-z0-9]", "", title.lower()) for title in titles]
    assert len(set(plain)) == len(plain), sorted(title for title in plain if plain.count(title) > 1)


def test_every_source_says_who_what_when_and_where():
    for key, text in entries().items():
        for field in ("author", "title", "year"):
            assert re.search(rf"^\s*{field}\s*=\s*\{{.+\}},$", text, re.MULTILINE), f"{key}: {field}"
        assert re.search(r"^\s*(journal|booktitle|publisher|howpublished)\s*=", text, re.MULTILINE), f"{key}: where"
        assert re.search(r"year\s*=\s*\{(\d{4})\}", text).group(1) in key, f"{key}: another year"

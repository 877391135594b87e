"""The first mention of a term on a page leads to the glossary: in the book, and in every form that it is built in."""

import re
import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_extensions"))

import glossary_links  # noqa: E402

LINK = re.compile(r'<a class="glossary-term [^"]*" href="([^"]*)" title="([^"]*)">([^<]+)</a>', re.DOTALL)

GLOSSARY = """# Glossary

```{glossary}
Adam
  A familiar rule.

batch
批
  A heap, of about 2.5 examples. It has a second sentence, about a batch and a convex heap.

batch size
  How large it is.

convex
  Without a dent.

Hessian
  A table.

sparse
  Few.
```
"""

INDEX = """# Top

A batch is not yet on the other page. A {term}`convex` one is convex.

```{toctree}
page
appendix/glossary
```
"""

PAGE = """# About sparse things

A **convex** heap is convex. `batch` and $batch$ and [a batch](https://example.org) are no words of prose,
batch-wise is another word, and *a batch in a sentence that is emphasised* is left alone. Adam is familiar.

```{note}
A batch in a note.
```

| batch |
| ----- |
| batch |

## A batch in a heading

- Batches of some batch
  size: the batch size of the Hessian, not a hessian. Sparse.

A batch again.
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds a small book with a builder, and returns its pages as texts by name."""
    source = tmp_path_factory.mktemp("glossary")
    (source / "appendix").mkdir()
    (source / "page.md").write_text(PAGE, "utf-8")
    (source / "index.md").write_text(INDEX, "utf-8")
    settings = {"extensions": ["myst_parser", "glossary_links"], "myst_enable_extensions": ["dollarmath"],
                "project": "Small", "version": "1", "copyright": "nobody",
                "source_suffix": {".md": "markdown"}}  # Sphinx would take what an earlier book of this process had

    def build(builder, glossary=GLOSSARY):
        (source / "appendix" / "glossary.md").write_text(glossary, "utf-8")
        output = source.parent / f"{source.name}-{builder}"
        with docutils_namespace():
            app = Sphinx(source, None, output, source.parent / "doctrees", builder, settings, status=None,
                         warningiserror=True)
            app.build()
        return {path.relative_to(output).as_posix(): path.read_text("utf-8") for path in output.rglob("*html")
                if "_static" not in path.parts}

    return build


@pytest.fixture(scope="module")
def built(build):
    return {builder: build(builder) for builder in ("html", "singlehtml", "epub")}


def test_the_first_mention_of_each_term_is_linked(built):
    html = built["html"]
    assert [(words, address) for address, _, words in LINK.findall(html["page.html"])] == [
        ("Batches", "appendix/glossary.html#term-batch"), ("batch\nsize", "appendix/glossary.html#term-batch-size"),
        ("Hessian", "appendix/glossary.html#term-Hessian")]
    assert [words for _, _, words in LINK.findall(html["index.html"])] == ["batch"]
    assert not LINK.search(html["appendix/glossary.html"])


def test_a_link_shows_the_first_sentence_of_the_definition(built):
    titles = {words: title for _, title, words in LINK.findall(built["html"]["page.html"])}
    assert titles["Batches"] == "A heap, of about 2.5 examples."


def test_the_links_hold_in_one_file_and_in_an_e_book(built):
    whole = built["singlehtml"]["index.html"]
    assert [words for _, _, words in LINK.findall(whole)] == ["batch", "Batches", "batch\nsize", "Hessian"]
    anchors = [address.removeprefix("index.html#") for address, _, _ in LINK.findall(whole)]
    assert anchors == ["term-batch", "term-batch", "term-batch-size", "term-Hessian"]
    assert all(f'id="{anchor}"' in whole for anchor in anchors)
    page = built["epub"]["page.xhtml"]
    assert [address for address, _, _ in LINK.findall(page)][0] == "appendix/glossary.xhtml#term-batch"
    assert 'id="term-batch"' in built["epub"]["appendix/glossary.xhtml"]


def test_a_page_follows_the_glossary_when_only_that_has_changed(build, built):
    page = build("html", GLOSSARY.replace("Hessian", "Jacobian"))["page.html"]
    assert [words for _, _, words in LINK.findall(page)] == ["Batches", "batch\nsize"]


def test_every_term_left_out_is_a_term():
    text = (ROOT / "appendix" / "glossary.md").read_text("utf-8")
    for term in glossary_links.FAMILIAR | glossary_links.AMBIGUOUS:
        assert f"\n{term}\n" in text, term


def test_the_pages_of_the_book_have_a_pleasant_number_of_links(site):
    counts = {}
    for file in [site / "index.html", *(site / "chapters").glob("*.html")]:
        page = file.read_text("utf-8")
        links = LINK.findall(page)
        assert len(set(address for address, _, _ in links)) == len(links), file.name
        assert all("glossary.html#term-" in address and title.endswith(".") for address, title, _ in links), file.name
        counts[file.stem] = len(links)
    assert min(counts.values()) >= 2 and max(counts.values()) <= 25, counts
    assert sum(counts.values()) > 100

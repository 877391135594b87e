"""The table of run times says what happened: notebooks were run, their outputs came from the cache, or none was run."""

import json
import re
import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_extensions"))

import run_times  # noqa: E402


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    source = tmp_path_factory.mktemp("times") / "source"
    source.mkdir()
    (source / "index.md").write_text("# Words\n\n```{toctree}\nslow\nidle\ntimes\n```\n", "utf-8")
    (source / "times.md").write_text("# Times\n\n```{run-times}\n```\n", "utf-8")
    for name, title in (("slow", "A slow page"), ("idle", "An idle page")):
        cells = [{"cell_type": "markdown", "metadata": {}, "source": f"# {title}", "id": "a"},
                 {"cell_type": "code", "metadata": {}, "source": "import time\ntime.sleep(1)", "outputs": [],
                  "execution_count": 1, "id": "b"}]
        python = {"kernelspec": {"name": "python3", "display_name": "Python 3"},
                  "language_info": {"name": "python", "pygments_lexer": "ipython3"}}
        (source / f"{name}.ipynb").write_text(
            json.dumps({"cells": cells, "metadata": python, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    return source


def page(source, mode, name):
    """The words of the page with the table, after a build in a folder of this name, with the cache that is there."""
    output = source.parent / name
    settings = {"extensions": ["myst_nb", "run_times"], "nb_execution_mode": mode, "html_theme": "basic",
                # Sphinx would take what an earlier book of this process had.
                "source_suffix": {".md": "myst-nb", ".ipynb": "myst-nb"},
                "nb_execution_excludepatterns": ["idle*"],
                "nb_execution_cache_path": str(source.parent / "cache") if mode == "cache" else ""}
    with docutils_namespace():
        Sphinx(source, None, output, output / ".doctrees", "html", settings, status=None, warningiserror=True).build()
    body = (output / "times.html").read_text("utf-8").split('role="main"')[1].split('class="sphinxsidebar"')[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def seconds(text):
    return int(re.search(r"Notebook Time A slow page (\d+) s An idle page not run ", text)[1])


def test_the_table_says_how_long_a_notebook_ran_also_from_the_cache(source):
    first = page(source, "cache", "first")
    assert "1 of 2 notebooks were run for this copy" in first and 1 <= seconds(first) < 60
    assert page(source, "cache", "again") == first  # no second has been added: nothing was run
    slow = source / "slow.ipynb"
    slow.write_text(slow.read_text("utf-8").replace("sleep(1)", f"sleep({seconds(first) + 2})"), "utf-8")
    assert seconds(page(source, "cache", "first")) >= seconds(first) + 2  # also where only the notebook is built again


def test_where_no_notebook_was_run_the_page_says_so(source):
    text = page(source, "off", "off")
    assert "No notebook was run for this copy of the book" in text and "Notebook Time" not in text


def test_the_page_of_the_book_says_that_none_was_run(site):
    text = (site / "appendix" / "run-times.html").read_text("utf-8")
    assert "No notebook was run" in text  # these pages are built from stored outputs


@pytest.mark.parametrize("seconds, said", [(0.01, "0.1 s"), (0.42, "0.4 s"), (0.96, "1 s"), (41.4, "41 s"),
                                           (59.6, "1 min"), (60, "1 min"), (125, "2 min 5 s")])
def test_times_in_words(seconds, said):
    assert run_times.words(seconds) == said.replace(" ", "\u00a0")

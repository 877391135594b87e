"""A page never shows outputs older than the code and data underneath (_extensions/fresh_outputs.py)."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

EXTENSIONS = Path(__file__).parent.parent / "_extensions"
UNDERNEATH = ["optkit/part/rule.py", "data/digits.csv", "requirements.lock"]
PRINT_ALL = f"for name in {UNDERNEATH}:\n    print(name, open(name).read())"
CONFIG = {
    "only_build_toc_files": True,
    "execute": {"execute_notebooks": "cache"},
    "sphinx": {
        "local_extensions": {"fresh_outputs": str(EXTENSIONS)},
        "config": {"nb_execution_raise_on_error": True},
    },
}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_notebook(path, code=PRINT_ALL):
    # With the name in the code, because the cache knows a notebook by its code.
    cells = [new_markdown_cell("# Title"), new_code_cell(f"{code}\n# {path.stem}")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)


def build(book):
    """The notebooks that were run, or None when the build failed; beside it what was printed."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."]
    result = subprocess.run(command, cwd=book, capture_output=True, text=True)
    ran = re.findall(r"(\w+)\.ipynb: Executed notebook", result.stdout)
    return (None if result.returncode else ran), result.stdout + result.stderr


@pytest.fixture
def book(tmp_path):
    """Two notebooks that print what they are computed from."""
    write(tmp_path / "_config.yml", yaml.safe_dump(CONFIG))
    write(tmp_path / "_toc.yml", "format: jb-book\nroot: first\nchapters:\n  - file: second\n")
    for name in UNDERNEATH:
        write(tmp_path / name, "as it was")
    write_notebook(tmp_path / "first.ipynb")
    write_notebook(tmp_path / "second.ipynb")
    return tmp_path


@pytest.fixture
def digest():
    spec = importlib.util.spec_from_file_location("fresh_outputs", EXTENSIONS / "fresh_outputs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.digest


@pytest.mark.parametrize("name", UNDERNEATH)
def test_the_digest_sees_a_change(name, book, digest):
    before = digest(book)
    write(book / name, "changed")
    assert digest(book) != before


def test_the_digest_sees_files_come_go_and_move(book, digest):
    seen = {digest(book)}
    write(book / "data/more.csv", "more")
    seen.add(digest(book))
    (book / "data/more.csv").rename(book / "optkit/more.csv")
    seen.add(digest(book))
    (book / "optkit/more.csv").unlink()
    (book / "optkit/part/rule.py").unlink()
    seen.add(digest(book))
    assert len(seen) == 4


def test_without_a_lock_the_digest_sees_the_requirements(book, digest):
    (book / "requirements.lock").rename(book / "requirements.txt")
    before = digest(book)
    write(book / "requirements.txt", "changed")
    assert digest(book) != before


def test_the_digest_does_not_see_what_running_leaves_behind(book, digest):
    before = digest(book)
    write(book / "optkit/part/__pycache__/rule.pyc", "made by an import")
    write(book / "data/.DS_Store", "made by a file manager")
    write(book / "first.html", "made by hand")
    assert digest(book) == before


def test_a_build_runs_what_is_stale_and_nothing_else(book):
    pages = [book / "_build" / "html" / f"{name}.html" for name in ["first", "second"]]
    assert build(book)[0] == ["first", "second"]
    assert build(book)[0] == []

    # A build that fails names the cell, and vouches for nothing that it did not run.
    write(book / "data/digits.csv", "the newest data")
    write_notebook(book / "second.ipynb", "1 / 0")
    ran, said = build(book)
    assert ran is None
    assert "second.ipynb" in said and "1 / 0" in said and "ZeroDivisionError" in said
    write_notebook(book / "second.ipynb")
    assert build(book)[0] == ["second"]  # the first one ran on the newest data before the build failed
    assert all("the newest data" in page.read_text() for page in pages)

    # Stopped after the outputs were computed, before the pages were written.
    (book / "_build/html/.computed-from").unlink()
    pages[0].write_text("an old page")
    assert build(book)[0] == []
    assert "the newest data" in pages[0].read_text()

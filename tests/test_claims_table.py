"""The table of claims is made from what the notebooks store, and from nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_extensions"))
import claims_table  # noqa: E402  (lies beside the book, and is no package)

from optkit.claims import CLAIMS, KEY, Claim, anchor  # noqa: E402


def notebook(path, *judged):
    """A notebook that stores the verdicts (id, verdict, number)."""
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "# Prose"}]
    for name, verdict, number in judged:
        data, metadata = Claim(name, measured="", refuted_if="").judged(verdict, number)._repr_mimebundle_()
        cells.append({"cell_type": "code", "metadata": {}, "source": "", "outputs": [
            {"output_type": "execute_result", "data": data, "metadata": metadata, "execution_count": 1}]})
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def built(folder):
    """The table's page, after a build with Sphinx into the same folder."""
    (folder / "conf.py").write_text(f"import sys\nsys.path.insert(0, {str(ROOT / '_extensions')!r})\n"
                                    "extensions = ['myst_parser', 'claims_table']\nexclude_patterns = ['_build']\n")
    pages = {"index": "# Book\n\n```{toctree}\nchapters/01-first\nchapters/11-claims\n```\n",
             "chapters/01-first": "# First\n",  # stands in for the page of the notebook
             "chapters/11-claims": "# Claims\n\n```{claims-count}\n```\n\n## Some\n\n```{claims} C02 C01\n```\n\n"
                                   "## All\n\n```{claims}\n```\n"}
    for name, text in pages.items():
        if not (folder / f"{name}.md").exists():  # a second build must see by itself what has changed
            (folder / f"{name}.md").write_text(text)
    build = folder / "_build"
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(folder), str(build)], check=True)
    return (build / "chapters" / "11-claims.html").read_text()


def test_rows_counts_and_links_come_from_the_outputs(tmp_path):
    notebook(tmp_path / "chapters" / "01-first.ipynb", ("C01", "false", "35% & more"), ("C02", "holds when small", "x"))
    page = built(tmp_path)
    assert "Of 35 claims. holds under a condition: 1; false: 1; pending: 33." in page
    assert page.count('href="01-first.html#verdict-c01"') == 2 and "35% &amp; more." in page
    assert page.count("not measured yet") == 33
    assert page.index("How C02 was measured") < page.index("How C01 was measured")  # in the order asked for


def test_a_notebook_that_changed_changes_its_row(tmp_path):
    path = tmp_path / "chapters" / "01-first.ipynb"
    notebook(path, ("C01", "false", "old number"))
    assert "Old number." in built(tmp_path)
    notebook(path, ("C01", "holds", "new number"))
    page = built(tmp_path)
    assert "New number." in page and "Old number." not in page and "Holds: 1; pending: 34." in page


def test_a_claim_judged_twice_is_an_error(tmp_path):
    for name in ("a", "b"):
        notebook(tmp_path / "chapters" / f"{name}.ipynb", ("C05", "false", "1"))
    with pytest.raises(ExtensionError, match="C05 is judged twice, in chapters/a and in chapters/b"):
        claims_table.verdicts(tmp_path)


@pytest.mark.parametrize("name, data", claims_table.verdicts(ROOT).items())
def test_the_stored_verdict_can_be_linked_to(name, data):
    outputs = [output for cell in json.loads((ROOT / f"{data['page']}.ipynb").read_text())["cells"]
               for output in cell.get("outputs", []) if output.get("metadata", {}).get(KEY, {}).get("id") == name]
    assert f'id="{anchor(name)}"' in "".join(outputs[0]["data"]["text/html"]) and data["claim"] == CLAIMS[name]

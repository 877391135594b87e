"""The guard: what a committed notebook must be, so that comparing it with its own outputs proves something.

nbval passes a notebook without stored outputs, skips what is marked and ignores pictures and stderr. Each
function below takes a notebook and yields what is wrong with it; the second half of the file shows, on small
notebooks made for it, that each fault is found.
"""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parent.parent
NOTEBOOKS = [ROOT / "index.ipynb", *sorted((ROOT / "chapters").glob("*.ipynb"))]

LONGEST_CELL = 22  # lines: what is seen at once, above its output
SHORTEST_ALT = 40  # characters: a sentence rather than a label
PICTURES = {"image/png", "image/jpeg", "image/svg+xml"}
MARKS = {
    "nbval-ignore-output", "nbval-skip", "pytest-validate-ignore-output",
    "NBVAL_IGNORE_OUTPUT", "NBVAL_SKIP", "PYTEST_VALIDATE_IGNORE_OUTPUT",
}  # fmt: skip
# Not inside a word, so that an address such as example.org/home/ is none.
SOMEBODYS_PATH = re.compile(r"(?<![\w.])/(?:home|Users|root|tmp|var/folders)/|[A-Za-z]:\\+Users")


def code_cells(notebook):
    """Each code cell with its name in messages: the number of the cell among the code cells, from 1."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [(f"code cell {number}", cell) for number, cell in enumerate(cells, 1)]


def outputs(notebook, *kinds):
    for name, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type in kinds:
                yield name, cell, output


def tags(cell):
    return cell.metadata.get("tags", [])


def unexecuted(notebook):
    for name, cell in code_cells(notebook):
        if cell.execution_count is None:
            yield f"{name} was never run"


def out_of_order(notebook):
    counts = [cell.execution_count for _, cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the cells were not run once each from top to bottom: {counts}"


def errors(notebook):
    for name, cell, output in outputs(notebook, "error"):
        if "raises-exception" not in tags(cell):
            yield f"{name} stores {output.ename}: {output.evalue}"


def stderr(notebook):
    for name, _, output in outputs(notebook, "stream"):
        if output.name == "stderr":
            yield f"{name} stores stderr: {output.text[:100]!r}"


def pictures_without_words(notebook):
    for name, cell, output in outputs(notebook, "display_data", "execute_result"):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if PICTURES & output.data.keys() and len(alt.strip()) < SHORTEST_ALT:
            yield f"{name} shows a picture, and its metadata mystnb.image.alt says too little: {alt!r}"


def marks_without_reason(notebook):
    for name, cell in code_cells(notebook):
        comments = {line.strip().lstrip("#").strip() for line in cell.source.splitlines() if "#" in line}
        marks = MARKS & (comments | set(tags(cell)))
        if marks and not str(cell.metadata.get("reason", "")).strip():
            yield f"{name} is exempt from comparison ({', '.join(marks)}), and its metadata gives no reason"


def somebodys_paths(notebook):
    cells = json.loads(nbformat.writes(notebook))["cells"]
    for number, cell in enumerate(cells, 1):
        for output in cell.get("outputs", []):
            for picture in PICTURES - {"image/svg+xml"}:
                output.get("data", {}).pop(picture, None)  # base64 may hold anything
        found = SOMEBODYS_PATH.search(json.dumps(cell))
        if found:
            yield f"cell {number} names a path of somebody's machine: {found.group()}"


def long_cells(notebook):
    for name, cell in code_cells(notebook):
        lines = len(cell.source.splitlines())
        if lines > LONGEST_CELL:
            yield f"{name} has {lines} lines; {LONGEST_CELL} is the most"


def trailing_semicolons(notebook):
    for name, cell in code_cells(notebook):
        last = [line for line in cell.source.splitlines() if line.split("#")[0].strip()][-1:]
        if last and re.search(r";\s*(#.*)?$", last[0]):
            yield f"{name} ends in a semicolon, which hides nothing from nbval: end in plt.show() or _ = ..."


CHECKS = [
    unexecuted, out_of_order, errors, stderr, pictures_without_words, marks_without_reason,
    somebodys_paths, long_cells, trailing_semicolons,
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, check):
    faults = list(check(nbformat.read(path, as_version=4)))
    assert not faults, f"{path.name}: " + "; ".join(faults)


def test_every_notebook_is_a_chapter_and_every_chapter_a_notebook():
    listed = re.findall(r"file: chapters/(\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted([path.stem for path in NOTEBOOKS[1:]] + ["11-claims"])  # made from the others


# The guard guarded: a sound notebook passes every check, and each fault is found by the one made for it.

ALT = "A curve that falls from the upper left to the lower right."


def picture(kind="image/png"):
    return new_output("display_data", {kind: "/tmp/", "text/plain": "<Figure size 640x480 with 1 Axes>"})


def stream(name="stdout", text="1\n"):
    return new_output("stream", name=name, text=text)


def error():
    return new_output("error", ename="ValueError", evalue="no", traceback=[])


def sound():
    return new_notebook(cells=[
        new_markdown_cell("# A chapter; see https://example.org/home/page"),
        new_code_cell("1", execution_count=1, outputs=[new_output("execute_result", {"text/plain": "1"})]),
        new_code_cell("plt.show()", execution_count=2, outputs=[picture()],
                      metadata={"mystnb": {"image": {"alt": ALT}}}),
        new_code_cell("1 / 0", execution_count=3, outputs=[error()], metadata={"tags": ["raises-exception"]}),
        new_code_cell("now()", execution_count=4, outputs=[stream()],
                      metadata={"tags": ["nbval-ignore-output"], "reason": "the time of day"}),
        new_code_cell("x = 'a;'  # ;\n" + "\n" * (LONGEST_CELL - 2) + "x", execution_count=5),
    ])  # fmt: skip


def with_cell(source="1", metadata=None, output=None, count=1):
    """A notebook of one cell, which is at fault."""
    made = [] if output is None else [output]
    return new_notebook(cells=[new_code_cell(source, execution_count=count, outputs=made, metadata=metadata or {})])


def renumbered(*counts):
    return new_notebook(cells=[new_code_cell("1", execution_count=count) for count in counts])


FAULTS = {
    "never run": (unexecuted, with_cell(count=None)),
    "one cell never run": (unexecuted, renumbered(1, None, 2)),
    "run twice": (out_of_order, renumbered(1, 3)),
    "run backwards": (out_of_order, renumbered(2, 1)),
    "run partly": (out_of_order, renumbered(1, None)),
    "started late": (out_of_order, renumbered(2, 3)),
    "error": (errors, with_cell(output=error())),
    "stderr": (stderr, with_cell(output=stream("stderr", "W0000 cpu_feature_guard"))),
    "picture": (pictures_without_words, with_cell(output=picture())),
    "drawing": (pictures_without_words, with_cell(output=picture("image/svg+xml"))),
    "photograph": (pictures_without_words, with_cell(output=picture("image/jpeg"))),
    "returned picture": (
        pictures_without_words,
        with_cell(output=new_output("execute_result", {"image/png": ""})),
    ),
    "picture with a label": (
        pictures_without_words,
        with_cell(metadata={"mystnb": {"image": {"alt": "A figure" + " " * 40}}}, output=picture()),
    ),
    "ignored by tag": (marks_without_reason, with_cell(metadata={"tags": ["nbval-ignore-output"]})),
    "skipped by tag": (marks_without_reason, with_cell(metadata={"tags": ["nbval-skip"]})),
    "ignored by comment": (marks_without_reason, with_cell("# NBVAL_IGNORE_OUTPUT\n1")),
    "skipped by comment": (marks_without_reason, with_cell("x = 1\n  ## NBVAL_SKIP  ")),
    "empty reason": (marks_without_reason, with_cell(metadata={"tags": ["nbval-skip"], "reason": " "})),
    "path in code": (somebodys_paths, with_cell("open('/home/ada/data.csv')")),
    "path in prose": (somebodys_paths, new_notebook(cells=[new_markdown_cell("see /Users/ada/book")])),
    "path in output": (somebodys_paths, with_cell(output=stream(text="in /tmp/ipykernel_1/2.py"))),
    "path in a result": (
        somebodys_paths,
        with_cell(output=new_output("execute_result", {"text/html": "<a href='/root/x'>x</a>"})),
    ),
    "path on Windows": (somebodys_paths, with_cell("open(r'C:\\Users\\ada')")),
    "long": (long_cells, with_cell("x = 1\n" * (LONGEST_CELL + 1))),
    "semicolon": (trailing_semicolons, with_cell("plot();")),
    "semicolon and comment": (trailing_semicolons, with_cell("plot() ;  # quiet\n# done\n")),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_sound_notebook_passes(check):
    assert list(check(sound())) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(fault):
    check, notebook = FAULTS[fault]
    assert list(check(notebook))


def test_each_check_finds_some_fault():
    assert {check for check, _ in FAULTS.values()} == set(CHECKS)

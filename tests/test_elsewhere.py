"""make test-elsewhere: each imitation of another processor must reach the kernel, and change what is computed there."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parent.parent
_spec = importlib.util.spec_from_file_location("run_elsewhere", ROOT / "tools" / "run_elsewhere.py")
run_elsewhere = importlib.util.module_from_spec(_spec)
sys.modules["run_elsewhere"] = run_elsewhere  # where dataclasses look for the module of a class
_spec.loader.exec_module(run_elsewhere)
IMITATIONS, X86 = run_elsewhere.IMITATIONS, run_elsewhere.X86

# Prints what an imitation changes around a program; the probe looks at what the program computes.
SEEN = """import os
names = {names}
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
print({{name: os.environ.get(name) for name in names}}, cores)"""


def possible(name):
    imitation = IMITATIONS[name]
    if imitation.needs_x86 and not X86:
        pytest.skip("imitates another x86-64 processor")
    if imitation.before and run(SEEN.format(names=[])).split()[-1] == "1":
        pytest.skip("has a single core anyway")
    return imitation


def run(source, imitation=None):
    return run_elsewhere.run(imitation, [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True,
                             check=True).stdout  # fmt: skip


@pytest.mark.parametrize("name", IMITATIONS)
def test_an_imitation_reaches_the_kernel(name, tmp_path):
    """A notebook that stores what is set there passes there, and nowhere else: nbval hands on what the tool sets."""
    imitation = possible(name)
    source = SEEN.format(names=sorted(set().union(*(other.settings for other in IMITATIONS.values()))))
    notebook = new_notebook(cells=[new_code_cell(source, execution_count=1, outputs=[
        new_output("stream", name="stdout", text=run(source, imitation))])])  # fmt: skip
    path = tmp_path / "seen.ipynb"
    nbformat.write(notebook, path)
    assert run_elsewhere.nbval(imitation, [path]) == 0
    if name == "numpy":
        assert run_elsewhere.nbval(None, [path]) == 1


@pytest.fixture(scope="module")
def here():
    return run_elsewhere.probed()


def test_the_probe_finds_the_same_twice(here):
    assert run_elsewhere.probed() == here


@pytest.mark.parametrize("name", ["sse4.2", "numpy", "onednn", "one-thread"])  # avx2 changes nothing without AVX-512
def test_an_imitation_changes_what_it_says_and_no_other(name, here):
    imitation = possible(name)
    there = run_elsewhere.probed(imitation)
    changed = {what for what in here if here[what] != there[what]}
    allowed = {imitation.seen_in} | ({"tensorflow", "compiled"} if imitation.seen_in == "threads" else set())
    assert imitation.seen_in in changed and changed <= allowed


class Fake:
    """Stands in for the probe and for nbval: ``numbers`` by imitation, and the exit status of each."""

    def __init__(self, monkeypatch, there, status):
        self.ran = []
        monkeypatch.setattr(run_elsewhere, "X86", True)
        monkeypatch.setattr(run_elsewhere, "probed", lambda imitation=None: there if imitation else HERE)
        monkeypatch.setattr(run_elsewhere, "nbval", lambda imitation, *_: self.ran.append(imitation) or status(imitation))


HERE = {"numpy": 1, "tensorflow": 1, "compiled": 1, "threads": 1}
THERE = dict.fromkeys(HERE, 2)


def test_it_goes_on_after_a_failure_and_fails_at_the_end(monkeypatch, capsys):
    fake = Fake(monkeypatch, THERE, lambda imitation: int(imitation is IMITATIONS["avx2"]))
    assert run_elsewhere.main(["a.ipynb"]) == 1
    assert fake.ran == list(IMITATIONS.values())
    summary = capsys.readouterr().out.partition("on other processors:")[2]
    assert summary.count("passed") == len(IMITATIONS) - 1 and "avx2        FAILED" in summary


def test_all_passed_or_one_chosen(monkeypatch):
    fake = Fake(monkeypatch, THERE, lambda imitation: 0)
    assert run_elsewhere.main(["a.ipynb"]) == 0
    assert run_elsewhere.main(["--only", "numpy", "a.ipynb"]) == 0
    assert fake.ran == [*IMITATIONS.values(), IMITATIONS["numpy"]]


def test_what_changes_nothing_is_left_out_and_nothing_at_all_is_no_success(monkeypatch, capsys):
    fake = Fake(monkeypatch, HERE | {"numpy": 2}, lambda imitation: 0)
    assert run_elsewhere.main(["a.ipynb"]) == 0 and fake.ran == [IMITATIONS["numpy"]]
    assert capsys.readouterr().out.partition("on other processors:")[2].count("left out") == len(IMITATIONS) - 1
    assert run_elsewhere.main(["--only", "avx2", "a.ipynb"]) == 1


def test_other_machines_leave_out_what_is_x86(monkeypatch, capsys):
    fake = Fake(monkeypatch, THERE, lambda imitation: 0)
    monkeypatch.setattr(run_elsewhere, "X86", False)
    assert run_elsewhere.main(["a.ipynb"]) == 0
    assert fake.ran == [IMITATIONS["onednn"], IMITATIONS["one-thread"]]
    assert "not x86-64" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--only", "m1", "a.ipynb"]])
def test_a_wrong_call_says_what_is_right(arguments, capsys):
    with pytest.raises(SystemExit):
        run_elsewhere.main(arguments)
    error = capsys.readouterr().err
    assert "notebook" in error or "sse4.2" in error

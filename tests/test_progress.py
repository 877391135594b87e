"""The bar: counted right, shown where somebody looks, and never stored."""

import sys
import types

import pytest

import optkit
from optkit import GradientDescent, progress, tasks
from optkit.progress import Bar, NotebookBar, TerminalBar, shown


class Seen(Bar):
    """Remembers what it would have shown."""

    def __init__(self, total):
        super().__init__(total)
        self.texts = []

    def show(self):
        self.texts.append((self.done, self.total))


class Handle:
    def __init__(self):
        self.updates = []

    def update(self, data, raw):
        assert raw
        self.updates.append(data)


def test_a_sweep_tells_a_bar_of_every_step_of_every_run():
    bar = Seen(0)
    optkit.sweep(GradientDescent(), tasks.linear_regression(), learning_rate=[0.001] * 9, seeds=range(3), steps=7,
                 batch_size=50, progress=bar)
    assert bar.done == 27 * 7 and len(bar.texts) == 2  # sixteen runs, then eleven


def test_a_race_counts_its_grids_and_those_it_had_to_add(monkeypatch):
    bars = []
    monkeypatch.setattr(progress, "TerminalBar", lambda total: bars.append(Seen(total)) or bars[-1])
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    optkit.race([GradientDescent(1e-4)], tasks.linear_regression(), steps=30, batch_size=100, seeds=range(100, 104),
                progress=True)
    (bar,) = bars
    assert bar.texts[0][1] == (12 * 5 + 4) * 30 and bar.total == (24 * 5 + 4) * 30 and bar.done == bar.total


def test_time_left(monkeypatch):
    now = [10.0]
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    bar = Bar(100)
    assert bar.text() == "0%, starting"
    now[0] = 12.0
    bar.advance(25)
    assert bar.text() == "25%, 6 s left"


def test_what_was_done_before_says_nothing_of_the_time_left(monkeypatch):
    now = [10.0]
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    bar = Bar(100)
    bar.skip(50)
    assert bar.text() == "50%, starting"
    now[0] = 12.0
    bar.advance(25)
    assert bar.text() == "75%, 2 s left"


def test_a_terminal_is_left_clean(capsys):
    bar = TerminalBar(4)
    bar.advance(1)
    bar.close()
    written = capsys.readouterr().err
    assert "25%" in written and written.endswith("\r") and set(written.split("\r")[-2]) == {" "}


def test_a_notebook_keeps_nothing_of_its_bar(monkeypatch):
    handle = Handle()
    display = types.ModuleType("IPython.display")
    display.display = lambda *_, **__: handle
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    bar = NotebookBar(4)
    bar.advance(2)
    assert "50%" in handle.updates[-1]["text/html"] and 'value="2"' in handle.updates[-1]["text/html"]
    bar.close()
    assert handle.updates[-1] == {}


@pytest.mark.parametrize("wanted, terminal, kernel, frontend, kind", [
    (True, False, False, False, TerminalBar), (False, True, True, True, Bar),
    (None, True, False, False, TerminalBar), (None, False, False, False, Bar),
    (None, True, True, False, Bar),  # a notebook that a program runs, from a terminal
    (None, False, True, True, NotebookBar), (True, False, True, False, NotebookBar),
])
def test_it_is_shown_where_somebody_looks(monkeypatch, wanted, terminal, kernel, frontend, kind):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    if kernel:
        monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
        display = types.ModuleType("IPython.display")
        display.display = lambda *_, **__: Handle()
        monkeypatch.setitem(sys.modules, "IPython.display", display)
    for name in progress._FRONTENDS:
        monkeypatch.delenv(name, raising=False)
    if frontend:
        monkeypatch.setenv("JPY_SESSION_NAME", "notebook.ipynb")
    with shown(wanted, 10) as bar:
        assert type(bar) is kind


def test_a_bar_is_closed_when_the_work_fails(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with pytest.raises(RuntimeError), shown(True, 10) as bar:
        bar.advance(3)
        raise RuntimeError
    assert capsys.readouterr().err.endswith("\r")


def test_another_value_is_refused():
    with pytest.raises(ValueError, match="progress must be True, False or None, got 'yes'"), shown("yes", 1):
        pass

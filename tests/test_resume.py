"""A sweep in a folder: interrupted in every way, it goes on where it stopped and ends as if nothing had been."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

import optkit
from optkit import Adam, GradientDescent, Momentum, resume, tasks, training
from optkit.hardware import keras
from optkit.progress import Bar
from test_sweep import blobs, dense, digest, network, short

ROOT = Path(__file__).parent.parent


def swept(folder=None):
    """40 runs in three pieces, of a model with random numbers; a new task each time, as in a new process."""
    task = blobs(network(dense(4), lambda: keras.layers.Dropout(0.5), dense(3)))
    return short(Adam(), task, learning_rate=np.linspace(0.01, 0.1, 8), seeds=range(5), steps=70, keep_in=folder)


@pytest.fixture(scope="module")
def whole():
    """What comes out without a folder."""
    return digest(swept())


@pytest.fixture
def trained(monkeypatch):
    """The numbers of the pieces that are trained to their end."""
    numbers, keep = [], resume.Kept.keep
    monkeypatch.setattr(resume.Kept, "keep", lambda self, number, arrays: (numbers.append(number),
                                                                           keep(self, number, arrays)))
    return numbers


def files(folder):
    return sorted(path.name for path in Path(folder).iterdir())


ALL = ["lock", "piece-0000.npz", "piece-0001.npz", "piece-0002.npz", "sweep.json"]


def test_a_kept_sweep_is_the_sweep_and_a_second_call_trains_nothing(tmp_path, whole, trained):
    assert digest(swept(tmp_path / "new" / "folder")) == whole and sorted(trained) == [0, 1, 2]
    assert files(tmp_path / "new" / "folder") == ALL
    assert digest(swept(tmp_path / "new" / "folder")) == whole and len(trained) == 3


def process(program, *arguments):
    program = ("import signal, sys, time; sys.path.insert(0, 'tests'); from test_resume import resume, swept, training\n"
               + program)
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, cwd=ROOT)


# Trains the pieces in turn, says when the second is finished, and waits before it is kept.
SLOW = """
training.os.cpu_count = lambda: -3  # one thread
keep = resume.Kept.keep
def slowly(self, number, arrays):
    if number == 1:
        print("here", flush=True)
        time.sleep(WAIT)
    keep(self, number, arrays)
resume.Kept.keep = slowly
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may have been told to ignore it
swept(sys.argv[1])
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_sweep_that_was_ended_goes_on_after_its_last_piece(tmp_path, whole, trained, how):
    wait = "3600" if how is signal.SIGKILL else "1"  # Ctrl-C lets a piece that is being written come to its end
    running = process(SLOW.replace("WAIT", wait), tmp_path)
    try:
        assert running.stdout.readline() == "here\n", running.stderr.read()
        running.send_signal(how)
        _, error = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == -how and (how is signal.SIGKILL or "KeyboardInterrupt" in error)
    pieces = files(tmp_path)
    assert "piece-0000.npz" in pieces and "piece-0002.npz" not in pieces
    before = (tmp_path / "piece-0000.npz").stat().st_mtime_ns
    assert digest(swept(tmp_path)) == whole and files(tmp_path) == ALL
    assert 0 not in trained and 2 in trained and (tmp_path / "piece-0000.npz").stat().st_mtime_ns == before


class Interrupting(Bar):
    def advance(self, amount):
        raise KeyboardInterrupt


def test_an_interrupted_sweep_does_not_go_on_to_its_end(monkeypatch):
    """Pieces that are under way stop within 64 steps, and those that wait are not begun."""
    calls, program = [], training._Program.__call__

    def slower(self, *arguments):
        calls.append(len(calls))
        time.sleep(0.01)  # longer than it takes the threads to hear of an interruption
        return program(self, *arguments)

    monkeypatch.setattr(training._Program, "__call__", slower)
    with pytest.raises(KeyboardInterrupt):  # when the first piece is finished
        short(Adam(), learning_rate=np.linspace(0.01, 0.1, 64), seeds=range(10), steps=30 * 64,
              progress=Interrupting(1))
    assert len(calls) < 40 * os.cpu_count()


def test_two_processes_do_not_share_a_folder(tmp_path):
    running = process(SLOW.replace("WAIT", "3600"), tmp_path)
    try:
        assert running.stdout.readline() == "here\n", running.stderr.read()
        with pytest.raises(RuntimeError, match=f"keep_in: another sweep is at work in {tmp_path}"):
            swept(tmp_path)
    finally:
        running.kill()
        running.communicate()
    swept(tmp_path)  # the lock has gone with the process


# The disk

@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a file on a disk that is always full")
def test_a_full_disk_is_an_error_that_loses_nothing(tmp_path, whole, trained):
    (tmp_path / "piece-0001.npz.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"could not be kept \(No space left on device\); those before it are") as caught:
        swept(tmp_path)
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(tmp_path / "piece-0001.npz")
    assert "piece-0000.npz" in files(tmp_path) and not set(files(tmp_path)) - set(ALL)
    trained.clear()
    assert digest(swept(tmp_path)) == whole and files(tmp_path) == ALL and 0 not in trained


def test_a_disk_without_room_for_all_pieces_is_refused_before_any_training(tmp_path, monkeypatch, trained):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=10_000))
    with pytest.raises(OSError, match="keep_in has too little room: the sweep needs .* more, and there are 10000"):
        swept(tmp_path)
    assert not trained


@pytest.fixture
def read_only():
    """A folder that may be read and not written to, by root neither."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_folder_is_refused_before_any_training(read_only, trained):
    for folder in (read_only, read_only / "new"):
        with pytest.raises(PermissionError, match="keep_in must be a folder that can be written to") as caught:
            swept(folder)
        assert caught.value.filename == str(folder) and not trained


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="keep_in must be a folder"):
        swept(tmp_path / "file")


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(path.read_bytes()[:-1000]), lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes().replace(b"history", b"historx")),
    lambda path: path.write_bytes((path.parent / "piece-0000.npz").read_bytes())],
    ids=["cut off", "empty", "altered", "another piece"])
def test_a_damaged_piece_is_named_and_trained_again(tmp_path, whole, trained, damage):
    swept(tmp_path)
    damage(tmp_path / "piece-0002.npz")
    trained.clear()
    with pytest.warns(UserWarning, match="piece-0002.npz is not as it was written; its runs are trained again"):
        assert digest(swept(tmp_path)) == whole
    assert trained == [2]
    assert digest(swept(tmp_path)) == whole and trained == [2]


def test_a_damaged_description_is_refused(tmp_path):
    swept(tmp_path)
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(ValueError, match="sweep.json is damaged"):
        swept(tmp_path)


# Another sweep

class Other(Adam):
    """The same name and hyperparameters as below, and other lines."""


Other.__qualname__ = Other.__name__ = "Adam"
Other.step = lambda self, xp, t, g, m, v: (self.learning_rate * g, 0.5 * m, v)


def changed(**changes):
    def again(folder):
        return short(**{"rule": Adam(), "learning_rate": [0.1, 0.2], "keep_in": folder} | changes)
    return again


def other_data():
    task = blobs()
    return optkit.Task(task.model, task.loss, task.train, (task.validation[0] + 1, task.validation[1]), task.test)


@pytest.mark.parametrize("words, again", [
    (r"rule was Adam\(.*and is Adam\(.*beta_1=0.5", changed(rule=Adam(beta_1=0.5))),
    ("rule was", changed(rule=Momentum())),
    ("the code of the rule was another", changed(rule=Other())),
    ("the grid was", changed(learning_rate=[0.1, 0.3])),
    (r"seeds was \[3, 4\] there and is \[3, 5\] now", changed(seeds=(3, 5))),
    ("steps was 3 there and is 4 now", changed(steps=4)),
    ("batch_size was 8 there and is 9 now", changed(batch_size=9)),
    ("schedule was another", changed(schedule=lambda t: 1 / (1 + t))),
    ("the data of the task was another", changed(task=other_data())),
    ("the split into parts was another", changed(redraw=True)),
    ("initial weights was another", changed(task=blobs(network(dense(5, activation="tanh"), dense(3))))),
    ("the first steps .the model.* was another", changed(task=blobs(network(dense(4, activation="relu"), dense(3))))),
])
def test_another_sweep_is_refused_with_the_reason(tmp_path, monkeypatch, words, again):
    changed()(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(training, "trained", None)
    with pytest.raises(ValueError, match=f"keep_in: {tmp_path} holds another sweep.*{words}"):
        again(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["the program of optkit", "the version of tensorflow", "the runs in a piece"])
def test_another_program_is_refused_with_the_reason(tmp_path, name):
    changed()(tmp_path)
    description = json.loads((tmp_path / "sweep.json").read_text())
    assert name in description
    (tmp_path / "sweep.json").write_text(json.dumps(description | {name: "another"}))
    with pytest.raises(ValueError, match=name):
        changed()(tmp_path)


# A race

def test_an_interrupted_race_goes_on(tmp_path, monkeypatch, trained):
    def raced(folder):
        return optkit.race({"a/b": GradientDescent(), "c": Momentum()}, tasks.linear_regression(), steps=30,
                           batch_size=100, rates=9, seeds=range(100, 104), keep_in=folder)

    expected = raced(None).table()
    keep = resume.Kept.keep

    def interrupted(self, number, arrays):
        keep(self, number, arrays)
        if "result" in self.folder.name:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(resume.Kept, "keep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            raced(tmp_path)
    done = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/piece-*")}
    assert any("grid-1" in str(path) for path in done)
    assert raced(tmp_path).table().equals(expected)
    assert files(tmp_path) == ["a%2Fb-grid-1", "a%2Fb-result", "c-grid-1", "c-result"]
    assert all(path.stat().st_mtime_ns == then for path, then in done.items())
    trained.clear()
    assert raced(tmp_path).table().equals(expected) and not trained

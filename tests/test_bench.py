"""The benchmark counts what it says, refuses ways that do other work, and its page shows what was measured."""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import optkit
import pytest
from optkit import tasks

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "_extensions")]

import bench  # noqa: E402
import speed  # noqa: E402
import work as shared  # noqa: E402

RESULTS = json.loads(bench.RESULTS.read_text("utf-8"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "work.npz"
    shared.written(path, 2)
    return path


def test_the_work_is_that_of_the_sweep(path):
    """Its batches, weights and rates give the losses of a sweep, before and after one step."""
    work = shared.Work(path, 24)
    swept = optkit.sweep(optkit.Adam(), tasks.digits(), learning_rate=shared.RATES, seeds=range(2), steps=3,
                         batch_size=shared.BATCH_SIZE)  # a diverged run has infinite loss in its last step: the third
    for run in (0, 1, 13, 22):
        inputs, targets = work.batches(run)
        assert inputs.shape == (shared.STEPS, 64, 64) and targets.shape == (shared.STEPS, 64)
        weights, rule = work.weights(run), optkit.Adam(work.rate(run))
        first, gradient = loss_and_gradient(weights, inputs[0], targets[0])
        step, _ = rule.update(gradient, rule.init(weights))
        second, _ = loss_and_gradient([weight - moved for weight, moved in zip(weights, step)], inputs[1], targets[1])
        np.testing.assert_allclose([first, second], swept.loss.reshape(24, 3)[run, :2], rtol=1e-4)


def loss_and_gradient(weights, inputs, targets):
    """Of the digits network, by hand."""
    hidden, hidden_bias, last, last_bias = weights
    middle = np.maximum(inputs @ hidden + hidden_bias, 0)
    outputs = np.exp(middle @ last + last_bias)
    shares = outputs / outputs.sum(axis=1, keepdims=True)
    wrong = (shares - np.eye(10, dtype="float32")[targets]) / len(targets)
    back = (wrong @ last.T) * (middle > 0)
    loss = -np.log(shares[np.arange(len(targets)), targets]).mean()
    return loss, [inputs.T @ back, back.sum(axis=0), middle.T @ wrong, wrong.sum(axis=0)]


def test_a_number_of_runs_that_is_no_grid_is_refused(path):
    for runs in (0, 13, 36):
        with pytest.raises(ValueError, match=f"runs must be 12, .* up to 24, got {runs}"):
            shared.Work(path, runs)


def test_operations_are_those_of_the_products():
    """Two for each weight and example: forward, and backward for weights and for inputs but the first layer's."""
    one = 2 * 64 * (64 * 64 + 64 * 10) + 2 * 64 * (64 * 64 + 64 * 10) + 2 * 64 * 64 * 10
    assert shared.operations([64, 64, 10], 240) == one * 300 * 240 == RESULTS["operations"]


def rounds():
    losses = np.linspace(2, 3, 480).reshape(240, 2)
    sweep = {"losses": losses, "accuracy": np.full(240, 0.9)}
    way = {"losses": losses[[0, 100]], "accuracy": [0.9, 0.905], "timed": [0, 100]}
    return {"sweep 240": [sweep], "jax": [dict(sweep)], "naive": [way], "best": [copy.deepcopy(way)]}


def test_a_way_that_does_other_work_is_refused():
    bench.check_same_work(rounds())
    for way, change in (("jax", {"losses": rounds()["jax"][0]["losses"] * 1.01}), ("naive", {"accuracy": [0.8, 0.9]}),
                        ("best", {"timed": [0, 101]}), ("best", {"accuracy": [np.nan, 0.9]})):
        found = rounds()
        found[way][0].update(change)
        with pytest.raises(SystemExit, match=f"{way} does other work"):
            bench.check_same_work(found)


def test_a_way_that_fails_says_why():
    with pytest.raises(SystemExit, match="no such way"):
        bench.measured([sys.executable, "-c", "raise SystemExit('no such way')"])


def test_the_page_shows_what_was_measured(site):
    text = (site / "appendix" / "speed.html").read_text("utf-8")
    shown = ([RESULTS["machine"]["processor"], f"{RESULTS['operations'] / 1e9:.1f} billion operations"]
             + [f"<p>{speed.rounded(RESULTS['ratios'][f'{way} {when}'])} times</p>" for way in speed.WAYS
                for when in ("first", "later")]
             + [f"<p>{speed.rounded(one['peak'])}</p>" for one in speed.sizes(RESULTS).values()])
    for words in shown:
        assert words in text, words
    assert "from 12 to 960. Above, the seconds" in text


@pytest.mark.parametrize("number, said", [(0.6042, "0.6"), (0.1234, "0.12"), (4.56, "4.6"), (45.6, "46"),
                                          (1234.5, "1,234")])
def test_numbers_are_short(number, said):
    assert speed.rounded(number) == said

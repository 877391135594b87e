"""Schedules are pure functions of the step, and a sweep takes them."""

import numpy as np
import pytest
from optkit import GradientDescent, schedules, sweep, tasks

STEPS = np.arange(10)
ALL = {
    "linear_decay": schedules.linear_decay,
    "cosine_decay": schedules.cosine_decay,
    "warm_up": lambda t: schedules.warm_up(t, steps=5),
}


def test_by_hand():
    assert np.allclose(schedules.linear_decay(np.arange(4)), [1, 0.75, 0.5, 0.25])
    assert np.allclose(schedules.cosine_decay(np.arange(4)), [1, 0.5 + 8**-0.5, 0.5, 0.5 - 8**-0.5])
    assert np.allclose(schedules.warm_up(np.arange(4), 2), [0.5, 1, 1, 1])


@pytest.mark.parametrize("name", ALL)
def test_a_factor_for_each_step_between_0_and_1_and_nothing_changed(name):
    t = STEPS.copy()
    factors = ALL[name](t)
    assert factors.shape == t.shape and factors.dtype == float
    assert np.all((factors >= 0) & (factors <= 1))
    assert np.array_equal(t, STEPS)
    assert np.array_equal(ALL[name](t), factors)


@pytest.mark.parametrize("name", ["linear_decay", "cosine_decay"])
def test_a_decay_starts_at_the_full_rate_and_never_rises(name):
    factors = ALL[name](STEPS)
    assert factors[0] == 1 and np.all(np.diff(factors) <= 0) and factors[-1] < 0.2


def test_they_multiply():
    factors = schedules.warm_up(STEPS, 5) * schedules.linear_decay(STEPS)
    assert factors.argmax() == 4 and factors[0] == 0.2 and np.isclose(factors[-1], 0.1)


def test_a_sweep_takes_each_of_them():
    task = tasks.linear_regression()
    for schedule in ALL.values():
        swept = sweep(GradientDescent(), task, learning_rate=[0.001], seeds=[0], steps=10, batch_size=600,
                      schedule=schedule)
        assert np.isfinite(swept.loss).all()

"""The sign test against a table, and its errors."""

import numpy as np
import pytest

from optkit.comparison import holm, ratios_to_best, sign_test, steps_to


@pytest.mark.parametrize("wins, pairs, chance", [(20, 20, 2 / 2**20), (15, 20, 0.0414), (14, 20, 0.1153),
                                                 (10, 20, 1.0), (0, 5, 2 / 32)])
def test_chance_is_the_binomial_table(wins, pairs, chance):
    first = np.where(np.arange(pairs) < wins, 0.0, 2.0)
    assert sign_test(first, np.ones(pairs)) == (wins, pytest.approx(chance, abs=5e-5))


def test_ties_are_left_out_and_infinite_losses_lose():
    assert sign_test([1, 1, 0, 0, np.inf], [1, 1, 1, 1, 1]) == (2, pytest.approx(1.0))


def test_false_alarms_are_as_rare_as_the_chance_says():
    generator = np.random.default_rng(0)
    alarms = [sign_test(*generator.normal(size=(2, 20)))[1] < 0.05 for _ in range(2000)]
    assert 0.025 < np.mean(alarms) < 0.055  # 0.0414 is the largest attainable level below 0.05


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="as long as each other"):
        sign_test([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="equal in every pair"):
        sign_test([1.0, 2.0], [1.0, 2.0])


def test_holm_multiplies_the_smallest_most_and_keeps_the_order():
    # By hand: 0.01 x 4, 0.02 x 3, then 0.03 x 2 is no less than that, 0.04 x 1 is raised to it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, 1.5])


def test_steps_to_a_target_are_counted_by_the_mean_of_a_window():
    falling = np.arange(10, 0, -1.0)  # 10, 9, ..., 1
    easy_batch = np.array([9, 9, 0, 9, 9, 9, 9, 9, 9, 9.0])
    broken = np.array([9, 9, 9, np.inf, 1, 1, 1, 1, 1, 1.0])
    assert list(steps_to([falling, easy_batch, broken], 5, window=3)) == [7, np.inf, 7]
    assert list(steps_to([falling, easy_batch], 5, window=1)) == [6, 3]
    with pytest.raises(ValueError, match="window must be from 1 to the number of steps, 10"):
        steps_to(falling, 5, window=11)


def test_ratios_to_the_best_are_taken_setting_by_setting():
    ratios = ratios_to_best({"one": [1.0, 4.0, np.inf], "two": [3.0, 2.0, np.inf], "three": [np.inf, 2.0, np.inf]})
    assert {key: list(values) for key, values in ratios.items()} == {
        "one": [1, 2, np.inf], "two": [3, 1, np.inf], "three": [np.inf, 1, np.inf]}

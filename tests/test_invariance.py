"""The invariance ledger against what is known of each rule from its formula."""

import warnings

import pytest

import optkit
from optkit.invariance import ledger

UNCHANGED = "same path"


@pytest.mark.parametrize("rule, loss, turned", [
    (optkit.GradientDescent(0.05), "diverges", UNCHANGED),
    (optkit.Momentum(0.05), "diverges", UNCHANGED),
    (optkit.AdaGrad(0.5), UNCHANGED, None),
    (optkit.RMSprop(0.01), UNCHANGED, None),
    (optkit.Adam(0.05), UNCHANGED, None),
    (optkit.AdaMax(0.05), UNCHANGED, None)])
def test_entries_follow_from_the_formula(rule, loss, turned):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        entries = ledger(rule).rows[type(rule).__name__]
    assert entries["loss × 1,000"] == loss
    if turned:
        assert entries["turned by 30°"] == turned
    else:
        assert entries["turned by 30°"].startswith("moves by")
    assert entries["first axis in other units"] != UNCHANGED
    assert entries["noisy gradients"].startswith("stays ")


def test_weight_decay_knows_the_units_of_the_parameters():
    """Beside the step a decay is in the units of the path; the size of the loss is none of its business."""
    entries = ledger(optkit.AdamW(0.05, weight_decay=0.5)).rows["AdamW"]
    assert entries["loss × 1,000"] == UNCHANGED
    assert all(entries[name] != UNCHANGED for name in ("first axis in other units", "turned by 30°"))


def test_several_rules_stand_side_by_side():
    table = ledger(optkit.GradientDescent(0.05), optkit.Adam(0.05))
    assert table._repr_html_().count("<th ") == 2 + 4
    assert [line.split(":")[0] for line in repr(table).splitlines()] == ["GradientDescent", "Adam"]

"""Claims: what they show, the data they leave in a notebook, and what is refused."""

import pytest

from optkit.claims import CLAIMS, KEY, Claim


def announced():
    return Claim("C01", measured="steps in which the loss rises, < 10", refuted_if="it rises and converges")


def test_a_claim_shows_what_would_refute_it_before_it_is_judged():
    assert CLAIMS["C01"] in repr(announced()) and "it rises and converges" in repr(announced())
    assert "&lt; 10" in announced()._repr_html_()  # text is text, also in the table


def test_a_verdict_is_shown_and_left_as_data():
    data, metadata = announced().judged("false", "35% of the steps")._repr_mimebundle_()
    assert "35% of the steps" in data["text/html"] and "Verdict: false" in data["text/plain"]
    assert metadata[KEY] == {"id": "C01", "claim": CLAIMS["C01"], "measured": "steps in which the loss rises, < 10",
                             "refuted_if": "it rises and converges", "number": "35% of the steps", "verdict": "false"}


@pytest.mark.parametrize("verdict", ["true", "holds when ", "holds when ...", ""])
def test_a_verdict_is_one_of_the_fixed_words(verdict):
    with pytest.raises(ValueError, match="verdict must be one of"):
        announced().judged(verdict, "1")


def test_holds_when_goes_on_in_words():
    assert announced().judged("holds when it is Tuesday", "1").verdict == "holds when it is Tuesday"


def test_an_unknown_claim_is_refused():
    with pytest.raises(ValueError, match="id must be one of C01.*got 'C99'"):
        Claim("C99", measured="", refuted_if="")

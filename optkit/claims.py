"""What people say about optimizers, and what came out when it was measured.

A claim is announced before its experiment runs, and judged after:

    c01 = Claim("C01", measured="...", refuted_if="...")
    c01.judged("false", "the loss rose in 30% of the steps")

Both show as a small table. The verdict is in the notebook as data too, in the metadata of the cell's output under
``KEY``, so that a page of all verdicts can be made from the stored outputs.
"""

import html
from dataclasses import dataclass

KEY = "optkit_verdict"

CLAIMS = {
    "C01": "Gradient descent converges because every update lowers the loss.",
    "C02": "The learning rate must be small; a large one slows convergence or overshoots.",
    "C03": "On convex losses batch descent reaches the global minimum, on others a local one.",
    "C04": "Stochastic descent is faster because it can update parameters in parallel.",
    "C05": "Stochastic descent's loss oscillates; with a decaying rate it converges like batch descent.",
    "C06": "The noise of stochastic descent can carry it to a better minimum.",
    "C07": "Mini-batches of 50 to 256 lower the variance and use the hardware best.",
    "C08": "Batch descent repeats redundant work when examples are alike.",
}
VERDICTS = ("holds", "false", "undecided", "ill-posed", "not testable here")  # or "holds when", and when it does


@dataclass(frozen=True)
class Claim:
    """A claim with its experiment, before it is run: what is measured, and which result would refute the claim.

    ``id`` is one of ``CLAIMS``. ValueError names another id.
    """

    id: str
    measured: str
    refuted_if: str

    def __post_init__(self):
        if self.id not in CLAIMS:
            raise ValueError(f"id must be one of {', '.join(CLAIMS)}, got {self.id!r}")

    def judged(self, verdict, number):
        """The claim with its verdict, one of ``VERDICTS`` or "holds when" and a condition, and what was measured.

        ValueError names another verdict.
        """
        condition = verdict.removeprefix("holds when ").strip(" .") if verdict.startswith("holds when ") else ""
        if verdict not in VERDICTS and not condition:
            raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}, or 'holds when' and a condition; "
                             f"got {verdict!r}")
        return Verdict(self, verdict, number)

    def rows(self):
        return {f"Claim {self.id}": CLAIMS[self.id], "Measured": self.measured, "Refuted if": self.refuted_if}

    def __repr__(self):
        return "\n".join(f"{name}: {text}" for name, text in self.rows().items())

    def _repr_html_(self):
        return _table(self.rows())


@dataclass(frozen=True)
class Verdict:
    """A claim that has been measured."""

    claim: Claim
    verdict: str
    number: str

    def rows(self):
        return {f"Claim {self.claim.id}": CLAIMS[self.claim.id], "Came out": self.number, "Verdict": self.verdict}

    def __repr__(self):
        return "\n".join(f"{name}: {text}" for name, text in self.rows().items())

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"id": self.claim.id, "claim": CLAIMS[self.claim.id], "measured": self.claim.measured,
                "refuted_if": self.claim.refuted_if, "number": self.number, "verdict": self.verdict}
        return {"text/html": _table(self.rows()), "text/plain": repr(self)}, {KEY: data}


def _table(rows):
    cells = "".join(f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(text)}</td></tr>'
                    for name, text in rows.items())
    return f'<table class="claim">{cells}</table>'

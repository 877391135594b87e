"""What people say about optimizers, and what came out when it was measured.

A claim is announced before its experiment runs, and judged after::

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
    "C09": "Plain stochastic descent gets stuck at saddle points.",
    "C10": "Momentum damps the oscillation across a ravine and speeds up along it.",
    "C11": "Where gradients disagree a lot, their sum in the velocity stalls training.",
    "C12": "Nesterov's look-ahead brakes before the slope rises.",
    "C13": "AdaGrad suits sparse data: rare features get larger updates.",
    "C14": "Without the square root AdaGrad performs very badly.",
    "C15": "AdaGrad's growing denominator ends learning.",
    "C16": "AdaGrad spares you tuning the learning rate.",
    "C17": "AdaDelta needs no learning rate.",
    "C18": "RMSprop damps oscillation, so a larger learning rate may be used.",
    "C19": "RMSprop, AdaDelta and Adam behave alike.",
    "C20": "Adam converges faster than stochastic descent.",
    "C21": "Adam's m and v start biased towards zero and must be corrected.",
    "C22": "As gradients grow sparse, Adam beats RMSprop.",
    "C23": "Adam adjusts the learning rate by itself, so it hardly needs tuning.",
    "C24": "Adam's epsilon is only there to avoid a division by zero.",
    "C25": "For large p the Lp norm is unstable, yet the maximum norm is stable.",
    "C26": "AdaMax's u needs no bias correction.",
    "C27": "Adam is the best choice overall.",
    "C28": "Simple models need only stochastic descent, complex ones need Adam.",
    "C29": "Stochastic descent converges quickly, Adam to high precision.",
    "C30": "Adam solves vanishing and exploding gradients.",
    "C31": "Batch or layer normalisation reduces vanishing and exploding gradients.",
    "C32": "Early stopping keeps a model out of poor local minima.",
    "C33": "Learning-rate decay improves the final model.",
    "C34": "Adam makes a trained model more robust to disturbed inputs than stochastic descent does.",
    "C35": "With much data, a distributed Adam is the way.",
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
        return {"text/html": _table(self.rows(), anchor(self.claim.id)), "text/plain": repr(self)}, {KEY: data}


def anchor(claim):
    """Where on its page a claim is judged: what stands after # in an address."""
    return f"verdict-{claim.lower()}"


def _table(rows, anchor=""):
    cells = "".join(f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(text)}</td></tr>'
                    for name, text in rows.items())
    place = f' id="{anchor}"' if anchor else ""
    return f'<table class="claim"{place}>{cells}</table>'

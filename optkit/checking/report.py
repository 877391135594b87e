"""What a check found, as text, as a table with a picture, and as data."""

import html
from dataclasses import dataclass, field

import numpy as np

from optkit.checking.holders import NAMES
from optkit.checking.judge import EXACT
from optkit.checking.probe import KINDS, SHAPE


@dataclass(frozen=True)
class Report:
    """What ``optkit.check`` found.

    ``ok``: does the candidate do what the rule says, in its own words or in a dialect? ``verdict``: one sentence.
    ``mistake``: the id of the mistake, or None; several at once are joined by " + ". ``why``: why the loss may fall
    all the same. ``dialect``: the id of a right form other than the paper's, or None. ``step`` (from 1) and
    ``coordinate``: where the candidate first departs from the rule, ``expected`` and ``got``: how far that coordinate
    should have moved in that step, and how far it did; all four are None when it does not depart. ``form``: a key of
    ``optkit.checking.FORMS``, as the candidate was understood, or None. ``hyperparameters``: those it was judged at.
    ``notes``: what else a user should know, such as an epsilon that was inferred. ``drift``: by how much the candidate
    is off after each step, relative to the way of each coordinate, the worst one; None without a walk.
    """

    ok: bool
    verdict: str
    rule: str
    mistake: str | None = None
    why: str = ""
    dialect: str | None = None
    step: int | None = None
    coordinate: str | None = None
    expected: float | None = None
    got: float | None = None
    form: str | None = None
    hyperparameters: dict = field(default_factory=dict)
    notes: tuple = ()
    drift: np.ndarray | None = field(default=None, repr=False, compare=False)

    @classmethod
    def failed(cls, rule, mistake, verdict, **others):
        """The report on a candidate that could not be followed through the probe."""
        return cls(False, verdict, type(rule).__name__, mistake, **others)

    def as_dict(self):
        """Everything but the drift, in types that JSON knows; what is not a finite number is text there."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()
                  if name != "drift"}
        for name in ("expected", "got"):
            if values[name] is not None and not np.isfinite(values[name]):
                values[name] = str(values[name])
        return values

    def __str__(self):
        return "\n".join(f"{name}: {value}" if name else value for name, value in self._rows())

    __repr__ = __str__

    def _rows(self):
        yield "", self.verdict
        if self.why:
            yield "Why unnoticed" if self.mistake else "The dialect", self.why
        if self.step is not None:
            yield "First off", (f"step {self.step}, {self.coordinate}: it should move by {self.expected:.3g} and moves "
                                f"by {self.got:.3g}")
        if self.hyperparameters:
            yield "Judged at", ", ".join(f"{name} {value:.4g}" for name, value in self.hyperparameters.items())
        for note in self.notes:
            yield "Note", note

    def _repr_html_(self):
        rows = "".join(f'<tr><th scope="row">{html.escape(name or "Verdict")}</th><td>{html.escape(value)}</td></tr>'
                       for name, value in self._rows())
        return f'<table class="claim">{rows}</table>'

    def _ipython_display_(self):
        from IPython.display import Image, display

        display({"text/html": self._repr_html_(), "text/plain": str(self)}, raw=True)
        if not self.ok and self.drift is not None:
            display(Image(self.picture(), format="png", alt=self.alternative_text()))

    def picture(self):
        """The drift over the steps, a PNG."""
        from optkit import plot

        steps = np.arange(1, len(self.drift) + 1)
        figure = plot.lines(steps, {"your code": np.clip(np.nan_to_num(self.drift, posinf=1e3), 1e-9, 1e3)},
                            x_label="step of the probe", y_label="off by, relative to the way", y_log=True)
        return figure._repr_png_()

    def alternative_text(self):
        """What the picture shows."""
        return (f"How far this code is from {self.rule} after each of {len(self.drift)} steps of the probe, relative "
                f"to the way of the coordinate that is farthest off: first off at step {self.step}, at the end by "
                f"{_share(self.drift[-1])}.")


def _share(value):
    return f"{value:.0%}" if np.isfinite(value) and value < 10 else "more than ten times"


def departure(walk, verdict, start, holder):
    """Where a walk first leaves the rule, and how far it is off after each step: as fields of ``Report``."""
    made, right = walk.points - start, verdict.expected[:len(walk.points)]
    tolerance = 1e-4 if walk.single or verdict.fits and verdict.error > EXACT else 1e-8
    with np.errstate(all="ignore"):
        size = np.abs(right).max(axis=0)
        off = np.abs(made - right) / np.where(size > 0, size, np.abs(start))
        off = np.where(np.isnan(off), np.inf, off)
    found = {"drift": off.max(axis=(1, 2))}
    if (off > tolerance).any():
        step = int(np.argmax((off > tolerance).any(axis=(1, 2))))
        parameter, place = (int(i) for i in np.unravel_index(np.argmax(off[step]), off[step].shape))
        own, rules = (np.diff(path[:, parameter, place], prepend=0.0)[step] for path in (made, right))
        found |= {"step": step + 1, "coordinate": _coordinate(holder, parameter, place), "expected": float(rules),
                  "got": float(own)}
    return found


def _coordinate(holder, parameter, place):
    """A coordinate in words that a reader finds in the code: "W1[1, 0]", "parameter 2, [1, 0]", "coordinate [5]"."""
    shape = SHAPE if holder is None else holder.shape if holder.size == KINDS else (KINDS,)
    index = ", ".join(str(int(i)) for i in np.unravel_index(place, shape))
    if holder is not None and holder.kind == "dict":
        return f"{NAMES[parameter]}[{index}]"
    if holder is None or holder.count > 1:
        return f"parameter {parameter + 1}, [{index}]"
    return f"coordinate [{index}]"

"""The invariance ledger: what a rule does when the same problem is put to it in another way."""

import html

import numpy as np

from optkit.surfaces import Ravine

_SURFACE = Ravine(condition_number=10.0, angle=20.0)
_START = np.array([-1.6, 0.9])
_STEPS = 100


class Ledger:
    """A table of what each rule does: it shows itself in a notebook. ``rows`` maps a rule's name to its entries."""

    def __init__(self, rows):
        self.rows = rows

    def __repr__(self):
        return "\n".join(f"{rule}: " + "; ".join(f"{change}: {entry}" for change, entry in entries.items())
                         for rule, entries in self.rows.items())

    def _repr_html_(self):
        # A rule a column and a change a row: so the table fits a phone.
        head = "".join(f'<th scope="col">{html.escape(rule)}</th>' for rule in self.rows)
        body = "".join(f'<tr><th scope="row">{html.escape(change)}</th>'
                       + "".join(f"<td>{html.escape(entries[change])}</td>" for entries in self.rows.values()) + "</tr>"
                       for change in next(iter(self.rows.values())))
        return f'<table class="ledger"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'


def ledger(*rules):
    """How far each rule's path of 100 steps moves when one thing about the problem changes.

    On a ravine of condition number 10, turned by 20 degrees, from (-1.6, 0.9). The loss is multiplied by 1,000; the
    first axis is measured in units ten times smaller; the whole problem is turned by 30 degrees; each gradient gets
    normal noise of deviation 0.5. Paths are compared in the units of the original problem: "same path" is up to 1e-6
    of the start's distance from the minimum. Under noise the entry is the distance from the minimum (root mean
    square) over the last 50 steps.
    """
    return Ledger({type(rule).__name__: _entries(rule) for rule in rules})


def _entries(rule):
    units, c, s = np.diag([10.0, 1.0]), np.cos(np.pi / 6), np.sin(np.pi / 6)
    noise = np.random.default_rng(0).normal(0, 0.5, (_STEPS, 2))
    plain = _walk(rule, np.eye(2))
    noisy = np.linalg.norm(_walk(rule, np.eye(2), noise=noise)[-50:], axis=1)
    return {
        "loss × 1,000": _compared(plain, _walk(rule, np.eye(2), factor=1000.0)),
        "first axis in other units": _compared(plain, _walk(rule, units)),
        "turned by 30°": _compared(plain, _walk(rule, np.array([[c, -s], [s, c]]))),
        "noisy gradients": f"stays {np.sqrt(np.mean(noisy**2)):.1g} away",
    }


def _walk(rule, transform, factor=1.0, noise=np.zeros((_STEPS, 2))):
    """The path in the original coordinates of a rule that walks in coordinates ``transform @ original``."""
    back = np.linalg.inv(transform)
    x = transform @ _START
    state, points = rule.init(x), [_START]
    with np.errstate(over="ignore", invalid="ignore"):  # a path that overflows is reported as one that diverges
        for t in range(_STEPS):
            gradient = factor * (back.T @ _SURFACE.gradient(back @ x) + noise[t])
            step, state = rule.update(gradient, state, x)
            x = x - step
            points.append(back @ x)
            if not np.isfinite(x).all():
                break
    return np.array(points)


def _compared(plain, other):
    size = np.linalg.norm(_START)
    if len(other) < len(plain) or np.abs(other[-1]).max() > size:
        return "diverges"
    moved = np.linalg.norm(other - plain, axis=1).max() / size
    if moved < 1e-6:
        return "same path"
    return f"moves by {moved:.0%}" if moved >= 0.01 else "moves by less than 1%"

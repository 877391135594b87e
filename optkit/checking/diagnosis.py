"""From a verdict to a report: what is right only for a while, and what no known form explains."""

from dataclasses import replace

import numpy as np

from optkit.checking.catalogue import KNOWN, with_epochs
from optkit.checking.holders import NAMES
from optkit.checking.judge import EXACT, SINGLE, allowed, base, errors_of, judged
from optkit.checking.probe import KINDS, SHAPE, STEPS, gradients
from optkit.checking.report import Report, coordinate_name

_CHANGED = np.where(np.arange(STEPS) < 26, 1.0, 0.25)  # the learning rate, changed on the way
_OTHER_CONSTANTS = {"beta_1": (0.9, 0.5, 0.8, 0.95, 0.99, 0.0), "beta_2": (0.999, 0.99, 0.9, 0.95, 0.9999, 0.98),
                    "rho": (0.9, 0.95, 0.99, 0.999, 0.5, 0.8), "momentum": (0.9, 0.5, 0.8, 0.95, 0.99, 0.0),
                    "initial_accumulator": (0.1, 1e-6, 1e-8, 0.01)}


def reported(reading, walk, verdict, rule, probe):
    """The ``Report`` on a candidate that went through the probe, ``(start, gradients, factors on the rate)``."""
    if verdict.right:
        return _wrong_in_use(reading, walk, verdict, rule, probe) or _right(reading, walk, verdict, rule, probe)
    if not np.isfinite(walk.points).all() and "epsilon" in walk.settings:  # it may have one, and not use it
        without = judged(walk, rule, *probe, pairs=False, epsilons=0.0)
        if without.right:
            return _without_epsilon(reading, walk, without, rule, probe)
    if not verdict.fits and not _repeats(reading, walk, probe):
        return _report(reading, walk, verdict, rule, probe, "state-between-instances", _SHARED, "")
    if verdict.fits:
        wrong = [form for form in verdict.forms if not form.dialect]
        says = " and ".join(form.says for form in wrong)
        return _report(reading, walk, verdict, rule, probe, " + ".join(form.id for form in wrong), f"It {says}.",
                       " ".join(form.why for form in wrong))
    return _unknown(reading, walk, verdict, rule, probe)


_SHARED = ("A second, fresh optimizer does something else with the same gradients: state is kept in the class, in a "
           "default argument or in a global, or it starts from random or uninitialised memory.")


def _wrong_in_use(reading, walk, verdict, rule, probe):
    """The report on code whose single run is right, and which is wrong all the same; None if it is not."""
    start, g, factors = probe
    if verdict.epsilon == 0 and rule.hyperparameters()["epsilon"] > 0 and not np.isfinite(walk.points).all():
        return _without_epsilon(reading, walk, verdict, rule, probe)
    if not _repeats(reading, walk, probe):
        return _report(reading, walk, verdict, rule, probe, "state-between-instances", _SHARED,
                       "With one optimizer in the program it is right.")
    if getattr(reading, "in_turn", False):
        several = _in_turn(reading, walk, verdict, rule, probe)
        if several:
            return several
    if hasattr(reading, "holder") and not reading.asks:
        again = _again(reading, walk, probe, reuse=True)
        if again is None or not np.array_equal(again.points, walk.points, equal_nan=True) and not _same(again, walk):
            return _report(reading, again or walk, verdict, rule, probe, "keeps-the-gradient",
                           "It keeps the gradient array itself and not a copy: when the caller fills the same array "
                           "again, its memory changes.", "A caller who makes new gradients each step never sees it.")
    if walk.rate_changes:
        changed = _again(reading, walk, probe, by=_CHANGED)
        if changed is not None:
            other = judged(replace(changed, settings=walk.settings), rule, start, g, factors * _CHANGED)
            if other.fits and not other.right and other.error <= (SINGLE if walk.single else EXACT):
                wrong = [form for form in other.forms if not form.dialect]
                return _report(reading, replace(changed, settings=walk.settings), other, rule, probe,
                               " + ".join(form.id for form in wrong),
                               "It " + " and ".join(form.says for form in wrong) + ". (It shows when the learning rate "
                               "changes on the way.)", " ".join(form.why for form in wrong))
    return None


def _without_epsilon(reading, walk, verdict, rule, probe):
    return _report(reading, walk, verdict, rule, probe, "no-epsilon",
                   "It has no epsilon: where a gradient is zero it divides zero by zero, and the weight is NaN for ever.",
                   "Gradients that are exactly zero are rare, until a unit dies or a word is missing.")


def _in_turn(reading, walk, verdict, rule, probe):
    """One optimizer that is called for one parameter after the other: is it right for all of them?"""
    start, g = np.repeat(probe[0], 2, axis=0), gradients(2)
    try:
        points = reading.walk_in_turn(start, g, probe[2])
    except Exception as error:
        return Report.failed(rule, "exception", "With one parameter it is right; called for a second one, your code raises "
                             f"{type(error).__name__}: {error}")
    both = replace(walk, points=points)
    found = judged(both, rule, start, g, probe[2])
    if found.right:
        return None
    wrong = [form for form in found.forms if not form.dialect] if found.fits else []
    says = " and ".join(form.says for form in wrong) or "does something else as soon as there are two"
    return _report(reading, both, found, rule, (start, g, probe[2]), " + ".join(form.id for form in wrong) or "some-parameters",
                   f"With one parameter it is right; with two it {says}.", " ".join(form.why for form in wrong))


def _right(reading, walk, verdict, rule, probe):
    start, g, factors = probe
    dialects = verdict.forms
    if walk.rate_changes:
        changed = _again(reading, walk, probe, by=_CHANGED)
        if changed is not None:
            other = judged(replace(changed, settings=walk.settings), rule, start, g, factors * _CHANGED)
            dialects = other.forms if other.right and len(other.forms) > len(dialects) else dialects
    name = type(rule).__name__
    if not dialects:
        text = f"This is {name}."
    else:
        text = f"This is {name}, in a dialect: it " + " and ".join(form.says for form in dialects) + "."
    return Report(True, text, name, why=" ".join(form.why for form in dialects),
                  dialect=" + ".join(form.id for form in dialects) or None, form=walk.form,
                  hyperparameters=_judged_at(walk, verdict, rule), notes=_notes(walk, verdict, rule))


def _again(reading, walk, probe, by=1.0, start=1.0, **others):
    """The walk once more, with the learning rate multiplied ``by`` and from another start; None when it fails now."""
    origin, g, factors = probe
    try:
        return reading.walk(origin * start, g, factors * by, **others).scaled(walk.scale, origin * start)
    except (Exception, SystemExit):  # a candidate that ran once and not twice is treated as one that differs
        return None


def _same(first, second):
    with np.errstate(all="ignore"):
        return np.allclose(first.points, second.points, rtol=1e-5, atol=0, equal_nan=True)


def _repeats(reading, walk, probe):
    """Does a second, fresh candidate do the same?"""
    if not hasattr(reading, "holder"):
        return True
    again = _again(reading, walk, probe, restore=reading.one)
    return again is not None and _same(again, walk)


def _unknown(reading, walk, verdict, rule, probe):
    """No known form fits: what can be said of the way in which the walk departs."""
    start, g, factors = probe
    made = walk.points - start
    right = verdict.expected
    finite = np.isfinite(made).all()
    if finite and not (np.diff(made, axis=0) != 0).any():
        return _report(reading, walk, verdict, rule, probe, "only-one-step", "It makes one step and then stands still.",
                       "One step from a random start lowers most losses.")
    epochs = _by_epochs(walk, rule, start, g, factors, verdict.epsilon)
    if epochs:
        length, found = epochs
        wrong = [form for form in found.forms if not form.dialect]
        return _report(reading, walk, found, rule, probe, " + ".join(form.id for form in wrong),
                       "It " + " and ".join(form.says for form in wrong) + f" (here of {length} steps).",
                       " ".join(form.why for form in wrong))
    other = _with_other_constants(walk, rule, start, g, factors)
    if other:
        field, value, found = other
        return _report(reading, walk, found, replace(rule, **{field: value}), probe, "other-constant",
                       f"It is {type(rule).__name__} with {field} = {value:g}, which is fixed in the code; it was to be judged at "
                       f"{allowed(walk.settings, rule).get(field, getattr(rule, field)):g}.",
                       "It is a right rule with another setting: if you mean it, hand over a rule that says so.",
                       against=verdict)
    partly = _some_parameters(reading, walk, verdict, rule, probe)
    if partly:
        return partly
    weights = _leans_on_weights(reading, walk, probe)
    if weights:
        return _report(reading, walk, verdict, rule, probe, "depends-on-weights",
                       "Its steps depend on the weights themselves and not on the gradients alone, as with weight decay "
                       "or clipping of weights.", "Small weights are a good prior: the loss on new data may even gain.")
    scaled = _rate_factor(made, right)
    if scaled is not None and np.ptp(scaled) <= 1e-6 * abs(scaled[0]):
        return _report(reading, walk, verdict, rule, probe, "rate-scaled",
                       f"All its steps are {scaled[0]:.4g} times the rule's. If its learning rate is "
                       f"{scaled[0] * rule.hyperparameters()['learning_rate']:.4g}, hand over a rule that says so; "
                       "if not, something scales it.", "A learning rate found by trial hides it.")
    if scaled is not None:
        return _report(reading, walk, verdict, rule, probe, "rate-drifts",
                       f"Its learning rate changes by itself: its steps are {scaled[0]:.4g} times the rule's at first and "
                       f"{scaled[-1]:.4g} times at the end.", "A schedule often helps, but nobody has asked for this one.")
    clear = _clearly_nearest(walk, rule, start, g, factors)
    if clear and finite:
        return _report(reading, walk, verdict, rule, probe, clear.id,
                       f"Something is wrong that no known mistake explains in full. It comes nearest to code that {clear.says}: "
                       f"half of the coordinates are within {_percent(verdict.distance)} of that.", clear.why)
    near = " and ".join(form.says for form in verdict.forms) or "does what the rule says, nearly"
    what = " + ".join(form.id for form in verdict.forms if not form.dialect)
    if not finite and np.isfinite(right).all():
        return _report(reading, walk, verdict, rule, probe, "not-a-number", "It produces NaN or infinity where the rule "
                       f"does not. Of the known forms the nearest is one that {near}.", "")
    return _report(reading, walk, verdict, rule, probe, "unknown",
                   f"It is not {type(rule).__name__}, and no known mistake explains it. The nearest is code that {near}"
                   f"{f' ({what})' if what else ''}: half of the coordinates are within {_percent(verdict.distance)} of that.", "")


def _clearly_nearest(walk, rule, start, g, factors):
    """The one mistake to which a walk is far nearer than to any other and to the rule; None when there is none."""
    near = judged(walk, rule, start, g, factors, pairs=False).nearest
    (first, distance), (_, next_distance) = near[:2]
    return first if first and not first.dialect and distance < 0.02 and distance < 0.3 * next_distance else None


def _percent(value):
    return f"{max(value, 1e-6):.2g} of their way" if np.isfinite(value) else "no bound"


def _by_epochs(walk, rule, start, g, factors, epsilon):
    for length in range(2, 21):
        forms = with_epochs(base(rule), length)
        found = judged(walk, rule, start, g, factors, pairs=False, known=forms, epsilons=epsilon) if forms else None
        if found and found.fits and not found.right:
            return length, found
    return None


def _with_other_constants(walk, rule, start, g, factors):
    dialects = [form for form in KNOWN[base(rule)] if form.dialect]
    for field, values in _OTHER_CONSTANTS.items():
        if field in rule.hyperparameters() and field not in walk.settings:
            for value in values:
                if value != getattr(rule, field):
                    found = judged(walk, replace(rule, **{field: value}), start, g, factors, pairs=False, known=dialects)
                    if found.right:
                        return field, value, found
    return None


def _some_parameters(reading, walk, verdict, rule, probe):
    """Parameters that are right, or explained by one mistake, while others are not: which, and what of these?"""
    start, g, factors = probe
    count = walk.points.shape[1]
    if count < 2:
        return None
    each = [judged(replace(walk, points=walk.points[:, k:k + 1]), rule, start[k:k + 1], g[:, k:k + 1], factors,
                   pairs=k < 2) for k in range(count)]
    if not any(one.fits for one in each):
        return None
    wrong = [k for k in range(count) if not each[k].right]
    if not wrong:
        return None
    holder = getattr(reading, "holder", None)
    told = [k for k in wrong if each[k].fits] or wrong
    forms = [form for form in each[told[0]].forms if not form.dialect] if each[told[0]].fits else []
    called = ", ".join(NAMES[k] if holder and holder.kind == "dict" else str(k + 1) for k in told)
    says = " and ".join(form.says for form in forms) or "does something else"
    others = "the others are right" if len(wrong) < count else "with the others something else is wrong"
    return _report(reading, walk, verdict, rule, probe, " + ".join(form.id for form in forms) or "some-parameters",
                   f"It treats its {count} parameters differently: for some ({called}) it {says}; {others}.",
                   " ".join(form.why for form in forms) or "The parameters that are right carry the others.")


def _leans_on_weights(reading, walk, probe):
    start, g, factors = probe
    again = _again(reading, walk, probe, start=1.75)
    if again is None or len(again.points) != len(walk.points):
        return False
    error, _ = errors_of(again.points - start * 1.75, (walk.points - start)[None], start, walk.single)
    return bool(error[0] > 1e-6) and np.isfinite(walk.points).all()


def _rate_factor(made, right):
    """By which factor each step differs from the rule's, where that is one factor for all coordinates; else None."""
    own, wanted = (np.diff(path, axis=0, prepend=np.zeros_like(path[:1])) for path in (made, right))
    factors = []
    with np.errstate(all="ignore"):
        for mine, rules in zip(own, wanted):
            big = np.abs(rules) > 1e-3 * np.abs(right).max(axis=0)
            if not big.any() or not np.isfinite(mine).all():
                continue
            ratio = mine[big] / rules[big]
            if np.ptp(ratio) > 1e-6 * np.abs(ratio).max() or not ratio[0]:
                return None
            factors.append(ratio[0])
    return np.array(factors) if factors else None


def _judged_at(walk, verdict, rule):
    values = rule.hyperparameters() | allowed(walk.settings, rule)
    if verdict.epsilon is not None and verdict.fits:
        values["epsilon"] = float(verdict.epsilon)
    return {name: float(value) for name, value in values.items()}


def _notes(walk, verdict, rule):
    notes = list(walk.notes)
    own = {name: value for name, value in allowed(walk.settings, rule).items()
           if not np.isclose(value, getattr(rule, name), rtol=1e-6, atol=0)}
    if own:
        notes.append("It was judged at its own " + ", ".join(
            f"{name} {value:g} (your rule: {getattr(rule, name):g})" for name, value in own.items()) + ".")
    if verdict.fits and verdict.epsilon is not None and "epsilon" not in walk.settings and (
            verdict.epsilon != rule.hyperparameters()["epsilon"]):
        notes.append(f"Its epsilon, {verdict.epsilon:.3g}, was inferred from what it does.")
    if verdict.fits and verdict.error > EXACT:
        notes.append("It computes in single precision.")
    if walk.whole:
        notes.append("It returns whole numbers somewhere.")
    return tuple(notes)


def _report(reading, walk, verdict, rule, probe, mistake, text, why, against=None):
    """The report on a mistake, with the first place where it shows."""
    start, _, _ = probe
    made, right = walk.points - start, (against or verdict).expected[:len(walk.points)]
    if walk.whole:
        mistake, text = "whole-numbers", "It rounds the parameters to whole numbers: an array of integers somewhere. " + text
    tolerance = 1e-4 if walk.single or verdict.fits and verdict.error > EXACT else 1e-8
    with np.errstate(all="ignore"):
        size = np.abs(right).max(axis=0)
        off = np.abs(made - right) / np.where(size > 0, size, np.abs(start))
        off = np.where(np.isnan(off), np.inf, off)
    drift = off.max(axis=(1, 2))
    place = {}
    if (off > tolerance).any():
        step = int(np.argmax((off > tolerance).any(axis=(1, 2))))
        parameter, coordinate = np.unravel_index(np.argmax(off[step]), off[step].shape)
        at = np.s_[step, parameter, coordinate]
        before = (made[step - 1, parameter, coordinate], right[step - 1, parameter, coordinate]) if step else (0.0, 0.0)
        holder = getattr(reading, "holder", None)
        place = {"step": step + 1, "expected": float(right[at] - before[1]), "got": float(made[at] - before[0]),
                 "coordinate": coordinate_name(holder.kind if holder else "list", NAMES, int(parameter),
                                               int(coordinate), (SHAPE if not holder else holder.shape if holder.size == KINDS
                                               else (KINDS,)))}
    return Report(False, text, type(rule).__name__, mistake, why, form=walk.form,
                  hyperparameters=_judged_at(walk, verdict, rule), notes=_notes(walk, verdict, rule), drift=drift,
                  **place)

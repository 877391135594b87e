"""From a verdict to a report: what is right only for a while, and what no known form explains."""

from dataclasses import dataclass, replace

import numpy as np

from optkit.checking.catalogue import known_of, with_epochs
from optkit.checking.holders import NAMES
from optkit.checking.instance import RAISED
from optkit.checking.judge import EXACT, SINGLE, allowed, judged, off_by
from optkit.checking.probe import SHAPE, STEPS, gradients, moved
from optkit.checking.report import Report, departure

_CHANGED = np.where(np.arange(STEPS) < 26, 1.0, 0.25)  # the learning rate, changed on the way
_OTHER_CONSTANTS = {"beta_1": (0.9, 0.5, 0.8, 0.95, 0.99, 0.0), "beta_2": (0.999, 0.99, 0.9, 0.95, 0.9999, 0.98),
                    "rho": (0.9, 0.95, 0.99, 0.999, 0.5, 0.8), "momentum": (0.9, 0.5, 0.8, 0.95, 0.99, 0.0),
                    "initial_accumulator": (0.1, 1e-6, 1e-8, 0.01),
                    "weight_decay": (0.01, 0.004, 1e-4, 0.1, 1e-3, 0.05, 0.02, 0.005, 1e-5, 0.2, 0.3, 0.5)}
_LIMITS = (1.0, 5.0, 10.0, 0.5, 0.1, 2.0, 100.0)
_CLIPS = {"every entry of the gradient at {}": lambda g, limit: np.clip(g, -limit, limit),
          "each gradient at a length of {}": lambda g, limit: _shortened(g, limit, -1),
          "all gradients together at a length of {}": lambda g, limit: _shortened(g, limit, (-2, -1))}


def _shortened(g, limit, axis):
    return g * (limit / np.maximum(limit, np.linalg.norm(g, axis=axis, keepdims=True)))


@dataclass(frozen=True)
class Case:
    """A candidate that went through the probe: how it was understood, where it was, and how that was judged.

    ``start``, ``g`` and ``factors`` are the probe: where it began, the gradients, the factors on the learning rate.
    """

    reading: object
    walk: object
    verdict: object
    rule: object
    start: np.ndarray
    g: np.ndarray
    factors: np.ndarray

    @property
    def name(self):
        return type(self.rule).__name__

    @property
    def finite(self):
        return bool(np.isfinite(self.walk.points).all())

    def again(self, by=1.0, start=1.0, **others):
        """The walk once more, with the learning rate multiplied ``by`` and from another start; None if it fails now."""
        origin = self.start * start
        try:
            return self.reading.walk(origin, self.g, self.factors * by, scale=self.walk.scale, **others)
        except RAISED:  # a candidate that ran once and not twice is treated as one that differs
            return None

    def judged(self, walk=None, rule=None, by=1.0, **others):
        """Another verdict: on another walk, or by another rule, at a learning rate multiplied ``by``."""
        return judged(walk or self.walk, rule or self.rule, self.start, self.g, self.factors * by, **others)

    def report(self, mistake, text, why="", **changes):
        """The report on a mistake; ``changes``: another walk, verdict or rule to report on."""
        case = replace(self, **changes)
        if case.walk.whole:
            mistake, text = "whole-numbers", f"It rounds the parameters to whole numbers somewhere. {text}"
        holder = getattr(case.reading, "holder", None)
        return Report(False, text, case.name, mistake, why, form=case.walk.form, hyperparameters=case.judged_at(),
                      notes=case.notes(), **departure(case.walk, self.verdict, case.start, holder))

    def of_forms(self, verdict, text="It {}.", **changes):
        """The report on the mistakes of a verdict."""
        wrong = [form for form in verdict.forms if not form.dialect]
        says, why = _each(wrong, "says", "makes {} mistakes: "), _each(wrong, "why", "")
        return self.report(" + ".join(form.id for form in wrong), text.format(says), why, verdict=verdict, **changes)

    def judged_at(self):
        values = self.rule.hyperparameters() | allowed(self.walk.settings, self.rule)
        if self.verdict.epsilon is not None and self.verdict.fits:
            values["epsilon"] = self.verdict.epsilon
        return {name: float(value) for name, value in values.items()}

    def notes(self):
        notes, given = list(self.walk.notes), self.rule.hyperparameters()
        own = {name: value for name, value in allowed(self.walk.settings, self.rule).items()
               if not np.isclose(value, given[name], rtol=1e-6, atol=0)}
        if own:
            notes.append("It was judged at its own " + ", ".join(
                f"{name} {value:g} (your rule: {given[name]:g})" for name, value in own.items()) + ".")
        epsilon = self.verdict.epsilon if self.verdict.fits else None
        if epsilon is not None and "epsilon" not in self.walk.settings and epsilon != given["epsilon"]:
            notes.append(f"Its epsilon, {epsilon:.3g}, was inferred from what it does.")
        if self.verdict.right and self.verdict.epsilon == 0 and not self.finite:
            notes.append("With an epsilon of 0, as your rule has it, a gradient of zero divides zero by zero: NaN.")
        if self.judged_at().get("weight_decay") == 0:
            notes.append("With a weight_decay of 0 the rule is Adam: whether weights decay rightly does not show.")
        if getattr(getattr(self.reading, "holder", None), "kind", "") == "numbers":
            notes.append("It takes one number at a time: an array makes it fail.")
        if getattr(self.reading, "by_name", False):
            notes.append("It was handed a parameter's name where it takes no array.")
        if self.verdict.fits and self.verdict.error > EXACT:
            notes.append("It computes in single precision.")
        return tuple(notes)


def _each(forms, what, several):
    """What is said of each form; numbered, if there are several."""
    texts = [getattr(form, what) for form in forms]
    if len(texts) == 1:
        return texts[0]
    words = several.format({2: "two", 3: "three", 4: "four"}[len(texts)])
    it = "it " if what == "says" else ""
    ends = "; " if what == "says" else " "
    return words + ends.join(f"({i}) {it}{text}" for i, text in enumerate(texts, 1))


def reported(case):
    """The ``Report`` on a case."""
    if case.verdict.right:
        return _drifting_slowly(case) or _wrong_in_use(case) or _right(case)
    if not case.finite and "epsilon" in case.walk.settings:  # it may have one, and not use it
        without = case.judged(pairs=False, epsilons=0.0)
        if without.right:
            return _without_epsilon(replace(case, verdict=without))
    if case.verdict.fits:
        return case.of_forms(case.verdict)
    if not _repeats(case):
        return _state_between_instances(case, "")
    return _unknown(case)


# Right, at first sight

def _drifting_slowly(case):
    """The report on code that is right but for a learning rate that changes by less than single precision shows; None
    if it does not."""
    if case.walk.single or case.verdict.error <= EXACT:
        return None
    rule = replace(case.rule, **allowed(case.walk.settings, case.rule))
    right = moved(rule, case.verdict.forms, case.g, rule.learning_rate * case.factors, [case.verdict.epsilon],
                  case.start)[0]
    factor = _rate_factor(case.walk.points - case.start, right, spread=1e-9)
    return None if factor is None or np.ptp(factor) < 1e-6 else _at_another_rate(case, factor)


def _wrong_in_use(case):
    """The report on code whose one run is right, and which is wrong all the same; None if it is not."""
    if case.verdict.epsilon == 0 and case.rule.hyperparameters()["epsilon"] > 0 and not case.finite:
        return _without_epsilon(case)
    if not _repeats(case):
        return _state_between_instances(case, "With one optimizer in the program it is right.")
    if getattr(case.reading, "in_turn", False) and (report := _in_turn(case)):
        return report
    if hasattr(case.reading, "holder") and not case.reading.asks:
        again = case.again(reuse=True)
        if again is None or not _same(again, case.walk):
            return case.report("keeps-the-gradient", "It keeps the gradient array itself and not a copy: when the "
                               "caller fills the same array again, its memory changes.",
                               "A caller who makes a new array for every gradient never sees it.",
                               walk=again or case.walk)
    found = _at_changed_rate(case)
    if found and found.fits and not found.right and found.error <= (SINGLE if case.walk.single else EXACT):
        return case.of_forms(found, "It {}. (It shows when the learning rate changes on the way.)")
    return None


def _right(case):
    dialects, found = case.verdict.forms, _at_changed_rate(case)
    if found and found.right and len(found.forms) > len(dialects):
        dialects = found.forms
    text = f"This is {case.name}" + (", in a dialect: it " if dialects else "")
    return Report(True, text + " and ".join(form.says for form in dialects) + ".", case.name,
                  why=" ".join(form.why for form in dialects),
                  dialect=" + ".join(form.id for form in dialects) or None, form=case.walk.form,
                  hyperparameters=case.judged_at(), notes=case.notes())


def _at_changed_rate(case):
    """The verdict when the learning rate changes on the way; None where that cannot be had."""
    changed = case.again(by=_CHANGED) if case.walk.rate_changes else None
    return changed and case.judged(replace(changed, settings=case.walk.settings), by=_CHANGED)


def _without_epsilon(case):
    return case.report("no-epsilon", "It has no epsilon: where a gradient is zero it divides zero by zero, and the "
                       "weight is NaN for ever.",
                       "Gradients of exactly zero are rare, until a unit dies or a word is missing.")


def _state_between_instances(case, why):
    return case.report("state-between-instances", "A second, fresh optimizer does something else with the same "
                       "gradients: state is kept in the class, in a default argument or in a global, or it starts from "
                       "random or uninitialised memory.", why)


def _repeats(case):
    """Does a second, fresh candidate do the same?"""
    if not hasattr(case.reading, "holder"):
        return True
    again = case.again(restore=case.reading.one)
    return again is not None and _same(again, case.walk)


def _same(first, second):
    with np.errstate(all="ignore"):
        return np.allclose(first.points, second.points, rtol=1e-5, atol=0, equal_nan=True)


def _in_turn(case):
    """The report on one optimizer that is called for several parameters in turn, if it is wrong for them."""
    start, g = np.repeat(case.start, 2, axis=0), gradients(2)
    try:
        points = case.reading.walk_in_turn(start, g, case.factors)
    except RAISED as error:
        return Report.failed(case.rule, "exception", "With one parameter it is right; called for a second one, your "
                             f"code raises {type(error).__name__}: {error}")
    both = replace(case, walk=replace(case.walk, points=points), start=start, g=g)
    both = replace(both, verdict=both.judged())
    if both.verdict.right:
        return None
    if both.verdict.fits:
        return both.of_forms(both.verdict, "With one parameter it is right; with two it {}.")
    return both.report("some-parameters", "With one parameter it is right; with two it does something else.",
                       "A model of a single parameter does not show it.")


# Wrong, and not in the catalogue

def _unknown(case):
    """What can be said of a walk that no known form explains."""
    made = case.walk.points - case.start
    if case.finite and not np.diff(made, axis=0).any():
        return case.report("only-one-step", "It makes one step and then stands still.",
                           "One step from a random start lowers most losses.")
    return (_by_epochs(case) or _with_other_constants(case) or _clipped(case) or _some_parameters(case, made)
            or _never_moving(case, made) or _leaning_on_weights(case)
            or _at_another_rate(case, _rate_factor(made, _from_where_it_was(case))) or _near(case))


def _by_epochs(case):
    right = _first_off(case) - 1  # steps
    for steps in range(2, 21):
        if right not in (1, steps):  # it is right for an epoch; where t counts epochs, for one step
            continue
        forms = with_epochs(type(case.rule), steps)
        found = forms and case.judged(pairs=False, known=forms, epsilons=case.verdict.epsilon)
        if found and found.fits and not found.right:
            return case.of_forms(found, f"It {{}} (here of {steps} steps).")
    return None


def _first_off(case):
    """The first step, from 1, in which a walk departs from the rule."""
    made, right = case.walk.points - case.start, case.verdict.expected
    tolerance = SINGLE if case.walk.single else 1e-8
    with np.errstate(all="ignore"):
        off = ~(np.abs(made - right) <= tolerance * (np.abs(right).max(axis=0) + np.abs(case.start) * 1e-6))
    return int(np.argmax((off & ~(np.isnan(made) & np.isnan(right))).any(axis=(1, 2)))) + 1


def _with_other_constants(case):
    dialects = [form for form in known_of(type(case.rule)) if form.dialect]
    begun = replace(case.walk, points=case.walk.points[:3])
    for field, values in _OTHER_CONSTANTS.items():
        own = case.rule.hyperparameters().get(field)
        for value in values if own is not None and field not in case.walk.settings else ():
            rule = replace(case.rule, **{field: value})
            if value == own or not case.judged(begun, rule=rule, pairs=False, known=dialects).right:
                continue
            found = case.judged(rule=rule, pairs=False, known=dialects)
            if found.right:
                return case.report("other-constant", f"It is {case.name} with {field} = {value:g}, fixed in the code; "
                                   f"it was to be judged at {own:g}.", "It is right at another setting: if you mean "
                                   "that, hand over a rule that says so.", verdict=found, rule=rule)
    return None


def _clipped(case):
    """The report on gradients that are clipped first, if these explain it."""
    begun = [replace(case.walk, points=case.walk.points[:steps]) for steps in (1, 3)]
    known, fitting = known_of(type(case.rule)), []
    for says, clip in _CLIPS.items():
        for limit in _LIMITS:
            clipped = replace(case, g=clip(case.g, limit))
            found = all(clipped.judged(walk, pairs=False, known=known).fits for walk in begun) and (
                clipped.judged(pairs=False, known=known))
            if found and found.fits:
                fitting.append((found, says.format(f"{limit:g}")))
    if not fitting:
        return None
    own = case.rule.hyperparameters().get("epsilon")  # another limit at another epsilon may come to the same
    found, says = min(fitting, key=lambda pair: pair[0].epsilon != own)
    forms = [form for form in found.forms if not form.dialect]
    return case.report(" + ".join([*(form.id for form in forms), "gradient-clipped"]),
                       f"It clips {says}, which is no part of {case.name}."
                       + "".join(f" And it {form.says}." for form in forms),
                       " ".join(["Clipping often helps, under its own name.", *(form.why for form in forms)]),
                       verdict=found)


def _never_moving(case, made):
    """The report on code that moves only some of its parameters, or only some rows of an array."""
    rows = (*made.shape[:2], *SHAPE)
    large = (np.abs(case.g[:len(made)]).max(axis=0) >= 1).reshape(rows[1:]).any(axis=-1)  # a small one may be cut off
    moving = made.any(axis=0).reshape(rows[1:]).any(axis=-1)
    still = large & ~moving
    if not still.any() or not moving.any():
        return None
    what = "rows" if (still.any(axis=1) & moving.any(axis=1)).any() else "parameters"
    return case.report("some-parameters", f"It moves some of its {what} and never the others. Look for a return inside "
                       "the loop over them, or for an index that stays as it is.", "Those that move carry the others.")


def _some_parameters(case, made):
    """Parameters that are right, or explained by one mistake, while others are not: which, and what of these?"""
    count = case.walk.points.shape[1]
    if count < 2:
        return None
    each = [case.judged(only=k, pairs=k < 2) for k in range(count)]
    wrong = [k for k in range(count) if not each[k].right]
    if not wrong or not any(one.fits for one in each):
        return None
    moving = [k for k in wrong if made[:, k].any()]
    if not moving:
        return None
    told = [k for k in moving if each[k].fits] or moving
    holder = getattr(case.reading, "holder", None)
    called = ", ".join(NAMES[k] if holder and holder.kind == "dict" else str(k + 1) for k in told)
    others = "the others are right" if len(wrong) < count else "with the others something else is wrong"
    text = f"It treats its {count} parameters differently: for some ({called}) it {{}}; {others}."
    if each[told[0]].fits:
        return case.of_forms(replace(each[told[0]], expected=case.verdict.expected), text)
    return case.report("some-parameters", text.format("does something else"), "The right ones carry the others.")


def _leaning_on_weights(case):
    if "x" in case.rule.arguments():  # the rule's steps depend on them too
        return None
    again = case.finite and case.again(start=1.75)
    if not again or len(again.points) != len(case.walk.points):
        return None
    off = off_by(again.points - case.start * 1.75, case.walk.points - case.start, case.start, case.walk.single)
    if off.max() <= 1e-6:
        return None
    return case.report("depends-on-weights", "Its steps depend on the weights themselves and not on the gradients "
                       "alone, as with weight decay, or with weights that are rounded or clipped.",
                       "Small weights do no harm, and the loss on new data may even gain.")


def _at_another_rate(case, factor):
    if factor is None:
        return None
    if np.ptp(factor) <= 1e-6 * abs(factor[0]):
        rate = factor[0] * case.judged_at()["learning_rate"]
        return case.report("rate-scaled", f"All its steps are {factor[0]:.4g} times the rule's. If its learning rate "
                           f"is {rate:.4g}, hand over a rule that says so; if not, something scales it.",
                           "A learning rate found by trial hides it.")
    return case.report("rate-drifts", f"Its learning rate changes by itself: its steps are {factor[0]:.4g} times the "
                       f"rule's at first and {factor[-1]:.6g} times at the end.",
                       "A schedule often helps, but nobody has asked for this one.")


def _from_where_it_was(case):
    """The rule's displacements: of a rule that uses the parameters, the sum of its steps from where the walk was."""
    if "x" not in case.rule.arguments():
        return case.verdict.expected
    rule = replace(case.rule, **allowed(case.walk.settings, case.rule))
    before = np.concatenate([case.start[None], case.walk.points[:-1]])
    return moved(rule, (), case.g, rule.learning_rate * case.factors, [case.verdict.epsilon], along=before)[0]


def _rate_factor(made, right, spread=1e-6):
    """By which factor each step differs from the rule's, where that is one factor for all coordinates; else None."""
    own, wanted = (np.diff(path, axis=0, prepend=np.zeros_like(path[:1])) for path in (made, right))
    factors = []
    with np.errstate(all="ignore"):
        for mine, rules in zip(own, wanted):
            big = np.abs(rules) > 1e-3 * np.abs(right).max(axis=0)
            if not big.any() or not np.isfinite(mine).all():
                continue
            ratio = mine[big] / rules[big]
            if np.ptp(ratio) > spread * np.abs(ratio).max() or not ratio[0]:
                return None
            factors.append(ratio[0])
    return np.array(factors) if factors else None


def _near(case):
    """The nearest known form or pair of forms, and how far it is."""
    singles = [row for row in case.verdict.nearest if len(row[0]) < 2]
    for (forms, distance), (_, next_distance) in (singles[:2], case.verdict.nearest[:2]):
        wrong = [form for form in forms if not form.dialect]
        if case.finite and wrong and distance < min(0.02, 0.3 * next_distance):
            says = _each(wrong, "says", "makes {} mistakes: ")
            return case.report(" + ".join(form.id for form in wrong), "Something is wrong that no known mistake "
                               f"explains in full. It comes nearest to code that {says}, and is {_share(distance)} "
                               "away from that.", _each(wrong, "why", ""))
    (nearest,), distance = next(row for row in singles if row[0] and not row[0][0].dialect)
    far = "None comes near."
    if distance < 1:
        far = f"The nearest known one, code that {nearest.says}, is {_share(distance)} away."
    if not case.finite and np.isfinite(case.verdict.expected).all():
        return case.report("not-a-number", f"It produces NaN or infinity where the rule does not. {far}")
    return case.report("unknown", f"It is not {case.name}, and no known mistake explains it. {far}")


def _share(distance):
    """How far a walk is from a form, for the median coordinate, in words."""
    percent = max(100 * distance, 0.01)
    return f"{percent:.0f}% of a coordinate's way" if percent >= 10 else f"{percent:.2g}% of a coordinate's way"

"""Which known form a walk through the probe is: the rule, a dialect of it, a mistake, or none of them."""

import functools
import itertools
from dataclasses import dataclass, replace

import numpy as np

from optkit.checking.catalogue import KNOWN
from optkit.checking.probe import moved

EXACT, SINGLE = 1e-9, 3e-4  # relative to how far a coordinate gets: for double and for single precision
EPSILONS = (1e-8, 1e-7, 1e-6, 0.0, 1e-5, 1e-10, 1e-4, 1e-3, 1e-2, 1e-9, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16,
            float(np.finfo("float64").eps), float(np.finfo("float32").eps), 1e-20, 1e-30)
_USUAL = 8  # of the epsilons, for two mistakes at once
_FIRST = (2, 5)  # steps in which several mistakes at once must fit before they are followed to the end
_BATCH = 2**19  # numbers that are compared at once
_NEAR = 8  # pairs to which a third form is added, and so on
_AT_ONCE = 4  # forms


@dataclass(frozen=True)
class Verdict:
    """The forms that explain a walk best, the epsilon that goes with them, and how far they are from it."""

    forms: tuple
    epsilon: float | None
    error: float  # relative to how far each coordinate gets, the worst coordinate
    distance: float  # the same, the median coordinate
    fits: bool
    expected: np.ndarray  # displacements of the right rule at that epsilon, of shape (steps, parameters, 12)
    nearest: tuple = ()  # (forms, distance), the nearest first: single forms, the rule itself, the nearest pairs

    @property
    def right(self):
        return self.fits and all(form.dialect for form in self.forms)


def judged(walk, rule, start, g, factors, pairs=True, known=None, epsilons=None):
    """The ``Verdict`` on a walk. Epsilon is inferred where the walk's settings do not say it. ``pairs``: try
    several forms at once, too. ``known``: the forms to try, by default all of the rule;
    ``epsilons``: the only one to try."""
    rule = replace(rule, **allowed(walk.settings, rule))
    known = KNOWN[base(rule)] if known is None else known
    if len(start) == 1:  # one parameter shares nothing
        known = [form for form in known if not form.sharing]
    displacement = walk.points - start
    steps = len(displacement)
    g, rates = g[:steps], rule.hyperparameters().get("learning_rate", 1.0) * np.asarray(factors[:steps])
    epsilons = _epsilons(rule, walk) if epsilons is None else np.array([epsilons])
    tolerance = SINGLE if walk.single else EXACT

    walked = _walked(rule, g.tobytes(), rates.tobytes(), start.tobytes(), tuple(epsilons)) if pairs else {}

    def compared(candidates, steps=None):
        """(forms, error, distance, epsilon) of each of these tuples of forms that fit together, batch by batch."""
        paths, size = [], 0
        for forms in candidates:
            key = forms, steps, len(epsilons)
            if key not in walked:
                walked[key] = _safely_moved(rule, forms, g[:steps], rates[:steps], epsilons, start)
            if walked[key] is not None:
                paths.append((forms, walked[key]))
                size += walked[key].size
            if size > _BATCH:
                yield from _rows(paths, displacement[:steps], epsilons, start, walk.single)
                paths, size = [], 0
        if paths:
            yield from _rows(paths, displacement[:steps], epsilons, start, walk.single)

    def followed(candidates):
        """Those that fit the first steps, compared over all."""
        for first in _FIRST:
            candidates = [forms for forms, error, *_ in compared(candidates, first) if error <= SINGLE]
        return list(compared(candidates))

    singles = list(compared([(), *((form,) for form in known if form.dialect)]))
    if _best(singles, tolerance) is None:  # else no mistake can explain it better
        for row in compared((form,) for form in known if not form.dialect):
            singles.append(row)
            if row[1] <= EXACT == tolerance:
                break
    nearness = {form: distance for forms, _, distance, _ in singles for form in forms}
    chosen, near_pairs = _best(singles, tolerance), []
    if chosen is None and pairs:
        epsilons, more = epsilons[:_USUAL], list(itertools.combinations(known, 2))
        both = followed(more)
        chosen = _best(both, tolerance) or _best(singles, SINGLE) or _best(both, SINGLE)
        for _ in range(2, _AT_ONCE):  # a third form is added, then a fourth
            if chosen is None:
                nearest = _nearest(compared(more, _FIRST[-1]))
                near_pairs = near_pairs or list(compared([forms for forms, *_ in nearest]))
                more = _with_one_more(nearest, known)
                complete = followed(more)
                chosen = _best(complete, tolerance) or _best(complete, SINGLE)
    fits = chosen is not None
    if not fits:
        chosen = min(singles, key=lambda row: (row[2], row[1]))
    forms, error, distance, epsilon = chosen
    if not fits:  # what it should have done is what the rule says, at its own epsilon
        epsilon = epsilons[0]
    right = moved(rule, (), g, rates, [epsilon], start)[0]
    forms = sorted(forms, key=lambda form: (form.dialect, nearness[form]))  # what matters most comes first
    return Verdict(tuple(forms), epsilon if "epsilon" in rule.hyperparameters()
                   else None, error, distance, fits, right,
                   tuple(sorted(((row[0], row[2]) for row in singles + near_pairs), key=lambda pair: pair[1])))


def _best(rows, tolerance):
    """The first of the rows that fit: right before dialects before mistakes, as they are listed."""
    fitting = [row for row in rows if row[1] <= tolerance]
    if not fitting:
        return None
    if tolerance == EXACT:
        return min(fitting, key=lambda row: sum(not form.dialect for form in row[0]))
    return min(fitting, key=lambda row: row[1] + (tolerance if any(not form.dialect for form in row[0]) else 0))


def _nearest(rows):
    return sorted(rows, key=lambda row: (row[2], row[1]))[:_NEAR]


def _with_one_more(rows, known):
    """The forms of each row with each other form added; in the order of ``known``, in which their edits fit best."""
    place = {form: i for i, form in enumerate(known)}
    found = {tuple(sorted((*forms, form), key=place.get)) for forms, *_ in rows for form in known if form not in forms}
    return sorted(found, key=lambda forms: [place[form] for form in forms])


@functools.lru_cache(maxsize=1)
def _walked(*probe):
    """The paths of a rule's forms through this probe, kept for the next candidate."""
    return {}


def _safely_moved(*arguments):
    try:
        return moved(*arguments)
    except (NameError, AttributeError, SyntaxError):  # one edit removed what another one needs
        return None


def _rows(paths, displacement, epsilons, start, single):
    errors, distances = errors_of(displacement, np.stack([path for _, path in paths]), start, single)
    exact = errors <= EXACT
    best = np.where(exact.any(axis=1), exact.argmax(axis=1), errors.argmin(axis=1))  # the usual ones first
    return [(forms, errors[i, k], distances[i, k], epsilons[k]) for i, (k, (forms, _)) in enumerate(zip(best, paths))]


def base(rule):
    return next(cls for cls in type(rule).__mro__ if cls in KNOWN)


def allowed(settings, rule):
    """The settings that the rule accepts: a decay of 1 or a negative rate is not what it looks like."""
    kept = {}
    for name, value in settings.items():
        try:
            replace(rule, **{name: value})
            kept[name] = value
        except ValueError:
            pass
    return kept


def _epsilons(rule, walk):
    if "epsilon" not in rule.hyperparameters():
        return np.array([1e-8])
    own = rule.epsilon
    if "epsilon" in walk.settings:
        return np.array([own])
    return np.array([own] + [value for value in EPSILONS if value != own])


def errors_of(displacement, path, start, single=False):
    """How far a walk is from paths, relative to how far each coordinate gets: the worst and the median coordinate.

    ``displacement``: (steps, parameters, 12); ``path``: (..., steps, parameters, 12). What rounding of the position
    alone can do is not counted. Infinite where one is not finite and the other is.
    """
    rounding = 8 * len(displacement) * np.finfo("float32" if single else "float64").eps
    with np.errstate(all="ignore"):
        size = np.nanmax(np.where(np.isfinite(path), np.abs(path), 0), axis=-3, keepdims=True)
        difference = np.abs(path - displacement)
        slack = rounding * (np.abs(start) + size)
        relative = np.where(difference <= slack, 0, (difference - slack) / (size + slack))
        same = (path == displacement) | (np.isnan(path) & np.isnan(displacement))
        relative = np.where(same, 0, np.where(np.isnan(relative), np.inf, relative))
    each = relative.max(axis=-3).reshape(*path.shape[:-3], -1)
    return each.max(axis=-1), np.median(each, axis=-1)

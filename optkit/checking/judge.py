"""Which known form a walk through the probe is: the rule, a dialect of it, a mistake, or none of them."""

import itertools
from dataclasses import dataclass, replace

import numpy as np

from optkit.checking.catalogue import known_of
from optkit.checking.probe import Paths, moved

EXACT, SINGLE = 1e-9, 3e-4  # relative to how far a coordinate gets: for double and for single precision
EPSILONS = (1e-8, 1e-7, 1e-6, 0.0, 1e-5, 1e-10, 1e-4, 1e-3, 1e-2, 1e-9, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16,
            float(np.finfo("float64").eps), float(np.finfo("float32").eps), 1e-20, 1e-30)
_USUAL = 8  # of the epsilons, for two mistakes at once
_FIRST = (2, 5)  # steps in which several mistakes at once must fit before they are followed to the end
_BATCH = 2**15  # numbers that are compared at once: few enough to stay near the processor
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


def judged(walk, rule, start, g, factors, pairs=True, known=None, epsilons=None, only=None):
    """The ``Verdict`` on a walk. Epsilon is inferred where the walk's settings do not say it. ``pairs``: try
    several forms at once, too. ``known``: the forms to try, by default all of the rule;
    ``epsilons``: the only one to try; ``only``: the number of the one parameter that is to be judged."""
    rule = replace(rule, **allowed(walk.settings, rule))
    usual, known = known is None and epsilons is None, known_of(type(rule)) if known is None else known
    if len(start) == 1 or only is not None:  # one parameter shares nothing
        known = [form for form in known if not form.sharing]
    seen = slice(None) if only is None else slice(only, only + 1)
    displacement, steps = (walk.points - start)[:, seen], len(walk.points)
    g, rates = g[:steps], rule.hyperparameters().get("learning_rate", 1.0) * np.asarray(factors[:steps])
    epsilons = _epsilons(rule, walk) if epsilons is None else np.array([epsilons])
    tolerance = SINGLE if walk.single else EXACT
    probe = rule, g, rates, start
    paths = _paths(usual, *probe, epsilons)

    def compared(candidates, steps=None):
        """(forms, error, distance, epsilon) of each of these tuples of forms that fit together."""
        rows = {}
        for forms, found in paths.of(candidates, min(steps or len(rates), len(rates))):
            rows |= zip(forms, _fits(found[..., seen, :], displacement[:steps], start[seen], walk.single))
        return [(forms, *rows[forms][:2], paths.epsilons[rows[forms][2]]) for forms in candidates if forms in rows]

    def followed(candidates):
        """Those that fit the first steps, compared over all."""
        for steps in (*_FIRST, None):
            rows = compared(candidates, steps)
            candidates = [forms for forms, error, *_ in rows if error <= SINGLE]
        return rows

    singles = compared([(), *((form,) for form in known if form.dialect)])
    if _best(singles, tolerance) is None:  # else no mistake can explain it better
        mistakes = [(form,) for form in known if not form.dialect]
        fitting = [row for row in followed(mistakes) if row[1] <= EXACT] if tolerance == EXACT else []
        singles += fitting[:1] or compared(mistakes)
    nearness = {form: distance for forms, _, distance, _ in singles for form in forms}
    chosen, near_pairs = _best(singles, tolerance), []
    if chosen is None and pairs:
        epsilons, more = epsilons[:_USUAL], list(itertools.combinations(known, 2))
        paths = _paths(usual, *probe, epsilons)
        both = followed(more)
        chosen = _best(both, tolerance) or _best(singles, SINGLE) or _best(both, SINGLE)
        for _ in range(2, _AT_ONCE):  # a third form is added, then a fourth
            if chosen is None:
                begun = _nearest(compared(more, _FIRST[0]), len(more) // 4)
                nearest = _nearest(compared([forms for forms, *_ in begun], _FIRST[-1]), _NEAR)
                near_pairs = near_pairs or compared([forms for forms, *_ in nearest])
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


def _nearest(rows, count):
    return sorted(rows, key=lambda row: (row[2], row[1]))[:count]


def _with_one_more(rows, known):
    """The forms of each row with each other form added; in the order of ``known``, in which their edits fit best."""
    place = {form: i for i, form in enumerate(known)}
    found = {tuple(sorted((*forms, form), key=place.get)) for forms, *_ in rows for form in known if form not in forms}
    return sorted(found, key=lambda forms: [place[form] for form in forms])


_KEPT = 4  # probes whose paths are kept for the next candidate
_kept = {}


def _paths(keep, rule, g, rates, start, epsilons):
    """The paths of a rule's forms through this probe. ``keep``: for the next candidate, too."""
    key = rule, g.tobytes(), rates.tobytes(), start.tobytes(), epsilons.tobytes()
    paths = _kept.get(key) or Paths(rule, g, rates, epsilons, start)
    if keep and key not in _kept:
        for oldest in list(_kept)[:len(_kept) + 1 - _KEPT]:
            del _kept[oldest]
        _kept[key] = paths
    return paths


def forget():
    """Drops what is kept: a walk that was stopped on the way is half made."""
    _kept.clear()


def _fits(paths, displacement, start, single):
    """(error, distance, place of the epsilon) of each path, at the epsilon that fits best; the usual ones first."""
    each = max(1, _BATCH // max(1, paths[0].size))
    for batch in (paths[i:i + each] for i in range(0, len(paths), each)):
        off = off_by(displacement, batch, start, single)
        errors = off.max(axis=-1)
        exact = errors <= EXACT
        best = np.where(exact.any(axis=1), exact.argmax(axis=1), errors.argmin(axis=1))
        rows = np.arange(len(batch)), best
        yield from zip(errors[rows], np.median(off[rows], axis=-1), best)


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


def off_by(displacement, path, start, single=False):
    """How far a walk is from paths, relative to how far each coordinate gets: of shape (..., coordinates).

    ``displacement``: (steps, parameters, 12); ``path``: (..., steps, parameters, 12). What rounding of the position
    alone can do is not counted. Infinite where one is not finite and the other is.
    """
    rounding = 8 * len(displacement) * np.finfo("float32" if single else "float64").eps
    with np.errstate(all="ignore"):
        difference = np.abs(path - displacement).max(axis=-3)
        size = np.abs(path).max(axis=-3)
        if not np.isfinite(difference).all():  # seldom, and slower
            same = (path == displacement) | (np.isnan(path) & np.isnan(displacement))
            apart = np.where(same, 0, np.abs(path - displacement))
            difference = np.where(np.isnan(apart), np.inf, apart).max(axis=-3)
            size = np.where(np.isfinite(path), np.abs(path), 0).max(axis=-3)
        slack = rounding * (np.abs(start) + size)
        relative = np.where(difference <= slack, 0, (difference - slack) / (size + slack))
    return relative.reshape(*path.shape[:-3], -1)

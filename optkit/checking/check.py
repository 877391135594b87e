"""``optkit.check``: somebody's code through the probe, understood in each likely way, judged, reported."""

import functools
from dataclasses import replace

import numpy as np

from optkit.checking import bounded, libraries
from optkit.checking.forms import FORMS, readings
from optkit.checking.holders import Unreadable
from optkit.checking.instance import RAISED, NotUnderstood
from optkit.checking.diagnosis import Case, reported
from optkit.checking.judge import SINGLE, allowed, forget, judged
from optkit.checking.catalogue import KNOWN
from optkit.checking.probe import STEPS, gradients, moved
from optkit.checking.report import Report
from optkit.checking.walks import Crashed, OnePoint
from optkit.rules import Rule

SECONDS = 8.0  # of processor time, for all that is asked of a candidate and the judging
WAITING = 60.0  # on the clock, for code that sleeps or waits


def check(candidate, rule, form=None):
    """Does ``candidate`` do what ``rule`` says? If not, which mistake is it?

    ``candidate``: an optimizer as most people write one (``optkit.checking.FORMS`` lists the forms): a function or an
    object that takes parameters and gradients and returns new ones, or the step, or changes them in place; a class
    that holds its parameters; code that asks for its own gradient; a factory that makes any of these; a Keras,
    PyTorch or optax optimizer. ``rule``: one of ``optkit.rules``, with the hyperparameters to judge by; they are
    handed to the candidate where it takes them, and where its own can be read as attributes, those count. Of what is
    hidden in code only epsilon is inferred, and the report says so. A rule of your own will do too: the mistakes named
    are then those that can be made in any rule. ``form``: a key of ``FORMS``, if the candidate
    is understood wrongly without.

    Returns a ``Report``; whatever the candidate does, raising and never ending included, is a verdict and not an
    exception. ValueError when ``rule`` is not a rule or its lines cannot be had, or ``form`` is not in the table.
    """
    if isinstance(rule, type) and issubclass(rule, Rule):
        rule = rule()
    if not isinstance(rule, Rule):
        raise ValueError(f"rule must be one of {', '.join(cls.__name__ for cls in KNOWN)}, such as optkit.Adam(), or "
                         f"one of your own, a subclass of optkit.Rule; got {rule!r}")
    _check_runs(rule)
    if form is not None and form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}; got {form!r}")
    try:
        return bounded.run(lambda: _checked(candidate, rule, form), SECONDS, WAITING)
    except bounded.TookTooLong as error:
        forget()
        return Report.failed(rule, "never-ends", f"Your code never ends: {error}. Look for a loop whose condition "
                             "stays true, or for something that it waits for.")


def _check_runs(rule):
    if "learning_rate" not in rule.hyperparameters():
        raise ValueError(f"{type(rule).__name__} has no learning_rate, which is changed on the way to see more")
    try:
        _probe(rule, 1)
    except NameError as error:
        raise ValueError(f"{type(rule).__name__}.step may use self, xp and its arguments alone: {error}") from None


def _checked(candidate, rule, form):
    try:
        library = libraries.reading_of(candidate, rule)
        found = [library] if library else readings(candidate, rule)
    except NotUnderstood as error:
        return _not_understood(rule, str(error))
    except RAISED as error:
        return _raised(rule, error, "while it is made")
    try:
        chosen, failures = _followed(found, rule, form)
        if chosen is None:
            return _no_walk(rule, failures)
        reading, walk, verdict = chosen
        probe = _probe(rule, walk.points.shape[1])
        spoilt = not verdict.fits or verdict.right and not np.isfinite(walk.points).all()
        if spoilt and getattr(reading, "asks", False) and reading.unknown and _matters(reading, walk, probe):
            return _not_understood(rule, _nothing_known(reading))
        return reported(Case(reading, walk, verdict, rule, *probe))
    finally:
        if not library:
            found[0].remembered.restore()


def _matters(reading, walk, probe):
    """Does it make a difference what is handed over for the arguments of which nothing is known?"""
    try:
        return not np.array_equal(replace(reading, memory="none").walk(*probe).points, walk.points, equal_nan=True)
    except RAISED:
        return True


def _probe(rule, parameters):
    """(start, gradients, factors on the rate): the start lies as far from zero as the rule moves: rounding is small."""
    return tuple(array.copy() for array in _kept_probe(rule, parameters))


@functools.lru_cache(maxsize=8)
def _kept_probe(rule, parameters):
    g, settings = gradients(parameters), rule.hyperparameters()
    path = moved(rule, (), g, np.full(STEPS, settings["learning_rate"]), [settings.get("epsilon", 1e-8)])[0]
    size = np.abs(path).max(axis=0)
    sign = np.where(np.indices(size.shape).sum(axis=0) % 2, -1.5, 1.25)
    return sign * np.where(np.isfinite(size) & (size > 0), size, 1e-6), g, np.ones(STEPS)


def _followed(found, rule, form):
    """((reading, walk, verdict) or None, failures): the first way of understanding the candidate that works.

    Once it has worked with parameters handed over in one way, no other way is tried: code that fails with several
    parameters and works with one is wrong, not misunderstood. Only where its memories start and where t starts, which
    the caller decides, is tried for the better.
    """
    best, failures, tried, first = None, [], None, None
    for reading in found:
        own = (reading.holder, reading.method, reading.asks, reading.by_name) if hasattr(reading, "holder") else None
        if own and reading.by_name and not _may_be_a_name(reading, own, tried, failures) or (
                tried is not None and own != tried and not (own and reading.by_name)):
            continue
        parameters = reading.holder.count if own else reading.parameters
        start, g, factors = _probe(rule, parameters)
        try:
            walk = reading.walk(start, g, factors)
        except Crashed as error:
            failures.append((reading, error))
            if reading is found[0]:  # it was understood, and fails: no other way is tried
                break
            continue
        except RAISED as error:
            failures.append((reading, error))
            if reading is found[0] and isinstance(error, Unreadable) and _plain(reading) and (
                    reading.holder.kind == "array"):
                break
            continue
        if form is not None and walk.form != form:
            failures.insert(0, (reading, NotUnderstood(f"it is not of the form {form!r}, but {walk.form!r}")))
            continue
        if np.array_equal(walk.points, np.broadcast_to(start, walk.points.shape)):
            failures.append((reading, _Still()))
            continue
        # A later one counts if it is simpler, so pairs of mistakes are tried last, and with the first alone.
        first = first or (reading, walk, rule, start, g, factors)
        verdict = _at_best_settings(reading, walk, rule, start, g, factors, pairs=False)
        if reading is first[0] and not verdict[1].fits and verdict[1].error <= SINGLE:
            verdict = _at_best_settings(*first)
        named = verdict[1].fits and np.isfinite(walk.points).all()  # NaN fits too much
        if best is None or verdict[1].right or named and (
                not best[2].fits or _mistakes(verdict[1]) < _mistakes(best[2])):
            best = reading, *verdict
        tried = own
        if verdict[1].right:
            break
    if best and not best[2].fits:
        best = first[0], *_at_best_settings(*first)
    return best, failures


def _at_best_settings(reading, walk, *probe, pairs=True):
    """(walk, verdict), with the settings that its attributes say, or without: these may be called what they are not."""
    verdict, rule = _best_sign(reading, walk, *probe, pairs), probe[0]
    told = walk.form == "step" or "epsilon" in walk.settings or replace(rule, **allowed(walk.settings, rule)) != rule
    if walk.settings and told and not verdict[1].right:
        other = _best_sign(reading, replace(walk, settings={}), *probe, pairs)
        verdict = other if other[1].right or other[1].fits and not verdict[1].fits else verdict
    return verdict


def _may_be_a_name(reading, own, tried, failures):
    """Is the parameter's name to be handed over in its place? Where an array cannot be a key; and where nothing says
    that it is the parameter, as in update(layer, grad), and the verdict on the array is not right."""
    if tried is None:
        return any("unhashable" in str(error) for _, error in failures)
    return not reading.named and own[:-1] == tried[:-1]


class _Still(Exception):
    """Nothing moved."""


def _best_sign(reading, walk, rule, start, g, factors, pairs=True):
    """(walk, verdict): a step that is returned may come with its sign, for the caller to add, and without the learning
    rate, for the caller to multiply."""
    verdict = judged(walk, rule, start, g, factors, pairs)
    if walk.form != "step" or verdict.right:
        return walk, verdict
    rate = rule.hyperparameters().get("learning_rate", 1.0)
    known = rate == 1 or walk.rate_changes or "learning_rate" in walk.settings
    scales = [-1.0] if known else [-1.0, rate, -rate]
    for scale in scales:
        try:  # once more, and not the same points turned over: a step may depend on where it is made
            turned = replace(reading.walk(start, g, factors, scale=scale), settings=walk.settings)
        except RAISED:
            continue
        other = judged(turned, rule, start, g, factors, pairs)
        if _goodness(other) > _goodness(verdict):
            walk, verdict = turned, other
            if verdict.right:
                break
    return walk, verdict


def _goodness(verdict):
    """The better explanation is the right one, then the one that fits with fewer mistakes, then the nearer one."""
    return verdict.right, verdict.fits, -_mistakes(verdict), -verdict.distance


def _mistakes(verdict):
    return sum(not form.dialect for form in verdict.forms)


def _not_understood(rule, reason):
    return Report.failed(rule, "not-understood", f"Your code could not be called: {reason}. Write an adapter of a few "
                         "lines, a function that takes (w, grad), calls your code, and returns the new w, and hand "
                         "that over. What is taken as it is stands in optkit.checking.FORMS.")


def _nothing_known(reading):
    return f"nothing is known to hand over for {' and '.join(repr(name) for name in reading.unknown)}"


def _raised(rule, error, when):
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Report.failed(rule, "exception", f"Your code raises an error {when}: {text[:300].rstrip('.')}.")


def _no_walk(rule, failures):
    """The report when no way of calling the candidate works: the most telling of the failures."""
    misfits = (TypeError, KeyError, IndexError, AttributeError, Unreadable, NotUnderstood, _Still)
    errors = [error for _, error in failures]
    first = failures[0][0]
    asked = next((error for reading, error in failures if getattr(reading, "asks", False)), None)
    if isinstance(asked, OnePoint):
        return Report.failed(rule, "gradient-at-start", "Your loop takes every gradient at the point where it began, "
                             "and not where it has come to.",
                             why="The first step is right, and the others go the same way.")
    if isinstance(errors[0], NotUnderstood):
        return _not_understood(rule, str(errors[0]))
    if isinstance(errors[0], Crashed):
        return _raised(rule, errors[0].__cause__, str(errors[0]))
    errors = [error.__cause__ if isinstance(error, Crashed) else error for error in errors]
    if isinstance(errors[0], Unreadable) and _plain(first):
        return Report.failed(rule, "wrong-shape", f"What your code returns cannot be the parameters: {errors[0]}.")
    telling = [error for error in errors if not isinstance(error, misfits)]
    still = [error for error in errors if isinstance(error, _Still)]
    if getattr(first, "unknown", ()) and (still or not telling or isinstance(telling[0], ValueError)):
        return _not_understood(rule, _nothing_known(first))
    slip = next((error for error in errors if isinstance(error, NameError)), None)
    if still and slip:  # it is the code's own, however it was called
        return _raised(rule, slip, "on the way")
    clear = getattr(first, "named", True) or not getattr(first, "guessed", False)
    if still and clear and (errors[0] is still[0] or not telling):
        return Report.failed(rule, "nothing-moves", "No parameter moves: your code neither returns new parameters nor "
                             "changes those that it is handed. Look for a result that is computed and not stored.")
    if telling and (_plain(first) or not isinstance(telling[0], ValueError)):
        return _raised(rule, telling[0], "on the way")
    arrays = [error for reading, error in failures if hasattr(reading, "holder") and reading.holder.kind == "array"]
    error = next((error for error in arrays + errors if not isinstance(error, NotUnderstood)), errors[0])
    if isinstance(error, NotUnderstood):
        return _not_understood(rule, str(error))
    if _plain(first):
        return _raised(rule, error, "on the way")
    return _not_understood(rule, f"tried in every known way, it ends in {type(error).__name__}: {error}")


def _plain(reading):
    """Was it clear from the names how the candidate is called? Then an error is its own, and no misunderstanding."""
    return not hasattr(reading, "holder") or not reading.held and not reading.asks and not reading.guessed

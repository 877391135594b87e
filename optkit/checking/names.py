"""What the names in somebody's code mean: one table for arguments, one for hyperparameters."""

import ast
import functools
import inspect
import re
import textwrap
import unicodedata
from numbers import Real

import numpy as np

# The roles of arguments, by their names in lower case without underscores. The first role that fits counts.
_ROLES = {
    "gradient function": r"oracle|(get|compute|calc|func|f|eval|evaluate)?(grad|gradient|dfunc)(ient)?s?(of)?"
                         r"(f|fn|fun|func|function|callback|oracle|cost|loss|objective)|f(_?)grad(ient)?|df|dfdx|dfx|"
                         r"dfun|dfunc|dfunction|dfn|fprime|jac|jacobian|gradf|gfunc|(cost|loss)grad(ient)?|"
                         r"calculategradient|gradientat",
    "size": r"(n|num|numof|numberof|no)(params|parameters|features|weights|variables)|size|dim|dimension|"
            r"(grad|gradient|param|parameter|weight|in|out|input|output)s?(size|dim)|(num|n)?(rows?|cols?|columns?)|"
            r"n(in|out)|fan(in|out)",
    "shape": r".*shape|shapes|dims",
    "gradient": r".*grad.*|nabla.*|d[a-z]d(w|b|x|theta|param|params)|g|gs|gt|gw|gb|gf|gk|gtheta|"
                r"d(w|b|x|y|p|theta|param|params|parameter|parameters|weight|weights|bias|biases|var|wages|"
                r"loss|z|ws|bs|value|values|j)\d*|"
                r"(w|b|weight|weights|bias|biases|theta|param|params)(d|deltas?|changes?)|globalg|"
                r"g(w|b|x|theta|param|params|parameter|parameters|weight|weights|bias|biases|value|values)s?|"
                r"derivative|derivatives|slope|deltas?|delta(w|b)",
    "objective": r"f|fn|func|fun|function|fx|obj|objective|objectivefunction|loss|lossfn|lossfunc|lossfunction|cost|"
                 r"costfn|costfunc|costfunction|evalfn|fobj|fobjective",
    "parameters": r"w|b|x|p|ws|bs|xs|theta|thetas|param|params|parameter|parameters|weight|weights|bias|biases|var|"
                  r"vars|variable|variables|filters?|kernels?|point|position|pos|coef|coefs|coeffs|tensor|tensors|"
                  r"wages|curw|currentw|"
                  r"(current|cur|old|prev|model|network|initial|init|start|starting)?(x|w|weights|theta|params|"
                  r"parameters|point|value|guess|position|wb)(0|init|start|t|k|values?)?|init|start|initial|guess|"
                  r"paramlist|paramslist|parameterlist|paramsvalues|parametersvalues|varlist|trainablevariables|"
                  r"weightsdict|paramsdict|values?|xstart|xinit",
    "key": r"key|name|paramname|paramid|pid|layername|layerid|layerkey|id|varname",
    "place": r"j|idx|index|(param|parameter|layer|weight)(idx|index|num|number|no)",
    "tolerance": r"tol|tolerance|threshold|thresh|precision|gtol|ftol|xtol|convergencetolerance|stop",
    "count": r"(num|n|max|maximum|no|number|total|nr)(of)?(iter|iters|iteration|iterations|step|steps|epoch|epochs)|"
             r"(iteration|iter|epoch|step)s?(number|count|max)|iterations|iters|epochs|steps|maxit|runs|niter",
    "step": r"t|ts|step|iter|it|iteration|epoch|k|i|n|itr|iternum|stepnum|stepnumber|timestep|time|globalstep|"
            r"counter|(cur|current)?(t|time|global|update)?(step|iter|iteration|epoch)s?"
            r"(num|number|count|idx|index|i|no)?",
    "settings": r"config|configs|options|opts|hyperparameters|hyperparams|hparams",
    "memory": r"(m|v|s|u|h|r|d|vel|velocity|velocities|mom|moment|moments|momentum|accum.*|sq.*|avg.*|running.*|exp.*|"
              r"(m|v|s|vd|sd|h|r|cache|prev|last|old|sum)_?(t|w|b|dw|db|m|v|s|velocity|update|delta|grad_?sq)?\d*)",
    "state": r"state|states|optstate|optimizerstate|cache|memory|history|mem|st",
}

# Names of hyperparameters, the surer ones first; a name is taken by the first hyperparameter that it fits.
_RATE = ("learningrate", "lr", "eta", "stepsize", "rate", "learnrate", "lrate", "learningrateinit", "initlr",
         "l", "alpha", "a", "initiallearningrate", "baselr", "currentlearningrate", "ss", "learningr", "etta", "step",
         "stepsz", "steplength", "gamma")
_EPSILON = ("epsilon", "eps", "e", "epsilion", "epislon", "ep", "fudge", "fudgefactor", "delta", "smoothingterm",
            "smoothing", "tiny", "epsilonforoptimizer", "offset", "err", "stability", "epsi", "epsil")
_DECAY = ("rho", "decayrate", "decay", "gamma", "beta", "beta2", "alpha", "discount", "forgettingfactor", "p", "ro",
          "momentum", "smoothingconstant", "autocorr", "decayfactor", "b", "beta1", "mu")
_ALIASES = {
    "learning_rate": _RATE,
    "beta_1": ("beta1", "b1", "rho1", "decay1", "betam", "decayrate1", "firstbeta", "beta", "momentum", "mu", "omega1"),
    "beta_2": ("beta2", "b2", "rho2", "decay2", "betav", "decayrate2", "secondbeta", "rho", "beta1", "omega2"),
    "rho": _DECAY,
    "momentum": ("momentum", "mu", "mom", "beta", "gamma", "rho", "beta1", "momentumfactor", "momentumrate", "inertia",
                 "friction", "discount", "momentumcoefficient", "moment", "alpha", "a", "mm"),
    "initial_accumulator": ("initialaccumulator", "initialaccumulatorvalue"),
    "weight_decay": ("weightdecay", "wd", "lambda", "lambd", "lmbda", "lamda", "lam", "weightdecayrate", "wdecay",
                     "decayweight", "weightdecaycoefficient", "weightdecayfactor", "decoupledweightdecay", "l2",
                     "l2lambda", "l2reg", "lambdal2", "reg", "regularization", "decay", "decayrate", "gamma"),
    "epsilon": _EPSILON,
}
_SPELLINGS = {"learning_rate": ("lr", "alpha", "eta"), "beta_1": ("beta1",), "beta_2": ("beta2",),
              "rho": ("decay_rate", "decay", "beta", "gamma"), "momentum": ("mu", "beta", "gamma"),
              "epsilon": ("eps",), "weight_decay": ("wd", "lambda", "lambda_", "decay")}
_EITHER_BETA = ("rho", "ro", "decayrate", "gamma", "discount", "forgettingfactor")
# Names that say "hyperparameter", whatever the rule; "err" and single letters may be anything.
_SETTINGS = {alias for aliases in _ALIASES.values() for alias in aliases if len(alias) > 1} - {"err"}
_PAIR = ("betas", "beta")  # one argument for beta_1 and beta_2


@functools.cache
def plain(name):
    """A name without case, underscores and other marks; Greek letters by their names."""
    spelt = "".join(letter if letter.isascii() else unicodedata.name(letter, "").split(" ")[-1] for letter in name)
    return re.sub(r"[^a-z0-9]", "", spelt.lower())


@functools.cache
def _plainest(name):
    """The same without the 0 of "alpha_0", a rate at the start, and with 1 and 2 as digits."""
    digits = re.sub("two$", "2", re.sub("one$", "1", plain(name)))
    return re.sub("(?<=[a-z]{2})0$", "", digits)


@functools.cache
def role(name):
    """What an argument of this name is, one of the keys of the table; "" when the name says nothing."""
    return next((role for role, pattern in _ROLES.items() if re.fullmatch(pattern, plain(name))), "")


def hyperparameters(names, rule, arguments=()):
    """Which of the names is which hyperparameter of the rule: a dict from the rule's names to these. ``arguments``: the
    arguments of these names, whose defaults may tell."""
    names = list(reversed(list(names)))
    by_plain, found = {spelt(name): name for spelt in (_plainest, plain) for name in names}, {}
    fields = rule.hyperparameters()
    # What only one field can be called is given to it before a doubtful name (alpha, beta) is given away.
    for rank in range(max(map(len, _ALIASES.values()))):
        for field in fields:
            aliases = _ALIASES.get(field, (plain(field),))
            if field not in found and rank < len(aliases) and aliases[rank] in by_plain:
                name = by_plain[aliases[rank]]
                if name not in found.values():
                    found[field] = name
    either = [name for name in reversed(names) if plain(name) in _EITHER_BETA]
    if "beta_1" in fields and len(either) == 2 and set(found.values()) & set(either):  # as in (rho, decay_rate)
        found["beta_1"], found["beta_2"] = either
    rate, momentum = (found.get(field) for field in ("learning_rate", "momentum"))
    if plain(rate or "") in _ALIASES["momentum"] and _default(arguments, rate) > _default(arguments, momentum):
        found["learning_rate"], found["momentum"] = momentum, rate  # as in (gamma=0.9, mu=0.1)
    return found


def _default(arguments, name):
    """The default of an argument; NaN when it has none that is a number."""
    value = getattr(arguments[name], "default", None) if name in arguments else None
    return value if _number(value) else np.nan


def is_setting(name):
    """Does the name say that this is a hyperparameter, of whichever rule?"""
    return not role(name) and not {plain(name), _plainest(name)}.isdisjoint(_SETTINGS)


def is_pair(name, argument, rule):
    """Does one argument stand for beta_1 and beta_2?"""
    pair = isinstance(argument.default, (tuple, list)) and len(argument.default) == 2 or plain(name) == "betas"
    return plain(name) in _PAIR and pair and "beta_1" in rule.hyperparameters()


def settings_of(thing, rule):
    """The rule's hyperparameters as they can be read from an object's attributes, or from a dict; numbers only."""
    values = {}
    for name, value in _attributes(thing).items():
        if plain(name) in _PAIR and isinstance(value, (tuple, list)) and len(value) == 2:
            values |= {"beta1": value[0], "beta2": value[1]}
        elif isinstance(value, (dict,)) and role(name) == "settings" or name == "defaults" and isinstance(value, dict):
            values |= {key: inner for key, inner in value.items() if _number(inner)}
        elif _number(value):
            values[name] = float(value)
    return {field: float(values[name]) for field, name in hyperparameters(values, rule).items()}


def as_settings(rule):
    """The rule's hyperparameters in a dict, under each of the names in use."""
    return Settings(rule, {spelling: value for field, value in rule.hyperparameters().items()
                           for spelling in (field, *_SPELLINGS.get(field, ()))})


class Settings(dict):
    """A dict in which the rule's hyperparameters are found under whatever they are called, in whatever case."""

    def __init__(self, rule, *values):
        super().__init__(*values)
        self.rule = rule

    def __missing__(self, key):
        fields = hyperparameters([key], self.rule) if isinstance(key, str) else ()
        if not fields:
            raise KeyError(key)
        return getattr(self.rule, next(iter(fields)))


def _attributes(thing):
    if isinstance(thing, dict):
        return thing
    of_class = {name: value for cls in reversed(type(thing).__mro__[:-1]) for name, value in vars(cls).items()
                if _number(value)}
    return of_class | getattr(thing, "__dict__", {})


def _number(value):
    return (isinstance(value, Real) and not isinstance(value, bool)
            or isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "f")


def parameters_of(function):
    """The parameters of a callable by name; empty when its signature cannot be read."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def returned(function):
    """The names in the last return of a function, ("w", "m") for ``return w, m``; () where it has others, or none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return ()
    last = next((node.value for node in reversed([*ast.walk(tree)]) if isinstance(node, ast.Return)), None)
    own = tuple(value.id for value in getattr(last, "elts", ()) if isinstance(value, ast.Name))
    return own if len(own) == len(getattr(last, "elts", ())) else ()

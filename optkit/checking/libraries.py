"""Rules of optkit, and optimizers of Keras, PyTorch and optax, through the probe. None of these is imported first."""

import dataclasses
import inspect
import sys

import numpy as np

from optkit.checking.walks import Walk
from optkit.checking.holders import NAMES
from optkit.checking.names import settings_of
from optkit.checking.probe import SHAPE
from optkit.rules import Rule


def reading_of(candidate, rule):
    """The reading of a candidate that belongs to a library; None when it belongs to none."""
    if isinstance(candidate, Rule) or isinstance(candidate, type) and issubclass(candidate, Rule):
        return _Library(candidate() if isinstance(candidate, type) else candidate, rule, _walk_of_rule)
    if _is_factory(candidate):
        made = _made_by(candidate)
        return None if _is_factory(made) else reading_of(made, rule)
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    if keras and _belongs(candidate, keras.optimizers.Optimizer):
        return _Library(candidate, rule, _walk_of_keras)
    if torch and _belongs(candidate, torch.optim.Optimizer):
        return _Library(candidate, rule, _walk_of_torch)
    if type(candidate).__name__.startswith("GradientTransformation") and hasattr(candidate, "init"):
        return _Library(candidate, rule, _walk_of_optax)
    return None


def _is_factory(candidate):
    return inspect.isfunction(candidate)


def _made_by(factory):
    """What a function without arguments, or with PyTorch's parameters as its only one, makes; None if it is neither."""
    required = [argument for argument in inspect.signature(factory).parameters.values()
                if argument.default is argument.empty and argument.kind is not argument.VAR_KEYWORD]
    torch = sys.modules.get("torch")
    if len(required) > 1 or required and not torch:
        return None
    try:
        return factory(*[[torch.nn.Parameter(torch.zeros(1))] for _ in required])
    except Exception:  # it is no factory of this kind
        return None


def _belongs(candidate, cls):
    return isinstance(candidate, cls) or isinstance(candidate, type) and issubclass(candidate, cls)


@dataclasses.dataclass(frozen=True)
class _Library:
    candidate: object
    rule: object
    through: object
    name: str = "the optimizer"
    parameters: int = 3

    def walk(self, start, g, factors, reuse=False, restore=True, scale=1.0):
        return self.through(self.candidate, self.rule, start, g, factors)


def _walk_of_rule(candidate, rule, start, g, factors):
    def named(values):
        return {name: row.reshape(SHAPE) for name, row in zip(NAMES, values)}

    settings = candidate.hyperparameters()
    position, points = named(start), []
    state = candidate.init(position)
    for gradient, factor in zip(g, factors):
        now = dataclasses.replace(candidate, learning_rate=candidate.learning_rate * factor)
        step, state = now.update(named(gradient), state, position)
        position = {name: position[name] - step[name] for name in position}
        points.append([position[name].reshape(-1) for name in position])
    return Walk(np.array(points), "rule", {key: float(value) for key, value in settings.items()
                                           if key in rule.hyperparameters()}, rate_changes=True)


def _walk_of_keras(candidate, rule, start, g, factors):
    import keras

    own = candidate() if isinstance(candidate, type) else type(candidate).from_config(candidate.get_config())
    variables = [keras.Variable(row.reshape(SHAPE), dtype="float32") for row in start]
    own.build(variables)
    own_rate, last, points = float(own.learning_rate), 1.0, []
    for gradient, factor in zip(g, factors):
        if factor != last:
            own.learning_rate, last = own_rate * factor, factor
        own.apply([keras.ops.convert_to_tensor(row.reshape(SHAPE).astype("float32")) for row in gradient], variables)
        points.append([np.asarray(variable).reshape(-1) for variable in variables])
    settings = settings_of({key: value for key, value in own.get_config().items() if value is not None}, rule)
    return Walk(np.array(points, float), "keras", settings, rate_changes=True, single=True)


def _walk_of_torch(candidate, rule, start, g, factors):
    import torch

    parameters = [torch.nn.Parameter(torch.tensor(row.reshape(SHAPE))) for row in start]
    if isinstance(candidate, type):
        takes = inspect.signature(candidate).parameters
        settings = rule.hyperparameters()
        given = {own: settings[field] for field, own in (("learning_rate", "lr"), ("momentum", "momentum"),
                                                         ("rho", "alpha"), ("rho", "rho"), ("epsilon", "eps"),
                                                         ("weight_decay", "weight_decay"))
                 if field in settings and own in takes}
        if "betas" in takes and "beta_1" in settings:
            given["betas"] = (settings["beta_1"], settings["beta_2"])
        own = candidate(parameters, **given)
    else:  # a fresh one with the same settings: the candidate's own parameters stay as they are
        takes = inspect.signature(type(candidate)).parameters
        own = type(candidate)(parameters, **{key: value for key, value in candidate.defaults.items() if key in takes})
    points = []
    for gradient, factor in zip(g, factors):
        for parameter, row in zip(parameters, gradient):
            parameter.grad = torch.tensor(row.reshape(SHAPE))
        for group in own.param_groups:
            group["lr"] = float(own.defaults["lr"] * factor)
        own.step()
        points.append([parameter.detach().numpy().reshape(-1).copy() for parameter in parameters])
    values = dict(own.defaults)
    if "betas" in values:
        values["beta1"], values["beta2"] = values.pop("betas")
    return Walk(np.array(points), "torch", settings_of(values, rule), rate_changes=True)


def _walk_of_optax(candidate, rule, start, g, factors):
    position = start.astype("float32")
    state, points = candidate.init(position), []
    for gradient in g:
        move, state = candidate.update(gradient.astype("float32"), state, position)
        position = position + np.asarray(move)
        points.append(position)
    return Walk(np.array(points, float), "optax", {}, single=True)

"""Any rule as a Keras optimizer."""

import dataclasses

import optkit.hardware  # before Keras: it sets TensorFlow up

import keras
import numpy as np

from optkit.rules import Rule


@keras.saving.register_keras_serializable(package="optkit")
class KerasOptimizer(keras.optimizers.Optimizer):
    """A Keras optimizer that updates by ``rule``: ``model.compile(optimizer=KerasOptimizer(Adam()), ...)``.

    ``learning_rate`` takes the place of the rule's own when given, and may be a Keras schedule. Other keyword
    arguments are those of ``keras.optimizers.Optimizer`` (``clipnorm``, ``weight_decay``, ``use_ema``, ...). A rule
    that decays the weights itself decays all of them, those of ``exclude_from_weight_decay`` too.

    It saves, loads and serialises with its model; a saved model loads after ``import optkit``, and when it trained by a
    rule of your own, after that rule has been defined. ValueError when the rule is not one, has no learning rate,
    holds an array in place of a number, or decays the weights itself and is to do so twice.
    """

    def __init__(self, rule, learning_rate=None, **arguments):
        if not isinstance(rule, Rule):
            raise ValueError(f"rule must be one of optkit.rules, such as optkit.Adam(), got {rule!r}")
        if "learning_rate" not in rule.hyperparameters():
            raise ValueError(f"{type(rule).__name__} has no learning_rate, which a Keras optimizer must have")
        for name, value in rule.hyperparameters().items():
            if np.ndim(value):
                raise ValueError(f"{name} must be one number for a Keras optimizer, got {value!r}")
        if "weight_decay" in rule.hyperparameters() and arguments.get("weight_decay") is not None:
            raise ValueError(f"{type(rule).__name__} decays the weights itself: hand weight_decay to the rule, got "
                             f"weight_decay={arguments['weight_decay']!r} beside it")
        super().__init__(rule.learning_rate if learning_rate is None else learning_rate, **arguments)
        self.rule = rule

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        # What a memory starts from does not depend on the shape, so one number tells it for all variables.
        starts = self.rule.start(np.zeros(()))
        self.slots = {}
        for slot in self.rule.slots():
            initializer = keras.initializers.Constant(float(starts[slot]))
            self.slots[slot] = self.add_optimizer_variables(variables, slot, initializer)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        state = {slot: variables[index].value for slot, variables in self.slots.items()}
        state["t"] = keras.ops.convert_to_tensor(self.iterations)  # a variable, or while Keras accumulates a tensor
        rule = dataclasses.replace(self.rule, learning_rate=learning_rate)
        step, state = rule.update(keras.ops.cast(gradient, variable.dtype), state,
                                 keras.ops.convert_to_tensor(variable))
        self.assign_sub(variable, step)
        for slot, variables in self.slots.items():
            self.assign(variables[index], state[slot])

    def get_config(self):
        own = {name: float(value) for name, value in self.rule.hyperparameters().items()}
        cls = type(self.rule)
        return super().get_config() | {"rule": cls.__name__, "module": cls.__module__, "hyperparameters": own}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        name, module, own = (config.pop(key) for key in ("rule", "module", "hyperparameters"))
        rules = list(_subclasses(Rule))
        named = [rule for rule in rules if rule.__name__ == name]
        if not named:
            raise ValueError(f"this optimizer was saved with a rule {name!r}, which is not defined here; define it "
                             f"before loading (known: {', '.join(sorted({rule.__name__ for rule in rules}))})")
        # Of several with this name, one of the same module is meant, and of these the one defined last.
        rule = max(enumerate(named), key=lambda numbered: (numbered[1].__module__ == module, numbered[0]))[1]
        return super().from_config(config | {"rule": rule(**own)}, custom_objects)


def _subclasses(cls):
    """All of them, in the order of definition among siblings."""
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)

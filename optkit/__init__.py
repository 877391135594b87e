"""Update rules for gradient descent, each written once: for NumPy, TensorFlow, many runs at once, Keras and the page.

Importing ``optkit`` does not import TensorFlow or matplotlib; the first name that needs one does.
"""

import importlib

import wrapt

from optkit import rules, surfaces
from optkit.paths import Path, descend
from optkit.rules import (AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, Momentum, Nesterov, RMSprop, Rule)
from optkit.script import javascript
from optkit.symbols import equation

_WHERE = {"check": "checking", "claims": None, "device": "hardware", "export_playground": "playground",
          "invariance": None, "KerasOptimizer": "keras_optimizer", "plot": None,
          "race": "races", "Race": "races", "sweep": "sweeps", "Sweep": "sweeps", "Task": "tasks", "tasks": None}

__all__ = ["AdaDelta", "AdaGrad", "AdaMax", "Adam", "AdamW", "GradientDescent", "Momentum", "Nesterov", "Path",
           "RMSprop", "Rule", "descend", "equation", "javascript", "rules", "surfaces", *_WHERE]


# A model saved with our optimizer loads after ``import optkit``, whether Keras was imported before or comes after.
wrapt.when_imported("keras")(lambda module: importlib.import_module("optkit.keras_optimizer"))


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module 'optkit' has no attribute {name!r}")
    module = importlib.import_module(f"optkit.{_WHERE[name] or name}")
    return getattr(module, name) if _WHERE[name] else module


def __dir__():
    return sorted(__all__)

"""The update rules, each written once, in the few lines that its paper prints.

Every rule is a frozen dataclass. Its fields are its hyperparameters, named as Keras names them, and its
``step`` holds the rule itself, for a single array::

    step(xp, t, g, m, v) -> (step, m, v)

The new parameters are ``x - step``. ``xp`` is ``numpy`` or ``tensorflow`` (both say ``sqrt``, ``abs`` and
``maximum``), ``t`` the number of this step, counted from 1, and ``g`` the gradient. What follows ``g`` is the
rule's memory: it starts at zero and is handed back, in the same order, after the step. Throughout the book ``m`` is
the first moment (a sum in momentum, a mean in Adam), ``v`` the second, ``u`` the maximum in AdaMax, and ``d``
AdaDelta's average of squared steps. A rule that needs the parameters themselves takes them as ``x``.

``Rule`` lifts these lines from one array to any nest of arrays, and from one run to many.
"""

import dataclasses
import functools
import inspect
import sys
from dataclasses import dataclass

import numpy as np
import optree


class Rule:
    """An update rule: subclass it as a frozen dataclass, and write ``step``.

    A hyperparameter is a number, or an array of shape ``(runs,)``. With an array, every leaf carries one run a row:
    its first axis has the length ``runs``, and row ``i`` is updated with value ``i``.

    ``ValueError`` names the field, the value and the allowed range when a hyperparameter does not fit: a learning
    rate, epsilon, accumulator or weight decay must be finite and at least 0, a decay (``momentum``, ``rho``,
    ``beta_1``, ``beta_2``) must lie in [0, 1), any other must be finite. Values that TensorFlow is still tracing are
    not checked.
    """

    def __post_init__(self):
        for name, value in self.hyperparameters().items():
            value = _checked(type(self).__name__, name, value)
            object.__setattr__(self, name, value)  # the dataclass is frozen; this is its construction

    def hyperparameters(self):
        """The hyperparameters by name, in the order in which they are declared."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def init(self, params):
        """The state before the first step.

        ``params`` is one array, or any nest (dict, list, tuple) of float32 or float64 arrays, NumPy's or
        TensorFlow's. The state is a dict: ``t``, the number of steps made, and for each memory of the rule (``m``,
        ``v``, ...) a nest like ``params``. ``ValueError`` names a leaf that is missing or has another dtype.
        """
        names, leaves, structure = _flatten(params, "params")
        starts = []
        for name, leaf in zip(names, leaves):
            rule, xp = self._fitted_to(leaf, name), _namespace(leaf)
            starts.append(rule.start(xp.zeros_like(leaf)))
        t = 0 if _namespace(leaves[0]) is np else sys.modules["tensorflow"].zeros((), "int64")
        return {"t": t} | {slot: optree.tree_unflatten(structure, [start[slot] for start in starts])
                           for slot in self.slots()}

    def update(self, gradient, state, params=None):
        """One step: ``(step, state)``, where the new parameters are ``params - step``.

        ``gradient`` has the structure, shapes and dtypes of the parameters; ``step`` has them too. Nothing is
        changed in place. ``params`` is needed only by a rule whose ``step`` takes ``x``. Sparse gradients are
        densified. ``ValueError`` names the leaf when a gradient is missing or does not fit the state.
        """
        t = state["t"] + 1
        names, gradients, structure = _flatten(gradient, "gradient")
        memory = {slot: _like(structure, state[slot], slot) for slot in self.slots()}
        if "x" in self.arguments():
            if params is None:
                raise ValueError(f"{type(self).__name__} uses the parameters: call update(gradient, state, params)")
            memory["x"] = _like(structure, params, "params")
        results = []
        for i, (name, g) in enumerate(zip(names, gradients)):
            values = {"g": g} | {what: _fitting(leaves[i], g, what, name) for what, leaves in memory.items()}
            rule, xp = self._fitted_to(g, name), _namespace(g)
            results.append(rule._called(xp, _cast(t, g), [values[argument] for argument in self.arguments()]))
        step, *slots = (optree.tree_unflatten(structure, column) for column in zip(*results))
        return step, {"t": t} | dict(zip(self.slots(), slots))

    def start(self, zeros):
        """What the memories of one leaf are before the first step, by name: zero, unless the rule says otherwise."""
        return dict.fromkeys(self.slots(), zeros)

    @classmethod
    @functools.cache  # a class does not change, and reading a signature costs more than a step
    def arguments(cls):
        """The names that ``step`` takes after ``xp`` and ``t``: ``g``, perhaps ``x``, and the memories."""
        return tuple(inspect.signature(cls.step).parameters)[3:]

    @classmethod
    @functools.cache
    def slots(cls):
        """The names of the rule's memories, in the order of ``step``."""
        return tuple(name for name in cls.arguments() if name not in ("g", "x"))

    def _called(self, xp, t, arguments):
        result = self.step(xp, t, *arguments)
        result = result if isinstance(result, tuple) else (result,)
        if len(result) != 1 + len(self.slots()):
            wanted = ", ".join(["the step", *self.slots()])
            raise ValueError(f"{type(self).__name__}.step must return {wanted}; it returned {len(result)} values")
        return result

    def _fitted_to(self, leaf, name):
        """This rule with hyperparameters in the dtype of the leaf, an array's runs along the leaf's first axis."""
        rule = object.__new__(type(self))  # not through __init__: these values have been checked already
        for field, value in self.hyperparameters().items():
            value = _cast(value, leaf)
            if len(value.shape) == 1:
                if len(leaf.shape) == 0 or leaf.shape[0] not in (value.shape[0], None):
                    raise ValueError(f"{field} has one value for each of {value.shape[0]} runs, so the first "
                                     f"axis of {name} must have that length; its shape is {tuple(leaf.shape)}")
                value = _namespace(leaf).reshape(value, (-1,) + (1,) * (len(leaf.shape) - 1))
            object.__setattr__(rule, field, value)
        return rule


@dataclass(frozen=True)
class GradientDescent(Rule):
    """Step against the gradient (Cauchy 1847). The default learning rate is Keras's; PyTorch takes 0.001."""

    learning_rate: float = 0.01

    def step(self, xp, t, g):
        return self.learning_rate * g


@dataclass(frozen=True)
class Momentum(Rule):
    """The heavy ball: the step is a decaying sum of all gradients so far (Polyak 1964, equation 9).

    Keras keeps the learning rate inside the velocity; the path is the same while the rate is constant. Defaults
    as in Keras (where momentum itself is 0 unless asked for).
    """

    learning_rate: float = 0.01
    momentum: float = 0.9

    def step(self, xp, t, g, m):
        m = self.momentum * m + g
        return self.learning_rate * m, m


@dataclass(frozen=True)
class Nesterov(Rule):
    """Momentum whose gradient is taken where the momentum will carry the parameters (Nesterov 1983).

    In the form of Sutskever et al. 2013, section 2, written for the shifted variable, as in all libraries: what is
    stored is the point looked ahead to. Defaults as in Keras.
    """

    learning_rate: float = 0.01
    momentum: float = 0.9

    def step(self, xp, t, g, m):
        m = self.momentum * m + g
        return self.learning_rate * (g + self.momentum * m), m


@dataclass(frozen=True)
class AdaGrad(Rule):
    """Divides each coordinate's rate by the root of the sum of its squared gradients (Duchi, Hazan and Singer 2011).

    The diagonal form of section 1.1 there; epsilon, delta in the paper's figure 1, stands outside the root. Keras
    and optax start v at 0.1 and put epsilon (1e-7) inside; PyTorch starts at 0, with 1e-10 outside.
    """

    learning_rate: float = 0.01
    initial_accumulator: float = 0.0
    epsilon: float = 1e-8

    def start(self, zeros):
        return {"v": zeros + self.initial_accumulator}

    def step(self, xp, t, g, v):
        v = v + g**2
        return self.learning_rate / (xp.sqrt(v) + self.epsilon) * g, v


@dataclass(frozen=True)
class AdaDelta(Rule):
    """Steps in the units of the parameters: the ratio of two running root mean squares (Zeiler 2012, algorithm 1).

    The paper has no learning rate (here: 1) and puts epsilon inside both roots. Keras takes a learning rate of
    0.001 and epsilon 1e-7; PyTorch takes rho 0.9.
    """

    learning_rate: float = 1.0
    rho: float = 0.95
    epsilon: float = 1e-6

    def step(self, xp, t, g, v, d):
        v = self.rho * v + (1 - self.rho) * g**2
        delta = xp.sqrt(d + self.epsilon) / xp.sqrt(v + self.epsilon) * g
        d = self.rho * d + (1 - self.rho) * delta**2
        return self.learning_rate * delta, v, d


@dataclass(frozen=True)
class RMSprop(Rule):
    """AdaGrad with a memory that fades (Hinton, Srivastava and Swersky 2012, lecture 6e, slide 29).

    The lecture has 0.9 and 0.1 and no epsilon; here it stands outside the root, as in PyTorch. Keras and optax
    put it inside.
    """

    learning_rate: float = 0.001
    rho: float = 0.9
    epsilon: float = 1e-8

    def step(self, xp, t, g, v):
        v = self.rho * v + (1 - self.rho) * g**2
        return self.learning_rate / (xp.sqrt(v) + self.epsilon) * g, v


@dataclass(frozen=True)
class Adam(Rule):
    """Momentum over RMSprop, both corrected for their start at zero (Kingma and Ba 2015, algorithm 1).

    Keras implements the paper's other form (just before its section 2.1), in which epsilon, 1e-7, is added to
    the uncorrected root.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def step(self, xp, t, g, m, v):
        m = self.beta_1 * m + (1 - self.beta_1) * g
        v = self.beta_2 * v + (1 - self.beta_2) * g**2
        m_hat = m / (1 - self.beta_1**t)
        v_hat = v / (1 - self.beta_2**t)
        return self.learning_rate * (m_hat / (xp.sqrt(v_hat) + self.epsilon)), m, v


@dataclass(frozen=True)
class AdaMax(Rule):
    """Adam with the largest recent gradient in place of the root mean square (Kingma and Ba 2015, algorithm 2).

    The paper has no epsilon and so divides 0 by 0 when the first gradient is zero; here u + epsilon, as in Keras.
    PyTorch and optax take the maximum with abs(g) + epsilon.
    """

    learning_rate: float = 0.002
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def step(self, xp, t, g, m, u):
        m = self.beta_1 * m + (1 - self.beta_1) * g
        u = xp.maximum(self.beta_2 * u, xp.abs(g))
        return self.learning_rate / (1 - self.beta_1**t) * (m / (u + self.epsilon)), m, u


@dataclass(frozen=True)
class AdamW(Rule):
    """Adam with weight decay beside its step and not in its gradient (Loshchilov and Hutter 2019, algorithm 2).

    The paper multiplies the decay by the schedule alone; here, as in Keras, PyTorch and optax, the learning rate
    multiplies it too, so that a step shrinks every parameter by ``learning_rate * weight_decay`` of itself. The default
    decay is PyTorch's; Keras takes 0.004, optax 0.0001. Epsilon stands as in Adam, so Keras's is another here too.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01

    def step(self, xp, t, g, x, m, v):
        m = self.beta_1 * m + (1 - self.beta_1) * g
        v = self.beta_2 * v + (1 - self.beta_2) * g**2
        m_hat = m / (1 - self.beta_1**t)
        v_hat = v / (1 - self.beta_2**t)
        return self.learning_rate * (m_hat / (xp.sqrt(v_hat) + self.epsilon) + self.weight_decay * x), m, v


# What lifts a rule from one array to a nest of arrays.

def _is_tensor(value):
    if isinstance(value, (np.ndarray, np.generic, int, float)):  # asking TensorFlow costs as much as a step
        return False
    tensorflow = sys.modules.get("tensorflow")  # nobody can hold a tensor who has not imported it
    return tensorflow is not None and tensorflow.is_tensor(value)


def _namespace(leaf):
    return sys.modules["tensorflow"] if _is_tensor(leaf) else np


def _flatten(nest, what):
    """The leaves of a nest as dense float arrays, with their names and the nest's structure."""
    paths, leaves, structure = optree.tree_flatten_with_path(nest, none_is_leaf=True)
    names = [what + "".join(f"[{key!r}]" for key in path) for path in paths]
    if not leaves:
        raise ValueError(f"{what} holds no array")
    return names, [_array(leaf, name) for leaf, name in zip(leaves, names)], structure


def _array(leaf, name):
    if leaf is None:
        raise ValueError(f"{name} is None: a missing gradient is not a zero one")
    if _is_tensor(leaf):
        tensorflow = sys.modules["tensorflow"]
        sparse = isinstance(leaf, tensorflow.SparseTensor)
        leaf = tensorflow.sparse.to_dense(leaf) if sparse else tensorflow.convert_to_tensor(leaf)
        dtype = leaf.dtype.name
    else:
        leaf = np.asarray(leaf)
        dtype = leaf.dtype.name
    if dtype not in ("float32", "float64"):
        raise ValueError(f"{name} has the dtype {dtype}; allowed are float32 and float64")
    return leaf


def _like(structure, nest, what):
    leaves, own_structure = optree.tree_flatten(nest, none_is_leaf=True)
    if own_structure != structure:
        raise ValueError(f"gradient and {what} differ in structure: {structure} and {own_structure}")
    return leaves


def _fitting(leaf, gradient, what, name):
    """The leaf that stands beside a gradient: a memory of the rule, or the parameters x."""
    leaf = _array(leaf, f"{what} for {name}")
    if _is_tensor(gradient):  # while it traces, TensorFlow may not know every length yet
        fits = gradient.shape.is_compatible_with(leaf.shape)
    else:
        fits = gradient.shape == leaf.shape
    if not fits or leaf.dtype != gradient.dtype:
        raise ValueError(f"{name} has the shape {gradient.shape} and the dtype {gradient.dtype}, but {what} has "
                         f"{leaf.shape} and {leaf.dtype} there")
    return leaf


def _cast(value, leaf):
    """A number, array or tensor in the dtype and the library of the leaf."""
    if not _is_tensor(leaf):
        return np.asarray(value, leaf.dtype)[()]
    if not _is_tensor(value):  # by way of NumPy: TensorFlow alone would round a Python float to float32 first
        value = np.asarray(value, leaf.dtype.as_numpy_dtype)
    return sys.modules["tensorflow"].cast(value, leaf.dtype)


_DECAYS = ("momentum", "rho", "beta_1", "beta_2")
_NOT_NEGATIVE = ("learning_rate", "epsilon", "initial_accumulator", "weight_decay")


def _checked(rule, name, value):
    """The hyperparameter, an array of them as a read-only copy; ValueError if it is not one."""
    if _is_tensor(value):
        if not sys.modules["tensorflow"].executing_eagerly():
            return value
        number = value.numpy()
    else:
        number = value
    try:
        if np.asarray(number).dtype.kind in "USc":  # NumPy would read text, and drop an imaginary part
            raise TypeError
        number = np.array(number, float)
    except (TypeError, ValueError):
        raise ValueError(f"{rule}: {name} must be a number or an array of numbers, got {value!r}") from None
    if number.ndim > 1 or number.size == 0:
        raise ValueError(f"{rule}: {name} must be a number or have the shape (runs,), got the shape {number.shape}")
    if name in _DECAYS:
        allowed, words = (0 <= number) & (number < 1), "lie in [0, 1)"
    elif name in _NOT_NEGATIVE:
        allowed, words = (0 <= number) & (number < np.inf), "be finite and at least 0"
    else:
        allowed, words = np.isfinite(number), "be finite"
    if not allowed.all():
        raise ValueError(f"{rule}: {name} must {words}, got {value!r}")
    if _is_tensor(value) or number.ndim == 0:
        return value
    number.flags.writeable = False
    return number

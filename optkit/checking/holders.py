"""How parameters are handed to somebody's code, and read back: as an array, a list, a dict, numbers, or objects."""

from dataclasses import dataclass

import numpy as np

from optkit.checking.probe import KINDS, SHAPE

NAMES = ("W1", "b1", "W2", "b2")


class Unreadable(Exception):
    """What came back is not the parameters."""


class Named(dict):
    """Arrays by name, in which "dW1" and "W1" are the same, as gradients are often called."""

    def _key(self, key):
        if isinstance(key, str) and not dict.__contains__(self, key):
            for prefix in ("d", "grad_", "grad", "d_", "g", "v", "s", "m"):
                if key.startswith(prefix) and dict.__contains__(self, key[len(prefix):]):
                    return key[len(prefix):]
        return key

    def __getitem__(self, key):
        return dict.__getitem__(self, self._key(key))

    def __setitem__(self, key, value):
        dict.__setitem__(self, self._key(key), value)

    def __contains__(self, key):
        return dict.__contains__(self, self._key(key))

    def get(self, key, default=None):
        return self[key] if key in self else default


class Parameter:
    """An object that holds an array and its gradient, under the names in use."""

    requires_grad = trainable = True

    def __init__(self, values):
        self.data, self.grad = values, np.zeros_like(values)
        self.shape = np.shape(values)

    value = val = weights = property(lambda self: self.data, lambda self, values: setattr(self, "data", values))
    gradient = property(lambda self: self.grad, lambda self, values: setattr(self, "grad", values))


@dataclass(frozen=True)
class Holder:
    """One way of handing parameters over. ``count``: how many there are; ``shape``: that of each."""

    # "array", "numbers" (one), "floats" (a list of them), "list", "pairs" (a list of tuples), "dict", "objects" or
    # "separate" arguments
    kind: str
    count: int = 1
    shape: tuple = (KINDS,)

    def make(self, values):
        """The parameters with these values, of shape (count, 12); separate arguments come as a list."""
        if self.kind == "numbers":
            return float(values[0][0])
        if self.kind == "separate" and self.shape == ():
            return [float(row[0]) for row in values]
        if self.kind == "floats":
            return [float(value) for value in values[0]]
        arrays = [np.array(row).reshape(self.shape) if self.shape else float(row[0]) for row in values]
        if self.kind == "array":
            return arrays[0]
        if self.kind == "dict":
            names = NAMES[:self.count] if self.count > 2 else ("W", "b")[:self.count]
            return Named(zip(names, arrays))
        if self.kind == "objects":
            return [Parameter(array) for array in arrays]
        if self.kind == "pairs":
            return list(zip(arrays[::2], arrays[1::2]))
        return arrays

    @property
    def size(self):
        """How many coordinates a parameter has: 12, or fewer where code takes no more at a time."""
        return int(np.prod(self.shape))

    def zeros(self):
        return self.make(np.zeros((self.count, self.size)))

    def read(self, held):
        """The values, of shape (count, size). Unreadable says what is wrong with them."""
        try:
            if self.kind == "dict":
                held = list(held.values()) if isinstance(held, dict) else held
            elif self.kind == "objects":
                held = [p.data if isinstance(p, Parameter) else p for p in held]
            elif self.kind == "pairs":
                held = [array for pair in held for array in pair]
            elif self.kind in ("array", "numbers", "floats"):
                held = [held]
            arrays = [np.asarray(_detached(value)) for value in held]
        except Exception as error:
            raise Unreadable(f"a {type(held).__name__} where parameters were expected") from error
        if len(arrays) != self.count:
            raise Unreadable(f"{len(arrays)} arrays where {self.count} were expected")
        for array in arrays:
            if array.dtype.kind not in "fiu" or array.size != self.size:
                raise Unreadable(f"an array of shape {array.shape} and type {array.dtype} where {self.shape} was "
                                 "expected")
        return np.stack([array.reshape(self.size) for array in arrays]).astype(float)

    def fill(self, held, values):
        """Puts values into the arrays that are held, and returns what holds them. Code may know an array by its
        address."""
        if self.kind in ("numbers", "floats") or self.shape == ():
            return self.make(values)
        if self.kind == "array":
            if not isinstance(held, np.ndarray) or not held.flags.writeable:
                return self.make(values)
            held[...] = values[0].reshape(held.shape)
            return held
        holders = held.values() if self.kind == "dict" else held
        if self.kind == "pairs":
            holders = [array for pair in held for array in pair]
        for array, row in zip(holders, values):
            array = array.data if isinstance(array, Parameter) else array
            array[...] = row.reshape(array.shape)
        return held


def _detached(value):
    return value.detach().numpy() if hasattr(value, "detach") else value


def ways(names, annotation=""):
    """The holders to try for arguments of these names, the likeliest first."""
    if len(names) > 1:
        return [Holder("separate", len(names), shape) for shape in (SHAPE, (KINDS,), ())]
    one, many = [Holder("array"), Holder("array", shape=SHAPE), Holder("array", shape=(KINDS, 1))], [
        Holder("list", 4, SHAPE), Holder("dict", 4, SHAPE), Holder("list", 2, SHAPE), Holder("dict", 2, SHAPE),
        Holder("objects", 3, SHAPE), Holder("pairs", 4, SHAPE), Holder("dict", 2, ())]
    numbers = [Holder("numbers", shape=()), Holder("array", shape=(2,)), Holder("floats")]
    text, plural = str(annotation).lower(), names[0].rstrip("_").endswith(("s", "list", "dict"))
    if "dict" in text:
        return [many[1], many[3], many[6], many[0], *one]
    if "list" in text or "iterable" in text or "sequence" in text:
        return [many[0], many[4], many[2], many[5], *one, *numbers]
    if "float" in text and "ndarray" not in text:
        return [*numbers, *one]
    return [*many, *one, *numbers] if plural else [*one, *numbers, *many]


def readable(holder, value):
    """The values that are held, or None when that is not the parameters."""
    try:
        return holder.read(value)
    except Unreadable:
        return None

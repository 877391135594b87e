"""How much memory training takes, and how much it may take."""

import contextlib
import os
from pathlib import Path

from optkit.hardware import tensorflow as tf

_SHARE = 0.25  # of a machine's memory for the pieces of one sweep: a race trains two rules, and the results stay
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container


def total():
    """How many bytes of memory there are for training: a graphics card's, or else the container's, or the machine's."""
    if tf.config.list_physical_devices("GPU"):
        from tensorflow.python.client import device_lib  # the one place where TensorFlow says how much a card has

        return min(device.memory_limit for device in device_lib.list_local_devices() if device.device_type == "GPU")
    own = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for limit in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit, which says "max"
            own.append(int(Path(limit).read_text()))
    return min(own)


def share():
    """How much of it the pieces of one sweep may take together. It depends on nothing that changes from day to day, so
    that the same machine cuts a sweep the same way."""
    return int(_SHARE * total())


def fitting(size, needed):
    """How many runs a piece has: ``size``, which needs so many bytes, or half of it, or half of that; at least 1."""
    while size > 1 and needed > share():
        needed, size = needed / size * -(-size // 2), -(-size // 2)
    return size


def held(operations):
    """The bytes of everything that these operations of a graph put out. All of it is never there at once: what is used
    up makes room, and operations that are compiled into one leave nothing between them."""
    return sum(output.shape.num_elements() * output.dtype.size for operation in operations
               if operation.type != "Placeholder" for output in operation.outputs if output.shape.is_fully_defined())


def in_words(count):
    return f"{count / 2 ** 30:.1f} GiB"

"""Where training runs. TensorFlow is set up here, once, for the whole book: import it after any part of optkit
that trains (``tasks``, ``sweep``, ``KerasOptimizer``, ``device``), and it is ready."""

import contextlib
import os
import sys
import tempfile

_LEVEL = "1"  # warnings and errors, not notes


@contextlib.contextmanager
def _log_lines_held_back():
    """Hold back what TensorFlow's libraries write to the process's standard error while they start.

    They report on the hardware before their log level is in force, straight to the file descriptor: Jupyter would
    store those lines, with their times, in every notebook. ``device()`` says the same in words. When the start
    fails, or the reader has set TF_CPP_MIN_LOG_LEVEL to another level, nothing is held back.
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _LEVEL)
    if level != _LEVEL:  # the same may come from a process that has started TensorFlow: a build, which runs notebooks
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _log_lines_held_back():
    # oneDNN picks other kernels on other processors; without it a result differs less from machine to machine.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import keras
    import tensorflow

    for _gpu in tensorflow.config.list_physical_devices("GPU"):
        # A notebook takes what it needs, so that several share a card. Refused once TensorFlow has begun to compute:
        # then somebody else has set it up, and it stays as it is.
        with contextlib.suppress(RuntimeError):
            tensorflow.config.experimental.set_memory_growth(_gpu, True)
    tensorflow.zeros(())  # the first operation starts the devices

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"optkit trains with Keras on TensorFlow, but Keras runs on {keras.backend.backend()!r} here; "
                      "set KERAS_BACKEND=tensorflow before Keras is imported")


def device():
    """Where training runs, in words: "1 GPU: NVIDIA H200" or "the CPU, 8 cores"."""
    gpus = tensorflow.config.list_physical_devices("GPU")
    if not gpus:
        return f"the CPU, {os.cpu_count()} cores"
    names = [tensorflow.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''}: {', '.join(names)}"

"""Setting TensorFlow up. It happens once a process, so most tests start a new one, in which stand-ins for
TensorFlow and Keras say what was asked of them."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import optkit
from optkit import hardware

FILE = Path(hardware.__file__)

KERAS = """
class backend:
    def backend():
        return {backend!r}
"""
TENSORFLOW = """
import os
os.write(2, b"a line from the native library\\n")
{then}

class config:
    def list_physical_devices(kind):
        return {gpus!r} if kind == "GPU" else ["a processor"]

    class experimental:
        def set_memory_growth(gpu, enable):
            print(gpu, enable)
            {refuse}

def zeros(shape):
    print("the devices start")
"""


def python(program, **environment):
    """Output, error output and exit code of a new process in which nobody has set TensorFlow's variables."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS_"))}
    process = subprocess.run([sys.executable, "-c", program], env=clean | environment, capture_output=True, text=True)
    return process.stdout, process.stderr, process.returncode


@pytest.fixture
def stand_ins(tmp_path):
    """Start the module on stand-ins, and return what the process wrote."""
    def start(then="", gpus=(), refuse="pass", backend="tensorflow", **environment):
        (tmp_path / "keras.py").write_text(KERAS.format(backend=backend))
        (tmp_path / "tensorflow.py").write_text(TENSORFLOW.format(then=then, gpus=list(gpus), refuse=refuse))
        program = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_path({str(FILE)!r}); " \
                  "import os; os.write(2, b'afterwards')"
        return python(program, **environment)
    return start


def test_nothing_is_written_while_the_real_tensorflow_starts_and_computes():
    output, error, code = python("""
from optkit import tasks
from optkit.hardware import tensorflow as tf
print(float(tf.reduce_sum(tf.ones((3, 3)) @ tf.ones((3, 3)))))
print(float(tf.function(lambda x: 2 * x, jit_compile=True)(tf.ones(()))))
""")
    assert (output, error, code) == ("27.0\n2.0\n", "", 0)


def test_lines_of_the_start_are_held_back_and_later_ones_are_not(stand_ins):
    assert stand_ins() == ("the devices start\n", "afterwards", 0)


def test_a_reader_who_has_set_the_log_level_sees_everything(stand_ins):
    _, error, code = stand_ins(TF_CPP_MIN_LOG_LEVEL="0")
    assert (error, code) == ("a line from the native library\nafterwards", 0)


def test_a_process_of_a_process_that_has_started_tensorflow_holds_them_back_too(stand_ins):
    _, error, code = stand_ins(TF_CPP_MIN_LOG_LEVEL="1")  # as the first one has left it
    assert (error, code) == ("afterwards", 0)


def test_the_log_level_and_onednn_are_set_but_not_over_the_readers_choice(stand_ins):
    show = "print(os.environ['TF_CPP_MIN_LOG_LEVEL'], os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    assert stand_ins(show)[0].startswith("1 0\n")
    assert stand_ins(show, TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="1")[0].startswith("3 1\n")


def test_a_start_that_fails_shows_what_was_held_back(stand_ins):
    output, error, code = stand_ins("raise ImportError('no such library')")
    assert code != 0 and output == ""
    assert error.startswith("a line from the native library\n") and "ImportError: no such library" in error


def test_every_gpu_gives_its_memory_bit_by_bit_before_the_devices_start(stand_ins):
    output, _, _ = stand_ins(gpus=["first", "second"])
    assert output == "first True\nsecond True\nthe devices start\n"


def test_a_gpu_that_somebody_else_has_set_up_is_left_as_it_is(stand_ins):
    output, _, code = stand_ins(gpus=["first", "second"], refuse="raise RuntimeError('already initialized')")
    assert code == 0 and output == "first True\nsecond True\nthe devices start\n"


def test_another_backend_of_keras_is_refused_with_the_remedy(stand_ins):
    _, error, code = stand_ins(backend="jax")
    assert code != 0
    assert "ImportError: optkit trains with Keras on TensorFlow, but Keras runs on 'jax' here" in error
    assert "set KERAS_BACKEND=tensorflow" in error


def test_the_numpy_chapters_need_no_tensorflow():
    program = "import sys, optkit; optkit.Adam(); print([name for name in ('tensorflow', 'keras', 'matplotlib') " \
              "if name in sys.modules])"
    assert python(program) == ("[]\n", "", 0)


def test_the_device_in_words(monkeypatch):
    assert optkit.device() == hardware.device()
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    gpus, card = [], SimpleNamespace(name="/physical_device:GPU:0")
    monkeypatch.setattr(hardware.tensorflow.config, "list_physical_devices", lambda kind: gpus)
    details = {"device_name": "NVIDIA H200"}
    monkeypatch.setattr(hardware.tensorflow.config.experimental, "get_device_details", lambda gpu: details)
    assert hardware.device() == "the CPU, 8 cores"
    gpus.append(card)
    assert hardware.device() == "1 GPU: NVIDIA H200"
    gpus.append(card)
    assert hardware.device() == "2 GPUs: NVIDIA H200, NVIDIA H200"
    details.clear()
    assert hardware.device().startswith("2 GPUs: /physical_device:GPU:0")

"""Do the stored outputs hold on another processor? python tools/run_elsewhere.py [--only NAME] NOTEBOOK ...

Runs nbval over the notebooks, unchanged, while this processor imitates another one: instructions are kept from the
compiler or the libraries, or a processor core is. Goes on after a failure, ends with a summary, and the exit status
is 1 when a notebook failed, or when nothing was imitated.

Before each imitation a probe computes a few thousand numbers with NumPy and TensorFlow, as here and as there. Where
both give the same bytes, nothing would be tested: the imitation is left out, and the summary says so.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
X86 = platform.machine().lower() in ("x86_64", "amd64")
TASKSET = shutil.which("taskset")  # Linux has it, macOS does not


@dataclass(frozen=True)
class Imitation:
    """Another processor: ``settings`` go into the environment, ``before`` in front of the command.

    ``seen_in`` names what the probe must find changed.
    """

    words: str
    seen_in: str
    settings: dict = field(default_factory=dict)
    before: tuple = ()
    needs_x86: bool = False


IMITATIONS = {
    "sse4.2": Imitation("compiled programs with SSE4.2 only, as on a processor of 2010", "compiled",
                        {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"}, needs_x86=True),
    "avx2": Imitation("compiled programs without AVX-512, as on most desktops", "compiled",
                      {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}, needs_x86=True),
    "numpy": Imitation("NumPy without AVX2 and AVX-512", "numpy",
                       {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"}, needs_x86=True),
    "onednn": Imitation("TensorFlow with oneDNN, which picks its own kernels", "tensorflow",
                        {"TF_ENABLE_ONEDNN_OPTS": "1"}),
    "one-thread": Imitation("a single core", "threads", {}, (TASKSET, "-c", "0")) if TASKSET else
                  Imitation("TensorFlow with a single thread", "threads",
                            {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}),
}  # fmt: skip


def run(imitation, command, **options):
    """Run a command as on the other processor; as on this one without an imitation."""
    before, settings = (imitation.before, imitation.settings) if imitation else ((), {})
    return subprocess.run([*before, *command], env=os.environ | settings, cwd=ROOT, **options)


def probe():
    """What is computed here, as digests: by NumPy, by TensorFlow, by a compiled program; and with how many threads."""
    import numpy as np
    from optkit.hardware import tensorflow as tf  # sets TensorFlow up as for every notebook

    def numbers(a, b):
        total = tf.reduce_sum(tf.nn.softmax(a) * a)  # sums feel the width of a register, products its instructions
        return total + tf.nn.softmax(a @ b) + tf.tanh(a) * b + tf.reduce_sum(tf.exp(a) * b, axis=1)

    found = {"numpy": hashlib.sha256(), "tensorflow": hashlib.sha256(), "compiled": hashlib.sha256()}
    for size in (128, 500):
        a, b = np.random.default_rng(0).normal(size=(2, size, size)).astype("float32")
        found["numpy"].update((np.exp(a) + np.sin(a.astype("float64")) + np.tanh(b)).tobytes())
        a, b = tf.constant(a), tf.constant(b)
        found["tensorflow"].update(numbers(a, b).numpy().tobytes())
        found["compiled"].update(tf.function(numbers, jit_compile=True)(a, b).numpy().tobytes())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    settings = [os.environ.get(name) for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")]
    return {name: digest.hexdigest()[:16] for name, digest in found.items()} | {"threads": [cores, *settings]}


def probed(imitation=None):
    """What ``probe`` finds in a process of its own."""
    result = run(imitation, [sys.executable, __file__, "--probe"], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def nbval(imitation, notebooks, *more):
    """The exit status of nbval: 0 when every notebook gives its stored outputs."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=600", "-q",
               "-p", "no:cacheprovider", *more, *notebooks]  # fmt: skip
    return run(imitation, command).returncode


def judge(name, here, notebooks):
    """One line on one imitation, and whether it passed: None when there was nothing to imitate."""
    imitation = IMITATIONS[name]
    if imitation.needs_x86 and not X86:
        return f"left out: this is {platform.machine()}, not x86-64", None
    try:
        there = probed(imitation)
    except subprocess.CalledProcessError as error:
        return f"FAILED: the probe ended with status {error.returncode}", False
    if here[imitation.seen_in] == there[imitation.seen_in]:
        return "left out: it changes nothing on this machine", None
    start = time.monotonic()
    status = nbval(imitation, notebooks, "-n", "2", "--dist", "loadfile")
    word = "passed" if status == 0 else f"FAILED with status {status}"
    return f"{word} in {time.monotonic() - start:.0f} s", status == 0


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK")
    parser.add_argument("--only", choices=IMITATIONS, metavar="NAME", help=", ".join(IMITATIONS))
    parser.add_argument("--probe", action="store_true", help="print what is computed here, as JSON")
    options = parser.parse_args(arguments)
    if options.probe:
        print(json.dumps(probe()))
        return 0
    if not options.notebooks:
        parser.error("name at least one notebook")
    here, lines, passed = probed(), [], []
    for name in [options.only] if options.only else IMITATIONS:
        print(f"\n== {name}: {IMITATIONS[name].words}", flush=True)
        line, success = judge(name, here, options.notebooks)
        lines.append(f"{name:12}{line}")
        passed.append(success)
        print(line, flush=True)
    print("\nThe stored outputs on other processors:\n" + "\n".join(lines))
    return 0 if True in passed and False not in passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

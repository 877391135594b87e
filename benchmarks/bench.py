"""How fast is ``optkit.sweep``, and how much memory does it take? ``make bench`` runs this and writes results.json.

    python benchmarks/bench.py PYTHON_WITH_JAX

Every way runs in a fresh process, on two cores, and all take turns, round after round, so that another load on the
machine strikes them alike; what is written are the medians. The ways are in measure.py and jax_vmap.py, the work that
they share is in work.py.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
RUNS = 240  # of the comparison
GROWTH = (12, 60, 120, 240, 480, 960)  # of the curve
ROUNDS = 3
CORES = 2
NUMBERS = ("first", "later", "peak", "idle", "numpy", "tensorflow")


def measured(command):
    """What a process in which one way runs prints."""
    result = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    if result.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{result.stderr[-3000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def commands(jax_python, work):
    """Each way's command, by its name."""
    ways = {way: [sys.executable, HERE / "measure.py", way, work, str(RUNS)] for way in ("naive", "best", "product")}
    ways["jax"] = [jax_python, HERE / "jax_vmap.py", work, str(RUNS)]
    return ways | {f"sweep {runs}": [sys.executable, HERE / "measure.py", "sweep", work, str(runs)] for runs in GROWTH}


def rounds_of(ways):
    """For each way what it measured, a list of as many as there are rounds."""
    found = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, command in ways.items():
            print(f"{name} ...", flush=True)
            found[name].append(measured(command))
    return found


def check_same_work(found):
    """SystemExit when a way has not done what the sweep has: other losses before or after one step, or networks that
    are better or worse in the end."""
    swept = found[f"sweep {RUNS}"][0]
    losses, accuracy = np.array(swept["losses"]), np.array(swept["accuracy"])
    for name in ("naive", "best", "jax"):
        way = found[name][0]
        timed = way.get("timed", range(RUNS))
        own = np.array(way["losses"])
        apart = np.abs(own / losses[list(timed)][:len(own)] - 1).max()
        worse = abs(np.mean(way["accuracy"]) - accuracy[list(timed)].mean())
        if not (apart < 1e-3 and worse < 0.01):
            raise SystemExit(f"{name} does other work than the sweep: losses apart by {apart:.1e}, accuracy by "
                             f"{worse:.3f}")


def results(found):
    """What results.json holds: the medians, the ratios, the machine."""
    medians = {name: {number: statistics.median(one[number] for one in rounds)
                      for number in NUMBERS if number in rounds[0]} for name, rounds in found.items()}
    own, product = medians[f"sweep {RUNS}"], found["product"][0]
    rate = product["operations"] / own["later"]
    ratios = {f"{name} {when}": medians[name][when] / own[when] for name in ("naive", "best", "jax")
              for when in ("first", "later")}
    ratios |= {f"{name} product": rate / medians["product"][name] for name in ("numpy", "tensorflow")}
    return {"machine": machine(), "versions": [found["product"][0]["version"], found["jax"][0]["version"]],
            "runs": RUNS, "rounds": ROUNDS, "operations": product["operations"], "best form": found["best"][0]["form"],
            "timed": {name: len(found[name][0]["timed"]) for name in ("naive", "best")},
            "accuracy": {name: float(np.mean(found[name][0]["accuracy"]))
                         for name in ("naive", "best", "jax", f"sweep {RUNS}")},
            "medians": medians, "ratios": ratios}


def machine():
    """The processor, by name, and how many of its cores were used."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] \
        if info.exists() else []
    return {"processor": (names or [platform.processor() or platform.machine()])[0], "system": platform.system(),
            "cores": CORES if hasattr(os, "sched_setaffinity") else os.cpu_count()}


def write(found, path=RESULTS):
    """Through a file beside it, so that the results are never half written."""
    whole = path.with_name(f".{path.name}.new")
    try:
        whole.write_text(json.dumps(results(found), indent=1) + "\n", "utf-8")
        os.replace(whole, path)
    finally:
        whole.unlink(missing_ok=True)


def main(jax_python):
    if hasattr(os, "sched_setaffinity"):  # not on macOS
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work.npz"
        subprocess.run([sys.executable, "-c", f"import work; work.written({str(work)!r}, {max(GROWTH) // 12})"],
                       check=True, cwd=HERE)
        found = rounds_of(commands(jax_python, work))
    check_same_work(found)
    write(found)
    for name, ratio in json.loads(RESULTS.read_text("utf-8"))["ratios"].items():
        print(f"{name:22}{ratio:10.2f}")
    print(f"{RESULTS.relative_to(HERE.parent)} is written; the book shows it in appendix/speed.")


if __name__ == "__main__":
    main(sys.argv[1])

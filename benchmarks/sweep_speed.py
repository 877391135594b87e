"""How fast is ``optkit.sweep``? The same 60 trainings by a naive Keras loop, the best Keras loop, and a sweep.

    python benchmarks/sweep_speed.py

Work: the digits task, Adam, 12 learning rates with 5 seeds, 300 steps on batches of 64. All ways take turns, round
after round, and medians are shown, so that another load on the machine strikes them alike. A sweep also measures
every run on all the data before and after training, which the loops are spared.
"""

import os
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

import optkit
from optkit import tasks
from optkit.hardware import keras, tensorflow as tf

LEARNING_RATES = np.logspace(-4, -1, 12)
SEEDS = range(5)
STEPS, BATCH_SIZE = 300, 64
RUNS = len(LEARNING_RATES) * len(SEEDS)
ROUNDS = 5
NAIVE, BEST = "naive Keras loop", "best Keras loop"
COLD, WARM = "sweep, first call in a new process", "sweep, later calls"


def one_sweep(task):
    return optkit.sweep(optkit.Adam(), task, learning_rate=LEARNING_RATES, seeds=SEEDS, steps=STEPS,
                        batch_size=BATCH_SIZE)


def batches(task):
    """300 batches of 64 rows: fresh permutations, the remainder dropped."""
    generator = np.random.default_rng(0)
    epochs = [generator.permutation(len(task.train[0]))[:21 * BATCH_SIZE] for _ in range(15)]
    rows = np.concatenate(epochs).reshape(-1, BATCH_SIZE)[:STEPS]
    return [array[rows] for array in task.train]


def naive(task):
    """A new model each run, and ``fit`` as everybody calls it: 15 epochs of 20 batches."""
    examples = BATCH_SIZE * 20
    inputs, targets = (array[:examples] for array in task.train)

    def run():
        model = task.model()
        model.compile(keras.optimizers.Adam(0.001), task.loss)
        model.fit(inputs, targets, batch_size=BATCH_SIZE, epochs=STEPS // 20, verbose=0)
    return run


def reused(task, jit_compile, feed):
    """One model for all runs, compiled once; all 300 steps are one call of TensorFlow, on batches made before."""
    inputs, targets = batches(task)
    model = task.model()
    model.compile(keras.optimizers.Adam(0.001), task.loss, steps_per_execution=STEPS, jit_compile=jit_compile)
    model.optimizer.build(model.trainable_variables)
    fresh = [(variable, variable.numpy()) for variable in model.trainable_variables + model.optimizer.variables]
    data = tf.data.Dataset.from_tensor_slices((inputs, targets))
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1  # several threads for so little cost more than they give
    data = data.with_options(options)

    def run():
        for variable, value in fresh:
            variable.assign(value)
        model.optimizer.learning_rate = 0.001
        if feed == "arrays":
            model.fit(inputs.reshape(-1, 64), targets.reshape(-1), batch_size=BATCH_SIZE, shuffle=False, verbose=0)
        elif feed == "a dataset":
            model.fit(data, verbose=0)
        else:  # what ``fit`` calls underneath, without its callbacks
            model.make_train_function()
            model.train_function(iter(data))
    return run


def timed(function):
    """Seconds by the clock, and seconds of all processors."""
    clock, processors = time.perf_counter(), sum(os.times()[:2])
    function()
    return time.perf_counter() - clock, sum(os.times()[:2]) - processors


def cold():
    """The first sweep of a new process: with tracing and compiling, without the import of TensorFlow."""
    output = subprocess.run([sys.executable, __file__, "--first-call"], check=True, capture_output=True, text=True)
    return tuple(float(word) for word in output.stdout.split())


def processor():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")] \
        if os.path.exists("/proc/cpuinfo") else [platform.processor() or platform.machine()]
    return names[0]


def main():
    task = tasks.digits()
    if "--first-call" in sys.argv:
        print(*timed(lambda: one_sweep(task)))
        return

    # Each way of doing it: how to take a sample, and how many runs a sample stands for.
    feeds = ("arrays", "a dataset", "the train function")
    ways = {f"  fed by {feed}, {'XLA' if jit else 'no XLA'}": (reused(task, jit, feed), 1)
            for jit in (True, False) for feed in feeds}
    forms = list(ways)
    ways |= {NAIVE: (naive(task), 1), WARM: (lambda: one_sweep(task), RUNS)}
    for run, _ in ways.values():
        run()  # compiles
    samples = {name: [] for name in [*ways, COLD]}
    for _ in range(ROUNDS):
        for name, (run, _) in ways.items():
            samples[name].append(timed(run))
        samples[COLD].append(cold())
    runs = {name: count for name, (_, count) in ways.items()} | {COLD: RUNS}
    seconds = {name: [statistics.median(column) / runs[name] for column in zip(*values)]
               for name, values in samples.items()}
    seconds[BEST] = min((seconds[form] for form in forms), key=lambda value: value[0])

    print(f"{optkit.device()}: {processor()}; Python {platform.python_version()}, TensorFlow {tf.__version__}, "
          f"Keras {keras.__version__}")
    print(f"{RUNS} runs of {STEPS} steps; medians of {ROUNDS}; the loops are timed for one run, not for all {RUNS}\n")
    print(f"{'seconds a run':38}{'clock':>9}{'processors':>12}{'sweep is faster: warm':>24}{'cold':>7}")
    for name in (NAIVE, BEST, *forms, COLD, WARM):
        clock, processors = seconds[name]
        print(f"{name:38}{clock:9.4f}{processors:12.4f}{clock / seconds[WARM][0]:23.1f}x"
              f"{clock / seconds[COLD][0]:6.1f}x")


if __name__ == "__main__":
    main()

"""How fast is ``optkit.sweep``? The same 60 trainings by a naive Keras loop, by the best Keras loop, by Keras's
training step in a loop compiled by hand, and by a sweep.

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
NAIVE, BEST, BY_HAND = "naive Keras loop", "best Keras loop", "training step compiled by hand"
COLD, WARM = "sweep, first call of a process", "sweep, later calls"


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


def compiled_model(task, **arguments):
    """A model, and a function that makes it new again."""
    model = task.model()
    model.compile(keras.optimizers.Adam(0.001), task.loss, **arguments)
    model.optimizer.build(model.trainable_variables)
    fresh = [(variable, variable.numpy()) for variable in model.trainable_variables + model.optimizer.variables]

    def renew():
        for variable, value in fresh:
            variable.assign(value)
        model.optimizer.learning_rate = 0.001
    return model, renew


def reused(task, jit_compile, feed):
    """One model for all runs, compiled once; all 300 steps are one call of TensorFlow, on batches made before."""
    inputs, targets = batches(task)
    model, renew = compiled_model(task, steps_per_execution=STEPS, jit_compile=jit_compile)
    data = tf.data.Dataset.from_tensor_slices((inputs, targets))
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1  # several threads for so little cost more than they give
    data = data.with_options(options)

    def run():
        renew()
        if feed == "arrays":
            model.fit(inputs.reshape(-1, 64), targets.reshape(-1), batch_size=BATCH_SIZE, shuffle=False, verbose=0)
        elif feed == "a dataset":
            model.fit(data, shuffle=False, verbose=0)
        else:  # what ``fit`` calls underneath, without its callbacks
            model.make_train_function()
            model.train_function(iter(data))
    return run


def by_hand(task):
    """No loop of Keras, only its training step: 300 of them in one program. What is left is gained by the batch."""
    inputs, targets = (tf.constant(array) for array in batches(task))
    model, renew = compiled_model(task)
    model.train_step((inputs[0], targets[0]))  # makes the metrics, which a compiled function may not

    def step(t):
        model.train_step((inputs[t], targets[t]))
        return [t + 1]

    @tf.function(jit_compile=True, autograph=False)
    def train():
        return tf.while_loop(lambda t: t < STEPS, step, [0])

    def run():
        renew()
        train()
    return run


def timed(function, repeats=1):
    """Seconds by the clock, and seconds of all cores together."""
    clock, cores = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        function()
    return time.perf_counter() - clock, time.process_time() - cores


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

    tf.get_logger().setLevel("ERROR")  # it finds six compiled training loops suspicious
    feeds = ("arrays", "a dataset", "the train function")
    forms = {f"  fed by {feed}, {'XLA' if jit else 'no XLA'}": reused(task, jit, feed)
             for jit in (True, False) for feed in feeds}
    # Each way of doing it, how often for one sample, and how many runs a sample stands for.
    ways = {form: (run, 5, 5) for form, run in forms.items()}
    ways |= {NAIVE: (naive(task), 1, 1), BY_HAND: (by_hand(task), 5, 5), WARM: (lambda: one_sweep(task), 3, 3 * RUNS)}
    for run, _, _ in ways.values():
        run()  # compiles
    samples = {name: [] for name in [*ways, COLD]}
    for _ in range(ROUNDS):
        for name, (run, repeats, runs) in ways.items():
            samples[name].append([value / runs for value in timed(run, repeats)])
        samples[COLD].append([value / RUNS for value in cold()])
    seconds = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in samples.items()}
    seconds[BEST] = min((seconds[form] for form in forms), key=lambda pair: pair[0])

    print(f"{optkit.device()}: {processor()}; Python {platform.python_version()}, TensorFlow {tf.__version__}, "
          f"Keras {keras.__version__}")
    print(f"{RUNS} runs of {STEPS} steps; medians of {ROUNDS} rounds. A round times one run of the naive loop and five of "
          "each\nother loop; they are not timed for all 60 runs, which would take as many times longer.\n")
    print(f"{'seconds a run':36}{'clock':>8}{'all cores':>11}{'   a sweep is faster, later:':28}{'first call:':>12}")
    for name in (NAIVE, BEST, *forms, BY_HAND, COLD, WARM):
        clock, cores = seconds[name]
        print(f"{name:36}{clock:8.4f}{cores:11.4f}{clock / seconds[WARM][0]:27.1f}x{clock / seconds[COLD][0]:11.1f}x")


if __name__ == "__main__":
    main()

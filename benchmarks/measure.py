"""One way of doing the work, in a process of its own, which prints what it took as JSON.

    python benchmarks/measure.py sweep WORK RUNS
    python benchmarks/measure.py naive|best|product WORK RUNS
"""

import platform
import statistics
import sys

import numpy as np
import optkit
from optkit import tasks
from optkit.hardware import keras, tensorflow as tf
from work import BATCH_SIZE, RATES, STEPS, Work, first_and_later, operations, peak, report, timed

NAIVE_RUNS, BEST_RUNS = 6, 12  # of all the runs, evenly spread: a loop takes as long for each
EPSILON = optkit.Adam().epsilon  # Keras adds ten times as much, and to another root, which a first step shows


def sweep(work):
    """All runs at once, as a reader calls it. It also measures each run on all the data, which others are spared."""
    task, idle = tasks.digits(), peak()

    def once():
        return optkit.sweep(optkit.Adam(), task, learning_rate=RATES, seeds=range(work.seeds), steps=STEPS,
                            batch_size=BATCH_SIZE)

    swept, first, later = first_and_later(once)
    report(first=first, later=later, peak=peak(), idle=idle, losses=swept.loss.reshape(-1, STEPS)[:, :2],
           accuracy=swept.test_accuracy.ravel(), version=version())


def naive(work):
    """A loop over the runs, with a new model, a ``compile`` and a ``fit`` in each."""
    task, seconds, losses, accuracy = tasks.digits(), [], [], []

    def once(run):
        model = task.model()
        model.set_weights(work.weights(run))
        model.compile(keras.optimizers.Adam(work.rate(run), epsilon=EPSILON), task.loss)
        inputs, targets = work.batches(run)
        model.fit(inputs.reshape(-1, 64), targets.ravel(), batch_size=BATCH_SIZE, shuffle=False, verbose=0)
        return model

    runs = spread(work, NAIVE_RUNS)
    for run in runs:
        model, took = timed(lambda: once(run))
        seconds.append(took)
        accuracy.append(share_right(model, work))
        losses.append(first_losses(model, work, run))
    report_loop(work, runs, seconds, losses, accuracy)


def best(work):
    """A loop over the runs with one model, made new by assignment; all 300 steps of a run are one call of TensorFlow.

    What is fastest differs from machine to machine: every form is tried, and the fastest one counts.
    """
    tf.get_logger().setLevel("ERROR")  # it finds six compiled training loops suspicious
    found = {}
    for jit_compile in (True, False):
        for feed in (fed_arrays, fed_a_dataset, fed_an_iterator):
            name = f"{feed.__name__.replace('_', ' ')}, {'XLA' if jit_compile else 'no XLA'}"
            found[name] = timed_form(work, feed, jit_compile)
    form = min(found, key=lambda name: statistics.median(found[name][1][1:]))
    report_loop(work, *found[form], form=form)


def timed_form(work, feed, jit_compile):
    """(runs, seconds, losses, accuracy) of one form of the loop."""
    task, seconds, losses, accuracy = tasks.digits(), [], [], []
    model = task.model()
    model.compile(keras.optimizers.Adam(epsilon=EPSILON), task.loss, steps_per_execution=STEPS, jit_compile=jit_compile)
    model.optimizer.build(model.trainable_variables)
    fresh = [(variable, variable.numpy()) for variable in model.optimizer.variables]

    def once(run):
        for variable, value in fresh:
            variable.assign(value)
        model.optimizer.learning_rate = work.rate(run)
        for variable, value in zip(model.weights, work.weights(run)):
            variable.assign(value)
        feed(model, *work.batches(run))

    runs = spread(work, BEST_RUNS)
    for run in runs:
        seconds.append(timed(lambda: once(run))[1])
        accuracy.append(share_right(model, work))
    for run in runs[:2]:
        losses.append(first_losses(model, work, run))
    return runs, seconds, losses, accuracy


def fed_arrays(model, inputs, targets):
    model.fit(inputs.reshape(-1, 64), targets.ravel(), batch_size=BATCH_SIZE, shuffle=False, verbose=0)


def fed_a_dataset(model, inputs, targets):
    model.fit(dataset(inputs, targets), shuffle=False, verbose=0)


def fed_an_iterator(model, inputs, targets):
    """What ``fit`` calls underneath, without its callbacks."""
    model.make_train_function()
    model.train_function(iter(dataset(inputs, targets)))


def dataset(inputs, targets):
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1  # several threads for so little cost more than they give
    return tf.data.Dataset.from_tensor_slices((inputs, targets)).with_options(options)


def spread(work, count):
    return np.linspace(0, len(work.runs) - 1, min(count, len(work.runs))).astype(int).tolist()


def share_right(model, work):
    return float(np.mean(np.argmax(model(work.test_inputs), -1) == work.test_targets))


def first_losses(model, work, run):
    """The loss on the first batch, and after one step the loss on the second: by this model's optimizer and loss."""
    model = keras.models.clone_model(model)
    model.set_weights(work.weights(run))
    model.compile(keras.optimizers.Adam(work.rate(run), epsilon=EPSILON), tasks.digits().loss)
    losses = []
    for inputs, targets in zip(*(array[:2] for array in work.batches(run))):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(inputs, targets)))
    return losses


def report_loop(work, runs, seconds, losses, accuracy, form=""):
    """What all runs would take: the first with its compilation, and for each other one the median of these."""
    later = statistics.median(seconds[1:])
    report(first=seconds[0] + later * (len(work.runs) - 1), later=later * len(work.runs), peak=peak(), timed=runs,
           losses=losses, accuracy=accuracy, version=version(), form=form)


def product(work):
    """How fast this machine multiplies float32 matrices, in operations a second: by NumPy and by TensorFlow."""
    rates = {"numpy": 0.0, "tensorflow": 0.0}
    for size in (1024, 2048, 4096):
        array = np.random.default_rng(0).random((size, size), np.float32)
        tensor = tf.constant(array)
        ways = {"numpy": lambda: array @ array, "tensorflow": lambda: tf.matmul(tensor, tensor).numpy()}
        for name, multiply in ways.items():
            multiply()
            rates[name] = max(rates[name], *(2 * size**3 / timed(multiply)[1] for _ in range(6)))
    sizes = [64, *(layer.units for layer in tasks.digits().model().layers)]
    report(**rates, operations=operations(sizes, len(work.runs)), version=version())


def version():
    return f"Python {platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}"


def main():
    way, path, runs = sys.argv[1:]
    {"sweep": sweep, "naive": naive, "best": best, "product": product}[way](Work(path, int(runs)))


if __name__ == "__main__":
    main()

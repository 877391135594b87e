"""The compiled programs behind a sweep: many runs of one model, trained side by side and measured.

Every weight has an axis more, the runs, and one pass of the program takes every run one step further. The program is
compiled for so many runs and so many steps; a sweep is cut into pieces of that size, whatever its grid and its length
are, so that it is compiled once a rule and not once a sweep.
"""

import functools
import hashlib
import os
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace

import numpy as np

from optkit import memory, models
from optkit.hardware import tensorflow as tf
from optkit.side_by_side import side_by_side

# Enough for large products, few enough that four cores have work in 60 runs. Measured: a fifth faster than 16, where
# the arrays of weights lie powers of two apart and push each other out of the cache.
_RUNS_IN_A_PIECE = 15
_STEPS_IN_A_PIECE = 64  # a shorter training stops before; a longer one goes through the program again
_FIRST_STEPS = 2  # enough for every memory of a rule to tell in the weights
_OTHER_DRAWS = ("TruncatedNormal", "Multinomial")  # the types of the others have "Random" in them

_tracing = threading.Lock()


@dataclass(eq=False)
class Plan:
    """How the runs of a sweep are trained. ``size``: how many are one piece. ``pieces_at_once``: as many as fit into
    the memory. ``one_at_a_time``: the names of the layers that have no batched form. ``program``: takes the runs of one
    piece some steps further."""

    rule_class: type
    task: object
    size: int
    pieces_at_once: int
    one_at_a_time: tuple
    program: object


@dataclass(frozen=True, eq=False)
class Runs:
    """What is to be trained: the hyperparameters of each run, by name, each of shape (runs,); and by seed the initial
    ``weights``, ``states`` and ``rows``, of shape (steps, seeds, batch_size), the examples of each step, counted
    through all parts of the task, and the examples in its ``parts``. ``owners``: which of the seeds each run has."""

    values: dict
    factors: np.ndarray
    owners: np.ndarray
    weights: list
    states: list
    rows: np.ndarray
    parts: list


def planned(rule_class, task, batch_size, runs):
    """The ``Plan`` for so many runs. On a processor they are cut into pieces of one size, which its cores train at the
    same time; a graphics card takes all of them at once. Smaller ones where the memory is too small for these. The cut
    does not depend on the number of cores, so that every processor rounds alike."""
    size = runs if models.on_a_gpu() else min(runs, _RUNS_IN_A_PIECE)
    program = _program(rule_class, task, batch_size, size)
    fitting = memory.fitting(size, program.bytes)
    if fitting < size:
        program = _program(rule_class, task, batch_size, fitting)
    at_once = max(1, min(memory.share() // max(1, program.bytes), os.cpu_count() or 1))
    return Plan(rule_class, task, fitting, at_once, program.one_at_a_time, program)


def trained(plan, runs, bar, kept):
    """All runs through all steps, and measured: a dict of arrays with the runs along their first axis.

    ``history``: the loss of each step. ``losses`` and ``accuracies``, of shape (runs, 3): after the last one, of the
    three parts. ``weights`` and ``states``: a list each. ``bar`` is told how many steps of how many runs are done.
    Pieces that ``kept`` has, if it is not None, are taken from there, and the others put there when they are finished.
    """
    count, steps = len(runs.owners), len(runs.rows)
    pieces = [np.arange(first, first + plan.size) % count  # the last one is filled up, with runs left out below
              for first in range(0, count, plan.size)]
    stopped = threading.Event()

    def through(number):
        arrays = kept.read(number) if kept else None
        if arrays is not None:
            return arrays, True
        arrays = _through(plan, runs, pieces[number], steps, lambda: stopped.is_set() or bar.stopped.is_set())
        if kept:
            kept.keep(number, arrays)
        return arrays, False

    with ThreadPoolExecutor(plan.pieces_at_once) as threads:
        results = []
        try:
            for arrays, was_kept in threads.map(through, range(len(pieces))):
                results.append(arrays)
                done = steps * min(plan.size, count - (len(results) - 1) * plan.size)
                bar.skip(done) if was_kept else bar.advance(done)
        except BaseException:  # a piece failed, or the reader interrupts: the others are not carried to their end
            stopped.set()
            raise
    whole = {name: np.concatenate([arrays[name] for arrays in results])[:count] for name in results[0]}
    return whole | {kind: [whole[name] for name in _names(kind, getattr(runs, kind))] for kind in ("weights", "states")}


def first_steps(plan, runs):
    """A digest of what the first steps of the first piece do: another model, loss or data, or a machine that rounds
    otherwise, has another."""
    own = np.arange(plan.size) % len(runs.owners)
    arrays = _through(plan, runs, own, min(_FIRST_STEPS, len(runs.rows)), lambda: False)
    return hashlib.sha256(b"".join(arrays[name].tobytes() for name in arrays)).hexdigest()


def _through(plan, runs, own, steps, stopped):
    """The runs of one piece through so many steps: the arrays of ``trained``, those of the lists by name."""
    rule = plan.rule_class(**{name: tf.constant(value[own]) for name, value in runs.values.items()})
    values, owners = rule.hyperparameters(), runs.owners[own]
    weights, states = ([tf.constant(array[owners]) for array in kind] for kind in (runs.weights, runs.states))
    memories, history = rule.init(weights), []
    for first in range(0, steps, _STEPS_IN_A_PIECE):
        if stopped():
            raise CancelledError("the sweep was interrupted")
        now = runs.rows[first:min(steps, first + _STEPS_IN_A_PIECE), owners]
        left_out = _STEPS_IN_A_PIECE - len(now)
        losses, weights, states, memories = plan.program(
            values, np.pad(runs.factors[first:first + len(now)], (0, left_out)), weights, states, memories,
            np.pad(now, ((0, left_out), (0, 0), (0, 0))), np.int32(len(now)), *models.on_device(plan.task))
        history.append(losses.numpy()[:len(now)])
    measured = models.evaluate_program(plan.task)(weights, states, [part[owners] for part in runs.parts])
    losses, accuracies = (np.stack([value.numpy() for value in values], axis=1) for values in zip(*measured))
    arrays = {"history": np.concatenate(history).T, "losses": losses, "accuracies": accuracies}
    for kind, own in (("weights", weights), ("states", states)):
        arrays |= dict(zip(_names(kind, own), [array.numpy() for array in own]))
    return arrays


def _names(kind, arrays):
    return [f"{kind} {place}" for place in range(len(arrays))]


class _Program:
    """Takes the runs of one piece some steps further, compiled by XLA where that can."""

    def __init__(self, concrete, specs, noted):
        self.bytes, self.one_at_a_time = noted.bytes, noted.layers
        self._concrete, self._specs, self._compiles = concrete, specs, noted.compiles
        self._best, self._choosing = None, threading.Lock()

    def __call__(self, *arguments):
        with self._choosing:
            if self._best is None:
                self._best = self._chosen(arguments)
        return self._best(*arguments)

    def _chosen(self, arguments):
        if not self._compiles:
            return self._concrete
        compiled = tf.function(lambda *own: self._concrete(*own), jit_compile=True, autograph=False)
        compiled = compiled.get_concrete_function(*self._specs)
        try:
            compiled(*arguments[:6], np.int32(0), *arguments[7:])  # compiles, and takes no step
        except tf.errors.OpError:  # an operation that XLA does not know, which TensorFlow has just named
            return self._concrete
        return compiled


@dataclass
class _Noted:
    """What is found out while a program is traced: the bytes that a piece takes, whether XLA is to compile it, and the
    layers without a batched form."""

    bytes: int = 0
    compiles: bool = True
    layers: tuple = ()


def _program(*arguments):
    with _tracing:  # two rules of a race may ask for the same program
        return _train_program(*arguments)


@functools.lru_cache(maxsize=64)  # a second sweep with the same rule and task finds its program compiled
def _train_program(rule_class, task, batch_size, size):
    """The ``_Program`` for pieces of so many runs and batches of so many examples."""
    model, noted, one_run = models.pattern(task), _Noted(), _Noted()

    def loss_and_gradient(run):
        weights, states, inputs, targets = run
        with tf.GradientTape() as tape:
            tape.watch(weights)
            losses, _, penalty, states = models.losses_of(task, model, weights, states, inputs, targets, training=True)
            loss = tf.reduce_mean(losses) + penalty
        gradient = tape.gradient(loss, weights, unconnected_gradients="zero")
        operations = tf.compat.v1.get_default_graph().get_operations()
        _refuse_unseeded(operations)
        one_run.bytes = memory.held(operations)
        return loss, gradient, states

    # Measured on a processor: dense networks run three times faster under XLA, convolutions slower. Autograph would
    # take seconds to find nothing to do. Data built in, and not handed over, would be compiled anew each time.
    @tf.function(autograph=False)
    def train(values, factors, weights, states, memories, rows, steps, inputs, targets):
        rule = rule_class(**values)
        learning_rate = values["learning_rate"]

        def step(t, weights, states, memories, history):
            (loss, gradient, states), noted.layers, apart = side_by_side(
                loss_and_gradient, (weights, states, tf.gather(inputs, rows[t]), tf.gather(targets, rows[t])), model)
            now = replace(rule, learning_rate=learning_rate * factors[t])
            change, memories = now.update(gradient, memories, weights)
            weights = [weight - moved for weight, moved in zip(weights, change)]
            operations = tf.compat.v1.get_default_graph().get_operations()
            noted.bytes = memory.held(operations) + one_run.bytes * (apart and models.RUNS_AT_ONCE_IN_A_LOOP)
            noted.compiles = models.on_a_gpu() if apart else not any(map(_loops, operations))
            return t + 1, weights, states, memories, tf.tensor_scatter_nd_update(history, [[t]], [loss])

        start = (0, weights, states, memories, tf.zeros(rows.shape[:2], weights[0].dtype))
        _, weights, states, memories, history = tf.while_loop(lambda t, *_: t < steps, step, start)
        return history, weights, states, memories

    weights, states = ([tf.TensorSpec((size, *variable.shape), variable.dtype) for variable in kind]
                       for kind in (model.trainable_variables, model.non_trainable_variables))
    specs = ({field.name: tf.TensorSpec((size,), "float64") for field in fields(rule_class)},
             tf.TensorSpec((_STEPS_IN_A_PIECE,), "float64"), weights, states,
             {"t": tf.TensorSpec((), "int64")} | {slot: weights for slot in rule_class.slots()},
             tf.TensorSpec((_STEPS_IN_A_PIECE, size, batch_size), "int32"), tf.TensorSpec((), "int32"),
             *[tf.TensorSpec(array.shape, array.dtype) for array in models.on_device(task)])
    concrete = train.get_concrete_function(*specs)
    if concrete.variables:
        raise ValueError("model uses variables that are not among its weights, so that its runs would share them: "
                         f"{', '.join(sorted(variable.name for variable in concrete.variables))}. A layer that draws "
                         "random numbers needs a keras.random.SeedGenerator of its own")
    noted.bytes += models.evaluate_program(task).bytes * min(size, models.RUNS_AT_ONCE_IN_A_LOOP)
    return _Program(concrete, specs, noted)


def _loops(operation):
    """Whether it is a layer's own loop, as in LSTM: batched, it keeps lists of lists, which XLA cannot compile."""
    return operation.type in ("While", "StatelessWhile") and "/pfor/" not in operation.name


def _refuse_unseeded(operations):
    for operation in operations:
        if operation.op_def.is_stateful and ("Random" in operation.type or operation.type in _OTHER_DRAWS):
            raise ValueError(f"model draws random numbers that no seed decides ({operation.name}): draw them by "
                             "keras.random, with a keras.random.SeedGenerator of the layer's own")

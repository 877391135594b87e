"""A function of one run, applied to many runs at once, in the fastest way that TensorFlow has for it."""

import contextlib
import logging
import threading

from optkit.hardware import tensorflow as tf

# TensorFlow reports each operation that it cannot batch. Here it is asked on purpose, and a sweep names the layer.
tf.get_logger().addFilter(lambda record: record.filename != "pfor.py")

_noting = threading.Lock()  # the layers are shared by the threads of a race


def side_by_side(function, runs, model):
    """``function`` of every run: ``(results, layers, apart)``.

    ``runs``: (weights, states, ...), stacked along a first axis; the results of each are a number, a list like weights
    and a list like states. Where every operation has a batched form, ``layers`` is empty. Where only the drawing of
    random numbers has none, these are drawn run by run and all else is batched; otherwise ``apart`` is true, and one
    run goes through the function after the other. ``layers`` names those of ``model`` that are to blame.
    """
    try:
        return tf.vectorized_map(function, runs, fallback_to_while_loop=False), (), False
    except ValueError as error:
        kinds = _kinds(error)
    one_run = tf.nest.map_structure(lambda array: tf.TensorSpec(array.shape[1:], array.dtype), runs)
    operations, layers = _noted(function, one_run, model)  # raises what is wrong with the function itself
    if any(map(_draws, operations)):
        error = _error_with_one_seed(function, runs, model)
        if error is None:
            return (tf.vectorized_map(function, runs, fallback_to_while_loop=True, warn=False),
                    _to_blame(operations, layers, _draws), False)
        kinds = _kinds(error)
    types = [[array.dtype for array in kind] for kind in runs[:2]]
    results = tf.map_fn(function, runs, fn_output_signature=(runs[0][0].dtype, *types))
    return (results, _to_blame(operations, layers, lambda one: _draws(one) or one.type in kinds) or (model.name,), True)


def seeds(variables):
    """Which of a model's variables are the state of a generator of random numbers: their places."""
    return [place for place, variable in enumerate(variables) if variable.name == "seed_generator_state"]


def leaves(layer):
    """The layers within a model, without those that only hold others."""
    within = getattr(layer, "layers", [])
    return [leaf for one in within for leaf in leaves(one)] if within else [layer]


def _draws(operation):
    return operation.type.startswith("StatelessRandom")


def _kinds(error):
    """The types of operations that an error of ``vectorized_map`` may be about: the words of its first line."""
    return set(str(error).split("\n")[0].replace("'", " ").split())


def _error_with_one_seed(function, runs, model):
    """Why the function could not be batched even if all runs drew the same random numbers; None where it could."""
    places = seeds(model.non_trainable_variables)
    specs = tf.nest.map_structure(lambda array: tf.TensorSpec(array.shape, array.dtype), runs)

    def batched(*runs):
        def with_one_seed(run):
            weights, states, *data = run
            states = [runs[1][place][0] if place in places else state for place, state in enumerate(states)]
            return function((weights, states, *data))
        return tf.vectorized_map(with_one_seed, runs, fallback_to_while_loop=False)

    try:
        tf.function(batched, autograph=False).get_concrete_function(*specs)
    except ValueError as error:
        return error
    return None


def _noted(function, one_run, model):
    """The operations of one run, and by their scopes the names of the layers that made them."""
    layers = {}

    def noting(name, call):
        def noted(*args, **kwargs):
            layers[tf.compat.v1.get_default_graph().get_name_scope()] = name
            return call(*args, **kwargs)
        return noted

    with _noting, contextlib.ExitStack() as stack:
        for layer in leaves(model):
            stack.callback(layer.__delattr__, "call")
            layer.call = noting(layer.name, layer.call)
        graph = tf.function(function, autograph=False).get_concrete_function(one_run).graph
    return graph.get_operations(), layers


def _to_blame(operations, layers, guilty):
    """The names of the layers with a guilty operation, forwards or backwards."""
    scopes = [f"/{operation.name}" for operation in operations if guilty(operation)]
    return tuple(name for scope, name in layers.items() if any(f"/{scope}/" in where for where in scopes))

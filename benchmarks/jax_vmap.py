"""The same work by JAX: ``vmap`` over the runs, ``scan`` over the steps, optax's Adam, all in one ``jit``.

    python benchmarks/jax_vmap.py WORK RUNS
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
from work import RATES, Work, first_and_later, peak, report


def outputs(weights, inputs):
    hidden, hidden_bias, last, last_bias = weights
    return jax.nn.relu(inputs @ hidden + hidden_bias) @ last + last_bias


def loss(weights, inputs, targets):
    return optax.softmax_cross_entropy_with_integer_labels(outputs(weights, inputs), targets).mean()


def trained(weights, rate, rows, inputs, targets):
    """One run: its final weights and the loss of every step."""
    optimizer = optax.adam(rate)

    def step(carry, now):
        weights, memory = carry
        value, gradient = jax.value_and_grad(loss)(weights, inputs[now], targets[now])
        change, memory = optimizer.update(gradient, memory)
        return (optax.apply_updates(weights, change), memory), value

    (weights, _), losses = jax.lax.scan(step, (weights, optimizer.init(weights)), rows)
    return weights, losses


def main():
    work = Work(sys.argv[1], int(sys.argv[2]))
    weights = [np.concatenate([getattr(work, f"weights_{place}")[:work.seeds]] * len(RATES)) for place in range(4)]
    rates = np.repeat(RATES, work.seeds).astype("float32")
    rows = np.tile(work.rows[:, :work.seeds].swapaxes(0, 1), (len(RATES), 1, 1))
    all_trained = jax.jit(jax.vmap(trained, in_axes=(0, 0, 0, None, None)))

    def once():
        return jax.block_until_ready(all_trained(weights, rates, rows, work.inputs, work.targets))

    (weights, losses), first, later = first_and_later(once)
    hits = jnp.argmax(jax.vmap(outputs, (0, None))(weights, work.test_inputs), -1) == work.test_targets
    report(first=first, later=later, peak=peak(), losses=losses[:, :2], accuracy=hits.mean(axis=1),
           version=f"JAX {jax.__version__}, optax {optax.__version__}")


if __name__ == "__main__":
    main()

"""Every rule once more, written out from its paper over the whole history of gradients, in float64 NumPy.

optkit's rules carry their memory from step to step. Here there are no recursions: a mean is a weighted sum of all the
gradients so far, a maximum is one over all of them. ``g`` has the shape ``(steps, ...)``, ``rate`` is the learning rate
of each step and ``start`` the first parameters; the result is the displacement from the start after every step.
"""

import numpy as np

from optkit import AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, Momentum, Nesterov, RMSprop


def weights(decay, steps):
    """The matrix whose entry (t, i) is decay^(t - i), the weight of gradient i at step t, and 0 in the future."""
    age = np.arange(steps)[:, None] - np.arange(steps)[None, :]
    return np.where(age >= 0, float(decay) ** np.maximum(age, 0), 0.0)


def weighted_sum(decay, values):
    """For every step the sum of decay^(t - i) values_i over i <= t."""
    return np.tensordot(weights(decay, len(values)), values, axes=1)


def weighted_mean(decay, values):
    """The same, divided by the sum of the weights: what Adam's corrected moments are (section 3 of its paper)."""
    totals = weights(decay, len(values)).sum(axis=1)
    return weighted_sum(decay, values) / totals.reshape((-1,) + (1,) * (values.ndim - 1))


def moved(steps):
    return -np.cumsum(steps, axis=0)


def gradient_descent(g, rate, start):
    return moved(rate * g)


def momentum(g, rate, start, *, momentum):
    return moved(rate * weighted_sum(momentum, g))


def nesterov(g, rate, start, *, momentum):
    """The gradient and what momentum will make of it: weights 1 + mu for the newest, mu^(age + 1) for the others."""
    spread = momentum * weights(momentum, len(g)) + np.eye(len(g))
    return moved(rate * np.tensordot(spread, g, axes=1))


def adagrad(g, rate, start, *, initial_accumulator, epsilon):
    """Duchi, Hazan and Singer 2011, section 1.1, with delta of figure 1 as epsilon."""
    return moved(rate * g / (epsilon + np.sqrt(initial_accumulator + np.cumsum(g * g, axis=0))))


def adadelta(g, rate, start, *, rho, epsilon):
    """Zeiler 2012, algorithm 1: RMS[delta] of the step before over RMS[g] of this step."""
    mean_square = (1 - rho) * weighted_sum(rho, g * g)
    deltas = np.zeros_like(g)
    for t in range(len(g)):
        ages = np.arange(t)[::-1].reshape((-1,) + (1,) * (g.ndim - 1))
        before = ((1 - rho) * rho**ages * deltas[:t] ** 2).sum(axis=0)
        deltas[t] = g[t] * np.sqrt((before + epsilon) / (mean_square[t] + epsilon))
    return moved(rate * deltas)


def rmsprop(g, rate, start, *, rho, epsilon):
    """Hinton, Srivastava and Swersky 2012, lecture 6e, slide 29."""
    return moved(rate * g / (np.sqrt((1 - rho) * weighted_sum(rho, g * g)) + epsilon))


def adam(g, rate, start, *, beta_1, beta_2, epsilon):
    """Kingma and Ba 2015, algorithm 1."""
    return moved(rate * adam_ratio(g, beta_1, beta_2, epsilon))


def adam_ratio(g, beta_1, beta_2, epsilon):
    return weighted_mean(beta_1, g) / (np.sqrt(weighted_mean(beta_2, g * g)) + epsilon)


def adamax(g, rate, start, *, beta_1, beta_2, epsilon):
    """Kingma and Ba 2015, equation 12 and algorithm 2; epsilon is added to the maximum."""
    u = np.stack([(weights(beta_2, len(g))[t, : t + 1].reshape((-1,) + (1,) * (g.ndim - 1)) * np.abs(g[: t + 1]))
                  .max(axis=0) for t in range(len(g))])
    return moved(rate * weighted_mean(beta_1, g) / (u + epsilon))


def adamw(g, rate, start, *, beta_1, beta_2, epsilon, weight_decay):
    """Loshchilov and Hutter 2019, algorithm 2, with the decay multiplied by the learning rate as in libraries."""
    return shrinking(rate * adam_ratio(g, beta_1, beta_2, epsilon), rate * weight_decay, start)


def shrinking(steps, lost, start):
    """The start, and every step, lose the share ``lost`` at each later step: how far that leads from the start."""
    logs = np.cumsum(np.log1p(-lost), axis=0)  # of what is left of the start
    return np.array([np.expm1(logs[t]) * start - (np.exp(logs[t] - logs[: t + 1]) * steps[: t + 1]).sum(axis=0)
                     for t in range(len(steps))])


REFERENCES = {GradientDescent: gradient_descent, Momentum: momentum, Nesterov: nesterov, AdaGrad: adagrad,
              AdaDelta: adadelta, RMSprop: rmsprop, Adam: adam, AdaMax: adamax, AdamW: adamw}


# Two papers state their method by positions, for a constant learning rate.

def polyak(g, rate, momentum):
    """Polyak 1964, equation 9: x_(t+1) = x_t - rate g + momentum (x_t - x_(t-1)), from x = 0."""
    points = [np.zeros_like(g[0])] * 2
    for gradient in g:
        points.append(points[-1] - rate * gradient + momentum * (points[-1] - points[-2]))
    return np.array(points[2:])


def sutskever(g, rate, momentum):
    """Sutskever et al. 2013, equations 3 and 4, where gradient t is the one at theta + momentum v, which is stored."""
    velocities = -rate * weighted_sum(momentum, g)
    return np.cumsum(velocities, axis=0) + momentum * velocities


# Keras's dialects, where they are not the papers'. Its optimizers are the other half of the comparison.

def keras_momentum(g, rate, start, *, momentum):
    """The learning rate stands inside the velocity, so that a change of it is felt late."""
    return moved(weighted_sum(momentum, rate * g))


def keras_nesterov(g, rate, start, *, momentum):
    return moved(momentum * weighted_sum(momentum, rate * g) + rate * g)


def keras_adagrad(g, rate, start, *, initial_accumulator, epsilon):
    """Epsilon stands inside the root."""
    return moved(rate * g / np.sqrt(initial_accumulator + np.cumsum(g * g, axis=0) + epsilon))


def keras_rmsprop(g, rate, start, *, rho, epsilon):
    """Epsilon stands inside the root."""
    return moved(rate * g / np.sqrt((1 - rho) * weighted_sum(rho, g * g) + epsilon))


def keras_adam(g, rate, start, *, beta_1, beta_2, epsilon):
    """The "epsilon hat" form of Kingma and Ba 2015, before section 2.1: epsilon is added to the uncorrected root."""
    return moved(rate * keras_adam_ratio(g, beta_1, beta_2, epsilon))


def keras_adam_ratio(g, beta_1, beta_2, epsilon):
    t = np.arange(1, len(g) + 1).reshape((-1,) + (1,) * (g.ndim - 1))
    root = np.sqrt((1 - beta_2) * weighted_sum(beta_2, g * g))
    return np.sqrt(1 - beta_2**t) * weighted_mean(beta_1, g) / (root + epsilon)


def keras_adamw(g, rate, start, *, beta_1, beta_2, epsilon, weight_decay):
    """The weights shrink, and then comes the step of Keras's Adam."""
    return shrinking(rate * keras_adam_ratio(g, beta_1, beta_2, epsilon), rate * weight_decay, start)


KERAS = REFERENCES | {Momentum: keras_momentum, Nesterov: keras_nesterov, AdaGrad: keras_adagrad,
                      RMSprop: keras_rmsprop, Adam: keras_adam, AdamW: keras_adamw}

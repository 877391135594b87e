"""Adam as people write it, once in each form that ``optkit.check`` takes: right, and with the corrections left out.

``FORMS[name]`` is ``(form, make)``: the key in ``optkit.checking.FORMS``, and a function that makes the candidate, given
``hat(m, v, t)``, which is right or wrong.
"""

import numpy as np

B1, B2, EPSILON = 0.9, 0.999, 1e-8
FORMS = {}


def right(m, v, t):
    return m / (1 - B1**t), v / (1 - B2**t)


def uncorrected(m, v, t):
    return m, v


def form(kind):
    def register(make):
        FORMS[make.__name__] = kind, make
        return make
    return register


def moments(m, v, g):
    return B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g**2


class Base:
    """One array's memory."""

    def __init__(self, lr=0.001):
        self.lr, self.m, self.v, self.t = lr, 0, 0, 0

    def direction(self, g, hat):
        self.t += 1
        self.m, self.v = moments(self.m, self.v, g)
        m, v = hat(self.m, self.v, self.t)
        return self.lr * m / (np.sqrt(v) + EPSILON)


@form("new")
def class_with_update(hat):
    class Mine(Base):
        def update(self, w, grad):
            return w - self.direction(grad, hat)
    return Mine


@form("new")
def object_with_step(hat):
    return class_with_update(hat)()


@form("new")
def factory(hat):
    return lambda: class_with_update(hat)()


@form("new")
def called_object(hat):
    class Mine(Base):
        def __call__(self, theta, g):
            return theta - self.direction(g, hat)
    return Mine


@form("new")
def gradient_first(hat):
    class Mine(Base):
        def update(self, grad, w):
            return w - self.direction(grad, hat)
    return Mine


@form("new")
def function_with_memories(hat):
    def adam(w, dw, m, v, t, learning_rate=0.001):
        m, v = moments(m, v, dw)
        m_hat, v_hat = hat(m, v, t)
        return w - learning_rate * m_hat / (np.sqrt(v_hat) + EPSILON), m, v
    return adam


@form("new")
def function_that_counts_from_zero(hat):
    def adam(w, grad, m, v, iteration, lr=0.001):
        m, v = moments(m, v, grad)
        m_hat, v_hat = hat(m, v, iteration + 1)
        return w - lr * m_hat / (np.sqrt(v_hat) + EPSILON), m, v
    return adam


@form("new")
def function_with_config(hat):
    def adam(x, dx, config=None):
        config = {} if config is None else config
        config.setdefault("learning_rate", 0.001)
        config["t"] = config.get("t", 0) + 1
        config["m"], config["v"] = moments(config.get("m", 0), config.get("v", 0), dx)
        m, v = hat(config["m"], config["v"], config["t"])
        return x - config["learning_rate"] * m / (np.sqrt(v) + EPSILON), config
    return adam


@form("new")
def function_with_state(hat):
    def adam(params, grad, state):
        state["t"] = state.get("t", 0) + 1
        state["m"], state["v"] = moments(state.get("m", 0), state.get("v", 0), grad)
        m, v = hat(state["m"], state["v"], state["t"])
        return params - 0.001 * m / (np.sqrt(v) + EPSILON)
    return adam


@form("new")
def function_with_globals(hat):
    memory = {"m": 0, "v": 0, "t": 0}

    def adam(w, g):
        memory["t"] += 1
        memory["m"], memory["v"] = moments(memory["m"], memory["v"], g)
        m, v = hat(memory["m"], memory["v"], memory["t"])
        return w - 0.001 * m / (np.sqrt(v) + EPSILON)
    return adam


@form("new")
def weights_and_biases(hat):
    class Mine:
        def __init__(self, eta=0.001):
            self.eta, self.w, self.b, self.t = eta, Base(eta), Base(eta), 0

        def update(self, t, w, b, dw, db):
            return w - self.w.direction(dw, hat), b - self.b.direction(db, hat)
    return Mine


@form("new")
def plain_numbers(hat):
    class Mine(Base):
        def update(self, w: float, g: float):
            if g > 1e300:  # numbers only: an array has no truth value
                return w
            return w - self.direction(g, hat)
    return Mine


@form("step")
def returns_the_step(hat):
    class Mine(Base):
        def get_update(self, grad):
            return self.direction(grad, hat)
    return Mine


@form("step")
def returns_what_is_added(hat):
    class Mine(Base):
        def get_update(self, grad):
            return -self.direction(grad, hat)
    return Mine


@form("step")
def returns_the_direction(hat):
    class Mine:
        def __init__(self):
            self.own = Base(1.0)

        def direction(self, grad):
            return self.own.direction(grad, hat)
    return Mine


@form("in-place")
def dict_in_place(hat):
    class Mine:
        def __init__(self, learning_rate=0.001):
            self.learning_rate, self.own = learning_rate, None

        def update(self, params, grads):
            if self.own is None:
                self.own = {key: Base(self.learning_rate) for key in params.keys()}
            for key in params.keys():
                params[key] -= self.own[key].direction(grads[key], hat)
    return Mine


@form("in-place")
def named_gradients_in_place(hat):
    class Mine:
        def __init__(self, lr=0.001):
            self.lr, self.own = lr, {}

        def step(self, parameters, grads):
            for layer in (1, 2):
                for kind in "Wb":
                    own = self.own.setdefault(f"{kind}{layer}", Base(self.lr))
                    parameters[f"{kind}{layer}"] -= own.direction(grads[f"d{kind}{layer}"], hat)
    return Mine


@form("in-place")
def list_in_place(hat):
    class Mine:
        def __init__(self, lr=0.001):
            self.lr, self.own = lr, None

        def apply_gradients(self, params, grads):
            self.own = self.own or [Base(self.lr) for _ in params]
            for own, p, g in zip(self.own, params, grads):
                p -= own.direction(g, hat)
    return Mine


@form("in-place")
def array_in_place(hat):
    class Mine(Base):
        def update(self, w, g):
            w -= self.direction(g, hat)
    return Mine


@form("held")
def holds_arrays(hat):
    class Mine:
        def __init__(self, params, lr=0.001):
            self.params, self.own = params, [Base(lr) for _ in params]

        def step(self, grads):
            for own, p, g in zip(self.own, self.params, grads):
                p -= own.direction(g, hat)
    return Mine


@form("held")
def holds_weights_and_biases(hat):
    class Mine:
        def __init__(self, W, b, lr=0.001):
            self.W, self.b, self.own = W, b, (Base(lr), Base(lr))

        def update(self, dW, db):
            self.W = self.W - self.own[0].direction(dW, hat)
            self.b = self.b - self.own[1].direction(db, hat)
    return Mine


@form("held")
def holds_objects_with_gradients(hat):
    class Mine:
        def __init__(self, parameters, lr=0.001):
            self.parameters, self.own = parameters, [Base(lr) for _ in parameters]

        def step(self):
            for own, p in zip(self.own, self.parameters):
                p.data = p.data - own.direction(p.grad, hat)
    return Mine


@form("held")
def factory_that_takes_parameters(hat):
    return lambda params: holds_arrays(hat)(params)


@form("new")
def factory_told_where_it_starts(hat):
    class Mine:
        def __init__(self, lr):
            self.lr = lr

        def initialize(self, count):
            self.m, self.v = np.zeros(count), np.zeros(count)

        def __call__(self, x_now, x_grad, iteration):
            self.m, self.v = moments(self.m, self.v, x_grad)
            m, v = hat(self.m, self.v, iteration)
            self.x = x_now - self.lr * m / (np.sqrt(v) + EPSILON)
            return self.x

    def make(x_init, lr=0.001):
        own = Mine(lr)
        own.initialize(len(x_init))
        own.x = x_init
        return own
    return make


@form("new")
def more_returned_than_is_kept(hat):
    def adam(w, g, m, v, t, lr):
        m_next, v_next = moments(m, v, g)
        m_hat, v_hat = hat(m_next, v_next, t)
        change = -lr * m_hat / (np.sqrt(v_hat) + EPSILON)
        w_next = w + change
        return w_next, change, m_next, v_next
    return adam


@form("callback")
def factory_of_a_step_with_gradient_function(hat):
    def make(x0, lr=0.001):
        own = Base(lr)

        def step(grad_fn, x):
            return x - own.direction(grad_fn(x), hat)
        return step
    return make


@form("callback")
def loop_with_gradient_function(hat):
    def adam(grad_fn, x0, lr=0.001, n_iterations=100):
        own, x = Base(lr), np.array(x0)
        for _ in range(n_iterations):
            x = x - own.direction(grad_fn(x), hat)
        return x
    return adam


@form("callback")
def loop_with_a_fixed_length(hat):
    class Mine(Base):
        def minimize(self, f, df, theta):
            for _ in range(30):
                theta = theta - self.direction(df(theta), hat)
            return theta
    return Mine


@form("callback")
def step_with_gradient_function(hat):
    class Mine(Base):
        def step(self, w, grad_func):
            return w - self.direction(grad_func(w), hat)
    return Mine


@form("callback")
def plain_lists_with_gradient_function(hat):
    def adam(gradient, x0, steps):
        own, x = [Base() for _ in x0], list(x0)
        for _ in range(steps):
            g = gradient(x)
            x = [value - one.direction(slope, hat) for value, one, slope in zip(x, own, g)]
        return x
    return adam


# AdamW, right and with the decay in the gradient: ``DECAYED[name]`` is ``(form, make)``, and ``make`` is given ``move``,
# a function ``move(memory, w, g, lr, wd)`` that returns the step.
DECAYED = {}


def decayed(kind):
    def register(make):
        DECAYED[make.__name__] = kind, make
        return make
    return register


def beside(memory, w, g, lr, wd):
    memory.lr = lr
    return memory.direction(g, right) + lr * wd * w


def in_gradient(memory, w, g, lr, wd):
    memory.lr = lr
    return memory.direction(g + wd * w, right)


@decayed("new")
def decaying_class(move):
    class Mine:
        def __init__(self, lr=0.001, weight_decay=0.01):
            self.lr, self.weight_decay, self.own = lr, weight_decay, Base()

        def update(self, w, grad):
            return w - move(self.own, w, grad, self.lr, self.weight_decay)
    return Mine


@decayed("new")
def decaying_object_with_short_names(move):
    class Mine:
        def __init__(self, lr, wd):
            self.lr, self.wd, self.own = lr, wd, Base()

        def step(self, theta, g):
            return theta - move(self.own, theta, g, self.lr, self.wd)
    return Mine(0.001, 0.01)


@decayed("new")
def decaying_class_whose_names_are_required(move):
    return type(decaying_object_with_short_names(move))


@decayed("new")
def decaying_function(move):
    def adamw(w, dw, m, v, t, lr, b1, b2, eps, wd):
        own = Base()
        own.m, own.v, own.t = m, v, t - 1
        w = w - move(own, w, dw, lr, wd)
        return w, own.m, own.v
    return adamw


@decayed("new")
def decaying_function_with_config(move):
    def adamw(x, dx, config=None):
        config = {} if config is None else config
        own = config.setdefault("own", Base())
        return x - move(own, x, dx, config.setdefault("lr", 0.001), config.setdefault("lambda_", 0.01)), config
    return adamw


@decayed("step")
def decaying_step(move):
    class Mine:
        def __init__(self, lr=0.001, lambda_=0.01):
            self.lr, self.lambda_, self.own = lr, lambda_, Base()

        def get_update(self, w, grad):
            return move(self.own, w, grad, self.lr, self.lambda_)
    return Mine


@decayed("step")
def decaying_step_to_be_added(move):
    class Mine(decaying_step(move)):
        def get_update(self, w, grad):
            return -super().get_update(w, grad)
    return Mine


@decayed("step")
def decaying_direction(move):
    class Mine:
        def __init__(self):
            self.own = Base()

        def direction(self, w, grad):
            return move(self.own, w, grad, 1.0, 0.01)
    return Mine


@decayed("in-place")
def decaying_dict(move):
    class Mine:
        def __init__(self, learning_rate=0.001, decay=0.01):
            self.learning_rate, self.decay, self.own = learning_rate, decay, {}

        def update(self, params, grads):
            for key in params:
                own = self.own.setdefault(key, Base())
                params[key] -= move(own, params[key], grads[key], self.learning_rate, self.decay)
    return Mine


@decayed("held")
def decaying_parameters_as_pytorch_has_them(move):
    class Mine:
        def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
            self.params, self.lr, self.weight_decay = list(params), lr, weight_decay
            self.own = [Base() for _ in self.params]

        def step(self):
            for own, p in zip(self.own, self.params):
                p.data = p.data - move(own, p.data, p.grad, self.lr, self.weight_decay)
    return Mine


@decayed("callback")
def decaying_loop(move):
    def adamw(grad_fn, x0, lr=0.001, wd=0.01, n_iterations=100):
        own, x = Base(), np.array(x0)
        for _ in range(n_iterations):
            x = x - move(own, x, grad_fn(x), lr, wd)
        return x
    return adamw

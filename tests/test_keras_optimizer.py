"""Any rule as a Keras optimizer: the same weights as Keras's own, and at home in everything Keras does."""

import functools
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from optkit import (AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, KerasOptimizer, Momentum, Nesterov,
                    RMSprop, Rule, tasks)
from optkit.hardware import keras, tensorflow as tf

# A rule, and Keras's own optimizer with the same numbers. Where the two put epsilon in different places it is tiny,
# 2**-80, and makes no difference in float32; AdaDelta and AdaMax have the same form, and keep an ordinary one.
TINY = 2.0**-80
own = keras.optimizers
PAIRS = {
    "GradientDescent": (GradientDescent(0.05), lambda: own.SGD(0.05)),
    "Momentum": (Momentum(0.05, 0.8), lambda: own.SGD(0.05, 0.8)),
    "Nesterov": (Nesterov(0.05, 0.8), lambda: own.SGD(0.05, 0.8, nesterov=True)),
    "AdaGrad": (AdaGrad(0.05, 0.1, TINY), lambda: own.Adagrad(0.05, 0.1, TINY)),
    "AdaDelta": (AdaDelta(1.0, 0.9, 1e-4), lambda: own.Adadelta(1.0, 0.9, 1e-4)),
    "RMSprop": (RMSprop(0.01, 0.8, TINY), lambda: own.RMSprop(0.01, 0.8, epsilon=TINY)),
    "Adam": (Adam(0.01, 0.8, 0.99, TINY), lambda: own.Adam(0.01, 0.8, 0.99, TINY)),
    "AdaMax": (AdaMax(0.01, 0.8, 0.99, 1e-3), lambda: own.Adamax(0.01, 0.8, 0.99, 1e-3)),
    "AdamW": (AdamW(0.01, 0.8, 0.99, TINY, 2.0), lambda: own.AdamW(0.01, 2.0, 0.8, 0.99, TINY)),
}

generator = np.random.default_rng(8)
X = generator.normal(size=(40, 3)).astype("float32")
Y = (X @ [[1.0], [-2.0], [0.5]] + 0.3).astype("float32")


def network():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])
    fixed = np.random.default_rng(9)
    model.set_weights([fixed.normal(0, 0.5, array.shape) for array in model.get_weights()])
    return model


def trained(optimizer, epochs=5, run_eagerly=False, jit_compile=False, callbacks=()):
    """A network after two steps an epoch."""
    model = network()
    model.compile(optimizer, "mse", run_eagerly=run_eagerly, jit_compile=jit_compile)
    model.fit(X, Y, batch_size=20, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
    return model


def by_keras(optimizer, **settings):
    """The same by an optimizer of Keras's own, step by step: to compile them takes longer than ten steps."""
    return trained(optimizer, run_eagerly=True, **settings)


@functools.cache
def weights_by_momentum():
    return by_keras(own.SGD(0.05, 0.9)).get_weights()


def assert_same(first, second, **tolerance):
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, **{"rtol": 2e-5, "atol": 2e-6} | tolerance)


@pytest.mark.parametrize("name", PAIRS)
def test_same_weights_as_keras_after_ten_steps(name):
    rule, keras_own = PAIRS[name]
    model = trained(KerasOptimizer(rule))
    assert int(model.optimizer.iterations) == 10
    assert_same(model, by_keras(keras_own()))
    moved = [np.abs(ours - start).max() for ours, start in zip(model.get_weights(), network().get_weights())]
    assert min(moved) > 1e-3  # far more than the tolerance


def test_eager_and_compiled_alike():
    plain = trained(KerasOptimizer(Adam(0.01)))
    assert_same(trained(KerasOptimizer(Adam(0.01)), run_eagerly=True), plain)
    assert_same(trained(KerasOptimizer(Adam(0.01)), jit_compile=True), plain)


def test_the_default_learning_rate_is_the_rules_and_an_argument_comes_first():
    assert float(KerasOptimizer(Adam(0.25)).learning_rate) == 0.25
    assert float(KerasOptimizer(Adam(0.25), learning_rate=0.5).learning_rate) == 0.5
    assert float(KerasOptimizer(Adam(0.25), learning_rate=0.0).learning_rate) == 0


def test_a_learning_rate_schedule():
    schedule = own.schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=0.6)
    ours = trained(KerasOptimizer(GradientDescent(), learning_rate=schedule))
    assert_same(ours, by_keras(own.SGD(schedule)))
    assert not np.allclose(ours.get_weights()[0], by_keras(own.SGD(0.1)).get_weights()[0], atol=1e-3)


def test_callbacks_and_assignments_change_the_learning_rate():
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    ours = trained(KerasOptimizer(GradientDescent(0.2)), callbacks=[halve])
    assert_same(ours, by_keras(own.SGD(0.2), callbacks=[halve]))
    assert float(ours.optimizer.learning_rate) == pytest.approx(0.2 / 2**5)

    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.1, patience=1, min_delta=1e9)
    assert float(trained(KerasOptimizer(Adam(0.1)), callbacks=[plateau]).optimizer.learning_rate) < 0.1

    weights = ours.get_weights()
    ours.optimizer.learning_rate = 0.0
    ours.fit(X, Y, verbose=0)
    for before, after in zip(weights, ours.get_weights()):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("arguments", [
    {"clipnorm": 0.01}, {"global_clipnorm": 0.01}, {"weight_decay": 0.1},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3}, {"gradient_accumulation_steps": 2}],
    ids=lambda arguments: next(iter(arguments)))
def test_other_arguments_of_keras_pass_through(arguments):
    ours = trained(KerasOptimizer(Momentum(0.05), **arguments))
    assert_same(ours, by_keras(own.SGD(0.05, 0.9, **arguments)))
    assert not np.allclose(ours.get_weights()[0], weights_by_momentum()[0], atol=1e-3)


def test_adam_counts_its_updates_while_gradients_accumulate():
    assert_same(trained(KerasOptimizer(Adam(0.01, epsilon=TINY), gradient_accumulation_steps=2)),
                by_keras(own.Adam(0.01, epsilon=TINY, gradient_accumulation_steps=2)))


def test_the_initial_accumulator_of_adagrad_reaches_the_variables():
    optimizer = KerasOptimizer(AdaGrad(0.1, initial_accumulator=0.25))
    optimizer.build(network().trainable_variables)
    assert [float(array.numpy().min()) for array in optimizer.slots["v"]] == [0.25] * 4
    assert [array.shape for array in optimizer.slots["v"]] == [(3, 4), (4,), (4, 1), (1,)]


def embedded(optimizer, words, densify):
    """The weights after three steps on words, whose gradient is sparse unless it is made dense first."""
    model = keras.Sequential([keras.Input((3,), dtype="int32"), keras.layers.Embedding(6, 2), keras.layers.Flatten(),
                              keras.layers.Dense(1)])
    fixed = np.random.default_rng(9)
    model.set_weights([fixed.normal(0, 0.5, array.shape) for array in model.get_weights()])
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(words) - words[:, :1]) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        assert isinstance(gradients[0], tf.IndexedSlices)
        optimizer.apply_gradients(zip(map(tf.convert_to_tensor, gradients) if densify else gradients,
                                      model.trainable_variables))
    return model


def test_sparse_gradients_of_an_embedding():
    """Every word's gradients are summed before the rule sees them. Keras's Adam squares them one by one, and so
    agrees only where no word comes twice."""
    repeated, once = np.array([[0, 1, 1], [3, 3, 2]]), np.array([[0, 1, 2]])
    for words in (repeated, once):
        assert_same(embedded(KerasOptimizer(Adam(0.1)), words, densify=False),
                    embedded(KerasOptimizer(Adam(0.1)), words, densify=True))
    assert_same(embedded(KerasOptimizer(Adam(0.1, epsilon=TINY)), once, densify=False),
                embedded(own.Adam(0.1, epsilon=TINY), once, densify=False))


def test_tensorflow_s_own_loop():
    optimizer, variable = KerasOptimizer(Momentum(0.1, 0.5)), tf.Variable([1.0, -2.0])
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(variable**2)
        optimizer.apply_gradients([(tape.gradient(loss, variable), variable)])
    np.testing.assert_allclose(variable, [0.54, -1.08], rtol=1e-6)  # 1 - 0.2 = 0.8; m = 1 + 1.6 = 2.6; 0.8 - 0.26


# Saved and loaded

@dataclass(frozen=True)
class Sign(Rule):
    """A rule of one's own."""

    learning_rate: float = 0.01
    sharpness: float = 2.0

    def step(self, xp, t, g, m):
        m = 0.5 * m + g
        return self.learning_rate * xp.tanh(self.sharpness * m), m


@pytest.mark.parametrize("rule", [GradientDescent(0.1), AdaGrad(0.1, 0.2), AdaDelta(), Adam(0.1), Sign(0.02, 3.0),
                                  AdamW(0.1, weight_decay=0.3)],
                         ids=lambda rule: type(rule).__name__)
def test_a_loaded_model_goes_on_exactly_where_it_was(rule, tmp_path):
    model = trained(KerasOptimizer(rule, clipnorm=5.0))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.rule == rule and loaded.optimizer.clipnorm == 5 and int(loaded.optimizer.iterations) == 10
    for further in (model, loaded):
        further.fit(X, Y, batch_size=20, epochs=3, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_learning_rate_in_force_is_saved(tmp_path):
    model = trained(KerasOptimizer(Adam(0.01)))
    model.optimizer.learning_rate = 0.5
    model.save(tmp_path / "model.keras")
    assert float(keras.models.load_model(tmp_path / "model.keras").optimizer.learning_rate) == 0.5


def test_config_round_trip():
    schedule = own.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = KerasOptimizer(Adam(0.1, beta_1=0.7), learning_rate=schedule, weight_decay=0.2, name="mine")
    config = optimizer.get_config()
    again = KerasOptimizer.from_config(config)
    assert again.rule == optimizer.rule and again.get_config() == config
    assert again.name == "mine" and again.weight_decay == 0.2
    by_keras = own.deserialize(own.serialize(optimizer))
    assert isinstance(by_keras, KerasOptimizer) and by_keras.get_config() == config
    assert config == optimizer.get_config()  # nothing was taken out of it
    assert keras.saving.get_registered_name(KerasOptimizer) == "optkit>KerasOptimizer"  # so saved models know it


def test_a_rule_is_found_among_others_of_its_name():
    saved = {rule: KerasOptimizer(rule).get_config() for rule in (Adam(0.1), Sign(0.02, 3.0))}
    others = [type("Adam", (Adam,), {}), type("Sign", (Sign,), {"__module__": "elsewhere"}),
              type("Adam", (Rule,), {"__module__": "__main__"})]
    for rule, config in saved.items():
        assert type(KerasOptimizer.from_config(config).rule) is type(rule)
    config = saved[Sign(0.02, 3.0)]
    assert type(KerasOptimizer.from_config(config | {"module": "elsewhere"}).rule) is others[1]
    assert KerasOptimizer.from_config(config | {"module": "gone"}).rule.sharpness == 3
    again = dataclass(frozen=True)(type("Sign", (Sign,), {"__module__": Sign.__module__}))  # a cell that was run twice
    assert type(KerasOptimizer.from_config(config).rule) is again


def test_a_rule_that_is_not_defined_is_named():
    config = KerasOptimizer(Adam()).get_config() | {"rule": "Lion"}
    with pytest.raises(ValueError, match="rule 'Lion', which is not defined here.*known: .*Adam"):
        KerasOptimizer.from_config(config)


LOAD = "model = keras.models.load_model({path!r}); print(type(model.optimizer.rule).__name__, model.optimizer.rule)"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """What three new processes say that load a model: with optkit imported after Keras, before it, and not at all."""
    path = str(tmp_path_factory.mktemp("models") / "model.keras")
    trained(KerasOptimizer(Adam(0.02, beta_1=0.8)), epochs=1).save(path)
    load = LOAD.format(path=path)
    programs = {"after": f"import keras; import optkit; {load}", "before": f"import optkit; import keras; {load}",
                "never": f"import keras; {load}"}
    running = {when: subprocess.Popen([sys.executable, "-c", program], text=True, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE) for when, program in programs.items()}
    return {when: (*process.communicate(), process.returncode) for when, process in running.items()}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_saved_model_loads_in_a_new_process_after_import_optkit(elsewhere, when):
    output, error, code = elsewhere[when]
    assert code == 0, error
    assert output.strip() == f"Adam {Adam(0.02, beta_1=0.8)}"


def test_without_optkit_the_error_names_what_to_import(elsewhere):
    _, error, code = elsewhere["never"]
    assert code != 0 and "optkit.keras_optimizer" in error and "KerasOptimizer" in error


# What is refused

@dataclass(frozen=True)
class Fixed(Rule):
    def step(self, xp, t, g):
        return 0.1 * g


@pytest.mark.parametrize("words, rule", [
    ("rule must be one of optkit.rules", "adam"), ("rule must be one of optkit.rules", Adam),
    ("Fixed has no learning_rate", Fixed()),
    ("learning_rate must be one number", Adam(np.array([0.1, 0.2]))),
    ("beta_1 must be one number", Adam(beta_1=np.array([0.8]))),
    ("weight_decay must be one number", AdamW(weight_decay=np.array([0.1])))])
def test_refused(words, rule):
    with pytest.raises(ValueError, match=words):
        KerasOptimizer(rule)


def test_weights_decay_once():
    with pytest.raises(ValueError, match="AdamW decays the weights itself.*got weight_decay=0.1 beside it"):
        KerasOptimizer(AdamW(), weight_decay=0.1)
    assert KerasOptimizer(AdamW(), weight_decay=None).weight_decay is None
    decayed = trained(KerasOptimizer(AdamW(0.01, weight_decay=2.0)))
    assert_same(decayed, trained(KerasOptimizer(Adam(0.01), weight_decay=2.0)))
    assert not np.allclose(decayed.get_weights()[0], trained(KerasOptimizer(Adam(0.01))).get_weights()[0], atol=1e-3)


def test_a_keras_task_trains_by_name():
    task = tasks.linear_regression()
    model = task.model()
    model.compile(KerasOptimizer(GradientDescent(0.01)), task.loss)
    losses = model.fit(*task.train, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]

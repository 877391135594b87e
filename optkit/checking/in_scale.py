"""Known forms of AdaGrad, RMSprop and AdaDelta."""

from optkit.checking.common import (LATER, NO_ROOT, STALE_V, TINY, TRADED, dialect,
                                    epsilon, hidden_momentum, mistake, second_moment)

_ROOT, _DIVISOR = "xp.sqrt(v)", "(xp.sqrt(v) + self.epsilon)"
_QUOTIENT = f"self.learning_rate / {_DIVISOR} * g"
_EPSILON_IN_ROOT = dialect("epsilon-in-root", "adds epsilon inside the root",
                            "Keras and optax do; PyTorch adds it outside. " + TINY,
                            (_DIVISOR, "xp.sqrt(v + self.epsilon)"))
_SUM = "v = v + g**2"
ADAGRAD = [
    _EPSILON_IN_ROOT,
    dialect("accumulator-from-a-tenth", "starts the accumulator at 0.1", "Keras and optax do; the paper starts at 0. "
             "Where the first gradients are small its first steps are much shorter.", start={"v": 0.1}),
    mistake("no-root", *NO_ROOT, (_ROOT, "v")),
    *epsilon(_ROOT, _DIVISOR, _QUOTIENT),
    *[form for form in second_moment(_SUM) if form.id != "v-starts-at-square"],  # 0 + g**2 is the square
    mistake("v-stale", *STALE_V, (_SUM, "last, v = v, v + g**2"), (_ROOT, "xp.sqrt(last)")),
    mistake("v-decays", "lets the accumulator forget, by 0.9 a step: that is RMSprop",
             "RMSprop is a good rule, under its own name.", (_SUM, "v = 0.9 * v + 0.1 * g**2")),
    mistake("v-decays-slowly", "lets the accumulator forget, by 0.99 a step: that is RMSprop",
             "RMSprop is a good rule, under its own name.", (_SUM, "v = 0.99 * v + 0.01 * g**2")),
    mistake("v-unused", "does not divide by the root", "It is plain descent.", (_QUOTIENT, "self.learning_rate * g")),
    mistake("v-averaged", "divides the sum by the number of steps: a mean, which does not grow",
             "Its steps no longer shrink, which looks like a gain.", (_ROOT, "xp.sqrt(v / t)")),
    hidden_momentum(_QUOTIENT),
    mistake("is-adam", "is Adam, another rule", "Adam is a good rule, under its own name.",
             (_SUM, "v = 0.999 * v + 0.001 * g**2\n    mean = 0.9 * mean + 0.1 * g"),
             (_QUOTIENT, "self.learning_rate * (mean / (1 - 0.9**t)) / (xp.sqrt(v / (1 - 0.999**t)) + self.epsilon)"),
             memory="mean"),
]

_AVERAGE = "v = self.rho * v + (1 - self.rho) * g**2"
RMSPROP = [
    _EPSILON_IN_ROOT,
    mistake("v-summed", "leaves 1 - rho out, so that v is a sum",
             "All steps are too short by the same factor, the root of 1 - rho. " + TRADED,
             ("(1 - self.rho) * g**2", "g**2")),
    mistake("v-never-decays", "adds to v and never lets it decay", "It is AdaGrad, nearly.",
             ("self.rho * v + (1", "v + (1")),
    mistake("rho-swapped", "has rho and 1 - rho the wrong way round", "It forgets almost at once, but goes downhill.",
             (_AVERAGE, "v = (1 - self.rho) * v + self.rho * g**2")),
    mistake("no-root", *NO_ROOT, (_ROOT, "v")),
    *epsilon(_ROOT, _DIVISOR, _QUOTIENT),
    *second_moment(_AVERAGE),
    mistake("v-stale", *STALE_V, (_AVERAGE, _AVERAGE.replace("v = ", "last, v = v, ")), (_ROOT, "xp.sqrt(last)")),
    mistake("v-never-decays-blend", "adds the average to the old v (+=), so that v grows for ever",
             "Its steps shrink like AdaGrad's, and faster.", (_AVERAGE, _AVERAGE.replace("= ", "= v + ", 1))),
    mistake("correction-not-in-method", "divides v by 1 - rho ** t, as Adam does: the method has no correction",
             LATER, (_ROOT, "xp.sqrt(v / (1 - self.rho**t))")),
    mistake("is-adagrad", "sums the squares and never forgets: AdaGrad, another rule",
             "AdaGrad is a good rule, under its own name.", (_AVERAGE, "v = v + g**2")),
    mistake("v-unused", "does not divide by the root", "It is plain descent.", (_QUOTIENT, "self.learning_rate * g")),
    hidden_momentum(_QUOTIENT),
    mistake("centred", "subtracts the square of the mean gradient from v: the centred form, another rule",
             "It is a good rule, if what is under the root is kept from falling below zero.",
             (_AVERAGE, f"mean = self.rho * mean + (1 - self.rho) * g\n    {_AVERAGE}"),
             (_ROOT, "xp.sqrt(v - mean**2)"), memory="mean"),
]

_SQUARES = "v = self.rho * v + (1 - self.rho) * g**2"
_STEPS = "d = self.rho * d + (1 - self.rho) * delta**2"
_RATIO = "xp.sqrt(d + self.epsilon) / xp.sqrt(v + self.epsilon)"
ADADELTA = [
    dialect("epsilon-outside-root", "adds epsilon outside both roots",
             "The paper has it inside. Then the first steps are epsilon long instead of its root: it starts far more "
             "slowly.", (_RATIO, "(xp.sqrt(d) + self.epsilon) / (xp.sqrt(v) + self.epsilon)")),
    dialect("epsilon-in-upper-root", "adds epsilon inside the root above and outside the one below",
             "The paper has it inside both. " + TINY,
             (_RATIO, "xp.sqrt(d + self.epsilon) / (xp.sqrt(v) + self.epsilon)")),
    mistake("new-average-above", "puts the new average of squared steps above the line, not the one before",
             "The paper's is one step older; the step then enters its own length.",
             ("return self.learning_rate * delta",
              f"delta = {_RATIO} * g\n    return self.learning_rate * delta")),
    mistake("gradients-in-d", "averages squared gradients in d, where squared steps belong",
             "Then the units no longer match, and every step has about the length of the gradient.",
             (_STEPS, _STEPS.replace("delta", "g"))),
    mistake("rate-in-d", "averages the squares of the learning rate times the step in d",
             "At a learning rate of 1 it is right.",
             (_STEPS, _STEPS.replace("delta**2", "(self.learning_rate * delta)**2"))),
    mistake("d-of-step", "averages the step itself in d and not its square",
             "The root of a negative average is no number, but where all steps are positive there is one.",
             (_STEPS, _STEPS.replace("delta**2", "delta"))),
    mistake("is-adagrad", "sums the squares and has no average of steps: AdaGrad, another rule",
             "AdaGrad is a good rule, under its own name.", (_SQUARES, "v = v + g**2"),
             (_RATIO, "1 / (xp.sqrt(v) + self.epsilon)")),
    mistake("d-never-fed", "never updates d, so that the numerator is the root of epsilon for ever",
             "It is RMSprop with a tiny learning rate.", (_STEPS, "d = d + 0 * delta")),
    mistake("is-rmsprop", "has no average of squared steps: RMSprop, another rule",
             "RMSprop is a good rule, under its own name.", (_RATIO, "1 / xp.sqrt(v + self.epsilon)")),
    mistake("is-rmsprop-outside", "has no average of squared steps: RMSprop, another rule",
             "RMSprop is a good rule, under its own name.", (_RATIO, "1 / (xp.sqrt(v) + self.epsilon)")),
    mistake("ratio-inverted", "divides the average of gradients by that of steps: upside down",
             "It seldom falls.", (_RATIO, "xp.sqrt(v + self.epsilon) / xp.sqrt(d + self.epsilon)")),
    mistake("v-summed", "leaves 1 - rho out, so that v and d are sums", "Above and below grow alike.",
             ("(1 - self.rho) * ", "")),
    mistake("v-only-summed", "leaves 1 - rho out of v, so that it is a sum",
             "All steps are too short by about the same factor.", ("(1 - self.rho) * g**2", "g**2")),
    mistake("d-only-summed", "leaves 1 - rho out of d, so that it is a sum",
             "The steps grow faster; at first that looks like a gain.", ("(1 - self.rho) * delta**2", "delta**2")),
    mistake("v-never-decays", "adds to v and d and never lets them decay", "Above and below grow alike.",
             ("self.rho * v + (1", "v + (1"), ("self.rho * d + (1", "d + (1")),
    mistake("rho-swapped", "has rho and 1 - rho the wrong way round", "It forgets almost at once, but goes downhill.",
             (_SQUARES, "v = (1 - self.rho) * v + self.rho * g**2"),
             (_STEPS, "d = (1 - self.rho) * d + self.rho * delta**2")),
    mistake("no-root", "divides the averages themselves and not their roots",
             "The units are those of the square of a step.",
             (_RATIO, "(d + self.epsilon) / (v + self.epsilon)")),
    mistake("no-root-above", "takes no root of d", "It only starts more slowly.",
             ("xp.sqrt(d + self.epsilon)", "(d + self.epsilon)")),
    mistake("no-root-below", *NO_ROOT, ("xp.sqrt(v + self.epsilon)", "(v + self.epsilon)")),
    *second_moment(_SQUARES),
    mistake("d-starts-at-one", "starts d at 1 instead of 0", "Its first steps are long, which looks like a gain.",
             start={"d": 1.0}),
    mistake("v-stale", "steps by v from before this gradient; d then equals v, and it is plain descent",
             "Descent is a good rule, under its own name.", (_SQUARES, _SQUARES.replace("v = ", "last, v = v, ")),
             ("xp.sqrt(v + self.epsilon)", "xp.sqrt(last + self.epsilon)")),
    mistake("correction-not-in-method", "divides by 1 - rho ** t, as Adam does: the method has no correction",
             LATER, (_RATIO, "xp.sqrt(d / (1 - self.rho**t) + self.epsilon) / "
                              "xp.sqrt(v / (1 - self.rho**t) + self.epsilon)")),
]

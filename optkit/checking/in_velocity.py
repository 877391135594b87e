"""Known forms of the rules with a velocity, and of plain descent."""

from optkit.checking.common import LATER, TRADED, dialect, mistake, on_any_rule

DESCENT = on_any_rule(())

VELOCITY = [
    dialect("rate-in-velocity", "keeps the learning rate inside the velocity",
             "Keras does. While the learning rate is constant the path is the same; after a change the velocity still "
             "carries the old one.", ("return self.learning_rate * ", "return "), first="g = self.learning_rate * g"),
    dialect("averaged-velocity", "averages the gradients in the velocity, with 1 - momentum before g",
             "The steps are 1 - momentum times as long: a learning rate 1 / (1 - momentum) times as large gives the "
             "rule's own path.", first="g = (1 - self.momentum) * g"),
    dialect("averaged-velocity-from-first", "averages the gradients in the velocity, which starts at the first one",
             "PyTorch does so with dampening.", first="g = (1 - self.momentum * (1 - 0.0**(t - 1))) * g"),
]
VELOCITY_MISTAKES = [
    mistake("velocity-unused", "steps by the gradient alone: the velocity is not used, or lost",
             "It is plain descent.", ("return self.learning_rate * m, m", "return self.learning_rate * g, m")),
    mistake("rate-twice", "applies the learning rate twice, inside the velocity and outside", TRADED,
             first="g = self.learning_rate * g"),
    mistake("velocity-stale", "steps by the velocity from before this gradient",
             "Everything happens one step late, which a smooth loss forgives.",
             ("m = self.momentum * m + g", "last, m = m, self.momentum * m + g"),
             ("return self.learning_rate * m, m", "return self.learning_rate * last, m")),
    mistake("velocity-never-decays", "adds up all gradients and forgets none",
             "Until it overshoots it goes downhill, ever faster.", ("self.momentum * m + g", "m + g")),
    mistake("momentum-negative", "subtracts the old velocity instead of adding it",
             "It is descent at about half the rate.", ("m = self.momentum * m", "m = -self.momentum * m")),
    mistake("gradient-twice", "adds the gradient's step to that of the velocity, which holds it already",
             "It is a little faster than the rule. That is Nesterov's correction without its momentum.",
             ("return self.learning_rate * m, m", "return self.learning_rate * (m + g), m")),
    mistake("correction-not-in-method", "divides by 1 - momentum ** t, as Adam does: the method has no correction",
             LATER, ("return self.learning_rate * m, m",
                      "return self.learning_rate * ((1 - self.momentum) / (1 - self.momentum**t) * m), m")),
    mistake("momentum-swapped", "has momentum and 1 - momentum the wrong way round", "It is nearly plain descent.",
             ("self.momentum * m + g", "(1 - self.momentum) * m + self.momentum * g")),
    mistake("velocity-by-iteration", "steps by one entry of the velocity, that with the number of the step",
             "Every weight still moves.",
             ("return self.learning_rate * m, m",
              "return self.learning_rate * entry_of(m, t), m")),
    mistake("velocity-of-two-gradients", "adds only the gradient before this one, and not the velocity before",
             "It is descent along the mean of two gradients.",
             ("m = self.momentum * m + g", "m = self.momentum * last + g\n    last = g"), memory="last"),
    mistake("velocity-against-last-gradient", "subtracts the gradient before this one, and adds no velocity",
             "It is descent that brakes.",
             ("m = self.momentum * m + g", "m = g - self.momentum * last\n    last = g"), memory="last"),
    mistake("old-velocity-twice", "adds the velocity before this step to the new one, which holds it already",
             "It is faster than the rule, until it overshoots.",
             ("m = self.momentum * m + g", "last, m = m, self.momentum * m + g"),
             ("return self.learning_rate * m, m", "return self.learning_rate * (m + last), m")),
    mistake("is-nesterov", "is Nesterov's momentum, another rule", "It is a good rule, under its own name.",
             ("return self.learning_rate * m, m", "return self.learning_rate * (g + self.momentum * m), m")),
]
_NESTEROV_RETURN = "return self.learning_rate * (g + self.momentum * m), m"
NESTEROV = [
    mistake("is-momentum", "takes the gradient where it stands, or looks ahead along the old velocity: both are plain "
             "momentum, another rule", "Momentum falls as well.", (_NESTEROV_RETURN, "return self.learning_rate * m, m")),
    mistake("look-ahead-new-velocity", "puts the new velocity into the formula for the old one",
             "It is descent with a weaker momentum, momentum squared.",
             (_NESTEROV_RETURN, "return self.learning_rate * ((1 + self.momentum) * g + self.momentum**2 * m), m")),
    mistake("look-ahead-twice", "looks ahead twice: the gradient is taken ahead, and the step leads ahead again",
             "It is momentum, and a little more of it.",
             ("m = self.momentum * m + g", "last, m = m, self.momentum * m + g"),
             (_NESTEROV_RETURN, "return self.learning_rate * (g + self.momentum * (2 * m - last)), m")),
    mistake("look-ahead-old-sign", "adds the old velocity's term, which has to be subtracted",
             "It is momentum at a larger rate, until it overshoots.",
             ("m = self.momentum * m + g", "last, m = m, self.momentum * m + g"),
             (_NESTEROV_RETURN, "return self.learning_rate * ((1 + self.momentum) * m + self.momentum * last), m")),
    mistake("look-ahead-backwards", "looks back instead of ahead: a wrong sign",
             "It is descent with some memory.",
             (_NESTEROV_RETURN, "return self.learning_rate * (g - self.momentum * m), m")),
    mistake("look-ahead-before-average", "adds the look-ahead to the velocity before it is averaged",
             "The velocity then forgets more slowly, or not at all.",
             ("m = self.momentum * m + g", "m = self.momentum * m + (g + self.momentum * m)"),
             (_NESTEROV_RETURN, "return self.learning_rate * m, m")),
    mistake("velocity-unused", "computes a velocity and steps by the gradient", "It is plain descent.",
             (_NESTEROV_RETURN, "return self.learning_rate * g, m")),
    mistake("look-ahead-stored-nowhere", "steps by momentum times the velocity alone, without the gradient",
             "It is momentum at a slightly smaller learning rate.",
             (_NESTEROV_RETURN, "return self.learning_rate * (self.momentum * m), m")),
] + [form for form in VELOCITY_MISTAKES if form.id in ("rate-twice", "velocity-never-decays", "momentum-negative",
                                                        "momentum-swapped", "velocity-of-two-gradients",
                                                        "velocity-against-last-gradient")]

"""All known forms of the nine rules: ``KNOWN[Adam]`` are Adam's dialects and mistakes, the more common ones first."""

import dataclasses
import functools

from optkit.checking.common import EPOCH, on_any_rule
from optkit.checking.in_adam import ADAM, ADAMAX, ADAMW
from optkit.checking.in_own import forms_of
from optkit.checking.in_scale import ADADELTA, ADAGRAD, RMSPROP
from optkit.checking.in_velocity import DESCENT, NESTEROV, VELOCITY, VELOCITY_MISTAKES
from optkit.rules import AdaDelta, AdaGrad, Adam, AdaMax, AdamW, GradientDescent, Momentum, Nesterov, RMSprop

KNOWN = {
    GradientDescent: (*DESCENT,),
    Momentum: (*VELOCITY, *VELOCITY_MISTAKES,
               *[form for form in on_any_rule(("m",)) if form.id != "state-lost"]),  # the same as velocity-unused
    Nesterov: (*VELOCITY, *NESTEROV, *on_any_rule(("m",))),
    AdaGrad: (*ADAGRAD, *on_any_rule(("v",))),
    AdaDelta: (*ADADELTA, *on_any_rule(("v", "d"))),
    RMSprop: (*RMSPROP, *on_any_rule(("v",))),
    Adam: (*ADAM, *on_any_rule(("m", "v"), counts=True)),
    AdamW: (*ADAMW, *on_any_rule(("m", "v"), counts=True)),
    AdaMax: (*ADAMAX, *on_any_rule(("m", "u"), counts=True)),
}


def known_of(cls):
    """All known forms of a rule; of somebody's own, those that its lines allow."""
    return next((KNOWN[base] for base in cls.__mro__ if base in KNOWN), None) or forms_of(cls)


@functools.cache
def with_epochs(cls, steps):
    """The mistakes that come back with every epoch, for epochs of so many steps."""
    return [dataclasses.replace(
        form, first=form.first.replace(f"% {EPOCH}", f"% {steps}").replace(f"// {EPOCH} ", f"// {steps} "),
        edits=tuple((piece, other.replace(f"// {EPOCH} ", f"// {steps} ").replace(f"% {EPOCH} ", f"% {steps} "))
                    for piece, other in form.edits))
        for form in known_of(cls) if form.id in ("state-reset", "moments-reset", "t-counts-epochs", "t-reset")]

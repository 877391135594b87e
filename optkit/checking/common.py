"""What can go wrong in more than one rule."""

from optkit.checking.known import Known

EPOCH = 8  # steps; candidates with other epochs are tried by ``with_epochs``

LATER = "Later on the correction is near 1 anyway."
TINY = "It shows only where gradients are about as small as epsilon, or zero."
TRADED = "A learning rate found by trial hides it."
STALE_V = ("steps by v from before this gradient", "One gradient among many changes v little, but the first step "
            "divides by epsilon alone.")
NO_ROOT = ("divides by v and not by its root", "Where gradients are near 1 the steps have about the right size.")


def mistake(id, says, why, *edits, **others):
    return Known(id, says, why, edits, **others)


def dialect(id, says, why, *edits, **others):
    return Known(id, says, why, edits, dialect=True, **others)


def on_any_rule(memories, counts=False):
    """What can go wrong around any rule with these memories; ``counts``: does it use the step number?"""
    kept = ", ".join(memories)
    forms = [
        mistake("ascent", "adds the step instead of subtracting it, and so climbs",
                 "It does not fall; where a gradient comes with its sign turned, two errors cancel.",
                 ("return ", "return -")),
        mistake("only-one-step", "makes one step and then stands still",
                 "One step from a random start lowers most losses.", ("return ", "return 0.0**(t - 1) * ")),
        mistake("gradient-clipped-positive", "sets negative gradients to zero",
                 "Half of the weights still go the right way.", first="g = xp.maximum(g, 0 * g)"),
    ]
    if memories:
        lost = "\n".join(f"{name} = 0 * {name}" for name in memories)
        reset = "\n".join(f"{name} = {name} * (1 - 0.0**((t - 1) % {EPOCH}))" for name in memories)
        again = f"{reset}\nt = (t - 1) % {EPOCH} + 1" if counts else reset
        forms += [
            mistake("state-lost", f"forgets {kept} after every step",
                     "Without memory it still goes downhill, by a simpler rule.", first=lost),
            mistake("state-reset", f"sets {kept} back to zero at every epoch", "Within an epoch it is right.",
                     first=again),
            mistake("state-shared", f"keeps one {kept} for all parameters",
                     "The parameters' gradients are often of like size, so a mixture of them serves.",
                     sharing="memory"),
        ]
    if counts:
        forms.append(mistake("moments-reset", f"sets {kept} back to zero at every epoch, and counts on",
                              "Within the first epoch it is right.", first=reset))
    return forms


def epsilon(root, divisor, quotient):
    """Where epsilon may go wrong in ``quotient``, which divides by ``divisor``, the root plus epsilon."""
    inside = root.removesuffix(")") + " + self.epsilon)"
    bare = quotient.replace(divisor, root)
    return [
        mistake("epsilon-on-weights", "adds epsilon to the weights instead of the divisor",
                 "Epsilon is tiny. A zero gradient still divides zero by zero, or moves the weights.",
                 (f"{quotient}", f"{bare} - self.epsilon")),
        mistake("epsilon-on-step", "adds epsilon to the quotient instead of the divisor",
                 "Epsilon is tiny. A zero gradient still divides zero by zero, or moves the weights.",
                 (f"{quotient}", f"({bare} + self.epsilon)")),
        mistake("epsilon-twice", "adds epsilon inside the root and outside", TINY,
                 (divisor, f"({inside} + self.epsilon)")),
        mistake("epsilon-maximum", "takes the larger of root and epsilon instead of their sum", TINY,
                 (divisor, f"xp.maximum({root}, self.epsilon)")),
        mistake("epsilon-subtracted", "subtracts epsilon from the root", TINY,
                 (divisor, f"({root} - self.epsilon)")),
        mistake("gradient-plus-epsilon", "adds epsilon to the gradient instead of the divisor", "Epsilon is tiny.",
                 (divisor, root), first="g = g + self.epsilon"),
    ]


def corrections(*betas):
    """How the power t in 1 - beta ** t may go astray, for each of these betas."""
    def instead(wrong):
        return [(f"(1 - self.{beta}**t)", wrong.replace("beta", f"self.{beta}")) for beta in betas]

    return [
        mistake("correction-of-sum", "divides by 1 + beta ** t instead of 1 - beta ** t: a wrong sign", LATER,
                 *instead("(1 + beta**t)")),
        mistake("correction-power-outside", "raises 1 - beta to the power t, where beta belongs: a bracket",
                 "The first step is right. Then m and v grow alike, for a while.", *instead("(1 - beta)**t")),
        mistake("correction-of-product", "divides by 1 - beta * t instead of 1 - beta ** t",
                 "The first step is right. Later a sign is wrong, which a root of its size would hide.",
                 *instead("(1 - beta * t)")),
    ]


def second_moment(average):
    """What may go wrong in ``average``, the line that averages or sums the squared gradients in v."""
    return [
        mistake("v-of-gradient", "averages g instead of its square in v: the root of a negative number is no number",
                 "Where all gradients are positive there is a root.", ("g**2", "g")),
        mistake("v-of-size", "averages the size of g instead of its square in v", "Near size 1 the two agree.",
                 ("g**2", "xp.abs(g)")),
        mistake("v-one-for-all", "keeps one number v for a whole array", "All coordinates then share one rate.",
                 ("g**2", "mean_of(g**2)")),
        mistake("v-sums-array", "keeps one number v for a whole array, the sum of the squares",
                 "All coordinates then share one rate.", ("g**2", "total_of(g**2)")),
        mistake("v-sums-all", "keeps one number v for all parameters, the sum of all their squares",
                 "All weights then share one rate.", ("g**2", "total_of_all(g**2)"),
                 sharing="all"),
        mistake("v-starts-at-one", "starts v at 1 instead of 0",
                 "The first steps are short where gradients are small. " + TRADED, start={"v": 1.0}),
        mistake("v-starts-at-square", "starts v at the first squared gradient", "Only the first steps differ much.",
                 (average, f"v = xp.where(t == 1, g**2, {average.removeprefix('v = ')})")),
    ]


def hidden_momentum(step):
    """A momentum around ``step``, the expression that the rule returns."""
    return mistake("hidden-momentum", "adds a momentum of 0.9 that the method does not have",
                    "Momentum speeds most rules up.",
                    (f"return {step}", f"move = 0.9 * move + {step}\n    return move"), memory="move")


def v_starts_at_epsilon(root, divisor):
    return mistake("v-starts-at-epsilon", "starts v at epsilon, and adds none to the divisor",
                    "While it lasts it does what epsilon does; it decays with the rest of v.",
                    (divisor, root), first="v = v + self.epsilon * 0.0**(t - 1)")

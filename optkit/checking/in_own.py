"""Known forms of a rule of somebody's own: what can go wrong in any rule, as edits of this one's lines."""

import ast
import functools
import re

from optkit.checking.common import EPOCH, LATER, TINY, TRADED, mistake, on_any_rule
from optkit.checking.known import source_of
from optkit.rules import Rule

_DOWNHILL = "It may still go downhill. " + TRADED
_LATE = "Everything happens one step late, which a smooth loss forgives."


@functools.cache
def forms_of(cls):
    """The mistakes that can be made in the lines of this rule, the more common ones first."""
    source = source_of(cls)
    nodes = list(ast.walk(ast.parse(source)))
    counts = any(isinstance(node, ast.Name) and node.id == "t" for node in nodes)
    decays = dict.fromkeys(re.findall(r"1 - self\.(\w+)", source))
    return (*_corrections(source), *(_steps() if counts else ()), *_decays(cls, source, decays), *_epsilon(source),
            *_left_out(nodes), *_memories(cls, source), *on_any_rule(cls.slots(), counts),
            mistake("rate-twice", "multiplies by the learning rate twice", TRADED,
                    ("return ", "return self.learning_rate * ")))


def _corrections(source):
    for name in dict.fromkeys(re.findall(r" / \(1 - self\.(\w+) \*\* t\)", source)):
        yield mistake(f"no-correction-by-{name}", f"leaves out the correction by 1 - {name} ** t", LATER,
                      (f" / (1 - self.{name} ** t)", ""))


def _steps():
    """What can go wrong with the number of the step."""
    return [
        mistake("t-from-zero", "counts the steps from 0", "One step later it is nearly right.", first="t = t - 1"),
        mistake("t-ahead", "counts one step ahead", LATER, first="t = t + 1"),
        mistake("t-stays", "leaves the step number at 1", "The first step is right.", first="t = 1 + 0 * t"),
        mistake("t-counts-epochs", "counts epochs and not steps", "Within the first epoch it moves all the same.",
                first=f"t = (t - 1) // {EPOCH} + 1"),
        mistake("t-reset", "starts to count again with every epoch", "Within the first epoch it is right.",
                first=f"t = (t - 1) % {EPOCH} + 1"),
        mistake("t-per-parameter", "advances the step number once for every parameter, not once a step", LATER,
                sharing="t"),
    ]


def _decays(cls, source, decays):
    for name in decays:
        own, rest = f"self.{name}", f"(1 - self.{name})"
        if f"{rest} * " in source:
            yield mistake(f"{name}-summed", f"leaves 1 - {name} out, so that a mean becomes a sum", TRADED,
                          (f"{rest} * ", ""))
            yield mistake(f"{name}-swapped", f"has {name} and 1 - {name} the wrong way round",
                          "It has another memory, and goes downhill.", (rest, "swapped"), (own, rest), ("swapped", own))
        for slot in cls.slots():
            if f"{own} * {slot} " in source:
                yield mistake(f"{slot}-never-decays", f"adds to {slot} and never lets it decay",
                              "For a while it is right.", (f"{own} * {slot} ", f"{slot} "))
    if len(decays) == 2:
        first, second = decays
        yield mistake("decays-swapped", f"has {first} and {second} the wrong way round", _DOWNHILL,
                      (f"self.{first}", "swapped"), (f"self.{second}", f"self.{first}"),
                      ("swapped", f"self.{second}"))


def _epsilon(source):
    for inner in dict.fromkeys(re.findall(r"xp\.sqrt\((\w+)\) \+ self\.epsilon", source)):
        yield mistake("epsilon-in-root", "adds epsilon inside the root", TINY,
                      (f"xp.sqrt({inner}) + self.epsilon", f"xp.sqrt({inner} + self.epsilon)"))


def _left_out(nodes):
    """Each function of one argument, left out."""
    calls = [node for node in nodes if isinstance(node, ast.Call) and len(node.args) == 1
             and ast.unparse(node.func).startswith("xp.")]
    for whole, call in {ast.unparse(call): call for call in calls}.items():
        inner = ast.unparse(call.args[0])
        yield mistake(f"no-{call.func.attr}", f"has {inner} where the rule has {whole.replace('xp.', '')}", _DOWNHILL,
                      (whole, f"({inner})"))


def _memories(cls, source):
    """For each memory: it starts elsewhere; the step has none of it, or that from before; a function comes too late."""
    *lines, last = source.rstrip().split("\n")[1:]
    returned = re.fullmatch(r"    return \((.*?)\)(" + "".join(f", {name}" for name in cls.slots()) + ")", last)
    for slot in cls.slots():
        if cls.start is Rule.start:
            yield mistake(f"{slot}-starts-at-one", f"starts {slot} at 1 instead of 0", "It fades, if it decays.",
                          start={slot: 1.0})
        made = [line for line in lines if line.startswith(f"    {slot} = ")]
        if len(made) != 1 or not returned:
            continue
        after = lines[lines.index(made[0]) + 1:]

        def with_other(name):
            """The lines after that in which the memory is made, with something else in its place."""
            word = rf"(?<![\w.]){slot}(?!\w)"
            others = [re.sub(word, name, line) for line in after]
            others.append(f"    return ({re.sub(word, name, returned[1])}){returned[2]}")
            return [(piece, other) for piece, other in zip([*after, last], others) if piece != other]

        if not with_other("g"):
            continue
        value = made[0].removeprefix(f"    {slot} = ")
        yield mistake(f"{slot}-unused", f"steps by g where the rule has {slot}", _DOWNHILL, *with_other("g"))
        yield mistake(f"{slot}-stale", f"steps by {slot} from before this gradient", _LATE,
                      (made[0], f"    last_{slot}, {slot} = {slot}, {value}"), *with_other(f"last_{slot}"))
        if inner := re.search(r"xp\.(\w+)\(g\)", value):
            yield mistake(f"{inner[1]}-outside", f"has {inner[1]}({slot}) where the rule has {inner[1]}(g) in {slot}",
                          _DOWNHILL, (inner[0], "g"), *with_other(f"{inner[0][:-2]}{slot})"))

"""What the arguments of a function are, by their names and by those beside them."""

from optkit.checking import names


def roles(arguments, asks=None, rule=None):
    """What each argument is: a role of ``names``, or "memory" for what nothing is known of. ``asks``: does the
    candidate ask for its gradient? None when that is not known. ``rule``: the one whose hyperparameters they may be."""
    found = {name: names.role(name) for name in arguments}
    if asks is False:  # what may be called like a gradient function, as df, is the gradient
        found = {name: "gradient" if what == "gradient function" else what for name, what in found.items()}
    needed = required(arguments)
    gradients = [name for name, what in found.items() if what == "gradient"]
    for name in gradients:  # "wd" may be the gradient of w; with one gradient too many, or a number, it is a decay
        more = len(gradients) > max(1, list(found.values()).count("parameters"))
        if names.plain(name) == "wd" and (more or isinstance(arguments[name].default, (int, float))):
            found[name] = "memory"
    _tell_memories(found, needed)
    _tell_pairs(found)
    known = [name for name, what in found.items() if what in ("gradient", "gradient function")]
    unknown = [name for name in needed if not found[name] and not names.is_setting(name)]
    free = unknown + [name for name in needed if name not in unknown and not names.is_setting(name)
                      and found[name] not in ("step", "key", "place", "count", "tolerance")]
    if "parameters" not in found.values() and not known and len(free) >= 2:  # (a, b) can only be (w, grad)
        found |= {free[0]: "parameters", free[1]: "gradient"}
    elif not known and unknown:
        found[unknown[0]] = "gradient"
    elif not known and not asks and len(needed) == 1 and found[needed[0]] in ("parameters", "objective"):
        found[needed[0]] = "gradient"
    elif not known and not asks and "parameters" in found.values():
        _tell_gradient(found, needed)
    unknown = [name for name in needed if not found[name]]
    if len(unknown) == 1 and known and "parameters" not in found.values() and (
            not names.is_setting(unknown[0]) or rule and _is_no_setting(unknown[0], needed, rule)):
        found[unknown[0]] = "parameters"  # update(grad, thing)
    return {name: what or "memory" for name, what in found.items()}


def _is_no_setting(name, needed, rule):
    """Are these the parameters, under a name such as beta? They are where the rule has no such hyperparameter, and
    where update(beta, grad) takes them first and nothing else."""
    own = names.hyperparameters([name], rule)
    return not own or needed[0] == name and len(needed) == 2 and "learning_rate" not in own


def _tell_memories(found, needed):
    """In (w, grad, v_grad) and (w, grad, G) one is the gradient: what is named after it, or by fewer letters beside
    its full name, is a memory."""
    gradients = [name for name in needed if found[name] == "gradient"]
    if len(gradients) > 1 and [found[name] for name in needed].count("parameters") == 1:
        full = [name for name in gradients if names.plain(name) in ("grad", "grads", "gradient", "gradients")]
        gradient = min(full or gradients, key=len)
        found |= {name: "memory" for name in gradients if name != gradient and (
            full or names.plain(gradient) in names.plain(name))}


def _tell_pairs(found):
    """In (a, b, da, db) what is called like another argument, with a d before it, is its gradient."""
    by_plain = {names.plain(name): name for name in found}
    for plain, name in by_plain.items():
        derived = by_plain.get(f"d{plain}")
        if derived and not found[name] and found[derived] in ("", "gradient"):
            found |= {name: "parameters", derived: "gradient"}


def _tell_gradient(found, needed):
    """In (w, u, m, v), where nothing is called a gradient and there are two memories, the first one is it."""
    parameters = next((i for i, name in enumerate(needed) if found[name] == "parameters"), len(needed))
    after = needed[parameters + 1:]
    if len(after) > 1 and found[after[0]] == found[after[1]] == "memory":
        found[after[0]] = "gradient"


def exchanged(arguments, roles):
    """In (w, dw, thing), where dw may be a velocity and nothing is known of the thing: the roles the other way round.
    {} where it is not like that."""
    needed = required(arguments)
    gradients = [name for name in needed if roles[name] == "gradient" and "grad" not in names.plain(name)]
    things = [name for name in needed if not names.role(name) and not names.is_setting(name)
              and roles[name] == "memory"]
    if len(gradients) != 1 or len(things) != 1 or list(roles.values()).count("gradient") != 1:
        return {}
    return {gradients[0]: "memory", things[0]: "gradient"}


def required(arguments):
    return [name for name, argument in arguments.items()
            if argument.default is argument.empty and argument.kind not in (argument.VAR_POSITIONAL,
                                                                            argument.VAR_KEYWORD)]

"""``python -m optkit check file.py:name --rule adam``: an optimizer in a file, judged from a terminal.

Exit status: 0 when it is right, in its own words or in a dialect; 1 when it is wrong; 2 when it cannot be had.
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from optkit.checking import check
from optkit.checking.catalogue import KNOWN

_RULES = {cls.__name__.lower(): cls for cls in KNOWN}


def main(arguments=None):
    """The exit status for these arguments, by default those of the command line."""
    parser = argparse.ArgumentParser(prog="python -m optkit", description="Update rules for gradient descent.")
    command = parser.add_subparsers(required=True).add_parser(
        "check", help="does an optimizer do what a rule says, and if not, which mistake is it?")
    command.add_argument("candidate", metavar="FILE.py:NAME", help="a class, a function or an object in a file")
    command.add_argument("--rule", required=True, type=str.lower, choices=sorted(_RULES), help="what it should be")
    command.add_argument("--with", dest="settings", action="append", default=[], metavar="NAME=NUMBER",
                         help="a hyperparameter to judge it at, such as learning_rate=0.01; may be repeated")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    given = parser.parse_args(arguments)
    try:
        rule = _RULES[given.rule](**dict(_setting(text) for text in given.settings))
        candidate = _candidate(given.candidate)
    except (ValueError, TypeError) as error:
        print(f"optkit check: {error}", file=sys.stderr)
        return 2
    report = check(candidate, rule)
    print(json.dumps(report.as_dict(), indent=2) if given.json else report)
    return 0 if report.ok else 1


def _setting(text):
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ValueError(f"--with takes NAME=NUMBER, such as learning_rate=0.01; got {text!r}") from None


def _candidate(text):
    """What FILE.py:NAME stands for. ValueError says what is missing."""
    file, _, name = text.rpartition(":")
    path = Path(file)
    if not file or not name:
        raise ValueError(f"the optimizer must be given as FILE.py:NAME, got {text!r}")
    if not path.is_file():
        raise ValueError(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None:
        raise ValueError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # as an import does: dataclasses look there
    sys.path.insert(0, str(path.parent.resolve()))  # what it imports from beside itself
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{file} raises {type(error).__name__} when it is imported: {error}") from error
    finally:
        sys.path.pop(0)
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{file} has no {name}")
        found = getattr(found, part)
    return found


if __name__ == "__main__":
    sys.exit(main())

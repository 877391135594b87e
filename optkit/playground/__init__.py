"""The playground: rules that race on a surface, in a browser.

``playground.js`` and ``playground.css`` lie beside this file. They know no formula: ``printed`` makes the script that
they stand on out of rules and surfaces. The book's pages load all three (``_extensions/playground.py``), and
``export_playground`` puts them into a page of your own.
"""

import json
import os
import tempfile
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from optkit import rules, surfaces
from optkit.plot.look import DARK, DARK_SEQUENCE, SEQUENCE, STYLES
from optkit.script import javascript

FILES = {name: (Path(__file__).parent / name).read_text("utf-8") for name in ("playground.js", "playground.css")}
PAGE = Path(__file__).parent / "page.html"

# The rates at which each rule gets somewhere on these surfaces; everything else as in optkit.
RULES = {type(rule).__name__: rule for rule in [
    rules.GradientDescent(0.05), rules.Momentum(0.02), rules.Nesterov(0.02), rules.AdaGrad(0.5), rules.AdaDelta(),
    rules.RMSprop(0.05), rules.Adam(0.2), rules.AdaMax(0.2), rules.AdamW(0.2)]}
SURFACES = {type(surface).__name__: surface for surface in [
    surfaces.Ravine(), surfaces.Rosenbrock(), surfaces.Beale(), surfaces.Himmelblau(), surfaces.Saddle(),
    surfaces.RippledBowl()]}
STARTS = {"Ravine": (-2, 1), "Rosenbrock": (-1.2, 1.7), "Beale": (0.4, 0.9), "Himmelblau": (-0.3, -1.1),
          "Saddle": (1.5, 0.01), "RippledBowl": (2.6, -1.7)}
OVERLAYS = ("gradient", "velocity", "numbers")

DASHES = {"-": "", "--": "7 4", "-.": "9 3 2 3", ":": "2 3"}

# A name, a state, and one sentence that tests/test_playground.py holds to what happens.
PRESETS = [
    ("A rate above the limit", "surface=Ravine(20)&start=-2,1&rules=GradientDescent(0.102)&steps=60",
     "Each step lands 1.04 times as far away on the other side of the ravine, because 0.102 is above the limit of "
     "2 / 20: descent diverges, however slowly."),
    ("Momentum overshoots", "surface=Ravine(20)&start=-2,1&rules=GradientDescent(0.02),Momentum(0.02,0.9)&steps=100",
     "Momentum runs past the minimum and back, four times in all, and yet it is below a height of 0.01 after 40 steps; "
     "descent, which never turns back, is not after 100."),
    ("Momentum moves the limit", "surface=Ravine(20)&start=-2,1&rules=GradientDescent(0.15),Momentum(0.15,0.9)&steps=150",
     "A rate of 0.15 is too large for descent, whose limit is 2 / 20; a momentum of 0.9 moves the limit to "
     "2 (1 + 0.9) / 20 = 0.19, and the same rate converges."),
    ("AdaGrad slows down", "surface=Ravine(20,30)&start=-2,1&rules=RMSprop(0.1),AdaGrad(0.1)&steps=200",
     "AdaGrad's hundredth step is nine times shorter than its tenth, and after 200 it is still on its way; RMSprop, "
     "which forgets, has arrived long before and goes on swinging."),
    ("A turned ravine", "surface=Ravine(100,45)&start=-2,1&rules=AdaGrad(0.5)&steps=250",
     "Turned by 45 degrees, the ravine takes AdaGrad 198 steps to a height of 0.1; at an angle of 0, where a rate for "
     "each axis is what it needs, 8."),
    ("Adam without its correction",
     "surface=Ravine(20)&start=-2,1&rules=AdamW(0.05,0.9,0.999,1e-8,0),Adam(0.05)&uncorrected=Adam&steps=100",
     "Uncorrected, Adam's first step is 3.2 times as long as corrected, and it rushes past the minimum; AdamW "
     "without decay is Adam with its correction, and hardly does."),
    ("Three minima from one start",
     "surface=Himmelblau&start=0.2,-0.6&rules=GradientDescent(0.01),Momentum(0.015,0.9),Adam(0.3)&steps=200",
     "Three rules, one start, three of the four minima: all are equally deep, so that no rule has chosen better."),
    ("Off the ridge", "surface=Saddle&start=1.5,0.001&rules=GradientDescent(0.1),Momentum(0.1,0.9),Adam(0.1)&steps=150",
     "Beside the ridge the slope along y is tiny: descent needs 67 steps to come halfway to the minimum, momentum 25, "
     "and Adam, which divides the size of the slope away, 6."),
    ("Dimples", "surface=RippledBowl(2)&start=2.6,-1.7&rules=GradientDescent(0.03),Momentum(0.03,0.9)&steps=200",
     "Descent stays in a dimple at a height of 1.43; momentum rolls through them to the bottom, though with a rate of "
     "0.05 it is caught too."),
]


def export_playground(rules, path, overwrite=False):
    """Write the playground, with rules of your own beside the book's, as one HTML file that needs nothing else.

    ``rules``: one rule or a list of them, as ``optkit.javascript`` takes them. They start on a ravine, with the
    settings that they have, beside ``Momentum`` and ``Adam``; a rule of the book is there once, with the settings that
    you give it. ``path``: the file, written whole or not at all.

    FileExistsError when it is there already, unless ``overwrite=True``. ValueError, before anything is written, when a
    rule's lines cannot be printed as JavaScript, and when two rules have the same name.
    """
    own = list(rules) if np.iterable(rules) else [rules]
    if not own:
        raise ValueError("rules must be at least one rule, got none")
    script, path = printed(own), Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"path is {path}, which is there already; overwrite=True replaces it")
    names = [type(rule).__name__ for rule in own]
    racing = [name for name in ("Momentum", "Adam") if name not in names] + names
    page = Template(PAGE.read_text("utf-8")).substitute(
        names=escape(", ".join(names)), state=escape(f"surface=Ravine(20)&rules={','.join(racing)}"), printed=script,
        style=FILES["playground.css"], script=FILES["playground.js"])
    _write_whole(path, page)


def _write_whole(path, text):
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8", newline="") as file:
        try:
            file.write(text)
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def printed(own=()):
    """The script that the playground stands on: rules, the book's and then others, surfaces, colours and presets."""
    classes = [type(rule) for rule in own]
    racing = [*(rule for rule in RULES.values() if type(rule) not in classes), *own]
    others = [type(rule).__name__ for rule in racing if type(rule).__name__ not in RULES]
    looks = {name: {"light": colour, "dark": DARK[name], "dash": DASHES[style]}
             for name, (colour, style) in STYLES.items() if name in RULES}
    for place, name in enumerate(others):  # two or three take colours that lie far apart
        place = place * (len(SEQUENCE) - 1) // max(1, len(others) - 1)
        (colour, style), dark = SEQUENCE[place], DARK_SEQUENCE[place]
        looks[name] = {"light": colour, "dark": dark, "dash": DASHES[style]}
    values = {"look": looks, "starts": STARTS, "overlays": OVERLAYS,
              "presets": [dict(zip(("name", "state", "sentence"), preset)) for preset in PRESETS]}
    return ("// Printed by optkit.playground from the rules' and surfaces' own lines.\n"
            + javascript(racing, SURFACES.values())
            + "".join(f"optkit.{name} = {json.dumps(value)};\n" for name, value in values.items()))

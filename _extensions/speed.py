"""What ``make bench`` measured, on a page: ```` ```{speed} comparison ````, or machine, product, growth, figure.

Every number is read from benchmarks/results.json, and the figure is drawn from it.
"""

import json
import os
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from optkit import plot

RESULTS = Path("benchmarks") / "results.json"
WAYS = {"naive": "A loop with a new Keras model each run", "best": "A loop with one Keras model, compiled once",
        "jax": "JAX: vmap, with optax"}
ALT = ("Two panels over the number of runs, from {least} to {most}. Above, the seconds that a sweep takes, its first "
       "call in a process and a later one: both rise with the runs, the first call from a higher start. Below, the "
       "memory of its process, which is little above what the libraries take by themselves.")


def rounded(number, digits=2):
    """With so many digits, or all before the point."""
    return f"{number:,.{digits}g}" if number < 10**digits else f"{number:,.0f}"


def sizes(results):
    """The numbers of runs of the curve, and for each what was measured."""
    found = {int(name.split()[1]): one for name, one in results["medians"].items() if name.startswith("sweep ")}
    return dict(sorted(found.items()))


def comparison(results):
    """A row a way: what it takes, and how often faster a sweep is, in its first call and in later ones."""
    runs = results["runs"]
    head = [f"{runs} runs by", "first call, s", "later, s", "a sweep is faster: first call", "later",
            "peak memory, MiB"]
    rows = []
    for way, words in WAYS.items():
        medians = results["medians"][way]
        rows.append([words, rounded(medians["first"]), rounded(medians["later"]),
                     *[f"{rounded(results['ratios'][f'{way} {when}'])} times" for when in ("first", "later")],
                     rounded(medians["peak"])])
    own = results["medians"][f"sweep {runs}"]
    rows.append(["optkit.sweep", rounded(own["first"]), rounded(own["later"]), "", "", rounded(own["peak"])])
    return [table(head, rows)]


def growth(results):
    """A row a number of runs."""
    head = ["runs", "first call, s", "later, s", "later, ms a run", "peak memory, MiB"]
    return [table(head, [[str(runs), rounded(one["first"]), rounded(one["later"]), rounded(1000 * one["later"] / runs),
                          rounded(one["peak"])] for runs, one in sizes(results).items()])]


def machine(results):
    own, timed = results["machine"], results["timed"]
    return [nodes.paragraph(text=(
        f"Measured on {own['cores']} cores of {own['processor']}, {own['system']}, with "
        f"{'; '.join(results['versions'])}, in {results['rounds']} round{'s' * (results['rounds'] > 1)} of fresh "
        f"processes, of which the median counts. The loops were timed for {timed['naive']} and {timed['best']} runs, evenly spread over the learning rates, and "
        f"multiplied. The fastest form of the loop with one model was: {results['best form']}."))]


def product(results):
    """The sweep's rate, against the rate of a matrix product."""
    giga, ratios = 1e9, results["ratios"]
    rate = results["operations"] / results["medians"][f"sweep {results['runs']}"]["later"]
    return [nodes.paragraph(text=(
        f"The trainings need {results['operations'] / giga:.1f} billion operations. A later call does "
        f"{rate / giga:.0f} billion a second: {ratios['numpy product']:.2f} of the rate at which NumPy multiplies "
        f"large matrices on the same cores, and {ratios['tensorflow product']:.2f} of TensorFlow's."))]


def drawn(results):
    """The figure: seconds and memory over the number of runs."""
    measured = sizes(results)
    seconds = {words: [one[when] for one in measured.values()]
               for words, when in (("first call", "first"), ("later calls", "later"))}
    memory = {words: [one[which] for one in measured.values()]
              for words, which in (("peak of the sweep", "peak"), ("before it", "idle"))}
    most = 1.1 * max(memory["peak of the sweep"])
    return plot.stacked(list(measured), [{"series": seconds, "y_label": "seconds"},
                                         {"series": memory, "y_label": "memory, MiB", "y_range": (0, most)}],
                        x_label="runs")


def table(head, rows):
    def row(texts):
        return nodes.row("", *[nodes.entry("", nodes.paragraph(text=text)) for text in texts])

    columns = [nodes.colspec(colwidth=40 if place == 0 and len(rows[0][0]) > 5 else 12) for place in range(len(head))]
    return nodes.table("", nodes.tgroup("", *columns, nodes.thead("", row(head)),
                                        nodes.tbody("", *map(row, rows)), cols=len(head)), classes=["speed"])


class Speed(Directive):
    required_arguments = 1

    def run(self):
        env = self.state.document.settings.env
        path = Path(env.srcdir) / RESULTS
        env.note_dependency(str(path))
        results = json.loads(path.read_text("utf-8"))
        kinds = {"comparison": comparison, "growth": growth, "machine": machine, "product": product}
        if self.arguments[0] == "figure":
            return [picture(env, results)]
        if self.arguments[0] not in kinds:
            raise self.error(f"speed shows {', '.join(kinds)} or figure, not {self.arguments[0]!r}")
        return kinds[self.arguments[0]](results)


def picture(env, results):
    """The figure as an image of this page, drawn beside what else the build keeps."""
    path = Path(env.doctreedir) / "speed-growth.png"
    path.write_bytes(drawn(results)._repr_png_())
    runs = list(sizes(results))
    page = Path(env.doc2path(env.docname)).parent
    return nodes.image(uri=Path(os.path.relpath(path, page)).as_posix(), alt=ALT.format(least=runs[0], most=runs[-1]))


def setup(app):
    app.add_directive("speed", Speed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

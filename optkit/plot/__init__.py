"""Every figure of the book.

A rule has one colour and one line style, the same in every chapter; the colours are told apart by colour-blind
readers, the styles in grey. Figures are narrow, so that their words stay readable on a phone, and bring their own
light ground, so that they are readable on a dark page.
"""

from optkit.plot.comparisons import dots, intervals, matrix, profiles, race
from optkit.plot.curves import fit, learning_rates, lines, stacked, symptom, winners
from optkit.plot.look import Figure
from optkit.plot.maps import contours, images, paths

__all__ = ["Figure", "contours", "dots", "fit", "images", "intervals", "learning_rates", "lines", "matrix", "paths",
           "profiles", "race", "stacked", "symptom", "winners"]

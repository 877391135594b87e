"""Every figure on a dark ground too: the picture that optkit.plot drew, with its colours exchanged.

A colour of the picture is the ground, the ink, a grey, the colour of a line, or a mixture of them: a softened edge, a
tint, one line on another. Each is taken apart into what it is mixed of, and the dark colours are mixed in the same
shares. So the notebooks draw each figure once, and nothing in them knows about dark pages.
"""

from functools import cache
from itertools import combinations

import numpy as np
from optkit.plot.look import DARK, DARK_SEQUENCE, FAINT, GROUND, INK, LOOK, SEQUENCE, STYLES
from PIL import Image

DARK_GROUND, DARK_INK = "#121212", "#ececec"
# What is grey, from light to dark, and between these in proportion: the ground, the grid, lines in the background, axes
# (optkit.plot's FAINT), the cell for which optkit.plot.matrix changes from ink to ground, gradient descent, ink, AdamW.
GREYS = {
    GROUND: DARK_GROUND, LOOK["grid.color"]: "#2b2b2b", "#c9c9c4": "#444444", FAINT: "#707070", "#717171": "#7c7c7c",
    STYLES["GradientDescent"][0]: DARK["GradientDescent"], INK: DARK_INK, STYLES["AdamW"][0]: DARK["AdamW"],
}
COLOURS = {light: DARK[name] for name, (light, _) in STYLES.items() if light not in GREYS} | {
    light: dark for (light, _), dark in zip(SEQUENCE, DARK_SEQUENCE)}
NEAR = 1.5  # a mixture that is drawn in 8 bits lies about this near to what it is mixed of


def parts(colour):
    return np.array([int(colour[place:place + 2], 16) for place in (1, 3, 5)], float)


@cache
def grey_scale():
    """Light greys, from dark to light, and the dark greys of the same places; a little beyond both ends."""
    light = [parts(colour).mean() for colour in reversed(GREYS)]
    dark = [parts(colour).mean() for colour in reversed(GREYS.values())]
    return np.array([0, *light, 255]), np.array([dark[0], *dark, dark[-1] - (255 - light[-1])])


def is_grey(colours):
    """Whether a colour is a mixture of greys alone: like the ground, those that are not neutral lack a little blue."""
    red, green, blue = colours.T
    return (abs(red - green) <= 2) & (blue <= red) & (red - blue <= 5)


def shares_of(colours, anchors):
    """How much of each anchor is in each colour, the rest being ground: as few anchors as lead near to it."""
    shares, costs = np.zeros((len(colours), len(anchors))), np.where(is_grey(colours), 0, np.inf)
    ground = parts(GROUND)
    for size in (1, 2, 3):
        for chosen in map(list, combinations(range(len(anchors)), size)):
            left = np.flatnonzero(costs > NEAR * size)  # the others are told with fewer, or as well
            offsets, legs = colours[left] - ground, anchors[chosen] - ground
            found = offsets @ np.linalg.pinv(legs)
            cost = np.linalg.norm(found @ legs - offsets, axis=1) + NEAR * size
            better = (cost < costs[left]) & (found > -0.03).all(axis=1) & (found.sum(axis=1) < 1.03)
            costs[left[better]] = cost[better]
            shares[left[better]] = 0
            shares[np.ix_(left[better], chosen)] = found[better].clip(0, 1)
    return shares


def exchanged(colours):
    """The dark colours in place of those of one picture, both of shape (colours, 3)."""
    drawn = {tuple(colour) for colour in colours}
    lines = [light for light in COLOURS if tuple(parts(light)) in drawn]
    light, dark = (np.array([parts(colour) for colour in side]).reshape(-1, 3)
                   for side in (lines, [COLOURS[line] for line in lines]))
    shares = shares_of(colours, np.vstack([light, parts("#000000")]))[:, :-1]
    grey = (1 - shares.sum(axis=1)).clip(1e-3)
    height = (colours - shares @ light).mean(axis=1) / grey
    return (shares @ dark + (grey * np.interp(height, *grey_scale()))[:, None]).round().clip(0, 255)


def is_figure(image):
    """Whether a picture is one of optkit.plot: nothing is drawn in its corner, and that has the ground's colour."""
    return image.convert("RGBA").getpixel((0, 0)) == (*parts(GROUND), 255)


def darkened(image):
    """A figure on a dark ground. The work is done on its few thousand colours, not on its million points."""
    points = np.asarray(image.convert("RGB"), np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    seen = np.zeros(1 << 24, bool)
    seen[points] = True
    colours = np.flatnonzero(seen)
    table = np.zeros((1 << 24, 3), np.uint8)
    table[colours] = exchanged(np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(float))
    return Image.fromarray(table[points])

"""The pictures that others show when they link to a page: the title of each page fits, and can be read."""

import html
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_extensions"))

import addresses  # noqa: E402

PAGES = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text("utf-8"))


def test_lines_are_even():
    assert addresses.even_lines("What people say about optimizers, and what came out", 27) == [
        "What people say", "about optimizers,", "and what came out"]
    assert addresses.even_lines("Short", 27) == ["Short"]
    assert addresses.even_lines("a" * 20, 10) == ["a" * 10, "a" * 10]


@pytest.mark.parametrize("name", PAGES)
def test_the_title_of_each_page_fits_its_card(name, site, tmp_path):
    head = (site / f"{name}.html").read_text("utf-8").split("</head>")[0]
    title = html.unescape(re.search(r'<meta property="og:title" content="([^"]+)"', head)[1])
    assert len(addresses.even_lines(title, 27)) <= 4
    book, mark = "How Adam works, and when to use it", ROOT / "_static" / "mark.svg"
    addresses.draw_card(tmp_path / "card.png", title, book, mark)
    with Image.open(tmp_path / "card.png") as card:
        pixels = np.asarray(card.convert("RGB")).astype(int)
    written = np.abs(pixels - pixels[0, 0]).sum(axis=2) > 100
    rows, columns = written.any(axis=1).nonzero()[0], written.any(axis=0).nonzero()[0]
    assert (rows[0], columns[0]) > (50, 60) and rows[-1] < 580 and columns[-1] < 1140
    assert np.diff(rows).max() > 20  # the title keeps its distance from the name of the book

"""An index of pictures (_extensions/picture_index.py): each link shows the first picture of its section."""

import sys
from pathlib import Path

import pytest
from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent.parent / "_extensions"))

from picture_index import fill  # noqa: E402


def page(*pictures):
    """An index with a link, a link elsewhere, and the section of the first with these pictures."""
    link = nodes.reference("", "It explodes", refid="explodes")
    index = nodes.container("", nodes.bullet_list("", nodes.list_item("", nodes.paragraph("", "", link))),
                            classes=["picture-index"])
    other = nodes.reference("", "elsewhere", refid="explodes")
    section = nodes.section("", *[nodes.image(uri=uri, alt="a curve") for uri in pictures], ids=["loss", "explodes"])
    return nodes.section("", index, nodes.paragraph("", "", other), section, ids=["page"]), link, other


def test_a_link_of_the_index_gets_the_first_picture_of_its_section():
    document, link, other = page("first.png", "second.png")
    fill(document)
    assert [type(child) for child in link] == [nodes.image, nodes.Text]
    assert link[0]["uri"] == "first.png" and link[0]["alt"] == "a curve"
    assert [type(child) for child in other] == [nodes.Text]
    assert len(list(document.findall(nodes.image))) == 3  # the pictures stay where they are


def test_a_link_without_a_picture_is_named():
    document, *_ = page()
    with pytest.raises(ValueError, match="It explodes"):
        fill(document)

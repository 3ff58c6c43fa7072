"""Looks as small pictures."""

from urllib.parse import unquote
from xml.etree import ElementTree

from mnist_lab.charts import swatch
from mnist_lab.charts.style import look


def test_each_look_is_a_picture_of_its_own_with_its_colour_and_dash() -> None:
    pictures = {swatch.url(look(number)) for number in range(280)}
    assert len(pictures) == 280
    for number in range(8):
        kind, svg = swatch.url(look(number)).split(",", 1)
        assert kind == "data:image/svg+xml"
        line, point = ElementTree.fromstring(unquote(svg))
        assert line.get("stroke") == point.get("fill") == look(number).colour
        assert line.get("stroke-dasharray") == " ".join(map(str, look(number).dash))


def test_each_look_has_a_name_of_its_own_which_says_how_it_is_drawn() -> None:
    assert len({swatch.name(look(number)) for number in range(280)}) == 280
    assert swatch.name(look(0)) == "blue-solid-circle"
    assert swatch.name(look(1)) == "vermilion-dashed-square"
    assert swatch.NAMED[swatch.name(look(281))] == look(1)

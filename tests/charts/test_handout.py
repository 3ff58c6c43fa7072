"""Curves as a picture to print."""

from xml.etree import ElementTree

from mnist_lab.charts.handout import curves
from mnist_lab.charts.style import look

SVG = "{http://www.w3.org/2000/svg}"


def test_each_run_is_a_line_in_the_look_of_its_design_within_the_picture() -> None:
    root = ElementTree.fromstring(curves([(look(0), (0.9, 0.95)), (look(1), (0.8,)), (look(2), ())]))
    lines = root.findall(f"{SVG}polyline")
    assert [line.get("stroke") for line in lines] == [look(0).colour, look(1).colour]
    assert lines[1].get("stroke-dasharray")
    first, second = (tuple(map(float, point.split(","))) for point in lines[0].get("points").split())
    assert 0 < first[0] < second[0] < 640
    assert 0 < second[1] < first[1] < 200, "better is higher"
    assert root.get("aria-label").startswith("Validation accuracy of 2 runs")


def test_without_epochs_there_is_no_picture() -> None:
    assert curves([]) == curves([(look(0), ())]) == ""

"""What all charts look like: colours, shapes, marks. Without Altair, for the first page of a server does not wait for that.

The colours are Okabe and Ito's, as in the theme: told apart by colour-blind readers, on white and on black. A shape, a dash
or a word says the same without colour.
"""

from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]  # Vega-Lite, as plain data
Frame = tuple[float, float]  # the part of a scale that is drawn

BLUE, ORANGE, VERMILION, GREEN = "#0072B2", "#E69F00", "#D55E00", "#009E73"
GREY = "#7A7A7A"  # of words and lines beside the data, read on white and on black
INK, PAPER = "#111111", "#FFFFFF"
INK_OF_PAGE = "#6F6F70"  # of words in a chart: the stylesheet gives them the colour of the page's own text
CATEGORIES = (BLUE, VERMILION, GREEN, "#CC79A7", "#8A6D00", "#56B4E9", ORANGE, GREY, "#6A3D9A", "#B00020")
# From pale to full where there is more, and from negative by way of white at 0 to positive.
MORE_RIGHT, MORE_WRONG = ("#F2F5F8", BLUE), ("#FBE3C8", "#E07B00")
DIVERGING = (VERMILION, PAPER, BLUE)

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left", "triangle-right")

# Marks, by what they stand for.
POINT: Spec = {"filled": True, "size": 60}
SMALL_POINT: Spec = {"filled": True, "size": 40}  # of many on one line
INTERVAL: Spec = {"strokeWidth": 2, "opacity": 0.6, "color": GREY}  # a rule from its lower to its upper end
REFERENCE: Spec = {"strokeDash": [4, 4], "color": GREY}  # what others are compared with
SECOND_LINE: Spec = {
    "strokeDash": [5, 3]
}  # beside a solid one: validation beside training, the notebook beside the lab
WORDS: Spec = {"color": INK_OF_PAGE}

LOW, MIDDLE, TALL = 240, 300, 420  # heights in pixels


def percent_format(shown: Frame) -> str:
    """The format of an axis of shares with as many digits as keep its ten ticks apart."""
    width = round(shown[1] - shown[0], 9)  # 1 − 0.9 is less than a tenth
    return ".0%" if width >= 0.1 else ".1%" if width >= 0.01 else ".2%"


@dataclass(frozen=True)
class Look:
    """How a design is drawn wherever it is drawn.

    Attributes:
        dash: of its lines, as lengths of strokes and gaps in pixels; empty for a solid line.
        shape: of its points, as Vega-Lite names them.
    """

    colour: str
    dash: tuple[int, ...]
    shape: str


# Each at least 3:1 on white and on Streamlit's dark background.
_COLOURS = (BLUE, VERMILION, GREEN, "#C0629A", "#8A6D00", "#8F63C7", "#3A8FC4", "#D0304A")
_DASHES: tuple[tuple[int, ...], ...] = ((), (8, 4), (2, 3), (10, 3, 2, 3), (5, 2))


def look(number: int) -> Look:
    """The look of a design by its number in the store. Neighbours differ in colour, dash and shape, so that they are told
    apart without colour too; the same three come together again after 280 designs."""
    return Look(_COLOURS[number % 8], _DASHES[number % 5], SHAPES[number % 7])


SCALE = "scale"  # the parameter of a specification that expressions in it read: how much larger than usual it is
# How many ticks an axis has: few, for each is read from afar.
TICKS_ACROSS, TICKS_UP = f"ceil(width / (160 * {SCALE}))", f"ceil(height / (55 * {SCALE}))"
_LENGTHS = ("strokeWidth", "fontSize", "dx", "dy", "limit", "thickness", "xOffset", "x2Offset")


def quiet(scale: float = 1.0) -> Spec:
    """The configuration of a chart that is read from afar: large words, pale grid, no ticks; `scale` enlarges all."""
    small, large = round(14 * scale), round(15 * scale)
    return {
        "axis": {
            "labelFontSize": small,
            "titleFontSize": large,
            "gridColor": "#80808033",
            "gridWidth": scale,
            "ticks": False,
            "labelLimit": 0,
            "labelColor": INK_OF_PAGE,
            "titleColor": INK_OF_PAGE,
            "aria": False,
        },
        # The words say it; of marks a screen reader would read the names of fields and the places of pixels.
        "mark": {"aria": False},
        "axisY": {"labelFlush": False, "labelBound": False},  # each beside its line or its row, the outermost too
        "axisXQuantitative": {"labelBound": True},  # a number is whole, or not there
        "legend": {
            "labelFontSize": small,
            "titleFontSize": large,
            "labelLimit": 0,
            "labelColor": INK_OF_PAGE,
            "titleColor": INK_OF_PAGE,
            "symbolSize": round(100 * scale**2),
            "aria": False,
        },
        "text": {"fontSize": small},
        "title": {"fontSize": round(16 * scale), "color": INK_OF_PAGE},
        "line": {"strokeWidth": 2 * scale},
        "rule": {"strokeWidth": scale},
    }


def enlarged(spec: Spec, scale: float) -> Spec:
    """A specification in the quiet style, all of it larger than it says by `scale` but for its width, which is the page's."""
    found = _with_larger_marks(spec, scale) | {"config": quiet(scale)}
    found["params"] = [*spec.get("params", []), {"name": SCALE, "value": scale}]
    if isinstance(spec.get("height"), int | float):
        found["height"] = round(spec["height"] * scale)
    return found


def _with_larger_marks(spec: Spec, scale: float) -> Spec:
    found = dict(spec)
    if isinstance(spec.get("mark"), dict):
        found["mark"] = larger(spec["mark"], scale)
    if "layer" in spec:
        found["layer"] = [_with_larger_marks(each, scale) for each in spec["layer"]]
    return found


def larger(mark: Spec, scale: float) -> Spec:
    """A mark of which every length is larger; the size of points is an area."""
    found = {
        name: value * scale if name in _LENGTHS and isinstance(value, int | float) else value
        for name, value in mark.items()
    }
    if "size" in mark:
        found["size"] = mark["size"] * (scale if mark.get("type") == "tick" else scale**2)
    if "strokeDash" in mark:
        found["strokeDash"] = [length * scale for length in mark["strokeDash"]]
    if isinstance(mark.get("point"), dict):
        found["point"] = larger(mark["point"], scale)
    return found

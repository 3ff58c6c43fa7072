"""The look of a design as a small picture, for tables and sentences: a piece of its line with one of its points."""

import functools
from math import cos, pi, sin
from urllib.parse import quote

from mnist_lab.charts.style import Look, look

_WIDTH, _HEIGHT, _RADIUS = 44, 20, 6
# Corners of each shape, in turns from the top, and how far its first corner is turned.
_POLYGONS = {
    "square": (4, 0.125),
    "triangle-up": (3, 0.0),
    "diamond": (4, 0.0),
    "triangle-down": (3, 0.5),
    "triangle-left": (3, 0.75),
}


# What the looks of `style.look` are called, in the order of its numbers.
_COLOURS = ("blue", "vermilion", "green", "pink", "ochre", "purple", "sky", "red")
_LINES = ("solid", "dashed", "dotted", "dash-dotted", "short-dashed")
NAMED = {f"{_COLOURS[i % 8]}-{_LINES[i % 5]}-{look(i).shape}": look(i) for i in range(8 * 5 * 7)}
_NAMES = {found: name for name, found in NAMED.items()}


def name(look: Look) -> str:
    """What a look is called, such as `vermilion-dashed-square`; no other one is called the same."""
    return _NAMES[look]


@functools.lru_cache(maxsize=512)
def url(look: Look) -> str:
    """The picture as an address that holds all of it."""
    return f"data:image/svg+xml,{quote(svg(look))}"


def svg(look: Look) -> str:
    """The picture (SVG)."""
    dash = " ".join(map(str, look.dash))
    middle = _HEIGHT / 2
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}' viewBox='0 0 {_WIDTH} {_HEIGHT}'>"
        f"<line x1='0' x2='{_WIDTH}' y1='{middle:g}' y2='{middle:g}' stroke='{look.colour}' stroke-width='3' stroke-dasharray='{dash}'/>"
        f"{_point(look)}</svg>"
    )


def _point(look: Look) -> str:
    x, y, r = _WIDTH / 2, _HEIGHT / 2, _RADIUS
    if look.shape == "cross":
        arm = r / 3
        corners = [(-arm, -r), (arm, -r), (arm, -arm), (r, -arm), (r, arm), (arm, arm),
                   (arm, r), (-arm, r), (-arm, arm), (-r, arm), (-r, -arm), (-arm, -arm)]  # fmt: skip
    elif look.shape in _POLYGONS:
        count, turned = _POLYGONS[look.shape]
        turns = [2 * pi * (turned + i / count) for i in range(count)]
        corners = [(r * sin(turn), -r * cos(turn)) for turn in turns]
    else:
        return f"<circle cx='{x:g}' cy='{y:g}' r='{r - 1}' fill='{look.colour}'/>"
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f"<polygon points='{points}' fill='{look.colour}'/>"

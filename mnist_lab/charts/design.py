"""The pictures of a design, as Vega-Lite specifications and the tables they draw.

Written out rather than made by Altair, for which a server's first page would wait half a second, and a change of a
design some 20 ms. Colours read on white and on black; words and shapes say the same without them.
"""

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from math import log2, prod
from typing import Any

import numpy as np
import pandas as pd

from mnist_lab.charts import tiles
from mnist_lab.charts.style import GREY, ORANGE, VERMILION, Spec
from mnist_lab.design.layers import INPUT_SHAPE, Add, Shape, size_text
from mnist_lab.design.network import Kind, Place, Traced, block_window, covers_image_from

# In full: Streamlit adds its own to what is left out, and takes it from the height.
_NO_PADDING = {"left": 0, "right": 0, "top": 0, "bottom": 0}
_SPREAD = 1.2  # between two sheets of a stack, in pixels of the image, as all lengths here
_VECTOR = 3.0  # the width of a vector's bar
_ARC = 2.0  # how far an arc rises above the maps that it joins
_LETTER = 0.57  # the mean width of a letter, as a share of the font's size
_LEAST_PIXEL = 1.6  # of the screen, for one of the image: below it, labels are shortened to make room
_EDGE = 70  # the grey of the line around a picture
_MOST_IN_TOOLTIP = 25
_TOOLTIP = [
    {"field": "stage", "type": "nominal"},
    {"field": "size", "type": "nominal", "title": "shape"},
    {"field": "field", "type": "nominal", "title": "receptive field"},
    {"field": "every", "type": "nominal", "title": "image"},  # drawn as a picture
]


def part_name(place: Place) -> str:
    """What a part of a network is called on a page: `Block 2`, `Vector`, `Output`."""
    return "Vector" if place.kind is Kind.BRIDGE else str(place)


@dataclass(frozen=True)
class _Stage:
    """What the diagram draws side by side: the image, a block's output, a vector."""

    name: str
    short: str
    block: int
    shape: Shape
    field: str

    @property
    def is_map(self) -> bool:
        return len(self.shape) == 3

    @property
    def sheets(self) -> int:
        """One for each doubling of the channels."""
        return _sheets_for(self.shape[2]) if self.is_map else 1

    @property
    def height(self) -> float:
        """A vector has no height: its bar grows with the logarithm of its length."""
        return self.shape[0] if self.is_map else min(28.0, 4 + 2.2 * log2(prod(self.shape)))

    @property
    def width(self) -> float:
        return self.shape[1] if self.is_map else _VECTOR

    @property
    def top(self) -> tuple[float, float]:
        """Just above the middle of the stack, from its left edge and from its middle line."""
        spread = _SPREAD * (self.sheets - 1)
        return (self.width + spread) / 2, spread + self.height / 2 + 0.4

    @property
    def short_size(self) -> str:
        if self.name == "Image":
            return size_text(self.shape[:2])
        return f"×{self.shape[2]}" if self.is_map else size_text(self.shape)


def _stages(traced: Traced) -> list[_Stage]:
    found = [_Stage("Image", "Image", -1, INPUT_SHAPE, "")]
    whole = covers_image_from(traced)
    for place, row in {row.place: row for row in traced}.items():
        field = size_text(row.field.size) if row.block is not None else "all of the last map"
        if row.block is not None and whole is not None and row.block >= whole:
            field += ", covers the image"
        short = {Kind.BLOCK: "", Kind.BRIDGE: "Vec", Kind.DENSE: "D", Kind.OUTPUT: "Out"}[place.kind]
        short += "" if place.index is None else str(place.index + 1)
        block = -1 if row.block is None else row.block
        found.append(_Stage(part_name(place), short, block, row.output_shape, field))
    return found


@dataclass(frozen=True)
class Pictures:
    """What a trained network makes of a digit at a stage, as addresses: a sheet each, the strongest map first, and its first maps
    side by side."""

    sheets: tuple[str, ...]
    every: str | None = None


def pictures(traced: Traced, outputs: Mapping[int, np.ndarray]) -> dict[str, Pictures]:
    """The pictures of all stages by their names, from what the layers make of a digit: arrays by the layers' numbers."""
    last_of = {row.place: number for number, row in enumerate(traced)}
    return {part_name(place): _pictures_of(outputs[number]) for place, number in last_of.items()}


def _pictures_of(output: np.ndarray) -> Pictures:
    if output.ndim == 1:
        column = tiles.tinted(output[:, np.newaxis])
        return Pictures((_edged(column.repeat(max(1, 200 // len(column)), axis=0).repeat(20, axis=1)),))
    most = float(np.abs(output).max())
    strongest = np.argsort(-np.abs(output).mean(axis=(0, 1)), kind="stable")
    times = max(1, 160 // max(output.shape[:2]))
    return Pictures(
        tuple(
            _edged(tiles.enlarged(tiles.tinted(output[:, :, channel], most), times))
            for channel in strongest[: _sheets_for(output.shape[2])]
        ),
        tiles.url(tiles.enlarged(tiles.tinted(tiles.montage(output[:, :, :_MOST_IN_TOOLTIP]), most), 2)),
    )


def stages(
    traced: Traced,
    chosen: int | None,
    digit: np.ndarray,
    seen_by: int | None = None,
    drawn: Mapping[str, Pictures] | None = None,
) -> pd.DataFrame:
    """The table that `diagram` draws: the image, each block's output, each vector; a row for each sheet of a stack, four points
    of an arc for each residual block, from its input to its output, and the frame of a receptive field.

    Args:
        chosen: the block that is marked; digit: what the image shows, uint8 `(28, 28)`.
        seen_by: the block of whose middle value the receptive field is framed.
        drawn: what a trained network makes of the digit, by the stages' names, in the place of the sheets.

    Returns:
        Columns: number (of the stage), begins (its first row), stage and size with short forms of both, block (its index; -1 for what is no convolution block), kind (`map`, `open`,
        `vector`, `arc`, `frame`), field (its receptive field), sheet (-1 for an arc or a frame), arc (the block of an arc), wide (the
        stage), x, x2 (from the stage's left edge), y, y2 (from the middle line), picture and every (addresses).
    """
    added = {row.block for row in traced if isinstance(row.layer, Add)}
    listed = _stages(traced)
    shown = {"Image": Pictures((_edged(tiles.digit(digit, 8)),)), **(drawn or {})}
    rows: list[dict[str, Any]] = []
    for number, (stage, after) in enumerate(itertools.zip_longest(listed, listed[1:])):
        common = {
            "number": number,
            "stage": stage.name,
            "short": stage.short,
            "size": size_text(stage.shape),
            "short_size": stage.short_size,
            "block": stage.block,
            "field": stage.field,
            "wide": stage.width + _SPREAD * (stage.sheets - 1),
        }
        kind = "open" if stage.block == chosen and stage.block >= 0 else "map" if stage.is_map else "vector"
        rows += [common | {"kind": kind} | sheet for sheet in _sheets_of(stage, shown.get(stage.name))]
        if number == 0 and seen_by is not None:
            (top, left), (bottom, right) = block_window(traced, seen_by)
            frame = {"x": left, "x2": right, "y": 14 - bottom, "y2": 14 - top}
            rows.append(common | {"kind": "frame", "sheet": -1, **frame})
        if stage.block in added:
            rows += [common | point for point in _half_arc(stage, listed[number - 1], stage.block, first=2)]
        if after is not None and after.block in added:
            rows += [common | point for point in _half_arc(stage, after, after.block, first=0)]
    table = pd.DataFrame(rows)
    table["begins"] = table["number"] != table["number"].shift()
    return table


def _sheets_for(channels: int) -> int:
    return min(8, 1 + int(log2(channels)))


def _sheets_of(stage: _Stage, drawn: Pictures | None) -> list[dict[str, Any]]:
    """The sheets of a stack, the hindmost first."""
    found = []
    for sheet in reversed(range(stage.sheets)):
        x, y = _SPREAD * sheet, _SPREAD * sheet - stage.height / 2
        place = {"x": x, "x2": x + stage.width, "y": y, "y2": y + stage.height}
        shown = {"picture": drawn.sheets[sheet], "every": None if sheet else drawn.every} if drawn else {}
        found.append({"sheet": sheet, "picture": None, "every": None, **place, **shown})
    return found


def _edged(picture: np.ndarray) -> str:
    """A picture's address, with a dark line around it, by which sheets are told apart."""
    edge = [(2, 2), (2, 2)] + [(0, 0)] * (picture.ndim - 2)
    return tiles.url(np.pad(picture, edge, constant_values=_EDGE))


def _half_arc(stage: _Stage, other: _Stage, block: int, first: int) -> list[dict[str, Any]]:
    """The two points of a residual block's arc that stand above a stage: they follow it wherever it is drawn."""
    x, y = stage.top
    apex = max(y, other.top[1]) + _ARC
    heights = (y, apex) if first == 0 else (apex, y)
    common = {"kind": "arc", "sheet": -1, "arc": block, "x": x}
    return [common | {"y": height, "point": first + i} for i, height in enumerate(heights)]


@functools.lru_cache(maxsize=256)
def diagram(shown: "Proportions") -> Spec:
    """A network to scale: feature maps as stacks of sheets, one sheet for each doubling of channels, vectors as bars.

    A Vega-Lite specification without its data, which is a table of `stages`: most changes of a network move nothing but
    that. It fills the width and height of its place: where its labels have no room side by side, they are shortened. A click on a
    stage selects its `block` under the name `stage`.
    """
    return {
        "params": [
            *({"name": name, "expr": formula} for name, formula in _sizes(shown).items()),
            {
                "name": "stage",
                "select": {"type": "point", "fields": ["block"], "on": "click", "clear": False},
                "views": ["stages"],
            },
        ],
        "transform": _places(),
        "layer": [_sheets(), _pictures(), _frame(), _arcs(), *_labels(), _targets()],
        "width": "container",
        "height": "container",
        "padding": _NO_PADDING,
        "config": {"view": {"strokeWidth": 0}, "mark": {"aria": False}},  # the words say it
    }


@dataclass(frozen=True)
class Proportions:
    """What the sizes of a diagram follow from, in pixels of the image and letters.

    Attributes:
        widths: of the stages, the widest first; up, down: how far they reach from the middle line.
        letters: of the longest label; short: of the longest short one; number: of the longest stage's number alone.
    """

    widths: tuple[float, ...]
    up: float
    down: float
    letters: int
    short: int

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Proportions":
        """Of a table of `stages`."""
        begun = table[table["begins"]]
        drawn = table[table["kind"] != "frame"]
        return cls(
            tuple(sorted(begun["wide"], reverse=True)),
            max(float(drawn["y"].max()), float(drawn["y2"].max())),
            float(-drawn["y"].min()),
            *(
                int(max(begun[name].str.len().max() for name in names))
                for names in (("stage", "size"), ("short", "short_size"))
            ),
        )


def _sizes(shown: Proportions) -> dict[str, str]:
    """Signals by name: the labels' font size and form, pixels of the screen for one of the image, room for a label, spare room.

    A stage takes the width of its label or of its maps, whichever is more. All stages fit where, for each k, the k widest
    of them by their maps and the others by their labels do.
    """
    count = len(shown.widths)
    totals = [sum(shown.widths[: k + 1]) for k in range(count)]

    def largest(room: str, gap: str) -> str:
        return ", ".join(
            f"(width - {count - k} * {room} - {k} * {gap}) / {total:.2f}" for k, total in enumerate(totals, 1)
        )

    def room(letters: int) -> str:
        return f"({_LETTER * letters:.2f} * letters + 8)"

    taken = ", ".join(f"{count - k} * room + {k} * gap + {total:.2f} * pixel" for k, total in enumerate([0.0, *totals]))
    return {
        "letters": "clamp(height / 17, 14, 32)",
        "tall": "height - 2.6 * letters - 4",
        "in_full": f"min({largest(room(shown.letters), '14')})",
        "in_short": f"min({largest(room(shown.short), '8')})",
        "form": f"in_full >= {_LEAST_PIXEL} ? 0 : in_short >= {_LEAST_PIXEL} ? 1 : 2",
        "gap": "form == 0 ? 14 : form == 1 ? 8 : 4",
        "room": f"form == 0 ? {room(shown.letters)} : form == 1 ? {room(shown.short)} : 12",
        "pixel": f"max(0.5, min(tall / {shown.up + shown.down:.2f}, form == 0 ? in_full : form == 1 ? in_short : min({largest('room', '4')})))",
        "spare": f"max(0, (width - max({taken})) / {count})",
        "middle": f"(tall + pixel * {shown.up - shown.down:.2f}) / 2",
    }


def _places() -> list[Spec]:
    """Where each row is drawn, in pixels of the screen: stage by stage from the left, as of `_sizes`."""
    return [
        {"calculate": "max(room, datum.wide * pixel + gap) + spare", "as": "slot"},
        {"calculate": "datum.begins ? datum.slot : 0", "as": "step"},
        {"window": [{"op": "sum", "field": "step", "as": "end"}], "frame": [None, 0]},
        {"calculate": "datum.end - datum.slot / 2", "as": "centre"},
        *(
            {"calculate": f"datum.centre + pixel * (datum.{x} - datum.wide / 2)", "as": f"screen_{x}"}
            for x in ("x", "x2")
        ),
        *({"calculate": f"middle - pixel * datum.{y}", "as": f"screen_{y}"} for y in ("y", "y2")),
    ]


def _place(channel: str, field: str) -> Spec:
    """An encoding by a column in pixels of the screen."""
    if channel.endswith("2"):
        return {"field": field}
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}


_RECTANGLE = {channel: _place(channel, f"screen_{channel}") for channel in ("x", "x2", "y", "y2")}


def _sheets() -> Spec:
    """Feature maps and vectors, by what they are."""
    kinds = {"domain": ["map", "open", "vector"], "range": ["#8FB8D9", ORANGE, "#B9A6C9"]}
    return {
        "transform": [{"filter": "datum.sheet >= 0"}],
        "mark": {"type": "rect", "stroke": "#3D4F5C", "strokeWidth": 0.8},
        "encoding": {
            **_RECTANGLE,
            "color": {"field": "kind", "type": "nominal", "scale": kinds, "legend": None},
        },
    }


def _pictures() -> Spec:
    """What is seen on the sheets: the digit, and what a trained network makes of it."""
    return {
        "transform": [{"filter": "isValid(datum.picture)"}],
        "mark": {"type": "image", "aspect": False},
        "encoding": {**_RECTANGLE, "url": {"field": "picture", "type": "nominal"}},
    }


def _frame() -> Spec:
    """The part of the digit that a value depends on."""
    return {
        "transform": [{"filter": "datum.kind === 'frame'"}],
        "mark": {"type": "rect", "fill": ORANGE, "fillOpacity": 0.25, "stroke": VERMILION, "strokeWidth": 3},
        "encoding": _RECTANGLE,
    }


def _arcs() -> Spec:
    """The way past the layers of each residual block."""
    return {
        "transform": [{"filter": "datum.kind === 'arc'"}],
        "mark": {"type": "line", "interpolate": "basis", "stroke": GREY, "strokeWidth": 2},
        "encoding": {
            "x": _place("x", "screen_x"),
            "y": _place("y", "screen_y"),
            "detail": {"field": "arc", "type": "quantitative"},
            "order": {"field": "point", "type": "quantitative"},
        },
    }


def _labels() -> list[Spec]:
    """What each stack is, in two lines below it; the stylesheet gives them the page's own colour."""
    first = "[datum.stage, datum.short, datum.block >= 0 ? datum.short : slice(datum.short, 0, 1)][form]"
    second = "[datum.size, datum.short_size, ''][form]"
    return [
        _words(first, "tall + 4", fontWeight="bold"),
        _words(second, "tall + 4 + 1.25 * letters"),
    ]


def _words(words: str, height: str, **mark: Any) -> Spec:
    return {
        "transform": [
            {"filter": "datum.sheet === 0"},
            {"calculate": words, "as": "words"},
            {"calculate": height, "as": "height"},
        ],
        "mark": {"type": "text", "fontSize": {"expr": "letters"}, "baseline": "top", **mark},
        "encoding": {
            "x": _place("x", "centre"),
            "y": _place("y", "height"),
            "text": {"field": "words", "type": "nominal"},
        },
    }


def _targets() -> Spec:
    """What is pointed at and clicked: all of a stage with its labels, however small its maps are."""
    marked = {"condition": {"test": "datum.kind === 'open'", "value": VERMILION}, "value": None}
    return {
        "name": "stages",
        "transform": [
            {"filter": "datum.sheet === 0"},
            {"calculate": "datum.end - datum.slot + 1", "as": "from"},
            {"calculate": "datum.end - 1", "as": "to"},
            {"calculate": "1", "as": "top"},
            {"calculate": "height - 1", "as": "bottom"},
        ],
        "mark": {
            "type": "rect",
            "fill": "white",
            "fillOpacity": 0,
            "strokeWidth": 2,
            "cornerRadius": 6,
            "cursor": "pointer",
        },
        "encoding": {
            "x": _place("x", "from"),
            "x2": _place("x2", "to"),
            "y": _place("y", "top"),
            "y2": _place("y2", "bottom"),
            "stroke": marked,
            "tooltip": _TOOLTIP,
        },
    }


def schedule(epochs: int, highest: float) -> Spec:
    """The learning rate over training, small: a specification without its data, a table of `epoch` and `learning_rate`."""
    return {
        "mark": "line",
        "title": {"text": "learning rate", "anchor": "start", "fontSize": 14, "fontWeight": "normal"},
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "scale": {"domain": [0, epochs]},
                "axis": {"tickMinStep": 1, "format": "d"},
            },
            "y": {"field": "learning_rate", "type": "quantitative", "title": None, "scale": {"domain": [0, highest]}},
            "tooltip": [
                {"field": "epoch", "type": "quantitative", "format": ".2f"},
                {"field": "learning_rate", "type": "quantitative", "title": "learning rate", "format": ".3g"},
            ],
        },
        "height": 180,
    }

"""The pictures of a design, as Vega-Lite specifications and the tables they draw.

Written out rather than made by Altair, for which a server's first page would wait half a second, and a change of a
design some 20 ms. Colours read on white and on black; words and shapes say the same without them.
"""

import functools
from math import log2, prod
from typing import Any

import numpy as np
import pandas as pd

from mnist_lab.charts.style import GREY, INK, ORANGE, PAPER, VERMILION, Spec
from mnist_lab.design.layers import INPUT_SHAPE, Add, size_text
from mnist_lab.design.network import Kind, Place, Traced, covers_image_from
from mnist_lab.design.receptive_field import Window

_DIAGRAM_WIDTH = 560  # what there is on a projector; where there is less the maps are smaller
_MOST_PIXEL = 4.5
_LETTER = 5.8  # pixels of the screen, of an upright word's mean letter
# In full: Streamlit adds its own to what is left out, and takes it from the height.
_NO_PADDING = {"left": 0, "right": 0, "top": 0, "bottom": 0}
_ARC = 2.0  # how far an arc rises above the maps that it joins, in pixels of the image
_WHOLE = "covers image →"  # from this block on a value depends on the whole image
_MARK = "#C65D00"  # vermilion that small words can be read in
_TOP = -15  # of the words below the stacks, in pixels of the image
_TOOLTIP = [
    {"field": "stage", "type": "nominal"},
    {"field": "size", "type": "nominal", "title": "shape"},
    {"field": "field", "type": "nominal", "title": "receptive field"},
]


def part_name(place: Place) -> str:
    """What a part of a network is called on a page: `Block 2`, `Vector`, `Output`."""
    return "Vector" if place.kind is Kind.BRIDGE else str(place)


def stages(traced: Traced, chosen: int | None) -> pd.DataFrame:
    """The table that `diagram` draws: the image, each block's output, each vector; a row for each sheet of a stack. Behind
    them three points of an arc for each residual block, from its input to its output.

    Columns: stage, size, mark (of the first block whose receptive field covers the image), words (all three), block (its index; -1
    for what is no convolution block), kind (`open` for the chosen block, `arc`), field (its receptive field), sheet (-1 for an arc), x, x2, y, y2,
    in pixels of the image.
    """
    whole = covers_image_from(traced)
    last_of = {row.place: row for row in traced}
    pictured: list[tuple[str, int, tuple[int, ...], str]] = [("Image", -1, INPUT_SHAPE, "")]
    for place, row in last_of.items():
        field = size_text(row.field.size) if row.block is not None else "all of the last map"
        pictured.append((part_name(place), -1 if row.block is None else row.block, row.output_shape, field))
    added = {row.block for row in traced if isinstance(row.layer, Add)}
    rows: list[dict[str, Any]] = []
    arcs: list[dict[str, Any]] = []
    left, top = 0.0, (0.0, 0.0)
    for stage, block, shape, field in pictured:
        is_map = len(shape) == 3
        # A vector has no height and width: its bar grows with the logarithm of its length.
        height, width = (shape[0], shape[1]) if is_map else (min(28.0, 4 + 2.2 * log2(prod(shape))), 1.5)
        sheets = min(8, 1 + int(log2(shape[2]))) if is_map else 1
        said = (stage, size_text(shape), _WHOLE if block == whole else "")
        common = {
            **dict(zip(("stage", "size", "mark"), said, strict=True)),
            "words": ", ".join(filter(None, said)),
            "block": block,
            "kind": "open" if block == chosen and block >= 0 else "map" if is_map else "vector",
            "field": field,
        }
        for sheet in reversed(range(sheets)):
            x, y = left + 1.2 * sheet, 1.2 * sheet - height / 2
            rows.append(common | {"sheet": sheet, "x": x, "x2": x + width, "y": y, "y2": y + height})
        before, top = top, (left + (width + 1.2 * (sheets - 1)) / 2, 1.2 * (sheets - 1) + height / 2 + 0.4)
        if block in added:
            apex = (before[0] + top[0]) / 2, max(before[1], top[1]) + _ARC
            arcs += [common | {"kind": "arc", "sheet": -1, "x": x, "y": y} for x, y in (before, apex, top)]
        left += width + 1.2 * (sheets - 1) + 5
    return pd.DataFrame([*rows, *arcs])


@functools.lru_cache(maxsize=256)
def diagram(extent: float, upright: int = 0) -> Spec:
    """A network to scale: feature maps as stacks of sheets, one sheet for each doubling of channels, vectors as bars.

    A Vega-Lite specification without its data, which is a table of `stages`: most changes of a network move nothing
    but that. A click on a stack selects its `block` under the name `stage`.

    Args:
        extent: how far the last stage reaches, in pixels of the image.
        upright: letters of the longest of its words where they have no room side by side, 0 where they have.
    """
    across, down = extent + 2, 39.0  # of the image's pixels, from the left edge and from the top of the highest stack
    pixel = f"min(width / {across:g}, {_MOST_PIXEL:g})"  # as high as it is wide: the maps are to scale
    x_scale = {"domain": [-1, extent + 1], "range": [0, {"expr": f"{across:g} * {pixel}"}], "nice": False}
    y_scale = {"domain": [_TOP, 24], "range": [{"expr": f"{down:g} * {pixel}"}, 0], "nice": False}
    return {
        "layer": [_sheets(x_scale, y_scale), _arcs(), *_labels(is_upright=upright > 0)],
        "params": [
            {
                "name": "stage",
                "select": {"type": "point", "fields": ["block"], "on": "click", "clear": False},
                "views": ["sheets"],
            }
        ],
        "width": "container",
        "height": down * min(_DIAGRAM_WIDTH / across, _MOST_PIXEL) + (8 + _LETTER * upright if upright else 52),
        "padding": _NO_PADDING,
        "config": {"view": {"strokeWidth": 0}},
    }


def _sheets(x_scale: Spec, y_scale: Spec) -> Spec:
    """Feature maps and vectors, by what they are."""
    kinds = {"domain": ["map", "open", "vector"], "range": ["#8FB8D9", ORANGE, "#B9A6C9"]}
    return {
        "name": "sheets",
        "transform": [{"filter": "datum.sheet >= 0"}],
        "mark": {"type": "rect", "stroke": "#3D4F5C", "strokeWidth": 0.8, "cursor": "pointer"},
        "encoding": {
            **_rectangle(x_scale, y_scale),
            "color": {"field": "kind", "type": "nominal", "scale": kinds, "legend": None},
            "tooltip": _TOOLTIP,
        },
    }


def _arcs() -> Spec:
    """The way past the layers of each residual block."""
    return {
        "transform": [{"filter": "datum.sheet < 0"}],
        "mark": {"type": "line", "interpolate": "basis", "stroke": GREY, "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "axis": None},
            "y": {"field": "y", "type": "quantitative", "axis": None},
            "detail": {"field": "block", "type": "quantitative"},
            "order": {"field": "x", "type": "quantitative"},
        },
    }


def _labels(*, is_upright: bool) -> list[Spec]:
    """What each stack is, below it: in three lines, or in one that stands upright."""
    if is_upright:
        return [_words(_TOP - 1, "words", angle=270, align="right", fontSize=12)]
    return [
        _words(_TOP, "stage", baseline="top", fontWeight="bold", dy=4),
        _words(_TOP, "size", baseline="top", fontSize=11, dy=20),
        _words(_TOP, "mark", baseline="top", fontSize=11, fontWeight="bold", dy=35, color=_MARK),
    ]


def _words(below: int, column: str, **mark: Any) -> Spec:
    return {
        "transform": [
            {"filter": "datum.sheet === 0"},
            {"calculate": "(datum.x + datum.x2) / 2", "as": "middle"},
        ],
        "mark": {"type": "text", "color": GREY, **mark},
        "encoding": {
            "x": {"field": "middle", "type": "quantitative", "axis": None},
            "y": {"datum": below},
            "text": {"field": column, "type": "nominal"},
            "tooltip": _TOOLTIP,
        },
    }


def _rectangle(x_scale: Spec, y_scale: Spec) -> Spec:
    """Encodings of rectangles from columns x, x2, y, y2, without axes."""
    return {
        "x": {"field": "x", "type": "quantitative", "axis": None, "scale": x_scale},
        "x2": {"field": "x2"},
        "y": {"field": "y", "type": "quantitative", "axis": None, "scale": y_scale},
        "y2": {"field": "y2"},
    }


def receptive_field_points(image: np.ndarray, window: Window) -> pd.DataFrame:
    """The table that `receptive_field` draws: the paper, the ink of a digit, uint8 `(28, 28)`, and the frame of a window."""
    (top, left), (bottom, right) = window
    y, x = np.nonzero(image)
    return pd.DataFrame(
        {
            "x": [0, *x, left],
            "y": [0, *y, top],
            "x2": [28, *(x + 1), right],
            "y2": [28, *(y + 1), bottom],
            "kind": ["paper", *["ink"] * len(x), "frame"],
            "ink": [0, *image[y, x], 0],
        }
    )


@functools.cache
def receptive_field() -> Spec:
    """A digit with the part of it framed that a value depends on: a specification without its data, `receptive_field_points`."""
    place = _rectangle({"domain": [0, 28], "nice": False}, {"domain": [28, 0], "nice": False})
    ink = {
        "field": "ink",
        "type": "quantitative",
        "scale": {"domain": [0, 255], "range": [PAPER, INK]},
        "legend": None,
    }

    def part(kind: str, encoding: Spec, **mark: Any) -> Spec:
        chosen = [{"filter": f"datum.kind === '{kind}'"}]
        return {"transform": chosen, "mark": {"type": "rect", **mark}, "encoding": {**place, **encoding}}

    return {
        "layer": [
            part("paper", {}, fill=PAPER, stroke=GREY),
            part("ink", {"color": ink}),
            part("frame", {}, fill=ORANGE, fillOpacity=0.25, stroke=VERMILION, strokeWidth=3),
        ],
        "width": 176,
        "height": 176,
        "padding": _NO_PADDING,
    }


def schedule(epochs: int, highest: float) -> Spec:
    """The learning rate over training, small: a specification without its data, a table of `epoch` and `learning_rate`."""
    return {
        "mark": "line",
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "scale": {"domain": [0, epochs]},
                "axis": {"tickMinStep": 1, "format": "d"},
            },
            "y": {
                "field": "learning_rate",
                "type": "quantitative",
                "title": "learning rate",
                "scale": {"domain": [0, highest]},
            },
            "tooltip": [
                {"field": "epoch", "type": "quantitative", "format": ".2f"},
                {"field": "learning_rate", "type": "quantitative", "title": "learning rate", "format": ".3g"},
            ],
        },
        "height": 140,
    }

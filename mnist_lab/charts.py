"""Tables in, Altair charts out. Colours come from the theme; a shape or a dash says the same without colour."""

import functools
from math import log2, prod
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.architecture import TracedLayer, sees_all_from
from mnist_lab.layers import INPUT_SHAPE, size_text
from mnist_lab.receptive_field import Window

Spec = dict[str, Any]

_DIAGRAM_WIDTH = 560  # what there is on a projector; where there is less the maps are smaller
_MOST_PIXEL = 4.5
# In full: Streamlit adds its own to what is left out, and takes it from the height.
_NO_PADDING = {"left": 0, "right": 0, "top": 0, "bottom": 0}
_WHOLE = "sees all →"  # from this block on a value depends on the whole image
_MARK = "#C65D00"
_GREY = "#7A7A7A"  # read on white and on black


def reproduction_points(network: str, notebook_epochs: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """The long table that `reproduction` draws for one network: `epoch`, `value`, `who`, `line`.

    Args:
        notebook_epochs: name, epoch, validation_accuracy; ours: the same and run_id.
    """
    theirs = notebook_epochs.assign(who="notebook, 2019", line="notebook")
    own = ours.assign(who="this lab", line="run " + ours["run_id"].astype(str))
    columns = ["epoch", "validation_accuracy", "who", "line"]
    both = pd.concat([part.loc[part["name"] == network, columns] for part in (theirs, own)], ignore_index=True)
    return both.rename(columns={"validation_accuracy": "value"})


def reproduction(network: str, points: pd.DataFrame) -> alt.LayerChart:
    """Validation accuracy by epoch of one of the notebook's networks: its own log dashed, our runs solid."""
    who = ["notebook, 2019", "this lab"]
    base = alt.Chart(points).encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=[0, 12]), axis=alt.Axis(tickMinStep=2, format="d")),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0.85, 1], clamp=True), axis=alt.Axis(format=".0%")),
        color=alt.Color("who:N", scale=alt.Scale(domain=who), legend=None),
        detail="line:N",
        tooltip=["line:N", "epoch:Q", alt.Tooltip("value:Q", title="validation accuracy", format=".2%")],
    )
    lines = base.mark_line().encode(
        strokeDash=alt.StrokeDash("who:N", scale=alt.Scale(domain=who, range=[[5, 3], [1, 0]]), legend=None)
    )
    marks = base.mark_point(filled=True, size=35).encode(
        shape=alt.Shape("who:N", scale=alt.Scale(domain=who, range=["square", "circle"]), legend=None)
    )
    chart: alt.LayerChart = (lines + marks).properties(title=network, height=240)
    return chart


def seeds(points: pd.DataFrame, epochs: int) -> alt.LayerChart:
    """Validation accuracy by epoch, a line for each run; a table of run_id, seed, epoch, validation_accuracy."""
    base = alt.Chart(points).encode(
        x=alt.X("epoch:Q", scale=alt.Scale(domain=[0, epochs]), axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y(
            "validation_accuracy:Q",
            title="validation accuracy",
            scale=alt.Scale(zero=False),
            axis=alt.Axis(format=".1%"),
        ),
        color=alt.Color("seed:N", title="seed"),
        detail="run_id:N",
        tooltip=["run_id:N", "seed:N", "epoch:Q", alt.Tooltip("validation_accuracy:Q", format=".2%")],
    )
    lines = base.mark_line()
    marks = base.mark_point(filled=True).encode(shape=alt.Shape("seed:N", title="seed"))
    chart: alt.LayerChart = (lines + marks).properties(height=260)
    return chart


@functools.lru_cache(maxsize=64)
def schedule(epochs: int) -> Spec:
    """The learning rate over training, small: a specification without its data, a table of epoch and learning_rate."""
    chart = (
        alt.Chart(alt.NamedData("rates"))
        .mark_line()
        .encode(
            x=alt.X("epoch:Q", scale=alt.Scale(domain=[0, epochs]), axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("learning_rate:Q", title="learning rate", scale=alt.Scale(zero=True)),
            tooltip=[alt.Tooltip("epoch:Q", format=".2f"), alt.Tooltip("learning_rate:Q", format=".3g")],
        )
        .properties(height=140)
    )
    return without_data(chart)


def stages(traced: list[TracedLayer], chosen: int | None) -> pd.DataFrame:
    """The table that `diagram` draws: the image, each block's output, each vector; a row for each sheet of a stack.

    Columns: stage, block (its index; -1 for what is no convolution block), kind (`open` for the chosen block), size,
    sees, mark (said of the first block that sees the whole image), sheet, x, x2, y, y2, in pixels of the image.
    """
    whole = sees_all_from(traced)
    last_of = {row.place: row for row in traced}
    pictured: list[tuple[str, int, tuple[int, ...], str]] = [("Image", -1, INPUT_SHAPE, "")]
    for place, row in last_of.items():
        if place != "Bridge" or len(row.output_shape) == 1:
            sees = size_text(row.field.size) if row.block is not None else "all of the last map"
            pictured.append((place, -1 if row.block is None else row.block, row.output_shape, sees))
    rows: list[dict[str, Any]] = []
    left = 0.0
    for stage, block, shape, sees in pictured:
        is_map = len(shape) == 3
        # A vector has no height and width: its bar grows with the logarithm of its length.
        height, width = (shape[0], shape[1]) if is_map else (min(28.0, 4 + 2.2 * log2(prod(shape))), 1.5)
        sheets = min(8, 1 + int(log2(shape[2]))) if is_map else 1
        common = {
            "stage": "Vector" if stage == "Bridge" else stage,
            "block": block,
            "kind": "open" if block == chosen and block >= 0 else "map" if is_map else "vector",
            "size": size_text(shape),
            "sees": sees,
            "mark": _WHOLE if block == whole else "",
        }
        for sheet in reversed(range(sheets)):
            x, y = left + 1.2 * sheet, 1.2 * sheet - height / 2
            rows.append(common | {"sheet": sheet, "x": x, "x2": x + width, "y": y, "y2": y + height})
        left += width + 1.2 * (sheets - 1) + 5
    return pd.DataFrame(rows)


@functools.lru_cache(maxsize=256)
def diagram(extent: float, crowded: bool) -> Spec:
    """A network to scale: feature maps as stacks of sheets, one sheet for each doubling of channels, vectors as bars.

    A Vega-Lite specification without its data, which is a table of `stages`: most changes of a network move nothing
    but that. A click on a stack selects its `block` under the name `stage`.

    Args:
        extent: how far the last stage reaches, in pixels of the image; crowded: words have to stand upright.
    """
    click = alt.selection_point(name="stage", fields=["block"], on="click", clear=False)
    kinds = alt.Scale(domain=["map", "open", "vector"], range=["#8FB8D9", "#E69F00", "#B9A6C9"])
    base = alt.Chart(alt.NamedData("stages")).encode(
        tooltip=[alt.Tooltip("stage:N"), alt.Tooltip("size:N", title="shape"), alt.Tooltip("sees:N", title="sees")]
    )
    across, down = extent + 2, 39.0  # of the image's pixels, from the left edge and from the top of the highest stack
    pixel = f"min(width / {across:g}, {_MOST_PIXEL:g})"  # as high as it is wide: the maps are to scale
    label_height = 170 if crowded else 52
    x_range: Any = [0, alt.ExprRef(f"{across:g} * {pixel}")]
    y_range: Any = [alt.ExprRef(f"{down:g} * {pixel}"), 0]
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-1, extent + 1], range=x_range, nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-15, 24], range=y_range, nice=False))
    sheets = (
        base.mark_rect(stroke="#3D4F5C", strokeWidth=0.8, cursor="pointer")
        .encode(x=x, x2="x2:Q", y=y, y2="y2:Q", color=alt.Color("kind:N", scale=kinds, legend=None))
        .add_params(click)
    )
    front = base.transform_filter(alt.datum.sheet == 0)
    labels = front.transform_calculate(middle="(datum.x + datum.x2) / 2").encode(x=alt.X("middle:Q", axis=None))
    if crowded:
        words = labels.transform_calculate(
            words="datum.stage + ', ' + datum.size + (datum.mark ? ', ' + datum.mark : '')"
        )
        text = words.mark_text(angle=270, align="right", color=_GREY, fontSize=12).encode(
            y=alt.datum(-16), text="words:N"
        )
        layers = [sheets, text]
    else:
        names = labels.mark_text(baseline="top", color=_GREY, fontWeight="bold", dy=4)
        sizes = labels.mark_text(baseline="top", color=_GREY, fontSize=11, dy=20)
        marks = labels.mark_text(baseline="top", color=_MARK, fontSize=11, fontWeight="bold", dy=35)
        under = alt.datum(-15)
        layers = [
            sheets,
            *(text.encode(y=under, text=of) for text, of in ((names, "stage:N"), (sizes, "size:N"), (marks, "mark:N"))),
        ]
    height = down * min(_DIAGRAM_WIDTH / across, _MOST_PIXEL) + label_height
    chart = alt.layer(*layers).properties(width="container", height=height, padding=_NO_PADDING)
    return without_data(chart.configure_view(strokeWidth=0))


def without_data(chart: alt.TopLevelMixin) -> Spec:
    """A chart's specification; its data goes beside it."""
    spec: Spec = chart.to_dict()
    del spec["data"]
    return spec


def seen_points(image: np.ndarray, window: Window) -> pd.DataFrame:
    """The table that `seen` draws: the paper, the ink of a digit, uint8 `(28, 28)`, and the frame of a window."""
    rows, columns = np.nonzero(image)
    ink = pd.DataFrame({"x": columns, "y": rows, "x2": columns + 1, "y2": rows + 1, "ink": image[rows, columns]})
    (top, left), (bottom, right) = window
    corners = ["x", "y", "x2", "y2"]
    paper, frame = ([[0, 0, 28, 28]], [[left, top, right, bottom]])
    return pd.concat(
        [
            pd.DataFrame(paper, columns=corners).assign(kind="paper", ink=0),
            ink.assign(kind="ink"),
            pd.DataFrame(frame, columns=corners).assign(kind="frame", ink=0),
        ],
        ignore_index=True,
    )


@functools.lru_cache(maxsize=1)
def seen() -> Spec:
    """A digit with the part of it framed that a value depends on: a specification without its data, `seen_points`."""
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 28], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[28, 0], nice=False))
    base = alt.Chart(alt.NamedData("seen")).encode(x=x, y=y, x2="x2:Q", y2="y2:Q")
    ink = alt.Color("ink:Q", scale=alt.Scale(domain=[0, 255], range=["#FFFFFF", "#111111"]), legend=None)
    paper = base.transform_filter(alt.datum.kind == "paper").mark_rect(fill="#FFFFFF", stroke="#888888")
    digit = base.transform_filter(alt.datum.kind == "ink").mark_rect().encode(color=ink)
    frame = base.transform_filter(alt.datum.kind == "frame").mark_rect(
        fill="#E69F00", fillOpacity=0.25, stroke="#D55E00", strokeWidth=3
    )
    chart = (paper + digit + frame).properties(width=176, height=176, padding=_NO_PADDING)
    return without_data(chart)

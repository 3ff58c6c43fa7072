"""Accuracy against what it costs, of the class's designs."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab.charts import results
from mnist_lab.charts.style import Spec
from mnist_lab.numerals import counted
from mnist_lab.reader import Reader
from mnist_lab.results.pareto import COSTS, with_bytes
from mnist_lab.ui import fields, figure
from mnist_lab.ui.lesson.staged import board, parts
from mnist_lab.ui.results import pareto
from mnist_lab.ui.session import lab, seen

_WHAT = "validation accuracy"
_HEIGHT = 900  # pixels of the stage


def show(reader: Reader, data: dict[str, Any]) -> None:
    """The chart, with a ring around the designs that no other beats."""
    room = reader.rights.room
    assert room
    drawn = _drawn(lab().store.url, reader.rights.view, room.id, data["cost"], data["accuracy_from"])
    parts.heading("Accuracy and cost of the class's designs", drawn.beside)
    if drawn.spec is None:
        st.html('<p class="stage-line">No run of the class has finished here yet.</p>')
        return
    figure.vega(None, drawn.spec, scale=parts.SCALE, key="stage-front", width="content", alt=drawn.words)


@dataclass(frozen=True)
class _Drawn:
    """The chart with its data, None where there is nothing to draw; what it says; and what is said beside its heading."""

    spec: Spec | None
    words: str
    beside: str


@st.cache_resource(ttl=parts.SECONDS, max_entries=16, show_spinner=False)
def _drawn(url: str, view: str | None, class_id: int, cost: str, from_: int) -> _Drawn:
    """Read once for all who see the same runs."""
    del url, view, class_id
    rows = with_bytes(board.of_class(seen()))
    points = pareto.placed(rows[rows["parameters"].notna()], cost, "validation")
    low = from_ / 100
    shown = points[points["accuracy"] >= low].assign(low=lambda found: found["low"].clip(lower=low))
    below = len(points) - len(shown)
    beside = f"{counted(below, 'design')} below {from_} %" if below else "ringed: not beaten by any other"
    if shown.empty:
        return _Drawn(None, "", beside)
    return _Drawn(_spec(shown, cost, low), pareto.in_words(shown, cost, _WHAT), beside)


@st.cache_resource(max_entries=16, show_spinner=False)
def _spec(points: pd.DataFrame, cost: str, low: float) -> Spec:
    """The chart of some points, with a size of its own: a browser would measure that on its screen, not that on the stage.
    Made once, for Altair takes longer for it than all else."""
    spec: Spec = results.costs(points, cost, COSTS[cost], _WHAT, None, shown=(low, 1.0)).to_dict()
    size = {"width": parts.WIDTH, "height": _HEIGHT / parts.SCALE, "autosize": {"type": "fit", "contains": "padding"}}
    return spec | size


def steer(reader: Reader, data: dict[str, Any]) -> None:
    """Which cost, and where the axis of accuracy begins."""
    del reader
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Cost",
            list(COSTS),
            required=True,
            format_func=lambda name: name.replace("_", "-").capitalize(),
            **fields.bound("stage-front-cost", data["cost"], parts.keep("front", data, "cost"), argument="default"),
        )
        st.segmented_control(
            "From",
            parts.ACCURACIES,
            required=True,
            format_func=lambda per_cent: f"{per_cent} %",
            help="Where the axis of accuracy begins. Designs below it are counted, and not drawn.",
            **fields.bound(
                "stage-front-from",
                data["accuracy_from"],
                parts.keep("front", data, "accuracy_from"),
                argument="default",
            ),
        )

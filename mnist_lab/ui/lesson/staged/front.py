"""Accuracy against what it costs, of the class's designs."""

from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab.charts import results
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
    cost, low = data["cost"], data["accuracy_from"] / 100
    points = _points(lab().store.url, reader.rights.view, room.id, cost)
    shown = points[points["accuracy"] >= low].assign(low=lambda rows: rows["low"].clip(lower=low))
    below = len(points) - len(shown)
    parts.heading(
        "Accuracy and cost of the class's designs",
        f"{counted(below, 'design')} below {100 * low:.0f} %" if below else "ringed: not beaten by any other",
    )
    if shown.empty:
        st.html('<p class="stage-line">No run of the class has finished here yet.</p>')
        return
    chart = results.costs(shown, cost, COSTS[cost], _WHAT, None, shown=(low, 1.0))
    # A browser would measure the size on its screen, and not that on the stage.
    chart.width, chart.height = round(parts.WIDTH / parts.SCALE), round(_HEIGHT / parts.SCALE)
    chart.autosize = {"type": "fit", "contains": "padding"}
    figure.altair(chart, scale=parts.SCALE, key="stage-front", width="content", alt=pareto.in_words(shown, cost, _WHAT))


@st.cache_data(ttl=parts.SECONDS, max_entries=16, show_spinner=False)
def _points(url: str, view: str | None, class_id: int, cost: str) -> pd.DataFrame:
    """Read once for all who see the same runs."""
    del url, view, class_id
    rows = with_bytes(board.of_class(seen()))
    return pareto.placed(rows[rows["parameters"].notna()], cost, "validation")


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

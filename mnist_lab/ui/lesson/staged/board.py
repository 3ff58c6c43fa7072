"""The class's best designs, the first ten."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab.charts import swatch
from mnist_lab.reader import Reader
from mnist_lab.ui import fields
from mnist_lab.ui.lesson.staged import parts
from mnist_lab.ui.looks import looks
from mnist_lab.ui.results import table
from mnist_lab.ui.session import lab, seen

_MOST = 10
_COSTS = {"parameters": "Parameters", "multiply_adds": "Multiply-adds", "seconds": "Seconds"}
_WHO = {"names": "Names", "pseudonyms": "Pseudonyms", "nobody": "Nobody"}


def show(reader: Reader, data: dict[str, Any]) -> None:
    """A table with as many rows as there is room for, whether they are there yet or not."""
    room = reader.rights.room
    assert room
    parts.heading("The class's best designs", "by validation accuracy, the mean over seeds")
    rows = _best(lab().store.url, reader.rights.view, room.id)
    if rows.empty:
        st.html('<p class="stage-line">No run of the class has finished yet.</p>')
        return
    drawn, names = looks(rows["design_key"]), reader.classmates()
    is_named = data["who"] != "nobody"
    cost = data["cost"]
    head = "".join(
        f"<th scope=col{' class=by' if title == 'By' else ''}>{title}</th>"
        for title in ["", "Design", *(["By"] if is_named else []), "Accuracy", "Seeds", _COSTS[cost]]
    )
    lines = []
    for place, (_, row) in enumerate(rows.iterrows(), 1):
        owner = str(row["owner"])
        who = names.get(owner, owner) if data["who"] == "names" else owner
        by = f"<td class=by><bdi>{escape(who)}</bdi></td>" if is_named else ""
        look = swatch.url(drawn[row["design_key"]])
        lines.append(
            f'<tr><td>{place}</td><th scope=row><span><img src="{look}" alt=""> {escape(str(row["name"]))}</span></th>{by}'
            f"<td>{100 * row['validation_accuracy']:.2f} %</td><td>{row['n']:.0f}</td><td>{_amount(row, cost)}</td></tr>"
        )
    st.html(f'<table class="stage-board"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>')


@st.cache_data(ttl=parts.SECONDS, max_entries=16, show_spinner=False)
def _best(url: str, view: str | None, class_id: int) -> pd.DataFrame:
    """The best rows, a row a design and pupil; read once for all who see the same runs."""
    del url, view, class_id
    found = of_class(seen())
    return found.sort_values("validation_accuracy", ascending=False, kind="stable").head(_MOST)


def of_class(reader: Reader) -> pd.DataFrame:
    """Of the designs that were trained, those of the class that have finished: a row a design and pupil."""
    rows = table.designs(reader.fingerprint())
    is_theirs = rows["owner"].isin(list(reader.classmates()))
    return rows[is_theirs & (rows["n"] > 0) & rows["validation_accuracy"].notna()]


def _amount(row: pd.Series, cost: str) -> str:
    value = row[cost]
    if pd.isna(value):
        return "–"
    return f"{value:,.1f} s" if cost == "seconds" else f"{value:,.0f}"


def steer(reader: Reader, data: dict[str, Any]) -> None:
    """How pupils stand there, and with which cost."""
    del reader
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Pupils by",
            list(_WHO),
            required=True,
            format_func=_WHO.__getitem__,
            help="A pseudonym is what the lab calls a pupil in its files, such as pupil 7.",
            **fields.bound("stage-who", data["who"], parts.keep("board", data, "who"), argument="default"),
        )
        st.segmented_control(
            "Cost",
            list(_COSTS),
            required=True,
            format_func=_COSTS.__getitem__,
            **fields.bound("stage-board-cost", data["cost"], parts.keep("board", data, "cost"), argument="default"),
        )

"""What can be done with chosen runs: compare, open, label, put aside; and undone again."""

from math import sqrt
from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab import comparison
from mnist_lab.comparison import MOST_SIDES
from mnist_lab.errors import InputError
from mnist_lab.names import MAX_NAME
from mnist_lab.statistics import luck_of_the_best
from mnist_lab.ui import draft as drafts
from mnist_lab.ui import menu
from mnist_lab.ui.session import lab

_DONE = "labels_done"
_MESSAGE = "labels_message"
_MOST_UNDONE = 50
_FEW = 3
MOST_INSPECTED = 4


def show(chosen: pd.DataFrame, every: pd.DataFrame) -> None:
    """A bar of actions for the chosen rows, some of the table; `every` is a row for each run."""
    if message := st.session_state.pop(_MESSAGE, None):
        st.error(message, icon=":material/error:")
    run_ids = [run_id for ids in chosen["ids"] for run_id in ids]
    first_ids = [ids[0] for ids in chosen["ids"]]
    with st.container(horizontal=True, vertical_alignment="center", key="actions"):
        if not run_ids:
            st.caption("Tick rows to compare them, open one, or label them.")
        else:
            many = len(run_ids) - len(chosen)
            st.markdown(f"**{len(chosen)} chosen**" + (f", {len(run_ids)} runs" if many else ""), width="content")
            if st.button(
                "Compare",
                icon=":material/compare_arrows:",
                disabled=not 2 <= len(chosen) <= MOST_SIDES,
                help=f"Side by side, with a verdict: from 2 to {MOST_SIDES} rows.",
            ):
                st.switch_page(menu.COMPARE, query_params={"runs": ",".join(map(str, first_ids))})
            if st.button("Open", icon=":material/open_in_full:", disabled=len(chosen) != 1, help="All about this run."):
                st.switch_page(menu.RUN, query_params={"run": str(first_ids[0])})
            if st.button(
                "Inspect",
                icon=":material/search_insights:",
                disabled=len(chosen) > MOST_INSPECTED,
                help=f"Look into up to {MOST_INSPECTED} networks.",
            ):
                st.switch_page(menu.INSPECT, query_params={"runs": ",".join(map(str, first_ids))})
            if st.button("To Design", icon=":material/architecture:", disabled=len(chosen) != 1):
                to_design(first_ids[0])
            wanted = set(run_ids)
            labels(every[every["ids"].map(lambda ids: ids[0] in wanted)], every)
        undo_button()


def to_design(run_id: int) -> None:
    """Open a run's design to change it."""
    drafts.open_run(lab().run(run_id).experiment)
    st.switch_page(menu.DESIGN)


def labels(runs: pd.DataFrame, every: pd.DataFrame) -> None:
    """Rename, tag, note, archive and delete some runs, a row each; `every` has the tags that are known."""
    ids = [ids[0] for ids in runs["ids"]]
    key = f"labels-{ids[0]}-{len(ids)}"
    common = sorted(set.intersection(*(set(tags) for tags in runs["tags"])))
    known = sorted({tag for tags in every["tags"] for tag in tags})
    notes = runs["note"].unique()
    with st.popover("Label", icon=":material/label:", key="label"), st.form(key, border=False):
        name = st.text_input("Name", runs["name"].iloc[0], max_chars=MAX_NAME, key=f"{key}-name")
        tags = st.multiselect("Tags", known, common, accept_new_options=True, key=f"{key}-tags")
        note = st.text_area("Note", notes[0] if len(notes) == 1 else "", key=f"{key}-note")
        if len(ids) > 1:
            st.caption(f"For all {len(ids)} runs; what is left as it is here stays as it is in each.")
        if st.form_submit_button("Save", type="primary"):
            _save(
                runs,
                name,
                set(tags) - set(common),
                set(common) - set(tags),
                note if note != "" or len(notes) == 1 else None,
            )
    are_archived = bool(runs["archived"].all())
    st.button(
        "Unarchive" if are_archived else "Archive",
        icon=":material/unarchive:" if are_archived else ":material/archive:",
        on_click=_label,
        args=("Unarchived" if are_archived else "Archived", ids),
        kwargs={"archived": not are_archived},
        help="Archived runs are out of the table until Archived too is on; they still count in comparisons.",
    )
    st.button(
        "Delete",
        icon=":material/delete:",
        on_click=_label,
        args=("Deleted", ids),
        kwargs={"deleted": True},
        help="Can be undone; what stays deleted for seven days is gone with its weights.",
    )


def _save(runs: pd.DataFrame, name: str, added: set[str], removed: set[str], note: str | None) -> None:
    before: list[dict[str, Any]] = []
    try:
        for ids, old, tags in zip(runs["ids"], runs["name"], runs["tags"], strict=True):
            values: dict[str, Any] = {"tags": sorted((set(tags) | added) - removed)} if added or removed else {}
            if name not in (runs["name"].iloc[0], old):
                values["name"] = name
            if note is not None:
                values["note"] = note
            if values:
                before += lab().label(list(ids), **values)
    except InputError as error:
        st.session_state[_MESSAGE] = str(error)
    _remember("Labelled", before)
    st.rerun()


def _label(words: str, ids: list[int], **values: Any) -> None:
    try:
        _remember(words, lab().label(ids, **values))
    except InputError as error:
        st.session_state[_MESSAGE] = str(error)


def _remember(words: str, before: list[dict[str, Any]]) -> None:
    if before:
        count = f"{len(before)} runs" if len(before) > 1 else f"run {before[0]['id']}"
        done = st.session_state.setdefault(_DONE, [])
        done.append((f"{words} {count}", before))
        del done[:-_MOST_UNDONE]


def undo_button() -> None:
    """Takes the last labels back; Ctrl-Z does too."""
    done = st.session_state.get(_DONE)
    if done:
        st.caption(f"{done[-1][0]}.", width="content")
        st.button("Undo", icon=":material/undo:", on_click=_undo, shortcut="Ctrl+Z", key="undo_labels")


def _undo() -> None:
    _, before = st.session_state[_DONE].pop()
    lab().relabel(before)
    st.session_state["chosen_runs"] = [labels["id"] for labels in before]  # to go on with what is back


def luck(rows: pd.DataFrame) -> str:
    """What choosing the best of these rows by test accuracy would do, in a sentence; empty for a few rows."""
    designs = rows[rows["test_accuracy"].notna() & (rows["n"] > 0)]
    if len(designs) < _FEW:
        return ""
    sd = comparison.usual_sd_of_groups(designs)
    share = designs["test_accuracy"].median()
    error = (sd if sd else sqrt(share * (1 - share) / 10_000)) / sqrt(designs["n"].median())
    points = 100 * luck_of_the_best(len(designs), error)
    return (
        f"Choosing the best of these {len(designs)} by test accuracy flatters it: of as many equally good ones the best is by luck "
        f"alone about {points:.2f} points above its true mean. Choose by validation accuracy, and report the test accuracy of the one chosen."
    )

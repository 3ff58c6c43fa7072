"""What can be done with chosen runs: compare, open, inspect, label."""

from math import sqrt

import pandas as pd
import streamlit as st

from mnist_lab.numerals import counted
from mnist_lab.results import comparison
from mnist_lab.results.comparison import MAX_SIDES
from mnist_lab.results.spread import selection_bias
from mnist_lab.store.run import Status
from mnist_lab.ui import labels, navigation
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.session import seen
from mnist_lab.ui.train import queue

_FEW = 3
MOST_INSPECTED = 4


def show(chosen: pd.DataFrame, every: pd.DataFrame, count: str, *, deleted: bool = False) -> None:
    """A bar of actions for the chosen rows, some of the table; it keeps its place and height whether any is chosen or not.

    Args:
        every: a row for each run, all of them deleted or none; count: what there is to choose from, in words.
    """
    run_ids = [run_id for ids in chosen["ids"] for run_id in ids]
    first_ids = [ids[0] for ids in chosen["ids"]]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="actions"):
        if not run_ids:
            st.caption(
                f"{count} Tick rows to compare, open or label them; by keyboard with Shift+Space.", width="content"
            )
        else:
            many = len(run_ids) - len(chosen)
            st.markdown(
                f"**{len(chosen)} chosen**" + (f", {counted(len(run_ids), 'run')}" if many else ""), width="content"
            )
            wanted = set(run_ids)
            runs = every[every["ids"].map(lambda ids: ids[0] in wanted)]
            if not deleted:
                _open_in(chosen, first_ids)
                rights = seen().rights
                mine = runs if rights.are_all else runs[runs["owner"] == rights.owner]
                queue.bulk_controls(
                    {ids[0]: Status(status) for ids, status in zip(mine["ids"], mine["status"], strict=True)}
                )
                labels.controls(runs, every)
            else:
                if st.button(
                    "Open", icon=":material/open_in_full:", disabled=len(chosen) != 1, help="Everything about this run."
                ):
                    st.switch_page(navigation.RUN.script, query_params={"run": str(first_ids[0])})
                labels.restore(run_ids)
        labels.undo_button()


def _open_in(chosen: pd.DataFrame, first_ids: list[int]) -> None:
    """Buttons that open the chosen rows on other pages."""
    if st.button(
        "Compare",
        icon=":material/compare_arrows:",
        disabled=not 2 <= len(chosen) <= MAX_SIDES,
        help=f"Side by side, with a verdict: from 2 to {MAX_SIDES} rows.",
    ):
        st.switch_page(navigation.COMPARE.script, query_params={"runs": ",".join(map(str, first_ids))})
    if st.button("Open", icon=":material/open_in_full:", disabled=len(chosen) != 1, help="Everything about this run."):
        st.switch_page(navigation.RUN.script, query_params={"run": str(first_ids[0])})
    if st.button(
        "Inspect",
        icon=":material/search_insights:",
        disabled=len(chosen) > MOST_INSPECTED,
        help=f"Look into up to {MOST_INSPECTED} networks.",
    ):
        st.switch_page(navigation.INSPECT.script, query_params={"runs": ",".join(map(str, first_ids))})
    if st.button("To Design", icon=":material/architecture:", disabled=len(chosen) != 1):
        to_design(first_ids[0])


def to_design(run_id: int) -> None:
    """Open a run's design to change it."""
    drafts.open_run(seen().run(run_id).experiment)
    st.switch_page(navigation.DESIGN.script, query_params=drafts.query())


def selection_bias_words(rows: pd.DataFrame) -> str:
    """How much the best of these rows by test accuracy would be overestimated, in two sentences; empty for a few rows."""
    designs = rows[rows["test_accuracy"].notna() & (rows["n"] > 0)]
    if len(designs) < _FEW:
        return ""
    sd = comparison.usual_sd_of_groups(designs)
    share = designs["test_accuracy"].median()
    error = (sd if sd else sqrt(share * (1 - share) / 10_000)) / sqrt(designs["n"].median())
    points = 100 * selection_bias(len(designs), error)
    return (
        f"The best of these {len(designs)} designs looks better than it is: even if all were equally good, chance alone would lift "
        f"one of them about {points:.2f} points above its true test accuracy (selection bias). So choose by validation "
        "accuracy, and report the test accuracy of the one that you chose."
    )

"""Accuracy against what it costs, with the designs that no other beats marked; a click opens a run."""

import pandas as pd
import streamlit as st

from mnist_lab.charts import results
from mnist_lab.numerals import counted
from mnist_lab.results.pareto import COSTS, front, with_bytes
from mnist_lab.ui import fields, figure, navigation
from mnist_lab.ui.looks import looks
from mnist_lab.ui.results import actions
from mnist_lab.ui.text import plain

_MOST_SAID = 6
_DIGITS = dict.fromkeys(("accuracy", "low", "high"), 6)  # the chart's table can be read on the page
_METRICS = {"Test accuracy": "test", "Validation accuracy": "validation"}


def show(folded: pd.DataFrame) -> None:
    """The chart, from a table with a row a design."""
    cost, metric, budget, whole = _chosen()
    name = _METRICS[metric]
    rows = with_bytes(folded[(folded["n"] > 0) & folded[f"{name}_accuracy"].notna() & folded["parameters"].notna()])
    if rows.empty:
        st.caption("No run has finished yet.")
        return
    points = placed(rows, cost, name)
    event = figure.altair(
        results.costs(points, cost, COSTS[cost], metric.lower(), budget, whole=whole),
        on_select="rerun",
        selection_mode="open",
        key="costs",
        alt=in_words(points, cost, metric),
    )
    st.caption(
        "Ringed and joined: designs that no other beats, being both as accurate and as cheap (the Pareto front). Bars: 95 % intervals "
        "of the mean over seeds; a point without a bar has fewer than three. A click on a point opens its newest run."
    )
    within = points[points[cost] <= budget] if budget else points
    if budget and len(within):
        best = within.sort_values("accuracy").iloc[-1]
        st.caption(
            f"Within the budget, {plain(best['name'])} (run {best['run']}) is the most accurate: {best['accuracy']:.2%}, "
            f"{counted(int(best['seeds']), 'seed')}. " + (actions.selection_bias_words(rows) if name == "test" else "")
        )
    if opened := event["selection"].get("open"):
        st.switch_page(navigation.RUN.script, query_params={"run": str(int(opened[0]["run"]))})


def in_words(points: pd.DataFrame, cost: str, metric: str) -> str:
    """What the chart shows, for who cannot see it: the designs on the front, from the cheapest on."""
    best = points[points["front"]].sort_values(cost)
    each = ", ".join(
        f"{row['name']} {results.amount(row, cost, COSTS[cost])}" for _, row in best.head(_MOST_SAID).iterrows()
    )
    return f"{metric} against {COSTS[cost]} of {counted(len(points), 'design')}; not beaten by any other: {each}"


def _chosen() -> tuple[str, str, float | None, bool]:
    """Controls for the cost, the accuracy, a budget, None where there is none, and whether the whole axis is shown."""
    row = st.container(horizontal=True, vertical_alignment="bottom", key="tools-costs")
    cost: str = row.segmented_control(
        "Cost",
        list(COSTS),
        default="parameters",
        required=True,
        key="cost",
        persist_state="session",
        format_func=lambda name: name.replace("_", "-").capitalize(),
    )
    metric: str = row.segmented_control(
        "Accuracy",
        list(_METRICS),
        default="Test accuracy",
        required=True,
        key="cost-metric",
        persist_state="session",
        format_func=lambda name: name.split()[0],
    )
    right = row.container(width=230)
    budget = fields.optional_number(
        right,
        f"Budget ({COSTS[cost]})",
        key=f"budget-{cost}",
        help="Draws a line; designs to the right of it cost too much.",
        is_count=cost != "seconds",
    )
    if budget is not None and budget <= 0:
        right.caption("A budget is more than 0.")
        budget = None
    whole = row.toggle(
        "0 to 100 %",
        key="cost-whole",
        persist_state="session",
        help="The whole axis of accuracy, and not only the part where the designs are.",
    )
    return cost, metric, budget, whole


def placed(rows: pd.DataFrame, cost: str, name: str) -> pd.DataFrame:
    """The points of the chart, from rows of designs, along a cost, by their `test` or `validation` accuracy."""
    accuracy = rows[f"{name}_accuracy"]
    drawn = looks(rows["design_key"])
    points = pd.DataFrame(
        {
            "run": [ids[0] for ids in rows["ids"]],  # also of no rows
            "name": rows["name"],
            "colour": [drawn[key].colour for key in rows["design_key"]],
            "shape": [drawn[key].shape for key in rows["design_key"]],
            "seeds": rows["n"],
            cost: rows[cost].astype(float).round(1),
            "accuracy": accuracy,
            "low": rows[f"{name}_low"].fillna(accuracy),
            "high": rows[f"{name}_high"].fillna(accuracy),
        }
    ).round(_DIGITS)
    return points.assign(front=front(points[cost].to_numpy(float), points["accuracy"].to_numpy(float)))

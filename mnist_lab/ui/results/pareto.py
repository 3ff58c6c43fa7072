"""Accuracy against what it costs, with the designs that no other beats marked; a click opens a run."""

import pandas as pd
import streamlit as st

from mnist_lab.charts import results
from mnist_lab.results.pareto import COSTS, front, with_bytes
from mnist_lab.ui import fields, navigation
from mnist_lab.ui.results import actions
from mnist_lab.ui.text import plain

_METRICS = {"Test accuracy": "test", "Validation accuracy": "validation"}


def show(folded: pd.DataFrame) -> None:
    """The chart, from a table with a row a design."""
    cost, metric, budget = _chosen()
    name = _METRICS[metric]
    rows = with_bytes(folded[(folded["n"] > 0) & folded[f"{name}_accuracy"].notna() & folded["parameters"].notna()])
    if rows.empty:
        st.caption("No run has finished yet.")
        return
    points = _points(rows, cost, name)
    event = st.altair_chart(
        results.costs(points, cost, COSTS[cost], f"{metric.lower()}, mean over seeds", budget),
        on_select="rerun",
        selection_mode="open",
        key="costs",
        alt=f"{metric} against {COSTS[cost]}; {int(points['front'].sum())} of {len(points)} designs are on the Pareto front",
    )
    st.caption(
        "◆ on the Pareto front: no other design is as accurate at no more cost. Bars: 95 % intervals over seeds; a point "
        "without one is a single run. Click a point to open its newest run."
    )
    within = points[points[cost] <= budget] if budget else points
    if budget and len(within):
        best = within.sort_values("accuracy").iloc[-1]
        st.caption(
            f"Within the budget, {plain(best['name'])} (run {best['run']}) is the most accurate: {best['accuracy']:.2%}, n = {best['n']}. "
            + (actions.selection_bias_words(rows) if name == "test" else "")
        )
    if opened := event["selection"].get("open"):
        st.switch_page(navigation.RUN.script, query_params={"run": str(int(opened[0]["run"]))})


def _chosen() -> tuple[str, str, float | None]:
    """Controls for the cost, the accuracy and a budget; the latter is None where there is none."""
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    cost: str = left.segmented_control(
        "Cost",
        list(COSTS),
        default="parameters",
        required=True,
        key="cost",
        persist_state="session",
        format_func=lambda name: name.replace("_", "-").capitalize(),
    )
    metric: str = middle.segmented_control(
        "Accuracy",
        list(_METRICS),
        default="Test accuracy",
        required=True,
        key="cost-metric",
        persist_state="session",
        format_func=lambda name: name.split()[0],
    )
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
    return cost, metric, budget


def _points(rows: pd.DataFrame, cost: str, name: str) -> pd.DataFrame:
    accuracy = rows[f"{name}_accuracy"]
    points = pd.DataFrame(
        {
            "run": rows["ids"].str[0],
            "name": rows["name"],
            "n": rows["n"],
            cost: rows[cost].astype(float),
            "accuracy": accuracy,
            "low": rows[f"{name}_low"].fillna(accuracy),
            "high": rows[f"{name}_high"].fillna(accuracy),
        }
    )
    return points.assign(front=front(points[cost].to_numpy(float), points["accuracy"].to_numpy(float)))

"""The Results page's parts: the table of runs, a row's runs, the notebook's table beside ours."""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab import charts, notebook, results
from mnist_lab.presets import NOTEBOOK_PRESETS
from mnist_lab.store import Run
from mnist_lab.ui import menu
from mnist_lab.ui.session import errors_shown, lab

REFRESH_SECONDS = 3.0
_number = st.column_config.NumberColumn
_CONFIG: dict[str, Any] = {
    "name": st.column_config.TextColumn("Design", pinned=True),
    "status": "Status",
    "n": _number("n", help="Finished seeds in this row.", width=50),
    "kernel_sizes": "Kernels",
    "conv_layers": _number("Conv layers", width=90),
    "filters": "Filters",
    "parameters": _number("Parameters", format="localized"),
    "test_accuracy": _number(
        "Test accuracy", format="%.2f %%", help="Of the kept weights on the 10,000 test images; mean over n seeds."
    ),
    "test_sd": _number("± sd", format="%.2f", help="Standard deviation over n seeds, in percentage points."),
    "test_loss": _number("Test loss", format="%.4f", help="Mean over n seeds."),
    "validation_accuracy": _number(
        "Validation accuracy", format="%.2f %%", help="Of the kept weights; mean over n seeds."
    ),
    "validation_sd": _number("± sd ", format="%.2f", help="Standard deviation over n seeds, in percentage points."),
    "best_validation_accuracy": _number("Best validation", format="%.2f %%"),
    "best_epoch": _number("Best epoch", format="%d", help="Empty where the seeds differ."),
    "last_validation_accuracy": _number("Last validation", format="%.2f %%"),
    "last_epoch": _number("Last epoch", format="%d"),
    "seconds": _number("Seconds", format="%.1f s", help="From start to test result; mean over n seeds."),
    "predicted": st.column_config.TextColumn("Predicted", help="What the lab expected it to take before it began."),
    "continues": st.column_config.TextColumn(
        "Continues", help="The run it goes on from, and after which of its epochs; it is never one of a group of seeds."
    ),
    "protocol": st.column_config.TextColumn(
        "Protocol", help="notebook: validated on the test images. holdout: on 5,000 training images kept apart."
    ),
    "seeds": "Seeds",
    "when": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm:ss"),
    "runs": "Runs",
    "error": st.column_config.TextColumn("Why it ended"),
}
_SHARES = [
    name
    for name in results.COLUMNS
    if name.endswith(("accuracy", "accuracy_sd")) or name in ("test_sd", "validation_sd")
]


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as they are displayed and exported: percentages, local time, text for tuples, columns in reading order."""
    shown = rows.copy()
    shown[_SHARES] = shown[_SHARES].astype(float) * 100
    shown["when"] = shown["when"].dt.tz_convert(datetime.now().astimezone().tzinfo)
    for name, source in (("runs", "ids"), ("seeds", "seeds")):
        shown[name] = [", ".join(map(str, values)) for values in rows[source]]
    return shown[list(_CONFIG)]


@st.fragment(run_every=REFRESH_SECONDS)
@errors_shown()
def show() -> None:
    """The table, then what the chosen row holds."""
    runs = lab().runs()
    if not runs:
        st.info("No runs yet: train a network and it appears here.", icon=":material/info:")
        st.page_link(menu.DESIGN, label="Design a network", icon=":material/architecture:")
        return
    one_by_one = results.table(runs)
    folding, export = st.columns([3, 1], vertical_alignment="center")
    fold = folding.toggle(
        "Fold seeds",
        value=True,
        key="fold",
        persist_state="session",
        help="Finished runs that differ only in their seed become one row with mean and standard deviation. "
        "Runs that were stopped, failed or were interrupted keep a row of their own and enter no mean.",
    )
    rows = results.fold(one_by_one) if fold else one_by_one
    export.download_button(
        "Export all runs (CSV)",
        lambda: _shown(one_by_one).to_csv(index=False),
        "mnist-lab-runs.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )
    chosen = _selected(rows)
    st.dataframe(
        _shown(rows),
        hide_index=True,
        placeholder="–",
        column_config=_CONFIG,
        on_select=_select,
        selection_mode="single-row",
        key="runs",
        height=min(560, 38 + 35 * len(rows)),
        alt="Every run, newest first, with its design, status, accuracies and cost",
    )
    if chosen is None:
        st.caption("Choose a row to see its runs and their curves.")
    else:
        _details(rows.iloc[chosen], {run.id: run for run in runs})


def _selected(rows: pd.DataFrame) -> int | None:
    """Position of the chosen row. The choice is of a run, not of a place: rows move down as new runs come."""
    ids = rows["ids"].tolist()
    run_id = st.session_state.get("chosen_run")
    position = next((i for i, row in enumerate(ids) if run_id in row), None)
    st.session_state["shown_ids"] = ids
    st.session_state["runs"] = {"selection": {"rows": [] if position is None else [position]}}
    return position


def _select() -> None:
    places = st.session_state["runs"]["selection"]["rows"]
    st.session_state["chosen_run"] = st.session_state["shown_ids"][places[0]][0] if places else None


def _details(row: pd.Series, runs: dict[int, Run]) -> None:
    chosen = [runs[run_id] for run_id in row["ids"]]
    with st.container(border=True):
        st.markdown(f"**{row['name']}** · kernels {row['kernel_sizes']} · filters {row['filters']}")
        with st.container(horizontal=True):
            for run in chosen[:30]:
                st.page_link(
                    menu.TRAIN,
                    label=f"Run {run.id}, seed {run.experiment.seed}",
                    icon=":material/monitoring:",
                    query_params={"run": str(run.id)},
                )
        epochs = lab().epochs([run.id for run in chosen])
        if len(epochs):
            epochs["seed"] = epochs["run_id"].map({run.id: run.experiment.seed for run in chosen})
            planned = max(run.experiment.recipe.epochs for run in chosen)
            st.altair_chart(charts.seeds(epochs, planned), alt="Validation accuracy by epoch, a line for each run")
        if row["n"] == 1:
            st.caption("One run is one sample: train more seeds before you conclude anything.")


def beside_notebook() -> None:
    """The notebook's table and curves, and the runs that reproduce them."""
    st.subheader("The notebook, and runs that repeat it")
    st.write(
        "In 2019 a notebook trained each of these networks once and concluded that 7×7 kernels win. "
        "Runs of the unchanged presets appear beside its figures."
    )
    runs = lab().runs()
    rows = results.beside_notebook(runs)
    shown = pd.DataFrame(
        {
            "Kernel": rows["kernel_sizes"],
            "Conv layers": rows["conv_layers"],
            "Notebook: test accuracy": 100 * rows["test_accuracy"],
            "Notebook: test loss": rows["test_loss"],
            "Ours: test accuracy": 100 * rows["our_test_accuracy"].astype(float),
            "± sd": 100 * rows["our_test_sd"].astype(float),
            "Ours: test loss": rows["our_test_loss"].astype(float),
            "n": rows["n"],
        }
    )
    percent = _number(format="%.2f %%")
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="–",
        column_config={
            "Notebook: test accuracy": percent,
            "Ours: test accuracy": percent,
            "± sd": _number(format="%.2f", help="Standard deviation over n seeds, in percentage points."),
            "Notebook: test loss": _number(format="%.4f"),
            "Ours: test loss": _number(format="%.4f", help="Mean over n seeds."),
            "n": _number(help="Seeds of ours; the notebook's figures are of one run each."),
        },
        alt="The notebook's table of three networks with ours beside it",
    )
    missing = [row["name"] for _, row in rows.iterrows() if row["n"] == 0]
    if missing:
        st.caption(
            f"Not repeated here yet: {', '.join(missing)}. Choose the preset on Design and press Train, "
            "or run `python -m mnist_lab reproduce`."
        )
    ours = results.reproductions(runs)
    names = {run.id: name for name, repeated in ours.items() for run in repeated}
    epochs = lab().epochs(list(names)).assign(name=lambda table: table["run_id"].map(names))
    for column, name in zip(st.columns(len(NOTEBOOK_PRESETS)), NOTEBOOK_PRESETS, strict=True):
        points = charts.reproduction_points(name, notebook.epochs(), epochs)
        column.altair_chart(
            charts.reproduction(name, points),
            alt=f"Validation accuracy by epoch of {name}: the notebook's log dashed, our runs solid",
        )
    st.caption(
        "Validation accuracy, on the test images. ■ dashed: the notebook, 2019. ● solid: runs of this lab. "
        "What lies under 85 % is drawn at the edge."
    )
    st.caption(
        "The notebook printed no log of its 7×7 network: only its last figure is known. Its 2×2 network's validation accuracy jumps by several "
        "points from one epoch to the next: one run of it proves little."
    )

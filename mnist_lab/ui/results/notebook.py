"""The notebook's table and curves, and the runs of this lab that repeat them."""

import pandas as pd
import streamlit as st

from mnist_lab.charts import frames, results
from mnist_lab.data import notebook
from mnist_lab.design.presets import NOTEBOOK_PRESETS
from mnist_lab.results import table as results_table
from mnist_lab.ui import figure, grid
from mnist_lab.ui.session import lab

_number = st.column_config.NumberColumn


def show(rows: pd.DataFrame) -> None:
    """The notebook's table and curves, and the runs that reproduce them."""
    st.header("The notebook, and runs that repeat it", anchor=False)
    st.write(
        "In 2019 a notebook trained each of these networks once and concluded that 7×7 kernels win. "
        "Runs of the unchanged presets appear beside its figures."
    )
    _figures(results_table.beside_notebook(rows))
    _curves(rows)
    st.caption(
        "The notebook printed no log of its 7×7 network: only its last figure is known. Its 2×2 network's validation accuracy jumps by several "
        "points from one epoch to the next, so a single run of it proves little."
    )


def _figures(beside: pd.DataFrame) -> None:
    shown = pd.DataFrame(
        {
            "Kernel": beside["kernel_sizes"],
            "Conv layers": beside["conv_layers"],
            "Notebook: test accuracy": 100 * beside["test_accuracy"],
            "Notebook: test loss": beside["test_loss"],
            "Ours: test accuracy": 100 * beside["our_test_accuracy"].astype(float),
            "± sd": 100 * beside["our_test_sd"].astype(float),
            "Ours: test loss": beside["our_test_loss"].astype(float),
            "Seeds": beside["n"],
        }
    )
    percent = _number(format="%.2f %%")
    grid.show(
        shown,
        {
            "Notebook: test accuracy": percent,
            "Ours: test accuracy": percent,
            "± sd": _number(format="%.2f", help="Standard deviation over our seeds, in percentage points."),
            "Notebook: test loss": _number(format="%.4f"),
            "Ours: test loss": _number(format="%.4f", help="Mean over our seeds."),
            "Seeds": _number(help="How many seeds of ours; the notebook's figures are of one run each."),
        },
        alt="The notebook's table of three networks with ours beside it",
    )
    missing = [row["name"] for _, row in beside.iterrows() if row["n"] == 0]
    if missing:
        st.caption(
            f"Not repeated here yet: {', '.join(missing)}. Choose the preset on Design and press Train, "
            "or run `python -m mnist_lab reproduce`."
        )


def _curves(rows: pd.DataFrame) -> None:
    ours = results_table.reproductions(rows)
    names = {ids[0]: name for name, repeated in ours.items() for ids in repeated["ids"]}
    epochs = lab().store.runs.epochs(list(names)).assign(name=lambda table: table["run_id"].map(names))
    each = {name: results.reproduction_points(name, notebook.epochs(), epochs) for name in NOTEBOOK_PRESETS}
    every = pd.concat([points.assign(line=name + points["line"]) for name, points in each.items()])
    frame = frames.frame("accuracy", every["epoch"], every["value"], every["line"])
    for column, (name, points) in zip(st.columns(len(each)), each.items(), strict=True):
        last = [f"{line} {part['value'].iloc[-1]:.2%}" for line, part in points.groupby("line", sort=False)]
        figure.vega(
            points,
            results.reproduction(name, frame),
            column,
            alt=f"Validation accuracy by epoch of {name}, the notebook's log dashed, our runs solid; at the end: "
            + (", ".join(last) or "nothing"),
        )
    left_out = frames.outside("accuracy", every["value"], frame)
    st.caption(
        "Validation accuracy, on the test images. ■ dashed: the notebook, 2019. ● solid: runs of this lab."
        + (f" Outside the frame: {left_out}." if left_out else "")
    )

"""Files out and in: the table and the epochs, a run's receipt, a receipt from elsewhere that is to be repeated."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from mnist_lab.design.network import problem, totals, trace
from mnist_lab.errors import InputError, one_line
from mnist_lab.inspection import questions
from mnist_lab.results import receipt as receipts
from mnist_lab.results import table as results_table
from mnist_lab.results.files import Kind, written
from mnist_lab.results.receipt import Receipt
from mnist_lab.store.run import Run
from mnist_lab.ui import ask, navigation, watching
from mnist_lab.ui.design import summary
from mnist_lab.ui.looks import looks
from mnist_lab.ui.session import ONCE, fragment, lab, may_keep_names, person, pressed_once, seen
from mnist_lab.ui.text import plain, refusal

_QUEUED = "receipt_queued"
_TYPES: dict[Kind, str] = {"CSV": "text/csv", "Parquet": "application/vnd.apache.parquet", "JSON": "application/json"}


def table(
    found: pd.DataFrame,
    every: pd.DataFrame,
    fields: pd.DataFrame,
    columns: list[str],
    shown: Callable[[pd.DataFrame], pd.DataFrame],
) -> None:
    """The rows shown, all runs or the epochs of the runs shown, as CSV, Parquet or JSON.

    Each has the whole design and recipe of its rows, and `columns`, the chosen ones, come first.
    """
    with st.popover("Export", icon=":material/download:", key="export"):
        what = st.radio("What", ["Rows shown", "All runs", "Epochs of the runs shown"], key="export-what")
        kind = st.segmented_control("As", list(_TYPES), default="CSV", required=True, key="export-as") or "CSV"

        who, names = person(), _names_in_files()  # asked now: the file is made when no page is being drawn

        def data() -> bytes:
            lab().reader(who)  # or nobody's any more
            if what == "Rows shown":
                rows = results_table.whole(shown(found), fields, columns)
            elif what == "All runs":
                rows = results_table.whole(every, fields, columns).drop(columns="runs")
                rows["seeds"] = rows["seeds"].str[0]
                rows = rows.rename(columns={"seeds": "seed"})
            else:
                epochs = lab().store.runs.epochs([run_id for ids in found["ids"] for run_id in ids])
                rows = results_table.whole_epochs(epochs, every, fields)
            rows = rows.assign(owner=[names.get(owner, owner) for owner in rows["owner"]])
            return written(drawn_as(rows), kind)

        st.download_button(
            "Download",
            data,
            f"mnist-lab-{what.split()[0].lower()}.{kind.lower()}",
            _TYPES[kind],
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption(
            "With every field of design and recipe; the chosen columns come first. Rows as shown have percentages and the "
            "times of your clock; all runs and epochs have shares of 1, and times in UTC. The last columns are the design's colour and dash in charts."
        )


def _names_in_files() -> dict[str, str]:
    """Pupils' names by their pseudonyms where files may hold them; else none."""
    return seen().names() if may_keep_names() else {}


def drawn_as(rows: pd.DataFrame) -> pd.DataFrame:
    """An exported table with the look of each row's design as its last columns, so that a report's charts can keep it."""
    drawn = looks(rows["design_key"].unique())
    return rows.assign(
        colour=[drawn[key].colour for key in rows["design_key"]],
        dash=[" ".join(map(str, drawn[key].dash)) or "solid" for key in rows["design_key"]],
    )


def export_popover(run: Run) -> None:
    """A run's receipt, for a finished run that continues none; its weights with it where wanted."""
    with st.popover("Export", icon=":material/download:", key="export_popover"):
        try:
            found = receipts.make(run, lab().store.runs.epochs([run.id]), lab().store.runs.probabilities(run.id))
        except InputError as error:
            found = None
            st.caption(plain(str(error)))
        if found:
            st.download_button(
                "Receipt",
                receipts.written(found),
                f"mnist-lab-run-{run.id}.json",
                "application/json",
                icon=":material/receipt_long:",
                on_click="ignore",
                help="JSON: design, recipe, seed, versions, data, results and the predictions' hash. Another "
                "installation can import it and train it again.",
            )
        _weights(run, found)


@fragment
def _weights(run: Run, found: Receipt | None) -> None:
    """The network itself, made when it is asked for: it takes a worker some seconds."""
    key = f"weights-{run.id}"
    if st.button("Prepare the weights", icon=":material/inventory_2:", key=f"prepare-{run.id}"):
        st.session_state[key] = True
    st.caption("As stock Keras files, each checked against the run's own predictions first.")
    if not st.session_state.get(key):
        return
    files = ask.ask(questions.Export(run_id=run.id), "writing and checking the files")
    if files is None:
        del st.session_state[key]
        return
    named = {f"mnist-lab-run-{run.id}.{name.removeprefix('network.')}": data.tobytes() for name, data in files.items()}
    if found:
        st.download_button(
            "Receipt with weights",
            receipts.written(found, named),
            f"mnist-lab-run-{run.id}.zip",
            "application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
        )
    for name, data in named.items():
        st.download_button(
            f".{name.split('.', 1)[1]}, {len(data) / 1e6:.1f} MB",
            data,
            name,
            "application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
        )


def import_receipt() -> None:
    """A receipt from elsewhere: what it says, how long it would take here, and a button to train it again and compare."""
    with st.popover("Import a receipt", icon=":material/upload_file:", key="import_receipt"):
        file = st.file_uploader(
            "Receipt (JSON or zip)",
            type=["json", "zip"],
            key="receipt",
            on_change=lambda: st.session_state.pop(_QUEUED, None),
            help="A file made by “Export” on a run's page, here or in another installation. Nothing is trained before "
            "you have seen what it contains.",
        )
        if file is None:
            return
        try:
            found = receipts.read(file.getvalue())
            _summary(found)
            if pressed_once("Train it again", "train-receipt", icon=":material/play_arrow:") == ONCE:
                st.session_state[_QUEUED] = lab().repeat(found, by=person())
                watching.started([st.session_state[_QUEUED]])
        except InputError as error:
            refusal(one_line(f"{file.name}: {error}"))
            return
        if run_id := st.session_state.get(_QUEUED):
            st.success("It is queued to be trained again, and compared with the receipt when it has finished.")
            st.page_link(navigation.RUN.script, label=f"Run {run_id}", query_params={"run": str(run_id)})
            watching.link(run_id, "Watch it", ":material/monitoring:")


def _summary(found: Receipt) -> None:
    """What a receipt is about, what it claims, and how long training it again would take here."""
    experiment = found.experiment
    if wrong := problem(experiment.architecture):
        raise wrong
    counts = totals(trace(experiment.architecture))
    st.text(f"{found.name}: run {found.run} of another lab")
    st.caption(
        f"{counts.parameters:,} parameters in {len(experiment.architecture.blocks)} convolution blocks. "
        f"{summary.recipe_in_words(experiment)}."
    )
    st.caption(f"It reports: test accuracy {found.metrics.test_accuracy:.2%}, test loss {found.metrics.test_loss:.4f}.")
    st.caption(f"To train it again: {lab().estimate(experiment).text()}, on this machine.")

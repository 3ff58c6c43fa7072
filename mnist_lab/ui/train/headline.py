"""The head of a run on the Train page: its name and buttons, how far it is, and its figures."""

import time

import streamlit as st

from mnist_lab.charts import swatch
from mnist_lab.design.experiment import Protocol
from mnist_lab.results.prediction import duration_text
from mnist_lab.store.run import Run, Status
from mnist_lab.training.reports import Command
from mnist_lab.ui import labels, navigation
from mnist_lab.ui.design import schedule
from mnist_lab.ui.looks import looks
from mnist_lab.ui.session import seen
from mnist_lab.ui.text import plain
from mnist_lab.ui.train import continue_run, queue
from mnist_lab.ui.train.progress import Progress, percent

KEPT = {
    Protocol.NOTEBOOK: "The notebook protocol keeps the last weights.",
    Protocol.HOLDOUT: "The holdout protocol keeps the weights of the best validation accuracy.",
}


def show(of: Progress, active: list[Run]) -> None:
    """Name, buttons and progress of a run, in two rows."""
    run = of.run
    icon, _ = queue.STATUS[run.status]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run-head"):
        st.image(swatch.url(looks([run.design_key])[run.design_key]), width=44, alt="How this design is drawn")
        st.header(f"{icon} {plain(run.name)}", anchor=False, width="content")
        reader = seen()
        whose = f", by {plain(reader.names().get(run.owner, run.owner))}" if reader.rights.room else ""
        st.caption(f"run {run.id}, seed {run.experiment.seed}{whose}", width="content")
        with st.container(horizontal=True, horizontal_alignment="right", gap="small", key="run-buttons"):
            if run.deleted:
                labels.restore([run.id])
            else:
                queue.controls(run, large=True)
            if run.status.is_ended:
                continue_run.show(run)
    if run.deleted:
        st.caption(":material/delete: This run is deleted, and will be gone for good in a few days.")
    epochs = run.experiment.recipe.epochs
    share = min(1.0, run.steps_done / run.planned_steps)
    if run.status is Status.RUNNING:
        st.progress(share, text=f"Epoch {min(run.epochs_done + 1, epochs)} of {epochs} · {_times(of, share)}")
    elif run.status is Status.QUEUED:
        words = (
            f"Waiting: {plain(queue.why_it_waits(run, active))}" if run.deleted is None else "Deleted while it waited"
        )
        st.progress(share, text=words)
    elif run.status is Status.PAUSED:
        st.progress(
            share, text=f"Paused after {run.epochs_done} of {epochs} epochs; resumed, it continues exactly there."
        )
    else:
        tail = f" · {plain(run.error)}" if run.error else ""
        done = f"{len(of.epochs)} of {epochs} epochs"
        lines = of.epochs
        if run.status is Status.STOPPED and len(lines) and lines["steps"].iloc[-1] < run.experiment.steps_per_epoch:
            done = f"within epoch {len(of.epochs)} of {epochs}"
        _, words = queue.STATUS[run.status]
        st.progress(share, text=f"{words.capitalize()} · {done} · {_length(run)}{tail}")


def _lineage(run: Run) -> None:
    children = seen().runs.children(run.id)
    words = [f"Continues run {run.parent_id} from epoch {run.parent_epoch} on."] if run.parent_id else []
    if children:
        words.append(f"Continued by {', '.join(f'run {child}' for child in children)}.")
    if run.caveat:
        words.append(plain(run.caveat))
    if not words:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(":material/account_tree: " + " ".join(words), width="content")
        for other in [*([run.parent_id] if run.parent_id else []), *children[:5]]:
            st.page_link(navigation.TRAIN.script, label=f"Run {other}", query_params={"run": str(other)})


def _length(run: Run) -> str:
    if run.seconds is not None:
        return f"{run.seconds:.1f} s"
    return duration_text((run.ended or 0) - run.started) if run.started else "0 s"


def _times(of: Progress, share: float) -> str:
    """Seconds of training so far and still to come; the latter from the pace of the curve, once there is one."""
    run = of.run
    batches = of.batches
    elapsed = float(batches["seconds"].iloc[-1]) if len(batches) else time.time() - (run.started or time.time())
    if run.command is Command.STOP:
        return f"{duration_text(elapsed)} elapsed · stopping, then testing what was learnt"
    if run.command is Command.PAUSE:
        return f"{duration_text(elapsed)} elapsed · pausing"
    if share >= 1:
        return f"{duration_text(elapsed)} elapsed · evaluating"
    if len(batches) < 2:
        return "building the network"
    first, last = batches.iloc[0], batches.iloc[-1]
    pace_of_steps = (last["seconds"] - first["seconds"]) / max(last["step"] - first["step"], 1)
    return f"{duration_text(elapsed)} elapsed · about {duration_text(pace_of_steps * (run.planned_steps - last['step']))} left"


def figures(run: Run) -> None:
    """Five figures and where they come from, in the same place before and after the end, so that nothing jumps."""
    _lineage(run)
    notebook = run.experiment.protocol is Protocol.NOTEBOOK
    kept = f"of the weights kept, those after epoch {run.kept_epoch}"
    row = st.container(horizontal=True)
    if run.validation_accuracy is None:
        row.metric("Validation accuracy", percent(run.last_validation_accuracy), help="After the last epoch so far.")
        row.metric("Best so far", percent(run.best_validation_accuracy), help="Best validation accuracy so far.")
    else:
        row.metric("Validation accuracy", percent(run.validation_accuracy), help=f"{kept[:1].upper()}{kept[1:]}.")
        best = f" The best validation accuracy, {percent(run.best_validation_accuracy)}, was after {run.best_epoch}."
        row.metric("Kept epoch", run.kept_epoch, help=KEPT[run.experiment.protocol] + best)
    row.metric(
        "Test accuracy", percent(run.test_accuracy), help=run.why_unrevealed or f"On the 10,000 test images, {kept}."
    )
    loss = "–" if run.test_loss is None else f"{run.test_loss:.4f}"
    row.metric("Test loss", loss, help="Cross-entropy on the 10,000 test images.")
    rates = schedule.learning_rates(run.experiment.recipe, run.experiment.steps_per_epoch)
    rate = rates[min(run.steps_done, len(rates) - 1)]
    row.metric("Learning rate", f"{rate:.3g}", help="For the next step; further down is a chart over all epochs.")
    images = (
        "the 10,000 test images, so test and validation accuracy are the same"
        if notebook
        else "the last 5,000 training images"
    )
    st.caption(
        f"Protocol {run.experiment.protocol}: validation is on {images}. "
        + (run.why_unrevealed or "One run is one sample: another seed gives different results.")
    )

"""A run's own page: everything known about it, and what can be done with it."""

import numpy as np
import pandas as pd
import streamlit as st

from mnist_lab import clock
from mnist_lab.charts import confusion, frames, results, swatch, training
from mnist_lab.charts.style import Look
from mnist_lab.charts.work import Work
from mnist_lab.data import mnist
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.network import trace
from mnist_lab.results import anytime, table
from mnist_lab.store.run import Run, Status
from mnist_lab.ui import figure, grid, labels, navigation, watching
from mnist_lab.ui.design import schedule, summary
from mnist_lab.ui.looks import looks
from mnist_lab.ui.results import exports
from mnist_lab.ui.session import ONCE, errors_shown, lab, person, pressed_once, seen, zone
from mnist_lab.ui.text import plain
from mnist_lab.ui.train import continue_run, live, queue


class _NotTestedError(Exception):
    """Not kept in the cache, as a value would be."""


def probabilities(run_id: int) -> np.ndarray | None:
    """Of the ten digits for each test image, as the run found them, `(10_000, 10)`; None where it was never tested."""
    try:
        return _probabilities(lab().store.url, run_id)
    except _NotTestedError:
        return None


@st.cache_resource(max_entries=200, show_spinner=False)
def _probabilities(url: str, run_id: int) -> np.ndarray:
    del url
    found = lab().store.trained.probabilities(run_id)
    if found is None:
        raise _NotTestedError
    return found


def tested(run_id: int) -> tuple[np.ndarray, np.ndarray] | None:
    """A run's answers to the test images, `(10_000,)`, and how sure it was of each; None where it was never tested."""
    found = probabilities(run_id)
    return None if found is None else (found.argmax(axis=1), found.max(axis=1).astype(float))


def digit_accuracies(run_id: int) -> np.ndarray | None:
    """Accuracy on the test images of each digit, `(10,)`, or None."""
    given = tested(run_id)
    if given is None:
        return None
    labels = mnist.load()[1].y
    right = given[0] == labels
    return np.array([right[labels == digit].mean() for digit in range(10)])


@errors_shown()
def show(run: Run, rows: pd.DataFrame) -> None:
    """The page of a run; `rows` is the table of all runs."""
    labels.message()
    drawn = looks([run.design_key])[run.design_key]
    icon, words = queue.STATUS[run.status]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.image(swatch.url(drawn), width=44, alt="How this design is drawn everywhere")
        st.header(f"{icon} Run {run.id}: {plain(run.name)}, seed {run.seed}", anchor=False)
    tags = " ".join(f":blue-badge[{plain(tag)}]" for tag in run.tags)
    who = seen().names().get(run.owner, run.owner)
    when = clock.text(run.ended or run.created, zone())
    st.markdown(f"{words.capitalize()}, {when}, by {plain(who)}. {tags}")
    if run.deleted:
        st.warning("This run is deleted, and will be gone for good in a few days.", icon=":material/delete:")
        labels.restore([run.id])
    elif run.archived:
        st.caption(":material/archive: Archived.")
    for sentence in (run.error, run.caveat):
        if sentence:
            st.warning(plain(sentence))
    if run.note:
        st.markdown(plain(run.note))
    if outcome := seen().repeated(run, rows):
        st.info(plain(outcome), icon=":material/receipt_long:")
    _figures(run, rows)
    _buttons(run, rows)
    _curves(run, drawn)
    _further(run, rows)
    _digits(run, drawn)
    _design(run)
    _lineage(run)
    with st.expander("Log by epoch"):
        log = lab().store.runs.epochs([run.id]).drop(columns="run_id")
        grid.show(log, live.LOG | {"steps": st.column_config.NumberColumn("Batches")}, alt="The log, a row an epoch")
    with st.expander("Trained with"):
        grid.show(
            pd.DataFrame({"what": list(run.environment), "value": [str(x) for x in run.environment.values()]}),
            {},
            alt="Versions, machine, threads and data",
        )


def _buttons(run: Run, rows: pd.DataFrame) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            navigation.TRAIN.script,
            label="Epoch by epoch",
            icon=":material/monitoring:",
            query_params={"run": str(run.id)},
        )
        st.page_link(
            navigation.INSPECT.script,
            label="Inspect",
            icon=":material/search_insights:",
            query_params={"runs": str(run.id)},
        )
        if run.status.is_ended:
            continue_run.show(run)
        elif not run.deleted:
            queue.controls(run)
        mine = rows[rows["ids"].map(lambda ids: ids[0] == run.id)]
        if len(mine):
            labels.controls(mine, rows)
        labels.undo_button()
        if run.status is Status.FINISHED:
            exports.export_popover(run)


def _further(run: Run, rows: pd.DataFrame) -> None:
    """What one may do after looking at it: train its design with more seeds, compare it, go back."""
    if run.parent_id is None:
        _more_seeds(run, rows)
    st.page_link(navigation.RESULTS.script, label="All results", icon=":material/arrow_back:")


def _more_seeds(run: Run, rows: pd.DataFrame) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = int(st.number_input("More seeds", 1, 30, 2, key="more-seeds", width=130))
        pressed = pressed_once(
            "Queue them",
            "queue-seeds",
            icon=":material/queue:",
            help="The same design with seeds that it has not been trained with.",
        )
        if pressed == ONCE:
            same = rows[rows["design_key"] == run.design_key]
            used = {seeds[0] for seeds in same["seeds"]}
            new = [seed for seed in range(1, len(used) + number + 2) if seed not in used][:number]
            if watching.start(lambda: lab().add_seeds(run.id, new, by=person())):
                st.toast(f"Queued with seeds {', '.join(map(str, new))}; Train shows them.")
        others = [side for side in _comparable(rows) if side[0] != run.id]
        other = st.selectbox(
            "Compare with",
            others,
            index=None,
            format_func=lambda side: f"run {side[0]}: {side[1]}",
            placeholder="another run",
            key="compare-with",
            width=280,
        )
        if other:
            st.switch_page(navigation.COMPARE.script, query_params={"runs": f"{run.id},{other[0]}"})


def _comparable(rows: pd.DataFrame) -> list[tuple[int, str]]:
    newest = rows[rows["status"] == Status.FINISHED].drop_duplicates("design_key").head(200)
    return [(ids[0], name) for ids, name in zip(newest["ids"], newest["name"], strict=True)]


def _figures(run: Run, rows: pd.DataFrame) -> None:
    """Best, last and kept accuracy, each with its epoch; and the mean over all seeds of the design."""

    def percent(share: float | None) -> str:
        return "–" if share is None else f"{100 * share:.2f} %"

    with st.container(horizontal=True, gap="xsmall"):
        st.metric("Test accuracy", percent(run.test_accuracy), help="Of the kept weights, on the 10,000 test images.")
        st.metric("Test loss", "–" if run.test_loss is None else f"{run.test_loss:.4f}", help="Cross-entropy.")
        for label, value, epoch in (
            ("kept", run.validation_accuracy, run.kept_epoch),
            ("best", run.best_validation_accuracy, run.best_epoch),
            ("last", run.last_validation_accuracy, run.epochs_done or None),
        ):
            st.metric(f"Validation, {label}" + ("" if epoch is None else f", epoch {epoch}"), percent(value))
        st.metric("Seconds", "–" if run.seconds is None else f"{run.seconds:.1f} s")
        st.metric("Parameters", f"{run.parameters:,}")
    same = rows[(rows["design_key"] == run.design_key) & (rows["status"] == Status.FINISHED)]
    same = same[same["test_accuracy"].notna()]  # of which it may be seen
    if len(same):
        group = table.fold(same).iloc[0]
        if group["n"] > 1:
            interval = (
                f"95 % interval of the mean {100 * group['test_low']:.2f} to {100 * group['test_high']:.2f} %; "
                if group["n"] >= anytime.least()
                else ""
            )
            st.markdown(
                f"Over {group['n']} seeds of this design: test accuracy {100 * group['test_accuracy']:.2f} % "
                f"({interval}standard deviation {100 * group['test_sd']:.2f})."
            )
        else:
            st.caption("One run is a single try: train more seeds before you conclude anything.")
    if run.why_unrevealed:
        st.caption(f":material/lock: {run.why_unrevealed}")
    if str(run.experiment.protocol) == "notebook":
        st.caption("Validated on the test images, as the notebook did, so test and validation accuracy are the same.")


def _curves(run: Run, drawn: Look) -> None:
    epochs, batches = lab().store.runs.epochs([run.id]), lab().store.runs.batches(run.id)
    if epochs.empty and batches.empty:
        st.caption("No curve: nothing was trained.")
        return
    metric = str(
        st.segmented_control("Curve", ["accuracy", "loss"], default="accuracy", required=True, key="run-curve")
    )
    work = Work.of(parse(Experiment, run.experiment_json))
    points = training.curve_points(epochs, batches, metric, work, "epochs", run=run.name)
    zoom = len(epochs) > 1
    shown = frames.whole(metric, points["value"])
    if zoom:
        shown = frames.frame(metric, points["x"], points["value"], points["run"])
    ends = training.ends(points, shown, metric)
    with st.container(key="tall-run"):
        figure.vega(
            pd.concat([points, ends], ignore_index=True),
            training.curves(
                metric,
                "epochs",
                run.experiment.recipe.epochs,
                shown,
                (training.Line(run.name, drawn),),
            ),
            key="run-curves",
            height="stretch",
            alt=f"{metric.capitalize()} by epoch, at the end: {', '.join(ends['words'].str.replace(chr(10), ' '))}",
        )
    if zoom and (words := frames.outside(metric, points["value"], shown)):
        st.caption(f"Outside the frame: {words}.")


def _digits(run: Run, drawn: Look) -> None:
    """How often each digit is right, and what is taken for what, both on the test images."""
    accuracies, given = digit_accuracies(run.id), tested(run.id)
    if accuracies is None or given is None:
        return
    st.subheader("Each digit, on the test images", anchor=False)
    side = f"run {run.id}"
    left, right = st.columns(2, gap="medium")
    figure.altair(
        results.by_digit(pd.DataFrame({"digit": range(10), "accuracy": accuracies, "side": side}), {side: drawn}),
        left,
        alt="Test accuracy of each digit: " + ", ".join(f"{d} {a:.1%}" for d, a in enumerate(accuracies)),
    )
    points = confusion.points(confusion.counts(given[0], mnist.load()[1].y))
    figure.vega(points, confusion.live(), right, key="run-confusion", alt=_most_confused(points))
    right.caption("What is taken for what: a row is a digit, a column an answer. Right answers are grey.")


def _most_confused(points: pd.DataFrame) -> str:
    wrong = points[(points["digit"] != points["answer"]) & (points["images"] > 0)].nlargest(3, "images")
    each = ", ".join(f"{row.digit} taken for {row.answer} {row.images} times" for row in wrong.itertuples())
    return f"Confusion matrix of the test images; most often {each}" if each else "Confusion matrix: no mistake at all"


def _design(run: Run) -> None:
    st.subheader("Design", anchor=False)
    summary.layer_table(trace(run.experiment.architecture))
    left, right = st.columns([3, 2], gap="medium")
    fields = table.fields(run.experiment_json)
    known = {name: str(value) for name, value in fields.items() if value not in (None, "")}
    grid.show(
        pd.DataFrame({"field": list(known), "value": list(known.values())}),
        {},
        place=left,
        height=340,
        alt="Every field of the design and its recipe",
    )
    with right:
        st.caption("Learning rate")
        schedule.learning_rate(run.experiment)


def _lineage(run: Run) -> None:
    children = seen().runs.children(run.id)
    if not children and not run.parent_id:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.parent_id:
            st.caption(
                f":material/account_tree: Continues run {run.parent_id} from epoch {run.parent_epoch} on.",
                width="content",
            )
        if children:
            st.caption(":material/account_tree: Continued by others.", width="content")
        for other in [*([run.parent_id] if run.parent_id else []), *children[:8]]:
            st.page_link(navigation.RUN.script, label=f"Run {other}", query_params={"run": str(other)})

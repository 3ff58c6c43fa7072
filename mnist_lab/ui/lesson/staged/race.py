"""Runs that race in one chart, and when the last one has ended the verdict on their designs."""

from typing import Any, get_args

import streamlit as st

from mnist_lab.lesson.stage import MOST_RUNS, LossTo
from mnist_lab.numerals import counted
from mnist_lab.reader import Reader
from mnist_lab.results import anytime, comparison
from mnist_lab.results.comparison import Side
from mnist_lab.store.run import Run, Status
from mnist_lab.ui import fields
from mnist_lab.ui.choices import run_ids
from mnist_lab.ui.lesson.staged import parts
from mnist_lab.ui.looks import looks
from mnist_lab.ui.results import compare, table
from mnist_lab.ui.session import act, lab, seen
from mnist_lab.ui.train import charts

_METRICS = {"accuracy": "Validation accuracy", "loss": "Validation loss"}
_METRIC, _WHAT = "validation_accuracy", "validation accuracy"  # by which designs are judged, whatever is drawn
_LONG = 220  # characters of a verdict that is set smaller
_MOST_OFFERED = 100


def show(reader: Reader, data: dict[str, Any]) -> None:
    """The chart, and below it how far they are, or the verdict."""
    runs = [run for run in reader.some(data["runs"]).values() if run.deleted is None]
    if not runs:
        parts.heading("Race")
        st.html('<p class="stage-line">The teacher chooses the runs.</p>')
        return
    metric = data["metric"]
    active = [run for run in runs if not run.status.is_ended]
    parts.heading(_METRICS[metric], _standing(runs))
    shown = (data["accuracy_from"] / 100, 1.0) if metric == "accuracy" else (0.0, float(data["loss_to"]))
    with st.container(key="stage-chart"):
        left_out = charts.race(
            runs,
            metric,
            shown,
            owners=reader.classmates(),
            scale=parts.SCALE,
            size=(parts.WIDTH, parts.CHART_HEIGHT),
        )
    st.html(f'<p class="stage-note">{left_out and f"Outside the frame: {left_out}."}</p>')
    if active:
        words, is_long = "The verdict comes when the last one has ended.", False
    else:
        words, is_long = _verdict(
            lab().store.url, reader.rights.view, tuple((run.id, run.status.value) for run in runs)
        )
    st.html(f'<p class="stage-verdict{" long" if is_long else ""}" role="status">{words}</p>')


def _standing(runs: list[Run]) -> str:
    """How many train, wait and have finished."""
    counts = {
        "in training": sum(run.status is Status.RUNNING for run in runs),
        "waiting": sum(run.status is Status.QUEUED for run in runs),
        "paused": sum(not run.status.is_ended and run.status not in (Status.RUNNING, Status.QUEUED) for run in runs),
        "finished": sum(run.status is Status.FINISHED for run in runs),
        "broken off": sum(run.status.is_ended and run.status is not Status.FINISHED for run in runs),
    }
    return ", ".join(f"{count} {words}" for words, count in counts.items() if count)


@st.cache_data(ttl=parts.SECONDS, max_entries=16, show_spinner=False)
def _verdict(url: str, view: str | None, ended: tuple[tuple[int, str], ...]) -> tuple[str, bool]:
    """The verdict on the designs of some runs, as HTML, and whether it is long; the same for all who see the
    same runs."""
    del url, view
    sides = comparison.sides(table.every(seen().fingerprint()), [run_id for run_id, _ in ended])
    drawn = looks(side.design_key for side in sides)
    words = judged(sides)
    return compare.with_looks(words, sides, [drawn[side.design_key] for side in sides]), len(words) > _LONG


def judged(sides: list[Side]) -> str:
    """What the seeds of some designs come to by now, in a sentence; or how far they are from coming to anything."""
    designs = [side for side in sides if side.is_design]
    if len(designs) < 2:
        if len(designs) == 1 and len(sides) == 1:
            seeds = counted(len(designs[0].values(_METRIC)), "seed")
            return f"One design with {seeds}: there is nothing to compare it with."
        return "No verdict: it needs at least two designs with finished runs."
    if len({str(protocol) for side in designs for protocol in side.rows["protocol"]}) > 1:
        return "No verdict: these were validated on different images (protocols notebook and holdout)."
    found = comparison.verdicts(designs, _METRIC, _WHAT)
    if any(verdict.kind != "not enough data" for *_, verdict in found):
        return comparison.overall(found, _METRIC, _WHAT)
    have_seeds = [len(side.values(_METRIC)) for side in designs]
    if len(set(have_seeds)) == 1:
        have = f"{counted(have_seeds[0], 'seed')} each"
    else:
        have = ", ".join(
            f"{side.title} has {counted(number, 'seed')}" for side, number in zip(designs, have_seeds, strict=True)
        )
    least = anytime.least(anytime.ALPHA / len(found))
    return f"Not enough data: {have}. A verdict on {len(designs)} designs needs at least {least} seeds of each."


def steer(reader: Reader, data: dict[str, Any]) -> None:
    """Which runs race, and what of them is drawn."""
    offered = {run.id: run for run in reader.runs.all(limit=_MOST_OFFERED)}
    offered |= reader.some(run_id for run_id in data["runs"] if run_id not in offered)
    pinned = [run_id for run_id in data["runs"] if run_id in offered]
    names = reader.names()

    def label(run: int | str) -> str:
        (run_id,) = run_ids([run])
        found = offered.get(run_id)
        if found is None:
            return f"Run {run_id}"
        by = f", {names[found.owner]}" if found.owner in names else ""
        return f"Run {run_id}: {found.name}, seed {found.seed}{by} ({found.status})"

    keep = parts.keep("race", data, "runs")
    st.multiselect(
        "Runs that race",
        list(offered),
        format_func=label,
        max_selections=MOST_RUNS,
        placeholder="none",
        help=f"Up to {MOST_RUNS}. Runs of a study that nobody has looked into are not offered.",
        **fields.bound("stage-runs", pinned, lambda new: keep(run_ids(new)), argument="default"),
    )
    trains = [run.id for run in reader.active() if run.id in offered][:MOST_RUNS]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Those that train and wait now",
            key="stage-active",
            icon=":material/model_training:",
            disabled=not trains,
            on_click=act,
            args=(lab().stage.show, "race", data | {"runs": trains}),
        )
        st.segmented_control(
            "What is drawn",
            list(_METRICS),
            required=True,
            format_func=_METRICS.__getitem__,
            **fields.bound("stage-metric", data["metric"], parts.keep("race", data, "metric"), argument="default"),
        )
        # The axis stays as it is while they train.
        if data["metric"] == "accuracy":
            st.segmented_control(
                "From",
                parts.ACCURACIES,
                required=True,
                format_func=lambda per_cent: f"{per_cent} %",
                help="Where the axis begins. Lines below it leave the frame, and a sentence says so.",
                **fields.bound(
                    "stage-race-from",
                    data["accuracy_from"],
                    parts.keep("race", data, "accuracy_from"),
                    argument="default",
                ),
            )
        else:
            st.segmented_control(
                "Up to",
                list(get_args(LossTo)),
                required=True,
                help="Where the axis ends. Lines above it leave the frame, and a sentence says so.",
                **fields.bound(
                    "stage-race-to", data["loss_to"], parts.keep("race", data, "loss_to"), argument="default"
                ),
            )
    if gone := [str(run_id) for run_id in data["runs"] if run_id not in offered]:
        st.caption(f":material/info: Not shown any more: run {', '.join(gone)}.")
    if len(pinned) > 1:
        st.caption(
            "When the last one has ended, the verdict on their designs stands below the chart, by all their seeds."
        )

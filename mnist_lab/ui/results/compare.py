"""Two or more designs or runs side by side: how they differ, verdicts, curves, digits, images they disagree on."""

from html import escape
from itertools import combinations, groupby
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from mnist_lab.charts import results, swatch, tiles
from mnist_lab.charts.style import Look
from mnist_lab.charts.work import Axis, Work
from mnist_lab.data import mnist
from mnist_lab.design.diff import text
from mnist_lab.numerals import counted
from mnist_lab.results import anytime, comparison
from mnist_lab.results import table as results_table
from mnist_lab.results.answers import answers as compared
from mnist_lab.results.comparison import Side
from mnist_lab.results.prediction import duration_text
from mnist_lab.results.spread import of_shares
from mnist_lab.results.verdict import Verdict
from mnist_lab.store.run import Status
from mnist_lab.studies.plan import Metric
from mnist_lab.ui import choices, figure, heard, labels, navigation, watching
from mnist_lab.ui.looks import looks
from mnist_lab.ui.results import decide
from mnist_lab.ui.results import run as run_page
from mnist_lab.ui.session import ONCE, errors_shown, lab, person, pressed_once, seen
from mnist_lab.ui.text import plain

_METRICS: dict[Metric, str] = {"test accuracy": "test_accuracy", "validation accuracy": "validation_accuracy"}
_ICONS = {
    "better": ":material/trending_up:",
    "worse": ":material/trending_up:",
    "equal": ":material/drag_handle:",
    "inconclusive": ":material/help:",
    "not enough data": ":material/hourglass_empty:",
}
_AXES: tuple[Axis, ...] = ("epochs", "seconds", "multiply-adds")
_MOST_IMAGES = 24
_MOST_LINKS = 8
_MAX_SEEDS_QUEUED = 30
_NOTHING = "–"
_DIGITS = 6  # of numbers in a chart, whose table can be read on the page
_MANY = 4  # of a list in a cell that is said in short


@errors_shown()
def show(run_ids: list[int], rows: pd.DataFrame) -> None:
    """The comparison of some runs; `rows` is the table of all runs."""
    labels.message()
    standing = _remaining(run_ids, rows)
    sides = comparison.sides(rows, standing)
    if len(sides) < 2:
        if len(standing) < 2:
            words = "That leaves nothing to compare; choose rows in the table of results."
        else:
            words = "These runs are seeds of one design, so there is nothing to compare: the table shows how much they vary."
        st.info(words, icon=":material/info:")
        _back()
        return
    drawn = looks(side.design_key for side in sides)
    its = [drawn[side.design_key] for side in sides]
    _verdicts(sides, its)
    _contents(sides, its)
    _differences(sides)
    _curves(sides, its)
    tested = [number for number, side in enumerate(sides) if run_page.tested(side.run_ids[0])]
    if tested:
        _digits([sides[number] for number in tested], [its[number] for number in tested])
    if len(tested) > 1:
        _disagreements([sides[number] for number in tested])


def _remaining(run_ids: list[int], rows: pd.DataFrame) -> list[int]:
    """The runs to compare; in place of a deleted one another seed of its design. A sentence says what became of the others."""
    found = seen().some(run_ids)
    standing, deleted, words = [], [], []
    for run_id in run_ids:
        run = found.get(run_id)
        if run is None:
            words.append(seen().why_sealed(run_id) or f"There is no run {run_id} any more.")
        elif run.deleted is None:
            standing.append(run_id)
        else:
            deleted.append(run_id)
            others = rows[(rows["design_key"] == run.design_key) & (rows["status"] == Status.FINISHED)]
            if run.status is Status.FINISHED and len(others):
                standing.append(others["ids"].iloc[0][0])
                words.append(f"Run {run_id} is deleted and does not count; its other runs represent its design.")
            else:
                words.append(f"Run {run_id} is deleted, and left out.")
    if words:
        with st.container(horizontal=True, vertical_alignment="center", key="left-out"):
            st.warning(" ".join(words), icon=":material/delete:")
            if deleted:
                labels.restore(deleted)
    if deleted:
        labels.undo_button()
    return list(dict.fromkeys(standing))


def _back() -> None:
    st.page_link(navigation.RESULTS.script, label="All results", icon=":material/arrow_back:")


def _contents(sides: list[Side], its: list[Look]) -> None:
    """Each side with its look, and the runs that it consists of."""
    st.header("The runs", anchor=False)
    for side, look in zip(sides, its, strict=True):
        n = len(side.values("test_accuracy"))
        words = f"**{plain(side.title)}** · "
        if side.is_design:
            words += counted(n, "seed")
            if side.left_out:
                others = ", ".join(f"{count} {status}" for status, count in side.left_out.items())
                words += f"; not counted: {others}"
        else:
            status = side.rows["status"].iloc[0]
            continues = side.rows["continues"].iloc[0]
            words += f"a single run ({status}{f', continues {continues}' if pd.notna(continues) else ''}): not a sample of its design, so no verdict"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(swatch.url(look), width=44, alt=f"How {side.title} is drawn")
            st.markdown(words, width="content")
            runs = sorted((seeds[0], ids[0]) for ids, seeds in zip(side.rows["ids"], side.rows["seeds"], strict=True))
            for seed, run in runs[:_MOST_LINKS]:
                st.page_link(navigation.RUN.script, label=f"seed {seed}", query_params={"run": str(run)})


def _verdicts(sides: list[Side], its: list[Look]) -> None:
    """The verdict, large; then its reason, by what it is judged, and the seeds that it rests on."""
    place = st.container(gap="small")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="judged"):
        # Not with the tools around it, which a presentation hides: in a lesson it is what one presses.
        with st.container(width="content", key="tools-judged"):
            what = _judged_by(sides)
        if sum(side.is_design for side in sides) > 1:
            decide.button([side for side in sides if side.is_design], what)
        with st.container(width="content", key="tools-judged-back"):
            _back()
    metric = _METRICS[what]
    protocols = {str(p) for side in sides for p in side.rows["protocol"]}
    if metric == "validation_accuracy" and len(protocols) > 1:
        place.warning(
            "Their validation accuracies were measured on different images (protocols notebook and holdout): judge by test accuracy."
        )
        return
    found = comparison.verdicts(sides, metric, what)
    with place:
        if not found:
            _say(f"No verdict: it needs at least two designs with finished runs, and here {_has(sides)}.", sides, its)
            return
        _say(comparison.overall(found, metric, what), sides, its)
        if len(found) == 1:
            _pairs(found)
    least = anytime.least(anytime.ALPHA / len(found))
    points = pd.concat([_spread_points(side, metric, least) for side in sides if side.is_design])
    drawn = [(side.title, look) for side, look in zip(sides, its, strict=True) if side.is_design]
    figure.altair(results.spreads(points, what, dict(drawn)), alt=_spreads_in_words(points, what))
    st.caption(_how_to_read(found, least, protocols))
    if len(found) > 1:
        st.header("Each pair", anchor=False)
        _pairs(found)


def _judged_by(sides: list[Side]) -> Metric:
    """What is compared; by validation alone while nobody may see how one of them does on the test images."""
    if any(side.lacks("test_accuracy") for side in sides):
        st.caption(
            ":material/lock: By validation accuracy: the test results of some can be seen after the teacher's reveal."
        )
        return "validation accuracy"
    what: Metric = st.segmented_control(
        "Judged by",
        list(_METRICS),
        default="test accuracy",
        required=True,
        key="judged-by",
        persist_state="session",
        label_visibility="collapsed",
    )
    return what


def _has(sides: list[Side]) -> str:
    return "there is one" if any(side.is_design for side in sides) else "there is none"


def _say(words: str, sides: list[Side], its: list[Look]) -> None:
    """A sentence as large as a heading, which screen readers say when it changes; looks before the names of sides."""
    st.html(f'<div class="verdict">{with_looks(words, sides, its)}</div>')
    heard.say(words, "verdict-heard")


def with_looks(words: str, sides: list[Side], its: list[Look]) -> str:
    """A sentence as HTML, with its look before the first mention of each side."""
    html = escape(words)
    for side, look in zip(sides, its, strict=True):
        html = html.replace(escape(side.title), f'<img src="{swatch.url(look)}" alt=""> {escape(side.title)}', 1)
    return html


def _pairs(found: list[tuple[Side, Side, Verdict]]) -> None:
    """The verdict's reason, or of several pairs each one's verdict; with it the runs that would decide, at a press of a button."""
    for number, (a, b, verdict) in enumerate(found):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            words = plain(verdict.reason) if len(found) == 1 else f"{_ICONS[verdict.kind]} {plain(verdict.words)}"
            if verdict.warning:
                words += f"  \n:material/warning: {plain(verdict.warning)}"
            st.markdown(words, width="stretch")
            of = f" of {a.letter} and {b.letter}" if len(found) > 1 else ""  # else all buttons had one name
            _more(a, b, verdict, f"more-{number}", of)


def _how_to_read(found: list[tuple[Side, Side, Verdict]], least: int, protocols: set[str]) -> str:
    """What the chart shows, and what a reader should keep in mind."""
    words = (
        f"Each point is a seed, the bar the mean over seeds, and the line its 95 % interval, from {least} seeds on. "
    )
    words += (
        "You may look as often as you like, and add seeds: where the designs are equally good, a difference is ever shown in at "
        "most one of twenty comparisons"
    )
    words += (
        f", all {len(found)} pairs together (each has a twentieth divided by {len(found)}, Bonferroni's correction). "
        if len(found) > 1
        else ". "
    )
    words += (
        "It judges by the seeds that are there now, so a verdict may lapse when more come; and it covers the designs on this page, "
        "not a pair picked out of a long table because it stood out, nor seeds that were deleted. "
        f"The test is the anytime-valid *t* test with a prior of precision {anytime.PRECISION:g} on the difference in standard deviations."
    )
    if "notebook" in protocols:
        words += " Under the notebook protocol the test images serve for validation too: they were looked at after every epoch."
    return words


def _spreads_in_words(points: pd.DataFrame, what: str) -> str:
    def one(title: str, its: pd.DataFrame) -> str:
        first = its.iloc[0]
        interval = "" if pd.isna(first["low"]) else f", 95 % interval {first['low']:.2%} to {first['high']:.2%}"
        return f"{title} {first['mean']:.2%}{interval}, {counted(len(its), 'seed')}"

    return f"Mean {what}: " + "; ".join(one(str(title), its) for title, its in points.groupby("side", sort=False))


def _spread_points(side: Side, metric: str, least: int) -> pd.DataFrame:
    """The seeds of a side, and its interval where it has at least so many seeds."""
    values = side.values(metric)
    spread = anytime.spread(list(values.values()))
    low, high = of_shares(spread.low, spread.high) if spread.n >= least else (nan, nan)
    return pd.DataFrame(
        {
            "side": side.title,
            "seed": list(values),
            "value": list(values.values()),
            "mean": spread.mean,
            "low": low,
            "high": high,
        }
    ).round(_DIGITS)


def _more(a: Side, b: Side, verdict: Verdict, key: str, of: str) -> None:
    """A button that queues the runs that would probably decide it; `of` ends its name."""
    if not verdict.more:
        return
    more = min(verdict.more, _MAX_SEEDS_QUEUED)
    for_a, for_b = comparison.seeds_to_add(a, b, more)
    runs = len(for_a) + len(for_b)
    seconds = sum(
        len(seeds) * lab().estimate(seen().run(side.run_ids[0]).experiment).seconds
        for side, seeds in ((a, for_a), (b, for_b))
    )
    pressed = pressed_once(
        f"Queue {more} more each{of}",
        key,
        icon=":material/queue:",
        help=f"{counted(runs, 'run')}, about {duration_text(seconds)}; afterwards both have the same seeds.",
    )
    if pressed == ONCE:
        together = [
            seen().run(side.run_ids[0]).experiment.with_changes(seed=seed)
            for side, seeds in ((a, for_a), (b, for_b))
            for seed in seeds
        ]
        if watching.start(lambda: lab().start_all(together, by=person())):
            st.toast(f"{counted(runs, 'run')} queued; this page is updated when they finish, and Train shows them.")


def _differences(sides: list[Side]) -> None:
    st.header("What differs", anchor=False)
    fields = {side.title: results_table.fields(seen().run(side.run_ids[0]).experiment_json) for side in sides}
    found = comparison.differing(pd.DataFrame(fields))
    cost = pd.DataFrame(
        {
            side.title: {
                "Parameters": f"{side.rows['parameters'].iloc[0]:,}",
                "Multiply-adds": f"{side.rows['multiply_adds'].iloc[0]:,}",
                "Seconds of a run": _seconds(side.rows["seconds"].mean()),
            }
            for side in sides
        }
    )
    if found.empty:
        st.caption("The design and its recipe are the same: one run continues another, or did not finish.")
        return
    table = pd.concat([found.astype(object).map(_value), cost])
    # Not a grid: words in it wrap, so that it fits a phone and nothing is cut from afar.
    with st.container(key="differences"):
        st.table(table.rename(columns=plain, index=plain).rename_axis("Setting"))
    if len(found) > 1:
        st.caption(
            f"{len(found)} settings differ, and a verdict does not tell which of them makes the difference. Change one at a time to find out."
        )


def _seconds(mean: float) -> str:
    return _NOTHING if pd.isna(mean) else f"{mean:.1f} s"


def _value(value: Any) -> str:
    """A field's value in a cell; what it says of many blocks again and again, it says once."""
    if value is None or value == "" or pd.isna(value):
        return _NOTHING
    return plain(repeated(text(value)))


def repeated(words: str) -> str:
    """A list in words with what follows itself said once: `same, 10 times`, or `16, 9 times; 32, 10 times`; a short list as it is."""
    parts = words.split(", ")
    groups = [(part, len(list(its))) for part, its in groupby(parts)]
    if len(parts) < _MANY or len(groups) > len(parts) // 2:
        return words
    return "; ".join(part if count == 1 else f"{part}, {count} times" for part, count in groups)


def _curves(sides: list[Side], its: list[Look]) -> None:
    st.header("Curves", anchor=False)
    left, right = st.columns(2)
    axis: Axis = left.segmented_control("Along", _AXES, default="epochs", required=True, key="compare-axis")
    metrics = {"validation accuracy": "validation_accuracy", "validation loss": "validation_loss", "loss": "loss"}
    metric = str(
        right.segmented_control(
            "Show", list(metrics), default="validation accuracy", required=True, key="compare-metric"
        )
    )
    parts = []
    for side in sides:
        epochs = lab().store.runs.epochs(side.run_ids)
        if epochs.empty:
            continue
        work = Work.of(seen().run(side.run_ids[0]).experiment)
        seeds = {ids[0]: seeds[0] for ids, seeds in zip(side.rows["ids"], side.rows["seeds"], strict=True)}
        parts.append(
            pd.DataFrame(
                {
                    "side": side.title,
                    "run": epochs["run_id"],
                    "seed": epochs["run_id"].map(seeds),
                    "x": work.along(
                        axis, epochs["epoch"] * work.steps_per_epoch, epochs.groupby("run_id")["seconds"].cumsum()
                    ),
                    metrics[metric]: epochs[metrics[metric]],
                }
            )
        )
    if not parts:
        st.caption("No curves: none of them completed an epoch.")
        return
    points = pd.concat(parts).round(_DIGITS)
    drawn = {side.title: look for side, look in zip(sides, its, strict=True)}
    figure.altair(
        results.compared(points, axis, metrics[metric], metric, drawn),
        alt=f"{metric} along {axis}, a line for each run; at the end "
        + ", ".join(f"{row['side']} {row['words']}" for _, row in results.ends(points, metrics[metric]).iterrows()),
    )


def _digits(sides: list[Side], its: list[Look]) -> None:
    st.header("Each digit", anchor=False)
    parts = []
    for side in sides:
        each = [a for run_id in side.run_ids[:10] if (a := run_page.digit_accuracies(run_id)) is not None]
        parts.append(pd.DataFrame({"digit": range(10), "accuracy": np.mean(each, axis=0), "side": side.title}))
    points = pd.concat(parts).round(_DIGITS)
    hardest = [
        f"{its['side'].iloc[0]} the digit {its['digit'].iloc[its['accuracy'].argmin()]} ({its['accuracy'].min():.1%})"
        for its in parts
    ]
    figure.altair(
        results.by_digit(points, {side.title: look for side, look in zip(sides, its, strict=True)}),
        alt=f"Test accuracy of each digit; hardest for {', for '.join(hardest)}",
    )
    st.caption("Each point is the mean over a design's seeds; of more than ten seeds, the newest ten count.")


def _disagreements(sides: list[Side]) -> None:
    """Two trained networks: where one is right and the other wrong, and what that says of these two alone."""
    st.header("Where two networks disagree", anchor=False)
    pairs = {f"{a.title} and {b.title}": (a, b) for a, b in combinations(sides, 2)}
    which_two = st.selectbox("Which two", list(pairs), key="disagree-pair") if len(pairs) > 1 else None
    pair = pairs[which_two or next(iter(pairs))]
    left, right = st.columns(2)
    chosen: list[int] = []
    for column, side in zip((left, right), pair, strict=True):
        labels = {
            ids[0]: f"run {ids[0]}, seed {seeds[0]}"
            for ids, seeds in zip(side.rows["ids"], side.rows["seeds"], strict=True)
        }
        key = f"disagree-{side.letter}"
        choices.notify_if_gone(list(labels), key, "Run {} is deleted; another takes its place below.")
        run_id = column.selectbox(f"Run of {plain(side.title)}", list(labels), format_func=labels.__getitem__, key=key)
        chosen.append(int(run_id or side.run_ids[0]))
    both = [run_page.probabilities(run_id) for run_id in chosen]
    if both[0] is None or both[1] is None:
        st.caption("One of the two was never tested on the test images.")
        return
    two_networks((f"run {chosen[0]}", f"run {chosen[1]}"), (both[0], both[1]))


def _p(p: float) -> str:
    """A p-value in words; one too small for a floating-point number is not 0."""
    return f"{p:.2g}" if p >= 0.0001 else "less than 0.0001"


def _signed(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−")


def two_networks(names: tuple[str, str], probabilities: tuple[np.ndarray, np.ndarray]) -> None:
    """Where one of two trained networks is right and the other wrong; `probabilities` of the test images, of each."""
    images = mnist.load()[1]
    given = [p.argmax(axis=1) for p in probabilities]
    sure = [p.max(axis=1).astype(float) for p in probabilities]
    first_right, second_right = (answers == images.y for answers in given)
    found = compared(first_right, second_right)
    st.markdown(
        f"{names[0].capitalize()} alone is right on **{found.only_first}** test images, {names[1]} alone on **{found.only_second}**. "
        + (
            "That is more than chance explains: were the two equally good, so uneven a split would be rare "
            if found.p < 0.05
            else "Chance may explain that: were the two equally good, so uneven a split would not be rare "
        )
        + f"(a probability of {_p(found.p)} by McNemar's exact test). On images like these, the accuracy of {names[0]} minus that of "
        f"{names[1]} is between {_signed(found.low)} and {_signed(found.high)} points (95 % interval). "
        "This says nothing about the designs: two seeds of one design often differ as much."
    )
    options = [f"{names[0]} right, {names[1]} wrong", f"{names[1]} right, {names[0]} wrong"]
    which = st.segmented_control(
        "Images", options, default=options[0], required=True, key=f"disagree-which-{'-'.join(names)}"
    )
    wrong = 1 if which == options[0] else 0
    mask = first_right & ~second_right if wrong else second_right & ~first_right
    places = np.flatnonzero(mask)
    places = places[np.argsort(-sure[wrong][places], kind="stable")][:_MOST_IMAGES]
    if not len(places):
        st.caption("There is no such image.")
        return
    gallery(
        places, [f"a {images.y[i]}: {given[0][i]} ({sure[0][i]:.0%}), {given[1][i]} ({sure[1][i]:.0%})" for i in places]
    )
    st.caption(
        f"{counted(int(mask.sum()), 'image')}, of which {len(places)} are shown, those first on which the network that is wrong is surest. "
        f"Below each: what it is, then both answers and how sure each network is, {names[0]} first."
    )


def gallery(numbers: np.ndarray, captions: list[str]) -> None:
    """Test images by their numbers, each with a caption, which is read after it: its text alternative only says what it is."""
    images = mnist.load()[1].x
    st.image(
        [tiles.url(tiles.digit(images[i])) for i in numbers],
        caption=captions,
        width=96,
        alt=[f"Test image {i}" for i in numbers],
    )

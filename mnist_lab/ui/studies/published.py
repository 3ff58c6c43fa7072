"""The answer that the lab comes with, before anyone has trained anything: does kernel size matter?"""

import functools
from html import escape

import pandas as pd
import streamlit as st

from mnist_lab.charts import studies as charts
from mnist_lab.charts.vega import shares
from mnist_lab.data import notebook
from mnist_lab.numerals import counted
from mnist_lab.results.prediction import duration_text
from mnist_lab.studies import published
from mnist_lab.studies.answer import Answer
from mnist_lab.studies.findings import Findings
from mnist_lab.ui import figure, grid, starting
from mnist_lab.ui.session import lab, person, pressed_once
from mnist_lab.ui.studies import answer, words
from mnist_lab.ui.text import plain

_KERNEL = "Kernel size"
_number = st.column_config.NumberColumn


def published_view() -> None:
    """The plain answer, one chart of all three studies, the figures of others beside it, and each study's own words."""
    found = _found()
    with st.container(key="studies-published"):
        st.header("Does kernel size matter?", anchor=False)
    st.html(f'<div class="verdict long">{escape(published.ANSWER)}</div>')
    _chart(found)
    _others(found)
    _each(found)


@functools.cache
def _found() -> dict[str, tuple[Findings, Answer]]:
    """The three studies with their answers, which never change."""
    findings = {equal: published.kernels(equal).findings() for equal in published.KERNELS}
    return {equal: (its, its.answer()) for equal, its in findings.items()}


def _chart(found: dict[str, tuple[Findings, Answer]]) -> None:
    cells = pd.concat(
        [
            answer.cells_shown(its)
            .rename(columns={_KERNEL: "first"})
            .assign(second=equal.removeprefix("equal ").removesuffix(" the same"))
            for equal, (_, its) in found.items()
        ],
        ignore_index=True,
    )
    said = [f"equal {row['second']}, {row['first']} {row['mean']:.2%}" for _, row in cells.iterrows()]
    figure.altair(
        charts.interaction(cells, (_KERNEL, "Equal:"), "test accuracy", shares(cells["mean"])),
        alt=f"Mean test accuracy: {'; '.join(said)}",
    )
    plan = next(iter(found.values()))[0].plan
    st.caption(
        f"Mean over {plan.seeds} seeds each, with its 95 % interval. The same small network with kernels of four sizes; where parameters or "
        "multiply-adds are held equal, larger kernels have fewer filters. The axis shows only the part of the scale where the "
        "means are: the interval of 2×2 with all else the same leaves it, as one of its ten seeds learnt badly."
    )


def _others(found: dict[str, tuple[Findings, Answer]]) -> None:
    """Test accuracy by kernel size: of the notebook, of a published study, and here."""
    theirs = notebook.results().set_index("kernel_sizes")["test_accuracy"]
    levels = next(iter(found.values()))[0].plan.factors[0].texts
    rows = pd.DataFrame({"Kernel": levels})
    rows["Notebook, 2019"] = [100 * theirs.get(level, float("nan")) for level in levels]
    rows["Ensemble study"] = [100 * published.ENSEMBLE_STUDY.get(level, float("nan")) for level in levels]
    for equal, (_, its) in found.items():
        rows[equal.capitalize()] = (100 * its.cells["mean"]).to_numpy()
    percent = _number(format="%.2f %%")
    helps = {
        "Notebook, 2019": _number(
            format="%.2f %%", help="One run each of three networks that differ in much more than their kernels."
        ),
        "Ensemble study": _number(
            "Ensemble study, 2020",
            format="%.3f %%",
            help="arXiv 2008.10400: deep networks trained for long, one recipe for all kernels; single networks.",
        ),
    }
    grid.show(
        rows,
        dict.fromkeys(rows.columns[3:], percent) | helps,
        alt="Test accuracy by kernel size: of the notebook, of a published study, and here",
        height="content",
    )
    st.caption(
        "The notebook trained each of its networks once, and they differ in layers, filters, strides, pooling and dropout as well: "
        "nothing says that it is the kernels that make its 7×7 network better. The ensemble study (arXiv 2008.10400) trained ten layers of "
        "3×3, five of 5×5 or four of 7×7 kernels, for long and with one recipe, and found next to no difference: where depth makes "
        "up for it, and training is long, kernel size hardly matters."
    )


def _each(found: dict[str, tuple[Findings, Answer]]) -> None:
    """Each study's own words, and all its figures where they are wanted."""
    for column, (equal, (findings, its)) in zip(st.columns(len(found), gap="medium"), found.items(), strict=True):
        with column:
            st.markdown(f"**{equal.capitalize()}.** {plain(its.words)}")
            answer.confounded(findings)
            if its.warning:
                st.markdown(f":material/warning: {plain(its.warning)}")
    st.caption(
        "Each of the three may be wrong with 5 %. The network with 3×3 kernels, with which the others are compared, is the same one in all "
        "three, trained once with each seed."
    )
    answer.test(next(iter(found.values()))[1])  # the same for all three
    with st.expander("All figures, and the studies to take away", key="published_figures", on_change="rerun") as opened:
        if opened.open:
            _figures(found)


def _figures(found: dict[str, tuple[Findings, Answer]]) -> None:
    equal = st.segmented_control(
        "Held equal",
        list(found),
        default=next(iter(found)),
        required=True,
        key="published_equal",
        format_func=str.capitalize,
    )
    findings, its = found[str(equal)]
    answer.tables(findings, its)
    words.listed(words.facts(findings.plan) | {"Frozen": words.frozen(findings.digest, findings.frozen)})
    st.caption(
        "Predicted and measured seconds are of two slow cores that trained two runs at a time beside other work."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.download_button(
            "Study file with receipts",
            published.data(str(equal)),
            published.KERNELS[str(equal)],
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        _repeat(str(equal), findings)


def _repeat(equal: str, findings: Findings) -> None:
    runs = len(findings.runs)
    seconds = sum(lab().estimate(cell.experiment).seconds for cell in findings.cells) * findings.plan.seeds
    pressed = pressed_once(
        "Repeat it here",
        f"published-repeat-{list(published.KERNELS).index(equal)}",
        icon=":material/replay:",
        help=f"Trains the same {counted(runs, 'run')} on this machine, about {duration_text(seconds)} one after the other, and says whether it agrees.",
    )
    starting.study(pressed, lambda: lab().studies.repeat(published.kernels(equal), by=person()))

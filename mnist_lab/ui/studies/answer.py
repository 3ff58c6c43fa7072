"""The answer of a study: the sentence, which test it rests on, one chart, and the tables. Of a study here, of a file from
elsewhere, and of those that the lab comes with."""

import re
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from mnist_lab.charts import studies as charts
from mnist_lab.results.spread import of_shares
from mnist_lab.studies import preview as of_preview
from mnist_lab.studies.answer import Answer
from mnist_lab.studies.findings import Findings
from mnist_lab.studies.plan import Plan
from mnist_lab.ui import figure, grid, heard
from mnist_lab.ui.studies import words
from mnist_lab.ui.text import plain

_LONG = 180  # characters of a sentence that is drawn less large
_DIGITS = 6  # of numbers in a chart, whose table can be read on the page
_number, _text = st.column_config.NumberColumn, st.column_config.TextColumn
_VERDICTS = {
    "better": "better",
    "worse": "worse",
    "higher": "more",
    "lower": "less",
    "equal": "practically equal",
    "inconclusive": "not decided",
    "not enough data": "too few seeds",
    "diverged": "not comparable: training diverged",
}


def sentences(text: str) -> tuple[str, str]:
    """The first sentence of an answer, and the rest."""
    first, *rest = re.split(r"(?<=\.)\s+(?=[A-Z])", text, maxsplit=1)
    return first, " ".join(rest)


def show(findings: Findings, *, key: str, is_heard: bool = True) -> Answer:
    """The whole answer.

    Args:
        key: of what is heard; different for each on a page.
        is_heard: whether a screen reader says it by itself, as it does where there is one answer.

    Returns:
        The answer, for what is to be told beside it.
    """
    found = findings.answer()
    verdict(found, key=key, is_heard=is_heard)
    chart(findings, found)
    confounded(findings)
    test(found)
    tables(findings, found)
    return found


def verdict(found: Answer, *, key: str, is_heard: bool = True) -> None:
    """The sentence, large; then the others, and what makes them doubtful."""
    first, rest = sentences(found.words)
    size = "verdict long" if len(first) > _LONG else "verdict"
    st.html(f'<div class="{size}">{escape(first)}</div>')
    if is_heard:
        heard.say(found.words, f"{key}-heard")
    if rest:
        st.markdown(plain(rest))
    if found.warning:
        st.warning(plain(found.warning), icon=":material/warning:")


def test(found: Answer) -> None:
    """On which test the answer rests, and why on this one."""
    st.caption(f":material/balance: {plain(found.test)}")


def confounded(findings: Findings) -> None:
    """What else differs, so that the answer cannot tell the one from the other."""
    for sentence in of_preview.confounded(findings.plan, findings.cells):
        st.markdown(f":material/help: It cannot tell {plain(sentence[:1].lower() + sentence[1:])}")


def chart(findings: Findings, found: Answer) -> None:
    """The levels with a line a seed; of two factors the interaction plot."""
    plan = findings.plan
    cells = cells_shown(found)
    if cells["mean"].isna().all():
        yet = "" if findings.has_ended else " yet"
        st.caption(f"No run has a result{yet}, so there is nothing to draw.")
        return
    titles = [factor.title for factor in plan.factors]
    alt = _in_words(cells, titles, plan.metric)
    if len(titles) == 1:
        cells = cells.rename(columns={titles[0]: "level"})
        cells = cells.assign(note=[f"{n} diverged" if n else "" for n in cells["diverged"]])
        figure.altair(charts.levels(_seeds(findings), cells, titles[0], plan.metric), alt=alt)
        st.caption(
            "A thin line is a seed: the same random choices at each level. A point is the mean over seeds, its bar the 95 % interval "
            "of that mean. The axis shows only the part of the scale where the results are."
        )
        return
    cells = cells.rename(columns={titles[0]: "first", titles[1]: "second"})
    figure.altair(charts.interaction(cells, (titles[0], titles[1]), plan.metric), alt=alt)
    st.caption(
        "A point is the mean over seeds, its bar the 95 % interval of that mean. Parallel lines: what varies along the axis "
        "makes the same difference on each line. Lines that come together or cross: it depends on the other."
    )


def cells_shown(found: Answer) -> pd.DataFrame:
    """The table of cells with intervals that stay within shares; none where there are too few seeds."""
    ends = [of_shares(low, high) for low, high in zip(found.cells["low"], found.cells["high"], strict=True)]
    finite = np.isfinite(found.cells["low"].astype(float))
    return found.cells.assign(
        low=[low if is_known else np.nan for (low, _), is_known in zip(ends, finite, strict=True)],
        high=[high if is_known else np.nan for (_, high), is_known in zip(ends, finite, strict=True)],
    ).round(_DIGITS)


def _seeds(findings: Findings) -> pd.DataFrame:
    """The seeds of a study with one factor, in the order of its levels; without a value where a run diverged."""
    runs = findings.runs
    value = runs[_column(findings.plan)].astype(float).where(~runs["is_diverged"].astype(bool))
    return pd.DataFrame(
        {
            "level": [findings.cells[cell].levels[0] for cell in runs["cell"]],
            "seed": runs["seed"].astype(int),
            "value": value.round(_DIGITS),
        }
    )


def _column(plan: Plan) -> str:
    return plan.metric.replace(" ", "_")


def _in_words(cells: pd.DataFrame, titles: list[str], metric: str) -> str:
    """What the chart shows, for who cannot see it."""

    def one(row: pd.Series) -> str:
        where = ", ".join(f"{title} {row[title]}" for title in titles)
        if pd.isna(row["mean"]):
            return f"{where} none"
        interval = "" if pd.isna(row["low"]) else f", 95 % interval {row['low']:.2%} to {row['high']:.2%}"
        return f"{where} {row['mean']:.2%}{interval}"

    return f"Mean {metric}: " + "; ".join(one(row) for _, row in cells.iterrows())


def tables(findings: Findings, found: Answer) -> None:
    """Each comparison that was planned, and each combination of levels with what it cost."""
    st.subheader("What was compared", anchor=False)
    rows = found.comparisons
    has_evidence = rows["evidence"].notna().any()
    shown = pd.DataFrame(
        {
            "What": rows["factor"],
            "First": rows["first"],
            "Second": rows["second"],
            "First is": [_VERDICTS[kind] for kind in rows["verdict"]],
            "Difference": 100 * rows["difference"],
            "from": (100 * rows["low"]).where(np.isfinite(rows["low"])),
            "to": (100 * rows["high"]).where(np.isfinite(rows["high"])),
            "p": [_p(p) for p in rows["adjusted_p"]],
            "Seeds": rows["n"],
        }
    )
    if rows["factor"].nunique() == 1:
        shown = shown.drop(columns="What")
    points = _number(format="%.2f", help="In percentage points: first minus second.")
    p = "By the test that may be looked at" if has_evidence else "Holm's correction"
    grid.show(
        shown,
        {
            "Difference": points,
            "from": _number("95 % from", format="%.2f", help="All intervals hold together with 95 %."),
            "to": _number("95 % to", format="%.2f"),
            "p": _text("p, corrected", alignment="right", help=f"For the number of comparisons: {p}."),
        },
        alt="The comparisons that were planned, a row each",
        height="content",
    )
    st.subheader("What was trained, and what it cost", anchor=False)
    grid.show(cost_table(findings, found), _COSTS, alt="Each level with its accuracy and cost", height="content")


def _p(p: float) -> str | None:
    if pd.isna(p):
        return None
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


_COSTS = {
    "Mean": _number(format="%.2f %%"),
    "sd": _number(format="%.2f", help="Standard deviation over seeds, in percentage points."),
    "Seeds": _number(help="With a result; training that diverged is counted apart."),
    "Parameters": _text(alignment="right", help="In brackets: in comparison with the reference."),
    "Multiply-adds": _text("Multiply-adds (10⁹)", alignment="right", help="Of a whole training, in billions."),
    "Predicted": _number(format="%.1f s", help="Seconds of a run, predicted when the study was frozen."),
    "Measured": _number(format="%.1f s", help="Seconds of a run: the mean over its runs."),
}


def cost_table(findings: Findings, found: Answer) -> pd.DataFrame:
    """A row for each combination of levels: accuracy, cost, predicted and measured seconds, how often it diverged."""
    plan, cells = findings.plan, findings.cells
    reference = cells[plan.reference_cell]
    measured = findings.runs.groupby("cell")["seconds"].mean()
    rows = pd.DataFrame(
        {factor.title: [cell.levels[place] for cell in cells] for place, factor in enumerate(plan.factors)}
        | {
            "Mean": (100 * found.cells["mean"].astype(float)).to_numpy(),
            "sd": (100 * found.cells["sd"].astype(float)).to_numpy(),
            "Seeds": found.cells["n"].to_numpy(),
            "Diverged": found.cells["diverged"].to_numpy(),
            "Parameters": [words.cost(cell.parameters, reference.parameters) for cell in cells],
            "Multiply-adds": [words.cost(cell.multiply_adds / 1e9, reference.multiply_adds / 1e9) for cell in cells],
            "Predicted": [cell.seconds for cell in cells],
            "Measured": [float(measured.get(number, np.nan)) for number in range(len(cells))],
        }
    )
    return rows if rows["Diverged"].any() else rows.drop(columns="Diverged")

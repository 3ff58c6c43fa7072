"""What a plan can tell, before it starts: what is trained and what that costs, how sure the answer will be, what it cannot say."""

from functools import partial
from math import isfinite

import pandas as pd
import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.numerals import counted, written
from mnist_lab.results.prediction import duration_text
from mnist_lab.studies.plan import MOST_SEEDS, Plan
from mnist_lab.studies.preview import Preview
from mnist_lab.ui import grid, starting
from mnist_lab.ui.session import lab, person, pressed_once
from mnist_lab.ui.studies import draft as drafts
from mnist_lab.ui.studies import words
from mnist_lab.ui.studies.draft import UNASKED, Draft
from mnist_lab.ui.text import plain, refusal

_SECONDS = 30.0  # for which what was worked out is kept: meanwhile a run may have ended, by which times are predicted
_number, _text = st.column_config.NumberColumn, st.column_config.TextColumn
_COLUMNS = {
    "Filters": _text(help="Of the convolution blocks, in their order."),
    "Parameters": _text(alignment="right", help="In brackets: in comparison with the reference."),
    "Multiply-adds": _text("Multiply-adds (10⁹)", alignment="right", help="Of a whole training, in billions."),
    "Seconds": _text(alignment="right", help="Predicted for one run on this machine."),
}


def show(draft: Draft) -> None:
    """The preview; where there can be none one sentence says why. Then the bar with the button that starts the study."""
    st.header("What this plan can tell", anchor=False)
    plan, found, why = None, None, ""
    try:
        plan = drafts.plan(draft)
        found = _preview(plan)
    except InputError as error:
        why = str(error)
    if plan is None or found is None:
        refusal(why)
    else:
        _figures(plan, found)
        _known(plan, found)
        _cells(plan, found)
        _limits(found)
    _bar(draft, plan, found)


def _preview(plan: Plan) -> Preview:
    """The preview of a plan. Raises InputError where it is impossible, as where a budget cannot be made equal."""
    found = _worked_out(lab().store.url, person().key, plan.digest, plan.canonical_json)
    if isinstance(found, str):
        raise InputError(found)
    return found


@st.cache_resource(max_entries=60, ttl=_SECONDS, show_spinner="Working out what is equal…")
def _worked_out(url: str, who: str, digest: str, plan_json: str) -> Preview | str:
    """A preview, or why there is none: that takes as long to find out."""
    del url, who, digest
    try:
        return lab().studies.preview(Plan.model_validate_json(plan_json), by=person())
    except InputError as error:
        return str(error)


def _figures(plan: Plan, found: Preview) -> None:
    """The four figures, and what they mean in a plain line."""
    points = _points(plan)
    if found.is_guess:
        st.warning(
            "How much the seeds of these designs differ is not known here, so chance and difference below are guesses: after training on "
            "few images or for a short time, seeds differ more, and both are far too hopeful. Two or three seeds of one design would tell.",
            icon=":material/casino:",
        )
    with st.container(horizontal=True, gap="small", key="study-figures"):
        st.metric("Runs", f"{found.runs}")
        st.metric("Time here", duration_text(found.seconds) if found.seconds else "none")
        st.metric("Comparisons", f"{found.comparisons}")
        st.metric(
            f"Chance to show {points} points",
            _percent(found.power),
            help="The power: the probability that the study shows a difference that is really there and as large as the one that matters.",
        )
        st.metric(
            "Shown in 8 of 10",
            f"{100 * found.detectable:.2f} points" if isfinite(found.detectable) else "–",
            help="How large a difference must be so that the study shows it in four of five cases.",
        )
    st.markdown(_power_in_words(plan, found, points))
    if not found.is_guess and found.needed is not None and plan.seeds < found.needed <= MOST_SEEDS:
        st.button(
            f"Take {found.needed} seeds of each",
            icon=":material/add:",
            key="study-take-needed",
            on_click=drafts.change,
            kwargs={"seeds": found.needed},
        )


def _power_in_words(plan: Plan, found: Preview, points: str) -> str:
    """What the power means; Markdown."""
    out_of_ten = round(10 * found.power)
    often = {0: "hardly ever", 10: "almost always"}.get(out_of_ten, f"in about {out_of_ten} of 10 such studies")
    told = f"If two levels really differ by {points} points, {plan.seeds} seeds of each show it **{often}**."
    if found.needed is None:
        told += " No affordable number of seeds would show so small a difference reliably: look for a larger one."
    elif found.needed > plan.seeds:
        told += f" For 8 of 10 it takes {found.needed} seeds of each."
    return f"{told} :small[Seeds of one design differ by {100 * found.sd:.2f} points (standard deviation of a difference), {plain(found.sd_source)}.]"


def _points(plan: Plan) -> str:
    """The difference that would matter, in percentage points."""
    return written(round(100 * plan.matters, 8))


def _percent(share: float) -> str:
    if share > 0.99:
        return "> 99 %"
    return f"{100 * share:.0f} %" if share >= 0.01 else "< 1 %"


def _known(plan: Plan, found: Preview) -> None:
    """What was trained here already, and a way to other seeds."""
    if not found.known:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(
            f"{counted(found.known, 'run')} of these {'has' if found.known == 1 else 'have'} been trained here before. They would be used again, and the answer "
            "judged as one that somebody may have looked at, which takes more seeds.",
            icon=":material/visibility:",
        )
        st.button(
            "Take fresh seeds",
            icon=":material/casino:",
            key="study-fresh",
            on_click=_take_fresh,
            args=(plan,),
            help="Begins after the last seed that was trained here.",
        )


def _take_fresh(plan: Plan) -> None:
    drafts.change(first_seed=lab().studies.fresh(plan, by=person()).first_seed)


def _cells(plan: Plan, found: Preview) -> None:
    """What is trained: a row for each combination, with what it costs beside the reference."""
    reference = found.cells[plan.reference_cell]
    rows = pd.DataFrame(
        {factor.title: [cell.levels[i] for cell in found.cells] for i, factor in enumerate(plan.factors)}
        | {
            "Filters": [
                ", ".join(str(block.filters) for block in cell.experiment.architecture.blocks) for cell in found.cells
            ],
            "Length": [
                f"{counted(cell.experiment.recipe.epochs, 'epoch')} of {cell.experiment.train_images:,} images"
                for cell in found.cells
            ],
            "Parameters": [words.cost(cell.parameters, reference.parameters) for cell in found.cells],
            "Multiply-adds": [
                words.cost(cell.multiply_adds / 1e9, reference.multiply_adds / 1e9) for cell in found.cells
            ],
            "Seconds": [words.cost(cell.seconds, reference.seconds) for cell in found.cells],
        }
    )
    st.caption(
        f"What is trained, {plan.seeds} times each; in brackets the difference from {plain(', '.join(reference.levels))}."
    )
    grid.show(rows, _COLUMNS, alt="What is trained, and what it costs", height="content")


def _limits(found: Preview) -> None:
    if found.limits:
        st.markdown("**What it cannot tell**")
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in found.limits))


def _bar(draft: Draft, plan: Plan | None, found: Preview | None) -> None:
    """The bar with the button, which stays in sight."""
    is_asked = bool(draft["question"].strip())
    with st.container(horizontal=True, vertical_alignment="center", key="study-bar"):
        pressed = pressed_once(
            "Start the study",
            "start-study",
            type="primary",
            icon=":material/play_arrow:",
            disabled=found is None or not is_asked,
        )
        with st.container(key="study-refusal"):  # a line of its own
            if plan is not None and plan.question != UNASKED:
                start = partial(lab().studies.start, plan, by=person(), version_of=draft["version_of"])
                starting.study(pressed, start)
        if found is None:
            st.caption("Something is missing or impossible; what it is stands above.")
        elif not is_asked:
            st.caption("Write the question first.")
        elif plan is not None:
            st.caption(
                f"{counted(found.runs, 'run')}, {'about ' + duration_text(found.seconds) if found.seconds else 'all of them known'}; "
                f"the chance to show {_points(plan)} points is {_percent(found.power)}. "
                "Once started, the plan is frozen, and nobody sees results before the last run has ended."
            )

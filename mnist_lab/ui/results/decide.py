"""A study of the designs that are compared, declared and started in one click: for a lesson, which wants a number today."""

import streamlit as st

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.names import sanitized
from mnist_lab.numerals import counted
from mnist_lab.results.comparison import Side
from mnist_lab.results.prediction import duration_text
from mnist_lab.studies.plan import FEWEST_SEEDS, MAX_RUNS, MOST_SEEDS, Factor, Metric, Plan
from mnist_lab.studies.preview import Preview
from mnist_lab.ui import starting
from mnist_lab.ui.session import errors_shown, lab, person, pressed_once, seen
from mnist_lab.ui.text import plain, refusal

_SEEDS = 6


def button(sides: list[Side], metric: Metric) -> None:
    """The button, which opens what would be started."""
    with st.popover("Decide it now…", icon=":material/science:", key="decide", on_change="rerun") as opened:
        if opened.open:
            _ask(sides, metric)


@errors_shown()
def _ask(sides: list[Side], metric: Metric) -> None:
    st.markdown(
        "A study fixes its number of seeds before the first one, and nobody sees a result until the last run has ended. So it "
        "needs fewer seeds than a comparison that one looks at again and again."
    )
    most = min(MOST_SEEDS, MAX_RUNS // len(sides))
    seeds = int(st.number_input("Seeds each", FEWEST_SEEDS, most, _SEEDS, key="decide-seeds"))
    try:
        wanted = lab().studies.fresh(_plan(sides, metric, seeds), by=person())
        st.markdown(_in_words(wanted, lab().studies.preview(wanted, by=person())))
    except InputError as error:
        refusal(error)
        return
    pressed = pressed_once("Start the study", "decide-start", type="primary", icon=":material/play_arrow:")
    starting.study(pressed, lambda: lab().studies.start(wanted, by=person()))


def _in_words(plan: Plan, ahead: Preview) -> str:
    """What would be trained, and what it can show."""
    last = plan.first_seed + plan.seeds - 1
    shown = "A difference"
    if ahead.is_guess:
        shown = "Nothing like these was trained here, so this is a guess: a difference"
    return (
        f"{counted(ahead.runs, 'run')} with the new seeds {plan.first_seed} to {last}, about {duration_text(ahead.seconds)} here. "
        f"{shown} of {100 * ahead.detectable:.2f} points would be shown with a probability of 80 %, one of "
        f"{100 * plan.matters:g} points with {ahead.power:.0%}. "
        f":small[Seeds of one design differ by {100 * ahead.sd:.2f} points (standard deviation of a difference), {plain(ahead.sd_source)}.]"
    )


def _plan(sides: list[Side], metric: Metric, seeds: int) -> Plan:
    """A study of these designs, all pairs of them."""
    designs = [seen().run(side.run_ids[0]).experiment for side in sides]
    names = [design.name for design in designs]
    if len(set(names)) < len(names):
        designs = [_called(design, side.title) for design, side in zip(designs, sides, strict=True)]
    return Plan(
        question=_question([design.name for design in designs]),
        base=designs[0],
        factors=(Factor(presets=tuple(designs)),),
        seeds=seeds,
        metric=metric,
    )


def _question(names: list[str]) -> str:
    """What the study asks, in words that fit."""
    return f"Which is better, {names[0]} or {names[1]}?" if len(names) == 2 else f"Which of these {len(names)} is best?"


def _called(design: Experiment, title: str) -> Experiment:
    return design.with_changes(name=sanitized(title))

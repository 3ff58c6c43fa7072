"""A round: planned, rehearsed and begun by the teacher; its clock and the lesson recipe above everybody's pages."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st
from pydantic import ValidationError

from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import MAX_EPOCHS
from mnist_lab.errors import InputError, sentence
from mnist_lab.lesson.proposal import MOST_MINUTES, Fit, RoundPlan, minutes_text
from mnist_lab.lesson.rounds import Preview, Rehearsal, Round
from mnist_lab.numerals import counted
from mnist_lab.reader import Reader
from mnist_lab.store.classes import Class
from mnist_lab.store.people import MOST as MOST_PEOPLE
from mnist_lab.ui import held
from mnist_lab.ui.fields import bound
from mnist_lab.ui.lesson import clock
from mnist_lab.ui.session import act, errors_shown, lab, person
from mnist_lab.ui.text import plain

REFRESH_SECONDS = 2.0
_DRAWN = "drawn_rehearsal"
_ANY = "one of the notebook's three"


# Above everybody's pages


def above(reader: Reader) -> None:
    """The clock and the recipe, in one line."""
    room = reader.rights.room
    now = held.current(room.id) if room else None
    if now is None:
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="round-now"):
        if now.is_on:
            clock.show(now.seconds_left(), now.ends, "round-clock")
        else:
            st.markdown(":material/timer_off: **The round is over.**", width="content")
        if now.recipe:
            who = "pupils train" if reader.rights.are_all else "everybody trains"
            until = "you lift it" if reader.rights.are_all else "your teacher lifts it"
            st.markdown(
                f":material/lock_clock: Lesson recipe: {who} **{plain(now.recipe.words())}** until {until}.",
                width="content",
            )


# On the Class page


def show(room: Class) -> None:
    """The round that goes on, and the next one."""
    now = lab().rounds.current(room.id)
    st.header("Round", anchor=False)
    if now is not None:
        _going_on(now)
    if now is None or not now.is_on:
        _next(lab().rounds.preview(by=person()))


def _going_on(now: Round) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="round-going"):
        if now.is_on:
            for minutes in (1, 5):
                st.button(
                    f"{counted(minutes, 'minute')} more",
                    icon=":material/more_time:",
                    key=f"prolong-round-{minutes}",
                    on_click=act,
                    args=(lab().rounds.prolong, now.ends + 60 * minutes),
                )
            st.button(
                "End the round",
                icon=":material/timer_off:",
                key="end-round",
                on_click=act,
                args=(lab().rounds.end,),
                help="Its recipe holds until you lift it. What trains or waits goes on.",
            )
        if now.recipe:
            st.button(
                "Lift the recipe",
                icon=":material/lock_open:",
                key="lift-recipe",
                on_click=act,
                args=(lab().rounds.lift,),
                help="Pupils then choose epochs and training images themselves again.",
            )


def _next(preview: Preview) -> None:
    plan = preview.plan
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="round-plan"):
        _number("Minutes", "minutes", plan.minutes, 1, MOST_MINUTES)
        _number("People", "people", plan.people or max(1, preview.here), 1, MOST_PEOPLE, help=_PEOPLE)
        _number("Seconds to design first", "design_seconds", plan.design_seconds, 0, 3600, help=_DESIGN)
        presets = [None, *PRESETS]
        st.selectbox(
            "They start from",
            presets,
            format_func=lambda name: name or _ANY,
            width=260,
            help="The slowest of these decides. The slower the network, the fewer images fit.",
            **bound("round-preset", plan.preset, _change("preset"), argument="index", options=presets),
        )
    if plan.people is not None and plan.people != preview.here:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.caption(f"{counted(preview.here, 'pupil')} joined so far.", width="content")
            st.button(
                "Count who joins",
                key="round-people-here",
                type="tertiary",
                on_click=_change("people"),
                args=(None,),
            )
    _proposal(preview)
    if preview.chosen:
        _by_hand(plan, preview.chosen)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="round-begin"):
        st.button(
            "Begin the round",
            type="primary",
            icon=":material/timer:",
            key="begin-round",
            disabled=preview.chosen is None,
            on_click=act,
            args=(lab().rounds.begin,),
            help="Its time runs, and its recipe holds for all pupils.",
        )
    _rehearsal(preview)


_PEOPLE = "As many first runs are counted. By default everybody who has joined."
_DESIGN = "Nobody is taken to train before that; then all press Train at once, which is the worst case."


def _proposal(preview: Preview) -> None:
    """What is proposed, or why nothing is; and whether what the teacher has chosen fits."""
    chosen = preview.chosen
    if preview.why_not:
        st.warning(plain(preview.why_not), icon=":material/timer_off:")
    if chosen is not None and chosen.fits:
        own = "Chosen by hand, and it fits. " if preview.plan.by_hand else ""
        st.success(f"{own}{plain(chosen.words())}", icon=":material/check_circle:")
    elif chosen is not None:
        st.warning(plain(chosen.excess_words()), icon=":material/timer_off:")
    words = []
    if chosen is not None:
        words.append(
            f"Counted: {counted(round(chosen.designing), 'second')} to design, then each trains {chosen.slowest}, alone "
            f"{minutes_text(chosen.alone)} on this machine, with its test."
        )
    if preview.plan.by_hand and preview.proposed:
        words.append(f"Proposed: {preview.proposed.recipe.words()}.")
    if preview.is_rehearsed and preview.factor > 1:
        words.append(f"As in the rehearsal, {preview.factor:.1f} times the predicted time is counted.")
    elif not preview.is_rehearsed and not preview.is_measured:
        words.append(
            "This machine has not been measured yet, so twice the predicted time is counted; a rehearsal says more."
        )
    if preview.in_queue:
        words.append(f"In the queue already, and not counted: {counted(preview.in_queue, 'run')}.")
    if words:
        st.caption(plain(" ".join(words)))


def _by_hand(plan: RoundPlan, chosen: Fit) -> None:
    recipe = chosen.recipe

    def keep(field: str, value: int) -> None:
        # What the plan is by now: another field may have been changed before the page was drawn again.
        now = lab().rounds.preview(by=person())
        own = LessonRecipe.model_validate((now.chosen or chosen).recipe.model_dump() | {field: value})
        act(lab().rounds.change, now.plan.model_copy(update={"by_hand": own}))

    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="round-recipe"):
        st.number_input(
            "Epochs", 1, MAX_EPOCHS, step=1, width=140, **bound("round-epochs", recipe.epochs, partial(keep, "epochs"))
        )
        st.number_input(
            "Training images",
            1,
            60_000,
            step=1000,
            width=180,
            **bound("round-images", recipe.train_images, partial(keep, "train_images")),
        )
        st.button(
            "As proposed",
            icon=":material/undo:",
            key="round-as-proposed",
            disabled=plan.by_hand is None,
            on_click=_change("by_hand"),
            args=(None,),
        )
    st.caption(
        "The lesson recipe holds for all pupils and whatever they train until you lift it. Networks with batch normalisation "
        "also get corrected statistics, and smaller batches where they would make fewer than 200 steps."
    )


def _number(label: str, field: str, value: int, low: int, high: int, help: str | None = None) -> None:
    st.number_input(label, low, high, step=1, width=170, help=help, **bound(f"round-{field}", value, _change(field)))


def _change(field: str, plan: RoundPlan | None = None) -> Callable[[Any], None]:
    """Keeps a plan with another value of a field: this one, or what the plan is by then."""

    def keep(value: Any) -> None:
        act(_changed, plan, field, value)

    return keep


def _changed(plan: RoundPlan | None, field: str, value: Any, **by: Any) -> None:
    plan = plan or lab().rounds.preview(**by).plan
    try:
        new = RoundPlan.model_validate(plan.model_dump() | {field: value})
    except ValidationError as error:
        raise InputError(sentence(error)) from None
    lab().rounds.change(new, **by)


# The rehearsal


def _rehearsal(preview: Preview) -> None:
    found = lab().rounds.rehearsal(by=person())
    goes_on = found is not None and found.report is None
    st.session_state[_DRAWN] = goes_on
    st.subheader("Rehearsal", anchor=False)
    st.caption(
        "Alone, before the lesson: as many pretended pupils as people are counted each train a first run in this recipe, by the "
        "real queue, and the lab says whether it was done in time. Nobody sees them, and they are removed afterwards."
    )
    if goes_on:
        st.fragment(_followed, run_every=REFRESH_SECONDS)()
        return
    if found is not None:
        _result(found)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="rehearsal-buttons"):
        st.button(
            "Rehearse" if found is None else "Rehearse again",
            icon=":material/theater_comedy:",
            key="rehearse",
            disabled=preview.chosen is None,
            on_click=act,
            args=(lab().rounds.rehearse,),
        )
        if found is not None:
            _delete("Delete the rehearsal", "delete")


@errors_shown()
def _followed() -> None:
    found = lab().rounds.rehearsal(by=person())
    if (found is not None and found.report is None) != st.session_state.get(_DRAWN):
        st.rerun()
    if found is None:
        return
    share = found.ended / found.people
    st.progress(
        share,
        f"{found.ended} of {found.people} first runs are done, {found.training} in training, after {minutes_text(found.seconds)}.",
    )
    _delete("Stop the rehearsal", "stop")


def _delete(label: str, icon: str) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key="delete-rehearsal",
        on_click=act,
        args=(lab().rounds.delete_rehearsal,),
        help="Its pretended pupils and their runs are removed, in training or not." if icon == "stop" else None,
    )


def _result(found: Rehearsal) -> None:
    report, plan = found.report, found.plan
    if report is None or plan.recipe is None:
        return
    words = (
        f"Measured with {counted(report.people, 'pretended pupil')}, {plan.recipe.words()}: everyone's first run was done after "
        f"{minutes_text(report.done)}, {counted(plan.design_seconds, 'second')} to design included; the round has "
        f"{counted(plan.minutes, 'minute')}. The slowest wait, from Train until a run began: {minutes_text(report.slowest_wait)}."
    )
    if report.failed:
        failed = f"Of {counted(report.people, 'first run')}, {report.failed} did not end well, so this says nothing of the time"
        st.error(plain(f"{failed}. {report.error}"), icon=":material/error:")
    elif found.fits:
        st.success(plain(words), icon=":material/check_circle:")
    else:
        st.warning(plain(f"It was not done in time. {words}"), icon=":material/timer_off:")
        _advice(found)


def _advice(found: Rehearsal) -> None:
    advice, report = found.advice, found.report
    if advice is None or report is None:
        st.markdown("No recipe would fit by what was measured: take a longer round, groups, or a faster preset.")
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="rehearsal-advice"):
        st.markdown(
            f"By what was measured, **{plain(advice.recipe.words())}** would be done after {minutes_text(advice.done)}.",
            width="content",
        )
        st.button(
            "Take that",
            icon=":material/build:",
            key="take-advice",
            on_click=_change("by_hand", found.plan.model_copy(update={"recipe": None})),
            args=(advice.recipe,),
        )

"""Guess first: the open question above every pupil's page, the outcome beside all guesses, and both large on the stage."""

from functools import partial
from html import escape
from typing import Any

import streamlit as st

from mnist_lab.charts.style import Frame
from mnist_lab.lesson import guess
from mnist_lab.lesson.guess import Kind, Outcome, Question
from mnist_lab.lesson.guesses import Asked, Told
from mnist_lab.person import Person
from mnist_lab.reader import Reader
from mnist_lab.ui import fields, figure
from mnist_lab.ui.session import act, lab, shared
from mnist_lab.ui.text import plain

_MOST_LINES = 3  # of questions above a page
_MOST_REASONS = 40
_MOST_OUTSIDE = 6
_ON_STAGE = 2.0  # how much larger than on a page a chart is there
_REASONS_ON_STAGE = 4


@shared
def state(class_id: int) -> tuple[Any, ...]:
    """What has to change for a question, or its outcome, to be drawn anew; the same for all who look."""
    return lab().guesses.state(class_id)


def show(reader: Reader) -> None:
    """For a pupil, a line for each question that is open, and for what came out a moment ago; nothing where there is none."""
    room = reader.rights.room
    if room is None or reader.rights.are_all or not state(room.id):
        return
    found = lab().guesses.current(by=reader.rights.person)
    for asked in [asked for asked in found if asked.mine is None and not asked.refusal][:_MOST_LINES]:
        field(asked)
    for asked in [asked for asked in found if asked.mine is not None and asked.outcome is None][:_MOST_LINES]:
        locked(asked)
    if over := [asked for asked in found if asked.outcome is not None]:
        came_out(over[0])


def field(asked: Asked) -> None:
    """The question in a line; its field, a line for why, and the button that locks the answer on request."""
    question, number = asked.question, asked.id
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"guess-{number}"):
        st.markdown(f":material/psychology_alt: **Guess first**: {plain(question.words)}", width="stretch")
        with st.popover("My guess", key=f"guess-fields-{number}"):
            key = f"guess-answer-{number}"
            if question.kind is Kind.BETTER:
                st.selectbox(
                    plain(question.words),
                    range(len(question.options)),
                    index=None,
                    format_func=partial(guess.said, question),
                    key=key,
                    placeholder="I think …",
                )
            else:
                st.text_input(
                    plain(question.words),
                    key=key,
                    max_chars=20,
                    placeholder="98.5 %" if question.kind is Kind.ACCURACY else "seconds",
                )
            if question.asks_why:
                st.text_input(
                    "Why I think so",
                    key=f"guess-why-{number}",
                    max_chars=guess.MAX_WHY,
                    placeholder="may stay empty",
                )
            st.button(
                "Lock my guess", key=f"guess-lock-{number}", icon=":material/lock:", on_click=act, args=(_lock, asked)
            )
            st.caption(f"{plain(guess.promise(question))} You need not answer.")


def _lock(asked: Asked, by: Person) -> None:
    """Give what stands in the fields of a question. Raises InputError where that is no answer, or it is late."""
    given = st.session_state.get(f"guess-answer-{asked.id}")
    number = guess.read_answer(asked.question, given or "") if isinstance(given, str | None) else float(given)
    lab().guesses.answer(asked.id, number, st.session_state.get(f"guess-why-{asked.id}") or "", by=by)


def locked(asked: Asked) -> None:
    """One's own answer while the outcome is not there."""
    mine = guess.said(asked.question, asked.mine or 0.0)
    st.caption(
        f":material/lock: {plain(asked.question.words)} You said **{plain(mine)}**. {plain(asked.waits)} Until its outcome is "
        "there, nobody sees a guess."
    )


def came_out(asked: Asked) -> None:
    """What came out, in a line, with the picture on request."""
    if asked.outcome is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"guess-over-{asked.id}"):
        came = asked.outcome.verdict or guess.outcome_in_words(asked.question, asked.outcome)
        words = _mine(asked) or came
        st.markdown(f":material/emoji_objects: {plain(words)}", width="content")
        with st.popover("The outcome and all guesses", key=f"guess-picture-{asked.id}", on_change="rerun") as opened:
            if opened.open:
                st.markdown(f"**{plain(asked.question.words)}**")
                picture(asked)


def picture(asked: Asked) -> None:
    """The outcome, one's own guess with its gap, the distribution of all; in words and as one picture; then the reasons."""
    question, outcome = asked.question, asked.outcome
    if outcome is None:
        st.caption(plain(asked.waits))
        return
    if mine := _mine(asked):
        st.markdown(f"**{plain(mine)}**")
    numbers = [told.number for told in asked.told]
    words = guess.outcome_in_words(question, outcome)
    if asked.is_for_class:
        words += f" {guess.class_in_words(question, numbers)}"
    st.markdown(plain(words))
    _chart(question, outcome, numbers, asked.mine)
    _reasons(question, asked.told)


def _mine(asked: Asked) -> str:
    if asked.mine is None or asked.outcome is None:
        return ""
    return guess.gap_in_words(asked.question, asked.outcome, asked.mine)


def _chart(
    question: Question, outcome: Outcome, numbers: list[float], mine: float | None, scale: float | None = None
) -> None:
    from mnist_lab.charts import guesses as charts  # with all of Altair

    in_words = f"{guess.outcome_in_words(question, outcome)} {guess.class_in_words(question, numbers)}"
    if question.kind is Kind.BETTER:
        counts = [numbers.count(place) for place in range(len(question.options))]
        chart = charts.options(question.options, counts, outcome.best, None if mine is None else int(mine))
        figure.altair(chart, scale=scale, alt=in_words)
        return
    is_share = question.kind is Kind.ACCURACY
    seconds = "seconds until all are trained" if question.is_round else "seconds of training"
    title = question.metric if is_share else seconds
    (value,) = outcome.values
    figure.altair(charts.numbers(numbers, value, mine, title, is_share=is_share), scale=scale, alt=in_words)
    always = [number for number in (value, mine) if number is not None]
    if words := _outside(question, numbers, charts.shown(numbers, *always)):
        if scale is None:
            st.caption(plain(words))
        else:
            _large(words, 1.5)


def _outside(question: Question, numbers: list[float], frame: Frame) -> str:
    from mnist_lab.charts import guesses as charts

    far = charts.outside(numbers, frame)
    if not far:
        return ""
    named = ", ".join(guess.said(question, number) for number in far[:_MOST_OUTSIDE])
    more = f" and {len(far) - _MOST_OUTSIDE} more" if len(far) > _MOST_OUTSIDE else ""
    return f"Outside the picture: {named}{more}."


def _reasons(question: Question, told: tuple[Told, ...]) -> None:
    given = [one for one in told if one.why]
    if not given and not question.with_names:
        return
    shown = told if question.with_names else given
    lines = [_line(question, one) for one in shown[:_MOST_REASONS]]
    if len(shown) > _MOST_REASONS:
        lines.append(f"… and {len(shown) - _MOST_REASONS} more")
    st.markdown("\n".join(f"- {line}" for line in lines))


def _line(question: Question, one: Told) -> str:
    who = "You" if one.is_mine else plain(one.who or "")
    words = (
        f"{who}: **{plain(guess.said(question, one.number))}**"
        if who
        else f"**{plain(guess.said(question, one.number))}**"
    )
    return f"{words}: {plain(one.why)}" if one.why else words


# On the stage


def scene(reader: Reader, chosen: dict[str, Any]) -> None:
    """A question, large, with how many have answered, and never what; then its outcome. The newest where none is chosen."""
    number, by = chosen.get("question"), reader.rights.person
    if isinstance(number, int):
        asked = lab().guesses.get(number, by=by)
    else:
        found = lab().guesses.current(by=by)
        if not found:
            _large("No question is open.", 1.6)
            return
        asked = found[0]
    question, outcome = asked.question, asked.outcome
    _large(question.words, 2.2, "guess-asked")
    if outcome is None:
        _large(f"{answered(asked.count)}.", 1.8)
        state_words = "The guessing is closed." if asked.is_closed else guess.promise(question)
        _large(f"{state_words} {asked.waits}", 1.5)
        return
    numbers = [told.number for told in asked.told]
    _large(guess.outcome_in_words(question, outcome), 1.8)
    _chart(question, outcome, numbers, None, _ON_STAGE)
    _large(guess.class_in_words(question, numbers), 1.6)
    reasons = [told for told in asked.told if told.why][:_REASONS_ON_STAGE]
    for one in reasons:
        who = f"{one.who}: " if one.who else ""
        _large(f"{who}{guess.said(question, one.number)}: “{one.why}”", 1.5)


def steer(reader: Reader, chosen: dict[str, Any]) -> None:
    """Which question stands there."""
    found = {asked.id: asked for asked in lab().guesses.all(by=reader.rights.person) if asked.is_for_class}
    if not found:
        st.caption("Nothing was asked yet: ask in the part Guess.")
        return
    shown = chosen.get("question")
    st.selectbox(
        "Question",
        [None, *found],
        format_func=lambda one: plain(found[one].question.words) if one in found else "The newest",
        **fields.bound(
            "stage-question",
            shown if shown in found else None,
            lambda new: act(lab().stage.show, "guess", {"question": new} if new else {}),
            argument="index",
            options=[None, *found],
        ),
    )


def answered(count: int) -> str:
    """How many have answered."""
    return "Nobody has answered yet" if not count else "1 has answered" if count == 1 else f"{count} have answered"


def _large(words: str, size: float, name: str = "guess-words") -> None:
    """Words for whoever sits ten metres away: `size` in the page's own, and never smaller than 24 pixels."""
    st.html(
        f'<p class="{name}" style="font-size: max({size}rem, 24px); line-height: 1.3; margin: 0.2em 0">{escape(words)}</p>'
    )

"""A challenge: what the teacher sets and reveals, the line above every page, how a pupil enters, the board here and on the stage."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab.design.presets import PRESETS
from mnist_lab.lesson.challenges import Board, Challenge, Rules, entered
from mnist_lab.numerals import counted
from mnist_lab.person import Kind
from mnist_lab.reader import Reader
from mnist_lab.store.classes import Class
from mnist_lab.ui import confirm, fields, grid, watching
from mnist_lab.ui.design.summary import Meaning
from mnist_lab.ui.session import (
    AGAIN,
    ONCE,
    act,
    errors_shown,
    lab,
    looker,
    person,
    pressed_once,
    seen,
    shared,
)
from mnist_lab.ui.text import plain

REFRESH_SECONDS = 3.0
MOST_ON_STAGE, MOST_WITH_WORDS = 8, 5
ICON = ":material/emoji_events:"
_SHORT = "Test results are sealed until the reveal."
SEALED = "Until the reveal nobody sees test results of runs queued since it began."
_BUDGETS = {
    "parameters": ("Parameters, at most", "challenge-parameters", "Trainable or not. Empty: any number."),
    "multiply_adds": (
        "Multiply-adds of training, at most",
        "challenge-multiply-adds",
        "Of a whole training, forward and backward, for each image in each epoch. Empty: any number.",
    ),
    "seconds": ("Predicted seconds, at most", "challenge-seconds", "On this machine. Empty: any time."),
}
_NAMES = "challenge-names"


@shared
def current(class_id: int) -> Challenge | None:
    """The challenge of a class, the same for all who look."""
    del class_id
    return lab().challenges.current(by=person())


@shared
def board(class_id: int) -> Board | None:
    """Its board, the same for all who look."""
    del class_id
    return lab().challenges.board(by=person())


# Above every page


def above(reader: Reader) -> None:
    """What the challenge is, and the board on request; whether a design fits is said beside Train."""
    room = reader.rights.room
    challenge = current(room.id) if room else None
    if challenge is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="challenge-line"):
        st.markdown(f"{ICON} **Challenge**: {plain(_line(challenge))}", width="stretch")
        with st.popover("Board", key="challenge-board", on_change="rerun") as opened:
            if opened.open:
                _popped()


def _line(challenge: Challenge) -> str:
    wanted = f"most accurate with {challenge.rules.words}."
    if challenge.is_revealed:
        return f"{wanted} It is revealed."
    if not challenge.is_open:
        return f"{wanted} No further entries. {_SHORT}"
    return f"{wanted} {_SHORT}"


@errors_shown()
def _popped() -> None:
    reader = looker()
    found = board(reader.rights.room.id) if reader.rights.room else None
    if found:
        table(found, reader.rights.owner)


# Beside Train


def entry(meaning: Meaning) -> None:
    """For pupils, while one is open: enter the design in it; where it does not fit, why."""
    reader = seen()
    room, experiment = reader.rights.room, meaning.experiment
    challenge = current(room.id) if room and reader.rights.person.kind is Kind.PUPIL else None
    if challenge is None or not challenge.is_open:
        return
    misfit = lab().challenges.misfits(experiment, by=person()) if experiment else ""
    pressed = pressed_once(
        "Enter it in the challenge",
        "enter-challenge",
        icon=ICON,
        disabled=meaning.prediction is None or bool(misfit),
        help="Trains it under the holdout protocol, with a seed that this design was not trained with yet, and ranks it by "
        "its validation accuracy.",
    )
    if misfit:
        st.caption(f"It cannot be entered. {plain(misfit)}", width="content")
    if pressed == ONCE and experiment:
        with st.container(key="challenge-refusal"):
            if watching.start(lambda: [lab().challenges.enter(experiment, by=person())]):
                pressed = AGAIN
    if pressed == AGAIN:
        watching.go()


# The Class page


def show(_: Class) -> None:
    """The teacher's part: set one, follow it, close it, reveal it."""
    st.header("Challenge", anchor=False)
    found = lab().challenges.current(by=person())
    if found is not None:
        st.fragment(_followed, run_every=REFRESH_SECONDS)(found)
    if found is None or found.is_revealed:
        _begin(is_next=found is not None)


@errors_shown()
def _followed(drawn: Challenge) -> None:
    found = lab().challenges.board(by=person())
    if found is None or found.challenge != drawn:
        st.rerun()
    challenge = found.challenge
    st.markdown(
        f"{ICON} **{plain(challenge.rules.words[:1].upper() + challenge.rules.words[1:])}**: {challenge.state}. "
        f"{'' if challenge.is_revealed else SEALED + ' That holds for you too.'}"
    )
    if not challenge.is_revealed:
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key="challenge-tools"):
            if challenge.is_open:
                st.button(
                    "Close entering",
                    icon=":material/lock:",
                    key=f"close-challenge-{challenge.id}",
                    on_click=act,
                    args=(lab().challenges.close, challenge.id),
                    help="What was entered is trained to its end; nothing more can be entered.",
                )
            confirm.button(
                "Reveal the test results…",
                "Reveal all test results to everybody?",
                key=f"reveal-challenge-{challenge.id}",
                icon=":material/visibility:",
                on_click=act,
                args=(lab().challenges.reveal, challenge.id),
                help=_before(found),
            )
    table(found, None)
    if challenge.is_revealed:
        _decide(found)


def _before(found: Board) -> str:
    """What to know before one reveals."""
    words = "It cannot be undone, and entering ends."
    return f"{' '.join(found.notes)} {words}".strip()


def _decide(found: Board) -> None:
    """A button for the seeds that would decide between the first two designs."""
    if found.first_two is None or not found.first_two[2].more:
        return
    pressed = pressed_once(
        f"Queue {found.first_two[2].more} more of each",
        f"challenge-seeds-{found.challenge.id}",
        icon=":material/queue:",
        help="Seeds of the first two designs, as your own runs; afterwards both have the same ones.",
    )
    if pressed == ONCE:
        with errors_shown():
            queued = lab().challenges.add_seeds(found.challenge.id, by=person())
            watching.started(queued)
            st.toast(f"{counted(len(queued), 'run')} queued." if queued else "They are queued already.")


def _begin(*, is_next: bool) -> None:
    """Budgets, and the button that sets the challenge."""
    st.subheader("Another one" if is_next else "Set one", anchor=False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="top", key="challenge-budgets"):
        given = {
            name: fields.optional_number(st.container(width=260), label, key=key, help=help, is_count=name != "seconds")
            for name, (label, key, help) in _BUDGETS.items()
        }
    names = st.toggle(
        "Names on the board", True, key=_NAMES, help="Otherwise pseudonyms such as “pupil 7”, which you alone can tell."
    )
    try:
        rules = _rules(given, names=names)
    except ValueError:
        rules = None
    if rules is None:
        st.caption("Limit at least one of them, by a number above zero.")
    else:
        fitting = [name for name, preset in PRESETS.items() if not rules.misfits(entered(preset), _seconds)]
        st.caption(f"Of the presets these fit: {', '.join(map(plain, fitting)) or 'none'}.")
    st.caption(
        "Pupils enter designs deliberately, beside Train. They are ranked by validation accuracy, each pupil by their best. "
        f"{SEALED} Then you reveal all at once."
    )
    pressed = pressed_once("Begin the challenge", "begin-challenge", type="primary", icon=ICON, disabled=rules is None)
    if pressed == ONCE and rules:
        with errors_shown():
            lab().challenges.begin(rules, by=person())
            st.rerun()


def _seconds(experiment: Any) -> float:
    return lab().estimate(experiment).seconds


def _rules(given: dict[str, float | None], *, names: bool) -> Rules:
    """The rules; raises ValueError where they are none."""
    whole = {name: None if given[name] is None else int(given[name] or 0) for name in ("parameters", "multiply_adds")}
    return Rules.model_validate({**whole, "seconds": given["seconds"], "names": names})


# The board


def table(found: Board, mine: str | None) -> None:
    """The board as a table, with what it says below; `mine` is the pseudonym of whoever looks."""
    if not found.places:
        waits = (
            f"{counted(found.entries, 'run')} entered, none has finished."
            if found.entries
            else "Nobody has entered yet."
        )
        st.caption(waits)
    else:
        grid.show(rows(found, mine), _columns(), alt="The board: a row a pupil, the best first")
    st.caption(" ".join([_counts(found), *found.notes]))
    for words in said(found):
        st.markdown(plain(words))


def rows(found: Board, mine: str | None = None) -> pd.DataFrame:
    """The board's table; accuracies in percent. Test results are in it after the reveal only."""
    table = pd.DataFrame(
        {
            "place": [place.rank for place in found.places],
            "who": [place.called + (" (you)" if place.owner == mine else "") for place in found.places],
            "validation": [_percent(place.run.validation_accuracy) for place in found.places],
            "test": [_percent(place.run.test_accuracy) for place in found.places],
            "parameters": [place.run.parameters for place in found.places],
            "design": [place.run.name for place in found.places],
            "run": [place.run.id for place in found.places],
            "entries": [place.finished for place in found.places],
        }
    )
    return table if found.challenge.is_revealed else table.drop(columns="test")


def said(found: Board) -> list[str]:
    """What the reveal says of the first place, in sentences: how lucky it was, and whether it is better than the second."""
    words = list(found.luck.words) if found.luck else []
    if found.first_two:
        verdict = found.first_two[2]
        words.append(f"{verdict.words} {verdict.warning}".strip())
    return words


def _counts(found: Board) -> str:
    if not found.entries:
        return ""
    runs = "1 entry" if found.entries == 1 else f"{found.entries} entries"
    return f"{runs} of {counted(found.pupils, 'pupil')}; each pupil is ranked by their best, equal ones by fewer parameters."


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _columns() -> dict[str, Any]:
    return {
        "place": st.column_config.NumberColumn("Place", width=60),
        "who": st.column_config.TextColumn("Who"),
        "validation": st.column_config.NumberColumn("Validation accuracy", format="%.2f %%", help="What is ranked by."),
        "test": st.column_config.NumberColumn("Test accuracy", format="%.2f %%"),
        "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
        "design": st.column_config.TextColumn("Design"),
        "run": st.column_config.NumberColumn("Run", width=60),
        "entries": st.column_config.NumberColumn("Finished entries"),
    }


# The stage

_STYLE = """<style>
.challenge { font-size: clamp(24px, 2.1vw, 48px); line-height: 1.35; }
.challenge table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.challenge :is(th, td) { padding: 0.12em 0.5em; text-align: right; border-bottom: 1px solid #8886; white-space: nowrap; }
.challenge :is(th, td):nth-child(2) { text-align: left; width: 99%; max-width: 0; overflow: hidden; text-overflow: ellipsis; }
.challenge th { font-weight: 400; font-size: 24px; }
.challenge tr.first td { font-weight: 700; }
.challenge .line { margin-top: 0.5em; }
</style>"""


def scene(reader: Reader, _: dict[str, Any]) -> None:
    """The board, large; after the reveal validation and test side by side, with how much of the first place was luck."""
    room = reader.rights.room
    found = board(room.id) if room else None
    if found is None:
        st.html(f'{_STYLE}<div class="challenge"><div class=line>No challenge has been set yet.</div></div>')
        return
    st.html(f'{_STYLE}<div class="challenge">{"".join(_large(found))}</div>')


def _large(found: Board) -> list[str]:
    challenge = found.challenge
    parts = [f"<div class=line>The most accurate network with {escape(challenge.rules.words)}</div>"]
    shown = found.places[: MOST_WITH_WORDS if challenge.is_revealed else MOST_ON_STAGE]
    if shown:
        head = ["", "", "Validation", *(["Test"] if challenge.is_revealed else []), "Parameters"]
        lines = []
        for place in shown:
            accuracies = [place.run.validation_accuracy]
            if challenge.is_revealed:
                accuracies.append(place.run.test_accuracy)
            cells = [
                f"{place.rank}.",
                escape(place.called),
                *("–" if share is None else f"{share:.2%}" for share in accuracies),
                f"{place.run.parameters:,}",
            ]
            first = ' class="first"' if place.rank == 1 else ""
            lines.append(f"<tr{first}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        heads = "".join(f'<th scope="col">{name}</th>' for name in head)
        parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>")
    else:
        parts.append("<div class=line>No entry has finished yet.</div>")
    more = len(found.places) - len(shown)
    rest = [f"and {counted(more, 'more pupil')}"] if more else []
    if not challenge.is_revealed:
        rest.append("test results are sealed until the reveal")
        rest.append("entries are open" if challenge.is_open else "no further entries")
    if rest:
        words = "; ".join(rest)
        parts.append(f"<div class=line>{escape(words[:1].upper() + words[1:])}.</div>")
    parts += [f"<div class=line>{escape(words)}</div>" for words in said(found)]
    return parts

"""What goes on in the lesson, above every page of whoever is in the class.

It is drawn with the page. The footer, which has a timer anyway, sees to it that the page is drawn again when something of
it has changed: what decides is read once a second for all who look.
"""

import contextlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import streamlit as st

from mnist_lab.errors import LabError
from mnist_lab.reader import Reader
from mnist_lab.ui import held
from mnist_lab.ui.lesson import challenges, glance, guesses, messages, rounds
from mnist_lab.ui.session import errors_shown, looker

_DRAWN = "lesson_drawn"


@dataclass(frozen=True)
class Part:
    """Something that may go on.

    Attributes:
        now: by a class's id, what has to change for the part to be drawn anew; made with `session.shared`.
        show: draws it for whoever looks, or nothing.
    """

    now: Callable[[int], Hashable]
    show: Callable[[Reader], None]


PARTS: tuple[Part, ...] = (
    Part(messages.now, messages.show),
    Part(held.current, rounds.above),
    Part(challenges.current, challenges.above),
    Part(guesses.state, guesses.show),
)


def show() -> None:
    """All that goes on, in a row of lines; nothing where no class is on."""
    st.session_state[_DRAWN] = _now()
    reader = looker()
    if reader.rights.room is None:
        return
    glance.arrived(reader)
    with st.container(key="lesson"):
        for part in PARTS:
            with errors_shown():
                part.show(reader)


def follow() -> None:
    """Have the page drawn again where something else goes on than when it was drawn."""
    with contextlib.suppress(LabError):  # the page says what is wrong
        glance.stays(looker())
    if _DRAWN in st.session_state and st.session_state[_DRAWN] != _now():
        st.rerun()


def _now() -> Hashable:
    try:
        room = looker().rights.room
        return None if room is None else (room.id, *(part.now(room.id) for part in PARTS))
    except LabError:
        return None  # the page says what is wrong

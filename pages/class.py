"""Class: let a class in, lead its lesson, and say what it may do. For the teacher; everybody else learns how to become it."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from mnist_lab.store.classes import Class
from mnist_lab.ui import head, navigation
from mnist_lab.ui.classroom import entrance, finish, limits, people, queue
from mnist_lab.ui.lesson import challenges, digit_set, glance, guess_asking, messages, rounds, steer
from mnist_lab.ui.session import is_teacher, lab, person

PART = "class-part"


def _people(room: Class) -> None:
    pupils = len(glance.of(room.id).pupils)
    entrance.beside(room, partial(glance.cards, room.id), pupils=pupils)
    if pupils:
        people.change()


def _queue(_: Class) -> None:
    queue.show()
    limits.show()


# What a lesson needs, in its order.
PARTS: dict[str, Callable[[Class], None]] = {
    "People": _people,
    "Round": rounds.show,
    "Stage": steer.show,
    "Guess": guess_asking.show,
    "Send": messages.compose,
    "Challenge": challenges.show,
    "Digits": digit_set.part,
    "Queue and limits": _queue,
    "The end": finish.show,
}

head.show(navigation.CLASS)
if not is_teacher():
    entrance.how_to_teach()
elif (room := lab().classroom.rights(person()).room) is None:
    entrance.open_class()
    finish.earlier()
else:
    part = st.segmented_control(
        "What to see", list(PARTS), default="People", required=True, key=PART, label_visibility="collapsed"
    )
    with st.container(key="class-now", gap="small"):  # in one place of the page, so that what is below it keeps its own
        people.asking()
        glance.line(room.id)
    PARTS[part](room)

"""The stage, for the projector's browser: one scene as large as the window, drawn again by itself, with nothing to press."""

from pathlib import Path

import streamlit as st

from mnist_lab.lesson.stage import FIRST, Staged
from mnist_lab.ui import held
from mnist_lab.ui.lesson import clock
from mnist_lab.ui.lesson.scenes import SCENES
from mnist_lab.ui.session import errors_shown, lab, pace, person, seen, shared

SECONDS = 2.0
_CSS = f"<style>{Path(__file__).with_suffix('.css').read_text(encoding='utf-8')}</style>"
_SCHEME = "<style>:root, [data-testid=stApp] {{ color-scheme: {} !important; }}</style>"
_SCHEMES = {"system": "light dark", "light": "light", "dark": "dark"}


def show() -> None:
    """What stands there, now and from now on."""
    st.html(_CSS)
    staged = _now()
    scheme = staged.scheme if staged else "system"
    st.html(_SCHEME.format(_SCHEMES[scheme]))
    seconds = max(SECONDS, pace())
    st.fragment(_scene, run_every=seconds)(scheme, seconds)


@errors_shown()
def _scene(scheme: str, seconds: float) -> None:
    staged = _now()
    if (staged.scheme if staged else "system") != scheme or max(SECONDS, pace()) != seconds:
        st.rerun()  # what is outside of this part
    with st.container(key="stage"):
        if staged is None:
            st.html('<p class="stage-line">No class is on: the stage belongs to a class.</p>')
            return
        _clock()
        name = staged.scene if staged.scene in SCENES else FIRST
        with st.container(key=f"stage-scene-{name}"), errors_shown():
            SCENES[name].show(seen(), staged.of(name))


def _clock() -> None:
    """What is left of the round, in a corner."""
    room = seen().rights.room
    now = held.current(room.id) if room else None
    if now and now.is_on:
        with st.container(key="stage-clock"):
            clock.show(now.seconds_left(), now.ends, "stage-round-clock")


def _now() -> Staged | None:
    room = seen().rights.room
    return None if room is None else staged(room.id)


@shared
def staged(class_id: int) -> Staged | None:
    """What the class's stage shows."""
    del class_id
    return lab().stage.now(by=person())

"""Digits, Draw: the lab asks for a digit, somebody draws it and keeps it; below are their own, which they can delete."""

from typing import Any

import streamlit as st

from mnist_lab.numerals import counted
from mnist_lab.person import Person
from mnist_lab.results.own_digits import named, next_label
from mnist_lab.store.digits import MOST_EACH, Digit
from mnist_lab.ui import fields, heard
from mnist_lab.ui.choices import with_selected
from mnist_lab.ui.inspect import pad
from mnist_lab.ui.lesson import digit_pictures
from mnist_lab.ui.session import act, fragment, lab, looker, person

_KEPT, _LABEL, _CHOSEN = "digits_kept", "digits_label", "digits_of_mine"
_PAD = "digits-pad"


@fragment
def show() -> None:
    """The pad with the digit that is asked for; only this part is redrawn with each stroke."""
    mine = lab().digits.mine(by=person())
    number = st.session_state.get(_KEPT, 0)
    label = int(st.session_state.get(_LABEL, next_label(mine)))
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader(f"Draw {named(label)}", anchor=False, width="content")
            _label(label)
        pad.show(_PAD, turn=number, is_live=False)
    with right:
        with st.container(horizontal=True, gap="small"):
            st.button(
                f"Keep this {label}",
                type="primary",
                icon=":material/add:",
                key=f"keep-digit-{number}",
                on_click=_keep,
                args=(number, label),
                disabled=len(mine) >= MOST_EACH,
            )
            if mine:
                last = mine[-1]
                st.button(
                    f"Undo: delete the last {last.label}",
                    icon=":material/undo:",
                    key=f"undo-digit-{last.id}",
                    on_click=act,
                    args=(lab().digits.delete, last.id),
                )
        _mine(mine)


def _label(label: int) -> None:
    """Another digit than the one that is asked for."""

    def save(new: Any) -> None:
        st.session_state[_LABEL] = new

    with st.popover("Another digit", key="digits-another"):
        fields.choose(
            st,
            "Draw a",
            range(10),
            label,
            key="digits-label",
            save=save,
            help="The lab asks for the one of which you have the fewest, so that each is tested as often as the others.",
        )


def _keep(number: int, label: int) -> None:
    """Keep what is on the pad, once, and go on with an empty one."""
    if st.session_state.get(_KEPT, 0) != number:
        return  # a second press, before the browser has emptied the pad

    def keep(*, by: Person) -> None:
        lab().digits.keep(label, pad.latest(_PAD, turn=number), by=by)
        st.session_state[_KEPT] = number + 1
        st.session_state.pop(_LABEL, None)

    act(keep)


def _mine(mine: list[Digit]) -> None:
    """One's own drawings, small, and a way to delete some."""
    out = sum(digit.thrown_out is not None for digit in mine)
    st.subheader(f"Yours: {len(mine)} of at most {MOST_EACH}", anchor=False)
    heard.say(f"You have kept {counted(len(mine), 'digit')}." if mine else "", "digits-heard")
    if not mine:
        seen = " Whoever is in the class sees it, without your name; only your teacher is told whose it is."
        st.caption(
            "What you draw is scaled and centred as MNIST’s digits are, and kept with its label."
            f"{seen if looker().rights.room else ''} You can delete it."
        )
        return
    st.html(
        digit_pictures.gallery(
            mine, {digit.id: f"{place}: {named(digit.label)}" for place, digit in enumerate(mine, 1)}
        )
    )
    if out:
        st.caption(f"{out} of them, crossed out, your teacher has thrown out: they do not count.")
    places = {digit.id: place for place, digit in enumerate(mine, 1)}
    labels = {digit.id: digit.label for digit in mine}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Delete some of yours",
            with_selected(list(places), _CHOSEN),
            format_func=lambda i: f"number {places[i]}, {named(labels[i])}" if i in places else "one that is gone",
            key=_CHOSEN,
            placeholder="Their numbers",
        )
        if chosen:
            st.button("Delete", icon=":material/delete:", key="delete-digits", on_click=_delete, args=(chosen,))


def _delete(ids: list[int]) -> None:
    act(lab().digits.delete, *ids)
    st.session_state[_CHOSEN] = []

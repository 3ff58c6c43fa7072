"""Digits, all of them: the set by its labels, its files, and for the teacher what is thrown out. Also a part of the Class page."""

from collections.abc import Callable

import streamlit as st

from mnist_lab.person import Person
from mnist_lab.results.own_digits import DigitSet, named
from mnist_lab.store.classes import Class
from mnist_lab.ui import confirm, navigation
from mnist_lab.ui.choices import with_selected
from mnist_lab.ui.lesson import digit_pictures
from mnist_lab.ui.session import act, errors_shown, lab, looker, person
from mnist_lab.ui.text import plain

_CHOSEN = "digits_chosen"


@errors_shown()
def show() -> None:
    """The set of whoever looks."""
    found = lab().digits.all(by=person())
    st.subheader(plain(found.words), anchor=False)
    if not found.digits:
        st.caption("Nobody has drawn one yet.")
        return
    st.html(digit_pictures.rows(found.kept))
    _files()
    if looker().rights.are_all:
        _judge(found)


def part(room: Class) -> None:
    """The part of the Class page."""
    del room
    st.page_link(navigation.DIGITS.script, label="Draw, and see how networks read them", icon=":material/draw:")
    st.button("Look again", icon=":material/refresh:", key="digits-again")
    show()


def _files() -> None:
    who = person()  # asked now: the files are made when no page is being drawn

    def made(use_case: Callable[..., bytes], who: Person) -> Callable[[], bytes]:
        return lambda: use_case(by=who)

    with st.container(horizontal=True, gap="small"):
        for label, use_case, name, kind in (
            ("For NumPy (.npz)", lab().digits.npz, "own-digits.npz", "application/octet-stream"),
            ("A sheet (.png)", lab().digits.sheet, "own-digits.png", "image/png"),
        ):
            st.download_button(
                label,
                made(use_case, who),
                name,
                kind,
                key=f"download-{name}",
                icon=":material/download:",
                on_click="ignore",
                help="Without what was thrown out. Images as MNIST's, 28×28 bytes, with labels and drawers."
                if kind != "image/png"
                else "Without what was thrown out, and without names.",
            )


def _judge(found: DigitSet) -> None:
    """Throw out what is no digit, take it back, delete."""
    names = looker().names()
    called = {digit.id: names.get(digit.person, digit.person) for digit in found.digits}
    st.header("Throw out what is no digit", anchor=False)
    st.caption(
        "Only what is empty or is no digit, or not the one it should be, and before you look at what networks say: who throws "
        "out what they get wrong makes them look better than they are. The count says how many were thrown out."
    )
    by_id = {digit.id: digit for digit in found.digits}
    with st.expander("All drawings with their numbers", key="digits-numbered"):
        st.html(
            digit_pictures.gallery(
                found.digits, {i: f"{i}: {named(one.label)}, {called[i]}" for i, one in by_id.items()}
            )
        )

    def words(number: int) -> str:
        if number not in by_id:
            return f"{number}, which is gone"
        out = ", thrown out" if by_id[number].thrown_out else ""
        return f"{number}: {named(by_id[number].label)} by {called[number]}{out}"

    chosen = st.multiselect(
        "Drawings, by their numbers",
        with_selected(list(by_id), _CHOSEN),
        format_func=words,
        key=_CHOSEN,
        placeholder="Type a number, a label or a name",
    )
    those = [by_id[number] for number in chosen if number in by_id]
    if not those:
        return
    st.html(digit_pictures.gallery(those, {one.id: words(one.id) for one in those}))
    with st.container(horizontal=True, gap="small"):
        for label, icon, use_case, is_useful in (
            ("Throw out", "block", lab().digits.throw_out, any(one.thrown_out is None for one in those)),
            ("Take back", "undo", lab().digits.take_back, any(one.thrown_out is not None for one in those)),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"digits-{icon}",
                disabled=not is_useful,
                on_click=_done,
                args=(use_case, chosen),
            )
        confirm.button(
            "Delete",
            f"Delete {'this drawing' if len(those) == 1 else f'these {len(those)} drawings'} for good?",
            key="digits-delete",
            icon=":material/delete_forever:",
            on_click=_done,
            args=(lab().digits.delete, chosen),
        )


def _done(use_case: Callable[..., None], ids: list[int]) -> None:
    act(use_case, *ids)
    st.session_state[_CHOSEN] = []

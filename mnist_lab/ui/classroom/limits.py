"""What pupils may do: limits, which runs they see, which pages they open, whether files hold their names."""

import streamlit as st

from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.design.experiment import MAX_SEEDS
from mnist_lab.ui import navigation
from mnist_lab.ui.session import act, lab, person

_LOCKABLE = {page.path: page.title for page in navigation.PAGES if not page.is_teachers}
_SEES = {Sees.ALL: "all runs", Sees.OWN: "only their own, and the class's best"}
_KEYS = {field: f"class-{field}" for field in ClassSettings.model_fields}


def show() -> None:
    """Each field is kept as soon as it is changed."""
    now = lab().classroom.rights(person()).settings
    st.header("What pupils may do", anchor=False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="class-limits"):
        _number("Waiting runs per pupil", "waiting", now.waiting, 1, 1000)
        _number("Seeds at a time", "seeds", now.seeds, 1, MAX_SEEDS)
        _number(
            "Longest run in seconds, 0: any",
            "seconds",
            now.seconds or 0,
            0,
            86_400,
            help="By the time that the lab predicts for it.",
        )
        st.selectbox(
            "Pupils see",
            list(_SEES),
            list(_SEES).index(now.sees),
            format_func=_SEES.__getitem__,
            key=_KEYS["sees"],
            on_change=_keep,
            width=300,
        )
    st.multiselect(
        "Locked pages",
        list(_LOCKABLE),
        list(now.locked),
        format_func=lambda path: _LOCKABLE.get(path, path),
        key=_KEYS["locked"],
        on_change=_keep,
        placeholder="none",
    )
    st.toggle(
        "Put pupils' names into files that I export",
        now.names_in_files,
        key=_KEYS["names_in_files"],
        on_change=_keep,
        help="Otherwise tables, epochs and the class's file that you export have pseudonyms such as “pupil 7”. Pupils' own "
        "exports have pseudonyms always; receipts and logs hold neither.",
    )


def _number(label: str, field: str, value: int, low: int, high: int, help: str | None = None) -> None:
    st.number_input(label, low, high, value, key=_KEYS[field], on_change=_keep, width=220, help=help)


def _keep() -> None:
    given = {field: st.session_state[key] for field, key in _KEYS.items()}
    act(lab().classroom.allow, ClassSettings.model_validate(given | {"seconds": given["seconds"] or None}))

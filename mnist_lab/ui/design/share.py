"""Saving and sharing a design: by name in the store, as a link, as JSON, as a Keras script."""

from typing import Any

import streamlit as st

from mnist_lab.design.experiment import Experiment, read_design
from mnist_lab.design.keras_script import source
from mnist_lab.errors import InputError, one_line
from mnist_lab.names import MAX_NAME
from mnist_lab.ui import fields
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.session import lab, person
from mnist_lab.ui.text import plain

_MESSAGE = "keep_message"
_ASKED = "keep_asked"
_DELETED = "keep_deleted"
_IMPORT = "import"


def show(draft: dict[str, Any]) -> None:
    """A popover with all of it."""
    with st.popover("Save, open, share", icon=":material/save:", key="keep", on_change="rerun") as popover:
        if not popover.open:
            return
        try:
            experiment: Experiment | None = drafts.experiment(draft)
        except InputError:
            experiment = None
            st.caption("This design cannot be trained yet, so it cannot be saved or exported; another can be opened.")
        name = draft["name"] if experiment is None else experiment.name
        st.text_input(
            "Name",
            max_chars=MAX_NAME,
            help="The name of the runs of this design, and of the design when it is saved.",
            **fields.bound("design_name", name, lambda new: drafts.save({**drafts.current(), "name": new or "custom"})),
        )
        st.button("Save", icon=":material/save:", disabled=experiment is None, on_click=_save, key="save_design")
        kept = lab().designs(by=person())
        _ask(experiment, kept)
        _open(kept)
        st.caption(
            "The address of this page holds the whole design: copy it to share the design."
            if experiment is not None
            else "The address of this page holds the last version that could be trained."
        )
        if experiment is not None:
            _export(experiment)
        st.file_uploader(
            "Import a design (JSON)",
            type="json",
            key=_IMPORT,
            on_change=_import,
            help="A file made by “Export design”, here or in another installation.",
        )


def message() -> None:
    """The result of what was done in it last."""
    with st.container():  # always there, so that a message moves nothing to another place in the page
        if found := st.session_state.pop(_MESSAGE, None):
            kind, words = found
            (st.error if kind == "error" else st.success)(plain(words))


def _save(replaces: str | None = None, name: str | None = None) -> None:
    """Keep the design, under another name where one is given; another design of that name is asked about first."""
    if name is not None:
        drafts.save({**drafts.current(), "name": name})
    experiment = drafts.experiment(drafts.current())
    other = lab().save_design(experiment, by=person(), replaces=replaces)
    st.session_state[_ASKED] = None if other is None else (experiment.name, other)
    st.session_state.pop(_DELETED, None)
    if other is None:
        st.session_state[_MESSAGE] = ("success", f"Saved as “{experiment.name}”.")


def _ask(experiment: Experiment | None, kept: dict[str, str]) -> None:
    """Whether to replace what is kept under the name that somebody has just saved a design as."""
    asked = st.session_state.get(_ASKED)
    if not asked or experiment is None or experiment.name != asked[0] or kept.get(asked[0]) != asked[1]:
        return
    free = next(
        new for number in range(2, len(kept) + 3) if (new := f"{asked[0][: MAX_NAME - 5]} {number}") not in kept
    )
    st.warning("Another design is saved under this name.", icon=":material/save:")
    with st.container(horizontal=True):
        st.button("Replace it", on_click=_save, args=(asked[1],), key="replace_design")
        st.button(f"Save as “{plain(free)}”", on_click=_save, args=(None, free), key="save_as_design")


def _open(kept: dict[str, str]) -> None:
    if deleted := st.session_state.get(_DELETED):
        st.button(f"Restore “{plain(deleted[0])}”", icon=":material/undo:", on_click=_restore, key="restore_design")
    if not kept:
        st.caption("Nothing saved yet.")
        return
    chosen = st.selectbox("Saved designs", list(kept), key="saved_design")
    with st.container(horizontal=True):
        st.button("Open", icon=":material/folder_open:", on_click=_load, args=(kept[chosen], "Saved design"))
        st.button(
            "Delete", icon=":material/delete:", on_click=_delete, args=(chosen, kept[chosen]), key="delete_design"
        )


def _delete(name: str, text: str) -> None:
    lab().delete_design(name, by=person())
    st.session_state[_DELETED] = (name, text)
    st.session_state[_MESSAGE] = ("success", f"“{name}” is deleted; runs made with it stay.")


def _restore() -> None:
    """Save again what was deleted last, unless another design has its name by now."""
    name, text = st.session_state.pop(_DELETED)
    try:
        other = lab().save_design(read_design(text), by=person())
    except InputError as error:
        st.session_state[_MESSAGE] = ("error", f"“{name}” cannot be restored: {error}")
        return
    if other is None:
        st.session_state[_MESSAGE] = ("success", f"“{name}” is saved again.")
    else:
        st.session_state[_MESSAGE] = ("error", f"“{name}” cannot be restored: another design has this name by now.")


def _load(written: str | bytes, where: str) -> None:
    try:
        drafts.save(drafts.of_experiment(read_design(written)))
    except InputError as error:
        st.session_state[_MESSAGE] = ("error", one_line(f"{where}: {error} The design on the page is unchanged."))


def _import() -> None:
    uploaded = st.session_state[_IMPORT]
    if uploaded is not None:
        _load(uploaded.getvalue(), f"File {uploaded.name[:60]}")


def _export(experiment: Experiment) -> None:
    file = "".join(letter if letter.isalnum() else "-" for letter in experiment.name)
    st.download_button(
        "Export design (JSON)",
        experiment.model_dump_json(indent=2),
        f"{file}.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
    )
    script = source(experiment)
    st.download_button(
        "Export Keras script",
        script,
        f"{file}.py",
        "text/x-python",
        icon=":material/code:",
        on_click="ignore",
        help="A script that builds and trains this network with nothing but TensorFlow.",
    )
    with st.expander("Read the Keras script"):
        st.code(script, language="python")

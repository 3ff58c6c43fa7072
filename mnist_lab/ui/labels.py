"""Labels of runs: name, tags, note, archived, deleted; each change can be undone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab.errors import ConflictError, InputError
from mnist_lab.names import MAX_NAME
from mnist_lab.store.labels import Change
from mnist_lab.store.run import Status
from mnist_lab.ui import confirm
from mnist_lab.ui.session import lab, person, seen
from mnist_lab.ui.text import refusal

_DONE = "labels_done"
_MESSAGE = "labels_message"
_PROBLEM = "labels_problem"
_POPOVER, _BEGUN, _FORMS = "label", "labels_begun", "labels_forms"
_CHOSEN = "chosen_runs"
_ARCHIVED_TOO = "archived"
_MOST_UNDONE = 50
_FEW = 3


def chosen() -> list[int]:
    """The runs that somebody has ticked."""
    return list(st.session_state.get(_CHOSEN, ()))


def choose(run_ids: Iterable[int]) -> None:
    """Tick these runs and no others."""
    st.session_state[_CHOSEN] = list(run_ids)


def archived_too() -> bool:
    """A switch for whether archived runs are listed; where it stands."""
    return st.toggle("Archived too", key=_ARCHIVED_TOO, persist_state="session")


def controls(runs: pd.DataFrame, every: pd.DataFrame) -> None:
    """Rename, tag, note, archive and delete some runs, a row each; `every` has the tags that are known."""
    rights = seen().rights
    if not rights.are_all and not (runs["owner"] == rights.owner).all():
        st.caption(":material/lock: Not all of them are yours to label.", width="content")
        return
    ids = [ids[0] for ids in runs["ids"]]
    with st.popover("Label", icon=":material/label:", key=_POPOVER, on_change="rerun") as popover:
        if popover.open:
            _form(runs, sorted({tag for tags in every["tags"] for tag in tags}))
        else:
            st.session_state.pop(_BEGUN, None)
    are_archived = bool(runs["archived"].all())
    st.button(
        "Unarchive" if are_archived else "Archive",
        icon=":material/unarchive:" if are_archived else ":material/archive:",
        on_click=_label,
        args=("Unarchived" if are_archived else "Archived", ids),
        kwargs={"archived": not are_archived},
        help="Archived runs leave the table unless “Archived too” is on (under Filter); they still count in comparisons.",
    )
    confirm.button(
        "Delete",
        f"Delete {len(ids)} runs?" if len(ids) > 1 else None,
        key="delete_runs",
        icon=":material/delete:",
        on_click=_delete,
        args=(ids,),
        help="Can be undone for seven days; after that a run is gone with its weights. A waiting run leaves the queue.",
    )


def restore(run_ids: list[int]) -> None:
    """A button that restores deleted runs."""
    st.button(
        "Restore",
        icon=":material/restore_from_trash:",
        on_click=_label,
        args=("Restored", run_ids),
        kwargs={"deleted": False},
        help="Just as they were; those that were waiting return to the queue.",
    )


@dataclass
class _Begun:
    """What a form started from: the name and note of each run, the tags that all have; and the number of the form."""

    seen: dict[int, dict[str, str]]
    tags: list[str]
    number: int

    def key(self, field: str) -> str:
        """The key of a field's widget."""
        return f"labels-{self.number}-{field}"

    @property
    def name(self) -> str:
        """Of the first one."""
        return next(iter(self.seen.values()))["name"]

    @property
    def note(self) -> str:
        """The one that all have, or none."""
        notes = {labels["note"] for labels in self.seen.values()}
        return notes.pop() if len(notes) == 1 else ""


def _form(runs: pd.DataFrame, known: list[str]) -> None:
    """Name, tags and note of some runs. It remembers what it started from: only what a person changes is written."""
    begun: _Begun | None = st.session_state.get(_BEGUN)
    ids = [ids[0] for ids in runs["ids"]]
    if begun is None or not begun.seen.keys() <= set(ids):  # a further seed of a row is no reason to begin anew
        labels = zip(ids, runs["name"], runs["note"], strict=True)
        begun = st.session_state[_BEGUN] = _Begun(
            {run_id: {"name": name, "note": note} for run_id, name, note in labels},
            sorted(set.intersection(*(set(tags) for tags in runs["tags"]))),
            st.session_state.get(_FORMS, 0) + 1,
        )
        st.session_state[_FORMS] = begun.number
    if problem := st.session_state.pop(_PROBLEM, None):
        refusal(problem)
    with st.form(begun.key("form"), border=False):
        st.text_input("Name", begun.name, max_chars=MAX_NAME, key=begun.key("name"))
        tags = sorted({*known, *begun.tags})
        st.multiselect("Tags", tags, begun.tags, accept_new_options=True, key=begun.key("tags"))
        st.text_area("Note", begun.note, key=begun.key("note"))
        if len(begun.seen) > 1:
            st.caption(f"For all {len(begun.seen)} runs; a field that you do not change stays as it is in each.")
        st.form_submit_button("Save", type="primary", on_click=_save)


def _save() -> None:
    begun: _Begun = st.session_state[_BEGUN]
    name, note, tags = (st.session_state[begun.key(field)] for field in ("name", "note", "tags"))
    values = {field: new for field, new, old in (("name", name, begun.name), ("note", note, begun.note)) if new != old}
    try:
        changes = lab().label(
            begun.seen,
            by=person(),
            seen=begun.seen,
            add_tags=set(tags) - set(begun.tags),
            remove_tags=set(begun.tags) - set(tags),
            **values,
        )
    except ConflictError as error:
        begun.seen[error.run_id] |= error.now  # seen now: who saves again means it
        st.session_state[_PROBLEM] = str(error)
    except InputError as error:
        st.session_state[_PROBLEM] = str(error)
    else:
        _remember("Labelled", changes)
        st.session_state[_POPOVER] = False


def _label(words: str, ids: list[int], **values: Any) -> None:
    try:
        _remember(words, lab().label(ids, by=person(), **values))
    except InputError as error:
        st.session_state[_MESSAGE] = str(error)
        return
    if values.get("deleted") or (values.get("archived") and not st.session_state.get(_ARCHIVED_TOO)):
        choose(run_id for run_id in chosen() if run_id not in ids)


def _delete(ids: list[int]) -> None:
    training = [run.id for run in seen().active() if run.status is Status.RUNNING and run.id in ids]
    rest = [run_id for run_id in ids if run_id not in training]
    if rest:
        _label("Deleted", rest, deleted=True)
    if training:
        one = len(training) == 1
        runs = f"Run {training[0]} is" if one else f"Runs {_listed(training)} are"
        st.session_state[_MESSAGE] = f"{runs} training and cannot be deleted; stop {'it' if one else 'them'} first."


def _listed(items: Sequence[object]) -> str:
    """`3, 5 and 9`."""
    *first, last = map(str, items)
    return f"{', '.join(first)} and {last}" if first else last


def _remember(words: str, changes: list[Change]) -> None:
    if changes:
        runs = list(dict.fromkeys(change.run_id for change in changes))
        count = f"{len(runs)} runs" if len(runs) > 1 else f"run {runs[0]}"
        done = st.session_state.setdefault(_DONE, [])
        done.append((f"{words} {count}", changes))
        del done[:-_MOST_UNDONE]


def message() -> None:
    """Why what was pressed last could not be done."""
    if words := st.session_state.pop(_MESSAGE, None):
        refusal(words)


def undo_button() -> None:
    """A button that undoes the last change of labels, as Ctrl-Z does."""
    done = st.session_state.get(_DONE)
    if done:
        st.caption(f"{done[-1][0]}.", width="content")
        st.button("Undo", icon=":material/undo:", on_click=_undo, shortcut="Ctrl+Z", key="undo_labels")


def _undo() -> None:
    words, changes = st.session_state[_DONE][-1]
    _, kept = lab().undo(changes, by=person())
    st.session_state[_DONE].pop()
    if kept:
        shown = kept[:_FEW]
        if len(kept) > _FEW:
            shown.append(f"{len(kept) - _FEW} more")
        st.session_state[_MESSAGE] = f"Undoing “{words}” kept what has been changed since: {_listed(shown)}."
    choose(dict.fromkeys(change.run_id for change in changes))  # so that one can work on with what is back

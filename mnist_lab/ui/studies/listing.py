"""All studies, the newest first: what was asked, where each stands, and what came out."""

import streamlit as st

from mnist_lab import clock
from mnist_lab.errors import InputError
from mnist_lab.studies.study import Study
from mnist_lab.ui.session import act, errors_shown, lab, person, seen, zone
from mnist_lab.ui.studies import answer, place, words
from mnist_lab.ui.text import plain

REFRESH_SECONDS = 4.0
_MOST = 30
_DELETED, _ALL = "studies_deleted", "studies_all"


def has_some() -> bool:
    """Whether there is a study to see."""
    return bool(lab().studies.all(by=person()))


def show() -> None:
    """The list; it follows what happens by itself."""
    st.header("Your studies", anchor=False)
    st.fragment(_list, run_every=REFRESH_SECONDS)()


@errors_shown()
def _list() -> None:
    gone = lab().studies.all(by=person(), deleted=True)
    found = lab().studies.all(by=person())
    is_gone = bool(gone) and st.toggle(
        f"Deleted ({len(gone)})", key=_DELETED, help="Shows the deleted studies instead, so that they can be restored."
    )
    rows = gone if is_gone else found
    if not rows:
        st.caption("None yet: ask a question below. A study is planned before its first run, so that its answer holds.")
        return
    names = seen().names()
    are_several = len({study.owner for study in rows}) > 1
    shown = rows if st.session_state.get(_ALL) else rows[:_MOST]
    for study in shown:
        _row(study, f", by {names.get(study.owner, study.owner)}" if are_several else "")
    if len(rows) > len(shown):
        st.toggle(f"All {len(rows)}", key=_ALL)


def _row(study: Study, by: str) -> None:
    icon, state = words.state(study)
    ended, every = words.ended(study)
    with st.container(border=True, key=f"study-row-{study.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            place.link(place.of(study.id), f"**{plain(study.question)}**")
            if study.deleted is not None and seen().rights.may_change(study):
                st.button(
                    "Restore",
                    icon=":material/restore_from_trash:",
                    key=f"restore-study-{study.id}",
                    on_click=act,
                    args=(lab().studies.restore, study.id),
                )
        if study.is_complete and (first := _first_sentence(study)):
            st.markdown(plain(first))
        st.caption(
            f"{icon} {state.capitalize()} · {ended} of {every} runs ended · {plain(words.short(study.plan))} · "
            f"frozen {clock.text(study.frozen, zone())}{plain(by)}"
        )


def _first_sentence(study: Study) -> str:
    """The first sentence of its answer; empty where there is none."""
    try:
        return _read(lab().store.url, study.id, words.status_counts(study), study.looked)
    except InputError as error:
        return str(error)  # it is not as it was frozen


@st.cache_data(max_entries=500, show_spinner=False)
def _read(url: str, study_id: int, counts: words.StatusCounts, looked: float | None) -> str:
    """Read once for all who may see it, until something of its runs changes."""
    del url, counts, looked
    return answer.sentences(lab().studies.findings(study_id, by=person()).answer().words)[0]

"""Ask a question: templates to start from, a study from scratch, or the repetition of one from another lab."""

import streamlit as st

from mnist_lab.errors import InputError, one_line
from mnist_lab.numerals import counted
from mnist_lab.results.prediction import duration_text
from mnist_lab.studies import file as files
from mnist_lab.studies.templates import TEMPLATES, Template
from mnist_lab.ui import starting
from mnist_lab.ui.session import lab, person, pressed_once
from mnist_lab.ui.studies import draft as drafts
from mnist_lab.ui.studies import place, words
from mnist_lab.ui.text import plain, refusal

_COLUMNS = 3


def show() -> None:
    """All ways to begin."""
    st.header("Ask a question", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if drafts.is_begun():
            place.link(place.PLAN, "Go on with the plan that you began", ":material/edit_note:")
        if st.button(
            "From scratch",
            icon=":material/add:",
            key="study-from-scratch",
            help="Begins with the design that is open on the Design page: you say what varies.",
        ):
            drafts.scratch()
            place.go(place.PLAN)
        _repeat()
    for first in range(0, len(TEMPLATES), _COLUMNS):
        for column, template in zip(st.columns(_COLUMNS), TEMPLATES[first : first + _COLUMNS], strict=False):
            with column:
                _card(template)


def _card(template: Template) -> None:
    plan, key = template.plan, template.key
    with st.container(border=True, height="stretch", key=f"template-{key}", gap="xsmall"):
        st.markdown(f"**{plain(template.name)}**")
        st.markdown(plain(template.explanation))
        runs = len(plan.combinations) * plan.seeds
        st.caption(f"{plain(words.short(plan))} · {counted(runs, 'run')}")
        if st.button(
            "Plan this", icon=":material/arrow_forward:", key=f"plan-{key}", help=f"{template.name}: opens the plan."
        ):
            drafts.open_plan(plan)
            place.go(place.PLAN)


def _repeat() -> None:
    """A study file from elsewhere: what it says, and a button to train it again here."""
    with st.popover("Repeat a study of another lab", icon=":material/upload_file:", key="repeat_study"):
        given = st.file_uploader(
            "Study file (JSON)",
            type=["json"],
            key="study_file",
            help="Made by “Study file” on a study's page. Nothing is trained before you have seen what it contains.",
        )
        if given is None:
            return
        try:
            found = files.read(given.getvalue())
            findings = found.findings()
            st.markdown(f"**{plain(findings.plan.question)}**")
            st.caption(plain(words.short(findings.plan)))
            st.markdown(f"It found: {plain(findings.answer().words)}")
            seconds = sum(cell.seconds for cell in findings.cells) * findings.plan.seeds
            st.caption(
                f"{counted(len(findings.cells) * findings.plan.seeds, 'run')}; that lab expected {duration_text(seconds)} for all."
            )
            pressed = pressed_once("Repeat it here", "repeat-study", type="primary", icon=":material/play_arrow:")
        except InputError as error:
            refusal(one_line(f"{given.name[:60]}: {error}"))
            return
        starting.study(pressed, lambda: lab().studies.repeat(found, by=person()))

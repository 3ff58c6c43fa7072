"""One factor at a time: a pinned baseline, what differs from it, and the runs that separate the factors."""

import streamlit as st

from mnist_lab.design.diff import changes
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.ui import watching
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.design import train_bar
from mnist_lab.ui.session import ONCE, lab, person, pressed_once
from mnist_lab.ui.text import plain

_KEY = "baseline"


def pinned() -> Experiment | None:
    """The baseline; None where none is pinned."""
    found: str | None = st.session_state.get(_KEY)
    return None if found is None else parse(Experiment, found)


def show(experiment: Experiment | None) -> None:
    """The baseline, and in words what differs from it."""
    st.header("One factor at a time", help="Change one thing, and the comparison tells you what it did.")
    pinned: str | None = st.session_state.get(_KEY)
    if pinned is None:
        st.button(
            "Pin as baseline",
            icon=":material/push_pin:",
            disabled=experiment is None,
            on_click=_pin,
            args=(experiment,),
            help="Remembers this design; the page then lists how the current one differs from it.",
        )
        return
    baseline = parse(Experiment, pinned)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Baseline: **{plain(baseline.name)}**")
        st.button(
            "Pin this instead",
            icon=":material/push_pin:",
            disabled=experiment is None,
            on_click=_pin,
            args=(experiment,),
        )
        st.button("Back to the baseline", icon=":material/undo:", on_click=_back, args=(pinned,))
        st.button("Unpin", icon=":material/close:", on_click=_pin, args=(None,))
    if experiment is None:
        st.caption("The differences are listed once this design can be trained.")
        return
    found = changes(baseline, experiment)
    if not found:
        st.caption("Nothing differs, except perhaps the seed: their runs count as runs of one design.")
        return
    for change in found:
        st.markdown(f"- {plain(change.words)}" + (f" *(alone: {plain(change.problem)})*" if change.problem else ""))
    single = [change.experiment for change in found if change.experiment]
    if len(found) == 1:
        st.caption("One thing differs: if their results differ by more than the spread over seeds, this is why.")
        words = "Queue the baseline and this change"
    else:
        st.warning(
            f"{len(found)} things differ: a comparison with the baseline will not tell which of them mattered.",
            icon=":material/call_split:",
        )
        words = f"Queue the baseline and {len(single)} single-change runs"
    if single:
        _queue(words, [baseline, *single])


def _queue(words: str, designs: list[Experiment]) -> None:
    """A button that trains designs with as many seeds each as are asked for beside Train."""
    seeds = train_bar.seeds()
    words += f", {seeds} seeds each ({len(designs) * seeds} runs)" if seeds > 1 else ""
    pressed = pressed_once(words, "single-changes", icon=":material/queue:")
    if pressed == ONCE:
        together = [one.with_changes(seed=one.seed + i) for i in range(seeds) for one in designs]
        if not watching.start(lambda: lab().start_all(together, by=person())):
            return
    if pressed:
        watching.go()


def _pin(experiment: Experiment | None) -> None:
    st.session_state[_KEY] = None if experiment is None else experiment.model_dump_json()


def _back(pinned: str) -> None:
    drafts.save(drafts.of_experiment(parse(Experiment, pinned)))

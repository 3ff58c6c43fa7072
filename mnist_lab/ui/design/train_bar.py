"""Train, how many seeds, and roughly how long: always in sight at the bottom of the window."""

from collections.abc import Callable

import streamlit as st

from mnist_lab.design.experiment import MAX_SEEDS, Experiment
from mnist_lab.design.network import totals
from mnist_lab.results.prediction import duration_text
from mnist_lab.store import disk
from mnist_lab.ui import watching
from mnist_lab.ui.design import summary
from mnist_lab.ui.design.summary import Meaning
from mnist_lab.ui.session import AGAIN, ONCE, lab, person, pressed_once
from mnist_lab.ui.text import plain

_SEEDS = "seeds"


def seeds() -> int:
    """How many seeds are asked for."""
    return int(st.session_state.get(_SEEDS, 1))


def show(
    meaning: Meaning,
    beside: Callable[[Meaning], None] = lambda meaning: None,
    started: Callable[[list[int]], None] = lambda run_ids: None,
) -> None:
    """The bar. It comes early in a page, so that a keyboard is soon there; the stylesheet puts it at the window's bottom.

    Args:
        beside: draws what else can be done with the design, beside Train.
        started: is told the runs, as soon as they are queued.
    """
    experiment = meaning.experiment
    with st.container(horizontal=True, vertical_alignment="center", key="train-bar"):
        with st.container(horizontal=True, vertical_alignment="bottom", width="content", key="train-buttons"):
            wanted = st.number_input(
                "× seeds",
                min_value=1,
                max_value=MAX_SEEDS,
                step=1,
                key=_SEEDS,
                width=120,
                persist_state="session",
                help="Queues this many runs that differ only in their seed, the number that all their random choices follow from: "
                "a single run proves nothing.",
            )
            pressed = pressed_once(
                "Train", "train", type="primary", icon=":material/play_arrow:", disabled=meaning.prediction is None
            )
            beside(meaning)
        with st.container(key="train-refusal"):  # a line of its own
            if pressed == ONCE and experiment and watching.start(lambda: _queued(experiment, wanted, started)):
                pressed = AGAIN
        if pressed == AGAIN and experiment:
            watching.go()
        _what(meaning, wanted)


def _queued(experiment: Experiment, wanted: int, started: Callable[[list[int]], None]) -> list[int]:
    run_ids = lab().start(experiment, wanted, by=person())
    started(run_ids)
    return run_ids


def _what(meaning: Meaning, wanted: int) -> None:
    experiment, prediction = meaning.experiment, meaning.prediction
    if experiment is None or prediction is None:
        st.caption(f"This design cannot be trained yet: [see why](#{summary.ANCHOR}).")
        return
    with st.container(gap=None, key="train-words"):
        several = f"; all {wanted} runs about {duration_text(wanted * prediction.seconds)}" if wanted > 1 else ""
        parameters = totals(meaning.traced).parameters
        st.caption(
            f"{plain(experiment.name)}: {parameters:,} parameters; {prediction.text()}{several}, on this machine; "
            f"up to {disk.size_text(disk.footprint(experiment).most)} on its disk{' each' if wanted > 1 else ''}."
        )
        st.caption(f"{summary.recipe_in_words(experiment)}.")

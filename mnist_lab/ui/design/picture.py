"""The diagram over the full width: a digit on its way through the network, from image to answer."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from mnist_lab.charts import design
from mnist_lab.data import drawing, mnist
from mnist_lab.design.network import Traced
from mnist_lab.errors import InputError
from mnist_lab.inspection.questions import Maps
from mnist_lab.store.run import Run
from mnist_lab.ui import ask
from mnist_lab.ui.design import blocks
from mnist_lab.ui.design.summary import Meaning
from mnist_lab.ui.session import lab, seen

_DIAGRAM, _DIGIT = "diagram", "shown_digit"
_ASKS_EVERY = 0.5
_MOST_KEPT = 100


@dataclass(frozen=True)
class _Read:
    """What a trained network makes of a digit: pictures by stage, and its answer."""

    pictures: dict[str, design.Pictures]
    answer: int
    probability: float


def show(meaning: Meaning) -> str:
    """The diagram; in words what is seen in it. It is drawn at once: what a trained network makes of the digit comes when it is
    there."""
    digit = int(st.session_state.get(_DIGIT) or 0)
    image = mnist.examples()[digit]
    run = _trained(meaning)
    try:
        read = None if run is None else _read(run, digit, meaning.traced)
        words = _words(run, read, digit)
    except InputError as error:
        read, words = None, str(error)
    chosen = blocks.opened(meaning.network)
    table = design.stages(
        meaning.traced,
        chosen[1] if chosen and chosen[0] == "blocks" else None,
        image,
        meaning.seen_by,
        read.pictures if read else None,
    )

    def clicked() -> None:
        found = st.session_state[_DIAGRAM]["selection"].get("stage") or []
        if found and 0 <= found[0]["block"] < len(meaning.network.blocks):
            blocks.open_block("blocks", int(found[0]["block"]))

    pictured = table.drop_duplicates("stage")
    with st.container(key="diagram-place"):
        st.vega_lite_chart(
            table,
            design.diagram(design.Proportions.of(table)),
            key=_DIAGRAM,
            height="stretch",
            on_select=clicked,
            selection_mode="stage",
            alt="The network from image to answer: "
            + "; ".join(pictured["stage"] + " " + pictured["size"])
            + (f". {words}" if read else ""),
        )
    return words


def digits() -> None:
    """Which digit the diagram shows."""
    st.segmented_control(
        "Digit in the diagram",
        range(10),
        default=0,
        required=True,
        key=_DIGIT,
        persist_state="session",
        help="The first of the test images of each digit. In the diagram maps are to scale, with a sheet for each doubling of "
        "their number (the channels); bars are vectors. Click a stage to open its block. The orange frame on the image is the "
        "receptive field.",
    )


def _trained(meaning: Meaning) -> Run | None:
    """The best network of this design whose weights are kept."""
    if meaning.experiment is None:
        return None
    run = seen().runs.best_with_weights(meaning.experiment.design_key)
    return run if run is not None and run.status.is_ended else None


@st.cache_resource(show_spinner=False)
def _kept() -> dict[tuple[str, int, int], _Read]:
    """What was read by database, run and digit, for all sessions: what has ended does not change."""
    return {}


def _read(run: Run, digit: int, traced: Traced) -> _Read | None:
    """What a network makes of a digit; None until a worker has answered, after which the page is drawn anew."""
    kept, key = _kept(), (lab().store.url, run.id, digit)
    if key not in kept:
        question = Maps(run_id=run.id, image=drawing.as_text(mnist.examples()[digit]))
        answer = ask.peek(question)
        if answer is None:
            _wait(question)
            return None
        outputs = {number: answer[str(number)] for number in range(len(traced))}
        said = outputs[len(traced) - 1]
        for old in list(kept)[: max(0, len(kept) - _MOST_KEPT)]:
            kept.pop(old, None)
        kept[key] = _Read(design.pictures(traced, outputs), int(np.argmax(said)), float(said.max()))
    return kept[key]


@st.fragment(run_every=_ASKS_EVERY)
def _wait(question: Maps) -> None:
    try:
        is_there = ask.peek(question) is not None
    except InputError:
        is_there = True  # the page says why
    if is_there:
        st.rerun()


def _words(run: Run | None, read: _Read | None, digit: int) -> str:
    if run is None:
        return "The sheets fill with what the network makes of this digit once a network of this design is trained."
    if read is None:
        return f"Run {run.id} is being asked what it makes of this digit …"
    return (
        f"Run {run.id} takes this {digit} for a {read.answer}, {read.probability:.0%} sure. On the sheets its maps, "
        "the strongest in front: blue above zero, orange below."
    )

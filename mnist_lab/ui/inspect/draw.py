"""Inspect, Draw: networks answer while a digit is drawn."""

from functools import partial

import numpy as np
import streamlit as st

from mnist_lab.charts import tiles
from mnist_lab.data import drawing
from mnist_lab.ui.inspect import pad, selection
from mnist_lab.ui.inspect.selection import Chosen, Subject
from mnist_lab.ui.session import errors_shown


@st.fragment
@errors_shown()
def show(networks: list[Chosen]) -> None:
    """The pad, what the networks are given, and what they say; only this part is redrawn with each stroke."""
    left, middle, right = st.columns([3, 2, 5], gap="medium")
    with left:
        strokes = pad.show()
        st.caption("With mouse, finger or pen; or by keyboard: arrow keys move the pen, Space lowers and lifts it.")
    raw = drawing.rendered(strokes)
    with middle:
        is_prepared = st.toggle(
            "Prepared",
            value=True,
            key="prepare",
            persist_state="session",
            help="As in MNIST: all digits that the networks learnt from were scaled to fit 20×20 pixels and centred by their mass. Switch it "
            "off, draw small or in a corner, and see what a network makes of a digit where it has never seen one.",
        )
        image = drawing.prepared(raw) if is_prepared else drawing.shrunk(raw)
        st.image(tiles.url(tiles.framed(tiles.digit(image, 5))), width=142, alt=_in_words(image))
        st.caption("What the networks are given: 28×28 pixels.")
        threshold = st.slider(
            "None of these, under",
            0,
            100,
            50,
            step=5,
            format="%d %%",
            key="threshold",
            persist_state="session",
            help="A network always names one of the ten digits, even for a house. Where it is less sure than this, the lab "
            "says none of these.",
        )
    with right:
        if not strokes:
            st.info("The answer appears here while you draw.", icon=":material/draw:")
            return
        subject = Subject(image, "my drawing", None)
        selection.side_by_side(networks, subject, partial(_answer, threshold=threshold / 100))


def _answer(network: Chosen, probabilities: np.ndarray, threshold: float) -> None:
    digit, sure = int(probabilities.argmax()), float(probabilities.max())
    second = int(np.argsort(probabilities)[-2])
    if sure < threshold:
        st.markdown(f"### None of these  \nA {digit} perhaps ({sure:.0%}), or a {second}.")
    else:
        st.markdown(f"### It says {digit}  \n{sure:.0%} sure; next comes {second} ({probabilities[second]:.0%}).")
    selection.bars(probabilities, key=f"answer-{network.run.id}")


def _in_words(image: np.ndarray) -> str:
    rows, columns = np.nonzero(image)
    if not len(rows):
        return "An empty image"
    return f"The prepared drawing: ink in rows {rows.min()} to {rows.max()}, columns {columns.min()} to {columns.max()} of 28"

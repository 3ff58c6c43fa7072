"""Inspect, Draw: networks answer while a digit is drawn."""

import numpy as np
import streamlit as st

from mnist_lab.charts import tiles
from mnist_lab.data import drawing
from mnist_lab.ui.inspect import figures, pad, selection
from mnist_lab.ui.inspect.selection import Chosen, Subject
from mnist_lab.ui.session import act, fragment, is_teacher, lab, seen


@fragment
def show(networks: list[Chosen]) -> None:
    """The pad, beside it what the networks say, then what they are given; only this part is redrawn with each stroke."""
    left, right = st.columns(2, gap="medium")
    with left:
        strokes = pad.show()
    answers = right.container()
    with right:
        image, threshold = _prepared(drawing.rendered(strokes))
    found: list[tuple[Chosen, np.ndarray]] = []
    with answers:
        if strokes:
            found = selection.side_by_side(
                networks, Subject(image, "my drawing", None), lambda found: _words(found, threshold)
            )
        else:
            selection.unanswered(networks, "The answer appears here while you draw.")
    if is_teacher() and seen().rights.room:
        left.button(
            "Show on the stage",
            key="stage-drawing",
            icon=":material/cast:",
            disabled=not found,
            help="The drawing and what these networks say of it, large, on the class's projector.",
            on_click=_put_on_stage,
            args=(image, found),
        )


def _put_on_stage(image: np.ndarray, found: list[tuple[Chosen, np.ndarray]]) -> None:
    answers = [
        {"run": network.run.id, "epoch": network.epoch, "probabilities": probabilities.astype(float).round(4).tolist()}
        for network, probabilities in found
    ]
    act(lab().stage.show, "drawing", {"image": drawing.as_text(image), "answers": answers})


def _prepared(raw: np.ndarray) -> tuple[np.ndarray, float]:
    """The image that the networks are given, and how sure they have to be."""
    picture, settings = st.columns([1, 2], gap="medium")
    with settings:
        is_prepared = st.toggle(
            "Scale and centre it as in MNIST",
            value=True,
            key="prepare",
            persist_state="session",
            help="All digits that the networks learnt from were scaled to fit 20×20 pixels and centred by their mass. Switch it "
            "off, draw small or in a corner, and see what a network makes of a digit where it has never seen one.",
        )
        threshold = st.slider(
            "Say “none of these” when less sure than",
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
    image = drawing.prepared(raw) if is_prepared else drawing.shrunk(raw)
    with picture:
        st.image(tiles.url(tiles.framed(tiles.digit(image, 6))), width=170, alt=_in_words(image))
        st.caption("What the networks are given: 28×28 pixels")
    return image, threshold / 100


def _words(probabilities: np.ndarray, threshold: float) -> tuple[str, str]:
    """What a network says, as a digit and as a sentence."""
    second, first = (int(digit) for digit in np.argsort(probabilities)[-2:])
    sure, next_best = figures.percent(float(probabilities[first])), figures.percent(float(probabilities[second]))
    has_next = figures.is_shown(float(probabilities[second]))
    if probabilities[first] < threshold:
        perhaps = f"None of these: a {first} perhaps ({sure})"
        return "?", f"{perhaps}, or a {second} ({next_best})." if has_next else f"{perhaps}."
    says = f"It says {first}, {sure} sure"
    return str(first), f"{says}; next comes {second} ({next_best})." if has_next else f"{says}."


def _in_words(image: np.ndarray) -> str:
    rows, columns = np.nonzero(image)
    if not len(rows):
        return "An empty image"
    return f"The prepared drawing: ink in rows {rows.min()} to {rows.max()}, columns {columns.min()} to {columns.max()} of 28"

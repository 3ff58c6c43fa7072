"""The Train page's pictures of a network after each epoch: its confusion matrix, its filters, its answers to one digit."""

import numpy as np
import streamlit as st

from mnist_lab.charts import confusion, tiles, training
from mnist_lab.data import mnist
from mnist_lab.store.run import Run
from mnist_lab.training.reports import Snapshot
from mnist_lab.ui import choices, figure
from mnist_lab.ui.session import lab

MOST_EPOCHS = 60
FIRST_DIGIT = 8  # of the validation images


def show(run: Run) -> None:
    """The network as it was after an epoch; a slider goes back to any."""
    epochs = lab().store.checkpoints.pictured(run.id)
    if not epochs:
        return
    st.subheader("The network after each epoch", anchor=False)
    shown = _epoch(run, epochs)
    snapshot = _snapshot(lab().store.url, run.id, shown)
    if snapshot is None:
        return
    left, middle, right = st.columns([4, 3, 3], gap="medium")
    with left:
        wrong = int(snapshot.confusion.sum() - snapshot.confusion.trace())
        st.markdown(f"**What it confuses** after epoch {shown}: {wrong:,} of {snapshot.confusion.sum():,} wrong")
        figure.vega(
            confusion.points(snapshot.confusion),
            confusion.live(),
            key="confusion",
            alt=f"Confusion matrix on the validation images after epoch {shown}: {wrong} wrong answers",
        )
        st.caption(f"Full colour at {confusion.FULL_COLOUR:.0%} of a digit's images or more.")
    with middle:
        st.markdown("**Filters of the first convolution**")
        kernels = tiles.montage(snapshot.filters[:, :, 0], across=8)
        st.image(
            tiles.url(tiles.enlarged(tiles.tinted(kernels), 10)),
            width="stretch",
            alt=f"The {snapshot.filters.shape[-1]} kernels of the first convolution after epoch {shown}",
        )
        st.caption("Weights of each kernel: blue positive, orange negative, white near 0.")
    with right:
        _pinned_digit(run, epochs, shown)


def _epoch(run: Run, epochs: list[int]) -> int:
    """The epoch that the slider stands at: the newest, until it is moved back."""
    if len(epochs) == 1:
        st.caption("From the second epoch on, a slider leads through the epochs.")
        return epochs[0]
    pinned_key = f"epoch-{run.id}"
    # A widget of its own for each newest epoch: what a browser still says of the one before cannot come too late.
    key = f"{pinned_key}-of-{epochs[-1]}"
    pinned = st.session_state.get(pinned_key)

    def moved() -> None:
        chosen = st.session_state[key]
        st.session_state[pinned_key] = None if chosen == epochs[-1] else chosen

    return choices.epoch(
        "After epoch",
        epochs,
        pinned if pinned in epochs else epochs[-1],
        key,
        on_change=moved,
        help="Shows the network as it was after any epoch; at its right end it keeps up with training.",
    )


@st.cache_resource(max_entries=500, show_spinner=False)
def _snapshot(url: str, run_id: int, epoch: int) -> Snapshot | None:
    """A picture, read once: it changes only where a run that was killed trains an epoch again, to the same."""
    del url
    return lab().store.checkpoints.snapshot(run_id, epoch)


def _pinned_digit(run: Run, epochs: list[int], shown: int) -> None:
    """One digit, and what the network said of it after each epoch."""
    validation = mnist.split(run.experiment.protocol, 1).validation
    words, picture = st.columns([2, 1], vertical_alignment="bottom")
    with words:
        image = int(
            st.number_input(
                "Pinned digit (number)",
                min_value=1,
                max_value=len(validation),
                value=FIRST_DIGIT,
                key="pinned",
                persist_state="session",
                help="One of the validation images, followed through the epochs.",
            )
        )
    picture.image(tiles.url(tiles.digit(validation.x[image - 1], 2)), width=56, alt="The pinned digit")
    spread = np.unique(np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_EPOCHS)).round().astype(int))
    chosen = sorted({*(epochs[i] for i in spread), shown})
    found = {epoch: snapshot for epoch in chosen if (snapshot := _snapshot(lab().store.url, run.id, epoch))}
    points = training.followed_points(found, image - 1, shown)
    now = points[points["epoch"] == shown].sort_values("probability").iloc[-1]
    label = validation.y[image - 1]
    st.markdown(f"A **{label}**; after epoch {shown} it says **{now['digit']:.0f}** ({now['probability']:.0%})")
    figure.vega(
        points,
        training.followed(),
        key="followed",
        alt=f"Probabilities of the ten digits for validation image {image}, a {label}, after each epoch",
    )
    st.caption("The darker a cell, the more probable the digit.")

"""Inspect, Mistakes: what a network confuses, each wrong answer, how far its confidence can be trusted."""

import numpy as np
import pandas as pd
import streamlit as st

from mnist_lab.charts import confusion, inspection, results
from mnist_lab.data import mnist
from mnist_lab.ui import figure
from mnist_lab.ui.inspect import figures, selection
from mnist_lab.ui.inspect.picked import Picked, Place
from mnist_lab.ui.inspect.selection import Chosen
from mnist_lab.ui.looks import looks
from mnist_lab.ui.results import compare
from mnist_lab.ui.session import errors_shown

ANY = "any"
_PAGE, _MORE = 40, 20
_GALLERY = 360  # pixels: as high as the matrix beside it


@errors_shown()
def show(networks: list[Chosen]) -> None:
    """The mistakes of the first network on the test images; with a second one, where the two disagree."""
    network = networks[0]
    probabilities, *others = selection.answers(networks[:2])
    if probabilities is None:
        return
    labels = mnist.load()[1].y
    answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(float)
    wrong = np.flatnonzero(answers != labels)
    left, right = st.columns(2, gap="medium")
    with left:
        digit, answer = _confusion(answers, labels)
    with right:
        name = figures.name(network.title, looks([network.run.design_key])[network.run.design_key])
        accuracy = f"{1 - len(wrong) / len(labels):.2%}"
        st.html(f"{name} is wrong on <strong>{len(wrong):,}</strong> of the 10,000 test images (accuracy {accuracy}).")
        _gallery(labels, answers, sure, digit, answer)
    left, right = st.columns(2, gap="medium")
    with left:
        _digits(answers, labels, network)
    with right:
        _calibration(probabilities, labels)
    for other, second in zip(networks[1:2], others, strict=True):
        st.header("Where the two disagree", anchor=False)
        if second is not None:
            compare.two_networks((network.number, other.number), (probabilities, second))


def _confusion(answers: np.ndarray, labels: np.ndarray) -> Place:
    """The matrix, and the digit and answer that are chosen in it or beside it; `ANY` where none is."""
    st.header("What it confuses", anchor=False)
    picked = Picked("mistakes", ("digit", "answer"), (ANY, ANY))
    choice = [ANY, *range(10)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        unit = st.segmented_control(
            "Cells show",
            ["images", "percent of row"],
            default="images",
            required=True,
            key="cells",
            persist_state="session",
            width="content",
        )
        with st.container(horizontal=True, width="content"):
            for each in picked.coordinates:
                st.selectbox(each.title(), choice, width=110, **picked.bound(each, argument="index", options=choice))
    points = confusion.points(confusion.counts(answers, labels))
    figure.altair(
        confusion.clickable(points, in_percent=unit != "images", first=_cells(*picked.begun)),
        on_select=picked.clicked,
        selection_mode="cell",
        key=picked.chart,
        alt="Confusion matrix: rows are digits, columns answers. Most frequent mistakes: " + _worst(points),
    )
    st.caption(
        "Click a cell for its images, twice for all mistakes, or choose digit and answer above. "
        f"Full colour at {confusion.FULL_COLOUR:.0%} of a digit's images or more."
    )
    return picked.place


def _cells(digit: int | str, answer: int | str) -> list[tuple[int, int]]:
    """The cells that digit and answer choose: where one of them is any, the mistakes of the other; none where both are."""
    every = [(d, a) for d in range(10) for a in range(10)]
    if ANY not in (digit, answer):
        return [cell for cell in every if cell == (digit, answer)]
    return [(d, a) for d, a in every if d != a and (d == digit or a == answer)]


def _worst(points: pd.DataFrame) -> str:
    wrong = points[points["digit"] != points["answer"]].sort_values("images", ascending=False).head(3)
    return ", ".join(
        f"a {d} called {a} ({n} times)"
        for d, a, n in zip(wrong["digit"], wrong["answer"], wrong["images"], strict=True)
    )


def _digits(answers: np.ndarray, labels: np.ndarray, network: Chosen) -> None:
    st.header("Each digit: how many of its images are read correctly", anchor=False)
    accuracy = [float((answers[labels == digit] == digit).mean()) for digit in range(10)]
    side, key = network.number, network.run.design_key
    figure.altair(
        results.by_digit(
            pd.DataFrame({"digit": range(10), "accuracy": accuracy, "side": side}), {side: looks([key])[key]}
        ),
        alt="Test accuracy of each digit: " + ", ".join(f"{d} {a:.1%}" for d, a in enumerate(accuracy)),
    )
    worst = int(np.argmin(accuracy))
    st.caption(f"Hardest for it: the {worst}, with {accuracy[worst]:.1%}.")


def _gallery(labels: np.ndarray, answers: np.ndarray, sure: np.ndarray, digit: int | str, answer: int | str) -> None:
    st.header(_title(digit, answer), anchor=False)
    chosen = ((labels == digit) | (digit == ANY)) & ((answers == answer) | (answer == ANY))
    if ANY in (digit, answer):
        chosen &= answers != labels
    places = np.flatnonzero(chosen)
    places = places[np.argsort(-sure[places], kind="stable")]
    if not len(places):
        st.caption("There are none.")
        return
    shown = len(places)
    if shown > _PAGE:
        # Where the field begins, its steps lead to the last image, and to the first ones.
        first, fewest = (least + (shown - least) % _MORE for least in (_PAGE, 1))
        key = f"mistakes-shown-{shown}"
        shown = int(st.number_input(f"How many of {shown:,}", fewest, shown, first, step=_MORE, key=key, width=200))
    with st.container(height=_GALLERY, border=False):
        compare.gallery(
            places[:shown],
            [f"{i}: a {labels[i]}, it says {answers[i]} ({figures.percent(sure[i])})" for i in places[:shown]],
        )
    st.caption("Number of the test image, its label, the answer, and how sure the network was of it.")


def _title(digit: int | str, answer: int | str) -> str:
    if digit == answer == ANY:
        return "All mistakes, the most confident first"
    if answer == ANY:
        return f"Images of a {digit} that it calls something else"
    return f"Images of {'another digit' if digit == ANY else f'a {digit}'} that it calls {answer}"


def _calibration(probabilities: np.ndarray, labels: np.ndarray) -> None:
    points = inspection.calibration_points(probabilities, labels)
    error = inspection.calibration_error(points)
    st.header("Can its confidence be trusted?", anchor=False)
    figure.altair(
        inspection.calibration(points),
        alt="How sure it was against how often it was right: "
        + ", ".join(
            f"{c:.0%} sure, {a:.0%} right" for c, a in zip(points["certainty"], points["accuracy"], strict=True)
        ),
    )
    over = float(np.average(points["certainty"] - points["accuracy"], weights=points["images"]))
    st.caption(
        "On the dashed line, of the answers it was 90 % sure of, 90 % are right. Above the line it is underconfident, below it "
        f"overconfident. On average it is off by **{100 * error:.2f} points** (expected calibration error), "
        + ("mostly overconfident." if over > 0 else "mostly underconfident.")
    )

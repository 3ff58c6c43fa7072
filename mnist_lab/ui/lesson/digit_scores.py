"""Digits, how networks read them: their accuracy on people's own digits beside that on MNIST's, by digit, and what they get
wrong; in plain words what a change of distribution is."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from mnist_lab.charts import tiles
from mnist_lab.data import mnist
from mnist_lab.inspection.questions import OwnDigits
from mnist_lab.results.own_digits import CLASSES, DigitSet, Score, score
from mnist_lab.results.proportion import Proportion, of_images
from mnist_lab.store.run import Run
from mnist_lab.ui import ask, figure
from mnist_lab.ui.inspect import figures, selection
from mnist_lab.ui.inspect.selection import Chosen
from mnist_lab.ui.lesson import digit_pictures
from mnist_lab.ui.looks import looks
from mnist_lab.ui.session import errors_shown, lab, looker, person

TEST_IMAGES = 10_000
_PAGE = 60
_CHANGE = """
**The same task, other images: a change of distribution.** A network learns from examples, and its test accuracy promises
something for further images *of the same kind*. MNIST's digits were written with pens on paper, about 1990 in the United
States, by clerks and high-school students, and then scanned. Ours are drawn with fingers and mice, by other hands, who write a
1 or a 7 in another way; lines are thicker or thinner, and were scaled from another size. The labels mean the same, but the
images come from another *distribution*. So a network that reads 99 % of MNIST's digits may read 80 % of ours. It has not
become worse: what was measured before was never about our digits. What helps is to train on digits that vary as those do
which will come, or to test on them at least, as here.
"""


@errors_shown()
def show() -> None:
    """Accuracies first, then why they differ, by digit, and the ones that are wrong."""
    found = lab().digits.all(by=person())
    with st.container(horizontal=True, vertical_alignment="bottom", key="digits-choice"):
        networks = selection.networks()
    if not found.kept:
        st.info("There is nothing to test networks on yet: draw some digits first.", icon=":material/draw:")
        return
    if not networks:
        return
    scores = scored(networks, found)
    if not scores:
        return
    st.html(_accuracies(scores, found))
    st.caption(_interval_words(found))
    st.caption(_difference(*scores[0]))
    st.markdown(_CHANGE)
    _means(found)
    _by_digit(scores)
    _wrong(scores)


def scored(networks: Sequence[Chosen], found: DigitSet) -> list[tuple[Chosen, Score]]:
    """How well networks read the digits of a set that count; those without an answer are left out, and the page says why."""
    ids = tuple(digit.id for digit in found.kept)
    asked = [OwnDigits(run_id=network.run.id, epoch=network.epoch, digits=ids) for network in networks]
    with ask.together(asked) as pending:
        answers = [one.wait(f"asking {network.title}") for network, one in zip(networks, pending, strict=True)]
    by_id = {digit.id: digit for digit in found.kept}
    return [
        (network, score([by_id[number] for number in answer["ids"].tolist()], answer["probabilities"]))
        for network, answer in zip(networks, answers, strict=True)
        if answer
    ]


def on_mnist(run: Run) -> Proportion | None:
    """A run's accuracy on MNIST's test images; None where it was not tested, or nobody may know yet."""
    return None if run.test_accuracy is None else of_images(round(run.test_accuracy * TEST_IMAGES), TEST_IMAGES)


def percent(share: float) -> str:
    """A share with a decimal, never apart from its sign."""
    return f"{share:.1%}".replace("%", "\u00a0%")


def _accuracies(scores: Sequence[tuple[Chosen, Score]], found: DigitSet) -> str:
    """A row for each network."""
    drawn = looks(network.run.design_key for network, _ in scores)
    rows = "".join(
        f'<tr><th scope="row">{figures.name(network.title, drawn[network.run.design_key])}</th>'
        f"{_cell(on_mnist(network.run))}{_cell(its.whole)}</tr>"
        for network, its in scores
    )
    return (
        '<table class="accuracies"><caption>Right, each with its 95 % interval</caption><thead><tr><th scope="col">Network</th>'
        f'<th scope="col">of MNIST’s 10,000 test digits</th><th scope="col">of our {escape(found.words)}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _cell(its: Proportion | None) -> str:
    if its is None:
        return "<td>–</td>"
    return f"<td><strong>{percent(its.share)}</strong> <span>{percent(its.low)} to {percent(its.high)}</span></td>"


def _interval_words(found: DigitSet) -> str:
    people = len({digit.person for digit in found.kept})
    if people == 1:
        ours = "Ours are all by one person: their interval is for further digits by the same hand, and says nothing of others."
    else:
        ours = (
            f"Ours is for further digits by further people like these {people}. The digits of one person resemble each other, "
            f"so {len(found.kept)} by {people} people tell less than {len(found.kept)} by as many people would, and the interval "
            "is wider, by what the people differ (Korn and Graubard, 1998)."
        )
    return f"{ours} MNIST’s takes its digits one by one, for the file does not say who wrote which: it is a little too narrow."


def _difference(network: Chosen, its: Score) -> str:
    """Whether a network reads ours worse than MNIST's, as far as the digits can tell."""
    known = on_mnist(network.run)
    if known is None:
        return f"{network.title} has no test accuracy to compare with."
    if its.whole.high < known.low:
        return f"{network.title} reads ours worse than MNIST’s: the two intervals are apart."
    if its.whole.low > known.high:
        return f"{network.title} reads ours better than MNIST’s: the two intervals are apart."
    return (
        f"{network.title}: the two intervals overlap, so these digits do not show that it reads ours worse or better."
    )


@lru_cache(maxsize=1)
def _mnist_means() -> tuple[np.ndarray, float]:
    """The mean training image of each digit, and the mean share of ink."""
    train, _ = mnist.load()
    means = np.stack([train.x[train.y == digit].mean(axis=0) for digit in range(CLASSES)])
    return np.round(means).astype(np.uint8), float(train.x.mean()) / 255


def _means(found: DigitSet) -> None:
    theirs, ink = _mnist_means()
    st.header("The mean image of each digit", anchor=False)
    lines = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(_mean(image, f"{name}, {d}") for d, image in enumerate(means))}</tr>'
        for name, means in (("MNIST", theirs), ("ours", found.means()))
    )
    st.html(f'<table class="means">{lines}</table>')
    ours = float(found.images.mean()) / 255
    thick = "thicker lines" if ours > 1.1 * ink else "thinner lines" if ours < 0.9 * ink else "lines about as thick"
    st.caption(
        f"All images of a digit laid upon each other. Of MNIST’s images {percent(ink)} is ink, of ours {percent(ours)}: "
        f"ours have {thick}. Where a mean is sharp, people shape the digit alike, or there are few of them."
    )


def _mean(image: np.ndarray, words: str) -> str:
    return f'<td><img src="{tiles.url(255 - image)}" alt="{words}"></td>' if image.any() else "<td>–</td>"


def _by_digit(scores: Sequence[tuple[Chosen, Score]]) -> None:
    from mnist_lab.charts import own_digits  # with all of Altair

    drawn = looks(network.run.design_key for network, _ in scores)
    points = pd.DataFrame(
        [
            {
                "network": network.title,
                "digit": digit,
                "accuracy": its.share,
                "low": its.low,
                "high": its.high,
                "right": its.right,
                "of": its.of,
            }
            for network, found in scores
            for digit, its in enumerate(found.by_digit)
            if its
        ]
    )
    st.header("By digit", anchor=False)
    figure.altair(
        own_digits.by_digit(points, {network.title: drawn[network.run.design_key] for network, _ in scores}),
        alt="Accuracy on our own digits, by digit, with 95 % intervals",
    )
    st.caption(
        "With 95 % intervals, which are wide: there are few of each digit. None is drawn where there is no such digit."
    )


def _wrong(scores: Sequence[tuple[Chosen, Score]]) -> None:
    titles = [network.title for network, _ in scores]
    st.header("The ones it gets wrong", anchor=False)
    title = titles[0]
    if len(titles) > 1:
        chosen = st.selectbox("Network", titles, key="digits-wrong", label_visibility="collapsed", width=400)
        title = chosen if chosen in titles else title
    its = scores[titles.index(title)][1]
    if not its.mistakes:
        st.caption(f"None: it reads all {its.whole.of}.")
        return
    st.caption(f"{len(its.mistakes)} of {its.whole.of}, the most confident first.")
    st.html(digit_pictures.wrong(its.mistakes[:_PAGE], looker().names() if looker().rights.are_all else {}))
    if len(its.mistakes) > _PAGE:
        st.caption(f"And {len(its.mistakes) - _PAGE} more.")

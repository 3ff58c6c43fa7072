"""Which networks the Inspect page looks into, and which digit they are shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnist_lab.data import drawing, mnist
from mnist_lab.errors import InputError
from mnist_lab.inspection.questions import Answer, Tested
from mnist_lab.store import ready_made
from mnist_lab.store.run import Run, Status
from mnist_lab.ui import ask, choices, heard, url
from mnist_lab.ui.choices import run_ids
from mnist_lab.ui.inspect import figures, pad
from mnist_lab.ui.looks import looks
from mnist_lab.ui.results import run as run_page
from mnist_lab.ui.session import errors_shown, lab, seen

MOST = 4
_NETWORKS, _LAST, _LOST = "inspected", "inspected_last", "inspected_lost"
_IMAGE = "inspected_image"
_WHAT = "inspected_what"
_VIEW = "view"


@dataclass(frozen=True)
class Chosen:
    """A network to look into: a run as it was after an epoch, or with its kept weights where `epoch` is None."""

    run: Run
    epoch: int | None

    @property
    def title(self) -> str:
        """In a few words."""
        after = "" if self.epoch is None else f", epoch {self.epoch}"
        return f"{_called(self.run)}{after}"

    @property
    def number(self) -> str:
        """In two words."""
        return "ready-made" if self.is_ready_made else f"run {self.run.id}"

    @property
    def is_ready_made(self) -> bool:
        """Whether it ships with the lab, and is no run of this one."""
        return self.run.id == ready_made.ID


def networks() -> list[Chosen]:
    """The networks chosen, from 1 to 4; empty where none is chosen. To be called in a row, which it fills."""
    runs = {run.id: run for run in seen().runs.with_weights(limit=100)} | _ready_made()
    if _NETWORKS not in st.session_state or url.is_from_history():
        with errors_shown():
            named = url.runs("runs", 1, MOST)
            if named and not _some(named):
                seen().run(named[0])  # raises, for there is none
            if named:
                st.session_state[_LAST] = named
            st.session_state[_NETWORKS] = named or st.session_state.get(_LAST, [])
    wanted = run_ids(st.session_state.get(_NETWORKS, []))
    runs |= {run_id: run for run_id, run in _some(wanted).items() if run_id not in runs}
    before = [run_id for run_id in wanted if run_id in runs]
    if lost := [run_id for run_id in wanted if run_id not in runs]:
        sealed = {run_id: words for run_id in lost if (words := seen().why_sealed(run_id))}
        gone = " or ".join(str(run_id) for run_id in lost if run_id not in sealed)
        st.session_state[_LOST] = " ".join([*sealed.values(), *([f"There is no run {gone} any more."] if gone else [])])
    if not runs:
        return []
    st.session_state[_NETWORKS] = before or [_best(runs)]
    options = [run.id for run in sorted(runs.values(), key=_order)]
    with st.container():
        picked = run_ids(
            st.multiselect(
                "Networks, the best validation accuracy first",
                options,
                format_func=lambda run: _words(runs[run_ids([run])[0]]),
                max_selections=MOST,
                key=_NETWORKS,
                wrap=False,
                on_change=_chosen,
                help="Up to four answer side by side; layers and mistakes are those of the first.",
            )
        )
        _notices(picked, runs)
    if not picked:
        return []
    epoch = _epoch(runs[picked[0]])
    return [Chosen(runs[run_id], epoch if number == 0 else None) for number, run_id in enumerate(picked)]


def _ready_made() -> dict[int, Run]:
    """The network that ships with the lab, by its number; empty where its file is damaged, and a sentence says so."""
    with errors_shown():
        return {ready_made.ID: ready_made.load().run}
    return {}


def _some(run_ids: list[int]) -> dict[int, Run]:
    """Networks by their numbers, as `Lab.some`, the ready-made one among them."""
    return seen().some(run_ids) | (_ready_made() if ready_made.ID in run_ids else {})


def _notices(picked: list[int], runs: dict[int, Run]) -> None:
    """What became of networks that were chosen."""
    if words := st.session_state.get(_LOST):
        st.caption(f":material/info: {words}")
    if deleted := [run_id for run_id in picked if runs[run_id].deleted]:
        st.caption(
            ":material/delete: Deleted, and gone for good in a few days: run " + ", ".join(map(str, deleted)) + "."
        )
    if not picked:
        st.caption("Choose at least one.")


def _order(run: Run) -> tuple[bool, bool, float, int]:
    """The best first, as of `Runs.best_with_weights`: finished runs before others, archived ones last."""
    return run.archived is not None, run.status is not Status.FINISHED, -(_accuracy(run) or 0.0), -run.id


def _accuracy(run: Run) -> float | None:
    """On the validation images."""
    return run.last_validation_accuracy if run.validation_accuracy is None else run.validation_accuracy


def _chosen() -> None:
    """Remember the choice for whoever comes back by the menu."""
    st.session_state[_LAST] = run_ids(st.session_state[_NETWORKS])
    st.session_state.pop(_LOST, None)


def are_chosen() -> bool:
    """Whether any networks are chosen, whatever the page can make of them."""
    return bool(st.session_state.get(_NETWORKS))


def view(names: Sequence[str]) -> str:
    """Which of the page's views is shown: the one that the address names, the first where nobody has chosen yet."""
    named = st.query_params.get("view")
    if named in names and (_VIEW not in st.session_state or url.is_from_history()):
        st.session_state[_VIEW] = named
    st.session_state.setdefault(_VIEW, names[0])
    return str(
        st.segmented_control(
            "View", names, required=True, key=_VIEW, persist_state="session", label_visibility="collapsed"
        )
    )


def query(networks: list[Chosen], view: str) -> dict[str, str]:
    """The query of the Inspect page's address."""
    return {"runs": ",".join(str(network.run.id) for network in networks), "view": view}


def _best(runs: dict[int, Run]) -> int:
    """What is looked into where nobody has chosen: the best run by validation accuracy, which is then among `runs`."""
    best = seen().runs.best_with_weights() or next(iter(runs.values()))
    runs[best.id] = best
    return best.id


def _words(run: Run) -> str:
    """A network in the list, with what it is ordered by."""
    accuracy = _accuracy(run)
    kind = "archived" if run.archived else "" if run.status is Status.FINISHED else run.status.value
    parts = [_called(run), "" if accuracy is None else f"{accuracy:.2%}", kind]
    return ", ".join(part for part in parts if part)


def _called(run: Run) -> str:
    # Its number is the first in either, as `choices.run_ids` needs it.
    return f"ready-made ({run.id})" if run.id == ready_made.ID else f"run {run.id}: {run.name}, seed {run.seed}"


def _epoch(run: Run) -> int | None:
    """The epoch whose weights are looked into; None for the kept one."""
    epochs = list(lab().store.checkpoints.epochs(run.id))
    kept = run.kept_epoch if run.kept_epoch in epochs else None
    if len(epochs) < 2:
        return epochs[0] if epochs and kept is None else None
    start = epochs[-1] if kept is None else kept
    key = f"inspect-epoch-{run.id}"
    choices.notify_if_gone(epochs, key, "The weights after epoch {} are no longer kept; others are shown.")
    if st.session_state.get(key) not in epochs:
        st.session_state.pop(key, None)
    chosen = choices.epoch(
        f"Run {run.id} after epoch" + ("" if kept is None else f" (kept: {kept})"),
        epochs,
        start,
        key,
        help="Of the first network; epochs whose weights are kept.",
        width=200,
    )
    return None if chosen == kept else chosen


def answers(networks: Sequence[Chosen]) -> list[np.ndarray | None]:
    """Of each network the probabilities for the 10,000 test images, `(10_000, 10)`: those its run stored, else a
    worker's; None where there are none, and the page says why."""
    stored = [run_page.probabilities(network.run.id) if network.epoch is None else None for network in networks]
    others = [network for network, known in zip(networks, stored, strict=True) if known is None]
    with ask.together(Tested(run_id=other.run.id, epoch=other.epoch) for other in others) as pending:
        found = [
            one.wait(f"asking {other.title} about 10,000 test images")
            for other, one in zip(others, pending, strict=True)
        ]
    asked = iter([None if answer is None else answer["probabilities"].astype(np.float32) for answer in found])
    return [next(asked) if known is None else known for known in stored]


@dataclass(frozen=True)
class Subject:
    """The digit that networks are shown: uint8 `(28, 28)`, what it is called, and its label where one is known."""

    image: np.ndarray
    name: str
    label: int | None


def subject() -> Subject:
    """The digit chosen: a test image by its number, or what was drawn last."""
    test = mnist.load()[1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.segmented_control(
            "Digit",
            ["a test image", "my drawing"],
            default="a test image",
            required=True,
            key=_WHAT,
            persist_state="session",
            width="content",
        )
        if what == "my drawing":
            strokes = pad.kept()
            if not strokes:
                st.caption("Nothing is drawn yet: draw a digit under Draw.", width="content")
            return Subject(drawing.prepared(drawing.rendered(strokes)), "my drawing", None)
        number = int(
            st.number_input(
                "Number of the test image",
                0,
                len(test) - 1,
                8,
                key=_IMAGE,
                persist_state="session",
                help="From 0 to 9,999; under Mistakes each picture has its number.",
                width=220,
            )
        )
        return Subject(test.x[number], f"test image {number}", int(test.y[number]))


def side_by_side(
    networks: Sequence[Chosen], subject: Subject, words: Callable[[np.ndarray], tuple[str, str]]
) -> list[tuple[Chosen, np.ndarray]]:
    """What each network takes a digit for, in a column of its own; all are asked before the first answer is waited for.

    Args:
        words: what a network says, as a digit and a sentence, of its probabilities `(10,)`; where there are none a sentence says why.

    Returns:
        The networks that answered, each with its probabilities.
    """
    image = drawing.as_text(subject.image)
    asked = [Answer(run_id=network.run.id, epoch=network.epoch, image=image) for network in networks]
    place = st.container()  # above what is shown while one waits: the last answers stay in it until then
    with ask.together(asked) as pending:
        waited = [(network, one.wait("reading the digit")) for network, one in zip(networks, pending, strict=True)]
    found = [(network, answer["probabilities"]) for network, answer in waited if answer]
    if found:
        told = [f"{network.title}: {words(probabilities)[1]}" for network, probabilities in found]
        heard.say(" ".join(told), "answers-heard")
        _answers(place, [(network, *words(probabilities), probabilities) for network, probabilities in found])
    return found


def unanswered(networks: Sequence[Chosen], words: str) -> None:
    """What stands in the answers' place, as large as they will be, where nothing is asked yet."""
    _answers(st.container(), [(network, figures.NO_ANSWER, words, None) for network in networks])
    heard.say("", "answers-heard")  # there before its words, or the first ones might be passed over


def _answers(place: DeltaGenerator, given: Sequence[tuple[Chosen, str, str, np.ndarray | None]]) -> None:
    """Each network with the digit it says, its sentence and its probabilities: all digits first, then all bars."""
    drawn = looks(network.run.design_key for network, *_ in given)
    heads, bars = [], []
    for network, digit, words, probabilities in given:
        look = drawn[network.run.design_key]
        heads.append(figures.headline(network.title, look, digit, words))
        caption = network.title if len(given) > 1 else "Probability of each digit"
        bars.append(figures.bars(probabilities, caption, look))
    place.html(figures.side_by_side(heads) + figures.side_by_side(bars))


def must_have_ink(subject: Subject) -> None:
    """Raises InputError where there is nothing to see."""
    if not subject.image.any():
        raise InputError("Digit: the pad is empty; draw one under Draw, or choose a test image.")

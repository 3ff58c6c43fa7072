"""A guess of one's own: beside Train, before a comparison, and what became of it where its runs are shown."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from mnist_lab.design.experiment import MAX_SEEDS, Experiment
from mnist_lab.errors import InputError
from mnist_lab.lesson import guess
from mnist_lab.lesson.guess import Kind, Question, Subject
from mnist_lab.lesson.guesses import Asked
from mnist_lab.person import Kind as PersonKind
from mnist_lab.person import Person
from mnist_lab.results.comparison import MAX_SIDES
from mnist_lab.store.run import Status
from mnist_lab.studies.plan import Metric
from mnist_lab.ui import navigation
from mnist_lab.ui.design import baseline
from mnist_lab.ui.lesson import guesses
from mnist_lab.ui.results import table
from mnist_lab.ui.session import ONCE, act, errors_shown, lab, person, pressed_once, seen
from mnist_lab.ui.text import plain

_ACCURACY, _SECONDS, _BETTER, _REASON = "first-accuracy", "first-seconds", "first-better", "first-why"
_FIELDS = (_ACCURACY, _SECONDS, _BETTER, _REASON)
_OVER, _OVER_WHY = "over-answer", "over-why"
_STANDING = (Status.FINISHED, Status.QUEUED, Status.RUNNING)
_BEATS = ("no better than it", "better than it", "no real difference")  # by the place of the answer
_MOST_ABOUT = 4
_WHO_SEES = "Only you see it"
_WHO_SEES_IN_CLASS = (
    "On the pages only you see it; the file of the lesson that your teacher keeps has it too, when the outcome is there"
)
# What a field means is the same whatever the design is called.
_ONE = (Subject(name="this"),)
_AS = {_ACCURACY: Question(kind=Kind.ACCURACY, subjects=_ONE), _SECONDS: Question(kind=Kind.SECONDS, subjects=_ONE)}


def beside_train(experiment: Experiment | None) -> None:
    """Fields for what one expects of the runs that Train will start; all may stay empty."""
    with st.popover("Guess first", icon=":material/psychology_alt:", key="guess-first", disabled=experiment is None):
        if experiment is None:
            return
        st.markdown("**What will come out?** Fill in what you like.")
        for key, label, example in (
            (_ACCURACY, "Validation accuracy", "98.5 %"),
            (_SECONDS, "Seconds of training, of each run", "90"),
        ):
            text = st.text_input(label, key=key, max_chars=20, placeholder=example, persist_state="session")
            if wrong := _read(key, text)[1]:
                st.caption(f":material/error: {plain(wrong)}")
        pinned = baseline.pinned()
        if pinned is not None and pinned.design_key != experiment.design_key:
            if _runs_of([pinned.design_key]):
                st.selectbox(
                    f"Beside the baseline {plain(pinned.name)} it is",
                    range(len(_BEATS)),
                    index=None,
                    format_func=_BEATS.__getitem__,
                    key=_BETTER,
                    placeholder="I think …",
                    persist_state="session",
                )
            else:
                st.caption("When the baseline has a run you can also guess whether this one beats it.")
        st.text_input("Why I think so", key=_REASON, max_chars=guess.MAX_WHY, persist_state="session")
        st.caption(
            f"Train locks it; the outcome is shown beside it where the run is, when it has ended. {_who_sees()}."
        )
        if person().kind is PersonKind.TEACHER and seen().rights.room is not None:
            st.page_link(
                navigation.CLASS.script, label="Ask the class instead, in the part Guess", icon=":material/groups:"
            )


def started(run_ids: list[int]) -> None:
    """Lock what was guessed of the runs that Train has just queued. What could not be kept is said, and hinders nothing."""
    why = st.session_state.get(_REASON) or ""
    for key, kind in ((_ACCURACY, Kind.ACCURACY), (_SECONDS, Kind.SECONDS)):
        if (st.session_state.get(key) or "").strip():
            act(_keep, kind, [run_ids], key, why)
    pinned, beats = baseline.pinned(), st.session_state.get(_BETTER)
    if pinned is not None and beats is not None:
        others = _runs_of([pinned.design_key]).get(pinned.design_key, [])
        mine = seen().run(run_ids[0]).experiment
        metric: Metric = "validation accuracy" if mine.protocol is pinned.protocol else "test accuracy"
        act(lab().guesses.ask_myself, Kind.BETTER, [others, run_ids], float(beats), metric, why=why)
    for key in _FIELDS:
        st.session_state.pop(key, None)


def _keep(kind: Kind, about: Sequence[Sequence[int]], key: str, why: str, by: Person) -> None:
    number, wrong = _read(key, st.session_state[key])
    if number is None:
        raise InputError(f"Your guess was not kept. {wrong}")
    lab().guesses.ask_myself(kind, about, number, why=why, by=by)


def _read(key: str, text: str) -> tuple[float | None, str]:
    """The number in a field and an empty text, or None and why."""
    if not text.strip():
        return None, ""
    try:
        return guess.read_answer(_AS[key], text), ""
    except InputError as error:
        return None, str(error)


def _who_sees() -> str:
    return _WHO_SEES_IN_CLASS if person().kind is PersonKind.PUPIL else _WHO_SEES


def _runs_of(design_keys: Sequence[str]) -> dict[str, list[int]]:
    """The runs of some designs that count, finished or not, newest first, by design."""
    rows = table.every(seen().fingerprint())  # read once for all, until something of the runs changes
    rows = rows[rows["design_key"].isin(list(design_keys)) & rows["status"].isin(_STANDING)]
    found: dict[str, list[int]] = {}
    for key, ids in zip(rows["design_key"], rows["ids"], strict=True):
        found.setdefault(str(key), []).append(int(ids[0]))
    return {key: ids[:MAX_SEEDS] for key, ids in found.items()}


@errors_shown()
def over(run_ids: Sequence[int]) -> None:
    """Before a comparison: which will be better, where there is still something to be measured; and what became of it."""
    about([*run_ids], only=Kind.BETTER)
    reader = seen()
    chosen = [run for run in reader.some(run_ids).values() if run.deleted is None]
    sides = list(dict.fromkeys(run.design_key for run in chosen))
    waits = any(run.status in (Status.QUEUED, Status.RUNNING) and not run.epochs_done for run in chosen)
    if not waits or not 2 <= len(sides) <= MAX_SIDES:
        return
    runs = _runs_of(sides)
    if len(runs) < len(sides):
        return
    groups = [runs[key] for key in sides]
    names = {run.design_key: run.name for run in reversed(chosen)}
    # Of different protocols, validation accuracies are measured on different images.
    metric: Metric = "validation accuracy" if len({run.experiment.protocol for run in chosen}) == 1 else "test accuracy"
    subjects = tuple(Subject(name=names[key]) for key in sides)
    question = Question(kind=Kind.BETTER, metric=metric, subjects=subjects)
    with st.popover("Guess first", icon=":material/psychology_alt:", key="guess-over"):
        mine = st.selectbox(
            plain(question.words),
            range(len(question.options)),
            index=None,
            format_func=partial(guess.said, question),
            key=_OVER,
            placeholder="I think …",
        )
        why = st.text_input("Why I think so", key=_OVER_WHY, max_chars=guess.MAX_WHY)
        st.caption(f"It is locked when you give it, and judged when all their runs have ended. {_who_sees()}.")
        if pressed_once("Lock my guess", "over-lock", icon=":material/lock:", disabled=mine is None) == ONCE:
            act(lab().guesses.ask_myself, Kind.BETTER, groups, float(mine or 0), metric, why=why)
            st.rerun()
        teaches = person().kind is PersonKind.TEACHER and reader.rights.room is not None
        if teaches and pressed_once("Ask the class", "over-ask", icon=":material/groups:") == ONCE:
            act(lab().guesses.ask, Kind.BETTER, groups, metric)
            st.rerun()


@errors_shown()
def about(run_ids: Sequence[int], only: Kind | None = None) -> None:
    """What one guessed oneself of some runs: locked, or beside its outcome; nothing where one did not."""
    wanted = set(run_ids)
    for asked in [one for one in lab().guesses.all(by=person()) if _is_about(one, wanted, only)][:_MOST_ABOUT]:
        if asked.outcome is None:
            guesses.locked(asked)
        else:
            guesses.came_out(asked)


def _is_about(asked: Asked, wanted: set[int], only: Kind | None) -> bool:
    if asked.is_for_class or (only is not None and asked.question.kind is not only):
        return False
    return not wanted.isdisjoint(asked.question.awaited)

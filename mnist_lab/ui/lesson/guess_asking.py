"""The Class page's part in which a teacher asks the class for a guess, follows how many have answered, and shows what came out."""

from collections.abc import Sequence

import streamlit as st

from mnist_lab.classroom.settings import Sees
from mnist_lab.design.experiment import MAX_SEEDS, Experiment, read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.lesson.guess import Kind
from mnist_lab.lesson.guesses import Asked
from mnist_lab.numerals import counted
from mnist_lab.results.comparison import MAX_SIDES
from mnist_lab.store.classes import Class
from mnist_lab.store.run import Run, Status
from mnist_lab.studies.plan import Metric
from mnist_lab.ui import confirm, held
from mnist_lab.ui.choices import with_selected
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.lesson import guesses
from mnist_lab.ui.session import ONCE, act, errors_shown, lab, person, pressed_once, seen
from mnist_lab.ui.text import plain

REFRESH_SECONDS = 3.0
_KIND, _ABOUT, _METRIC, _NAMES, _WHYS, _EARLIER = (
    "guess-kind",
    "guess-about",
    "guess-metric",
    "guess-names",
    "guess-whys",
    "guess-earlier",
)
_KINDS = {
    Kind.BETTER: "Which will be better",
    Kind.ACCURACY: "What accuracy",
    Kind.SECONDS: "How many seconds",
}
_METRICS: tuple[Metric, ...] = ("validation accuracy", "test accuracy")
_MOST_FINISHED = 30
_ROUND = "round"


def show(room: Class) -> None:
    """A new question; those whose outcome is not there; what came out of the others."""
    st.header("Guess first", anchor=False)
    _ask()
    st.fragment(_open, run_every=REFRESH_SECONDS)()
    _came_out(room)


def _ask() -> None:
    options = _options()
    if st.session_state.get(_KIND) == Kind.BETTER:  # of a round, a number is asked
        options.pop(_ROUND)
        st.session_state[_ABOUT] = [one for one in st.session_state.get(_ABOUT, []) if one != _ROUND]
    elif _ABOUT in st.session_state:
        st.session_state[_ABOUT] = st.session_state[_ABOUT][-1:]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="guess-new"):
        kind = Kind(
            st.segmented_control(
                "Ask",
                list(_KINDS),
                default=Kind.BETTER,
                required=True,
                format_func=lambda one: _KINDS[Kind(one)],
                key=_KIND,
            )
        )
        several = kind is Kind.BETTER
        chosen = st.multiselect(
            "Of" if several else "Of one design, or the round",
            with_selected(list(options), _ABOUT),
            format_func=lambda one: _label(options, one),
            key=_ABOUT,
            max_selections=MAX_SIDES if several else 1,
            placeholder="runs that wait, or designs to train",
            width=420,
        )
        if kind is not Kind.SECONDS and _ROUND not in chosen:
            metric: Metric = st.segmented_control(
                "Judged by", _METRICS, default=_METRICS[0], required=True, key=_METRIC
            )
        else:
            metric = _METRICS[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="guess-options"):
        names = st.toggle(
            "With names",
            key=_NAMES,
            help="Whether everybody sees afterwards who said what. Pupils are told before they answer, and it stays as it was asked.",
        )
        whys = st.toggle("Ask why", True, key=_WHYS, help="A line for the reason, shown with the outcome.")
        pressed = pressed_once(
            "Ask the class",
            "guess-ask",
            type="primary",
            icon=":material/campaign:",
            disabled=len(chosen) < 2 if several else len(chosen) != 1,
        )
    if pressed == ONCE:
        if _ROUND in chosen:
            act(lab().guesses.ask_of_round, kind, with_names=names, asks_why=whys)
        else:
            about = [options[one][1] for one in chosen if one in options]
            act(lab().guesses.ask, kind, about, metric, with_names=names, asks_why=whys)
        st.rerun()


def _options() -> dict[str, tuple[str, Sequence[int] | Experiment]]:
    """What can be asked about, by a name that stays: how it is called, and its runs, or the design that is to be trained."""
    reader = seen()
    current = held.current(reader.rights.room.id) if reader.rights.room else None
    which = "the round that is going on" if current and current.is_on else "the next round"
    found: dict[str, tuple[str, Sequence[int] | Experiment]] = {_ROUND: (which, [])}
    waiting: dict[str, list[Run]] = {}
    for run in [*reader.active(), *reader.resumable()]:
        if not run.epochs_done:
            waiting.setdefault(run.design_key, []).append(run)
    for key, runs in waiting.items():
        which = f"run {runs[0].id}" if len(runs) == 1 else counted(len(runs), "run")
        found[f"runs {key}"] = f"{runs[0].name}: {which}, not begun", [run.id for run in runs[:MAX_SEEDS]]
    design = drafts.trainable()
    wanted = {"draft": (f"{design.name}: as on your Design page", design)}
    wanted |= {f"preset {name}": (f"{name}: preset", preset) for name, preset in PRESETS.items()}
    kept = lab().designs(by=person())
    wanted |= {f"kept {name}": (f"{name}: kept design", read_design(text)) for name, text in kept.items()}
    # What a class guesses is trained as the class trains: within the lesson.
    recipe = current.recipe if current else None
    how = "to be trained in the lesson recipe" if recipe else "to be trained"
    for name, (called, its) in wanted.items():
        found[name] = f"{called}, {how}", recipe.applied(its) if recipe else its
    if reader.rights.settings.sees is Sees.OWN:
        # What pupils do not see they can still guess.
        for run in reader.runs.all(Status.FINISHED, limit=_MOST_FINISHED):
            found[f"run {run.id}"] = f"{run.name}: run {run.id}, finished", [run.id]
    return found


def _label(options: dict[str, tuple[str, Sequence[int] | Experiment]], name: str) -> str:
    return options[name][0] if name in options else f"{name}, which has begun"


@errors_shown()
def _open() -> None:
    found = [asked for asked in lab().guesses.all(by=person()) if asked.is_for_class and asked.outcome is None]
    if not found:
        return
    here = len(lab().classroom.members(by=person()))
    for asked in found:
        with st.container(border=True, key=f"guess-open-{asked.id}"):
            st.markdown(f"**{plain(asked.question.words)}**")
            closed = " The guessing is closed." if asked.is_closed else ""
            st.markdown(
                f"{guesses.answered(asked.count)}; {counted(here, 'pupil')} in the class.{closed} {plain(asked.waits)} What they said is hidden from you too, until the "
                "outcome is there."
            )
            _buttons(asked)


def _buttons(asked: Asked) -> None:
    number = asked.id
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"guess-buttons-{number}"):
        if not asked.question.is_bound and not asked.question.is_round:
            seeds = st.number_input("× seeds", 1, MAX_SEEDS, 1, key=f"guess-seeds-{number}", width=120)
            pressed = pressed_once(
                "Train it now", f"guess-train-{number}", type="primary", icon=":material/play_arrow:"
            )
            if pressed == ONCE:
                act(lab().guesses.start, number, int(seeds))
                st.rerun()
        if not asked.is_closed:
            st.button(
                "Close the guessing",
                key=f"guess-close-{number}",
                icon=":material/lock:",
                on_click=act,
                args=(lab().guesses.close, number),
                help="Otherwise it ends with the first epoch of a run that it is about.",
            )
        if asked.question.is_bound:
            st.button(
                "Take what has finished",
                key=f"guess-conclude-{number}",
                icon=":material/done_all:",
                on_click=act,
                args=(lab().guesses.conclude, number),
                help="As the outcome, without waiting for the other runs.",
            )
        confirm.button(
            "Delete",
            "Delete the question with all guesses?",
            key=f"guess-delete-{number}",
            icon=":material/delete:",
            on_click=act,
            args=(lab().guesses.delete, number),
        )


def _came_out(room: Class) -> None:
    del room
    found = {
        asked.id: asked for asked in lab().guesses.all(by=person()) if asked.is_for_class and asked.outcome is not None
    }
    if not found:
        return
    st.header("What came out", anchor=False)
    number = next(iter(found))
    if len(found) > 1:
        number = st.selectbox("Question", list(found), format_func=lambda one: found[one].question.words, key=_EARLIER)
    asked = found[number]
    st.subheader(plain(asked.question.words), anchor=False)
    guesses.picture(asked)
    confirm.button(
        "Delete",
        "Delete the question with all guesses?",
        key=f"guess-delete-{number}",
        icon=":material/delete:",
        on_click=act,
        args=(lab().guesses.delete, number),
    )

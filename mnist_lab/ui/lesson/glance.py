"""The class at a glance: who is there, what each does, who is stuck. A card a pupil, each in its place while the teacher looks."""

from html import escape

import streamlit as st

from mnist_lab.design.experiment import Experiment
from mnist_lab.lesson.glance import Doing, Glance, PupilNow, Trouble
from mnist_lab.numerals import counted
from mnist_lab.person import Kind
from mnist_lab.reader import Reader
from mnist_lab.results.prediction import duration_text
from mnist_lab.ui import navigation, watching
from mnist_lab.ui.results import table
from mnist_lab.ui.session import errors_shown, lab, looker, path, seen, shared
from mnist_lab.ui.text import plain
from mnist_lab.ui.train.progress import percent

REFRESH_SECONDS = 3.0
AWAY_SECONDS = 60.0  # whoever was not seen for longer is named above the cards
_MOST_NAMED = 8
_LOOKED_AT = "glance_pupil"
_ICONS = {
    Trouble.REFUSED: "block",
    Trouble.DIVERGED: "trending_up",
    Trouble.FAILED: "error",
    Trouble.WAITING: "hourglass_top",
    Trouble.IDLE: "bedtime",
}


@shared
def of(class_id: int) -> Glance:
    """A class at a glance, read once for all who look. Whoever calls it has seen to it that they may."""
    return lab().glance.of(class_id)


# What pupils' pages tell of them


def arrived(reader: Reader) -> None:
    """A page is drawn for somebody."""
    if reader.rights.person.kind is Kind.PUPIL:
        lab().presence.opened(reader.rights.owner, path())


def stays(reader: Reader) -> None:
    """A page of somebody's asks whether there is anything new."""
    if reader.rights.person.kind is Kind.PUPIL:
        lab().presence.seen(reader.rights.owner)


def designs(name: str, experiment: Experiment | None, wrong: str) -> None:
    """A design is drawn, which is called so; with why it cannot be trained, where it cannot."""
    rights = looker().rights
    if rights.person.kind is Kind.PUPIL:
        mark = (experiment.design_key, experiment.seed) if experiment else wrong
        lab().presence.designs(rights.owner, experiment.name if experiment else name, mark, wrong)


# What the teacher sees of it


def line(class_id: int) -> None:
    """How many are there and who is stuck, followed while one looks; nothing as long as nobody is in."""
    st.fragment(_follow_line, run_every=REFRESH_SECONDS)(class_id)


def cards(class_id: int) -> None:
    """A card a pupil, followed while one looks; nothing as long as nobody is in."""
    st.fragment(_follow_cards, run_every=REFRESH_SECONDS)(class_id, are_some=bool(of(class_id).pupils))


@errors_shown()
def _follow_line(class_id: int) -> None:
    seen().rights.must_be_all()
    if (found := of(class_id)).pupils:
        st.markdown(f"{_counts(found)}  \n{_troubles(found)}")


@errors_shown()
def _follow_cards(class_id: int, *, are_some: bool) -> None:
    seen().rights.must_be_all()
    found = of(class_id)
    if bool(found.pupils) != are_some:
        st.rerun()  # the way in makes room, or has it again
    if found.pupils:
        with st.container(key="glance", gap="small"):
            st.html(in_html(found))
            _look_at({pupil.key: pupil for pupil in found.pupils})


def _counts(found: Glance) -> str:
    trains, waits = (sum(pupil.doing is doing for pupil in found.pupils) for doing in (Doing.TRAINS, Doing.WAITS))
    runs = sum(pupil.runs for pupil in found.pupils)
    held = " :material/pause_circle: The queue is paused." if found.is_held else ""
    return (
        f"**{found.here} of {len(found.pupils)} here**; {trains} in training, {waits} waiting, "
        f"{counted(runs, 'run')} so far.{held}"
    )


def _troubles(found: Glance) -> str:
    """Who is stuck, by why, and who has gone: a line that is always there, so that nothing below it moves."""
    parts = [
        f":material/{_ICONS[trouble]}: **{str(trouble).capitalize()}:** {_named(pupils)}"
        for trouble, pupils in found.stuck.items()
    ]
    gone = [
        pupil for pupil in found.pupils if not pupil.is_here and found.at - (pupil.seen or pupil.joined) >= AWAY_SECONDS
    ]
    if not parts:
        parts = [":material/check_circle: Nobody is stuck."]
    return "  ·  ".join([*parts, *([f":material/logout: **Not here:** {_named(gone)}"] if gone else [])])


def _named(pupils: list[PupilNow]) -> str:
    names = ", ".join(plain(pupil.name) for pupil in pupils[:_MOST_NAMED])
    return names + (f" and {len(pupils) - _MOST_NAMED} more" if len(pupils) > _MOST_NAMED else "")


def in_html(found: Glance) -> str:
    """A card a pupil as HTML, all that is text in it escaped."""
    return f'<ol class="glance">{"".join(_card(pupil, found.at) for pupil in found.pupils)}</ol>'


def _card(pupil: PupilNow, at: float) -> str:
    name = escape(pupil.name)
    if pupil.run_id is not None:
        page = navigation.TRAIN if pupil.doing in (Doing.TRAINS, Doing.WAITS) else navigation.RUN
        name = f'<a href="{page.path}?run={pupil.run_id}" target="_blank">{name}</a>'
    if pupil.is_here:
        here = '<span class="here">● here</span>'
    else:
        here = (
            f"<span>○ {'not seen yet' if pupil.seen is None else f'seen {duration_text(at - pupil.seen)} ago'}</span>"
        )
    bar = "" if pupil.share is None else f'<progress max="1" value="{pupil.share:.3f}"></progress>'
    trouble = ""
    if pupil.trouble:
        why = escape(pupil.why)
        trouble = f'<p class="why" title="{why}"><strong>▲ {escape(str(pupil.trouble))}:</strong> {why}</p>'
    return (
        f'<li{" class=stuck" if pupil.trouble else ""}><p class="who"><strong>{name}</strong>{here}</p>'
        f"<p>{escape(_does(pupil))}</p><p>{escape(_has(pupil))}</p>{trouble}{bar}</li>"
    )


def _does(pupil: PupilNow) -> str:
    """What somebody does, in a line."""
    if pupil.doing is Doing.TRAINS and pupil.epochs:
        return f"epoch {pupil.epoch} of {pupil.epochs}, {100 * (pupil.share or 0):.0f} %: {pupil.what}"
    if pupil.doing is Doing.WAITS and pupil.place:
        return f"waits at place {pupil.place}: {pupil.what}"
    if pupil.doing in (Doing.TRAINS, Doing.WAITS, Doing.DESIGNS):
        return f"{pupil.doing} {'for ' if pupil.doing is Doing.WAITS else ''}{pupil.what}"
    words = "has a paused run" if pupil.doing is Doing.PAUSED else ""
    title = next((page.title for page in navigation.PAGES if page.path == pupil.page), "")
    return ", ".join([*filter(None, [words, f"on {title}" if title else ""])]) or "–"


def _has(pupil: PupilNow) -> str:
    """What somebody has reached, in a line."""
    best = f"validation {percent(pupil.best)}" if pupil.best is not None else "no result yet"
    return f"{best} · {counted(pupil.runs, 'run')}"


def _more(pupil: PupilNow) -> str:
    """What does not fit on the card, in sentences."""
    words = []
    if pupil.place:
        words.append(f"The run begins in about {duration_text(pupil.wait or 0)}.")
    if pupil.best_run is not None:
        test = "" if pupil.best_test is None else f", test {percent(pupil.best_test)}"
        words.append(f"Best: run {pupil.best_run}, validation {percent(pupil.best)}{test}.")
    return " ".join([*words, pupil.why])


def _look_at(pupils: dict[str, PupilNow]) -> None:
    """One pupil in more words, with ways to their runs: by keyboard too, and within this tab."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="glance-look"):
        chosen = st.selectbox(
            "Look at",
            list(pupils),
            index=None,
            format_func=lambda key: pupils[key].name if key in pupils else key,
            key=_LOOKED_AT,
            placeholder="Look at a pupil",
            label_visibility="collapsed",
            width=220,
        )
        if chosen not in pupils:
            return
        pupil = pupils[chosen]
        if pupil.run_id is not None:
            watching.link(pupil.run_id, f"Run {pupil.run_id}", icon=":material/monitoring:")
        if st.button("All their runs", icon=":material/table_chart:", key="glance-runs", disabled=not pupil.runs):
            table.only_of(pupil.key)
            st.switch_page(navigation.RESULTS.script)
        st.caption(plain(_more(pupil)), width="content")

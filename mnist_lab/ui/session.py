"""What every page needs: the lab, an error boundary, the state of the worker."""

import contextlib
import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, ParamSpec, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mnist_lab import clock
from mnist_lab.classroom.cookies import Cookies
from mnist_lab.classroom.rights import Rights
from mnist_lab.data import mnist
from mnist_lab.errors import LabError, NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.person import Kind, Person
from mnist_lab.reader import Reader
from mnist_lab.results.prediction import duration_text
from mnist_lab.store import ready_made
from mnist_lab.store.database import default_url
from mnist_lab.store.lease import READY, WARMING_UP
from mnist_lab.store.run import Run, Status
from mnist_lab.ui.text import plain, refusal

P = ParamSpec("P")
T = TypeVar("T")
SHARED_SECONDS = 1.0
FOOTER_SECONDS, FOOTER_SECONDS_IN_CLASS = 3.0, 6.0
_LOOKS_SECONDS = 12.0
QUICKEST = 0.4
ONCE, AGAIN = "once", "again"
LOCKED = "Your teacher has locked this page for now; the others are in the menu."
_REFUSED, _PATH = "refused", "opened_page"
_PACES = ((4, QUICKEST), (10, 1.0), (20, 2.5), (sys.maxsize, 5.0))  # up to so many viewers: seconds


@dataclass
class _Asked:
    """What has been read for what is drawn together."""

    person: Person | None = None
    reader: Reader | None = None


_together: ContextVar[_Asked | None] = ContextVar("_together", default=None)


@contextlib.contextmanager
def drawn_together() -> Iterator[None]:
    """Who looks, and what they may see, is read at most once within it: wraps a run of a page's script, or of a fragment."""
    if _together.get() is not None:
        yield  # a fragment with its page
        return
    token = _together.set(_Asked())
    try:
        yield
    finally:
        _together.reset(token)


@functools.cache
def _lab(url: str) -> Lab:
    return Lab(url)


def lab() -> Lab:
    """The only lab of this server. Raises StoreError where its database cannot be used; the next call tries again."""
    return _lab(default_url())


@functools.cache
def _cookies(url: str) -> Cookies:
    return Cookies(_lab(url).store)


def cookies() -> Cookies:
    """How this server's browsers are known."""
    return _cookies(default_url())


def person() -> Person:
    """Who is looking at this page."""
    asked = _together.get() or _Asked()
    if asked.person is None:
        known = cookies()
        asked.person = known.person(st.context.cookies.get(known.name))
    return asked.person


def is_teacher() -> bool:
    """Whether the teacher is looking at this page; no where the store cannot be used, which the page will say."""
    try:
        return person().kind is Kind.TEACHER
    except LabError:
        return False


def only_looks() -> bool:
    """Whether this browser is that of a projector, which shows the class's stage and nothing else."""
    try:
        return _reader().rights.only_looks
    except LabError:
        return False


def why_stranger() -> str:
    """Why whoever looks may see nothing at all, for they are not in the class; empty where they may."""
    try:
        _reader()
    except NotAllowedError as error:
        return str(error)
    except LabError:
        return ""  # the page will say what is wrong
    return ""


def may_keep_names() -> bool:
    """Whether files from this page may hold people's names: outside a class, and for its teacher who has ticked that."""
    try:
        rights = _reader().rights
    except LabError:
        return False
    return rights.room is None or (rights.are_all and rights.settings.names_in_files)


def opened(path: str) -> bool:
    """Remember which page this session has opened; whether it may, or the teacher has locked that page."""
    st.session_state[_PATH] = path
    return _reader().rights.may_open(path)


def path() -> str:
    """The path of the page that this session has opened."""
    return str(st.session_state.get(_PATH, ""))


def seen() -> Reader:
    """What whoever is looking at this page may see of the runs. Who they are and what they may do is read each time that
    something is drawn, on a timer too, but only once for all that is drawn together: who is removed from the class, or
    has a page open that is locked, sees no more of it.

    Raises:
        NotAllowedError: they may not.
    """
    reader, path = _reader(), st.session_state.get(_PATH)
    is_limited = reader.rights.settings.locked or reader.rights.only_looks
    if is_limited and (path is None or not reader.rights.may_open(path)):
        raise NotAllowedError(LOCKED)
    return reader


def _reader() -> Reader:
    asked = _together.get() or _Asked()
    if asked.reader is None:
        asked.reader = lab().reader(person())
    return asked.reader


def looker() -> Reader:
    """What whoever is looking may see, also on a page that is locked: for what stands beside the page."""
    return _reader()


def act(do: Callable[..., object], *arguments: Any, **named: Any) -> None:
    """Do something for whoever presses a button, as its callback. Where they may not, the page says so when it is drawn."""
    try:
        do(*arguments, by=person(), **named)
        _shared.clear()  # of which it may have changed something: whoever pressed sees it at once
    except LabError as error:
        st.session_state[_REFUSED] = str(error)


def shared(read: Callable[[int], T]) -> Callable[[int], T]:
    """What is read of a class by its id, at most once a second for all who look at this server: never a query a viewer.
    What it returns belongs to all of them, and is not to be changed."""
    name = f"{read.__module__}.{read.__qualname__}"

    @functools.wraps(read)
    def once(class_id: int) -> T:
        found: T = _shared(default_url(), name, class_id, read)
        return found

    return once


@st.cache_resource(ttl=SHARED_SECONDS, max_entries=256, show_spinner=False)
def _shared(url: str, name: str, class_id: int, _read: Callable[[int], Any]) -> Any:
    del url, name
    return _read(class_id)


def zone() -> tzinfo:
    """The time zone of whoever is looking at this page."""
    return clock.zone(st.context.timezone, st.context.timezone_offset)


@st.cache_resource(show_spinner=False)
def _seen() -> dict[str, float]:
    """When each session last drew a live page, shared by all sessions of this server."""
    return {}


def pace() -> float:
    """Seconds between updates of a live page: longer the more people look, so that watching costs training nothing."""
    context = get_script_run_ctx()
    now, seen = time.monotonic(), _seen()
    seen[context.session_id if context else ""] = now
    for session in [session for session, at in list(seen.items()) if now - at > _LOOKS_SECONDS]:
        seen.pop(session, None)
    return next(seconds for most, seconds in _PACES if len(seen) <= most)


@functools.cache
def preload() -> None:
    """Start loading what the other pages need, as soon as the first page is there, which needs none of it."""

    def load() -> None:
        from mnist_lab.charts import confusion, inspection, results, training  # noqa: F401, with all of Altair

        # Each is made once and kept; when an epoch ends, all who look want them in the same moment.
        confusion.live()
        training.followed()
        mnist.load()

    threading.Thread(target=load, name="loading", daemon=True).start()


@contextlib.contextmanager
def errors_shown() -> Iterator[None]:
    """Show a `LabError` as a sentence on the page, and that of what was pressed last. Wraps fragments too, which rerun
    without the router."""
    if words := st.session_state.pop(_REFUSED, None):
        refusal(words)
    with drawn_together():
        try:
            yield
        except NotAllowedError as error:
            if why_stranger():
                st.rerun()  # the whole page, which then says how to get in
            refusal(error)
        except LabError as error:
            refusal(error)


def fragment(draw: Callable[P, None]) -> Callable[P, None]:
    """A part of a page that reruns without the rest. Each time it asks first whether whoever looks may still see the page,
    and the runs, or networks of runs, among its arguments."""

    @st.fragment
    @functools.wraps(draw)
    @errors_shown()
    def again(*arguments: P.args, **named: P.kwargs) -> None:
        reader = seen()
        for given in arguments:
            for one in given if isinstance(given, list) else [given]:
                run = getattr(one, "run", one)
                if isinstance(run, Run) and run.id != ready_made.ID:
                    reader.run(run.id)
        draw(*arguments, **named)

    return again


def pressed_once(label: str, key: str, **options: Any) -> str:
    """A button whose press counts once: `once` at the press, `again` at another click on the same button, else empty.

    Until a browser has drawn the result of a press it still shows the button, and an impatient second click would do
    everything again. So a press replaces the button by a new one. What `once` triggers must be done before anything else
    is drawn, where another click could interrupt it.
    """
    count, now = f"{key}.presses", f"{key}.now"
    number = st.session_state.setdefault(count, 0)

    def pressed() -> None:
        if st.session_state[count] == number:
            st.session_state[count] += 1
            st.session_state[now] = ONCE
        else:
            st.session_state.setdefault(now, AGAIN)

    st.button(label, key=f"{key}.{number}", on_click=pressed, **options)
    return str(st.session_state.pop(now, ""))


def footer(also: Callable[[], None] = lambda: None) -> None:
    """The worker's state, when one's next run begins, and the person's name, small. Less often for a class: a server has
    much to do where thirty people ask it every few seconds.

    Args:
        also: done each time before the footer is drawn: whatever else is to be followed on every page, without a timer of
            its own.
    """
    st.fragment(_footer, run_every=FOOTER_SECONDS_IN_CLASS if _is_class() else FOOTER_SECONDS)(also)


def _is_class() -> bool:
    try:
        return _reader().rights.room is not None
    except LabError:
        return False  # the footer says what is wrong


@drawn_together()
def _footer(also: Callable[[], None]) -> None:
    also()
    try:
        state = lab().engine_state()
        reader = _reader()  # on a page that is locked too
        active, waits = reader.active(), reader.waits()
        who = reader.names().get(reader.rights.owner, reader.rights.owner)
        # Runs of a study that is sealed are none of those above.
        is_studying = reader.is_studying()
    except NotAllowedError:
        return
    except LabError:
        st.caption(":material/error: no results database")
        return
    running = sum(run.status is Status.RUNNING for run in active)
    waiting = len(active) - running
    words = {
        None: ":material/hourglass_empty: worker starting",
        WARMING_UP: ":material/hourglass_top: worker warming up",
        READY: ":material/check_circle: worker ready",
    }.get(state, f":material/error: worker {plain(state or '')}")
    if running:
        words = f":material/model_training: training {running}" + (f", {waiting} waiting" if waiting else "")
    elif is_studying:
        words = ":material/model_training: training a study" + (f", {waiting} waiting" if waiting else "")
    elif waiting:
        words = f"{words}, {waiting} waiting"
    lines = [words]
    if reader.rights.room:
        lines.append(_turn(reader.rights, active, waits))
        who += " (teacher)" if reader.rights.are_all else ""
    st.caption("  \n".join([*filter(None, lines), f":material/person: {plain(who)}"]))


def _turn(rights: Rights, active: list[Run], waits: dict[int, tuple[int, float]]) -> str:
    """In a class, when one's next run begins; empty where one has none in the queue."""
    is_held = rights.room is not None and rights.room.is_held
    mine = [run.id for run in active if run.owner == rights.owner and run.id in waits]
    paused = ("the queue is paused" if rights.are_all else "the teacher has paused the queue") if is_held else ""
    if not mine:
        return f":material/pause_circle: {paused}" if paused else ""
    place, seconds = min(waits[run_id] for run_id in mine)
    return f":material/schedule: your next run: place {place}, {paused or f'in about {duration_text(seconds)}'}"

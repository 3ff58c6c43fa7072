"""Which run the Train page shows: one's own, the one that the address names, or on request whatever is training.

The address says it; a bare one leads to what this session started or looked at last. A page that shows a run stays with
it when it has ended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.ui import navigation, url
from mnist_lab.ui.session import lab, person, seen
from mnist_lab.ui.text import refusal

_LAST = "watched"
_FOLLOW = {"follow": "now"}
MOST = 1000


@dataclass(frozen=True)
class Watched:
    """What the page shows.

    Attributes:
        run_id: the run that it stays with; None where there is none yet, or where it follows.
        together: the runs that were started with it, itself among them; empty where it was started alone.
        follows: whether it shows whatever is training.
    """

    run_id: int | None
    together: tuple[int, ...] = ()
    follows: bool = False


def query(run_id: int, together: Sequence[int] = ()) -> dict[str, str]:
    """The address of the page that shows a run, as parameters."""
    found = {"run": str(run_id)}
    if len(together) > 1:
        found["runs"] = ",".join(map(str, together))
    return found


def started(run_ids: Sequence[int]) -> None:
    """Remember runs that this session has just queued: the Train page shows them from now on."""
    if run_ids:
        st.session_state[_LAST] = query(run_ids[0], run_ids[:MOST])


def start(queue: Callable[[], Sequence[int]]) -> bool:
    """Queue runs and remember them, as `started`; where that is refused the page says why. Whether it was done."""
    try:
        started(queue())
    except InputError as error:
        lab().presence.refused(person().key, str(error))
        refusal(error)
        return False
    return True


def go() -> None:
    """To the Train page, which shows what was started last."""
    st.switch_page(navigation.TRAIN.script, query_params=st.session_state.get(_LAST, {}))


def load() -> Watched:
    """What the address names, else what was watched last, else what is training now or ended last; the page then stays with it.

    Raises:
        InputError: the address names no run that there is.
    """
    if st.query_params.get("follow") is not None:
        st.session_state[_LAST] = _FOLLOW
        return Watched(None, follows=True)
    if "run" not in st.query_params and "runs" not in st.query_params:
        last = _last() or _first()
        if last is None:
            return Watched(None)
        st.session_state[_LAST] = last
        return _read(last)
    try:
        found = _read(st.query_params.to_dict())
    except InputError:
        st.session_state.pop(_LAST, None)
        raise
    assert found.run_id is not None
    st.session_state[_LAST] = query(found.run_id, found.together)
    if not url.is_from_history():
        st.query_params.from_dict(
            st.session_state[_LAST]
        )  # a link within the page leaves the browser's address as it was
    return found


def keep_address() -> None:
    """Make what the page shows its address."""
    url.keep(st.session_state[_LAST])


def _last() -> dict[str, str] | None:
    """What was watched last, where that is still there."""
    last: dict[str, str] | None = st.session_state.get(_LAST)
    try:
        if last:
            _read(last)
    except InputError:
        return None
    return last


def _first() -> dict[str, str] | None:
    reader = seen()
    active = reader.active()
    mine = [run for run in active if run.owner == reader.rights.owner]
    run = (mine or active)[0] if active else reader.runs.latest()
    return query(run.id) if run else None


def _read(named: dict[str, str]) -> Watched:
    if "follow" in named:
        return Watched(None, follows=True)
    together = url.numbers("runs", named["runs"], 1, MOST) if "runs" in named else []
    run_id = url.number("run", named["run"]) if "run" in named else together[0]
    return Watched(seen().run(run_id).id, tuple(together))


def follow_link() -> None:
    """A link to follow whatever is training."""
    st.page_link(
        navigation.TRAIN.script,
        label="Follow whatever is training",
        icon=":material/sync:",
        query_params=_FOLLOW,
        help="Moves on to the next run when one ends.",
    )


def link(run_id: int, label: str, icon: str | None = None, together: Sequence[int] = ()) -> None:
    """A link to a run."""
    st.page_link(navigation.TRAIN.script, label=label, icon=icon, query_params=query(run_id, together))

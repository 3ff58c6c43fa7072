"""The address of a page: what is read from it, all of it checked, and what a page writes into it.

The address that a browser reports lags behind: it is an old one until the browser hears of a change. So a page follows the
address only where somebody has just arrived at it, by a link or through the browser's history.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mnist_lab.errors import InputError
from mnist_lab.store.run import Run
from mnist_lab.ui.session import seen

_DIGITS = 15
_ALSO, _KEPT, _PAGE = "address_also", "address_kept", "address_page"
_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("mnist_lab.address", html="<div></div>", js=_JS)


def is_from_history() -> bool:
    """Whether somebody just went back or forward to this address."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def keep(query: dict[str, str]) -> None:
    """Make this the page's address; where it names something else than before, that is a step of the browser's history.

    To be called by a page whenever it is drawn.
    """
    st.session_state[_KEPT] = True
    query = query | st.session_state.get(_ALSO, {})
    named = st.query_params.to_dict()
    if named and named != query:
        st.query_params.from_dict(query)
    _component()(
        key="address", data={"page": st.session_state.get(_PAGE, ""), "query": urlencode(query)}, height="content"
    )


def also(name: str, value: str | None) -> None:
    """Have a parameter in the address of whichever page is shown, or no longer where None."""
    others = {key: kept for key, kept in st.session_state.get(_ALSO, {}).items() if key != name}
    st.session_state[_ALSO] = others if value is None else others | {name: value}


def begin(page: str) -> None:
    """To be called before the page with this path is drawn."""
    st.session_state[_KEPT] = False
    st.session_state[_PAGE] = page


def end() -> None:
    """To be called after a page was drawn: a page whose address says nothing else gets what is in every address."""
    missing = {name: value for name, value in st.session_state.get(_ALSO, {}).items() if name not in st.query_params}
    if missing and not st.session_state[_KEPT]:
        st.query_params.update(missing)


def run() -> Run | None:
    """The run that the address names by `run`, or None.

    Raises:
        InputError: it names none that there is.
    """
    text = st.query_params.get("run")
    return None if text is None else seen().run(number("run", text))


def runs(name: str, least: int, most: int) -> list[int]:
    """The numbers of runs that the address names as a list, such as `3,7`, each once; empty where it names none.

    The runs need not exist any more.

    Raises:
        InputError: it is no list of so many numbers.
    """
    text = st.query_params.get(name)
    return [] if text is None else numbers(name, text, least, most)


def number(name: str, text: str, what: str = "run") -> int:
    """The number of a run, or of something else, that an address's parameter is. Raises InputError where it is none."""
    if not _is_number(text):
        raise InputError(f"Address: {name} should be the number of a {what}; received {text[:60]!r}.")
    return int(text)


def numbers(name: str, text: str, least: int, most: int) -> list[int]:
    """The numbers of runs that an address's parameter lists, each once. Raises InputError where it is no such list."""
    parts = text.split(",")
    found = list(dict.fromkeys(int(part) for part in parts if _is_number(part)))
    if len(found) < least or len(parts) > most or not all(map(_is_number, parts)):
        raise InputError(
            f"Address: {name} should be {least} to {most} numbers of runs, as 3,7; received {text[:60]!r}."
        )
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS

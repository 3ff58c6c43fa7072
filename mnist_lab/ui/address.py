"""What the address of a page names, and nothing else of it is believed."""

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.store import Run
from mnist_lab.ui.session import lab

_DIGITS = 15


def run() -> Run | None:
    """The run that the address names by `run`, or None.

    Raises:
        InputError: it names none that there is.
    """
    text = st.query_params.get("run")
    if text is None:
        return None
    if not _is_number(text):
        raise InputError(f"Address: run should be the number of a run; received {text[:60]!r}.")
    return lab().run(int(text))


def runs(name: str, least: int, most: int) -> list[int]:
    """The runs that the address names as a list, such as `3,7`; empty where it names none.

    Raises:
        InputError: it is no list of so many runs that there are.
    """
    text = st.query_params.get(name)
    if text is None:
        return []
    parts = text.split(",")
    if not least <= len(parts) <= most or not all(map(_is_number, parts)):
        raise InputError(
            f"Address: {name} should be {least} to {most} numbers of runs, as 3,7; received {text[:60]!r}."
        )
    return [lab().run(int(part)).id for part in parts]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS

"""Choices that outlive what was chosen: an option that has vanished is never dropped without a word."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import streamlit as st

from mnist_lab.ui.text import plain

T = TypeVar("T")


def kept(options: Sequence[T], key: str) -> list[T]:
    """Options, and what the widget `key` has chosen though it is no longer among them: Streamlit would drop that."""
    return [*options, *gone(options, key)]


def gone(options: Sequence[T], key: str) -> list[T]:
    """What the widget `key` has chosen and is no longer among its options."""
    chosen: list[T] = st.session_state.get(key) or []
    return [value for value in chosen if value not in options]


def tell_if_gone(options: Sequence[Any], key: str, words: str) -> None:
    """Say so where the choice of a select box is no longer among its options, before the box goes to another."""
    chosen = st.session_state.get(key)
    if chosen is not None and chosen not in options:
        st.toast(plain(words.format(chosen)), icon=":material/info:")


def run_ids(values: Iterable[int | str]) -> list[int]:
    """Runs by their numbers, where some may be the label of an option, whose first number is the run's.

    A browser names an option by its label, and one that has changed meanwhile (a run was renamed, or has a result now) is
    none that Streamlit knows.
    """
    numbers = [value if isinstance(value, int) else int(match[0]) for value in values if (match := _number(value))]
    return list(dict.fromkeys(numbers))


def _number(value: int | str) -> re.Match[str] | None:
    return re.search(r"\d+", str(value))

"""Choices among options that may vanish meanwhile: none is dropped silently."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import streamlit as st

from mnist_lab.ui.text import plain

T = TypeVar("T")


def with_selected(options: Sequence[T], key: str) -> list[T]:
    """The options, and behind them what the widget `key` has selected of options that are gone: Streamlit would drop it."""
    return [*options, *gone(options, key)]


def gone(options: Sequence[T], key: str) -> list[T]:
    """What the widget `key` has selected that is no longer among its options."""
    chosen: list[T] = st.session_state.get(key) or []
    return [value for value in chosen if value not in options]


def notify_if_gone(options: Sequence[Any], key: str, words: str) -> None:
    """Say so where the selection of a select box is no longer among its options, before the box selects another."""
    chosen = st.session_state.get(key)
    if chosen is not None and chosen not in options:
        st.toast(plain(words.format(chosen)), icon=":material/info:")


def epoch(label: str, epochs: Sequence[int], first: int, key: str, **options: Any) -> int:
    """One of at least two epochs. A slider where they are evenly spaced, else a select box: a slider over any list reads out
    places in the list instead of epochs.

    Args:
        first: which it is before somebody chooses; the widget's own default, and not put into the session's state, for the
            reason that `fields.bound` gives.
    """
    step = epochs[1] - epochs[0]
    if all(later - earlier == step for earlier, later in pairwise(epochs)):
        chosen: int = st.slider(label, epochs[0], epochs[-1], first, step, key=key, **options)
    else:
        chosen = st.selectbox(label, epochs, epochs.index(first), key=key, **options)
    return chosen


def run_ids(values: Iterable[int | str]) -> list[int]:
    """Numbers of runs, where some may be given as the label of an option, whose first number is the run's.

    A browser names an option by its label. Where a label has changed meanwhile (a run was renamed, or has a result now),
    Streamlit does not know it and hands it on as text.
    """
    numbers = [value if isinstance(value, int) else int(match[0]) for value in values if (match := _number(value))]
    return list(dict.fromkeys(numbers))


def _number(value: int | str) -> re.Match[str] | None:
    return re.search(r"\d+", str(value))

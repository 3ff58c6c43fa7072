"""Buttons that ask first, where they would end or delete several runs at once."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st


def button(
    label: str,
    question: str | None,
    *,
    key: str,
    on_click: Callable[..., None],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    icon: str | None = None,
    help: str | None = None,
) -> None:
    """A button that does something; with a `question` it opens it, and a second button below that does it.

    The question ends with what is asked about, such as `Delete 4 runs?`; without its question mark this is the second
    button's label.
    """
    if question is None:
        st.button(label, icon=icon, key=key, on_click=on_click, args=args, kwargs=dict(kwargs or {}), help=help)
        return

    def sure() -> None:
        st.session_state[f"{key}-asks"] = False
        on_click(*args, **(kwargs or {}))

    # What it does is said in the popover: a tooltip would lie over it.
    with st.popover(label, icon=icon, key=f"{key}-asks", on_change="rerun"):
        st.markdown(f"**{question}**")
        if help:
            st.caption(help)
        st.button(question.removesuffix("?"), type="primary", icon=icon, key=key, on_click=sure)

"""The list of blocks: each a card that opens to its fields."""

from functools import partial
from typing import Any

import streamlit as st

from mnist_lab.design import edit
from mnist_lab.design.architecture import BLOCK_LISTS, Architecture, Part
from mnist_lab.design.network import problem
from mnist_lab.ui import fields
from mnist_lab.ui.design import draft as drafts

_OPEN = "open_block"
_NAMES: dict[Part, str] = {"blocks": "Block", "head": "Dense"}


def opened(network: Architecture) -> tuple[Part, int] | None:
    """The block whose fields are shown: the part of the network and its index."""
    chosen: tuple[Part, int] | None = st.session_state.get(_OPEN)
    return chosen if chosen and chosen[1] < len(getattr(network, chosen[0])) else None


def open_block(part: Part, index: int | None) -> None:
    """Open a block, or none."""
    st.session_state[_OPEN] = None if index is None else (part, index)


def show(draft: dict[str, Any]) -> None:
    """Convolution blocks, what makes a vector of their output, dense blocks: a card each, that opens to its fields. What moves,
    copies and deletes the open one stands above the cards, where it stays while they move."""
    network = drafts.architecture(draft)
    wrong = problem(network)
    _tools(network)
    _list(draft, network, "blocks", wrong.block if wrong else None)
    bridge = type(network).model_fields["bridge"]
    st.selectbox(
        bridge.title or "",
        list(bridge.annotation.__args__),  # type: ignore[union-attr]
        help=bridge.description,
        **fields.bound(
            "bridge",
            network.bridge,
            lambda value: drafts.edit(network.model_copy(update={"bridge": value})),
            argument="index",
            options=list(bridge.annotation.__args__),  # type: ignore[union-attr]
        ),
    )
    _list(draft, network, "head", None)
    st.caption("Last come ten outputs, one for each digit, that add up to 1 (softmax).")


def _list(draft: dict[str, Any], network: Architecture, part: Part, wrong: int | None) -> None:
    listed = getattr(network, part)
    chosen = opened(network)
    cards = st.container(gap="xsmall")
    for index, block in enumerate(listed):
        is_open = chosen == (part, index)
        cards.button(
            f"{_NAMES[part]} {index + 1}: {block.describe()}",
            key=f"row-{part}-{index}",
            icon=":material/error:"
            if index == wrong
            else f":material/{'expand_more' if is_open else 'chevron_right'}:",
            width="stretch",
            on_click=open_block,
            args=(part, None if is_open else index),
            help="Closes it."
            if is_open
            else "Opens its fields; for a convolution the page then shows how much of a digit its receptive field covers.",
        )
        if is_open:
            with cards.container(border=True):
                fields.show(
                    type(block),
                    block.model_dump() | drafts.refused(draft, part, index),
                    f"{part}-{index}",
                    partial(drafts.edit_field, part, index),
                    bounded=True,
                )


def _tools(network: Architecture) -> None:
    """What is done with the open block, and new ones at the end of either list."""
    part, index = opened(network) or (None, 0)
    count = len(getattr(network, part)) if part else 0
    low, high = (BLOCK_LISTS[part].shortest, BLOCK_LISTS[part].longest) if part else (0, 0)
    with st.container(horizontal=True, gap="xsmall", key="block-tools"):
        for label, icon, possible, open_after, what in (
            ("Up", "arrow_upward", index > 0, index - 1, ("move", index, index - 1)),
            ("Down", "arrow_downward", index < count - 1, index + 1, ("move", index, index + 1)),
            ("Duplicate", "content_copy", count < high, index + 1, ("duplicate", index)),
            ("Add before", "add", count < high, index, ("insert", index)),
            ("Delete", "delete", count > low, None, ("delete", index)),
        ):
            st.button(
                label,
                key=f"block-{label}",
                icon=f":material/{icon}:",
                disabled=part is None or not possible,
                help=None if part else "For the block that is open.",
                on_click=_do,
                args=(part, open_after, *what),
            )
        added: tuple[tuple[str, Part], ...] = (("Add a convolution block", "blocks"), ("Add a dense block", "head"))
        for label, listed in added:
            length = len(getattr(network, listed))
            st.button(
                label,
                key=f"add-{listed}",
                icon=":material/add:",
                disabled=length >= BLOCK_LISTS[listed].longest,
                on_click=_do,
                args=(listed, length, "insert", length),
            )


def _do(part: Part, open_after: int | None, what: str, *arguments: int) -> None:
    network = drafts.architecture(drafts.current())
    drafts.edit(getattr(edit, what)(network, part, *arguments))
    open_block(part, open_after)

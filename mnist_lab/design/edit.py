"""Edits of a network's list of blocks. Each returns a new network; networks are immutable.

`part` is `blocks` for the convolution blocks, `head` for the dense blocks.
"""

from typing import Any

from mnist_lab.design.architecture import BLOCK_LISTS, Architecture, Part
from mnist_lab.design.blocks import Block
from mnist_lab.design.experiment import parse


def _with(network: Architecture, part: Part, blocks: list[Any]) -> Architecture:
    """The network with these blocks. Raises InputError where there are too few or too many, or one is not valid."""
    return parse(Architecture, network.model_dump() | {part: blocks})


def insert(network: Architecture, part: Part, index: int, block: Block | None = None) -> Architecture:
    """Insert a block before the one at `index`; where it is None, the list's `BlockList.new`."""
    blocks = [*getattr(network, part)]
    blocks.insert(index, block or BLOCK_LISTS[part].new)
    return _with(network, part, blocks)


def duplicate(network: Architecture, part: Part, index: int) -> Architecture:
    """Insert a copy of a block right after it."""
    return insert(network, part, index + 1, getattr(network, part)[index])


def delete(network: Architecture, part: Part, index: int) -> Architecture:
    """Remove a block. Raises InputError where it is the last convolution block."""
    blocks = [*getattr(network, part)]
    del blocks[index]
    return _with(network, part, blocks)


def move(network: Architecture, part: Part, index: int, to: int) -> Architecture:
    """Move the block at `index` so that its index becomes `to`."""
    blocks = [*getattr(network, part)]
    blocks.insert(to, blocks.pop(index))
    return _with(network, part, blocks)


def change(network: Architecture, part: Part, index: int, field: str, value: Any) -> Architecture:
    """Set one field of a block. Raises InputError where the value is not valid."""
    blocks = [block.model_dump() for block in getattr(network, part)]
    blocks[index][field] = value
    return _with(network, part, blocks)

"""Changes of the list of blocks: each gives a new network, and leaves the old one as it is.

`part` is `blocks` for the convolution blocks or `head` for the dense ones.
"""

from typing import Any, Literal

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock, DenseBlock
from mnist_lab.design.experiment import parse

Part = Literal["blocks", "head"]
LIMITS: dict[Part, tuple[int, int]] = {"blocks": (1, 30), "head": (0, 8)}
NEW: dict[Part, ConvBlock | DenseBlock] = {
    "blocks": ConvBlock(filters=16, kernel_size=3, padding="same"),
    "head": DenseBlock(units=64),
}


def _with(network: Architecture, part: Part, blocks: list[Any]) -> Architecture:
    """Raises InputError where there are too few or too many."""
    return parse(Architecture, network.model_dump() | {part: blocks})


def insert(network: Architecture, part: Part, index: int, block: ConvBlock | DenseBlock | None = None) -> Architecture:
    """With a block, a plain new one where None, before the one at `index`."""
    blocks = [*getattr(network, part)]
    blocks.insert(index, block or NEW[part])
    return _with(network, part, blocks)


def duplicate(network: Architecture, part: Part, index: int) -> Architecture:
    """With a copy of a block right behind it."""
    return insert(network, part, index + 1, getattr(network, part)[index])


def delete(network: Architecture, part: Part, index: int) -> Architecture:
    """Without a block."""
    blocks = [*getattr(network, part)]
    del blocks[index]
    return _with(network, part, blocks)


def move(network: Architecture, part: Part, index: int, to: int) -> Architecture:
    """With a block at another place, where it has index `to`."""
    blocks = [*getattr(network, part)]
    blocks.insert(to, blocks.pop(index))
    return _with(network, part, blocks)


def change(network: Architecture, part: Part, index: int, field: str, value: Any) -> Architecture:
    """With one field of a block changed. Raises InputError where the value breaks a rule."""
    blocks = [block.model_dump() for block in getattr(network, part)]
    blocks[index][field] = value
    return _with(network, part, blocks)

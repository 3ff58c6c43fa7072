"""Settings that each act on all convolution blocks of a network at once."""

from typing import Annotated, Any

from pydantic import Field

from mnist_lab.design.architecture import Architecture, replace_all, replace_block
from mnist_lab.design.blocks import ConvBlock, Padding, Rate, Spec
from mnist_lab.design.network import problem

MAX_DEPTH = 20
FILTER_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)


class BulkEdit(Spec):
    """A change of all convolution blocks; a field that is `None`, or a factor of 1, leaves the network as it is.

    Attributes:
        kernel_size: side of the square kernels.
        filters: factor by which each block's number of filters is multiplied.
        depth: number of convolution blocks.
    """

    kernel_size: Annotated[int, Field(ge=1, le=28)] | None = None
    filters: float = Field(default=1.0, gt=0, le=16)
    dropout: Rate | None = None
    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH)] | None = None
    padding: Padding | None = None

    def apply(self, start: Architecture) -> Architecture:
        """The changed network. It may be impossible to build; the dense blocks stay as they are."""
        network, added = _with_depth(start, self.depth or len(start.blocks))
        changes: dict[str, Any] = {}
        if self.kernel_size is not None:
            changes["kernel_size"] = (self.kernel_size, self.kernel_size)
        if self.dropout is not None:
            changes["dropout"] = self.dropout
        if self.padding is not None:
            changes["padding"] = self.padding
        network = replace_all(network, **changes)
        blocks = (b.model_copy(update={"filters": _scaled(b.filters, self.filters)}) for b in network.blocks)
        network = network.with_blocks(*blocks)
        if self.padding is None:
            network = _with_padding_where_needed(network, added)
        return network


def common(architecture: Architecture, field: str) -> Any:
    """The value that a field has in all convolution blocks; None where they differ."""
    values = {getattr(block, field) for block in architecture.blocks}
    return values.pop() if len(values) == 1 else None


def depth_range(start: Architecture) -> tuple[int, int]:
    """The smallest and the largest `BulkEdit.depth` that a network can be given."""
    return len(start.blocks) - len(_removable(start.blocks)), max(MAX_DEPTH, len(start.blocks))


def _scaled(filters: int, factor: float) -> int:
    return min(1024, max(1, round(filters * factor)))


def _last_pooling(blocks: tuple[ConvBlock, ...]) -> int:
    """Index of the last block with pooling; the number of blocks where none has it."""
    return max((i for i, block in enumerate(blocks) if block.pools), default=len(blocks))


def _removable(blocks: tuple[ConvBlock, ...]) -> list[int]:
    """Indices of the blocks that a smaller depth removes, in the order of removal: those without pooling before the last
    block with pooling, from the back."""
    candidates = [i for i in range(_last_pooling(blocks)) if not blocks[i].pools]
    if len(candidates) == len(blocks):
        candidates = candidates[1:]  # a network has at least one convolution
    return candidates[::-1]


def _with_depth(start: Architecture, depth: int) -> tuple[Architecture, list[int]]:
    """The network with blocks added or removed, and the indices of the added ones.

    Blocks are added in front of the last one with pooling. They are copies of the block before them, without strides
    and pooling, so that they change nothing but the depth.
    """
    blocks = start.blocks
    if depth < len(blocks):
        removed = set(_removable(blocks)[: len(blocks) - depth])
        return start.with_blocks(*(block for i, block in enumerate(blocks) if i not in removed)), []
    more = depth - len(blocks)
    where = _last_pooling(blocks)
    neighbour = blocks[max(0, where - 1)].model_copy(update={"strides": (1, 1), "pooling": "none"})
    return start.with_blocks(*blocks[:where], *[neighbour] * more, *blocks[where:]), list(range(where, where + more))


def _with_padding_where_needed(network: Architecture, added: list[int]) -> Architecture:
    """Same padding in as few of the added blocks as are needed for the network to fit; in all where that is not enough."""
    padded = network
    for index in reversed(added):
        if problem(padded) is None:
            break
        padded = replace_block(padded, index, padding="same")
    return padded

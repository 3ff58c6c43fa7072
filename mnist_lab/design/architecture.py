"""What a network is as a person describes it: blocks in a row, a way to a vector, a head."""

from typing import Any, Literal

from pydantic import Field

from mnist_lab.design.blocks import ConvBlock, DenseBlock, Spec
from mnist_lab.design.layers import size_text


class Architecture(Spec):
    """Convolution blocks, a bridge, dense blocks and ten softmax outputs. May be impossible: see `trace`."""

    blocks: tuple[ConvBlock, ...] = Field(min_length=1, max_length=30)
    bridge: Literal["flatten", "global average", "global max"] = Field(
        default="flatten",
        title="Flatten or global pooling",
        description="flatten keeps every value of every map; global keeps one value a map, its mean or its maximum.",
    )
    head: tuple[DenseBlock, ...] = Field(default=(), max_length=8)

    @property
    def normalizes(self) -> bool:
        """Whether batch normalisation is anywhere in it."""
        parts: tuple[ConvBlock | DenseBlock, ...] = (*self.blocks, *self.head)
        return any(part.batch_normalization for part in parts)

    def with_blocks(self, *blocks: ConvBlock) -> "Architecture":
        """The same network with other convolution blocks. Raises pydantic's ValidationError, as building one does."""
        return Architecture(blocks=blocks, bridge=self.bridge, head=self.head)


def _joined(values: list[str], separator: str) -> str:
    return values[0] if len(set(values)) == 1 else separator.join(values)


def kernel_sizes(architecture: Architecture) -> str:
    """Kernel sizes in a word: `7×7`, or `5×5, 3×3` where blocks differ."""
    return _joined([size_text(block.kernel_size) for block in architecture.blocks], ", ")


def filters(architecture: Architecture) -> str:
    """Filters of each convolution: `16-32-64`."""
    return "-".join(str(block.filters) for block in architecture.blocks)


def replace_block(architecture: Architecture, index: int, **changes: Any) -> Architecture:
    """The network with fields of one block changed (the caller answers for their values)."""
    blocks = list(architecture.blocks)
    blocks[index] = blocks[index].model_copy(update=changes)
    return architecture.with_blocks(*blocks)


def replace_all(architecture: Architecture, **changes: Any) -> Architecture:
    """The network with the same fields of every convolution block changed (the caller answers for their values)."""
    return architecture.with_blocks(*(block.model_copy(update=changes) for block in architecture.blocks))

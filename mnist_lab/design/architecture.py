"""A network as a person describes it: convolution blocks, flatten or global pooling, dense blocks."""

from typing import Any, Literal

from pydantic import Field

from mnist_lab.design.blocks import ConvBlock, DenseBlock, Spec
from mnist_lab.design.layers import size_text


class Architecture(Spec):
    """Convolution blocks, flatten or global pooling (`bridge`), dense blocks (`head`), and ten softmax outputs.

    An instance may describe a network that cannot be built, such as one whose maps shrink to nothing; `network.trace`
    is what finds that out.
    """

    blocks: tuple[ConvBlock, ...] = Field(min_length=1, max_length=30)
    bridge: Literal["flatten", "global average", "global max"] = Field(
        default="flatten",
        title="Flatten or global pooling",
        description="flatten keeps every value of every map; global pooling keeps one value per map, its mean or its maximum.",
    )
    head: tuple[DenseBlock, ...] = Field(default=(), max_length=8)

    @property
    def normalizes(self) -> bool:
        """Whether any block has batch normalisation."""
        parts: tuple[ConvBlock | DenseBlock, ...] = (*self.blocks, *self.head)
        return any(part.batch_normalization for part in parts)

    def with_blocks(self, *blocks: ConvBlock) -> "Architecture":
        """A copy with these convolution blocks. Raises pydantic's ValidationError unless there are 1 to 30 of them."""
        return Architecture(blocks=blocks, bridge=self.bridge, head=self.head)


def _joined(values: list[str], separator: str) -> str:
    return values[0] if len(set(values)) == 1 else separator.join(values)


def kernel_sizes(architecture: Architecture) -> str:
    """Kernel size of the convolution blocks as text: `7×7`, or `5×5, 3×3` where the blocks differ."""
    return _joined([size_text(block.kernel_size) for block in architecture.blocks], ", ")


def filters(architecture: Architecture) -> str:
    """Number of filters of each convolution block as text: `16-32-64`."""
    return "-".join(str(block.filters) for block in architecture.blocks)


def replace_block(architecture: Architecture, index: int, **changes: Any) -> Architecture:
    """A copy with some fields of one convolution block replaced; the values are not validated."""
    blocks = list(architecture.blocks)
    blocks[index] = blocks[index].model_copy(update=changes)
    return architecture.with_blocks(*blocks)


def replace_all(architecture: Architecture, **changes: Any) -> Architecture:
    """A copy with the same fields of every convolution block replaced; the values are not validated."""
    return architecture.with_blocks(*(block.model_copy(update=changes) for block in architecture.blocks))

"""A network as a person describes it: convolution blocks, flatten or global pooling, dense blocks."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from mnist_lab.design.blocks import Block, ConvBlock, DenseBlock, Spec
from mnist_lab.design.layers import size_text

Part = Literal["blocks", "head"]


@dataclass(frozen=True)
class BlockList:
    """One of the two lists of blocks of an architecture, declared once for editor, sentences and tables.

    Attributes:
        kinds: the classes of its blocks.
        noun: for one of them, in sentences.
        prefix: of the titles of their fields in tables.
        shortest, longest: the least and the largest number of blocks.
        new: the block that the editor adds.
    """

    kinds: tuple[type[Block], ...]
    noun: str
    prefix: str
    shortest: int
    longest: int
    new: Block

    @property
    def titles(self) -> dict[str, str]:
        """The titles of its blocks' fields, by name, in the editor's order; without the discriminator."""
        fields = [field for kind in self.kinds for field in kind.model_fields.items()]
        return {name: info.title for name, info in fields if info.title}

    def kind(self, name: str) -> type[Block]:
        """The class whose discriminator has a value."""
        return next(kind for kind in self.kinds if kind.model_fields["kind"].default == name)


BLOCK_LISTS: dict[Part, BlockList] = {
    "blocks": BlockList((ConvBlock,), "block", "", 1, 30, ConvBlock(filters=16, kernel_size=(3, 3), padding="same")),
    "head": BlockList((DenseBlock,), "dense block", "Dense: ", 0, 8, DenseBlock(units=64)),
}


class Architecture(Spec):
    """Convolution blocks, flatten or global pooling (`bridge`), dense blocks (`head`), and ten softmax outputs.

    An instance may describe a network that cannot be built, such as one whose maps shrink to nothing; `network.trace`
    is what finds that out.
    """

    blocks: tuple[ConvBlock, ...] = Field(
        min_length=BLOCK_LISTS["blocks"].shortest, max_length=BLOCK_LISTS["blocks"].longest
    )
    bridge: Literal["flatten", "global average", "global max"] = Field(
        default="flatten",
        title="Flatten or global pooling",
        description="flatten keeps every value of every map; global pooling keeps one value per map, its mean or its maximum.",
    )
    head: tuple[DenseBlock, ...] = Field(default=(), max_length=BLOCK_LISTS["head"].longest)

    @property
    def normalizes(self) -> bool:
        """Whether any block has batch normalisation."""
        every: tuple[Block, ...] = (*self.blocks, *self.head)
        return any(block.batch_normalization for block in every)

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

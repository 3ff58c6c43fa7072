"""What a network is: blocks, the architecture they make, its layers in their places, what is wrong with it.

A block is one frozen pydantic model. It validates its own fields, expands to plain layers (`mnist_lab.design.layers`), and
that is all the rest of the lab needs of it: shapes, parameters and the Keras model follow from the layers.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mnist_lab import settings
from mnist_lab.design import layers
from mnist_lab.design.layers import CLASSES, INPUT_SHAPE, Layer, Shape, size_text
from mnist_lab.design.receptive_field import ReceptiveField, Window, middle, seen
from mnist_lab.errors import ArchitectureError


def max_parameters() -> int:
    """The most parameters that a network may have: 10 million, or what `MNIST_LAB_MAX_PARAMETERS` says."""
    return settings.number(settings.MAX_PARAMETERS, 10_000_000)


class Spec(BaseModel):
    """Base of everything that a person can ask for: frozen, closed to unknown fields, no NaN, JSON and back."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _pair(value: Any) -> Any:
    """One number means a square: `3` is `(3, 3)`."""
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


KernelLength = Annotated[int, Field(ge=1, le=28)]
KernelSize = Annotated[tuple[KernelLength, KernelLength], BeforeValidator(_pair)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Padding = Literal["valid", "same"]

ORDERS: dict[str, tuple[str, ...]] = {
    "notebook": ("convolution", "activation", "pooling", "normalization"),
    "usual": ("convolution", "normalization", "activation", "pooling"),
    "quick": ("convolution", "pooling", "normalization", "activation"),
}


Activation = Annotated[
    Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "linear"],
    Field(
        title="Activation",
        description="What is done to each value after the weights: relu keeps what is positive; linear does nothing.",
    ),
]
Bias = Annotated[bool, Field(title="Bias", description="Adds one learnt number to each output.")]
Normalization = Annotated[
    bool,
    Field(
        title="Normalisation",
        description="Batch normalisation: brings each channel to the same mean and spread over the batch, which often lets training go "
        "faster.",
    ),
]
Dropout = Annotated[
    Rate,
    Field(
        title="Dropout",
        description="Share of the output values set to zero at random while training, so that none is relied on alone.",
    ),
]


class ConvBlock(Spec):
    """A convolution with what belongs to it; `order` names one of `ORDERS`, dropout always comes last.

    The editor shows every field in this order, with its title, description and bounds.
    """

    filters: int = Field(
        ge=1, le=1024, title="Filters", description="How many patterns it looks for: its output channels."
    )
    kernel_size: KernelSize = Field(
        title="Kernel size", description="Height and width of the window that slides over the input."
    )
    strides: KernelSize = Field(
        default=(1, 1), title="Strides", description="How many pixels the window moves at a time: 2 halves the map."
    )
    padding: Padding = Field(
        default="valid",
        title="Padding",
        description="valid: windows stay inside the map, so it shrinks. same: a border of zeros keeps its size.",
    )
    convolution: Literal["plain", "separable"] = Field(
        default="plain",
        title="Convolution",
        description="separable: a kernel for each channel, then a 1×1 convolution; far fewer weights.",
    )
    bias: Bias = True
    activation: Activation = "relu"
    pooling: Literal["none", "max", "average"] = Field(
        default="none",
        title="Pooling",
        description="Shrinks the map: keeps the largest value, or the mean, of each window.",
    )
    pool_size: KernelSize = Field(default=(2, 2), title="Pooling size", description="Height and width of that window.")
    batch_normalization: Normalization = False
    dropout: Dropout = 0.0
    order: Literal["notebook", "usual", "quick"] = Field(
        default="notebook",
        title="Order",
        description="; ".join(f"{name}: {', '.join(parts)}" for name, parts in ORDERS.items()) + ".",
    )

    @property
    def pools(self) -> bool:
        """Whether the block shrinks its map by pooling."""
        return self.pooling != "none"

    def describe(self) -> str:
        """The block in a few words; what is as usual is left out."""
        words = [f"{size_text(self.kernel_size)}, {self.filters} filters"]
        if self.convolution != "plain":
            words.append(self.convolution)
        if self.strides != (1, 1):
            words.append(f"strides {size_text(self.strides)}")
        if self.padding != "valid":
            words.append(self.padding)
        if self.pools:
            words.append(f"{self.pooling} {size_text(self.pool_size)}")
        return ", ".join([*words, *_common_words(self)])

    def layers(self) -> Iterator[Layer]:
        """The block as plain layers, in the order they run."""
        absent = {"pooling": not self.pools, "normalization": not self.batch_normalization}
        parts = [part for part in ORDERS[self.order] if not absent.get(part)]
        # Like the notebook's own layer table, an activation that follows its convolution directly is part of it.
        merged = parts[1] == "activation"
        for part in parts:
            if part == "convolution":
                kind = layers.SeparableConv2D if self.convolution == "separable" else layers.Conv2D
                yield kind(
                    filters=self.filters,
                    kernel_size=self.kernel_size,
                    strides=self.strides,
                    padding=self.padding,
                    use_bias=self.bias,
                    activation=self.activation if merged else None,
                )
            elif part == "pooling":
                pool = layers.AveragePooling2D if self.pooling == "average" else layers.MaxPooling2D
                yield pool(pool_size=self.pool_size)
            elif part == "normalization":
                yield layers.BatchNormalization()
            elif not merged:
                yield layers.Activation(activation=self.activation)
        if self.dropout:
            yield layers.Dropout(rate=self.dropout)


def _common_words(block: "ConvBlock | DenseBlock") -> Iterator[str]:
    if block.activation != "relu":
        yield block.activation
    if not block.bias:
        yield "no bias"
    if block.batch_normalization:
        yield "norm"
    if block.dropout:
        yield f"dropout {block.dropout:g}"


class DenseBlock(Spec):
    """A dense layer of the head with what belongs to it. The editor shows every field, as for `ConvBlock`."""

    units: int = Field(ge=1, le=4096, title="Units", description="How many values it makes of its input.")
    bias: Bias = True
    activation: Activation = "relu"
    batch_normalization: Normalization = False
    dropout: Dropout = 0.0

    def describe(self) -> str:
        """The block in a few words; what is as usual is left out."""
        return ", ".join([f"{self.units} units", *_common_words(self)])

    def layers(self) -> Iterator[Layer]:
        """The block as plain layers, in the order they run."""
        yield layers.Dense(units=self.units, use_bias=self.bias, activation=self.activation)
        if self.batch_normalization:
            yield layers.BatchNormalization()
        if self.dropout:
            yield layers.Dropout(rate=self.dropout)


BRIDGES: dict[str, type[Layer]] = {
    "flatten": layers.Flatten,
    "global average": layers.GlobalAveragePooling2D,
    "global max": layers.GlobalMaxPooling2D,
}


class Architecture(Spec):
    """Convolution blocks, a bridge, dense blocks and ten softmax outputs. May be impossible: see `trace`."""

    blocks: tuple[ConvBlock, ...] = Field(min_length=1, max_length=30)
    bridge: Literal["flatten", "global average", "global max"] = Field(
        default="flatten",
        title="From maps to a vector",
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


@dataclass(frozen=True)
class TracedLayer:
    """A layer in its place.

    Attributes:
        place: what a person calls the part it belongs to ("Block 2").
        block: index of its convolution block, None behind the last one.
        field: the part of the image that its output values depend on.
    """

    layer: Layer
    place: str
    block: int | None
    input_shape: Shape
    output_shape: Shape
    field: ReceptiveField

    @property
    def trainable(self) -> int:
        return self.layer.trainable(self.input_shape)

    @property
    def non_trainable(self) -> int:
        return self.layer.non_trainable(self.input_shape)

    @property
    def parameters(self) -> int:
        return self.trainable + self.non_trainable

    @property
    def multiply_adds(self) -> int:
        return self.layer.multiply_adds(self.input_shape)


def _parts(architecture: Architecture) -> Iterator[tuple[str, int | None, Iterator[Layer]]]:
    for index, block in enumerate(architecture.blocks):
        yield f"Block {index + 1}", index, block.layers()
    yield "Bridge", None, iter([BRIDGES[architecture.bridge]()])
    for index, dense in enumerate(architecture.head):
        yield f"Dense {index + 1}", None, dense.layers()
    yield "Output", None, iter([layers.Dense(units=CLASSES, activation="softmax")])


def trace(architecture: Architecture) -> list[TracedLayer]:
    """Every layer with its shapes, input first.

    Raises:
        ArchitectureError: naming the block that does not fit. How large a network may be is for `problem` to say:
            one that was trained can be read where less is allowed now.
    """
    return list(_traced(architecture))


@dataclass(frozen=True)
class Part:
    """A block or dense block of a network: the index of its last layer, and how many channels or units it gives."""

    last_layer: int
    channels: int


def parts(traced: list[TracedLayer]) -> dict[str, Part]:
    """The blocks and dense blocks of a network by what a person calls them, input first."""
    return {
        row.place: Part(index, row.output_shape[-1])
        for index, row in enumerate(traced)
        if row.place not in ("Bridge", "Output")
    }


def fitting(architecture: Architecture) -> list[TracedLayer]:
    """The layers that fit, input first: of an impossible network those before the one that does not."""
    found: list[TracedLayer] = []
    with contextlib.suppress(ArchitectureError):
        found.extend(_traced(architecture))
    return found


def _traced(architecture: Architecture) -> Iterator[TracedLayer]:
    shape = INPUT_SHAPE
    field = ReceptiveField()
    for place, index, part in _parts(architecture):
        for layer in part:
            try:
                output = layer.output_shape(shape)
            except ArchitectureError as error:
                raise ArchitectureError(f"{place}: {error}.", index) from None
            field = field.through(layer, shape)
            yield TracedLayer(layer, place, index, shape, output, field)
            shape = output


def sees(traced: list[TracedLayer], block: int) -> Window:
    """The part of the image that the middle value of a convolution block's output depends on."""
    steps = [row for row in traced if row.block is not None and row.block <= block]
    return seen([(row.layer, row.input_shape) for row in steps], middle(steps[-1].output_shape))


def sees_all_from(traced: list[TracedLayer]) -> int | None:
    """Index of the first convolution block whose middle value depends on the whole image; None where none does."""
    blocks = sorted({row.block for row in traced if row.block is not None})
    return next((block for block in blocks if sees(traced, block) == ((0, 0), INPUT_SHAPE[:2])), None)


def problem(architecture: Architecture) -> ArchitectureError | None:
    """Why this network should not be built, or None where it can: a block does not fit, or it is too large."""
    try:
        traced = trace(architecture)
    except ArchitectureError as error:
        return error
    total = totals(traced).parameters
    if total <= (most := max_parameters()):
        return None
    largest = max(traced, key=lambda row: row.parameters)
    return ArchitectureError(
        f"{largest.place}: the network would have {total:,} parameters, {largest.parameters:,} of them here; "
        f"at most {most:,} are allowed ({settings.MAX_PARAMETERS} sets another limit)."
    )


@dataclass(frozen=True)
class Totals:
    """Parameters of a whole network."""

    trainable: int
    non_trainable: int
    multiply_adds: int

    @property
    def parameters(self) -> int:
        return self.trainable + self.non_trainable


def totals(traced: list[TracedLayer]) -> Totals:
    """Sums over a traced network."""
    return Totals(
        sum(row.trainable for row in traced),
        sum(row.non_trainable for row in traced),
        sum(row.multiply_adds for row in traced),
    )


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

"""Blocks, the units that a network is composed of. A block validates its own fields and expands to plain layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mnist_lab.design import layers
from mnist_lab.design.layers import Layer, size_text


class Spec(BaseModel):
    """Base class of blocks, recipes and experiments: frozen, without unknown fields, infinities or NaN, and unchanged by
    a round trip through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def not_newer(what: str, newest: int) -> AfterValidator:
    """Refuses the format of something that a newer version of the lab wrote.

    Args:
        what: as it is called: `design`.
        newest: the newest format that this version can read.
    """

    def check(value: int) -> int:
        if value > newest:
            raise ValueError(
                f"this {what} has format {value}, written by a newer version of the lab; this one reads up to {newest}"
            )
        return value

    return AfterValidator(check)


def _pair(value: Any) -> Any:
    """A single integer stands for a square: `3` for `(3, 3)`."""
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


KernelLength = Annotated[int, Field(ge=1, le=28)]
KernelSize = Annotated[tuple[KernelLength, KernelLength], BeforeValidator(_pair)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Padding = Literal["valid", "same"]

Order = Literal["notebook", "usual", "quick", "pre-activation"]
# The parts of a convolution block in the order they run; only a residual block has an "addition".
ORDERS: dict[Order, tuple[str, ...]] = {
    "notebook": ("convolution", "activation", "pooling", "normalization"),
    "usual": ("convolution", "normalization", "activation", "pooling"),
    "quick": ("convolution", "pooling", "normalization", "activation"),
    "pre-activation": ("normalization", "activation", "convolution", "addition", "pooling"),
}
_SHORT = {"convolution": "conv", "normalization": "bn", "activation": "act", "pooling": "pool"}
ORDER_NAMES: dict[str, str] = {
    name: "-".join(_SHORT[part] for part in parts if part in _SHORT) for name, parts in ORDERS.items()
}

BLOCK_INPUT = -1


@dataclass(frozen=True)
class Node:
    """A layer of a block in the block's graph.

    Attributes:
        inputs: the nodes whose outputs it takes, by their indices in `expand`'s list; `BLOCK_INPUT` is the block's input.
        is_shortcut: whether it lies on the shortcut past a residual block's convolution.
    """

    layer: Layer
    inputs: tuple[int, ...]
    is_shortcut: bool = False


Activation = Annotated[
    Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "linear"],
    Field(
        title="Activation",
        description="The function applied to each output value: relu keeps what is positive; linear changes nothing.",
    ),
]
Bias = Annotated[bool, Field(title="Bias", description="Adds a learnt number to each output channel or unit.")]
Normalization = Annotated[
    bool,
    Field(
        title="Normalisation",
        description="Batch normalisation: gives each channel the same mean and variance over the batch, which often speeds up training.",
    ),
]
Dropout = Annotated[
    Rate,
    Field(
        title="Dropout",
        description="Share of the output values set to zero at random during training, so that no single one is relied on.",
    ),
]


class ConvBlock(Spec):
    """A convolution with its activation, normalisation, pooling and dropout.

    `order` names one of `ORDERS`; dropout always comes last. A residual block adds its input to the output of its
    convolution, with normalisation and activation before the convolution and none after the addition ("full
    pre-activation": He, Zhang, Ren and Sun, "Identity mappings in deep residual networks", 2016, figure 4e). Where
    strides or filters give the output another shape, a 1×1 convolution without bias projects the input to that shape
    (their section 3.2).

    The editor shows the fields in this order, with their titles, descriptions and bounds.
    """

    kind: Literal["convolution"] = "convolution"
    filters: int = Field(
        ge=1, le=1024, title="Filters", description="How many patterns the block looks for: its output channels."
    )
    kernel_size: KernelSize = Field(
        title="Kernel size", description="Height and width of the window that slides over the input."
    )
    strides: KernelSize = Field(
        default=(1, 1), title="Strides", description="By how many pixels the window moves at a time: 2 halves the map."
    )
    padding: Padding = Field(
        default="valid",
        title="Padding",
        description="valid: windows stay inside the map, so the map shrinks. same: a border of zeros keeps its size.",
    )
    convolution: Literal["plain", "separable"] = Field(
        default="plain",
        title="Convolution",
        description="separable: one kernel per channel, then a 1×1 convolution across channels; far fewer weights.",
    )
    bias: Bias = True
    activation: Activation = "relu"
    pooling: Literal["none", "max", "average"] = Field(
        default="none",
        title="Pooling",
        description="Shrinks the map by keeping only the largest value, or the mean, of each window.",
    )
    pool_size: KernelSize = Field(
        default=(2, 2), title="Pooling size", description="Height and width of the pooling window."
    )
    batch_normalization: Normalization = False
    dropout: Dropout = 0.0
    order: Order = Field(
        default="notebook",
        title="Order",
        description="The order of convolution, batch normalisation, activation and pooling.",
        json_schema_extra={
            "labels": {**ORDER_NAMES}
        },  # the stored values keep their old names, which design keys contain
    )
    residual: bool = Field(
        default=False,
        title="Add its input to its output",
        description="A residual block: the convolution learns only a change to its input, which makes deep networks trainable. "
        "Normalisation and activation then come before the convolution.",
    )

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that the block has, as in `ORDERS`, in the order they run; dropout is left out."""
        absent = {
            "pooling": not self.pools,
            "normalization": not self.batch_normalization,
            "addition": not self.residual,
        }
        order: Order = "pre-activation" if self.residual else self.order
        return tuple(part for part in ORDERS[order] if not absent.get(part))

    @property
    def pools(self) -> bool:
        """Whether the block has a pooling layer."""
        return self.pooling != "none"

    def describe(self) -> str:
        """The block in a few words, without the fields that have their default."""
        words = [f"{size_text(self.kernel_size)}, {self.filters} filters"]
        if self.convolution != "plain":
            words.append(self.convolution)
        if self.strides != (1, 1):
            words.append(f"strides {size_text(self.strides)}")
        if self.padding != "valid":
            words.append(self.padding)
        if self.pools:
            words.append(f"{self.pooling} {size_text(self.pool_size)}")
        if self.residual:
            words.append("residual")
        return ", ".join([*words, *_common_words(self)])

    def expand(self, channels: int) -> list[Node]:
        """The block as plain layers in the order they run, for an input with `channels` channels."""
        found: list[Node] = []
        parts = self.parts
        # As in the notebook's layer table, an activation right after its convolution is part of the convolution layer.
        merged = "activation" in parts[parts.index("convolution") + 1 :][:1]
        for part in parts:
            if part == "addition":
                found += self._addition(channels, len(found))
            elif part != "activation" or not merged:
                found.append(_after(found, self._layer(part, merged)))
        if self.dropout:
            found.append(_after(found, layers.Dropout(rate=self.dropout)))
        return found

    def _layer(self, part: str, merged: bool) -> Layer:
        if part == "convolution":
            kind = layers.SeparableConv2D if self.convolution == "separable" else layers.Conv2D
            return kind(
                filters=self.filters,
                kernel_size=self.kernel_size,
                strides=self.strides,
                padding=self.padding,
                use_bias=self.bias,
                activation=self.activation if merged else None,
            )
        if part == "pooling":
            pool = layers.AveragePooling2D if self.pooling == "average" else layers.MaxPooling2D
            return pool(pool_size=self.pool_size)
        if part == "normalization":
            return layers.BatchNormalization()
        return layers.Activation(activation=self.activation)

    def _addition(self, channels: int, count: int) -> list[Node]:
        """The nodes that add the block's input to the output of the last of `count` nodes: an `Add`, with a projection
        of the input before it where shapes differ."""
        if self.strides == (1, 1) and self.filters == channels:
            return [Node(layers.Add(), (count - 1, BLOCK_INPUT))]
        projection = layers.Conv2D(filters=self.filters, kernel_size=(1, 1), strides=self.strides, use_bias=False)
        return [Node(projection, (BLOCK_INPUT,), is_shortcut=True), Node(layers.Add(), (count - 1, count))]


def _after(nodes: list[Node], layer: Layer) -> Node:
    """A node that takes the last node's output, or the block's input where it is the first."""
    return Node(layer, (len(nodes) - 1,))


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
    """A dense layer of the head, with its activation, normalisation and dropout. The editor shows every field."""

    kind: Literal["dense"] = "dense"
    units: int = Field(ge=1, le=4096, title="Units", description="How many values the layer computes from its input.")
    bias: Bias = True
    activation: Activation = "relu"
    batch_normalization: Normalization = False
    dropout: Dropout = 0.0

    def describe(self) -> str:
        """The block in a few words, without the fields that have their default."""
        return ", ".join([f"{self.units} units", *_common_words(self)])

    def expand(self, channels: int) -> list[Node]:
        """The block as plain layers in the order they run; they do not depend on `channels`."""
        found = [Node(layers.Dense(units=self.units, use_bias=self.bias, activation=self.activation), (BLOCK_INPUT,))]
        if self.batch_normalization:
            found.append(_after(found, layers.BatchNormalization()))
        if self.dropout:
            found.append(_after(found, layers.Dropout(rate=self.dropout)))
        return found


Block = Annotated[ConvBlock | DenseBlock, Field(discriminator="kind")]

# Block fields added after designs were first stored, each with the values that mean what older versions did. A field
# with such a value is left out of the design's key, so that the keys of older designs do not change.
LATER_FIELDS: dict[str, tuple[Any, ...]] = {"kind": ("convolution", "dense"), "residual": (False,)}

BRIDGES: dict[str, type[Layer]] = {
    "flatten": layers.Flatten,
    "global average": layers.GlobalAveragePooling2D,
    "global max": layers.GlobalMaxPooling2D,
}

"""Blocks: what a network is put together from. A block validates its own fields and expands to plain layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mnist_lab.design import layers
from mnist_lab.design.layers import Layer, size_text


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

Order = Literal["notebook", "usual", "quick", "pre-activation"]
# The parts of a convolution block in the order they run. "addition" is there in a residual block only.
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
class Step:
    """A layer of a block and where its inputs come from: indices of the block's steps, `BLOCK_INPUT` for its input."""

    layer: Layer
    inputs: tuple[int, ...]
    is_shortcut: bool = False


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

    A residual block adds its input to what its convolution makes of it, with normalisation and activation before the
    convolution and nothing but the sum on the way through: He, Zhang, Ren and Sun, "Identity mappings in deep residual
    networks", 2016, figure 4e. Where strides or filters give the sum another shape, a 1×1 convolution without bias
    takes the input to it (their section 3.2).

    The editor shows every field in this order, with its title, description and bounds.
    """

    kind: Literal["convolution"] = "convolution"
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
    order: Order = Field(
        default="notebook",
        title="Order",
        description="In which order convolution, batch normalisation, activation and pooling run.",
        json_schema_extra={"labels": {**ORDER_NAMES}},  # what is stored keeps its name: a design's key has it
    )
    residual: bool = Field(
        default=False,
        title="Add its input to its output",
        description="A residual block: the convolution learns what to change of its input rather than all anew, which lets deep "
        "networks train. Normalisation and activation then come before the convolution.",
    )

    @property
    def parts(self) -> tuple[str, ...]:
        """What the block consists of, in the order it runs; some of `ORDERS`' words."""
        absent = {
            "pooling": not self.pools,
            "normalization": not self.batch_normalization,
            "addition": not self.residual,
        }
        order: Order = "pre-activation" if self.residual else self.order
        return tuple(part for part in ORDERS[order] if not absent.get(part))

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
        if self.residual:
            words.append("residual")
        return ", ".join([*words, *_common_words(self)])

    def steps(self, channels: int) -> list[Step]:
        """The block as plain layers, in the order they run, for an input of so many channels."""
        found: list[Step] = []
        parts = self.parts
        # Like the notebook's own layer table, an activation that follows its convolution directly is part of it.
        merged = "activation" in parts[parts.index("convolution") + 1 :][:1]
        for part in parts:
            if part == "addition":
                found += self._addition(channels, len(found))
            elif part != "activation" or not merged:
                found.append(_next(found, self._layer(part, merged)))
        if self.dropout:
            found.append(_next(found, layers.Dropout(rate=self.dropout)))
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

    def _addition(self, channels: int, done: int) -> list[Step]:
        """The steps that add the block's input to the output of step `done - 1`."""
        if self.strides == (1, 1) and self.filters == channels:
            return [Step(layers.Add(), (done - 1, BLOCK_INPUT))]
        projection = layers.Conv2D(
            filters=self.filters,
            kernel_size=(1, 1),
            strides=self.strides,
            padding="valid",
            use_bias=False,
            activation=None,
        )
        return [Step(projection, (BLOCK_INPUT,), is_shortcut=True), Step(layers.Add(), (done - 1, done))]


def _next(steps: list[Step], layer: Layer) -> Step:
    """A layer whose input is the output of the last step."""
    return Step(layer, (len(steps) - 1,))


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

    kind: Literal["dense"] = "dense"
    units: int = Field(ge=1, le=4096, title="Units", description="How many values it makes of its input.")
    bias: Bias = True
    activation: Activation = "relu"
    batch_normalization: Normalization = False
    dropout: Dropout = 0.0

    def describe(self) -> str:
        """The block in a few words; what is as usual is left out."""
        return ", ".join([f"{self.units} units", *_common_words(self)])

    def steps(self, channels: int) -> list[Step]:
        """The block as plain layers, in the order they run."""
        found = [Step(layers.Dense(units=self.units, use_bias=self.bias, activation=self.activation), (BLOCK_INPUT,))]
        if self.batch_normalization:
            found.append(_next(found, layers.BatchNormalization()))
        if self.dropout:
            found.append(_next(found, layers.Dropout(rate=self.dropout)))
        return found


Block = Annotated[ConvBlock | DenseBlock, Field(discriminator="kind")]

# Fields of blocks that came later, each with the values that say what the lab did before: left out of a design's key
# then, so that every design keeps the key of its day.
LATER_FIELDS: dict[str, tuple[Any, ...]] = {"kind": ("convolution", "dense"), "residual": (False,)}

BRIDGES: dict[str, type[Layer]] = {
    "flatten": layers.Flatten,
    "global average": layers.GlobalAveragePooling2D,
    "global max": layers.GlobalMaxPooling2D,
}

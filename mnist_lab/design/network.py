"""The layers of a network in order, each with its inputs, shapes, costs and receptive field.

All that goes through a network layer by layer (building, training, inspection, the Keras script, costs) goes through
the result of `trace`; `walk` evaluates a function along it.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from mnist_lab import settings
from mnist_lab.design import layers
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import BLOCK_INPUT, BRIDGES, Node
from mnist_lab.design.layers import CLASSES, INPUT_SHAPE, Layer, Shape, Size
from mnist_lab.design.receptive_field import ReceptiveField, Window, bounding_window, centre, input_window
from mnist_lab.errors import ArchitectureError

T = TypeVar("T")
IMAGE = -1  # the network's input, among the inputs of a layer
# Multiply-adds of training on an image, over those of a forward pass: forward, gradient of the inputs, gradient of the weights.
TRAINING_FACTOR = 3


def max_parameters() -> int:
    """The most parameters that a network may have: `MNIST_LAB_MAX_PARAMETERS`, by default 10 million."""
    return settings.number(settings.MAX_PARAMETERS, 10_000_000)


class Kind(StrEnum):
    """The kinds of parts of a network."""

    BLOCK = "Block"
    BRIDGE = "Bridge"
    DENSE = "Dense"
    OUTPUT = "Output"


@dataclass(frozen=True)
class Place:
    """A part of a network: a convolution or dense block with its index from 0, the bridge between both, or the output."""

    kind: Kind
    index: int | None = None

    def __str__(self) -> str:
        """The part's name on the pages: `Block 2`, `Output`."""
        return self.kind if self.index is None else f"{self.kind} {self.index + 1}"

    @property
    def block(self) -> int | None:
        """The index of a convolution block; None for other parts."""
        return self.index if self.kind is Kind.BLOCK else None


@dataclass(frozen=True)
class TracedLayer:
    """A layer of a network.

    Attributes:
        place: the part of the network that it belongs to.
        name: of the Keras layer, unique in the network.
        inputs: the layers whose outputs it takes, by their indices in the trace; `IMAGE` is the network's input. An
            addition has two: the block's main path first, the shortcut second.
        input_shape: of the first input; all inputs have the same shape.
        field: the receptive field of its output values.
        is_shortcut: whether it is the projection on a residual block's shortcut.
    """

    layer: Layer
    place: Place
    name: str
    inputs: tuple[int, ...]
    input_shape: Shape
    output_shape: Shape
    field: ReceptiveField
    is_shortcut: bool = False

    @property
    def block(self) -> int | None:
        """Index of its convolution block; None for layers of other parts."""
        return self.place.block

    def describe(self) -> str:
        """The layer in a few words for a table."""
        return f"{'Shortcut: ' if self.is_shortcut else ''}{self.layer.describe()}"

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


Traced = tuple[TracedLayer, ...]


@functools.lru_cache(maxsize=512)
def trace(architecture: Architecture) -> Traced:
    """All layers of a network, from input to output; cached.

    Does not check the number of parameters, as `problem` does: a trained network stays readable where the limit has been
    lowered since.

    Raises:
        ArchitectureError: a layer does not fit; names its block.
    """
    return tuple(_traced(architecture))


def trace_prefix(architecture: Architecture) -> Traced:
    """The layers of a network up to the first that does not fit: all of them where the network can be built."""
    found: list[TracedLayer] = []
    with contextlib.suppress(ArchitectureError):
        found.extend(_traced(architecture))
    return tuple(found)


def walk(traced: Sequence[TracedLayer], image: T, apply: Callable[[TracedLayer, list[T]], T]) -> list[T]:
    """Evaluate a function along a network: for each layer, `apply(layer, values of its inputs)`, in order.

    Args:
        image: the value of the network's input.
    """
    found: list[T] = []
    for row in traced:
        found.append(apply(row, [image if number == IMAGE else found[number] for number in row.inputs]))
    return found


def is_chain(traced: Sequence[TracedLayer]) -> bool:
    """Whether the network is sequential: each layer takes only the output of the one before it."""
    return all(row.inputs == (number - 1,) for number, row in enumerate(traced))


def consumers(traced: Sequence[TracedLayer]) -> list[list[int]]:
    """For each layer, the indices of the layers that take its output."""
    found: list[list[int]] = [[] for _ in traced]
    for number, row in enumerate(traced):
        for given in row.inputs:
            if given != IMAGE:
                found[given].append(number)
    return found


def _parts(architecture: Architecture) -> Iterator[tuple[Place, Callable[[int], list[Node]]]]:
    """The parts of a network in order, each with a function from the channels of its input to its nodes."""
    for index, block in enumerate(architecture.blocks):
        yield Place(Kind.BLOCK, index), block.expand
    yield Place(Kind.BRIDGE), lambda channels: [Node(BRIDGES[architecture.bridge](), (BLOCK_INPUT,))]
    for index, dense in enumerate(architecture.head):
        yield Place(Kind.DENSE, index), dense.expand
    output = layers.Dense(units=CLASSES, activation="softmax")
    yield Place(Kind.OUTPUT), lambda channels: [Node(output, (BLOCK_INPUT,))]


def _traced(architecture: Architecture) -> Iterator[TracedLayer]:
    found: list[TracedLayer] = []
    image = (INPUT_SHAPE, ReceptiveField())
    for place, expand in _parts(architecture):
        first = len(found)
        channels = (found[-1].output_shape if found else INPUT_SHAPE)[-1]
        for node in expand(channels):
            # Indices in the block become indices in the network; BLOCK_INPUT becomes the last layer before the block.
            inputs = tuple(first + number for number in node.inputs)
            given = [image if i == IMAGE else (found[i].output_shape, found[i].field) for i in inputs]
            shape = given[0][0]
            try:
                _check_summands([shape for shape, _ in given])
                output = node.layer.output_shape(shape)
            except ArchitectureError as error:
                raise ArchitectureError(f"{place}: {error}.", place.block) from None
            field = functools.reduce(ReceptiveField.joined, (f.through(node.layer, s) for s, f in given))
            name = f"{place} {type(node.layer).__name__}{' shortcut' if node.is_shortcut else ''}"
            name = name.lower().replace(" ", "_")
            row = TracedLayer(node.layer, place, name, inputs, shape, output, field, node.is_shortcut)
            found.append(row)
            yield row


def _check_summands(shapes: list[Shape]) -> None:
    if len(set(shapes)) > 1:
        output, shortcut = (layers.size_text(shape[:2]) for shape in shapes)
        raise ArchitectureError(
            f"its {shortcut} input cannot be added to its {output} output; same padding keeps the size of a map"
        )


@dataclass(frozen=True)
class Part:
    """A convolution or dense block of a network: the index of its last layer, and its output channels or units."""

    place: Place
    last_layer: int
    channels: int


def parts(traced: Sequence[TracedLayer]) -> dict[str, Part]:
    """The convolution and dense blocks of a network by their names on the pages, in order."""
    return {
        str(row.place): Part(row.place, number, row.output_shape[-1])
        for number, row in enumerate(traced)
        if row.place.index is not None
    }


def receptive_window(traced: Sequence[TracedLayer], number: int, position: Size) -> Window:
    """The window of the image that one output value of a layer depends on, clipped to the image and to what the layers
    in between pass on.

    Args:
        number: index of the layer.
        position: row and column of the value in its map; (0, 0) in a vector.

    Returns:
        Its first row and column, and the row and column one past its last.
    """
    row, column = position
    wanted: dict[int, Window] = {number: ((row, column), (row + 1, column + 1))}
    for i in range(number, -1, -1):
        if i in wanted:
            window = input_window(traced[i].layer, traced[i].input_shape, wanted[i])
            for given in traced[i].inputs:
                wanted[given] = bounding_window(window, wanted[given]) if given in wanted else window
    return wanted[IMAGE]


def block_window(traced: Sequence[TracedLayer], block: int) -> Window:
    """The `receptive_window` of the centre value of a convolution block's output."""
    last = max(number for number, row in enumerate(traced) if row.block == block)
    return receptive_window(traced, last, centre(traced[last].output_shape))


def covers_image_from(traced: Sequence[TracedLayer]) -> int | None:
    """Index of the first convolution block whose centre value depends on the whole image; None where there is none."""
    blocks = sorted({row.block for row in traced if row.block is not None})
    return next((block for block in blocks if block_window(traced, block) == ((0, 0), INPUT_SHAPE[:2])), None)


def problem(architecture: Architecture) -> ArchitectureError | None:
    """Why a network cannot be used: a block does not fit, or there are too many parameters. None where it can."""
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
        f"at most {most:,} are allowed (set {settings.MAX_PARAMETERS} to change the limit)."
    )


@dataclass(frozen=True)
class Totals:
    """Parameters of a network, and multiply-adds of a forward pass of one image."""

    trainable: int
    non_trainable: int
    multiply_adds: int

    @property
    def parameters(self) -> int:
        return self.trainable + self.non_trainable


def totals(traced: Sequence[TracedLayer]) -> Totals:
    """The totals of a traced network."""
    return Totals(
        sum(row.trainable for row in traced),
        sum(row.non_trainable for row in traced),
        sum(row.multiply_adds for row in traced),
    )

"""A network's layers in their places: what each is given, what it gives, what it costs, what of the image it depends on.

Whoever needs to go through a network (the Keras model, training, inspection, the script, the costs) takes `walk`.
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
from mnist_lab.design.blocks import BRIDGES, Step
from mnist_lab.design.layers import CLASSES, INPUT_SHAPE, Layer, Shape, Size
from mnist_lab.design.receptive_field import ReceptiveField, Window, before, hull, middle
from mnist_lab.errors import ArchitectureError

T = TypeVar("T")
IMAGE = -1  # among a layer's inputs: the image itself


def max_parameters() -> int:
    """The most parameters that a network may have: 10 million, or what `MNIST_LAB_MAX_PARAMETERS` says."""
    return settings.number(settings.MAX_PARAMETERS, 10_000_000)


class Kind(StrEnum):
    """What a part of a network is."""

    BLOCK = "Block"
    BRIDGE = "Bridge"
    DENSE = "Dense"
    OUTPUT = "Output"


@dataclass(frozen=True)
class Place:
    """A part of a network: one of its blocks or dense blocks, counted from 0, the bridge between them, or the output."""

    kind: Kind
    index: int | None = None

    def __str__(self) -> str:
        """What a person calls it: `Block 2`, `Output`."""
        return self.kind if self.index is None else f"{self.kind} {self.index + 1}"

    @property
    def block(self) -> int | None:
        """The index of a convolution block; None of anything else."""
        return self.index if self.kind is Kind.BLOCK else None


@dataclass(frozen=True)
class TracedLayer:
    """A layer in its place.

    Attributes:
        name: of the layer in Keras, unique in its network.
        inputs: the layers whose outputs it takes, by their numbers; `IMAGE` is the image. The first one is the way
            that a block's own layers go; an addition has a second.
        field: the part of the image that its output values depend on.
        is_shortcut: whether it is on the way past a block's convolution.
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
        """Index of its convolution block, None behind the last one."""
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
    """Every layer with its shapes, input first.

    Raises:
        ArchitectureError: naming the block that does not fit. How large a network may be is for `problem` to say:
            one that was trained can be read where less is allowed now.
    """
    return tuple(_traced(architecture))


def fitting(architecture: Architecture) -> Traced:
    """The layers that fit, input first: of an impossible network those before the one that does not."""
    found: list[TracedLayer] = []
    with contextlib.suppress(ArchitectureError):
        found.extend(_traced(architecture))
    return tuple(found)


def walk(traced: Sequence[TracedLayer], image: T, apply: Callable[[TracedLayer, list[T]], T]) -> list[T]:
    """What `apply` makes of each layer and of what it makes of the layer's inputs, input first.

    Args:
        image: what stands for the image.
    """
    found: list[T] = []
    for row in traced:
        found.append(apply(row, [image if number == IMAGE else found[number] for number in row.inputs]))
    return found


def is_chain(traced: Sequence[TracedLayer]) -> bool:
    """Whether each layer takes the output of the one before it and nothing else."""
    return all(row.inputs == (number - 1,) for number, row in enumerate(traced))


def consumers(traced: Sequence[TracedLayer]) -> list[list[int]]:
    """For each layer the numbers of those that take its output."""
    found: list[list[int]] = [[] for _ in traced]
    for number, row in enumerate(traced):
        for given in row.inputs:
            if given != IMAGE:
                found[given].append(number)
    return found


def _parts(architecture: Architecture) -> Iterator[tuple[Place, Callable[[int], list[Step]]]]:
    for index, block in enumerate(architecture.blocks):
        yield Place(Kind.BLOCK, index), block.steps
    yield Place(Kind.BRIDGE), lambda channels: [Step(BRIDGES[architecture.bridge](), (-1,))]
    for index, dense in enumerate(architecture.head):
        yield Place(Kind.DENSE, index), dense.steps
    yield Place(Kind.OUTPUT), lambda channels: [Step(layers.Dense(units=CLASSES, activation="softmax"), (-1,))]


def _traced(architecture: Architecture) -> Iterator[TracedLayer]:
    found: list[TracedLayer] = []
    image = (INPUT_SHAPE, ReceptiveField())
    for place, steps in _parts(architecture):
        first = len(found)
        channels = (found[-1].output_shape if found else INPUT_SHAPE)[-1]
        for step in steps(channels):
            # Of the block's own steps, or what the block is given, which is the layer before its first.
            inputs = tuple(first + number for number in step.inputs)
            given = [image if i == IMAGE else (found[i].output_shape, found[i].field) for i in inputs]
            shape = given[0][0]
            try:
                _must_agree([shape for shape, _ in given])
                output = step.layer.output_shape(shape)
            except ArchitectureError as error:
                raise ArchitectureError(f"{place}: {error}.", place.block) from None
            field = functools.reduce(ReceptiveField.joined, (f.through(step.layer, s) for s, f in given))
            name = f"{place} {type(step.layer).__name__}{' shortcut' if step.is_shortcut else ''}"
            name = name.lower().replace(" ", "_")
            row = TracedLayer(step.layer, place, name, inputs, shape, output, field, step.is_shortcut)
            found.append(row)
            yield row


def _must_agree(shapes: list[Shape]) -> None:
    if len(set(shapes)) > 1:
        ours, given = (layers.size_text(shape[:2]) for shape in shapes)
        raise ArchitectureError(
            f"its {given} input cannot be added to its {ours} output; same padding keeps the size of a map"
        )


@dataclass(frozen=True)
class Part:
    """A block or dense block of a network: the number of its last layer, and how many channels or units it gives."""

    place: Place
    last_layer: int
    channels: int


def parts(traced: Sequence[TracedLayer]) -> dict[str, Part]:
    """The blocks and dense blocks of a network by what a person calls them, input first."""
    return {
        str(row.place): Part(row.place, number, row.output_shape[-1])
        for number, row in enumerate(traced)
        if row.place.index is not None
    }


def seen(traced: Sequence[TracedLayer], number: int, position: Size) -> Window:
    """The part of the image that one value of a layer's output depends on, without what lies in padding or was dropped
    on the way.

    Args:
        number: of the layer; position: row and column of the value in its map (0, 0 in a vector).

    Returns:
        Its first row and column, and the row and column behind its last.
    """
    row, column = position
    wanted: dict[int, Window] = {number: ((row, column), (row + 1, column + 1))}
    for i in range(number, -1, -1):
        if i in wanted:
            window = before(traced[i].layer, traced[i].input_shape, wanted[i])
            for given in traced[i].inputs:
                wanted[given] = hull(window, wanted[given]) if given in wanted else window
    return wanted[IMAGE]


def sees(traced: Sequence[TracedLayer], block: int) -> Window:
    """The part of the image that the middle value of a convolution block's output depends on, as of `seen`."""
    last = max(number for number, row in enumerate(traced) if row.block == block)
    return seen(traced, last, middle(traced[last].output_shape))


def covers_image_from(traced: Sequence[TracedLayer]) -> int | None:
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
    """Parameters of a whole network, and multiply-adds of one image, forward."""

    trainable: int
    non_trainable: int
    multiply_adds: int

    @property
    def parameters(self) -> int:
        return self.trainable + self.non_trainable


def totals(traced: Sequence[TracedLayer]) -> Totals:
    """Sums over a traced network."""
    return Totals(
        sum(row.trainable for row in traced),
        sum(row.non_trainable for row in traced),
        sum(row.multiply_adds for row in traced),
    )

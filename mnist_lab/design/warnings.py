"""Warnings about designs that can be built but are unwise, each a sentence with its reason."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.layers import Conv2D, size_text
from mnist_lab.design.network import Kind, Traced, trace

HEAVY_SHARE = 0.9
HIGH_DROPOUT = 0.8
# Weight of their initial values in the running statistics that still matters: with a weight of 1 % the notebook's 3×3
# network validates at 32 % instead of 94 %.
INITIAL_WEIGHT = 1e-4


@dataclass(frozen=True)
class RecipeNote:
    """A warning about a recipe, with a repair.

    Attributes:
        text: the warning.
        repair: names the repair, on a button.
        fields: the recipe's fields that the repair changes, with their new values.
    """

    text: str
    repair: str
    fields: dict[str, Any]


def notes(architecture: Architecture) -> list[str]:
    """Warnings about a network.

    Raises:
        ArchitectureError: it cannot be built.
    """
    traced = trace(architecture)
    return [*_blocks(architecture, traced), *_dense(architecture, traced)]


def recipe_notes(experiment: Experiment) -> list[RecipeNote]:
    """Warnings about how a network is trained."""
    recipe = experiment.recipe
    if recipe.bias_corrected_statistics or not experiment.architecture.normalizes:
        return []
    momentum = recipe.normalization_momentum
    steps = math.log(INITIAL_WEIGHT) / math.log(momentum) if momentum else 0
    epochs = int(steps / experiment.steps_per_epoch)
    if epochs == 0:
        return []
    planned = recipe.epochs * experiment.steps_per_epoch
    when = (
        f"for all {planned:,} steps"
        if epochs >= recipe.epochs
        else f"in the first {f'{epochs} epochs' if epochs > 1 else 'epoch'}"
    )
    text = (
        f"The running means and variances of batch normalisation start at 0 and 1 and average over about {1 / (1 - momentum):,.0f} "
        f"steps, so {when} validation looks worse than the network is."
    )
    return [RecipeNote(text, "Correct the statistics", {"bias_corrected_statistics": True})]


def _blocks(architecture: Architecture, traced: Traced) -> Iterator[str]:
    before = None
    for index, block in enumerate(architecture.blocks):
        row = next(row for row in traced if row.block == index and isinstance(row.layer, Conv2D))
        if row.input_shape[:2] == (1, 1):
            kernel = size_text(block.kernel_size)
            yield (
                f"{row.place} receives a 1×1 map, which leaves a {kernel} kernel nothing to slide over; pool less before it, or "
                "remove it."
            )
        if any(s > k for s, k in zip(block.strides, block.kernel_size, strict=True)):
            yield (
                f"{row.place} skips pixels: its strides of {size_text(block.strides)} are larger than its "
                f"{size_text(block.kernel_size)} kernel."
            )
        if block.convolution == "separable" and block.strides[0] != block.strides[1]:
            yield (
                f"{row.place}: the lab computes a separable convolution with unequal strides on every machine, but Keras does only "
                "on some; an exported network or script may fail elsewhere."
            )
        if block.bias and _behind(block)[:1] == ("normalization",):
            yield f"{row.place}: its bias has no effect, because the batch normalisation right after it subtracts the mean."
        if before is not None and _nothing_between(before, block):
            yield (
                f"{row.place} follows a block with a linear activation: two convolutions with nothing in between can do no "
                "more than one."
            )
        before = block
    for index, block in enumerate(architecture.blocks):
        yield from _dropout(f"Block {index + 1}", block.dropout)


def _behind(block: ConvBlock) -> tuple[str, ...]:
    """The parts of a block after its convolution."""
    return block.parts[block.parts.index("convolution") + 1 :]


def _nothing_between(one: ConvBlock, other: ConvBlock) -> bool:
    """Whether two successive convolutions compose to one: only linear activations, or nothing, between them."""
    ahead = other.parts[: other.parts.index("convolution")]
    between = [(part, block) for block, parts in ((one, _behind(one)), (other, ahead)) for part in parts]
    return all(part == "activation" and block.activation == "linear" for part, block in between)


def _dense(architecture: Architecture, traced: Traced) -> Iterator[str]:
    total = sum(row.parameters for row in traced)
    for row in traced:
        if row.block is None and row.place.kind is not Kind.OUTPUT and row.parameters > HEAVY_SHARE * total:
            yield (
                f"{row.place} holds {row.parameters / total:.0%} of all parameters: with more pooling before it, or global average "
                "in place of flatten, the network is smaller and seldom worse."
            )
    for index, dense in enumerate(architecture.head):
        yield from _dropout(f"Dense {index + 1}", dense.dropout)
        if dense.units < 10:
            yield f"Dense {index + 1} has {dense.units} units: all that tells ten digits apart has to pass through fewer than ten values."


def _dropout(place: str, rate: float) -> Iterator[str]:
    if rate >= HIGH_DROPOUT:
        yield f"{place}: a dropout of {rate:g} keeps only {1 - rate:.0%} of the values; most networks learn little from so few."

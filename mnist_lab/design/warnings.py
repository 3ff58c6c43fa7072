"""Quiet notes on designs that can be built but are unwise, each a sentence with its reason."""

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
# Of where running statistics began: with 1 % of it the notebook's 3×3 network validates at 32 instead of 94 %.
MUCH_OF_THE_START = 1e-4


@dataclass(frozen=True)
class RecipeNote:
    """What is unwise about a recipe; `repair` says on a button what other values of its fields mend it."""

    text: str
    repair: str
    fields: dict[str, Any]


def notes(architecture: Architecture) -> list[str]:
    """What is unwise about a network that can be built; empty where nothing is.

    Raises:
        ArchitectureError: it cannot be built.
    """
    traced = trace(architecture)
    return [*_blocks(architecture, traced), *_dense(architecture, traced)]


def recipe_notes(experiment: Experiment) -> list[RecipeNote]:
    """What is unwise about how a network is trained; empty where nothing is."""
    recipe = experiment.recipe
    if recipe.bias_corrected_statistics or not experiment.architecture.normalizes:
        return []
    momentum = recipe.normalization_momentum
    steps = math.log(MUCH_OF_THE_START) / math.log(momentum) if momentum else 0
    epochs = int(steps / experiment.steps_per_epoch)
    if epochs == 0:
        return []
    few = recipe.epochs * experiment.steps_per_epoch
    when = (
        f"for all {few:,} steps"
        if epochs >= recipe.epochs
        else f"in the first {f'{epochs} epochs' if epochs > 1 else 'epoch'}"
    )
    text = (
        f"Normalisation's running means and variances begin at 0 and 1 and remember about {1 / (1 - momentum):,.0f} steps, so "
        f"{when} validation looks worse than the network is."
    )
    return [RecipeNote(text, "Correct the statistics", {"bias_corrected_statistics": True})]


def _blocks(architecture: Architecture, traced: Traced) -> Iterator[str]:
    before = None
    for index, block in enumerate(architecture.blocks):
        row = next(row for row in traced if row.block == index and isinstance(row.layer, Conv2D))
        if row.input_shape[:2] == (1, 1):
            kernel = size_text(block.kernel_size)
            yield (
                f"{row.place} sees a 1×1 map: there is nothing left to slide a {kernel} kernel over; "
                "pool less before it, or leave it out."
            )
        if any(s > k for s, k in zip(block.strides, block.kernel_size, strict=True)):
            yield (
                f"{row.place} skips pixels: strides of {size_text(block.strides)} step over what a "
                f"{size_text(block.kernel_size)} kernel does not reach."
            )
        if block.convolution == "separable" and block.strides[0] != block.strides[1]:
            yield (
                f"{row.place}: Keras itself computes a separable convolution with unequal strides on some machines only; the lab "
                "does on all of them, but an exported network or script may fail elsewhere."
            )
        if block.bias and _behind(block)[:1] == ("normalization",):
            yield f"{row.place}: its bias does nothing, because batch normalisation right behind it takes the mean away."
        if before is not None and _nothing_between(before, block):
            yield (
                f"{row.place} follows a block with a linear activation: two convolutions with nothing between are no "
                "more than one."
            )
        before = block
    for index, block in enumerate(architecture.blocks):
        yield from _dropout(f"Block {index + 1}", block.dropout)


def _behind(block: ConvBlock) -> tuple[str, ...]:
    """The parts behind a block's convolution."""
    return block.parts[block.parts.index("convolution") + 1 :]


def _nothing_between(one: ConvBlock, other: ConvBlock) -> bool:
    """Whether two convolutions are no more than one: what is between them, an activation at most, is linear."""
    ahead = other.parts[: other.parts.index("convolution")]
    between = [(part, block) for block, parts in ((one, _behind(one)), (other, ahead)) for part in parts]
    return all(part == "activation" and block.activation == "linear" for part, block in between)


def _dense(architecture: Architecture, traced: Traced) -> Iterator[str]:
    total = sum(row.parameters for row in traced)
    for row in traced:
        if row.block is None and row.place.kind is not Kind.OUTPUT and row.parameters > HEAVY_SHARE * total:
            yield (
                f"{row.place} holds {row.parameters / total:.0%} of all parameters: pool more before it, or use global "
                "average instead of flatten, and the network is smaller and seldom worse."
            )
    for index, dense in enumerate(architecture.head):
        yield from _dropout(f"Dense {index + 1}", dense.dropout)
        if dense.units < 10:
            yield f"Dense {index + 1} has {dense.units} units: ten digits have to pass through fewer than ten values."


def _dropout(place: str, rate: float) -> Iterator[str]:
    if rate >= HIGH_DROPOUT:
        yield f"{place}: dropout of {rate:g} leaves {1 - rate:.0%} of the values; most networks learn little from that."

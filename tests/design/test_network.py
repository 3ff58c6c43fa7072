"""A network's layers in their places: how they hang together, what they cost together, what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock, DenseBlock
from mnist_lab.design.network import (
    IMAGE,
    Kind,
    Place,
    block_window,
    consumers,
    covers_image_from,
    is_chain,
    parts,
    problem,
    receptive_window,
    totals,
    trace,
    trace_prefix,
    walk,
)
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import ArchitectureError
from tests.builders.networks import architectures

RESIDUAL = Architecture(
    blocks=(
        ConvBlock(filters=4, kernel_size=3, padding="same"),
        ConvBlock(filters=4, kernel_size=3, padding="same", residual=True),
        ConvBlock(filters=8, kernel_size=3, padding="same", residual=True, strides=2, dropout=0.5),
    ),
    head=(DenseBlock(units=5),),
)


def test_a_refusal_names_the_block_what_does_not_fit_and_the_map() -> None:
    shrinking = Architecture(blocks=tuple(ConvBlock(filters=2, kernel_size=7, pooling="max") for _ in range(3)))
    with pytest.raises(ArchitectureError) as caught:
        trace(shrinking)
    assert str(caught.value) == "Block 3: a 7×7 kernel does not fit the 2×2 map it receives."
    assert caught.value.block == 2


def test_pooling_that_does_not_fit_is_refused() -> None:
    tiny = Architecture(blocks=(ConvBlock(filters=2, kernel_size=28, pooling="max"),))
    assert str(problem(tiny)) == "Block 1: 2×2 pooling does not fit the 1×1 map it receives."


def test_too_many_parameters_are_refused_with_their_number_and_place() -> None:
    wide = Architecture(
        blocks=(ConvBlock(filters=1024, kernel_size=3, padding="same"),), head=(DenseBlock(units=4096),)
    )
    # By hand: 3·3·1·1024 + 1024 convolution, 28·28·1024·4096 + 4096 dense, 4096·10 + 10 output.
    total = 9 * 1024 + 1024 + 28 * 28 * 1024 * 4096 + 4096 + 4096 * 10 + 10
    message = str(problem(wide))
    assert message.startswith(f"Dense 1: the network would have {total:,} parameters")
    assert "at most 10,000,000 are allowed" in message


def test_the_configuration_may_allow_more(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = Architecture(blocks=(ConvBlock(filters=16, kernel_size=3, padding="same"),), head=(DenseBlock(units=1024),))
    assert problem(wide)
    monkeypatch.setenv("MNIST_LAB_MAX_PARAMETERS", "20e6")
    assert problem(wide) is None


def test_totals_add_up() -> None:
    rows = trace(PRESETS["3x3"].architecture)
    assert totals(rows).parameters == sum(row.parameters for row in rows) == 13_338


def test_of_an_impossible_network_what_fits_is_traced() -> None:
    shrinking = Architecture(blocks=tuple(ConvBlock(filters=2, kernel_size=7, pooling="max") for _ in range(3)))
    rows = trace_prefix(shrinking)
    assert [str(row.place) for row in rows] == ["Block 1", "Block 1", "Block 2", "Block 2"]
    assert rows[-1].output_shape == (2, 2, 2)
    assert trace_prefix(PRESETS["7x7"].architecture) == trace(PRESETS["7x7"].architecture)


def test_from_which_block_on_the_whole_image_is_seen() -> None:
    # By hand: n valid 7×7 convolutions see 6n + 1 pixels; the middle value covers image 28 only where they reach both edges.
    same = Architecture(blocks=tuple(ConvBlock(filters=1, kernel_size=7, padding="same") for _ in range(6)))
    assert block_window(trace(same), 1) == ((7, 7), (20, 20))
    assert covers_image_from(trace(same)) == 4
    assert covers_image_from(trace(PRESETS["2x2"].architecture)) is None


@settings(max_examples=60)
@given(architectures)
def test_each_layer_is_given_what_those_before_it_give(architecture: Architecture) -> None:
    traced = trace_prefix(architecture)
    for number, row in enumerate(traced):
        assert all(IMAGE <= given < number for given in row.inputs)
        shapes = [traced[given].output_shape if given != IMAGE else (28, 28, 1) for given in row.inputs]
        assert set(shapes) == {row.input_shape}
    assert len({row.name for row in traced}) == len(traced)
    assert problem(architecture) is None or problem(architecture).block in (None, *range(len(architecture.blocks)))


def test_a_residual_block_goes_two_ways_that_meet_in_a_sum() -> None:
    traced = trace(RESIDUAL)
    kinds = [type(row.layer).__name__ for row in traced]
    assert kinds == [
        *("Conv2D", "Activation", "Conv2D", "Add", "Activation", "Conv2D", "Conv2D", "Add", "Dropout"),
        *("Flatten", "Dense", "Dense"),
    ]
    assert traced[3].inputs == (2, 0)  # as it came
    assert traced[7].inputs == (5, 6)  # by a 1×1 convolution
    assert [row.is_shortcut for row in traced].index(True) == 6
    assert traced[6].inputs == (3,)
    assert not is_chain(traced)
    assert is_chain(trace(PRESETS["3x3"].architecture))
    assert consumers(traced)[:4] == [[1, 3], [2], [3], [4, 6]]
    assert consumers(traced)[-1] == []


def test_a_walk_gives_each_layer_what_was_made_of_its_inputs() -> None:
    """Paths from the image to the output, counted: every sum adds those of both its ways."""
    counts = walk(trace(RESIDUAL), 1, lambda row, given: sum(given))
    assert counts[-1] == 4
    order = walk(trace(RESIDUAL), [], lambda row, given: [*given[0], row.name])
    assert order[-1][0] == "block_1_conv2d"
    assert "block_3_conv2d_shortcut" not in order[-1], "the first input is the way through the convolution"


def test_parts_are_the_blocks_with_their_last_layers() -> None:
    found = parts(trace(RESIDUAL))
    assert {name: (part.last_layer, part.channels) for name, part in found.items()} == {
        "Block 1": (0, 4),
        "Block 2": (3, 4),
        "Block 3": (8, 8),
        "Dense 1": (10, 5),
    }
    assert (found["Dense 1"].place, found["Block 1"].place.block) == (Place(Kind.DENSE, 0), 0)
    assert str(Place(Kind.OUTPUT)) == "Output"


def test_a_value_sees_by_either_way_of_a_residual_block() -> None:
    # By hand, of the sum of block 3 with strides of 2: 3×3 reaches one pixel to both sides of its middle, as do the
    # two blocks before it, which it block_window the middle of the image through.
    traced = trace(RESIDUAL)
    assert receptive_window(traced, 6, (7, 7)) == (
        (12, 12),
        (17, 17),
    )  # the shortcut alone: pixel 14 of block 2, two 3×3 before it
    assert receptive_window(traced, 7, (7, 7)) == ((12, 12), (19, 19))  # pixels 14 to 16, and two 3×3 before them


def test_a_sum_of_maps_of_two_sizes_is_refused() -> None:
    shrinks = Architecture(blocks=(ConvBlock(filters=1, kernel_size=3, residual=True),))
    message = "Block 1: its 28×28 input cannot be added to its 26×26 output; same padding keeps the size of a map."
    assert str(problem(shrinks)) == message


@given(architectures)
def test_totals_are_the_sums_over_all_layers(architecture: Architecture) -> None:
    rows = trace_prefix(architecture)
    found = totals(rows)
    columns = np.array([[row.trainable, row.non_trainable, row.multiply_adds] for row in rows]).reshape(-1, 3)
    assert [found.trainable, found.non_trainable, found.multiply_adds] == columns.sum(axis=0).tolist()
    assert found.parameters == found.trainable + found.non_trainable

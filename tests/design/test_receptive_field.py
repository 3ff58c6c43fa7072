"""Which part of the image a value depends on, against built models and against windows counted one by one."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.layers import Conv2D, Flatten, MaxPooling2D
from mnist_lab.design.network import problem, receptive_window, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.receptive_field import ReceptiveField, bounding_window, centre, input_window
from mnist_lab.training.model import build
from tests.builders.networks import linear_block


@settings(max_examples=60)
@given(st.lists(linear_block, min_size=1, max_size=4), st.data())
def test_the_receptive_field_is_what_moves_a_value_of_a_built_model(blocks: list[ConvBlock], data: Any) -> None:
    architecture = Architecture(blocks=tuple(blocks))
    assume(problem(architecture) is None)
    rows = [row for row in trace(architecture) if row.block is not None]
    last = rows[-1]
    model = build(architecture, seed=1)
    model.set_weights([np.abs(weights) + 0.1 for weights in model.get_weights()])  # so that nothing cancels
    at = tuple(data.draw(st.integers(0, length - 1)) for length in last.output_shape[:2])
    inner = keras.Model(model.inputs[0], model.get_layer(last.name).output)
    one_pixel_each = np.eye(28 * 28, dtype=np.float32).reshape(-1, 28, 28, 1)
    moved = np.asarray(inner(one_pixel_each))[:, at[0], at[1], 0]
    touched = np.argwhere(moved.reshape(28, 28))
    first, behind = receptive_window(rows, len(rows) - 1, at)
    assert (touched.min(axis=0) >= first).all()
    assert (touched.max(axis=0) < behind).all()
    assert all(b - f <= size for f, b, size in zip(first, behind, last.field.size, strict=True))
    if all(s <= k for block in blocks for s, k in zip(block.strides, block.kernel_size, strict=True)):
        assert (tuple(touched.min(axis=0)), tuple(touched.max(axis=0) + 1)) == (first, behind)


@pytest.mark.parametrize("bridge", ["flatten", "global average", "global max"])
def test_behind_the_bridge_everything_sees_what_the_last_map_sees(bridge: str) -> None:
    architecture = PRESETS["3x3"].architecture.model_copy(update={"bridge": bridge})
    rows = trace(architecture)
    inner = [row for row in rows if row.block is not None]
    vector = rows[len(inner)]
    height, width, _ = inner[-1].output_shape
    # By hand: from the first value's window to the last one's.
    size = tuple(
        r + (n - 1) * j for r, j, n in zip(inner[-1].field.size, inner[-1].field.spacing, (height, width), strict=True)
    )
    assert vector.field.size == rows[-1].field.size == size
    assert receptive_window(rows, len(rows) - 1, (0, 0)) == ((0, 0), (23, 23))


def convolution(kernel_size: int, strides: int, padding: str) -> Conv2D:
    return Conv2D(
        filters=1,
        kernel_size=(kernel_size, kernel_size),
        strides=(strides, strides),
        padding=padding,
        activation=None,
    )


@given(st.integers(6, 20), st.integers(1, 6), st.integers(1, 4), st.sampled_from(["valid", "same"]), st.data())
def test_a_part_of_an_output_depends_on_the_windows_of_its_values_within_the_map(
    length: int, kernel: int, strides: int, padding: str, data: Any
) -> None:
    layer = convolution(kernel, strides, padding)
    rows = layer.output_shape((length, length, 1))[0]
    first = data.draw(st.integers(0, rows - 1))
    behind = data.draw(st.integers(first + 1, rows))
    outside = max(0, (rows - 1) * strides + kernel - length) // 2 if padding == "same" else 0
    windows = [
        pixel
        for row in range(first, behind)
        for pixel in range(row * strides - outside, row * strides - outside + kernel)
    ]
    within = [pixel for pixel in windows if 0 <= pixel < length]
    found = input_window(layer, (length, length, 1), ((first, first), (behind, behind)))
    if within:  # large strides may leave a window all in padding
        assert found == ((min(within),) * 2, (max(within) + 1,) * 2)


def test_fields_grow_by_the_recurrences_of_araujo_norris_and_sim() -> None:
    # By hand: 3×3 sees 3, spaced 1; 2×2 pooling sees 3 + 1, spaced 2; 3×3 with strides of 2 sees 4 + 2 · 2, spaced 4.
    field = ReceptiveField()
    for layer, size, spacing in (
        (convolution(3, 1, "valid"), 3, 1),
        (MaxPooling2D(pool_size=(2, 2)), 4, 2),
        (convolution(3, 2, "same"), 8, 4),
    ):
        field = field.through(layer, (28, 28, 1))
        assert field == ReceptiveField((size, size), (spacing, spacing))
    assert field.through(Flatten(), (5, 6, 1)).size == (8 + 4 * 4, 8 + 5 * 4)


def test_a_sum_sees_what_the_larger_of_both_sees() -> None:
    one, other = ReceptiveField((3, 7), (2, 2)), ReceptiveField((5, 1), (2, 2))
    assert one.joined(other) == ReceptiveField((5, 7), (2, 2))


def test_two_windows_lie_in_their_hull() -> None:
    assert bounding_window(((1, 4), (3, 9)), ((2, 0), (8, 5))) == ((1, 0), (8, 9))


def test_the_middle_of_an_even_number_is_the_one_before_it() -> None:
    assert (centre((5, 6, 3)), centre((1, 1, 3)), centre((64,))) == ((2, 2), (0, 0), (0, 0))

"""Shapes, parameters and multiply-adds of single layers and of what they make together, against stock Keras."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnist_lab.design import layers
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.experiment import parse
from mnist_lab.design.network import problem, totals, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import ArchitectureError, InputError
from mnist_lab.training.model import build
from tests.builders.networks import ACTIVATIONS, ORDERS, linear_block, plain_block, raw_dense

# Plain numbers, impossible ones among them: Keras and we are asked the same question.
sizes = st.tuples(st.integers(0, 9), st.integers(0, 9))
raw_block = st.fixed_dictionaries(
    {
        "filters": st.integers(0, 6),
        "kernel_size": sizes | st.integers(1, 28).map(lambda n: (n, n)),
        "strides": st.tuples(st.integers(0, 3), st.integers(0, 3)) | st.just((1, 1)),
        "padding": st.sampled_from(["valid", "same"]),
        "pooling": st.sampled_from(["none", "max", "average"]),
        "pool_size": st.tuples(st.integers(0, 4), st.integers(0, 4)) | st.just((2, 2)),
        "convolution": st.sampled_from(["plain", "separable"]),
        "bias": st.booleans(),
        "activation": st.sampled_from(ACTIVATIONS),
        "batch_normalization": st.booleans(),
        "dropout": st.sampled_from([0.0, 0.3, -0.1, 1.5]) | st.just(0.25),
        "order": st.sampled_from(ORDERS),
        "residual": st.booleans(),
    }
)


def stock(
    blocks: list[dict[str, Any]], bridge: str, head: list[dict[str, Any]]
) -> list[tuple[tuple[int, ...], int, int]]:
    """What stock Keras says of the same numbers: output shape, trainable and other parameters of each layer.

    Written without our layers, from what an order means. Raises ValueError where Keras does.
    """
    found: list[tuple[tuple[int, ...], int, int]] = []

    def through(layer: keras.layers.Layer, given: Any) -> Any:
        tensor = layer(given)
        if 0 in tensor.shape:
            raise ValueError("an empty map")
        trainable = sum(int(np.prod(v.shape)) for v in layer.trainable_variables if "seed" not in v.path)
        others = sum(int(np.prod(v.shape)) for v in layer.non_trainable_variables if "seed" not in v.path)
        found.append((tuple(tensor.shape[1:]), trainable, others))
        return tensor

    x = keras.KerasTensor((None, 28, 28, 1))
    for block in blocks:
        x = stock_block(block, x, through)
    bridges = {
        "flatten": keras.layers.Flatten,
        "global average": keras.layers.GlobalAveragePooling2D,
        "global max": keras.layers.GlobalMaxPooling2D,
    }
    x = through(bridges[bridge](), x)
    for dense in head:
        x = through(keras.layers.Dense(dense["units"], dense["activation"], use_bias=dense["bias"]), x)
        if dense["batch_normalization"]:
            x = through(keras.layers.BatchNormalization(), x)
        if dense["dropout"]:
            x = through(keras.layers.Dropout(dense["dropout"]), x)
    through(keras.layers.Dense(10, "softmax"), x)
    return found


def stock_block(block: dict[str, Any], given: Any, through: Callable[[keras.layers.Layer, Any], Any]) -> Any:
    """A convolution block of stock layers."""
    if 0 in block["pool_size"]:
        raise ValueError("a size that is not in use is none that a network could have either")
    separable = block["convolution"] == "separable"
    if separable and given.shape[-1] == 1 and tuple(block["kernel_size"]) == (1, 1) and max(block["strides"]) > 1:
        raise ValueError("TensorFlow crashes in its gradient")
    pool = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}.get(block["pooling"])
    order = "pre-activation" if block["residual"] else block["order"]
    merged = order == "notebook" or (order == "usual" and not block["batch_normalization"])
    merged |= order == "quick" and not block["batch_normalization"] and pool is None
    convolution = (keras.layers.SeparableConv2D if separable else keras.layers.Conv2D)(
        block["filters"],
        block["kernel_size"],
        strides=block["strides"],
        padding=block["padding"],
        use_bias=block["bias"],
        activation=block["activation"] if merged else None,
    )
    activation = [] if merged else [keras.layers.Activation(block["activation"])]
    pooling = [pool(block["pool_size"])] if pool else []
    normalization = [keras.layers.BatchNormalization()] if block["batch_normalization"] else []
    layers = {
        "notebook": [convolution, *activation, *pooling, *normalization],
        "usual": [convolution, *normalization, *activation, *pooling],
        "quick": [convolution, *pooling, *normalization, *activation],
        "pre-activation": [*normalization, *activation, convolution, *pooling],
    }[order]
    x = given
    for layer in layers:
        x = through(layer, x)
        if layer is convolution and block["residual"]:
            shortcut = given
            if block["strides"] != (1, 1) or given.shape[-1] != block["filters"]:
                stretch = keras.layers.Conv2D(block["filters"], 1, strides=block["strides"], use_bias=False)
                shortcut = through(stretch, given)
            x = through(keras.layers.Add(), [x, shortcut])
    return through(keras.layers.Dropout(block["dropout"]), x) if block["dropout"] else x


@settings(max_examples=120)
@given(
    st.lists(raw_block, min_size=1, max_size=3) | st.lists(plain_block, min_size=1, max_size=5),
    st.sampled_from(["flatten", "global average", "global max"]),
    st.lists(raw_dense, max_size=1),
)
def test_shapes_parameters_and_refusals_equal_stock_keras(
    blocks: list[dict[str, Any]], bridge: str, head: list[dict[str, Any]]
) -> None:
    try:
        expected = stock(blocks, bridge, head)
    except (ValueError, ZeroDivisionError):
        expected = None
    try:
        traced = trace(parse(Architecture, {"blocks": blocks, "bridge": bridge, "head": head}))
    except InputError as error:
        assert expected is None, f"we refuse what Keras builds: {error}"
        return
    assert expected is not None, "Keras refuses what we build"
    assert [(row.output_shape, row.trainable, row.non_trainable) for row in traced] == expected


def test_multiply_adds_count_what_a_convolution_does() -> None:
    # 26·26 places × 16 filters × 3·3·1 products, by hand.
    assert trace(PRESETS["3x3"].architecture)[0].multiply_adds == 26 * 26 * 16 * 9


def counted_by_tensorflow(model: keras.Model) -> int:
    """Multiply-adds of one image as TensorFlow's own profiler counts them: half its floating point operations."""
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((1, 28, 28, 1))).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    found = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    kinds = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
    counted, rows = 0, list(found.children)
    while rows:
        row = rows.pop()
        rows += row.children
        if row.name in kinds:
            counted += row.float_ops
    return counted // 2


@settings(max_examples=25)
@given(st.lists(linear_block, min_size=1, max_size=4), st.booleans())
def test_multiply_adds_equal_what_tensorflow_counts(blocks: list[ConvBlock], dense: bool) -> None:
    head = PRESETS["fast"].architecture.head if dense else ()
    architecture = Architecture(blocks=tuple(blocks), head=head)
    assume(problem(architecture) is None)
    assert totals(trace(architecture)).multiply_adds == counted_by_tensorflow(build(architecture, seed=1))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))
def test_same_padding_is_what_moves_the_first_window_out_by_half_of_what_all_windows_lack(
    length: int, window: int, stride: int
) -> None:
    places = len(range(0, length, stride))  # one for every stride begun
    lacking = max(0, (places - 1) * stride + window - length)
    assert layers.window_positions(length, window, stride, "same") == places
    assert layers.padding_before(length, window, stride) == lacking // 2


@given(st.integers(1, 40), st.integers(1, 45), st.integers(1, 9))
def test_valid_windows_are_those_that_lie_within(length: int, window: int, stride: int) -> None:
    within = [first for first in range(0, length, stride) if first + window <= length]
    assert max(0, layers.window_positions(length, window, stride, "valid")) == len(within)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (
            layers.Conv2D(filters=8, kernel_size=(3, 3), strides=(1, 1), padding="valid", activation=None),
            "Conv2D 3×3, 8 filters",
        ),
        (
            layers.Conv2D(filters=8, kernel_size=(3, 5), strides=(2, 2), padding="same", activation="relu"),
            "Conv2D 3×5, 8 filters, strides 2, same, relu",
        ),
        (
            layers.SeparableConv2D(filters=8, kernel_size=(3, 3), strides=(1, 2), padding="valid", activation=None),
            "SeparableConv2D 3×3, 8 filters, strides 1×2",
        ),
        (layers.AveragePooling2D(pool_size=(2, 3)), "AveragePooling2D 2×3"),
        (layers.Dense(units=64, activation="relu"), "Dense 64 units, relu"),
        (layers.Dropout(rate=0.25), "Dropout 0.25"),
        (layers.BatchNormalization(), "BatchNormalization"),
    ],
)
def test_a_layer_in_a_few_words(layer: layers.Layer, words: str) -> None:
    assert layer.describe() == words


def test_what_does_not_fit_is_refused_with_both_sizes() -> None:
    convolution = layers.Conv2D(filters=1, kernel_size=(5, 3), strides=(1, 1), padding="valid", activation=None)
    with pytest.raises(ArchitectureError, match="a 5×3 kernel does not fit the 4×9 map it receives"):
        convolution.output_shape((4, 9, 1))
    with pytest.raises(ArchitectureError, match="2×2 pooling does not fit the 1×9 map it receives"):
        layers.MaxPooling2D(pool_size=(2, 2)).output_shape((1, 9, 1))

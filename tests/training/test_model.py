"""Our arithmetic and our builder against stock Keras."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.experiment import parse
from mnist_lab.design.network import problem, receptive_window, totals, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.training.model import build, output
from tests.builders.networks import ACTIVATIONS, ORDERS, plain_block, raw_dense

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


@pytest.mark.parametrize(
    ("name", "trainable", "non_trainable"),
    [("7x7", 136_426, 480), ("3x3", 12_986, 352), ("2x2", 143_958, 448)],
)
def test_the_notebooks_networks_as_keras_counts_them(name: str, trainable: int, non_trainable: int) -> None:
    model = build(PRESETS[name].architecture, seed=1)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == trainable
    assert model.count_params() == trainable + non_trainable
    traced = trace(PRESETS[name].architecture)
    assert [tuple(layer.output.shape[1:]) for layer in model.layers] == [row.output_shape for row in traced]


def test_the_model_is_stock_keras_and_its_names_do_not_depend_on_what_was_built_before() -> None:
    first, second = (build(PRESETS["2x2"].architecture, seed=1) for _ in range(2))
    assert all(type(layer).__module__.startswith("keras.") for layer in first.layers)
    assert [v.path for v in first.weights] == [v.path for v in second.weights]


def test_the_seed_alone_decides_the_first_weights() -> None:
    keras.utils.set_random_seed(5)
    one = build(PRESETS["3x3"].architecture, seed=3).get_weights()
    keras.utils.set_random_seed(6)
    same = build(PRESETS["3x3"].architecture, seed=3).get_weights()
    other = build(PRESETS["3x3"].architecture, seed=4).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_multiply_adds_count_what_a_convolution_does() -> None:
    # 26·26 places × 16 filters × 3·3·1 products, by hand.
    assert trace(PRESETS["3x3"].architecture)[0].multiply_adds == 26 * 26 * 16 * 9


linear_block = st.builds(
    ConvBlock,
    filters=st.integers(1, 2),
    kernel_size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    strides=st.integers(1, 2).map(lambda n: (n, n)),
    padding=st.sampled_from(["valid", "same"]),
    convolution=st.sampled_from(["plain", "separable"]),
    # A mean hands its gradient to every value and a maximum to one only: their windows are the same.
    pooling=st.sampled_from(["none", "average"]),
    pool_size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    bias=st.just(False),
    activation=st.just("linear"),
    residual=st.booleans(),
)


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


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kernel", "strides", "channels"),
    [((3, 3), (1, 2), 1), ((3, 3), (2, 1), 3), ((2, 5), (4, 2), 3), ((1, 3), (1, 5), 1), ((1, 1), (2, 3), 3)],
)
def test_a_separable_convolution_with_unequal_strides_is_what_its_sums_are(
    kernel: tuple[int, int], strides: tuple[int, int], channels: int, padding: str
) -> None:
    """Written out window by window, with its gradients; TensorFlow refuses it where oneDNN does not take it over."""
    layer = keras.layers.SeparableConv2D(4, kernel, strides=strides, padding=padding, activation="tanh")
    layer.build((None, 13, 12, channels))
    generator = np.random.default_rng(1)
    for images in (1, 2, 7):
        x = tf.constant(generator.normal(size=(images, 13, 12, channels)).astype(np.float32))
        layer.bias.assign(generator.normal(size=4))
        depthwise, pointwise, bias = (v.value for v in layer.trainable_variables)

        def sums(x: tf.Tensor, depthwise: tf.Tensor, pointwise: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
            places = []
            if padding == "same":
                sides = [[0, 0]]
                for length, size, stride in zip((13, 12), kernel, strides, strict=True):
                    total = max(0, (-(-length // stride) - 1) * stride + size - length)
                    sides.append([total // 2, total - total // 2])
                x = tf.pad(x, [*sides, [0, 0]])
            for top in range(0, x.shape[1] - kernel[0] + 1, strides[0]):
                for left in range(0, x.shape[2] - kernel[1] + 1, strides[1]):
                    window = x[:, top : top + kernel[0], left : left + kernel[1]]
                    each = tf.reduce_sum(window * depthwise[None, ..., 0], [1, 2])
                    places.append(tf.tanh(each @ pointwise[0, 0] + bias))
            return tf.stack(places, 1)

        given = [x, depthwise, pointwise, bias]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(given)
            ours, by_hand = output(layer, x), sums(*given)
            assert ours.shape == layer.compute_output_shape(x.shape)
            loss, loss_by_hand = tf.reduce_sum(ours**3), tf.reduce_sum(by_hand**3)
        assert np.allclose(tf.reshape(ours, by_hand.shape), by_hand, atol=1e-5)
        found, expected = tape.gradient(loss, given), tape.gradient(loss_by_hand, given)
        for one, other in zip(found, expected, strict=True):
            assert np.allclose(one, other, atol=1e-3)


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

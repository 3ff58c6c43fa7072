"""Our arithmetic and our builder against stock Keras."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_lab.architecture import Architecture, trace
from mnist_lab.errors import InputError
from mnist_lab.experiment import parse
from mnist_lab.keras_model import build
from mnist_lab.presets import PRESETS

# Plain numbers, impossible ones among them: Keras and we are asked the same question.
sizes = st.tuples(st.integers(0, 9), st.integers(0, 9))
raw_block = st.fixed_dictionaries(
    {
        "filters": st.integers(0, 6),
        "kernel_size": sizes | st.integers(1, 28).map(lambda n: (n, n)),
        "strides": st.tuples(st.integers(0, 3), st.integers(0, 3)) | st.just((1, 1)),
        "padding": st.sampled_from(["valid", "same"]),
        "pool_size": st.none() | st.tuples(st.integers(0, 4), st.integers(0, 4)) | st.just((2, 2)),
        "batch_normalization": st.booleans(),
        "dropout": st.sampled_from([0.0, 0.3, -0.1, 1.5]) | st.just(0.25),
        "order": st.sampled_from(["notebook", "usual", "quick"]),
    }
)
plain_block = st.fixed_dictionaries(
    {
        "filters": st.integers(1, 6),
        "kernel_size": st.tuples(st.integers(1, 7), st.integers(1, 7)),
        "strides": st.tuples(st.integers(1, 2), st.integers(1, 2)),
        "padding": st.sampled_from(["valid", "same"]),
        "pool_size": st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "batch_normalization": st.booleans(),
        "dropout": st.just(0.25),
        "order": st.sampled_from(["notebook", "usual", "quick"]),
    }
)
raw_dense = st.fixed_dictionaries(
    {"units": st.integers(0, 40), "batch_normalization": st.booleans(), "dropout": st.sampled_from([0.0, 0.5])}
)


def stock(blocks: list[dict[str, Any]], head: list[dict[str, Any]]) -> list[tuple[tuple[int, ...], int, int]]:
    """What stock Keras says of the same numbers: output shape, trainable and other parameters of each layer.

    Written without our layers, from what an order means. Raises ValueError where Keras does.
    """
    layers: list[Any] = []
    for block in blocks:
        normalization = [keras.layers.BatchNormalization()] if block["batch_normalization"] else []
        pooling = [keras.layers.MaxPooling2D(block["pool_size"])] if block["pool_size"] is not None else []
        activation = [keras.layers.Activation("relu")]
        convolution = keras.layers.Conv2D(
            block["filters"], block["kernel_size"], strides=block["strides"], padding=block["padding"]
        )
        layers.append(convolution)
        if block["order"] == "notebook":
            rest = activation + pooling + normalization
        elif block["order"] == "usual":
            rest = normalization + activation + pooling
        else:
            rest = pooling + normalization + activation
        if isinstance(rest[0], keras.layers.Activation):
            convolution.activation = keras.activations.relu
            rest = rest[1:]
        layers += rest
        if block["dropout"]:
            layers.append(keras.layers.Dropout(block["dropout"]))
    layers.append(keras.layers.Flatten())
    for dense in head:
        layers.append(keras.layers.Dense(dense["units"], "relu"))
        if dense["batch_normalization"]:
            layers.append(keras.layers.BatchNormalization())
        if dense["dropout"]:
            layers.append(keras.layers.Dropout(dense["dropout"]))
    layers.append(keras.layers.Dense(10, "softmax"))
    tensor = keras.KerasTensor((None, 28, 28, 1))
    found = []
    for layer in layers:
        tensor = layer(tensor)
        if 0 in tensor.shape:
            raise ValueError("an empty map")
        trainable = sum(int(np.prod(v.shape)) for v in layer.trainable_variables if "seed" not in v.path)
        others = sum(int(np.prod(v.shape)) for v in layer.non_trainable_variables if "seed" not in v.path)
        found.append((tuple(tensor.shape[1:]), trainable, others))
    return found


@settings(max_examples=120, deadline=None)
@given(
    st.lists(raw_block, min_size=1, max_size=3) | st.lists(plain_block, min_size=1, max_size=5),
    st.lists(raw_dense, max_size=1),
)
def test_shapes_parameters_and_refusals_equal_stock_keras(
    blocks: list[dict[str, Any]], head: list[dict[str, Any]]
) -> None:
    try:
        expected = stock(blocks, head)
    except (ValueError, ZeroDivisionError):
        expected = None
    try:
        traced = trace(parse(Architecture, {"blocks": blocks, "head": head}))
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

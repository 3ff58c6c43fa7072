"""Models that are built, and what one of their layers gives, against stock Keras and against sums written out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_lab.design.network import trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.training.model import build, output


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

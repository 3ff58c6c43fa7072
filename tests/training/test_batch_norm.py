"""Batch normalisation of a batch in parts: values, gradients and moving averages against stock Keras in double precision."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_lab.training import batch_norm
from mnist_lab.training.batch_norm import Parts
from tests.builders.normalisation import folded_apart, normalised_apart

# Vectors; maps of few values an image, of many, and of so many channels that a row needs none more.
SHAPES = [(30,), (6, 6, 4), (20, 20, 4), (13, 12, 8), (9, 9, 16)]
IMAGES = (5, 7)


def layer(shape: tuple[int, ...], dtype: str = "float32") -> keras.layers.BatchNormalization:
    made = keras.layers.BatchNormalization(momentum=0.9, dtype=dtype)
    made.build((None, *shape))
    generator = np.random.default_rng(7)
    for weight in made.weights:
        weight.assign(generator.uniform(0.5, 1.5, shape[-1]))
    made.gamma.assign([*made.gamma.numpy()[:-2], 0.0, -0.5])  # scales may be zero and negative
    return made


def drawn(shape: tuple[int, ...], seed: int) -> Parts:
    generator = np.random.default_rng(seed)
    # Far from zero, where sums of squares lose digits.
    return [tf.constant(generator.normal(3.0, 2.0, (n, *shape)), tf.float32) for n in IMAGES]


def results(
    layers: list[keras.layers.Layer], parts: Parts, forward: Callable[[Parts], Parts], weights: Parts
) -> list[np.ndarray]:
    """What it gives, the gradients of a weighted sum of that, and the moving averages behind it."""
    variables = [variable for one in layers for variable in one.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(parts)
        ys = forward(parts)
        loss = tf.add_n([tf.reduce_sum(tf.cast(w, y.dtype) * y) for w, y in zip(weights, ys, strict=True)])
    gradients = tape.gradient(loss, [*parts, *variables])
    moving = [v for one in layers for v in one.non_trainable_variables]
    return [np.asarray(tensor) for tensor in (*ys, *gradients, *moving)]


def assert_close(ours: list[np.ndarray], theirs: list[np.ndarray], share: float) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        assert mine == pytest.approx(other, abs=share * max(1.0, float(np.abs(other).max())))


@pytest.mark.parametrize("is_relu", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_parts_are_normalised_together_as_stock_keras_normalises_the_whole(
    shape: tuple[int, ...], is_relu: bool
) -> None:
    parts, weights = drawn(shape, 1), drawn(shape, 2)

    def by_keras(given: Parts) -> Parts:
        whole = tf.concat(given, 0)
        stock = single if whole.dtype == tf.float32 else double
        return tf.split(stock(tf.nn.relu(whole) if is_relu else whole, training=True), IMAGES)

    def by_us(given: Parts) -> Parts:
        if is_relu:
            return batch_norm.normalised(ours, [tf.nn.relu(u) for u in given], pre_activation=given)
        return batch_norm.normalised(ours, given)

    ours, single, double = layer(shape), layer(shape), layer(shape, "float64")
    doubles = [tf.cast(part, tf.float64) for part in parts]
    exact = results([double], doubles, by_keras, weights)
    found, theirs = results([ours], parts, by_us, weights), results([single], parts, by_keras, weights)
    for mine, other, true in zip(found, theirs, exact, strict=True):
        assert mine.shape == true.shape
        # A sum over all values of a map of either sign cannot be exact: as near as stock Keras in single precision.
        scale = max(1.0, float(np.abs(true).max()))
        assert np.abs(mine - true).max() <= 2 * np.abs(other - true).max() + 1e-6 * scale


@pytest.mark.parametrize("is_relu", [False, True])
@pytest.mark.parametrize("shape", SHAPES[2:], ids=str)
def test_masks_are_laid_on_what_was_normalised(shape: tuple[int, ...], is_relu: bool) -> None:
    parts, weights = drawn(shape, 1), drawn(shape, 2)
    masks = [part > 3.0 for part in drawn(shape, 3)]
    found = []
    for normalised in (batch_norm.normalised, normalised_apart):
        made = layer(shape)

        def forward(given: Parts, normalised: Callable[..., Parts] = normalised, made: object = made) -> Parts:
            xs = [tf.nn.relu(u) for u in given] if is_relu else given
            return normalised(made, xs, pre_activation=given if is_relu else [], masks=masks, factor=1.25)

        found.append(results([made], parts, forward, weights))
    assert_close(*found, 2e-5)
    assert all((y[~mask.numpy()] == 0).all() for y, mask in zip(found[0], masks, strict=False))


@pytest.mark.parametrize("is_relu", [False, True])
@pytest.mark.parametrize(("kernel_size", "strides"), [((3, 3), (1, 1)), ((2, 5), (2, 1)), ((1, 1), (1, 1))])
def test_a_convolution_takes_a_normalisation_in(
    kernel_size: tuple[int, int], strides: tuple[int, int], is_relu: bool
) -> None:
    shape = (13, 12, 8)
    found = []
    for folded in (batch_norm.folded, folded_apart):
        made = layer(shape)
        convolution = keras.layers.Conv2D(
            6, kernel_size, strides, use_bias=False, kernel_initializer=keras.initializers.GlorotUniform(seed=4)
        )
        convolution.build((None, *shape))

        def forward(
            given: Parts, folded: Callable[..., Parts] = folded, made: object = made, convolution: object = convolution
        ) -> Parts:
            xs = [tf.nn.relu(u) for u in given] if is_relu else given
            return folded(made, convolution, xs, pre_activation=given if is_relu else [])

        weights = drawn(convolution.compute_output_shape((None, *shape))[1:], 2)
        found.append(results([made, convolution], drawn(shape, 1), forward, weights))
    assert_close(*found, 5e-5)


def test_corrected_statistics_are_those_of_the_batches_alone() -> None:
    """After two batches with momentum m: means m(1 - m) a + (1 - m) b over 1 - m², by hand."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(momentum=0.9)])
    first, second = np.random.default_rng(1).normal(3.0, 2.0, (2, 50, 4)).astype(np.float32)
    second[:, 3] = first[:, 3] = 7.0  # always the same
    for batch in (first, second):
        model(batch, training=True)
    batch_norm.correct_running_statistics(model, 0.9**2)
    (normalisation,) = model.layers
    for moving, of_batch in ((normalisation.moving_mean, np.mean), (normalisation.moving_variance, np.var)):
        a, b = (of_batch(batch, axis=0, dtype=np.float64) for batch in (first, second))
        assert moving.numpy() == pytest.approx((0.9 * 0.1 * a + 0.1 * b) / (1 - 0.81), rel=1e-5, abs=1e-6)
    assert normalisation.moving_variance.numpy()[3] >= 0


def test_before_the_first_step_there_is_nothing_to_correct() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    batch_norm.correct_running_statistics(model, 1.0)
    (normalisation,) = model.layers
    assert normalisation.moving_mean.numpy().tolist() == [0.0] * 4
    assert normalisation.moving_variance.numpy().tolist() == [1.0] * 4

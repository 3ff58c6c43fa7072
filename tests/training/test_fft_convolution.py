"""Convolutions by way of the Fourier transform against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_lab.design.convolution_cost import Convolution
from mnist_lab.training import fft_convolution

few = st.integers(1, 3)
window = st.integers(1, 9)


@settings(max_examples=60)
@given(
    size=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    kernel_size=st.tuples(window, window),
    channels=few,
    filters=few,
    parts=st.lists(few, min_size=1, max_size=2),
    padding=st.sampled_from(["same", "valid"]),
)
def test_results_and_gradients_are_those_of_tensorflow(
    size: tuple[int, int],
    kernel_size: tuple[int, int],
    channels: int,
    filters: int,
    parts: list[int],
    padding: str,
) -> None:
    if padding == "valid":
        size = max(size[0], kernel_size[0]), max(size[1], kernel_size[1])
    random = np.random.default_rng(1)

    def drawn(*shape: int) -> tf.Tensor:
        return tf.constant(random.normal(size=shape).astype(np.float32))

    xs = [drawn(images, *size, channels) for images in parts]
    kernel = drawn(*kernel_size, channels, filters)

    def by_tensorflow(kernel: tf.Tensor, xs: list[tf.Tensor]) -> list[tf.Tensor]:
        # In double precision, beside which both ways' rounding shows.
        doubles = [tf.cast(x, tf.float64) for x in xs]
        return [tf.nn.conv2d(x, tf.cast(kernel, tf.float64), 1, padding.upper()) for x in doubles]

    found = []
    plan = Convolution.of((*size, channels), kernel_size, filters, padding)
    for way in (by_tensorflow, lambda kernel, xs: fft_convolution.convolved(plan, kernel, xs)):
        with tf.GradientTape() as tape:
            tape.watch([kernel, *xs])
            ys = way(kernel, xs)
            # Of squares, so that no gradient is the same everywhere.
            loss = tf.add_n([tf.reduce_sum(tf.square(y)) for y in ys])
        found.append([*ys, *tape.gradient(loss, [kernel, *xs])])
    for theirs, ours in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        scale = max(1.0, float(np.abs(theirs).max()))
        assert ours.numpy() == pytest.approx(theirs.numpy(), abs=3e-6 * scale)

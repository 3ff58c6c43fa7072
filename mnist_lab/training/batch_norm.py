"""Batch normalisation in training, of a batch that lies in parts: over all its images, as stock Keras has it.

A channel's values x become y = scale x + offset, where scale = gamma / sqrt(variance + epsilon) and offset = beta -
scale mean. With the gradients dy, of which only two sums are needed, sum(dy) and sum(dy x), the chain rule through mean
and variance (Ioffe and Szegedy, 2015) gives dx = scale dy + slope (x - mean) + constant.

Where a convolution without padding follows, y is never written: scale goes into the convolution's kernel and offset
into a bias. The two sums then follow from the kernel's gradient, and no pass through x or dy is needed for them: as
every window lies within the map, sum(dy) is the kernel times the sum of the convolution's gradients; and since the
convolution is linear in x and in its kernel, sum(dy x) is the kernel times its gradient.
"""

from collections.abc import Callable, Sequence
from functools import cache, wraps
from math import gcd, prod
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Parts = list[tf.Tensor]

# Values of an image; for fewer, TensorFlow's one operation takes longer than several small ones.
_FEW = 1024
# Values that fill a register of a processor with AVX-512.
_AT_ONCE = 16


def is_small(x: tf.Tensor) -> bool:
    """Whether a part `(n, ..., channels)` is of vectors, or has so few values an image that each operation costs more than
    its work. TensorFlow's one operation for normalisation takes nothing but maps."""
    return bool(x.shape.rank == 2 or prod(x.shape[1:]) <= _FEW)


def normalised(
    layer: keras.layers.BatchNormalization,
    parts: Parts,
    *,
    pre_activation: Sequence[tf.Tensor] = (),
    masks: Sequence[tf.Tensor] = (),
    factor: float = 1.0,
) -> Parts:
    """Parts `(n, ..., channels)` of a batch, normalised together; moving averages go on.

    Args:
        pre_activation: what `parts` are the relu of, or none where they are something else.
        masks: which of the normalised values go on, times `factor`, true or false in the shape of `parts`; the others
            become 0. All go on as they are where there are none.
    """
    few = is_small(parts[0])

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def normalise(gamma: tf.Tensor, beta: tf.Tensor, *given: tf.Tensor) -> Any:
        xs = [tf.nn.relu(u) for u in given] if pre_activation else list(given)
        mean, variance, count = _moments(xs, few)
        inverse = tf.math.rsqrt(variance + layer.epsilon)
        scale = gamma * inverse
        if masks:
            line = scale * factor, (beta - scale * mean) * factor
            ys = [_kept(x, mask, *line) for x, mask in zip(xs, masks, strict=True)]
        else:
            forward = _forward_few if few else _forward
            ys = [forward(x, mean, scale, beta) for x in xs]

        def gradient(*given: tf.Tensor) -> Any:
            d_ys = list(given[: len(xs)])  # behind the parts come mean and variance, which have no gradient
            if masks:
                d_ys = [
                    _kept(dy, mask, factor * tf.ones_like(mean), 0 * mean) for dy, mask in zip(d_ys, masks, strict=True)
                ]
            sum_dy = tf.add_n([_sum(dy) for dy in d_ys])
            pairs = list(zip(d_ys, xs, strict=True))
            if few:
                d_gamma = tf.add_n([_sum(dy * (x - mean)) for dy, x in pairs]) * inverse
            else:
                d_gamma = (tf.add_n([_sum_of_products(dy, x) for dy, x in pairs]) - mean * sum_dy) * inverse
            slope, constant = _through_moments(count, scale, inverse, sum_dy, d_gamma)
            backward = _relu_backward if pre_activation else _backward_few if few else _backward
            return d_gamma, sum_dy, *(backward(dy, x, scale, mean, slope, constant) for dy, x in pairs)

        return (*ys, mean, variance), gradient

    variables = map(tf.convert_to_tensor, (layer.gamma, layer.beta))
    *normal, mean, variance = normalise(*variables, *(pre_activation or parts))
    _go_on(layer, mean, variance)
    return list(normal)


def folded(
    layer: keras.layers.BatchNormalization, convolution: keras.layers.Conv2D, parts: Parts, *, pre_activation: Parts
) -> Parts:
    """What a convolution without padding, yet without its bias, makes of parts `(n, height, width, channels)` of a batch
    that are normalised together; moving averages go on.

    Args:
        pre_activation: what `parts` are the relu of, or none where they are something else.
    """
    strides = list(convolution.strides)
    how = {"strides": [1, *strides, 1], "padding": "VALID"}

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(gamma: tf.Tensor, beta: tf.Tensor, kernel: tf.Tensor, *given: tf.Tensor) -> Any:
        xs = [tf.nn.relu(u) for u in given] if pre_activation else given
        mean, variance, count = _moments(xs, few=False)
        inverse = tf.math.rsqrt(variance + layer.epsilon)
        scale = gamma * inverse
        offset = beta - scale * mean
        scaled = kernel * scale[:, tf.newaxis]
        bias = tf.linalg.matvec(tf.reduce_sum(kernel, [0, 1]), offset, transpose_a=True)
        ys = [tf.nn.bias_add(tf.nn.conv2d(x, scaled, strides, "VALID"), bias) for x in xs]

        def gradient(*d_ys: tf.Tensor) -> Any:
            pairs = list(zip(d_ys, xs, strict=False))  # behind the parts come mean and variance, which have none
            d_scaled = tf.add_n(
                [
                    tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=kernel.shape, out_backprop=dy, **how)
                    for dy, x in pairs
                ]
            )
            d_bias = tf.add_n([_sum(dy) for dy, _ in pairs])
            sum_dy = tf.linalg.matvec(tf.reduce_sum(kernel, [0, 1]), d_bias)
            sum_dy_x = tf.reduce_sum(kernel * d_scaled, [0, 1, 3])
            d_gamma = (sum_dy_x - mean * sum_dy) * inverse
            slope, constant = _through_moments(count, scale, inverse, sum_dy, d_gamma)
            d_kernel = d_scaled * scale[:, tf.newaxis] + offset[:, tf.newaxis] * d_bias
            d_xs = []
            for dy, x in pairs:
                d_x = tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(x), filter=scaled, out_backprop=dy, **how)
                d_xs.append(
                    (_relu_backward if pre_activation else _backward)(d_x, x, tf.ones_like(mean), mean, slope, constant)
                )
            return d_gamma, sum_dy, d_kernel, *d_xs

        return (*ys, mean, variance), gradient

    variables = map(tf.convert_to_tensor, (layer.gamma, layer.beta, convolution.kernel))
    *convolved, mean, variance = convolve(*variables, *(pre_activation or parts))
    _go_on(layer, mean, variance)
    return list(convolved)


def correct_running_statistics(model: keras.Model, start_share: float) -> None:
    """Take out of running means and variances what is left of where they began, 0 and 1.

    Each step keeps `momentum` of them, so that after t steps momentum^t of the beginning is left, and 1 - momentum^t is
    the weight of all batches together. Kingma and Ba ("Adam", 2015, section 3) derive the same for a beginning at 0.

    Args:
        start_share: the product of the momenta of all steps so far. Before the first step, 1, there is nothing but the
            beginning, and it stays.
    """
    if start_share == 1:
        return
    weight = 1 - start_share
    for layer in model.layers:
        if type(layer) is keras.layers.BatchNormalization:
            mean, variance = (v.numpy().astype(np.float64) for v in (layer.moving_mean, layer.moving_variance))
            layer.moving_mean.assign(mean / weight)
            # Of a channel that is always the same nothing is left, and rounding may say less than that.
            layer.moving_variance.assign(np.maximum(variance - start_share, 0) / weight)


def _through_moments(
    count: tf.Tensor, scale: tf.Tensor, inverse: tf.Tensor, sum_dy: tf.Tensor, d_gamma: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Slope and constant of what x gets beside scale dy, as it has a part in mean and variance."""
    return -scale * inverse * d_gamma / count, -scale * sum_dy / count


def _go_on(layer: keras.layers.BatchNormalization, mean: tf.Tensor, variance: tf.Tensor) -> None:
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + now * (1 - layer.momentum))


def _moments(xs: Sequence[tf.Tensor], few: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Means and variances `(channels,)` of all parts together, and of how many values they are."""
    channels = xs[0].shape[-1]
    sizes = [tf.cast(tf.size(x) // channels, tf.float32) for x in xs]
    count = tf.add_n(sizes)
    moments = [_moments_of_few(x) if few else _moments_of_many(x, size) for x, size in zip(xs, sizes, strict=True)]
    mean = tf.add_n([size * m for size, (m, _) in zip(sizes, moments, strict=True)]) / count
    squares = [size * (v + tf.square(m - mean)) for size, (m, v) in zip(sizes, moments, strict=True)]
    return mean, tf.add_n(squares) / count, count


def _moments_of_few(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    x = tf.reshape(x, [-1, x.shape[-1]])
    mean = tf.reduce_mean(x, 0)
    return mean, tf.reduce_mean(tf.square(x - mean), 0)


def _moments_of_many(x: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """By TensorFlow's one operation, the quickest there is for both though it normalises as well.

    It gives the variance of a sample, divided by n - 1; Keras has that of the batch.
    """
    times, channels = _together(x.shape), x.shape[-1]
    # Where such a row is not to be had, a pixel a map is the quicker.
    pixels = prod(x.shape[1:-1]) // times if times * channels % _AT_ONCE == 0 else 1
    rows = tf.reshape(x, [-1, 1, pixels, times * channels])
    ones = tf.ones([times * channels])
    _, *found = tf.raw_ops.FusedBatchNormV3(x=rows, scale=ones, offset=ones, mean=[], variance=[], is_training=True)
    means, variances = (tf.reshape(values, [times, channels]) for values in found[:2])
    mean = tf.reduce_mean(means, 0)
    of_row = (size - times) / size  # Bessel's correction undone
    return mean, tf.reduce_mean(variances * of_row + tf.square(means - mean), 0)


def _together(shape: tf.TensorShape) -> int:
    """How many pixels of a map `(n, height, width, channels)` make a row whose length suits TensorFlow's operation, which
    takes two to three times as long where it is no multiple of what a processor takes at once."""
    return gcd(_AT_ONCE // gcd(_AT_ONCE, shape[-1]), prod(shape[1:-1]))


def _sum(x: tf.Tensor) -> tf.Tensor:
    """For each channel."""
    return tf.reduce_sum(tf.reshape(x, [-1, x.shape[-1]]), 0)


def _sum_of_products(dy: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """The sum of dy x for each channel, as the diagonal of a product, which reads each of them once."""
    dy, x = (tf.reshape(tensor, [-1, x.shape[-1]]) for tensor in (dy, x))
    return tf.linalg.diag_part(tf.matmul(dy, x, transpose_a=True))


def _fused(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """A function of maps `(n, ..., channels)` and vectors `(channels,)`, elementwise, that reads and writes memory once:
    compiled by XLA where TensorFlow has it.

    For convolutions and sums XLA is several times slower than TensorFlow on a CPU.
    """

    @cache
    def compiled() -> Callable[..., tf.Tensor]:  # at the first call: how many threads there are is settled by then
        return tf.function(function, jit_compile=_has_xla(), autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]

    @wraps(function)
    def call(whole: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
        # In rows that are longer than the channels, else XLA's loops are too short for the processor's wide registers.
        row = prod(whole.shape[max(1, whole.shape.rank - 2) :])
        times = row // whole.shape[-1]
        rows = [tf.reshape(x, [-1, row]) if x.shape.rank > 1 else tf.tile(x, [times]) for x in (whole, *others)]
        return tf.reshape(compiled()(*rows), tf.shape(whole))

    return call


@cache
def _has_xla() -> bool:
    with tf.init_scope():
        try:
            tf.function(lambda x: x + 1.0, jit_compile=True, autograph=False)(tf.constant(1.0))
        except tf.errors.OpError:
            return False
    return True


def _forward_few(x: tf.Tensor, mean: tf.Tensor, scale: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    return (x - mean) * scale + beta


_forward = _fused(_forward_few)


def _backward_few(
    dy: tf.Tensor, x: tf.Tensor, scale: tf.Tensor, mean: tf.Tensor, slope: tf.Tensor, constant: tf.Tensor
) -> tf.Tensor:
    return dy * scale + ((x - mean) * slope + constant)


_backward = _fused(_backward_few)


@_fused
def _relu_backward(
    dy: tf.Tensor, x: tf.Tensor, scale: tf.Tensor, mean: tf.Tensor, slope: tf.Tensor, constant: tf.Tensor
) -> tf.Tensor:
    """Of x that is a relu: what it was taken of has a gradient where x is above 0."""
    return tf.where(x > 0, dy * scale + ((x - mean) * slope + constant), 0.0)


@_fused
def _kept(x: tf.Tensor, mask: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    return tf.where(mask, x * scale + offset, 0.0)

"""Batch normalisation in training, for a batch that is split into parts. Statistics are over the whole batch, as in Keras.

The values x of a channel become y = scale x + offset, where scale = gamma / sqrt(variance + epsilon) and offset = beta -
scale mean. By the chain rule through mean and variance (Ioffe and Szegedy, 2015), dx = scale dy + slope (x - mean) +
constant, where slope and constant depend on dy only through two sums, sum(dy) and sum(dy x).

Where a convolution without padding follows, y is never computed: the scale is folded into the convolution's kernel and
the offset into a bias. Both sums then follow from gradients that are needed anyway, without another pass over x or dy:
since every window lies within the map, sum(dy) is the kernel times the sum of the gradients of the convolution's output;
and since the convolution is linear in x and in its kernel, sum(dy x) is the kernel times the kernel's gradient.
"""

from collections.abc import Callable, Sequence
from functools import cache, wraps
from math import gcd, prod
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Parts = list[tf.Tensor]

# Up to this many values per image, TensorFlow's fused operation is slower than several elementary ones.
_SMALL_MAP_VALUES = 1024
# float32 values in an AVX-512 register.
_REGISTER_VALUES = 16


def is_small(x: tf.Tensor) -> bool:
    """Whether `x`, `(n, ..., channels)`, is normalised by elementary operations instead of TensorFlow's fused one: vectors,
    for which there is no fused one, and maps so small that overhead dominates."""
    return bool(x.shape.rank == 2 or prod(x.shape[1:]) <= _SMALL_MAP_VALUES)


def normalised(
    layer: keras.layers.BatchNormalization,
    parts: Parts,
    *,
    pre_activation: Sequence[tf.Tensor] = (),
    masks: Sequence[tf.Tensor] = (),
    factor: float = 1.0,
) -> Parts:
    """The parts `(n, ..., channels)` of a batch, normalised by the statistics of the whole batch; updates the layer's moving
    averages.

    Args:
        pre_activation: where the parts are outputs of a relu, its inputs; the relu is then differentiated here as well.
        masks: dropout masks, bool in the shape of the parts; empty for no dropout. Values where the mask is false become
            0, the others are multiplied by `factor`.
    """
    small = is_small(parts[0])

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def normalise(gamma: tf.Tensor, beta: tf.Tensor, *given: tf.Tensor) -> Any:
        xs = [tf.nn.relu(u) for u in given] if pre_activation else list(given)
        mean, variance, count = _moments(xs, small)
        inverse = tf.math.rsqrt(variance + layer.epsilon)
        scale = gamma * inverse
        if masks:
            affine = scale * factor, (beta - scale * mean) * factor
            ys = [_masked(x, mask, *affine) for x, mask in zip(xs, masks, strict=True)]
        else:
            forward = _forward_small if small else _forward
            ys = [forward(x, mean, scale, beta) for x in xs]

        def gradient(*given: tf.Tensor) -> Any:
            d_ys = list(given[: len(xs)])  # after the parts come mean and variance, which have no gradient
            if masks:
                d_ys = [
                    _masked(dy, mask, factor * tf.ones_like(mean), 0 * mean)
                    for dy, mask in zip(d_ys, masks, strict=True)
                ]
            sum_dy = tf.add_n([_channel_sums(dy) for dy in d_ys])
            pairs = list(zip(d_ys, xs, strict=True))
            if small:
                d_gamma = tf.add_n([_channel_sums(dy * (x - mean)) for dy, x in pairs]) * inverse
            else:
                d_gamma = (tf.add_n([_channel_products(dy, x) for dy, x in pairs]) - mean * sum_dy) * inverse
            slope, constant = _through_moments(count, scale, inverse, sum_dy, d_gamma)
            backward = _relu_backward if pre_activation else _backward_small if small else _backward
            return d_gamma, sum_dy, *(backward(dy, x, scale, mean, slope, constant) for dy, x in pairs)

        return (*ys, mean, variance), gradient

    variables = map(tf.convert_to_tensor, (layer.gamma, layer.beta))
    *normal, mean, variance = normalise(*variables, *(pre_activation or parts))
    _update_moving_averages(layer, mean, variance)
    return list(normal)


def folded(
    layer: keras.layers.BatchNormalization, convolution: keras.layers.Conv2D, parts: Parts, *, pre_activation: Parts
) -> Parts:
    """The parts `(n, height, width, channels)` of a batch, normalised as by `normalised` and convolved without padding and
    without the convolution's own bias; updates the layer's moving averages.

    Args:
        pre_activation: where the parts are outputs of a relu, its inputs; the relu is then differentiated here as well.
    """
    strides = list(convolution.strides)
    options = {"strides": [1, *strides, 1], "padding": "VALID"}

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(gamma: tf.Tensor, beta: tf.Tensor, kernel: tf.Tensor, *given: tf.Tensor) -> Any:
        xs = [tf.nn.relu(u) for u in given] if pre_activation else given
        mean, variance, count = _moments(xs, small=False)
        inverse = tf.math.rsqrt(variance + layer.epsilon)
        scale = gamma * inverse
        offset = beta - scale * mean
        scaled = kernel * scale[:, tf.newaxis]
        bias = tf.linalg.matvec(tf.reduce_sum(kernel, [0, 1]), offset, transpose_a=True)
        ys = [tf.nn.bias_add(tf.nn.conv2d(x, scaled, strides, "VALID"), bias) for x in xs]

        def gradient(*d_ys: tf.Tensor) -> Any:
            pairs = list(zip(d_ys, xs, strict=False))  # after the parts come mean and variance, which have no gradient
            d_scaled = tf.add_n(
                [
                    tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=kernel.shape, out_backprop=dy, **options)
                    for dy, x in pairs
                ]
            )
            d_bias = tf.add_n([_channel_sums(dy) for dy, _ in pairs])
            sum_dy = tf.linalg.matvec(tf.reduce_sum(kernel, [0, 1]), d_bias)
            sum_dy_x = tf.reduce_sum(kernel * d_scaled, [0, 1, 3])
            d_gamma = (sum_dy_x - mean * sum_dy) * inverse
            slope, constant = _through_moments(count, scale, inverse, sum_dy, d_gamma)
            d_kernel = d_scaled * scale[:, tf.newaxis] + offset[:, tf.newaxis] * d_bias
            d_xs = []
            for dy, x in pairs:
                d_x = tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(x), filter=scaled, out_backprop=dy, **options)
                d_xs.append(
                    (_relu_backward if pre_activation else _backward)(d_x, x, tf.ones_like(mean), mean, slope, constant)
                )
            return d_gamma, sum_dy, d_kernel, *d_xs

        return (*ys, mean, variance), gradient

    variables = map(tf.convert_to_tensor, (layer.gamma, layer.beta, convolution.kernel))
    *convolved, mean, variance = convolve(*variables, *(pre_activation or parts))
    _update_moving_averages(layer, mean, variance)
    return list(convolved)


def correct_running_statistics(model: keras.Model, start_share: float) -> None:
    """Correct running means and variances for the bias towards their initial values, 0 and 1.

    After t steps, momentum^t is the weight of the initial value in a running statistic, and 1 - momentum^t that of all
    batches together. Kingma and Ba ("Adam", 2015, section 3) derive the same correction for averages that start at 0.

    Args:
        start_share: the weight of the initial values: the product of the momenta of all steps so far. At 1, before the
            first step, nothing is changed.
    """
    if start_share == 1:
        return
    weight = 1 - start_share
    for layer in model.layers:
        if type(layer) is keras.layers.BatchNormalization:
            mean, variance = (v.numpy().astype(np.float64) for v in (layer.moving_mean, layer.moving_variance))
            layer.moving_mean.assign(mean / weight)
            # The variance of a constant channel is 0, which rounding errors may have made slightly negative.
            layer.moving_variance.assign(np.maximum(variance - start_share, 0) / weight)


def _through_moments(
    count: tf.Tensor, scale: tf.Tensor, inverse: tf.Tensor, sum_dy: tf.Tensor, d_gamma: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Slope and constant of the part of dx that goes through mean and variance; see the module's docstring."""
    return -scale * inverse * d_gamma / count, -scale * sum_dy / count


def _update_moving_averages(layer: keras.layers.BatchNormalization, mean: tf.Tensor, variance: tf.Tensor) -> None:
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + now * (1 - layer.momentum))


def _moments(xs: Sequence[tf.Tensor], small: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Mean and variance of each channel over all parts, `(channels,)`, and the number of values per channel."""
    channels = xs[0].shape[-1]
    sizes = [tf.cast(tf.size(x) // channels, tf.float32) for x in xs]
    count = tf.add_n(sizes)
    moments = [_moments_small(x) if small else _moments_large(x, size) for x, size in zip(xs, sizes, strict=True)]
    mean = tf.add_n([size * m for size, (m, _) in zip(sizes, moments, strict=True)]) / count
    squares = [size * (v + tf.square(m - mean)) for size, (m, v) in zip(sizes, moments, strict=True)]
    return mean, tf.add_n(squares) / count, count


def _moments_small(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    x = tf.reshape(x, [-1, x.shape[-1]])
    mean = tf.reduce_mean(x, 0)
    return mean, tf.reduce_mean(tf.square(x - mean), 0)


def _moments_large(x: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Moments by TensorFlow's fused batch normalisation, the fastest way to both although it normalises as well.

    It gives the sample variance, with divisor n - 1, where Keras uses that of the batch, with divisor n.
    """
    times, channels = _pixels_per_row(x.shape), x.shape[-1]
    # Where rows cannot be a multiple of the register size, one pixel per map is faster.
    pixels = prod(x.shape[1:-1]) // times if times * channels % _REGISTER_VALUES == 0 else 1
    rows = tf.reshape(x, [-1, 1, pixels, times * channels])
    ones = tf.ones([times * channels])
    _, *found = tf.raw_ops.FusedBatchNormV3(x=rows, scale=ones, offset=ones, mean=[], variance=[], is_training=True)
    means, variances = (tf.reshape(values, [times, channels]) for values in found[:2])
    mean = tf.reduce_mean(means, 0)
    of_row = (size - times) / size  # Bessel's correction undone
    return mean, tf.reduce_mean(variances * of_row + tf.square(means - mean), 0)


def _pixels_per_row(shape: tf.TensorShape) -> int:
    """How many pixels of maps `(n, height, width, channels)` to join to a row, so that its length is a multiple of the
    register size if possible; TensorFlow's fused operation is two to three times slower where it is not."""
    return gcd(_REGISTER_VALUES // gcd(_REGISTER_VALUES, shape[-1]), prod(shape[1:-1]))


def _channel_sums(x: tf.Tensor) -> tf.Tensor:
    """The sum of x over each channel, `(channels,)`."""
    return tf.reduce_sum(tf.reshape(x, [-1, x.shape[-1]]), 0)


def _channel_products(dy: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """The sum of dy x over each channel, `(channels,)`: the diagonal of a matrix product, which reads both only once."""
    dy, x = (tf.reshape(tensor, [-1, x.shape[-1]]) for tensor in (dy, x))
    return tf.linalg.diag_part(tf.matmul(dy, x, transpose_a=True))


def _fused(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Compile an elementwise function of maps `(n, ..., channels)` and vectors `(channels,)` by XLA, where TensorFlow has it,
    so that it reads and writes memory once.

    Only elementwise functions: for convolutions and sums XLA is several times slower than TensorFlow on a CPU.
    """

    @cache
    def compiled() -> Callable[..., tf.Tensor]:  # compiled at the first call, when the number of threads has been set
        return tf.function(function, jit_compile=_has_xla(), autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]

    @wraps(function)
    def call(whole: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
        # In rows of several pixels, since loops over the channels alone are too short for XLA to vectorise well.
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


def _forward_small(x: tf.Tensor, mean: tf.Tensor, scale: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    return (x - mean) * scale + beta


_forward = _fused(_forward_small)


def _backward_small(
    dy: tf.Tensor, x: tf.Tensor, scale: tf.Tensor, mean: tf.Tensor, slope: tf.Tensor, constant: tf.Tensor
) -> tf.Tensor:
    return dy * scale + ((x - mean) * slope + constant)


_backward = _fused(_backward_small)


@_fused
def _relu_backward(
    dy: tf.Tensor, x: tf.Tensor, scale: tf.Tensor, mean: tf.Tensor, slope: tf.Tensor, constant: tf.Tensor
) -> tf.Tensor:
    """As `_backward`, through the relu whose output x is as well: the gradient is 0 where x is."""
    return tf.where(x > 0, dy * scale + ((x - mean) * slope + constant), 0.0)


@_fused
def _masked(x: tf.Tensor, mask: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    return tf.where(mask, x * scale + offset, 0.0)

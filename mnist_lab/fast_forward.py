"""A network's forward pass for training: the mathematics of its stock Keras layers in fewer and cheaper operations.

The variables are those of the stock model, which is what is validated, saved and exported. Here differ only

- the order of work: the bias and an activation that never falls come after a maximum is taken, of a quarter of the
  values, with the same result to the bit;
- batch normalisation, which TensorFlow has as one operation with a gradient of its own. It gives the variance of a
  sample, divided by n - 1 (Bessel's correction); Keras keeps that of the batch, divided by n;
- dropout masks, made from random bytes rather than from a float for each value.

What has no cheaper form is left to its stock layer.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import keras
import tensorflow as tf

# Values of an image; for fewer, waking the threads of the one operation takes longer than several small ones.
_FEW = 256
_NEVER_FALLING = {"relu", "leaky_relu", "linear"}  # and are the same to the bit wherever a value lies in its tensor


def logits(model: keras.Sequential, x: tf.Tensor) -> tf.Tensor:
    """What the softmax of the last layer is taken of, `(batch, 10)`, for a batch of training images.

    Has the side effects of `model(x, training=True)`: moving averages and the states of dropout go on.
    """
    *hidden, last = model.layers
    later: Callable[[tf.Tensor], tf.Tensor] | None = None  # bias and activation that wait for a pooling
    for layer, follower in zip(hidden, [*hidden[1:], last], strict=True):
        kind = type(layer)
        if kind is keras.layers.Conv2D:
            x = tf.nn.conv2d(x, layer.kernel, list(layer.strides), layer.padding.upper())
            if type(follower) is keras.layers.MaxPooling2D and layer.activation.__name__ in _NEVER_FALLING:
                later = _finisher(layer)
            else:
                x = _finisher(layer)(x)
        elif kind is keras.layers.MaxPooling2D:
            x = tf.nn.max_pool2d(x, layer.pool_size, layer.strides, layer.padding.upper())
            if later:
                x, later = later(x), None
        elif kind is keras.layers.BatchNormalization:
            x = _normalised(layer, x)
        elif kind is keras.layers.Dropout:
            x = _dropped(layer, x)
        elif kind is keras.layers.Dense:
            x = _finisher(layer)(tf.matmul(x, layer.kernel))
        elif kind is keras.layers.Flatten:
            x = tf.reshape(x, [-1, prod(x.shape[1:])])
        else:
            x = layer(x, training=True)
    return tf.nn.bias_add(tf.matmul(x, last.kernel), last.bias)


def _finisher(layer: keras.layers.Layer) -> Callable[[tf.Tensor], tf.Tensor]:
    """Bias and activation of a layer."""

    def finish(x: tf.Tensor) -> tf.Tensor:
        if layer.use_bias:
            x = tf.nn.bias_add(x, layer.bias)
        return layer.activation(x)

    return finish


def _normalised(layer: keras.layers.BatchNormalization, x: tf.Tensor) -> tf.Tensor:
    channels = x.shape[-1]
    if prod(x.shape[1:]) <= _FEW:
        normalised, mean, variance = _normalised_few(tf.reshape(x, [-1, channels]), layer)
    else:
        normalised, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=layer.gamma, offset=layer.beta, mean=[], variance=[], epsilon=layer.epsilon, is_training=True
        )
        count = tf.cast(tf.size(x) // channels, tf.float32)
        variance *= (count - 1) / count
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + now * (1 - layer.momentum))
    return tf.reshape(normalised, [-1, *x.shape[1:]])


def _normalised_few(x: tf.Tensor, layer: keras.layers.BatchNormalization) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Values `(n, channels)` normalised, their means and variances, with the gradient of Ioffe and Szegedy (2015)."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def normalise(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> Any:
        mean = tf.reduce_mean(x, 0)
        centred = x - mean
        variance = tf.reduce_mean(tf.square(centred), 0)
        inverse = tf.math.rsqrt(variance + layer.epsilon)
        normal = centred * inverse

        def gradient(dy: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            d_beta, d_gamma = tf.reduce_sum(dy, 0), tf.reduce_sum(dy * normal, 0)
            count = tf.cast(tf.shape(x)[0], tf.float32)
            return (dy - d_beta / count - normal * (d_gamma / count)) * (gamma * inverse), d_gamma, d_beta

        return (normal * gamma + beta, mean, variance), gradient

    return normalise(x, tf.convert_to_tensor(layer.gamma), tf.convert_to_tensor(layer.beta))  # type: ignore[no-any-return]


def _dropped(layer: keras.layers.Dropout, x: tf.Tensor) -> tf.Tensor:
    """Dropout. A value of 8 bits decides where the rate is a multiple of a 256th, else one of 16 bits."""
    if layer.rate == 0:
        return x
    kind = tf.uint8 if (256 * layer.rate).is_integer() else tf.uint16
    steps = 2 ** (8 * kind.size)
    dropped = round(steps * layer.rate)
    a_word = 4 // kind.size
    size = tf.size(x)
    words = (size + a_word - 1) // a_word
    seed = tf.cast(layer.seed_generator.next(), tf.int32)
    bits = tf.random.stateless_uniform([words], seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    values = tf.reshape(tf.bitcast(bits, kind), [-1])[:size]
    kept = tf.reshape(values >= tf.constant(dropped, kind), tf.shape(x))
    return x * (tf.cast(kept, x.dtype) * (steps / (steps - dropped)))

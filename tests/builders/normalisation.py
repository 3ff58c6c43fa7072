"""Batch normalisation with what stands before or behind it, each done by itself: what `batch_norm` does together."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from mnist_lab.training.batch_norm import Parts, normalised


def normalised_apart(
    layer: keras.layers.BatchNormalization,
    parts: Parts,
    *,
    pre_activation: Sequence[tf.Tensor] = (),
    masks: Sequence[tf.Tensor] = (),
    factor: float = 1.0,
) -> Parts:
    """`normalised`, then the masks; the gradient of the relu before it is TensorFlow's own."""
    xs = [tf.nn.relu(u) for u in pre_activation] or parts
    found = normalised(layer, xs)
    return [x * (tf.cast(m, x.dtype) * factor) for x, m in zip(found, masks, strict=True)] if masks else found


def folded_apart(
    layer: keras.layers.BatchNormalization, convolution: keras.layers.Conv2D, parts: Parts, *, pre_activation: Parts
) -> Parts:
    """`normalised`, then the convolution without padding or bias."""
    xs = normalised_apart(layer, parts, pre_activation=pre_activation)
    return [tf.nn.conv2d(x, convolution.kernel, list(convolution.strides), "VALID") for x in xs]

"""From plain layer descriptions to a stock Keras model, and what that gives."""

from dataclasses import asdict
from math import gcd

import keras
import numpy as np
import tensorflow as tf

from mnist_lab.design.architecture import Architecture, trace
from mnist_lab.design.layers import INPUT_SHAPE, padding_before, window_positions


def build(architecture: Architecture, seed: int, normalization_momentum: float = 0.99) -> keras.Sequential:
    """A stock `keras.Sequential` for images `(batch, 28, 28, 1)` in 0 to 1, giving probabilities `(batch, 10)`.

    Every random choice (initial weights, dropout masks) comes from `seed` alone, through a seed for each layer: the
    process-wide seed of Keras is neither used nor changed, so models can be built beside one that trains.

    Raises:
        ArchitectureError: the architecture is impossible; Keras is not asked.
    """
    seeds = np.random.SeedSequence(seed)
    layers: list[keras.layers.Layer] = [keras.Input(INPUT_SHAPE)]
    for traced in trace(architecture):
        kind = type(traced.layer).__name__
        # Named by place: Keras' own numbering counts on over all models of a process.
        arguments = asdict(traced.layer) | {"name": f"{traced.place} {kind}".lower().replace(" ", "_")}
        (child,) = seeds.spawn(1)
        layer_seed = int(child.generate_state(1)[0] >> 1)  # Keras wants it non-negative and below 2**31
        if kind == "BatchNormalization":
            arguments["momentum"] = normalization_momentum
        elif kind == "Dropout":
            arguments["seed"] = layer_seed
        elif kind in ("Conv2D", "Dense"):
            arguments["kernel_initializer"] = keras.initializers.GlorotUniform(seed=layer_seed)
        elif kind == "SeparableConv2D":
            arguments["depthwise_initializer"] = keras.initializers.GlorotUniform(seed=layer_seed)
            arguments["pointwise_initializer"] = keras.initializers.GlorotUniform(seed=layer_seed + 1)
        layers.append(getattr(keras.layers, kind)(**arguments))
    return keras.Sequential(layers, name="network")


def forward(model: keras.Sequential, x: tf.Tensor) -> tf.Tensor:
    """What a model gives for an input, outside of training."""
    if not any(map(_has_unequal_strides, model.layers)):
        return model(x, training=False)
    for layer in model.layers:
        x = output(layer, x)
    return x


def output(layer: keras.layers.Layer, x: tf.Tensor, *, training: bool = False) -> tf.Tensor:
    """What a layer gives for an input `(n, ...)`.

    TensorFlow has convolutions of each channel alone for equal strides only. Those with others it computes where oneDNN
    takes them over, which depends on machine, batch and size of the maps; here they are taken with equal strides, and of
    what they give every so many rows or columns.
    """
    if not _has_unequal_strides(layer):
        return layer(x, training=training)
    height, width = x.shape[1:3]
    if layer.padding == "same":
        sides = [[0, 0], [0, 0], [0, 0], [0, 0]]
        for axis, (length, window, stride) in enumerate(
            zip((height, width), layer.kernel_size, layer.strides, strict=True), 1
        ):
            before = padding_before(length, window, stride)
            reached = (window_positions(length, window, stride, "same") - 1) * stride + window
            sides[axis] = [before, max(0, reached - length - before)]
        x = tf.pad(x, sides)
    common = gcd(*layer.strides)
    down, across = (stride // common for stride in layer.strides)
    x = tf.nn.depthwise_conv2d(x, layer.depthwise_kernel, [1, common, common, 1], "VALID")[:, ::down, ::across]
    x = tf.nn.conv2d(x, layer.pointwise_kernel, 1, "VALID")
    return layer.activation(tf.nn.bias_add(x, layer.bias) if layer.use_bias else x)


def _has_unequal_strides(layer: keras.layers.Layer) -> bool:
    return type(layer) is keras.layers.SeparableConv2D and layer.strides[0] != layer.strides[1]

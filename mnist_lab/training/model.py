"""The stock Keras model of an architecture, and its outputs outside training."""

from dataclasses import asdict
from math import gcd

import keras
import numpy as np
import tensorflow as tf

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.layers import INPUT_SHAPE, padding_before, window_positions
from mnist_lab.design.network import Traced, TracedLayer, is_chain, trace, walk


def build(architecture: Architecture, seed: int, normalization_momentum: float = 0.99) -> keras.Model:
    """A stock Keras model from images `(batch, 28, 28, 1)` in 0 to 1 to probabilities `(batch, 10)`.

    A `keras.Sequential` where each layer takes the output of the one before it, else a functional model. All random
    numbers (initial weights, dropout masks) follow from `seed`, by a seed per layer; Keras' global seed is neither used
    nor changed, so that models can be built while another one trains.

    Raises:
        ArchitectureError: the architecture cannot be built.
    """
    traced = trace(architecture)
    seeds = np.random.SeedSequence(seed)
    layers = {row.name: _stock(row, seeds, normalization_momentum) for row in traced}
    image = keras.Input(INPUT_SHAPE)
    if is_chain(traced):
        return keras.Sequential([image, *layers.values()], name="network")
    outputs = walk(traced, image, lambda row, given: layers[row.name](given if len(given) > 1 else given[0]))
    return keras.Model(image, outputs[-1], name="network")


def restart(model: keras.Model, architecture: Architecture, seed: int) -> None:
    """Set all variables of a model of `build` to those that it would have been built with for a seed."""
    seeds = np.random.SeedSequence(seed)
    for row in trace(architecture):
        unbuilt = _stock(row, seeds)
        for variable in model.get_layer(row.name).variables:
            if variable.name == "seed_generator_state":
                variable.assign(unbuilt.seed_generator.state)
            else:
                initializer = getattr(unbuilt, f"{variable.name.removesuffix('_kernel')}_initializer")
                variable.assign(initializer(variable.shape, variable.dtype))


def _stock(row: TracedLayer, seeds: np.random.SeedSequence, momentum: float = 0.99) -> keras.layers.Layer:
    """The stock layer of a traced layer. It is named explicitly, since Keras' default names depend on earlier models."""
    kind = type(row.layer).__name__
    arguments = asdict(row.layer) | {"name": row.name}
    (child,) = seeds.spawn(1)
    seed = int(child.generate_state(1)[0] >> 1)  # Keras requires 0 ≤ seed < 2**31
    if kind == "BatchNormalization":
        arguments["momentum"] = momentum
    elif kind == "Dropout":
        arguments["seed"] = seed
    elif kind in ("Conv2D", "Dense"):
        arguments["kernel_initializer"] = keras.initializers.GlorotUniform(seed=seed)
    elif kind == "SeparableConv2D":
        arguments["depthwise_initializer"] = keras.initializers.GlorotUniform(seed=seed)
        arguments["pointwise_initializer"] = keras.initializers.GlorotUniform(seed=seed + 1)
    return getattr(keras.layers, kind)(**arguments)


def in_order(model: keras.Model, traced: Traced) -> list[keras.layers.Layer]:
    """A model's layers in the order of the trace."""
    return [model.get_layer(row.name) for row in traced]


def outputs(model: keras.Model, traced: Traced, x: tf.Tensor) -> list[tf.Tensor]:
    """The output of each layer, in the order of the trace, for an input `(n, 28, 28, 1)` outside training."""
    return walk(traced, x, lambda row, given: output(model.get_layer(row.name), *given))


def forward(model: keras.Model, traced: Traced, x: tf.Tensor) -> tf.Tensor:
    """The output of a model for an input `(n, 28, 28, 1)` outside training."""
    if any(map(_has_unequal_strides, model.layers)):
        return outputs(model, traced, x)[-1]
    return model(x, training=False)


def output(layer: keras.layers.Layer, x: tf.Tensor, *others: tf.Tensor, training: bool = False) -> tf.Tensor:
    """The output of a layer for an input `(n, ...)`, or for several.

    TensorFlow implements depthwise convolutions with equal strides only; unequal ones work where oneDNN takes over, which
    depends on machine, batch size and size of the maps. Here they are computed with the greatest common divisor of both
    strides, and the output is subsampled.
    """
    if others:
        return layer([x, *others])
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

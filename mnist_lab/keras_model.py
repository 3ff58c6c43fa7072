"""From plain layer descriptions to a stock Keras model."""

from dataclasses import asdict

import keras
import numpy as np

from mnist_lab.architecture import Architecture, trace
from mnist_lab.layers import INPUT_SHAPE


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

"""The forward pass for training: mathematically that of the stock Keras layers, in fewer and cheaper operations.

It uses the variables of the stock model, which is what is validated, saved and exported. It differs in

- the order of operations: a batch goes through the network in parallel parts, which synchronise only where it is
  normalised as a whole; bias and a monotonic activation are applied after max pooling, to a quarter of the values and
  with the same result to the bit;
- batch normalisation (see `batch_norm`);
- convolutions with large kernels (see `fft_convolution`);
- dropout masks, which are made from random bytes instead of a random float per value.

Layers that have no cheaper form are applied as they are. A layer or an option that is not known here is refused, so that
no option can train another network than the one that is shown and exported.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from math import prod

import keras
import tensorflow as tf

from mnist_lab.design import layers
from mnist_lab.design.convolution_cost import Convolution
from mnist_lab.design.layers import Layer
from mnist_lab.design.network import IMAGE, Traced, consumers
from mnist_lab.errors import TrainingError
from mnist_lab.training import batch_norm, fft_convolution
from mnist_lab.training import model as keras_model
from mnist_lab.training.batch_norm import Parts

# Monotonic activations whose result does not depend on a value's position in its tensor, to the bit.
_MONOTONIC = {"relu", "leaky_relu", "linear"}

_POOLING = {"pool_size"}
_CONVOLUTION = {"filters", "kernel_size", "strides", "padding", "use_bias", "activation"}
# The layers that are known here, each with all its options.
_KNOWN: dict[type[Layer], set[str]] = {
    layers.Conv2D: _CONVOLUTION,
    layers.SeparableConv2D: _CONVOLUTION,
    layers.MaxPooling2D: _POOLING,
    layers.AveragePooling2D: _POOLING,
    layers.BatchNormalization: set(),
    layers.Activation: {"activation"},
    layers.Add: set(),
    layers.Dropout: {"rate"},
    layers.Flatten: set(),
    layers.GlobalAveragePooling2D: set(),
    layers.GlobalMaxPooling2D: set(),
    layers.Dense: {"units", "use_bias", "activation"},
}


def logits(model: keras.Model, traced: Traced, parts: Parts, images: int) -> Parts:
    """The logits `(n, 10)` of each part `(n, 28, 28, 1)` of a batch.

    Has the side effects of `model(batch, training=True)`: it updates moving averages and the states of dropout's seeds.

    Args:
        traced: the model's layers.
        images: per part in a full batch. It decides which operations are cheaper, and so the last digits of the result.

    Raises:
        TrainingError: the network has a layer, or a layer has an option, that is not known here.
    """
    for row in traced:
        if _KNOWN.get(type(row.layer)) != {option.name for option in fields(row.layer)}:
            raise TrainingError(
                f"{row.place}: training does not support {row.layer.describe()} with all its options; nothing was trained."
            )
    stock = keras_model.in_order(model, traced)
    batch = _Batch(parts, images)
    given = {IMAGE: _Value(parts)}
    for number, (row, taken_by) in enumerate(zip(traced[:-1], consumers(traced), strict=False)):
        # Where only the next layer takes this one's output, some of the work may be deferred to it.
        follower = stock[number + 1] if taken_by == [number + 1] and len(traced[number + 1].inputs) == 1 else None
        main, *others = (given[i] for i in row.inputs)
        batch.go_through(stock[number], main, [other.parts for other in others], follower)
        given[number] = _Value(batch.parts, batch.pre_activation)
    last = stock[-1]
    return [tf.nn.bias_add(tf.matmul(x, last.kernel), last.bias) for x in batch.parts]


@dataclass
class _Value:
    """A layer's output in parts of a batch; where it is the output of a relu, also the relu's input."""

    parts: Parts
    pre_activation: Parts = field(default_factory=list)


class _Batch:
    """A batch on its way through a network.

    Attributes:
        parts: the output of the last layer.
        pre_activation: where that is the output of a relu, the relu's input; else empty.
        deferred: bias and activation of the last layer, where they are to be applied after the pooling that follows.
        normalisation: the last layer, where it is to be applied together with the layer that follows.
    """

    def __init__(self, parts: Parts, images: int) -> None:
        self.parts = parts
        self.images = images
        self.pre_activation: Parts = []
        self.deferred: Callable[[tf.Tensor], tf.Tensor] | None = None
        self.normalisation: keras.layers.BatchNormalization | None = None

    def go_through(
        self, layer: keras.layers.Layer, given: _Value, others: list[Parts], follower: keras.layers.Layer | None
    ) -> None:
        """Apply a layer.

        Args:
            given: its input.
            others: further inputs, where it is an addition.
            follower: the next layer, where that alone takes this one's output; else None.
        """
        self.parts, pre_activation, self.pre_activation = given.parts, given.pre_activation, []
        kind = type(layer)
        if kind is keras.layers.Conv2D:
            self._convolve(layer, follower, pre_activation)
        elif kind is keras.layers.MaxPooling2D:
            padding = layer.padding.upper()
            self._each(lambda x: tf.nn.max_pool2d(x, layer.pool_size, layer.strides, padding))
            if self.deferred:
                self._each(self.deferred)
                self.deferred = None
        elif kind is keras.layers.BatchNormalization:
            small = batch_norm.is_small(self.parts[0])
            if _absorbs_normalisation(follower, small) and not self._fourier_plan(follower):
                self.normalisation, self.pre_activation = layer, pre_activation
            else:
                fused_relu = [] if small else pre_activation
                self.parts = batch_norm.normalised(layer, self.parts, pre_activation=fused_relu)
        elif kind is keras.layers.Dropout:
            self._drop_out(layer, pre_activation)
        elif kind is keras.layers.Dense:
            self._each(lambda x: _with_bias_and_activation(layer, tf.matmul(x, layer.kernel)))
        elif kind is keras.layers.Flatten:
            self._each(lambda x: tf.reshape(x, [-1, prod(x.shape[1:])]))
        elif kind is keras.layers.Add:
            self.parts = [tf.add_n(summands) for summands in zip(self.parts, *others, strict=True)]
        else:
            self._each(lambda x: keras_model.output(layer, x, training=True))

    def _each(self, function: Callable[[tf.Tensor], tf.Tensor]) -> None:
        self.parts = [function(x) for x in self.parts]

    def _drop_out(self, layer: keras.layers.Dropout, pre_activation: Parts) -> None:
        if self.normalisation:
            self.parts = batch_norm.normalised(
                self.normalisation,
                self.parts,
                pre_activation=pre_activation,
                masks=_masks(layer, self.parts),
                factor=_factor(layer),
            )
            self.normalisation = None
        else:
            self.parts = _dropped(layer, self.parts)

    def _convolve(self, layer: keras.layers.Conv2D, follower: keras.layers.Layer | None, pre_activation: Parts) -> None:
        if self.normalisation:
            self.parts = batch_norm.folded(self.normalisation, layer, self.parts, pre_activation=pre_activation)
            self.normalisation = None
        elif plan := self._fourier_plan(layer):
            self.parts = fft_convolution.convolved(plan, tf.convert_to_tensor(layer.kernel), self.parts)
        else:
            self._each(lambda x: _convolved(layer, x))
        if type(follower) is keras.layers.MaxPooling2D and layer.activation.__name__ in _MONOTONIC:
            self.deferred = lambda x: _with_bias_and_activation(layer, x)
            return
        if layer.use_bias:
            self._each(lambda x: tf.nn.bias_add(x, layer.bias))
        if layer.activation.__name__ == "relu":
            self.pre_activation = self.parts
        self._each(layer.activation)

    def _fourier_plan(self, layer: keras.layers.Layer | None) -> Convolution | None:
        """The convolution that a layer computes, where it is faster by Fourier transform; else None."""
        if layer is None or type(layer) is not keras.layers.Conv2D or layer.strides != (1, 1):
            return None
        plan = Convolution.of(tuple(self.parts[0].shape[1:]), layer.kernel_size, layer.filters, layer.padding)
        return plan if plan.saving(self.images) else None


def _is_strided_1x1(layer: keras.layers.Conv2D) -> bool:
    return bool(layer.kernel_size == (1, 1) and layer.strides != (1, 1))


def _convolved(layer: keras.layers.Conv2D, x: tf.Tensor) -> tf.Tensor:
    """The convolution of a layer, without bias and activation."""
    if _is_strided_1x1(layer):
        # The pixels that it skips are removed first: for one channel and some odd numbers of images, TensorFlow 2.21
        # writes the kernel's gradient of such a convolution out of bounds, and the process crashes soon after.
        down, across = layer.strides
        return tf.nn.conv2d(x[:, ::down, ::across], layer.kernel, 1, "VALID")
    return tf.nn.conv2d(x, layer.kernel, list(layer.strides), layer.padding.upper())


def _with_bias_and_activation(layer: keras.layers.Layer, x: tf.Tensor) -> tf.Tensor:
    if layer.use_bias:
        x = tf.nn.bias_add(x, layer.bias)
    return layer.activation(x)


def _absorbs_normalisation(layer: keras.layers.Layer | None, small: bool) -> bool:
    """Whether a layer and a normalisation of small or large maps before it are cheaper when computed together."""
    if layer is not None and type(layer) is keras.layers.Conv2D:
        return layer.padding == "valid" and not _is_strided_1x1(layer)
    return type(layer) is keras.layers.Dropout and not small


def _dropped(layer: keras.layers.Dropout, parts: Parts) -> Parts:
    factor = _factor(layer)
    return [x * (tf.cast(mask, x.dtype) * factor) for x, mask in zip(parts, _masks(layer, parts), strict=True)]


def _masks(layer: keras.layers.Dropout, parts: Parts) -> Parts:
    """Dropout masks in the shapes of the parts: true where a value is kept. Advances the layer's seed.

    The random numbers are those of Philox (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
    2011), with the state of the layer's seed as key and a counter that starts elsewhere for each part.
    """
    kind, threshold = _threshold(layer.rate)
    key = tf.reshape(tf.bitcast(tf.cast(layer.seed_generator.next(), tf.uint32), tf.uint64), [1])
    masks = []
    for i, x in enumerate(parts):
        row = prod(x.shape[1:])
        words = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[tf.shape(x)[0], -(-row * kind.size // 4)],
            key=key,
            counter=tf.constant([0, i], tf.uint64),
            alg=tf.random.Algorithm.PHILOX.value,
            dtype=tf.uint32,
        )
        values = tf.reshape(tf.bitcast(words, kind), [-1, words.shape[1] * 4 // kind.size])[:, :row]
        masks.append(tf.reshape(values >= tf.constant(threshold, kind), tf.shape(x)))
    return masks


def _factor(layer: keras.layers.Dropout) -> float:
    """The factor of the kept values that preserves the expected value."""
    kind, threshold = _threshold(layer.rate)
    steps: int = 2 ** (8 * kind.size)
    return steps / (steps - threshold)


def _threshold(rate: float) -> tuple[tf.DType, int]:
    """The type of random integer that decides on a value, and the smallest that keeps it: 8 bits where these represent the
    rate exactly, else 16."""
    kind = tf.uint8 if (256 * rate).is_integer() else tf.uint16
    return kind, round(2 ** (8 * kind.size) * rate)

"""A network's forward pass for training: the mathematics of its stock Keras layers in fewer and cheaper operations.

The variables are those of the stock model, which is what is validated, saved and exported. Here differ only

- the order of work: a batch goes through the network in parts side by side, which meet where it is normalised as a
  whole; the bias and a monotonic activation come after a maximum is taken, of a quarter of the values, with the same
  result to the bit;
- batch normalisation (see `batch_norm`);
- convolutions with large kernels (see `fft_convolution`);
- dropout masks, made from random bytes rather than from a float for each value.

What has no cheaper form is left to its stock layer, and what is not known here is refused: no option may train another
network than is exported and shown.
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

_MONOTONIC = {"relu", "leaky_relu", "linear"}  # and are the same to the bit wherever a value lies in its tensor

_POOLING = {"pool_size"}
_CONVOLUTION = {"filters", "kernel_size", "strides", "padding", "use_bias", "activation"}
# The layers that are known here, each with all that its result depends on.
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
    """What the softmax of the last layer is taken of, `(n, 10)`, for each part `(n, 28, 28, 1)` of a batch of images.

    Has the side effects of `model(batch, training=True)`: moving averages and the states of dropout go on.

    Args:
        traced: the model's layers.
        images: how many a part has as a rule. On it depends what is cheaper, and so the last digits of the result.

    Raises:
        TrainingError: the network has a layer, or a layer an option, that is not known here.
    """
    for row in traced:
        if _KNOWN.get(type(row.layer)) != {option.name for option in fields(row.layer)}:
            raise TrainingError(f"{row.place}: training does not know {row.layer.describe()}; nothing was trained.")
    stock = keras_model.in_order(model, traced)
    batch = _Batch(parts, images)
    given = {IMAGE: _Value(parts)}
    for number, (row, takers) in enumerate(zip(traced[:-1], consumers(traced), strict=False)):
        # Where only the next layer takes what this one gives, some of the work may wait for it.
        follower = stock[number + 1] if takers == [number + 1] and len(traced[number + 1].inputs) == 1 else None
        main, *others = (given[i] for i in row.inputs)
        batch.go_through(stock[number], main, [other.parts for other in others], follower)
        given[number] = _Value(batch.parts, batch.pre_activation)
    last = stock[-1]
    return [tf.nn.bias_add(tf.matmul(x, last.kernel), last.bias) for x in batch.parts]


@dataclass
class _Value:
    """What a layer gives, in the parts of a batch; and where that is a relu, what it was taken of."""

    parts: Parts
    pre_activation: Parts = field(default_factory=list)


class _Batch:
    """A batch on its way through a network."""

    def __init__(self, parts: Parts, images: int) -> None:
        self.parts = parts
        self.images = images
        self.pre_activation: Parts = []  # what relu was just taken of
        self.later: Callable[[tf.Tensor], tf.Tensor] | None = None  # bias and activation that wait for a pooling
        self.normalisation: keras.layers.BatchNormalization | None = None  # waits for the layer behind it

    def go_through(
        self, layer: keras.layers.Layer, given: _Value, others: list[Parts], follower: keras.layers.Layer | None
    ) -> None:
        """Take a layer's inputs through it.

        Args:
            given: its input; others: further ones of an addition.
            follower: the layer that alone takes its output, right behind it; None where there is no such.
        """
        self.parts, pre_activation, self.pre_activation = given.parts, given.pre_activation, []
        kind = type(layer)
        if kind is keras.layers.Conv2D:
            self._convolve(layer, follower, pre_activation)
        elif kind is keras.layers.MaxPooling2D:
            padding = layer.padding.upper()
            self._each(lambda x: tf.nn.max_pool2d(x, layer.pool_size, layer.strides, padding))
            if self.later:
                self._each(self.later)
                self.later = None
        elif kind is keras.layers.BatchNormalization:
            small = batch_norm.is_small(self.parts[0])
            if _takes_normalisation(follower, small) and not self._by_fourier(follower):
                self.normalisation, self.pre_activation = layer, pre_activation
            else:
                given_relu = [] if small else pre_activation
                self.parts = batch_norm.normalised(layer, self.parts, pre_activation=given_relu)
        elif kind is keras.layers.Dropout:
            self._drop_out(layer, pre_activation)
        elif kind is keras.layers.Dense:
            self._each(lambda x: _finished(layer, tf.matmul(x, layer.kernel)))
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
        elif plan := self._by_fourier(layer):
            self.parts = fft_convolution.convolved(plan, tf.convert_to_tensor(layer.kernel), self.parts)
        else:
            self._each(lambda x: _convolved(layer, x))
        if type(follower) is keras.layers.MaxPooling2D and layer.activation.__name__ in _MONOTONIC:
            self.later = lambda x: _finished(layer, x)
            return
        if layer.use_bias:
            self._each(lambda x: tf.nn.bias_add(x, layer.bias))
        if layer.activation.__name__ == "relu":
            self.pre_activation = self.parts
        self._each(layer.activation)

    def _by_fourier(self, layer: keras.layers.Layer | None) -> Convolution | None:
        """What a layer does, if it is quicker by way of the Fourier transform."""
        if layer is None or type(layer) is not keras.layers.Conv2D or layer.strides != (1, 1):
            return None
        plan = Convolution.of(tuple(self.parts[0].shape[1:]), layer.kernel_size, layer.filters, layer.padding)
        return plan if plan.saving(self.images) else None


def _skips(layer: keras.layers.Conv2D) -> bool:
    """Whether a convolution looks at some pixels alone, and at others not at all."""
    return bool(layer.kernel_size == (1, 1) and layer.strides != (1, 1))


def _convolved(layer: keras.layers.Conv2D, x: tf.Tensor) -> tf.Tensor:
    """Without bias and activation."""
    if _skips(layer):
        # What it skips is left out first: of such a convolution TensorFlow 2.21 writes the kernel's gradient beyond the
        # memory it has, for one channel and some odd numbers of images, and the process dies a little later.
        down, across = layer.strides
        return tf.nn.conv2d(x[:, ::down, ::across], layer.kernel, 1, "VALID")
    return tf.nn.conv2d(x, layer.kernel, list(layer.strides), layer.padding.upper())


def _finished(layer: keras.layers.Layer, x: tf.Tensor) -> tf.Tensor:
    """With a layer's bias and activation."""
    if layer.use_bias:
        x = tf.nn.bias_add(x, layer.bias)
    return layer.activation(x)


def _takes_normalisation(layer: keras.layers.Layer | None, small: bool) -> bool:
    """Whether a layer's work and that of a normalisation of small or large maps before it are less when done together."""
    if layer is not None and type(layer) is keras.layers.Conv2D:
        return layer.padding == "valid" and not _skips(layer)
    return type(layer) is keras.layers.Dropout and not small


def _dropped(layer: keras.layers.Dropout, parts: Parts) -> Parts:
    factor = _factor(layer)
    return [x * (tf.cast(mask, x.dtype) * factor) for x, mask in zip(parts, _masks(layer, parts), strict=True)]


def _masks(layer: keras.layers.Dropout, parts: Parts) -> Parts:
    """Which values of each part dropout lets through, in its shape.

    They come from Philox (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011), whose
    key is the state of the layer's seed, and whose counter begins at another place for each part.
    """
    kind, least = _threshold(layer.rate)
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
        masks.append(tf.reshape(values >= tf.constant(least, kind), tf.shape(x)))
    return masks


def _factor(layer: keras.layers.Dropout) -> float:
    """What the values that go on are multiplied by, so that their mean stays."""
    kind, least = _threshold(layer.rate)
    steps: int = 2 ** (8 * kind.size)
    return steps / (steps - least)


def _threshold(rate: float) -> tuple[tf.DType, int]:
    """Which random number decides about a value, and from what on it is kept: 8 bits where they say the rate exactly,
    else 16."""
    kind = tf.uint8 if (256 * rate).is_integer() else tf.uint16
    return kind, round(2 ** (8 * kind.size) * rate)

"""Plain layer descriptions and their arithmetic: output shapes, parameters, multiply-adds.

Each class is named after a Keras layer, and its fields are that layer's arguments with the same defaults, so that models
and scripts are built without a table of layers. Nothing here imports TensorFlow; the tests check the arithmetic against
stock Keras.

Shapes are without the batch: `(height, width, channels)` for maps and `(units,)` for vectors.
"""

from dataclasses import dataclass
from math import prod

from mnist_lab.errors import ArchitectureError

Shape = tuple[int, ...]
Size = tuple[int, int]

INPUT_SHAPE: Shape = (28, 28, 1)
CLASSES = 10


def size_text(size: Shape) -> str:
    """A size or shape as text: `3×3`, `26×26×16`."""
    return "×".join(map(str, size))


def window_positions(length: int, window: int, stride: int, padding: str) -> int:
    """Number of positions of a window along an axis of `length` pixels; 0 or negative where it does not fit.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, relationships 5 and 6; for
    "same", TensorFlow's definition, `length / stride` rounded up.
    """
    if padding == "same":
        return -(-length // stride)
    return (length - window) // stride + 1


def padding_before(length: int, window: int, stride: int) -> int:
    """Number of zeros that "same" padding puts before an axis; of an odd total, the one more goes behind it.

    Source: the notes on padding in TensorFlow's documentation of `tf.nn`.
    """
    return max(0, (window_positions(length, window, stride, "same") - 1) * stride + window - length) // 2


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A Keras layer, by default one that keeps its input's shape and has no parameters. Methods take the input's shape."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output. Raises ArchitectureError where the layer does not fit its input."""
        return shape

    def trainable(self, shape: Shape) -> int:
        """Number of parameters that the optimizer updates."""
        return 0

    def non_trainable(self, shape: Shape) -> int:
        """Number of parameters that are not updated by gradient, such as moving averages."""
        return 0

    def multiply_adds(self, shape: Shape) -> int:
        """Multiply-adds of a forward pass of one image; elementwise operations are not counted."""
        return 0

    def describe(self) -> str:
        """The layer in a few words for a table."""
        return type(self).__name__

    def window(self, shape: Shape) -> tuple[Size, Size, Size]:
        """Size and strides of the window of the input that an output value depends on, and the padding before the input's
        first row and column."""
        return (1, 1), (1, 1), (0, 0)


@dataclass(frozen=True, kw_only=True)
class Conv2D(Layer):
    """Two-dimensional convolution."""

    filters: int
    kernel_size: Size
    strides: Size = (1, 1)
    padding: str = "valid"
    use_bias: bool = True
    activation: str | None = None

    def window(self, shape: Shape) -> tuple[Size, Size, Size]:
        if self.padding == "valid":
            return self.kernel_size, self.strides, (0, 0)
        rows, columns = (padding_before(*axis) for axis in zip(shape[:2], self.kernel_size, self.strides, strict=True))
        return self.kernel_size, self.strides, (rows, columns)

    def output_shape(self, shape: Shape) -> Shape:
        height, width = (
            window_positions(*axis, self.padding)
            for axis in zip(shape[:2], self.kernel_size, self.strides, strict=True)
        )
        if height < 1 or width < 1:
            raise ArchitectureError(
                f"a {size_text(self.kernel_size)} kernel does not fit the {size_text((shape[0], shape[1]))} map it receives"
            )
        return height, width, self.filters

    def trainable(self, shape: Shape) -> int:
        return (prod(self.kernel_size) * shape[2] + self.use_bias) * self.filters

    def multiply_adds(self, shape: Shape) -> int:
        return prod(self.output_shape(shape)) * prod(self.kernel_size) * shape[2]

    def describe(self) -> str:
        rows, columns = self.strides
        strides = f", strides {rows}" if rows == columns else f", strides {size_text(self.strides)}"
        strides = "" if self.strides == (1, 1) else strides
        same = ", same" if self.padding == "same" else ""
        activation = f", {self.activation}" if self.activation else ""
        name = type(self).__name__
        return f"{name} {size_text(self.kernel_size)}, {self.filters} filters{strides}{same}{activation}"


@dataclass(frozen=True, kw_only=True)
class SeparableConv2D(Conv2D):
    """A depthwise separable convolution: a kernel for each channel, then a 1×1 convolution across channels.

    Source: Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.
    """

    def output_shape(self, shape: Shape) -> Shape:
        if self.kernel_size == (1, 1) and self.strides != (1, 1) and shape[2] == 1:
            # The gradient corrupts memory in TensorFlow 2.21 with oneDNN (observed with batches of one image).
            raise ArchitectureError("a separable 1×1 convolution with strides does not work on a single channel")
        return super().output_shape(shape)

    def trainable(self, shape: Shape) -> int:
        return prod(self.kernel_size) * shape[2] + (shape[2] + self.use_bias) * self.filters

    def multiply_adds(self, shape: Shape) -> int:
        height, width, _ = self.output_shape(shape)
        return height * width * shape[2] * (prod(self.kernel_size) + self.filters)


@dataclass(frozen=True, kw_only=True)
class MaxPooling2D(Layer):
    """The maximum of each window; windows do not overlap, and incomplete ones at the edge are dropped."""

    pool_size: Size

    def window(self, shape: Shape) -> tuple[Size, Size, Size]:
        return self.pool_size, self.pool_size, (0, 0)

    def output_shape(self, shape: Shape) -> Shape:
        height, width = (
            window_positions(length, window, window, "valid")
            for length, window in zip(shape[:2], self.pool_size, strict=True)
        )
        if height < 1 or width < 1:
            raise ArchitectureError(
                f"{size_text(self.pool_size)} pooling does not fit the {size_text((shape[0], shape[1]))} map it receives"
            )
        return height, width, shape[2]

    def describe(self) -> str:
        return f"{type(self).__name__} {size_text(self.pool_size)}"


@dataclass(frozen=True, kw_only=True)
class AveragePooling2D(MaxPooling2D):
    """The mean of each window; the windows are those of `MaxPooling2D`."""


@dataclass(frozen=True, kw_only=True)
class BatchNormalization(Layer):
    """Batch normalisation of each channel, with trained scale and offset and moving averages of mean and variance."""

    def trainable(self, shape: Shape) -> int:
        return 2 * shape[-1]

    def non_trainable(self, shape: Shape) -> int:
        return 2 * shape[-1]


@dataclass(frozen=True, kw_only=True)
class Activation(Layer):
    """An activation as a layer of its own, where something comes between it and its convolution."""

    activation: str

    def describe(self) -> str:
        return f"Activation {self.activation}"


@dataclass(frozen=True, kw_only=True)
class Add(Layer):
    """The sum of two inputs of the same shape."""

    def describe(self) -> str:
        return "Add the block's input"


@dataclass(frozen=True, kw_only=True)
class Dropout(Layer):
    """Sets a share `rate` of the values to zero during training."""

    rate: float

    def describe(self) -> str:
        return f"Dropout {self.rate:g}"


class _WholeMap(Layer):
    """A layer that turns maps into a vector. Its window is the whole map, as for its output values taken together."""

    def window(self, shape: Shape) -> tuple[Size, Size, Size]:
        return (shape[0], shape[1]), (1, 1), (0, 0)


@dataclass(frozen=True, kw_only=True)
class Flatten(_WholeMap):
    """All values of all maps as one vector."""

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)


@dataclass(frozen=True, kw_only=True)
class GlobalAveragePooling2D(_WholeMap):
    """The mean of each map: one value per channel."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape[2:]


@dataclass(frozen=True, kw_only=True)
class GlobalMaxPooling2D(GlobalAveragePooling2D):
    """The maximum of each map: one value per channel."""


@dataclass(frozen=True, kw_only=True)
class Dense(Layer):
    """A fully connected layer."""

    units: int
    use_bias: bool = True
    activation: str | None = None

    def output_shape(self, shape: Shape) -> Shape:
        return (self.units,)

    def trainable(self, shape: Shape) -> int:
        return (shape[0] + self.use_bias) * self.units

    def multiply_adds(self, shape: Shape) -> int:
        return shape[0] * self.units

    def describe(self) -> str:
        activation = f", {self.activation}" if self.activation else ""
        return f"Dense {self.units} units{activation}"

"""Plain layer descriptions and their arithmetic: output shapes, parameters, multiply-adds.

Each class here is named after a Keras layer and its fields are that layer's arguments, so a builder needs no table
of its own. Nothing here imports TensorFlow; the tests hold the arithmetic against stock Keras.

Shapes leave out the batch: `(height, width, channels)` for maps and `(units,)` for vectors.
"""

from dataclasses import dataclass
from math import prod

from mnist_lab.errors import ArchitectureError

Shape = tuple[int, ...]
Size = tuple[int, int]

INPUT_SHAPE: Shape = (28, 28, 1)
CLASSES = 10


def size_text(size: Shape) -> str:
    """`(3, 3)` as `3×3`; also shapes of any length."""
    return "×".join(map(str, size))


def window_positions(length: int, window: int, stride: int, padding: str) -> int:
    """How many places a window takes along one axis; 0 or less where it does not fit.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, relationships 5 and 6;
    "same" as TensorFlow defines it: one place for every stride begun.
    """
    if padding == "same":
        return -(-length // stride)
    return (length - window) // stride + 1


def padding_before(length: int, window: int, stride: int) -> int:
    """How many zeros "same" padding puts before an axis; where their number is odd, one more goes behind it.

    Source: TensorFlow's definition, in the notes on padding of `tf.nn`.
    """
    return max(0, (window_positions(length, window, stride, "same") - 1) * stride + window - length) // 2


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One Keras layer. Subclasses give what differs from a layer that keeps its shape and has no parameters."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of `shape`. Raises ArchitectureError where it does not fit."""
        return shape

    def trainable(self, shape: Shape) -> int:
        """Number of parameters that training changes by gradient."""
        return 0

    def non_trainable(self, shape: Shape) -> int:
        """Number of parameters that are tracked, not trained."""
        return 0

    def multiply_adds(self, shape: Shape) -> int:
        """Multiply-add operations for one image, forward; elementwise work counts as none."""
        return 0

    def describe(self) -> str:
        """The layer in a few words for a table."""
        return type(self).__name__

    def window(self, shape: Shape) -> tuple[Size, Size, Size]:
        """Size and strides of the window through which an output value sees an input of `shape`, and the padding
        before the input's first row and column."""
        return (1, 1), (1, 1), (0, 0)


@dataclass(frozen=True, kw_only=True)
class Conv2D(Layer):
    """Two-dimensional convolution."""

    filters: int
    kernel_size: Size
    strides: Size
    padding: str
    use_bias: bool = True
    activation: str | None

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
    """A convolution in two steps: each channel by a kernel of its own, then a 1×1 convolution over channels.

    Source: Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.
    """

    def output_shape(self, shape: Shape) -> Shape:
        if self.kernel_size == (1, 1) and self.strides != (1, 1) and shape[2] == 1:
            # TensorFlow 2.21 with oneDNN corrupts memory in its gradient (seen with batches of one image).
            raise ArchitectureError("a separable 1×1 kernel with strides does not work on a single channel")
        return super().output_shape(shape)

    def trainable(self, shape: Shape) -> int:
        return prod(self.kernel_size) * shape[2] + (shape[2] + self.use_bias) * self.filters

    def multiply_adds(self, shape: Shape) -> int:
        height, width, _ = self.output_shape(shape)
        return height * width * shape[2] * (prod(self.kernel_size) + self.filters)


@dataclass(frozen=True, kw_only=True)
class MaxPooling2D(Layer):
    """The maximum of each window; windows do not overlap and an incomplete one at the edge is dropped."""

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
    """The mean of each window, with windows as `MaxPooling2D` has them."""


@dataclass(frozen=True, kw_only=True)
class BatchNormalization(Layer):
    """Normalises each channel over the batch: scale and offset trained, moving mean and variance tracked."""

    def trainable(self, shape: Shape) -> int:
        return 2 * shape[-1]

    def non_trainable(self, shape: Shape) -> int:
        return 2 * shape[-1]


@dataclass(frozen=True, kw_only=True)
class Activation(Layer):
    """An activation on its own, where it does not follow its convolution directly."""

    activation: str

    def describe(self) -> str:
        return f"Activation {self.activation}"


@dataclass(frozen=True, kw_only=True)
class Add(Layer):
    """The sum of its inputs, which have one shape."""

    def describe(self) -> str:
        return "Add the block's input"


@dataclass(frozen=True, kw_only=True)
class Dropout(Layer):
    """Sets a share `rate` of the values to zero while training."""

    rate: float

    def describe(self) -> str:
        return f"Dropout {self.rate:g}"


class _WholeMap(Layer):
    """A layer that makes a vector of a map. Its window is the whole map: together its values see what the map sees."""

    def window(self, shape: Shape) -> tuple[Size, Size, Size]:
        return (shape[0], shape[1]), (1, 1), (0, 0)


@dataclass(frozen=True, kw_only=True)
class Flatten(_WholeMap):
    """All maps as one vector."""

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)


@dataclass(frozen=True, kw_only=True)
class GlobalAveragePooling2D(_WholeMap):
    """The mean of each map: one value a channel."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape[2:]


@dataclass(frozen=True, kw_only=True)
class GlobalMaxPooling2D(GlobalAveragePooling2D):
    """The maximum of each map: one value a channel."""


@dataclass(frozen=True, kw_only=True)
class Dense(Layer):
    """Every unit sees every input."""

    units: int
    use_bias: bool = True
    activation: str | None

    def output_shape(self, shape: Shape) -> Shape:
        return (self.units,)

    def trainable(self, shape: Shape) -> int:
        return (shape[0] + self.use_bias) * self.units

    def multiply_adds(self, shape: Shape) -> int:
        return shape[0] * self.units

    def describe(self) -> str:
        activation = f", {self.activation}" if self.activation else ""
        return f"Dense {self.units} units{activation}"

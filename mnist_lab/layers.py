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


def size_text(size: Size) -> str:
    """`(3, 3)` as `3×3`."""
    return f"{size[0]}×{size[1]}"


def window_positions(length: int, window: int, stride: int, padding: str) -> int:
    """How many places a window takes along one axis; 0 or less where it does not fit.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, relationships 5 and 6;
    "same" as TensorFlow defines it: one place for every stride begun.
    """
    if padding == "same":
        return -(-length // stride)
    return (length - window) // stride + 1


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


@dataclass(frozen=True, kw_only=True)
class Conv2D(Layer):
    """Two-dimensional convolution with bias."""

    filters: int
    kernel_size: Size
    strides: Size
    padding: str
    activation: str | None

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
        return prod(self.kernel_size) * shape[2] * self.filters + self.filters

    def multiply_adds(self, shape: Shape) -> int:
        return prod(self.output_shape(shape)) * prod(self.kernel_size) * shape[2]

    def describe(self) -> str:
        rows, columns = self.strides
        strides = f", strides {rows}" if rows == columns else f", strides {size_text(self.strides)}"
        strides = "" if self.strides == (1, 1) else strides
        same = ", same" if self.padding == "same" else ""
        activation = f", {self.activation}" if self.activation else ""
        return f"Conv2D {size_text(self.kernel_size)}, {self.filters} filters{strides}{same}{activation}"


@dataclass(frozen=True, kw_only=True)
class MaxPooling2D(Layer):
    """The maximum of each window; windows do not overlap and an incomplete one at the edge is dropped."""

    pool_size: Size

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
        return f"MaxPooling2D {size_text(self.pool_size)}"


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
class Dropout(Layer):
    """Sets a share `rate` of the values to zero while training."""

    rate: float

    def describe(self) -> str:
        return f"Dropout {self.rate:g}"


@dataclass(frozen=True, kw_only=True)
class Flatten(Layer):
    """All maps as one vector."""

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)


@dataclass(frozen=True, kw_only=True)
class Dense(Layer):
    """Every unit sees every input, with bias."""

    units: int
    activation: str | None

    def output_shape(self, shape: Shape) -> Shape:
        return (self.units,)

    def trainable(self, shape: Shape) -> int:
        return shape[0] * self.units + self.units

    def multiply_adds(self, shape: Shape) -> int:
        return shape[0] * self.units

    def describe(self) -> str:
        activation = f", {self.activation}" if self.activation else ""
        return f"Dense {self.units} units{activation}"

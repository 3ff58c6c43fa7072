"""One value of a feature map, written out: the patch, the kernel, the sum, the bias."""

from dataclasses import dataclass

import numpy as np

from mnist_lab.design.layers import Conv2D, Layer, MaxPooling2D, SeparableConv2D


@dataclass(frozen=True)
class Cell:
    """How a convolution arrives at one value.

    Attributes:
        patch: what lies under the kernel, `(height, width, channels)`, zeros where it is padding.
        kernel: of the filter, of the same shape. Of a separable convolution each channel's kernel times the channel's
            weight, which comes to the same.
        bias: 0 where there is none.
        row, column: of the patch's upper left value in the input; negative where it begins in the padding.
    """

    patch: np.ndarray
    kernel: np.ndarray
    bias: float
    row: int
    column: int

    @property
    def by_channel(self) -> np.ndarray:
        """What each input channel adds to the sum, `(channels,)`."""
        found: np.ndarray = (self.patch * self.kernel).sum(axis=(0, 1))
        return found

    @property
    def total(self) -> float:
        """The sum of all products and the bias: the value before an activation."""
        return float(self.by_channel.sum()) + self.bias


def cell(layer: Conv2D, weights: list[np.ndarray], given: np.ndarray, place: tuple[int, int, int]) -> Cell:
    """One value of a convolution.

    Args:
        weights: as Keras orders them; given: the layer's input, `(height, width, channels)`.
        place: row, column and filter of the value in the output.
    """
    row, column, filter_index = place
    (height, width), strides, before = layer.window(given.shape)
    top, left = row * strides[0] - before[0], column * strides[1] - before[1]
    padded = np.pad(given.astype(float), ((height, height), (width, width), (0, 0)))
    patch = padded[top + height : top + 2 * height, left + width : left + 2 * width]
    if isinstance(layer, SeparableConv2D):
        depthwise, pointwise = weights[:2]
        kernel = depthwise[:, :, :, 0] * pointwise[0, 0, :, filter_index]
    else:
        kernel = weights[0][:, :, :, filter_index]
    bias = float(weights[-1][filter_index]) if layer.use_bias else 0.0
    return Cell(patch, kernel.astype(float), bias, top, left)


def carried(layer: Layer, shape: tuple[int, ...], row: int, column: int) -> tuple[int, int] | None:
    """Where in a layer's output the value at (row, column) of its input ends up; None where it is dropped or spread over many.

    Pooling takes it into the value of its window; layers that keep the shape leave it in its place.
    """
    if isinstance(layer, Conv2D) or len(shape) != 3:
        return None
    if isinstance(layer, MaxPooling2D) or layer.output_shape(shape) != shape:
        (height, width), _, _ = layer.window(shape)
        row, column = row // height, column // width
        out = layer.output_shape(shape)
        return (row, column) if len(out) == 3 and row < out[0] and column < out[1] else None
    return row, column

"""Receptive fields: which part of the image a value within the network depends on."""

from collections.abc import Iterable
from dataclasses import dataclass

from mnist_lab.design.layers import Layer, Shape, Size

Window = tuple[Size, Size]  # first row and column, and the row and column one past the last


@dataclass(frozen=True)
class ReceptiveField:
    """Size and spacing of the windows of the image that the values of a map depend on.

    A layer with kernel size k and strides s turns size r and spacing j into r + (k - 1) j and j s (Araujo, Norris and
    Sim, "Computing receptive fields of convolutional neural networks", Distill, 2019).

    Attributes:
        size: height and width in pixels, parts beyond the image's edge included.
        spacing: vertical and horizontal distance in pixels between the windows of neighbouring values.
    """

    size: Size = (1, 1)
    spacing: Size = (1, 1)

    def through(self, layer: Layer, shape: Shape) -> "ReceptiveField":
        """The receptive field of a layer's output, where its input, of shape `shape`, has this one."""
        window, strides, _ = layer.window(shape)
        rows, columns = (
            (r + (k - 1) * j, j * s) for k, s, r, j in zip(window, strides, self.size, self.spacing, strict=True)
        )
        return ReceptiveField((rows[0], columns[0]), (rows[1], columns[1]))

    def joined(self, other: "ReceptiveField") -> "ReceptiveField":
        """The receptive field of the sum of two maps of the same shape and spacing."""
        return ReceptiveField(_pair(map(max, self.size, other.size)), self.spacing)


def input_window(layer: Layer, shape: Shape, window: Window) -> Window:
    """The window of a layer's input, of shape `shape`, that a window of its output depends on, without padding.

    A vector counts as a map of one row and column.
    """
    size, strides, padding = layer.window(shape)
    length = (shape[0], shape[1]) if len(shape) == 3 else (1, 1)
    axes = list(zip(*window, size, strides, padding, length, strict=True))
    first = _pair(max(0, a * s - p) for a, _, _, s, p, _ in axes)
    behind = _pair(min(n, (b - 1) * s - p + k) for _, b, k, s, p, n in axes)
    return first, behind


def bounding_window(one: Window, other: Window) -> Window:
    """The smallest window that contains both."""
    return (
        _pair(map(min, one[0], other[0])),
        _pair(map(max, one[1], other[1])),
    )


def centre(shape: Shape) -> Size:
    """Row and column of the centre value of a map, rounded down; (0, 0) for a vector."""
    return ((shape[0] - 1) // 2, (shape[1] - 1) // 2) if len(shape) == 3 else (0, 0)


def _pair(values: Iterable[int]) -> Size:
    row, column = values
    return row, column

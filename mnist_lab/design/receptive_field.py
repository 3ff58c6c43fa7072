"""Which part of the image a value within the network depends on."""

from collections.abc import Iterable
from dataclasses import dataclass

from mnist_lab.design.layers import Layer, Shape, Size

Window = tuple[Size, Size]


@dataclass(frozen=True)
class ReceptiveField:
    """Size and spacing of the windows of the image that the values of a map depend on, each value on one.

    By the recurrences of Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
    Distill, 2019: a window k with strides s makes r + (k - 1) j and j s of size r and spacing j.

    Attributes:
        size: height and width in pixels; a window may reach beyond the image.
        spacing: by how many pixels of the image the windows of neighbouring values are apart.
    """

    size: Size = (1, 1)
    spacing: Size = (1, 1)

    def through(self, layer: Layer, shape: Shape) -> "ReceptiveField":
        """The field of the output of a layer whose input, of `shape`, has this field."""
        window, strides, _ = layer.window(shape)
        rows, columns = (
            (r + (k - 1) * j, j * s) for k, s, r, j in zip(window, strides, self.size, self.spacing, strict=True)
        )
        return ReceptiveField((rows[0], columns[0]), (rows[1], columns[1]))

    def joined(self, other: "ReceptiveField") -> "ReceptiveField":
        """The field of a sum of two maps of one shape, whose windows lie about the same places."""
        return ReceptiveField(_pair(map(max, self.size, other.size)), self.spacing)


def before(layer: Layer, shape: Shape, window: Window) -> Window:
    """The part of a layer's input, of `shape`, on which a part of its output depends, without what lies in padding.

    Both are given by their first row and column, and the row and column behind their last; of a vector by (0, 0), (1, 1).
    """
    size, strides, padding = layer.window(shape)
    length = (shape[0], shape[1]) if len(shape) == 3 else (1, 1)
    axes = list(zip(*window, size, strides, padding, length, strict=True))
    first = _pair(max(0, a * s - p) for a, _, _, s, p, _ in axes)
    behind = _pair(min(n, (b - 1) * s - p + k) for _, b, k, s, p, n in axes)
    return first, behind


def hull(one: Window, other: Window) -> Window:
    """The smallest window that holds two."""
    return (
        _pair(map(min, one[0], other[0])),
        _pair(map(max, one[1], other[1])),
    )


def middle(shape: Shape) -> Size:
    """Row and column of the middle value of a map; of an even number the one before the middle."""
    return ((shape[0] - 1) // 2, (shape[1] - 1) // 2) if len(shape) == 3 else (0, 0)


def _pair(values: Iterable[int]) -> Size:
    row, column = values
    return row, column

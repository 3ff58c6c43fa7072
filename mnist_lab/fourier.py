"""Convolutions by way of the Fourier transform: for large kernels, far fewer multiplications for the same result.

A map is transformed along its height, then along its width; there a convolution is a product of matrices (filters by
channels) at each frequency; and the result is transformed back. As a map has few pixels, each transform is a product
with a matrix of cosines and sines, which a processor is quicker at than at a fast transform.

What the field calls a convolution is a correlation, y[i] = sum_k w[k] x[i + k - padding]. The transform of a cyclic
correlation is the transform of x times the conjugate of that of w (Oppenheim and Schafer, "Discrete-time signal
processing"), and a cycle as long as the map, with what is padded at the longer of its ends, is long enough: no window
that is kept then meets pixels beyond the other end.
"""

from functools import cache
from typing import NamedTuple, Self

import numpy as np
import tensorflow as tf

Parts = list[tf.Tensor]

# Measured: so many times the multiplications of the other way take as long, as here more memory is read and written,
_PAYS = 2.5
# a convolution's inputs and outputs go through the processor in so many channels at a time,
_LANES = 16
# and a value of a transformed kernel, with its gradient, takes as long as so many multiplications.
_KERNEL_VALUE = 40
# Values of a transformed kernel: 64 MB, of which training needs a few.
_LARGEST_KERNEL = 2**24


class Axis(NamedTuple):
    """Height or width of a convolution with strides of 1, in pixels."""

    size: int  # of the map that comes in
    kernel_size: int
    is_padded: bool  # so that the map keeps its size

    @property
    def out(self) -> int:
        return self.size if self.is_padded else self.size - self.kernel_size + 1

    @property
    def padding(self) -> int:
        """Before the first pixel, as TensorFlow has it."""
        return (self.kernel_size - 1) // 2 if self.is_padded else 0

    @property
    def cycle(self) -> int:
        return self.size + (self.kernel_size // 2 if self.is_padded else 0)


class Convolution(NamedTuple):
    """Of maps with so many channels, by so many filters."""

    height: Axis
    width: Axis
    channels: int
    filters: int

    @classmethod
    def of(cls, maps: tf.TensorShape, kernel: tf.TensorShape, padding: str) -> Self:
        """Of maps `(n, height, width, channels)` with a kernel `(height, width, channels, filters)`; padding "same" or
        "valid"."""
        _, height, width, channels = maps
        return cls(
            Axis(height, kernel[0], padding == "same"), Axis(width, kernel[1], padding == "same"), channels, kernel[-1]
        )

    @property
    def rows(self) -> int:
        """Frequencies along the height: as a map is real, the others are their conjugates."""
        return self.height.cycle // 2 + 1

    @property
    def frequencies(self) -> int:
        return self.rows * self.width.cycle

    def pays(self, images: int) -> bool:
        """Whether in training, of so many images at a time, it takes less time by way of the Fourier transform."""
        height, width = self.height, self.width
        channels, filters = (size if size == 1 else -(-size // _LANES) * _LANES for size in self[2:])
        directly = height.out * width.out * height.kernel_size * width.kernel_size * channels * filters
        kernel = 4 * self.frequencies * self.channels * self.filters
        there = 2 * self.rows * width.size * (height.size + 2 * width.cycle) * self.channels
        back = 2 * self.rows * width.out * (height.out + 2 * width.cycle) * self.filters
        this_way = images * (there + kernel + back) + _KERNEL_VALUE * kernel
        return kernel <= _LARGEST_KERNEL and _PAYS * this_way < images * directly


def convolved(kernel: tf.Tensor, parts: Parts, padding: str) -> Parts:
    """Parts `(n, height, width, channels)` of a batch, convolved with a kernel `(height, width, channels, filters)`; padding
    "same" or "valid"."""
    convolution = Convolution.of(parts[0].shape, kernel.shape, padding)
    transformed = _of_kernel(convolution, kernel)
    return [_convolved(convolution, transformed, x) for x in parts]


def _of_kernel(convolution: Convolution, kernel: tf.Tensor) -> tf.Tensor:
    """At each frequency the conjugate of the kernel's transform, as a real matrix `(2 channels, 2 filters)` from real and
    imaginary parts to real and imaginary parts."""
    height, width, channels, filters = convolution
    down, across = height.kernel_size, width.kernel_size
    x = tf.matmul(_from_real(height.cycle, down, 0), tf.reshape(kernel, [down, -1]))
    x = tf.matmul(_from_complex(width.cycle, across, 0), tf.reshape(x, [convolution.rows, 2 * across, -1]))
    real, imaginary = tf.unstack(tf.reshape(x, [-1, 2, channels, filters]), axis=1)
    return tf.concat([tf.concat([real, -imaginary], 2), tf.concat([imaginary, real], 2)], 1)


def _convolved(convolution: Convolution, kernel: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """The images come last on the way, so that every product is of large matrices."""
    height, width, channels, filters = convolution
    rows, frequencies = convolution.rows, convolution.frequencies
    x = tf.transpose(tf.reshape(x, [-1, height.size * width.size * channels]))
    x = tf.matmul(_from_real(height.cycle, height.size, height.padding), tf.reshape(x, [height.size, -1]))
    x = tf.matmul(
        _from_complex(width.cycle, width.size, width.padding), tf.reshape(x, [rows, 2 * width.size, -1])
    )
    y = tf.matmul(kernel, tf.reshape(x, [frequencies, 2 * channels, -1]), transpose_a=True)
    y = tf.matmul(_to_complex(width.cycle, width.out), tf.reshape(y, [rows, 2 * width.cycle, -1]))
    y = tf.matmul(_to_real(height.cycle, height.out), tf.reshape(y, [2 * rows, -1]))
    y = tf.transpose(tf.reshape(y, [height.out * width.out * filters, -1]))
    return tf.reshape(y, [-1, height.out, width.out, filters])


def _waves(cycle: int, frequencies: int, first: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines `(frequencies, size)` of so many pixels from the first on."""
    # Modulo the cycle, so that large angles are as exact as small ones.
    turns = np.outer(np.arange(frequencies), np.arange(first, first + size)) % cycle
    return np.cos(2 * np.pi / cycle * turns), np.sin(2 * np.pi / cycle * turns)


@cache
def _from_real(cycle: int, size: int, first: int) -> np.ndarray:
    """Takes real pixels to half of the frequencies, `(frequencies * 2, size)`; a 2 is of real and imaginary parts."""
    cosines, sines = _waves(cycle, cycle // 2 + 1, first, size)
    return np.stack([cosines, -sines], 1).reshape(-1, size).astype(np.float32)


@cache
def _from_complex(cycle: int, size: int, first: int) -> np.ndarray:
    """Takes complex pixels to all frequencies, `(frequencies * 2, 2 * size)`."""
    cosines, sines = _waves(cycle, cycle, first, size)
    parts = np.stack([np.hstack([cosines, sines]), np.hstack([-sines, cosines])], 1)
    return parts.reshape(-1, 2 * size).astype(np.float32)


@cache
def _to_complex(cycle: int, size: int) -> np.ndarray:
    """Takes all frequencies to complex pixels, `(2 * size, frequencies * 2)`: what brought them there, transposed."""
    return _from_complex(cycle, size, 0).T / np.float32(cycle)


@cache
def _to_real(cycle: int, size: int) -> np.ndarray:
    """Takes half of the frequencies to real pixels, `(size, frequencies * 2)`."""
    times = np.full(cycle // 2 + 1, 2.0)  # each stands for its conjugate too,
    times[0] = 1  # which this has not,
    if cycle % 2 == 0:
        times[-1] = 1  # nor this
    return (_from_real(cycle, size, 0).T * (np.repeat(times, 2) / cycle)).astype(np.float32)

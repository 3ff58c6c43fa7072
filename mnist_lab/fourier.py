"""Convolutions by way of the Fourier transform: for large kernels, far fewer multiplications for the same result.

A map is transformed along its height, then along its width; there a convolution is a product of matrices (filters by
channels) at each frequency; and the result is transformed back. As a map has few pixels, each transform is a product
with a matrix of cosines and sines, which a processor is quicker at than at a fast transform.

What the field calls a convolution is a correlation, y[i] = sum_k w[k] x[i + k - padding]. The transform of a cyclic
correlation is the transform of x times the conjugate of that of w (Oppenheim and Schafer, "Discrete-time signal
processing"), and of a cycle that is long enough no window goes round its end.
"""

from functools import cache

import numpy as np
import tensorflow as tf

from mnist_lab.convolution import Convolution

Parts = list[tf.Tensor]


def convolved(convolution: Convolution, kernel: tf.Tensor, parts: Parts) -> Parts:
    """Parts `(n, height, width, channels)` of a batch, convolved with a kernel `(height, width, channels, filters)`."""
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
    x = tf.matmul(_from_real(height.cycle, height.size, height.before), tf.reshape(x, [height.size, -1]))
    x = tf.matmul(_from_complex(width.cycle, width.size, width.before), tf.reshape(x, [rows, 2 * width.size, -1]))
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

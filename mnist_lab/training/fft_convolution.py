"""Convolutions by way of the Fourier transform: for large kernels, far fewer multiplications for the same result.

A map is transformed along its height, then along its width; there a convolution is a product of matrices (filters by
channels) at each frequency; and the result is transformed back. As a map has few pixels, each transform is a product
with a matrix of cosines and sines, which a processor is quicker at than at a fast transform.

What the field calls a convolution is a correlation, y[i] = sum_k w[k] x[i + k - padding]. The transform of a cyclic
correlation is the transform of x times the conjugate of that of w (Oppenheim and Schafer, "Discrete-time signal
processing"); that networks train faster so was shown by Mathieu, Henaff and LeCun, "Fast training of convolutional networks
through FFTs", 2014.
"""

from functools import cache

import numpy as np
import tensorflow as tf

from mnist_lab.design.convolution_cost import Convolution
from mnist_lab.training.batch_norm import Parts


def convolved(convolution: Convolution, kernel: tf.Tensor, parts: Parts) -> Parts:
    """Parts `(n, height, width, channels)` of a batch, convolved with a kernel `(height, width, channels, filters)`."""
    transformed = _of_kernel(convolution, kernel)
    return [_convolved(convolution, transformed, x) for x in parts]


def _of_kernel(convolution: Convolution, kernel: tf.Tensor) -> tf.Tensor:
    """At each frequency the conjugate of the kernel's transform, as a real matrix `(2 channels, 2 filters)` from real and
    imaginary parts to real and imaginary parts."""
    height, width, channels, filters = convolution
    down, across = height.kernel_size, width.kernel_size
    x = tf.matmul(_from_real(height.dft_size, down, 0), tf.reshape(kernel, [down, -1]))
    x = tf.matmul(_from_complex(width.dft_size, across, 0), tf.reshape(x, [convolution.rows, 2 * across, -1]))
    real, imaginary = tf.unstack(tf.reshape(x, [-1, 2, channels, filters]), axis=1)
    return tf.concat([tf.concat([real, -imaginary], 2), tf.concat([imaginary, real], 2)], 1)


def _convolved(convolution: Convolution, kernel: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """The images come last on the way, so that every product is of large matrices."""
    height, width, channels, filters = convolution
    rows, frequencies = convolution.rows, convolution.frequencies
    x = tf.transpose(tf.reshape(x, [-1, height.size * width.size * channels]))
    down, across = height.output_size, width.output_size
    x = tf.matmul(_from_real(height.dft_size, height.size, height.padding_before), tf.reshape(x, [height.size, -1]))
    to_frequencies = _from_complex(width.dft_size, width.size, width.padding_before)
    x = tf.matmul(to_frequencies, tf.reshape(x, [rows, 2 * width.size, -1]))
    y = tf.matmul(kernel, tf.reshape(x, [frequencies, 2 * channels, -1]), transpose_a=True)
    y = tf.matmul(_to_complex(width.dft_size, across), tf.reshape(y, [rows, 2 * width.dft_size, -1]))
    y = tf.matmul(_to_real(height.dft_size, down), tf.reshape(y, [2 * rows, -1]))
    y = tf.transpose(tf.reshape(y, [down * across * filters, -1]))
    return tf.reshape(y, [-1, down, across, filters])


def _waves(dft_size: int, frequencies: int, first: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines `(frequencies, size)` of so many pixels from the first on."""
    # Modulo the size of the transform, so that large angles are as exact as small ones.
    turns = np.outer(np.arange(frequencies), np.arange(first, first + size)) % dft_size
    return np.cos(2 * np.pi / dft_size * turns), np.sin(2 * np.pi / dft_size * turns)


@cache
def _from_real(dft_size: int, size: int, first: int) -> np.ndarray:
    """Takes real pixels to half of the frequencies, `(frequencies * 2, size)`; a 2 is of real and imaginary parts."""
    cosines, sines = _waves(dft_size, dft_size // 2 + 1, first, size)
    return np.stack([cosines, -sines], 1).reshape(-1, size).astype(np.float32)


@cache
def _from_complex(dft_size: int, size: int, first: int) -> np.ndarray:
    """Takes complex pixels to all frequencies, `(frequencies * 2, 2 * size)`."""
    cosines, sines = _waves(dft_size, dft_size, first, size)
    parts = np.stack([np.hstack([cosines, sines]), np.hstack([-sines, cosines])], 1)
    return parts.reshape(-1, 2 * size).astype(np.float32)


@cache
def _to_complex(dft_size: int, size: int) -> np.ndarray:
    """Takes all frequencies to complex pixels, `(2 * size, frequencies * 2)`: what brought them there, transposed."""
    return _from_complex(dft_size, size, 0).T / np.float32(dft_size)


@cache
def _to_real(dft_size: int, size: int) -> np.ndarray:
    """Takes half of the frequencies to real pixels, `(size, frequencies * 2)`."""
    # Each stands for its conjugate too; but frequency 0, and half of an even size, are their own.
    frequencies = np.arange(dft_size // 2 + 1)
    times = np.where(2 * frequencies % dft_size == 0, 1, 2)
    return (_from_real(dft_size, size, 0).T * (np.repeat(times, 2) / dft_size)).astype(np.float32)

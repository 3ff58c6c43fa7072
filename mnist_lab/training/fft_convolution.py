"""Convolutions by Fourier transform, which for large kernels take far fewer multiplications.

A map is transformed along its height, then along its width. In the frequency domain the convolution is a product of
matrices (filters by channels) at each frequency, whose result is transformed back. Since maps are small, each transform
is a product with a matrix of cosines and sines, which is faster here than a fast Fourier transform.

What the field calls a convolution is a correlation, y[i] = sum_k w[k] x[i + k - padding]. The transform of a cyclic
correlation is the transform of x times the conjugate of that of w (Oppenheim and Schafer, "Discrete-time signal
processing"). Mathieu, Henaff and LeCun, "Fast training of convolutional networks through FFTs", 2014, showed that
networks train faster this way.
"""

from functools import cache

import numpy as np
import tensorflow as tf

from mnist_lab.design.convolution_cost import Convolution
from mnist_lab.training.batch_norm import Parts


def convolved(convolution: Convolution, kernel: tf.Tensor, parts: Parts) -> Parts:
    """The parts `(n, height, width, channels)` of a batch, convolved with a kernel `(height, width, channels, filters)`."""
    transformed = _transformed_kernel(convolution, kernel)
    return [_convolved(convolution, transformed, x) for x in parts]


def _transformed_kernel(convolution: Convolution, kernel: tf.Tensor) -> tf.Tensor:
    """The conjugate of the kernel's transform, `(frequencies, 2 channels, 2 filters)`: at each frequency a real matrix that
    maps real and imaginary parts to real and imaginary parts."""
    height, width, channels, filters = convolution
    down, across = height.kernel_size, width.kernel_size
    x = tf.matmul(_from_real(height.dft_size, down, 0), tf.reshape(kernel, [down, -1]))
    x = tf.matmul(_from_complex(width.dft_size, across, 0), tf.reshape(x, [convolution.rows, 2 * across, -1]))
    real, imaginary = tf.unstack(tf.reshape(x, [-1, 2, channels, filters]), axis=1)
    return tf.concat([tf.concat([real, -imaginary], 2), tf.concat([imaginary, real], 2)], 1)


def _convolved(convolution: Convolution, kernel: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """One part, convolved with a transformed kernel. In between, images are the last axis, so that all products are of
    large matrices."""
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
    """Cosines and sines of the first `frequencies` frequencies at `size` pixels from `first` on, `(frequencies, size)`."""
    # Modulo the size of the transform, so that large angles are as accurate as small ones.
    turns = np.outer(np.arange(frequencies), np.arange(first, first + size)) % dft_size
    return np.cos(2 * np.pi / dft_size * turns), np.sin(2 * np.pi / dft_size * turns)


@cache
def _from_real(dft_size: int, size: int, first: int) -> np.ndarray:
    """From real pixels to the non-negative frequencies, `(2 frequencies, size)`; the 2 is of real and imaginary parts."""
    cosines, sines = _waves(dft_size, dft_size // 2 + 1, first, size)
    return np.stack([cosines, -sines], 1).reshape(-1, size).astype(np.float32)


@cache
def _from_complex(dft_size: int, size: int, first: int) -> np.ndarray:
    """From complex pixels to all frequencies, `(2 frequencies, 2 size)`."""
    cosines, sines = _waves(dft_size, dft_size, first, size)
    parts = np.stack([np.hstack([cosines, sines]), np.hstack([-sines, cosines])], 1)
    return parts.reshape(-1, 2 * size).astype(np.float32)


@cache
def _to_complex(dft_size: int, size: int) -> np.ndarray:
    """From all frequencies to complex pixels, `(2 size, 2 frequencies)`: the transpose of `_from_complex`, scaled."""
    return _from_complex(dft_size, size, 0).T / np.float32(dft_size)


@cache
def _to_real(dft_size: int, size: int) -> np.ndarray:
    """From the non-negative frequencies to real pixels, `(size, 2 frequencies)`."""
    # Each counts twice, for its conjugate too, except frequency 0 and the highest of an even size, which have none.
    frequencies = np.arange(dft_size // 2 + 1)
    times = np.where(2 * frequencies % dft_size == 0, 1, 2)
    return (_from_real(dft_size, size, 0).T * (np.repeat(times, 2) / dft_size)).astype(np.float32)

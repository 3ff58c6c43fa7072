"""The test images as the last hidden layer represents them."""

import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import svds

from mnist_lab.data import mnist
from mnist_lab.inspection.network import Network
from mnist_lab.inspection.test_images import Advance, Arrays, portions

_CONSTANT = 1e-6


def hidden(network: Network, advance: Advance) -> Arrays:
    """The test images as the last hidden layer represents them, and how many units are dead.

    Returns:
        `places` `(10_000, 2)`: on the two axes along which they lie furthest apart (principal components); `explained`
        `(2,)`: each axis' share of the variance; `answers` `(10_000,)`; `dead` and `units`: of each part in order,
        how many channels have the same value at every place of every test image, and how many there are.
    """
    test = mnist.load()[1]
    answers, vectors, highest, lowest = [], [], [], []
    for part in portions(test.x, advance):
        probabilities, given, high, low = network.watched(tf.constant(part))
        answers.append(probabilities.numpy().argmax(axis=1))
        vectors.append(given.numpy())
        highest.append([x.numpy() for x in high])
        lowest.append([x.numpy() for x in low])
    places, explained = _principal(np.concatenate(vectors))
    dead, units = [], []
    for high_, low_ in zip(zip(*highest, strict=True), zip(*lowest, strict=True), strict=True):
        spread = np.max(high_, axis=0) - np.min(low_, axis=0)
        dead.append(int((spread <= _CONSTANT).sum()))
        units.append(len(spread))
    return {
        "places": places.astype(np.float32),
        "explained": explained,
        "answers": np.concatenate(answers).astype(np.uint8),
        "dead": np.array(dead),
        "units": np.array(units),
    }


def _principal(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places on the first two principal components, `(n, 2)`, and their shares of the variance."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    left, sizes, axes = svds(centred, k=2, v0=np.ones(min(centred.shape)), random_state=0)
    order = np.argsort(-sizes)
    # Either direction of an axis would do: the same one each time, so that epochs can be compared.
    signs = np.sign(axes[order].sum(axis=1))
    signs[signs == 0] = 1
    total = max(float((centred**2).sum()), 1e-12)
    return left[:, order] * sizes[order] * signs, sizes[order] ** 2 / total

"""Which part of an image matters for an answer."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mnist_lab.data import drawing
from mnist_lab.errors import InputError
from mnist_lab.inspection.network import Network
from mnist_lab.inspection.questions import Method
from mnist_lab.inspection.test_images import Advance, Arrays
from mnist_lab.training.evaluation import as_input

PATCH = 5
PATH_STEPS = 64


def attribution(network: Network, advance: Advance, *, image: str, digit: int, method: Method) -> Arrays:
    """How much each pixel matters for a digit, `importance` `(28, 28)`, by one of `METHODS`."""
    if method not in METHODS:
        raise InputError(f"Method: should be one of {', '.join(METHODS)}; received {method[:40]!r}.")
    return {"importance": METHODS[method](network, drawing.from_text(image), int(digit))}


def occlusion(network: Network, image: np.ndarray, digit: int) -> np.ndarray:
    """How much the digit's probability falls when a square of 5×5 pixels around a pixel is blanked.

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014, section 4.2.
    """
    side, reach = drawing.SIDE, PATCH // 2
    blanked = np.repeat(image[np.newaxis], side * side, axis=0)
    for number in range(side * side):
        row, column = divmod(number, side)
        blanked[number, max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = 0
    whole = network.probabilities(image[np.newaxis])[0, digit]
    found: np.ndarray = (whole - network.probabilities(blanked)[:, digit]).reshape(side, side)
    return found


def gradient(network: Network, image: np.ndarray, digit: int) -> np.ndarray:
    """How fast the digit's logit grows with a pixel's ink (0 to 1).

    Source: Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2014, section 3.
    """
    found: np.ndarray = _gradients(network, as_input(tf.constant(image[np.newaxis])), digit)[0]
    return found


def integrated_gradients(network: Network, image: np.ndarray, digit: int) -> np.ndarray:
    """Each pixel's share of the digit's logit, compared with an empty image: together they are the difference.

    Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017; 64 steps, midpoints.
    """
    x = as_input(tf.constant(image[np.newaxis]))
    steps = (np.arange(PATH_STEPS, dtype=np.float32) + 0.5) / PATH_STEPS
    gradients = _gradients(network, x * steps[:, np.newaxis, np.newaxis, np.newaxis], digit)
    found: np.ndarray = gradients.mean(axis=0) * x.numpy()[0, ..., 0]
    return found


def _gradients(network: Network, x: tf.Tensor, digit: int) -> np.ndarray:
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = tf.reduce_sum(network.logits(x)[:, digit])
    found: np.ndarray = tape.gradient(logit, x).numpy()[..., 0]
    return found


METHODS: dict[Method, Callable[[Network, np.ndarray, int], np.ndarray]] = {
    "occlusion": occlusion,
    "gradient": gradient,
    "integrated gradients": integrated_gradients,
}

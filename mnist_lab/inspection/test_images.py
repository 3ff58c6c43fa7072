"""The test images, in portions or evenly chosen, for questions that go through many of them."""

from collections.abc import Callable, Iterator

import numpy as np

from mnist_lab.data import mnist
from mnist_lab.data.mnist import Images
from mnist_lab.training.evaluation import EVALUATION_BATCH

Arrays = dict[str, np.ndarray]
Advance = Callable[[float], None]


def evenly_chosen(images: int) -> Images:
    """This many test images, evenly chosen, for their second half is harder than the first."""
    test = mnist.load()[1]
    chosen = np.linspace(0, len(test) - 1, min(max(int(images), 1), len(test))).round().astype(int)
    return Images(test.x[chosen], test.y[chosen])


def portions(images: np.ndarray, advance: Advance) -> Iterator[np.ndarray]:
    """Images in portions of one evaluation each; the share that is done is reported after each."""
    for start in range(0, len(images), EVALUATION_BATCH):
        yield images[start : start + EVALUATION_BATCH]
        advance(min(1.0, (start + EVALUATION_BATCH) / len(images)))

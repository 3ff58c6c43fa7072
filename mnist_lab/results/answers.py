"""Comparison of two trained networks by their answers to the same images.

It is a statement about these two networks, not about their designs: two seeds of one design often differ significantly,
too. Designs are compared by their seeds (`verdict`).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from mnist_lab.results.spread import special

LEVEL = 0.95


@dataclass(frozen=True)
class Answers:
    """Comparison of the answers of two trained networks to the same images.

    Attributes:
        only_first, only_second: number of images that only one of them classifies correctly.
        low, high: 95 % confidence interval of the difference in accuracy, first minus second.
        p: two-sided p-value of McNemar's exact test.
    """

    only_first: int
    only_second: int
    low: float
    high: float
    p: float


def answers(first_right: np.ndarray, second_right: np.ndarray) -> Answers:
    """McNemar's exact test of two networks' answers (McNemar 1947), with the interval of Agresti and Min (2005).

    Args:
        first_right, second_right: whether each image was classified correctly, bool `(n,)`.

    Raises:
        ValueError: the shapes differ, or there are no images.
    """
    if first_right.shape != second_right.shape or not len(first_right):
        raise ValueError(f"Two answers to each image are needed; received {first_right.shape}, {second_right.shape}.")
    b, c = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    p = min(1.0, 2 * float(special().bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0
    n = len(first_right) + 2  # the interval adds half an image to each of the four cells
    mean = (b - c) / n
    error = sqrt((b + c + 1) - (b - c) ** 2 / n) / n
    half = float(special().ndtri((1 + LEVEL) / 2)) * error
    return Answers(b, c, max(-1.0, mean - half), min(1.0, mean + half), p)

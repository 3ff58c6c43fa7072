"""Shares of images that are right, with intervals: of single images, and of images that come from a few people each."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from mnist_lab.results.spread import special

LEVEL = 0.05


@dataclass(frozen=True)
class Proportion:
    """A share with its 95 % interval.

    Attributes:
        right, of: how many are right, of how many.
        low, high: the interval.
        people: by how many people they are; 0 where that is not known.
    """

    right: int
    of: int
    low: float
    high: float
    people: int = 0

    @property
    def share(self) -> float:
        """Of those that are right; NaN where there are none at all."""
        return self.right / self.of if self.of else nan


def of_images(right: int, of: int) -> Proportion:
    """Of images that have nothing to do with each other: the exact binomial interval (Clopper and Pearson, 1934)."""
    return Proportion(right, of, *_exact(right, of))


def of_people(right: Sequence[int], of: Sequence[int]) -> Proportion:
    """Of images by several people, for further images by further people like them: one's digits resemble each other, so that
    they say less than as many by different people.

    The images count as fewer: as so many independent ones as have the variance that is found between people, with *t*
    for few people, in the exact interval (Korn and Graubard, "Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data", 1998). Where all images are right, or none is, no variance is
    found, and only the factor for few people is applied. Of one person it is the interval for further digits by the same hand.

    Args:
        right, of: by person, how many are right, of how many, which is at least 1.
    """
    x, n = np.asarray(right, float), np.asarray(of, float)
    people, total = len(n), int(n.sum())
    hits = int(x.sum())
    if people < 2:
        return Proportion(hits, total, *_exact(hits, total), people)
    share = hits / total
    variance = people / (people - 1) * float(((x - share * n) ** 2).sum()) / total**2
    effective = min(total, share * (1 - share) / variance) if variance > 0 else total
    t = special().stdtrit(np.array([total - 1, people - 1]), 1 - LEVEL / 2)
    effective = min(float(total), effective * float(t[0] / t[1]) ** 2)
    return Proportion(hits, total, *_exact(share * effective, effective), people)


def _exact(right: float, of: float) -> tuple[float, float]:
    """The exact interval, for counts that need not be whole."""
    if of <= 0:
        return 0.0, 1.0
    inverse = special().betaincinv
    wrong = of - right
    low = float(inverse(right, wrong + 1, LEVEL / 2)) if right > 0 else 0.0
    high = float(inverse(right + 1, wrong, 1 - LEVEL / 2)) if wrong > 1e-12 * of else 1.0
    return low, high

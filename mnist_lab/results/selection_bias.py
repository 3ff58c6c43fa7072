"""How much of a first place is luck: whoever is first among many was probably lucky on the images that ranked them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom


def expected_maximum(entries: int, images: int, accuracy: float) -> float:
    """The expected highest accuracy, a share, of so many networks that are all equally good.

    Each is right on `X` of n images, X being binomial(n, p), independently of the others. The maximum of k such numbers is at
    most x with probability F(x)^k, so its mean is the sum over x from 0 to n − 1 of 1 − F(x)^k (David and Nagaraja, "Order
    Statistics", 3rd edition, 2003, sections 2.1 and 3.1). What that has beyond p is the bias of choosing by the same images
    (Cawley and Talbot, "On over-fitting in model selection and subsequent selection bias in performance evaluation", 2010).

    Networks that are validated on the same images err on the same ones more often than independent ones would. They then
    differ less by luck, so this is rather too much than too little.

    Args:
        entries: k, at least 1.
        images: n, that each is validated on.
        accuracy: p, of each.
    """
    below = binom.cdf(np.arange(images), images, accuracy)
    return float(np.sum(1 - below**entries) / images)


@dataclass(frozen=True)
class Luck:
    """How lucky the first of a ranking was; accuracies are shares.

    Attributes:
        entries: how many were ranked.
        images: the validation images that ranked them.
        validation, test: accuracies of the first.
        gap: of the first, validation minus test.
        mean_gap: of all entries.
        by_chance: what the first of so many would have beyond what it is worth, were all equally good.
    """

    entries: int
    images: int
    validation: float
    test: float
    mean_gap: float
    by_chance: float

    @property
    def gap(self) -> float:
        return self.validation - self.test

    @property
    def words(self) -> tuple[str, ...]:
        """What happened, and what chance alone would do, in sentences."""
        return (
            f"First place: {self.validation:.2%} on the validation images that ranked it, {self.test:.2%} on the test images, "
            f"{_points(round(self.validation, 4) - round(self.test, 4))}. Over all {self.entries} entries it is {_points(self.mean_gap)} on average.",
            f"Were all {self.entries} equally good, the one that happens to be first would still look "
            f"{100 * self.by_chance:.2f} points better than it is, by luck on {self.images:,} images. A drop of about that size "
            "needs no other reason.",
        )


def luck(validation: Sequence[float], test: Sequence[float], images: int) -> Luck | None:
    """How lucky the first of some entries was, given their accuracies; None where there are fewer than two."""
    if len(validation) < 2:
        return None
    first = int(np.argmax(validation))
    gaps = np.subtract(validation, test)
    worth = float(np.mean(test))
    by_chance = expected_maximum(len(validation), images, worth) - worth
    return Luck(len(validation), images, validation[first], test[first], float(gaps.mean()), by_chance)


def _points(gap: float) -> str:
    if round(100 * abs(gap), 2) == 0:
        return "the same"
    return f"{100 * abs(gap):.2f} points {'less' if gap > 0 else 'more'}"

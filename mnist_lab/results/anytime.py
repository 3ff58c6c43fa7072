"""A *t* test and an interval that may be looked at after each further value.

Student's test holds for a number of values that was fixed beforehand. Who looks, adds seeds and looks again finds a
difference that is not there far more often than once in twenty times. Here the probability that it is *ever* found, at any
number of values, is at most α.

The values are taken to be normal with any mean and standard deviation. Their evidence against a mean of zero is the
likelihood ratio of Student's *t*, averaged over a normal prior, with mean zero and variance 1/c², of the effect (the mean in
standard deviations); by Ville's inequality it exceeds 1/α with a probability of at most α (Pérez-Ortiz, Lardy, de Heide,
Grünwald 2022, "E-statistics, group invariance and anytime-valid testing"; Wang and Ramdas 2024, "Anytime-valid t-tests and
confidence sequences for Gaussian means with unknown variance").
"""

import functools
from bisect import bisect_left
from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from mnist_lab.results.power import power_of
from mnist_lab.results.spread import RESOLUTION, Spread

ALPHA = 0.05
# c²: of 0.01 to 1 it served best, in simulations, for differences of half to five standard deviations.
PRECISION = 0.1
POWER = 0.8
MAX_SEEDS = 200
_MOST_FOR_EQUALITY = 2000


def log_evidence(n: Any, t: Any) -> Any:
    """The logarithm of the evidence of `n` values with Student's statistic `t` against a mean of zero; elementwise."""
    share, freedom = _share(n), n - 1
    return 0.5 * np.log(share) + n / 2 * (np.log1p(t**2 / freedom) - np.log1p(t**2 / freedom * share))


def limit(n: Any, alpha: float = ALPHA) -> Any:
    """What Student's statistic of `n` values must exceed for a mean of zero to be excluded; infinite where no values could
    exclude it, as with two. Elementwise for arrays."""
    n = np.asarray(n, float)
    share = _share(n)
    k = (alpha * np.sqrt(share)) ** (-2 / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = (n - 1) * (k - 1) / (1 - k * share)
    return np.sqrt(np.where(k * share < 1, squared, inf))


def _share(n: Any) -> Any:
    return PRECISION / (n + PRECISION)


def half_width(n: Any, sd: Any, alpha: float = ALPHA) -> Any:
    """Half the width of the interval of the mean of `n` values; infinite below `least`. Elementwise for arrays."""
    return limit(n, alpha) * np.maximum(sd, RESOLUTION) / np.sqrt(n)


@functools.cache
def least(alpha: float = ALPHA) -> int:
    """The first number of values that can exclude anything."""
    return next(n for n in range(2, MAX_SEEDS) if limit(n, alpha) < inf)


def spread(values: Sequence[float], alpha: float = ALPHA) -> Spread:
    """Mean, sample standard deviation, and the interval of the mean, which is missing for fewer than `least` values."""
    found = Spread.of(values)
    if found.n < least(alpha):
        return found
    half = float(half_width(found.n, found.sd, alpha))
    return Spread(found.n, found.mean, found.sd, found.mean - half, found.mean + half)


def seeds_needed(size: float, sd: float, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Number of pairs of seeds at which a difference is shown with probability `power`; None where that takes more than
    `MAX_SEEDS`.

    Args:
        size: the difference of the means.
        sd: standard deviation of the difference between single seeds.
    """
    effect = abs(size) / max(sd, RESOLUTION)
    numbers = range(least(alpha), MAX_SEEDS + 1)
    # Power grows with the number.
    place = bisect_left(numbers, power, key=lambda n: power_of(n, effect, float(limit(n, alpha))))
    return numbers[place] if place < len(numbers) else None


def seeds_for_equality(size: float, sd: float, bound: float, alpha: float = ALPHA) -> int | None:
    """Number of pairs of seeds at which the whole interval of the difference is within ±`bound`, if mean and standard
    deviation stay as they are; None where that never happens or takes thousands."""
    if abs(size) >= bound:
        return None
    numbers = np.arange(least(alpha), _MOST_FOR_EQUALITY + 1)
    fits = abs(size) + half_width(numbers, sd, alpha) < bound
    return int(numbers[fits.argmax()]) if fits.any() else None

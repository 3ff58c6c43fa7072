"""Statistical comparison of designs by their seeds, and of two trained networks by their answers.

These are different questions. The seeds of a design are a sample of trainings, so a *t* test over seeds compares designs.
The answers of two trained networks to 10,000 images are a sample of images, so a test of answers compares only these two
networks: two seeds of one design often differ significantly, too.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf, nan, pi, sqrt
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mnist_lab.numerals import counted

if TYPE_CHECKING:
    from types import ModuleType

LEVEL = 0.95
POWER = 0.8
MAX_SEEDS = 200
# Standard deviation of the difference of two accuracies that are rounded to 1/10,000: the least that is assumed, since
# seeds with equal accuracies on 10,000 images need not be equal.
_RESOLUTION = 1e-4 / sqrt(6)
EQUAL = 0.001  # differences below this do not matter


def _special() -> "ModuleType":
    """`scipy.special`, imported when first needed, since a server's first page would wait for it.

    `scipy.stats` has the same distributions, but takes a second longer to import.
    """
    from scipy import special

    return special  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Spread:
    """Summary of the values of several seeds.

    Attributes:
        n: number of values.
        sd: sample standard deviation; NaN for fewer than two values.
        low, high: confidence interval of the mean; NaN for fewer than two values.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float


def spread(values: Sequence[float], level: float = LEVEL) -> Spread:
    """Mean, sample standard deviation and Student's confidence interval of the mean."""
    n = len(values)
    mean = float(np.mean(values)) if n else nan
    if n < 2:
        return Spread(n, mean, nan, nan, nan)
    sd = float(np.std(values, ddof=1))
    half = float(half_width(n, sd, level))
    return Spread(n, mean, sd, mean - half, mean + half)


def half_width(n: Any, sd: Any, level: float = LEVEL) -> Any:
    """Half the width of Student's confidence interval of the mean of `n` values; elementwise for arrays."""
    return _special().stdtrit(n - 1, (1 + level) / 2) * sd / np.sqrt(n)


def of_shares(low: Any, high: Any) -> tuple[Any, Any]:
    """An interval of a share, clipped to 0 to 1; elementwise for arrays."""
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


@dataclass(frozen=True)
class Difference:
    """The difference between the means of two designs over their seeds.

    Attributes:
        mean: the first mean minus the second.
        low, high: its confidence interval.
        p: two-sided p-value of the *t* test.
        n: number of seeds of each.
        is_paired: whether both have the same seeds, so that differences were taken seed by seed.
        sd: standard deviation of the difference between single seeds.
    """

    mean: float
    low: float
    high: float
    p: float
    n: tuple[int, int]
    is_paired: bool
    sd: float


def difference(a: Mapping[int, float], b: Mapping[int, float], level: float = LEVEL) -> Difference | None:
    """The difference between `a` and `b`, given as values by seed; None where one has fewer than two seeds.

    By Student's paired test where both have the same seeds, else by Welch's (Welch 1947, "The generalization of
    'Student's' problem").
    """
    if min(len(a), len(b)) < 2:
        return None
    mean = float(np.mean(list(a.values())) - np.mean(list(b.values())))
    paired = a.keys() == b.keys()
    if paired:
        sd = max(float(np.std([a[seed] - b[seed] for seed in a], ddof=1)), _RESOLUTION)
        error, freedom = sd / sqrt(len(a)), len(a) - 1.0
    else:
        parts = [max(float(np.var(list(x.values()), ddof=1)), _RESOLUTION**2 / 2) / len(x) for x in (a, b)]
        error = sqrt(sum(parts))
        freedom = sum(parts) ** 2 / sum(part**2 / (len(x) - 1) for part, x in zip(parts, (a, b), strict=True))
        sd = sqrt(sum(part * len(x) for part, x in zip(parts, (a, b), strict=True)))
    half = float(_special().stdtrit(freedom, (1 + level) / 2)) * error
    p = float(2 * _special().stdtr(freedom, -abs(mean) / error))
    return Difference(mean, mean - half, mean + half, p, (len(a), len(b)), paired, sd)


def power_of(n: int, effect: float, level: float = LEVEL) -> float:
    """Power of Student's paired test with `n` pairs, for a true difference of `effect` standard deviations.

    The probability that a noncentral *t* variable T = (Z + δ) / S exceeds the critical value, integrated over Z: for each
    value of Z, S must be small enough, where ν S² is chi-squared. Accurate to nine digits for all n, effects and levels in
    use, as a test checks; SciPy's `nctdtr` returns NaN for some of them.
    """
    freedom, shift = n - 1, effect * sqrt(n)
    limit = _special().stdtrit(freedom, (1 + level) / 2)
    low, high = max(-shift, -7.0), 7.0
    places, weights = _quadrature()
    z = low + (high - low) * places
    density = np.exp(-z * z / 2) / sqrt(2 * pi) * (high - low)
    return float(density * _special().gammainc(freedom / 2, freedom / 2 * ((z + shift) / limit) ** 2) @ weights)


@functools.cache
def _quadrature(panels: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of composite Gauss-Legendre quadrature on the interval from 0 to 1."""
    x, weights = np.polynomial.legendre.leggauss(20)
    places = (np.arange(panels)[:, None] + (x + 1) / 2) / panels
    return places.ravel(), np.tile(weights / 2 / panels, panels)


def seeds_needed(size: float, sd: float, level: float = LEVEL, power: float = POWER) -> int | None:
    """Number of seeds per design with which the paired test detects a difference with probability `power` (Cohen 1988,
    "Statistical power analysis"); None where that takes more than `MAX_SEEDS`.

    Args:
        size: the difference of the means.
        sd: standard deviation of the difference between single seeds.
    """
    effect = abs(size) / max(sd, _RESOLUTION)
    normal = _special().ndtri((1 + level) / 2) + _special().ndtri(power)
    if effect * sqrt(MAX_SEEDS) < normal:  # not enough even if the standard deviation were known
        return None
    least = max(2, floor((normal / effect) ** 2))
    return next((n for n in range(least, MAX_SEEDS + 1) if power_of(n, effect, level) >= power), None)


@dataclass(frozen=True)
class Verdict:
    """A verdict on two designs.

    Attributes:
        kind: `better` or `worse`, where the first design is; `equal`, where the whole interval is within ±`EQUAL`;
            `inconclusive`, where the seeds do not decide it; `not enough data`, where a design has fewer than two seeds.
        words: the verdict in a sentence: who is ahead, by how much, how sure that is.
        reason: why it is this verdict, and what would decide it, in sentences.
        more: how many more seeds per design would probably decide it; None where it is decided, or where `MAX_SEEDS` would
            not.
    """

    kind: Literal["better", "worse", "equal", "inconclusive", "not enough data"]
    words: str
    reason: str
    difference: Difference | None
    more: int | None


def verdict(
    names: tuple[str, str],
    a: Mapping[int, float],
    b: Mapping[int, float],
    *,
    what: str = "test accuracy",
    comparisons: int = 1,
    usual_sd: float | None = None,
) -> Verdict:
    """The verdict on two designs.

    Args:
        names: of the designs.
        a, b: accuracies by seed.
        what: the metric's name in the sentence.
        comparisons: number of pairs that are judged together. Levels are corrected (Bonferroni) so that the probability of
            any false alarm among them is at most 5 %.
        usual_sd: standard deviation between seeds of a design, from which the number of seeds is estimated where a design
            has only one.
    """
    first, second = names
    level = 1 - (1 - LEVEL) / comparisons
    found = difference(a, b, level)
    if found is None:
        return _not_enough(names, (a, b), what, level, usual_sd)
    needed = seeds_needed(found.mean, found.sd, level)
    more = max(1, needed - min(found.n)) if needed else None
    least, most = max(found.low, -1.0), min(found.high, 1.0)  # shares differ by no more
    if found.mean < 0:  # an interval of how far the better one is ahead
        first, second = second, first
        least, most = -most, -least
    size = f"{_points(abs(found.mean))} points of {what}"
    seeds = _seeds(found.n if found.mean >= 0 else found.n[::-1])
    interval = f"{_percent(level)} interval"
    pairs = " Both have the same seeds, so they were compared seed by seed." if found.is_paired else ""
    if least > 0:
        words = f"{first} is better than {second} by {size}; {interval} {_points(least)} to {_points(most)}, {seeds}."
        reason = f"The whole interval is above zero. If the two were equally good, that would happen only about once in {_once_in(level)} such comparisons.{pairs}"
        if most < EQUAL:
            reason += f" It is a small difference: less than {100 * EQUAL:g} points."
        return Verdict("better" if found.mean > 0 else "worse", words, reason, found, None)
    range_ = f"{_signed(least)} to {_signed(most)}"
    if max(abs(found.low), abs(found.high)) < EQUAL:
        words = f"{first} and {second} are practically equal in {what}; {interval} of the difference {range_} points, {seeds}."
        reason = (
            f"The whole interval is within {100 * EQUAL:g} points of zero, a difference too small to matter.{pairs}"
        )
        return Verdict("equal", words, reason, found, None)
    words = f"Not decided: {_ahead(first, second, found.mean, size, what)}, but the {interval}, {range_}, includes zero; {seeds}."
    reason = f"While the interval includes zero, either may be the better one. {_what_would(more)}{pairs}"
    return Verdict("inconclusive", words, reason, found, more)


def _not_enough(
    names: tuple[str, str],
    sides: tuple[Mapping[int, float], Mapping[int, float]],
    what: str,
    level: float,
    usual_sd: float | None,
) -> Verdict:
    least = min(map(len, sides))
    if least == 0:
        missing = " and ".join(name for name, values in zip(names, sides, strict=True) if not values)
        words = f"Not enough data: no run of {missing} has finished."
        return Verdict("not enough data", words, "A verdict needs at least two seeds of each.", None, 2)
    difference = float(np.mean(list(sides[0].values())) - np.mean(list(sides[1].values())))
    first, second = names if difference >= 0 else names[::-1]
    size = f"{_points(abs(difference))} points of {what}"
    counts = (
        "one seed each" if max(map(len, sides)) == 1 else "only one seed of " + names[0 if len(sides[0]) == 1 else 1]
    )
    words = f"Not enough data: {_ahead(first, second, difference, size, what)}, with {counts}."
    reason = "Two seeds of one design may differ as much, so a single run proves nothing."
    if usual_sd is None or not usual_sd > 0:
        return Verdict("not enough data", words, f"{reason} Train at least two seeds of each.", None, 2)
    needed = seeds_needed(difference, usual_sd * sqrt(2), level)
    more = max(1, needed - least) if needed else None
    return Verdict("not enough data", words, f"{reason} {_what_would(more)}", None, more)


def _ahead(first: str, second: str, difference: float, size: str, what: str) -> str:
    if round(100 * difference, 2) == 0:
        return f"{first} and {second} have the same mean {what}"
    return f"{first} is ahead of {second} by {size}"


def _what_would(more: int | None) -> str:
    if more is None:
        return f"Not even {MAX_SEEDS} seeds of each would be likely to show a difference of this size."
    return f"About {counted(more, 'more seed')} of each would probably show a difference of this size."


def _once_in(level: float) -> int:
    return round(1 / (1 - level))


def _seeds(n: Sequence[int]) -> str:
    return f"{n[0]} seeds each" if n[0] == n[1] else f"{n[0]} and {n[1]} seeds"


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


def _signed(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−")


def _percent(level: float) -> str:
    return f"{100 * level:.4g} %"


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

    It is a statement about these two networks on such images, not about their designs.

    Args:
        first_right, second_right: whether each image was classified correctly, bool `(n,)`.

    Raises:
        ValueError: the shapes differ, or there are no images.
    """
    if first_right.shape != second_right.shape or not len(first_right):
        raise ValueError(f"Two answers to each image are needed; received {first_right.shape}, {second_right.shape}.")
    b, c = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    p = min(1.0, 2 * float(_special().bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0
    n = len(first_right) + 2  # the interval adds half an image to each of the four cells
    mean = (b - c) / n
    error = sqrt((b + c + 1) - (b - c) ** 2 / n) / n
    half = float(_special().ndtri((1 + LEVEL) / 2)) * error
    return Answers(b, c, max(-1.0, mean - half), min(1.0, mean + half), p)


def usual_sd(groups: Sequence[Sequence[float]]) -> float | None:
    """The standard deviation between seeds of a design, pooled over designs; None where no design has two seeds."""
    squares = sum(float(np.var(group)) * len(group) for group in groups if len(group) > 1)
    freedom = sum(len(group) - 1 for group in groups if len(group) > 1)
    return max(sqrt(squares / freedom), _RESOLUTION) if freedom else None


def selection_bias(designs: int, error: float) -> float:
    """Expected optimism of the maximum: by how much the best observed mean of several equally good designs exceeds its true
    value, by Blom's approximation (1958) of the expected maximum of normal variables.

    Args:
        designs: number of designs.
        error: standard error of each design's mean.
    """
    if designs < 2 or not error < inf:
        return 0.0
    return float(_special().ndtri((designs - 0.375) / (designs + 0.25))) * error

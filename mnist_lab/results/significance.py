"""What repeated runs say of designs, and what two networks' answers say of these two networks.

Two questions that are easily taken for one. Seeds of a design are a sample of what the design does, so a *t* test over
them is about the designs. The 10,000 answers of one network each are a sample of what these two trained networks do:
two seeds of one design often differ there too.
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
# Shares of 10,000 images are rounded to a ten-thousandth: two seeds that agree to the image do not agree exactly.
_RESOLUTION = 1e-4 / sqrt(6)
EQUAL = 0.001


def _special() -> "ModuleType":
    """SciPy's functions of distributions, loaded when they are needed: a server's first page need not wait for them.

    `scipy.stats` has the same ones, and takes a second more to load.
    """
    from scipy import special

    return special  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Spread:
    """Values of some seeds: how many, their mean, sample standard deviation and an interval of the mean.

    `sd`, `low` and `high` are missing (NaN) for fewer than two.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float


def spread(values: Sequence[float], level: float = LEVEL) -> Spread:
    """Mean, standard deviation and Student's interval of the mean."""
    n = len(values)
    mean = float(np.mean(values)) if n else nan
    if n < 2:
        return Spread(n, mean, nan, nan, nan)
    sd = float(np.std(values, ddof=1))
    half = float(half_width(n, sd, level))
    return Spread(n, mean, sd, mean - half, mean + half)


def half_width(n: Any, sd: Any, level: float = LEVEL) -> Any:
    """Half of Student's interval of a mean of `n` values with a standard deviation; arrays give arrays."""
    return _special().stdtrit(n - 1, (1 + level) / 2) * sd / np.sqrt(n)


def of_shares(low: Any, high: Any) -> tuple[Any, Any]:
    """The part of an interval in which a share, or a mean of shares, can be: from 0 to 1; arrays give arrays."""
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


@dataclass(frozen=True)
class Difference:
    """The mean of one design's values less the mean of another's, over seeds.

    Attributes:
        low, high: the interval; p: of Student's *t* test, two-sided.
        n: seeds of either side.
        is_paired: both have the same seeds, and differences were taken seed by seed.
        sd: standard deviation of the difference of one seed of each.
    """

    mean: float
    low: float
    high: float
    p: float
    n: tuple[int, int]
    is_paired: bool
    sd: float


def difference(a: Mapping[int, float], b: Mapping[int, float], level: float = LEVEL) -> Difference | None:
    """`a` less `b`, each a value by seed; None where a side has fewer than two seeds.

    With the same seeds on both sides Student's paired test, else Welch's (Welch 1947, "The generalization of
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
    """How probably Student's paired test of `n` pairs shows a difference of `effect` standard deviations as one.

    The probability that a noncentral *t* variable is above the test's limit, T = (Z + δ) / S, integrated over Z: for
    each value of it S must be small enough, and ν S² is chi-squared. To nine digits for all n, effects and levels in
    use (a test); SciPy's `nctdtr` is not a number for some of them.
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
    """Places from 0 to 1 and their weights, whose sum of a function's values there is its integral (Gauss, Legendre)."""
    x, weights = np.polynomial.legendre.leggauss(20)
    places = (np.arange(panels)[:, None] + (x + 1) / 2) / panels
    return places.ravel(), np.tile(weights / 2 / panels, panels)


def seeds_needed(size: float, sd: float, level: float = LEVEL, power: float = POWER) -> int | None:
    """How many seeds a side show a difference of a size with a probability of `power`; None for more than 200.

    From the power of the paired test (Cohen 1988, "Statistical power analysis").

    Args:
        sd: standard deviation of the difference of one seed of each.
    """
    effect = abs(size) / max(sd, _RESOLUTION)
    normal = _special().ndtri((1 + level) / 2) + _special().ndtri(power)
    if effect * sqrt(MAX_SEEDS) < normal:  # nor would they if the standard deviation were known
        return None
    least = max(2, floor((normal / effect) ** 2))
    return next((n for n in range(least, MAX_SEEDS + 1) if power_of(n, effect, level) >= power), None)


@dataclass(frozen=True)
class Verdict:
    """What can be said of two designs.

    Attributes:
        kind: `better` or `worse` (the first than the second), `equal` for all that matters, `inconclusive` where the
            seeds do not decide it, `not enough data` where a side has fewer than two.
        words: in plain words, with its reasons.
        more: how many more seeds a side would show a difference of this size; None where none would, or too many.
    """

    kind: Literal["better", "worse", "equal", "inconclusive", "not enough data"]
    words: str
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
    """What accuracies by seed say of two designs.

    Args:
        comparisons: how many pairs are judged together. Each is then held to a stricter level, so that no more than
            one table in twenty raises any false alarm (Bonferroni's correction).
        usual_sd: of seeds of a design; needed to say what one seed a side would take.
    """
    first, second = names
    level = 1 - (1 - LEVEL) / comparisons
    found = difference(a, b, level)
    if found is None:
        return _not_enough(names, (a, b), what, level, usual_sd)
    size = f"{_points(abs(found.mean))} points"
    least, most = max(found.low, -1.0), min(found.high, 1.0)  # two shares differ by no more
    interval = f"{_percent(level)} interval {_signed(least)} to {_signed(most)} points, {_seeds(found)}"
    needed = seeds_needed(found.mean, found.sd, level)
    more = max(1, needed - min(found.n)) if needed else None
    if found.low > 0 or found.high < 0:
        is_better = found.mean > 0
        better, worse = (first, second) if is_better else (second, first)
        low, high = sorted((abs(least), abs(most)))
        words = (
            f"{better} is better than {worse}: its mean {what} is {size} higher "
            f"({_percent(level)} interval {_points(low)} to {_points(high)} points, {_seeds(found)})."
        )
        if high < EQUAL:
            words += f" It is a small difference: less than {100 * EQUAL:g} points."
        return Verdict("better" if is_better else "worse", words, found, None)
    if max(abs(found.low), abs(found.high)) < EQUAL:
        words = f"{first} and {second} are equal for all that matters: {what} differs by less than {100 * EQUAL:g} points ({interval})."
        return Verdict("equal", words, found, None)
    words = f"No difference shown between {first} and {second}: {what} differs by {_signed(found.mean)} points, but {interval} has zero in it"
    return Verdict("inconclusive", f"{words}; {_what_would(more)}.", found, more)


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
        return Verdict("not enough data", f"Cannot be told: no run of {missing} has finished.", None, 2)
    first, second = (float(np.mean(list(side.values()))) for side in sides)
    size = first - second
    words = f"Cannot be told with one seed: {names[0]} and {names[1]} differ by {_signed(size)} points of {what}, and so might two seeds of one design"
    if usual_sd is None or not usual_sd > 0:
        return Verdict("not enough data", f"{words}; train at least two seeds of each.", None, 2)
    needed = seeds_needed(size, usual_sd * sqrt(2), level)
    more = max(1, needed - least) if needed else None
    return Verdict("not enough data", f"{words}; {_what_would(more)}.", None, more)


def _what_would(more: int | None) -> str:
    if more is None:
        return f"not even {MAX_SEEDS} seeds a side would show a difference of this size"
    return f"about {counted(more, 'more seed')} a side would show a difference of this size"


def _seeds(found: Difference) -> str:
    if found.is_paired:
        return f"{found.n[0]} seeds each, paired"
    return f"{found.n[0]} and {found.n[1]} seeds"


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


def _signed(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−")


def _percent(level: float) -> str:
    return f"{100 * level:.4g} %"


@dataclass(frozen=True)
class Answers:
    """How the answers of two trained networks to the same images differ.

    Attributes:
        only_first, only_second: images that one alone gets right.
        low, high: the 95 % interval of the difference in accuracy, first less second.
        p: of McNemar's exact test, two-sided.
    """

    only_first: int
    only_second: int
    low: float
    high: float
    p: float


def answers(first_right: np.ndarray, second_right: np.ndarray) -> Answers:
    """McNemar's exact test on two networks' answers (McNemar 1947), with Agresti and Min's interval (2005).

    It is about these two networks on images such as these, and never about their designs.

    Args:
        first_right, second_right: whether each image was answered rightly, bool `(n,)`.
    """
    if first_right.shape != second_right.shape or not len(first_right):
        raise ValueError(f"Two answers to each image are needed; received {first_right.shape}, {second_right.shape}.")
    b, c = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    p = min(1.0, 2 * float(_special().bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0
    n = len(first_right) + 2  # half an image more in each of the four cells
    mean = (b - c) / n
    error = sqrt((b + c + 1) - (b - c) ** 2 / n) / n
    half = float(_special().ndtri((1 + LEVEL) / 2)) * error
    return Answers(b, c, max(-1.0, mean - half), min(1.0, mean + half), p)


def usual_sd(groups: Sequence[Sequence[float]]) -> float | None:
    """The standard deviation of seeds within designs, pooled over designs; None where no design has two seeds."""
    squares = sum(float(np.var(group)) * len(group) for group in groups if len(group) > 1)
    freedom = sum(len(group) - 1 for group in groups if len(group) > 1)
    return max(sqrt(squares / freedom), _RESOLUTION) if freedom else None


def selection_bias(designs: int, error: float) -> float:
    """By how much the best of some equally good designs is expected to lie above its true mean, by luck alone.

    Args:
        error: standard error of each design's mean. The expected largest of `designs` normal values, after Blom (1958).
    """
    if designs < 2 or not error < inf:
        return 0.0
    return float(_special().ndtri((designs - 0.375) / (designs + 0.25))) * error

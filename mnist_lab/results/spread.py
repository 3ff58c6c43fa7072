"""The spread of a design's seeds, and how much the best of several designs owes to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from types import ModuleType

# Standard deviation of the difference of two accuracies that are rounded to 1/10,000: the least that is assumed, since
# seeds with equal accuracies on 10,000 images need not be equal.
RESOLUTION = 1e-4 / sqrt(6)


def special() -> "ModuleType":
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
        low, high: an interval of the mean; NaN where there is none.
    """

    n: int
    mean: float
    sd: float
    low: float = nan
    high: float = nan

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of some values, without an interval."""
        n = len(values)
        return cls(n, float(np.mean(values)) if n else nan, float(np.std(values, ddof=1)) if n > 1 else nan)


def of_shares(low: Any, high: Any) -> tuple[Any, Any]:
    """An interval of a share, clipped to 0 to 1; elementwise for arrays."""
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def selection_bias(designs: int, error: float) -> float:
    """Expected optimism of the maximum: by how much the best observed mean of several equally good designs exceeds its true
    value, by Blom's approximation (1958) of the expected maximum of normal variables.

    Args:
        designs: number of designs.
        error: standard error of each design's mean.
    """
    if designs < 2 or not error < inf:
        return 0.0
    return float(special().ndtri((designs - 0.375) / (designs + 0.25))) * error


def outlier(values: Sequence[float], alpha: float = 0.01) -> int | None:
    """The place of the only value that does not fit the others, by Grubbs' two-sided test (1969, "Procedures for detecting
    outlying observations in samples"); None where all do."""
    n = len(values)
    if n < 3:
        return None
    found = Spread.of(values)
    distances = np.abs(np.asarray(values) - found.mean) / max(found.sd, RESOLUTION)
    t = special().stdtrit(n - 2, 1 - alpha / (2 * n))
    critical = (n - 1) / sqrt(n) * sqrt(t * t / (n - 2 + t * t))
    return int(distances.argmax()) if distances.max() > critical else None

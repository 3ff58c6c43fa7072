"""The power of a *t* test, whatever its critical value."""

import functools
from math import pi, sqrt

import numpy as np

from mnist_lab.results.spread import special


def power_of(n: int, effect: float, limit: float) -> float:
    """The probability that Student's statistic of `n` values, whose mean is `effect` standard deviations, exceeds `limit`.

    The probability that a noncentral *t* variable T = (Z + δ) / S exceeds the critical value, integrated over Z: for each
    value of Z, S must be small enough, where ν S² is chi-squared. Accurate to nine digits for all n, effects and limits in
    use, as a test checks; SciPy's `nctdtr` returns NaN for some of them.
    """
    freedom, shift = n - 1, effect * sqrt(n)
    low, high = max(-shift, -7.0), 7.0
    places, weights = _quadrature()
    z = low + (high - low) * places
    density = np.exp(-z * z / 2) / sqrt(2 * pi) * (high - low)
    return float(density * special().gammainc(freedom / 2, freedom / 2 * ((z + shift) / limit) ** 2) @ weights)


@functools.cache
def _quadrature(panels: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of composite Gauss-Legendre quadrature on the interval from 0 to 1."""
    x, weights = np.polynomial.legendre.leggauss(20)
    places = (np.arange(panels)[:, None] + (x + 1) / 2) / panels
    return places.ravel(), np.tile(weights / 2 / panels, panels)

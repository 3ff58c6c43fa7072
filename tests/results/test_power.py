"""The power of a *t* test against an independent integration, for Student's limits and for wider ones."""

import itertools

import numpy as np
import pytest
from scipy import integrate, special, stats

from mnist_lab.results import anytime
from mnist_lab.results.power import power_of

ALPHAS = [0.05 / pairs for pairs in (1, 3, 15)]


def power_by_another_way(n: int, effect: float, limit: float) -> float:
    """The same probability, integrated over the standard deviation instead of the mean."""
    shift, freedom = effect * np.sqrt(n), n - 1

    constant = np.log(2) + freedom / 2 * np.log(freedom / 2) - special.gammaln(freedom / 2)

    def of(sd: float) -> float:
        log_density = constant + (freedom - 1) * np.log(sd) - freedom * sd * sd / 2
        return float(np.exp(log_density) * special.ndtr(shift - limit * sd))

    steep = [(shift + z) / limit for z in (-7, -2, 0, 2, 7)] + [
        1 - 5 / np.sqrt(2 * freedom),
        1,
        1 + 5 / np.sqrt(2 * freedom),
    ]
    edges = [0.0, *sorted(place for place in steep if 0 < place < 9), 9.0]
    pieces = [integrate.quad(of, a, b, epsabs=1e-12, limit=200)[0] for a, b in itertools.pairwise(edges)]
    return float(sum(pieces))


def test_power_is_that_of_an_independent_integration_over_the_whole_range() -> None:
    generator = np.random.default_rng(0)
    for alpha in ALPHAS:
        for n in [3, 4, 5, 8, 90, 101, 200, *map(int, generator.integers(6, 200, 4))]:
            near = generator.uniform(0.5, 5, 3) / np.sqrt(n)  # where power is neither 0 nor 1
            for limit in (stats.t.ppf(1 - alpha / 2, n - 1), float(anytime.limit(n, alpha))):
                for effect in [0.0, 1e-6, *near, 3.957, 30.0, 24_000.0]:
                    if limit < np.inf:
                        ours = power_of(n, effect, limit)
                        assert ours == pytest.approx(power_by_another_way(n, effect, limit), abs=1e-7), (
                            n,
                            effect,
                            alpha,
                        )

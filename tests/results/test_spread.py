"""The spread of seeds: shares, outliers against published values, selection bias against simulation."""

import numpy as np
import pytest
from scipy import stats

from mnist_lab.results.spread import Spread, of_shares, outlier, selection_bias


def test_a_spread_is_a_mean_and_a_sample_standard_deviation() -> None:
    found = Spread.of([0.98, 0.99, 0.997])
    assert (found.n, found.mean, found.sd) == (
        3,
        pytest.approx(0.989),
        pytest.approx(np.std([0.98, 0.99, 0.997], ddof=1)),
    )
    assert np.isnan([Spread.of([0.9]).sd, Spread.of([]).mean, found.low, found.high]).all()


def test_no_share_is_less_than_nothing_or_more_than_all() -> None:
    assert of_shares(-0.05237, 0.93617) == (0, 0.93617)
    low, high = of_shares(np.array([np.nan, 0.97]), np.array([np.nan, 1.02]))
    assert np.array_equal(low, [np.nan, 0.97], equal_nan=True)
    assert np.array_equal(high, [np.nan, 1.0], equal_nan=True)


def test_the_selection_bias_is_that_of_the_best_of_many() -> None:
    best_of = [np.random.default_rng(0).standard_normal((20_000, n)).max(axis=1).mean() for n in (2, 10, 100)]
    assert [selection_bias(n, 1.0) for n in (2, 10, 100)] == pytest.approx(best_of, abs=0.05)
    assert selection_bias(1, 1.0) == 0


# NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.17.1: Grubbs' example, mass of a uranium isotope.
URANIUM = [199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57]


def test_an_outlier_as_published() -> None:
    assert outlier(URANIUM, 0.05) == 7
    assert outlier(URANIUM) == 7
    assert outlier(URANIUM[:7]) is None
    assert outlier([-value for value in URANIUM]) == 7
    assert outlier([0.1, 0.99]) is None, "of two nobody knows which"


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_of_normal_values_one_in_a_hundred_samples_has_an_outlier(n: int) -> None:
    samples = np.random.default_rng(n).normal(0.99, 0.001, (4000, n))
    found = sum(outlier(list(sample)) is not None for sample in samples)
    assert stats.binomtest(found, 4000, 0.01).pvalue > 1e-4, found


def test_equal_values_have_no_outlier() -> None:
    assert outlier([0.99] * 5) is None
    assert outlier([0.99, 0.99, 0.99, 0.99, 0.9]) == 4

"""McNemar's test against a published example and scipy."""

import itertools

import numpy as np
import pytest
from scipy import special, stats

from mnist_lab.results.answers import answers


def test_mcnemar_as_published() -> None:
    # Agresti, "Categorical data analysis", table 10.1: approval in two surveys of 1,600 people.
    first = np.repeat([True, True, False, False], [794, 150, 86, 570])
    second = np.repeat([True, False, True, False], [794, 150, 86, 570])
    found = answers(first, second)
    assert (found.only_first, found.only_second) == (150, 86)
    assert found.p == pytest.approx(stats.binomtest(86, 236).pvalue)
    assert found.p < 0.0001
    assert (found.low, found.high) == (pytest.approx(0.022, abs=0.001), pytest.approx(0.059, abs=0.001))


def test_two_networks_that_answer_alike_and_two_that_are_never_wrong() -> None:
    every = np.ones(10_000, bool)
    for right in (every, np.arange(10_000) % 7 > 0):
        found = answers(right, right)
        assert (found.only_first, found.only_second, found.p) == (0, 0, 1.0)
        assert found.low < 0 < found.high
    with pytest.raises(ValueError, match="Two answers to each image"):
        answers(every, every[:5])


def test_no_difference_of_shares_is_more_than_all() -> None:
    assert answers(np.ones(100, bool), np.zeros(100, bool)).high == 1


def test_scipy_s_binomial_tail_is_right_wherever_it_is_used() -> None:
    for b, c in itertools.product((0, 1, 7, 150, 4999), (0, 1, 9, 86, 5000)):
        if b + c:
            ours = min(1.0, 2 * special.bdtr(min(b, c), b + c, 0.5))
            assert ours == pytest.approx(stats.binomtest(b, b + c).pvalue, rel=1e-6), (b, c)

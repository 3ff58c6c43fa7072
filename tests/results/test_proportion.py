"""Shares with intervals, against SciPy's own and against simulated classes."""

import numpy as np
import pytest
from scipy import stats

from mnist_lab.results.proportion import of_images, of_people


@pytest.mark.parametrize(
    ("right", "of"), [(0, 10), (10, 10), (7, 10), (1, 1), (0, 1), (9937, 10_000), (10_000, 10_000)]
)
def test_the_interval_of_images_is_the_exact_one(right: int, of: int) -> None:
    found, reference = of_images(right, of), stats.binomtest(right, of).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-9)
    assert found.share == right / of


def test_of_people_with_one_digit_each_it_is_the_same_and_of_one_person_too() -> None:
    each = of_people([1] * 8 + [0] * 2, [1] * 10)
    whole = of_images(8, 10)
    # The variance of the ten people is taken with 10/9, as is usual, which widens the interval a little.
    assert each.low == pytest.approx(whole.low, abs=0.03)
    assert each.high == pytest.approx(whole.high, abs=0.03)
    assert each.low <= whole.low
    assert each.people == 10
    one = of_people([8], [10])
    assert (one.low, one.high, one.people) == (whole.low, whole.high, 1)


def test_it_is_that_of_korn_and_graubard_by_hand() -> None:
    right, of = np.array([10, 9, 4, 8]), np.array([10, 10, 10, 10])
    p = 31 / 40
    variance = 4 / 3 * ((right - p * of) ** 2).sum() / 40**2
    effective = p * (1 - p) / variance * (stats.t.ppf(0.975, 39) / stats.t.ppf(0.975, 3)) ** 2
    x = p * effective
    found = of_people(right, of)
    assert found.low == pytest.approx(stats.beta.ppf(0.025, x, effective - x + 1))
    assert found.high == pytest.approx(stats.beta.ppf(0.975, x + 1, effective - x))
    naive = of_images(31, 40)
    assert found.low < naive.low
    assert found.high > naive.high


def test_where_all_are_right_few_people_say_little() -> None:
    two, twelve = of_people([10] * 2, [10] * 2), of_people([10] * 12, [10] * 12)
    assert two.low < 0.1 < 0.9 < twelve.low < of_images(120, 120).low
    assert two.high == twelve.high == 1
    assert of_people([0] * 12, [10] * 12).high == pytest.approx(1 - twelve.low)


def test_it_holds_for_classes_of_people_whose_digits_resemble_each_other_where_the_binomial_one_does_not() -> None:
    random = np.random.default_rng(5)
    held = []
    for _ in range(600):
        people = random.beta(6, 1.5, 15)  # 80 % on the mean, from person to person 14 points about it
        right = random.binomial(10, people)
        mine, naive = of_people(right, [10] * 15), of_images(int(right.sum()), 150)
        held.append((mine.low <= 0.8 <= mine.high, naive.low <= 0.8 <= naive.high))
    mine, naive = np.mean(held, axis=0)
    assert mine > 0.93
    assert naive < 0.9

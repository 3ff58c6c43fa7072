"""Statistics against scipy, a permutation test, published examples and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnist_lab import statistics

# Student (1908), "The probable error of a mean": additional hours of sleep by each of two drugs, ten patients.
FIRST = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
SECOND = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))

values = st.lists(st.floats(0.9, 1.0, allow_subnormal=False), min_size=2, max_size=12)


def test_student_s_own_example_paired() -> None:
    found = statistics.difference(SECOND, FIRST)
    assert found.is_paired
    assert (found.mean, found.p) == (pytest.approx(1.58), pytest.approx(0.002833, abs=1e-6))
    assert (found.low, found.high) == (pytest.approx(0.7001, abs=1e-4), pytest.approx(2.4599, abs=1e-4))


def test_the_same_example_as_two_groups_after_welch() -> None:
    others = {seed + 100: value for seed, value in FIRST.items()}
    found = statistics.difference(SECOND, others)
    assert not found.is_paired
    assert found.p == pytest.approx(0.07939, abs=1e-5)  # as R's t.test(extra ~ group, sleep) prints
    assert (found.low, found.high) == (pytest.approx(-0.2055, abs=1e-4), pytest.approx(3.3655, abs=1e-4))


@given(values, values)
def test_both_tests_agree_with_scipy(a: list[float], b: list[float]) -> None:
    if np.ptp(a) < 0.001 or np.ptp(b) < 0.001:
        return
    apart = statistics.difference(dict(enumerate(a)), dict(enumerate(b, 50)))
    theirs = stats.ttest_ind(a, b, equal_var=False)
    interval = theirs.confidence_interval()
    assert apart.p == pytest.approx(theirs.pvalue, rel=1e-4)
    assert (apart.low, apart.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    n = min(len(a), len(b))
    pairs = np.subtract(a[:n], b[:n])
    if n > 1 and np.std(pairs) > 0.001:
        paired = statistics.difference(dict(enumerate(a[:n])), dict(enumerate(b[:n])))
        assert paired.p == pytest.approx(stats.ttest_rel(a[:n], b[:n]).pvalue, rel=1e-6)


def test_a_permutation_test_says_the_same() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(0.9905, 0.0008, 12), generator.normal(0.99, 0.0008, 12)
    found = statistics.difference(dict(enumerate(a)), dict(enumerate(b)))
    signs = generator.choice([-1, 1], (20_000, 12))
    by_permutation = (np.abs((signs * (a - b)).mean(axis=1)) >= abs((a - b).mean()) - 1e-15).mean()
    assert found.p == pytest.approx(by_permutation, abs=0.02)


@given(values)
def test_the_spread_is_student_s_interval(numbers: list[float]) -> None:
    found = statistics.spread(numbers)
    assert (found.n, found.mean) == (len(numbers), pytest.approx(np.mean(numbers)))
    if np.ptp(numbers) > 1e-6:
        theirs = stats.ttest_1samp(numbers, 0).confidence_interval()
        assert (found.low, found.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


@pytest.mark.parametrize(("size", "n"), [(0.5, 34), (0.2, 199), (0.8, 15)])
def test_seeds_needed_as_published_for_a_paired_test(size: float, n: int) -> None:
    assert statistics.seeds_needed(size, 1.0) == n  # G*Power: two-sided, 0.05, power 0.8


def test_no_number_of_seeds_shows_nothing_or_next_to_nothing() -> None:
    assert statistics.seeds_needed(0.0, 0.001) is None
    assert statistics.seeds_needed(0.00001, 0.001) is None


def test_mcnemar_as_published() -> None:
    # Agresti, "Categorical data analysis", table 10.1: approval in two surveys of 1,600 people.
    first = np.repeat([True, True, False, False], [794, 150, 86, 570])
    second = np.repeat([True, False, True, False], [794, 150, 86, 570])
    found = statistics.answers(first, second)
    assert (found.only_first, found.only_second) == (150, 86)
    assert found.p == pytest.approx(stats.binomtest(86, 236).pvalue)
    assert found.p < 0.0001
    assert (found.low, found.high) == (pytest.approx(0.022, abs=0.001), pytest.approx(0.059, abs=0.001))


def test_two_networks_that_answer_alike_and_two_that_are_never_wrong() -> None:
    every = np.ones(10_000, bool)
    for right in (every, np.arange(10_000) % 7 > 0):
        found = statistics.answers(right, right)
        assert (found.only_first, found.only_second, found.p) == (0, 0, 1.0)
        assert found.low < 0 < found.high
    with pytest.raises(ValueError, match="Two answers to each image"):
        statistics.answers(every, every[:5])


def test_one_seed_a_side_is_no_verdict_and_says_how_many_would_be() -> None:
    found = statistics.verdict(("A", "B"), {1: 0.99}, {1: 0.98}, usual_sd=0.002)
    assert (found.kind, found.difference) == ("untold", None)
    assert found.words.startswith("Cannot be told with one seed: A and B differ by +1.00 points of test accuracy")
    assert found.more == 2
    assert "about 2 more seeds a side would show a difference of this size" in found.words
    assert statistics.verdict(("A", "B"), {1: 0.99}, {1: 0.98}).more == 2
    assert "no run of B has finished" in statistics.verdict(("A", "B"), {1: 0.99}, {}).words


def test_verdicts_in_words() -> None:
    a = {1: 0.990, 2: 0.991, 3: 0.992}
    better = statistics.verdict(("A", "B"), a, {seed: value - 0.01 for seed, value in a.items()})
    assert better.kind == "better"
    assert better.words.startswith("A is better than B: its mean test accuracy is 1.00 points higher (95 % interval ")
    assert better.words.endswith("3 seeds each, paired).")
    other = statistics.verdict(("B", "A"), {seed: value - 0.01 for seed, value in a.items()}, a)
    assert (other.kind, other.words) == ("worse", better.words)
    unclear = statistics.verdict(("A", "B"), a, {1: 0.9905, 2: 0.990, 3: 0.9905})
    assert (unclear.kind, unclear.more) == ("open", 19)
    assert "has zero in it; about 19 more seeds a side would show a difference of this size." in unclear.words
    same = statistics.verdict(("A", "B"), a, {seed: value + 1e-5 for seed, value in a.items()})
    assert same.kind == "equal"


def test_identical_seeds_are_no_proof_of_a_difference_of_one_image() -> None:
    """Accuracies are rounded to an image of 10,000: no spread at all is only a spread below that."""
    found = statistics.verdict(("A", "B"), {1: 0.9900, 2: 0.9900}, {1: 0.9901, 2: 0.9901})
    assert found.kind == "equal"
    assert statistics.verdict(("A", "B"), {1: 0.99, 2: 0.99}, {1: 0.99, 2: 0.99}).difference.p == 1.0


def test_many_pairs_are_held_to_a_stricter_level() -> None:
    a, b = {1: 0.9905, 2: 0.9909, 3: 0.9912, 4: 0.991}, {1: 0.99, 2: 0.99, 3: 0.99, 4: 0.991}
    alone, among_many = (statistics.verdict(("A", "B"), a, b, comparisons=m) for m in (1, 10))
    assert alone.difference.p == among_many.difference.p
    assert among_many.difference.low < alone.difference.low
    assert "99.5 % interval" in among_many.words


@pytest.mark.parametrize("n", [2, 3, 5, 10])
@pytest.mark.parametrize("shape", ["normal", "skewed", "coarse"])
@pytest.mark.parametrize("paired", [True, False])
def test_two_samples_of_one_design_raise_a_false_alarm_at_most_once_in_twenty(
    n: int, shape: str, *, paired: bool
) -> None:
    """Accuracies as they are: rounded to an image, some seeds unlucky, some designs with next to no spread."""
    generator = np.random.default_rng(n)
    draw = {
        "normal": lambda size: 0.99 + 0.0008 * generator.standard_normal(size),
        "skewed": lambda size: 0.992 - 0.0008 * generator.gamma(2.0, size=size),
        "coarse": lambda size: 0.99 + 0.00004 * generator.standard_normal(size),
    }[shape]
    tries = 2000
    samples = np.round(draw((tries, 2, n)), 4)
    first, second = range(n), range(n) if paired else range(n, 2 * n)
    kinds = [
        statistics.verdict(("A", "B"), dict(zip(first, a, strict=True)), dict(zip(second, b, strict=True))).kind
        for a, b in samples
    ]
    alarms = sum(kind in ("better", "worse") for kind in kinds)
    assert stats.binomtest(alarms, tries, 0.05, alternative="greater").pvalue > 1e-4, alarms / tries


def test_the_usual_spread_is_pooled_and_the_luck_of_the_best_grows() -> None:
    assert statistics.usual_sd([[0.99], [0.98]]) is None
    assert statistics.usual_sd([[0.99, 0.992], [0.97, 0.974], [0.5]]) == pytest.approx(np.sqrt((2e-6 + 8e-6) / 2))
    best_of = [np.random.default_rng(0).standard_normal((20_000, n)).max(axis=1).mean() for n in (2, 10, 100)]
    assert [statistics.luck_of_the_best(n, 1.0) for n in (2, 10, 100)] == pytest.approx(best_of, abs=0.05)
    assert statistics.luck_of_the_best(1, 1.0) == 0

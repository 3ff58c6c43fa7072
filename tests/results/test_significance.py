"""Statistics against scipy, a permutation test, published examples and simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from mnist_lab.results import significance

# Student (1908), "The probable error of a mean": additional hours of sleep by each of two drugs, ten patients.
FIRST = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
SECOND = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))

values = st.lists(st.floats(0.9, 1.0, allow_subnormal=False), min_size=2, max_size=12)


def test_student_s_own_example_paired() -> None:
    found = significance.difference(SECOND, FIRST)
    assert found.is_paired
    assert (found.mean, found.p) == (pytest.approx(1.58), pytest.approx(0.002833, abs=1e-6))
    assert (found.low, found.high) == (pytest.approx(0.7001, abs=1e-4), pytest.approx(2.4599, abs=1e-4))


def test_the_same_example_as_two_groups_after_welch() -> None:
    others = {seed + 100: value for seed, value in FIRST.items()}
    found = significance.difference(SECOND, others)
    assert not found.is_paired
    assert found.p == pytest.approx(0.07939, abs=1e-5)  # as R's t.test(extra ~ group, sleep) prints
    assert (found.low, found.high) == (pytest.approx(-0.2055, abs=1e-4), pytest.approx(3.3655, abs=1e-4))


@given(values, values)
def test_both_tests_agree_with_scipy(a: list[float], b: list[float]) -> None:
    if np.ptp(a) < 0.001 or np.ptp(b) < 0.001:
        return
    apart = significance.difference(dict(enumerate(a)), dict(enumerate(b, 50)))
    theirs = stats.ttest_ind(a, b, equal_var=False)
    interval = theirs.confidence_interval()
    assert apart.p == pytest.approx(theirs.pvalue, rel=1e-4)
    assert (apart.low, apart.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    n = min(len(a), len(b))
    pairs = np.subtract(a[:n], b[:n])
    if n > 1 and np.std(pairs) > 0.001:
        paired = significance.difference(dict(enumerate(a[:n])), dict(enumerate(b[:n])))
        assert paired.p == pytest.approx(stats.ttest_rel(a[:n], b[:n]).pvalue, rel=1e-6)


def test_a_permutation_test_says_the_same() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(0.9905, 0.0008, 12), generator.normal(0.99, 0.0008, 12)
    found = significance.difference(dict(enumerate(a)), dict(enumerate(b)))
    signs = generator.choice([-1, 1], (20_000, 12))
    by_permutation = (np.abs((signs * (a - b)).mean(axis=1)) >= abs((a - b).mean()) - 1e-15).mean()
    assert found.p == pytest.approx(by_permutation, abs=0.02)


@given(values)
def test_the_spread_is_student_s_interval(numbers: list[float]) -> None:
    found = significance.spread(numbers)
    assert (found.n, found.mean) == (len(numbers), pytest.approx(np.mean(numbers)))
    if np.ptp(numbers) > 1e-6:
        theirs = stats.ttest_1samp(numbers, 0).confidence_interval()
        assert (found.low, found.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


@pytest.mark.parametrize(("size", "n"), [(0.5, 34), (0.2, 199), (0.8, 15)])
def test_seeds_needed_as_published_for_a_paired_test(size: float, n: int) -> None:
    assert significance.seeds_needed(size, 1.0) == n  # G*Power: two-sided, 0.05, power 0.8


def power_by_another_way(n: int, effect: float, level: float) -> float:
    """The same probability, integrated over the standard deviation instead of the mean."""
    limit, shift, freedom = stats.t.ppf((1 + level) / 2, n - 1), effect * np.sqrt(n), n - 1

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


LEVELS = [1 - 0.05 / pairs for pairs in (1, 3, 15)]


def test_power_is_that_of_an_independent_integration_over_the_whole_range() -> None:
    generator = np.random.default_rng(0)
    for level in LEVELS:
        for n in [2, 3, 4, 5, 8, 90, 101, 200, *map(int, generator.integers(6, 200, 4))]:
            near = generator.uniform(0.5, 5, 3) / np.sqrt(n)  # where power is neither 0 nor 1
            for effect in [0.0, 1e-6, *near, 3.957, 30.0, 24_000.0]:
                ours = significance.power_of(n, effect, level)
                assert ours == pytest.approx(power_by_another_way(n, effect, level), abs=1e-7), (n, effect, level)


@pytest.mark.parametrize("level", LEVELS)
def test_seeds_needed_are_the_fewest_that_show_it(level: float) -> None:
    """The fault: where SciPy's `nctdtr` is not a number, a hundred seeds too many were asked for."""
    effects = [3.957, *np.geomspace(0.2, 60, 40)]
    for effect in effects:
        n = significance.seeds_needed(effect, 1.0, level)
        if n is None:
            assert significance.power_of(200, effect, level) < 0.8, effect
        else:
            assert power_by_another_way(n, effect, level) >= 0.8, effect
            assert n == 2 or power_by_another_way(n - 1, effect, level) < 0.8, effect


def test_a_hundred_seeds_are_not_offered_where_one_will_do() -> None:
    found = significance.verdict(("A", "B"), {1: 0.9816, 2: 0.9823}, {1: 0.98, 2: 0.98})
    assert (found.kind, found.more) == ("inconclusive", 1)
    assert "About 1 more seed of each would probably show" in found.reason


def test_scipy_s_functions_are_right_wherever_they_are_used() -> None:
    """Limits, probabilities and binomial tails against `scipy.stats` or their own definition."""
    freedoms = np.concatenate([np.linspace(1, 3, 41), np.arange(3, 200, 7)])
    for level in LEVELS:
        limits = special.stdtrit(freedoms, (1 + level) / 2)
        assert np.allclose(stats.t.cdf(limits, freedoms), (1 + level) / 2, rtol=0, atol=1e-9)
    for t in (0.0, 0.5, 2.0, 12.0, 1e4):
        assert np.allclose(2 * special.stdtr(freedoms, -t), 2 * stats.t.sf(t, freedoms), rtol=1e-6, atol=1e-15)
    for b, c in itertools.product((0, 1, 7, 150, 4999), (0, 1, 9, 86, 5000)):
        if b + c:
            ours = min(1.0, 2 * special.bdtr(min(b, c), b + c, 0.5))
            assert ours == pytest.approx(stats.binomtest(b, b + c).pvalue, rel=1e-6), (b, c)


def test_no_share_is_less_than_nothing_or_more_than_all() -> None:
    low, high = significance.of_shares(-0.05237, 0.93617)
    assert (low, high) == (0, 0.93617)
    low, high = significance.of_shares(np.array([np.nan, 0.97]), np.array([np.nan, 1.02]))
    assert np.array_equal(low, [np.nan, 0.97], equal_nan=True)
    assert np.array_equal(high, [np.nan, 1.0], equal_nan=True)
    wide = significance.verdict(("A", "B"), {1: 0.9, 2: 0.1}, {1: 0.1, 2: 0.5})
    assert "interval, −100.00 to +100.00, includes zero" in wide.words
    all_ = significance.answers(np.ones(100, bool), np.zeros(100, bool))
    assert all_.high == 1


def test_no_number_of_seeds_shows_nothing_or_next_to_nothing() -> None:
    assert significance.seeds_needed(0.0, 0.001) is None
    assert significance.seeds_needed(0.00001, 0.001) is None


def test_mcnemar_as_published() -> None:
    # Agresti, "Categorical data analysis", table 10.1: approval in two surveys of 1,600 people.
    first = np.repeat([True, True, False, False], [794, 150, 86, 570])
    second = np.repeat([True, False, True, False], [794, 150, 86, 570])
    found = significance.answers(first, second)
    assert (found.only_first, found.only_second) == (150, 86)
    assert found.p == pytest.approx(stats.binomtest(86, 236).pvalue)
    assert found.p < 0.0001
    assert (found.low, found.high) == (pytest.approx(0.022, abs=0.001), pytest.approx(0.059, abs=0.001))


def test_two_networks_that_answer_alike_and_two_that_are_never_wrong() -> None:
    every = np.ones(10_000, bool)
    for right in (every, np.arange(10_000) % 7 > 0):
        found = significance.answers(right, right)
        assert (found.only_first, found.only_second, found.p) == (0, 0, 1.0)
        assert found.low < 0 < found.high
    with pytest.raises(ValueError, match="Two answers to each image"):
        significance.answers(every, every[:5])


def test_one_seed_a_side_is_no_verdict_and_says_how_many_would_be() -> None:
    found = significance.verdict(("A", "B"), {1: 0.99}, {1: 0.98}, usual_sd=0.002)
    assert (found.kind, found.difference) == ("not enough data", None)
    assert found.words == "Not enough data: A is ahead of B by 1.00 points of test accuracy, with one seed each."
    assert found.more == 2
    assert "a single run proves nothing. About 2 more seeds of each would probably show a difference" in found.reason
    one_of_b = significance.verdict(("A", "B"), {1: 0.98, 2: 0.98}, {1: 0.99})
    assert (
        one_of_b.words == "Not enough data: B is ahead of A by 1.00 points of test accuracy, with only one seed of B."
    )
    assert significance.verdict(("A", "B"), {1: 0.99}, {1: 0.98}).more == 2
    assert "no run of B has finished" in significance.verdict(("A", "B"), {1: 0.99}, {}).words


def test_verdicts_in_words() -> None:
    a = {1: 0.990, 2: 0.991, 3: 0.992}
    better = significance.verdict(("A", "B"), a, {seed: value - 0.01 for seed, value in a.items()})
    assert better.kind == "better"
    assert (
        better.words == "A is better than B by 1.00 points of test accuracy; 95 % interval 0.99 to 1.01, 3 seeds each."
    )
    assert "about once in 20 such comparisons" in better.reason
    assert "compared seed by seed" in better.reason
    other = significance.verdict(("B", "A"), {seed: value - 0.01 for seed, value in a.items()}, a)
    assert (other.kind, other.words) == ("worse", better.words)
    unclear = significance.verdict(("A", "B"), a, {1: 0.9905, 2: 0.990, 3: 0.9905})
    assert (unclear.kind, unclear.more) == ("inconclusive", 19)
    assert unclear.words.startswith(
        "Not decided: A is ahead of B by 0.07 points of test accuracy, but the 95 % interval, −"
    )
    assert unclear.words.endswith(", includes zero; 3 seeds each.")
    assert "About 19 more seeds of each would probably show a difference of this size." in unclear.reason
    other_way = significance.verdict(("B", "A"), {1: 0.9905, 2: 0.990, 3: 0.9905}, a)
    assert (other_way.kind, other_way.words) == ("inconclusive", unclear.words)
    unequal = significance.verdict(("B", "A"), {7: 0.980, 8: 0.981}, a)
    assert unequal.words.startswith("A is better than B by ")
    assert unequal.words.endswith(", 3 and 2 seeds."), "in the order of the sentence"
    same = significance.verdict(("A", "B"), a, {seed: value + 1e-5 for seed, value in a.items()})
    assert same.kind == "equal"


def test_identical_seeds_are_no_proof_of_a_difference_of_one_image() -> None:
    """Accuracies are rounded to an image of 10,000: no spread at all is only a spread below that."""
    found = significance.verdict(("A", "B"), {1: 0.9900, 2: 0.9900}, {1: 0.9901, 2: 0.9901})
    assert found.kind == "equal"
    assert significance.verdict(("A", "B"), {1: 0.99, 2: 0.99}, {1: 0.99, 2: 0.99}).difference.p == 1.0


def test_many_pairs_are_held_to_a_stricter_level() -> None:
    a, b = {1: 0.9905, 2: 0.9909, 3: 0.9912, 4: 0.991}, {1: 0.99, 2: 0.99, 3: 0.99, 4: 0.991}
    alone, among_many = (significance.verdict(("A", "B"), a, b, comparisons=m) for m in (1, 10))
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
        significance.verdict(("A", "B"), dict(zip(first, a, strict=True)), dict(zip(second, b, strict=True))).kind
        for a, b in samples
    ]
    alarms = sum(kind in ("better", "worse") for kind in kinds)
    assert stats.binomtest(alarms, tries, 0.05, alternative="greater").pvalue > 1e-4, alarms / tries


def test_the_usual_spread_is_pooled_and_the_selection_bias_grows() -> None:
    assert significance.usual_sd([[0.99], [0.98]]) is None
    assert significance.usual_sd([[0.99, 0.992], [0.97, 0.974], [0.5]]) == pytest.approx(np.sqrt((2e-6 + 8e-6) / 2))
    best_of = [np.random.default_rng(0).standard_normal((20_000, n)).max(axis=1).mean() for n in (2, 10, 100)]
    assert [significance.selection_bias(n, 1.0) for n in (2, 10, 100)] == pytest.approx(best_of, abs=0.05)
    assert significance.selection_bias(1, 1.0) == 0

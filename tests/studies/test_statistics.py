"""The statistics of studies: Student's test, Holm's correction and interactions against published examples and independent
computations; power against published tables and simulation; false alarms of whole studies, and of versions of them."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mnist_lab.results import anytime
from mnist_lab.results.spread import RESOLUTION
from mnist_lab.studies.statistics import (
    ALPHA,
    Comparison,
    Contrast,
    compare,
    holm,
    planned,
    power,
    seeds_for_equality,
    seeds_needed,
    spread,
    student_limit,
)

# Student's own example (1908, "The probable error of a mean"): hours of sleep that ten patients gained by two drugs.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
KERNELS = {"Kernel size": ["2", "3", "5", "7"]}
TWO = {"Kernel size": ["3", "5", "7"], "Dropout": ["0", "0.5"]}


def by_seed(values: object) -> dict[int, float]:
    return dict(enumerate(map(float, values), start=1))


def study(values: np.ndarray, factors: dict[str, list[str]] = KERNELS) -> dict[tuple[str, ...], dict[int, float]]:
    """Accuracies by cell and seed, of an array with a row for each cell."""
    return {cell: by_seed(row) for cell, row in zip(product(*factors.values()), values, strict=True)}


def of_drugs() -> Comparison:
    (found,) = compare(
        planned({"Drug": ["1", "2"]}), {("1",): by_seed(SLEEP[0]), ("2",): by_seed(SLEEP[1])}, is_unseen=True
    )
    return found


def test_student_s_own_example() -> None:
    found = of_drugs()
    assert (found.n, found.mean) == (10, pytest.approx(1.58))
    assert found.mean / found.sd * 10**0.5 == pytest.approx(4.0621, abs=5e-5)
    assert (found.p, found.adjusted_p) == (pytest.approx(0.002833, abs=5e-7), found.p)
    assert (found.low, found.high) == (pytest.approx(0.7001142, abs=5e-7), pytest.approx(2.4598858, abs=5e-7))
    assert found.is_shown
    assert np.isnan(found.evidence)


@given(st.integers(2, 30), st.integers(0, 1000))
def test_all_pairs_are_scipy_s_paired_tests(n: int, number: int) -> None:
    values = np.random.default_rng(number).normal(0.99, 0.001, (4, n))
    found = compare(planned(KERNELS), study(values), is_unseen=True)
    assume(all(one.sd > RESOLUTION for one in found))
    levels = KERNELS["Kernel size"]
    assert [(one.contrast.second, one.contrast.first) for one in found] == [*combinations(levels, 2)]
    for one in found:
        first, second = (values[levels.index(level)] for level in (one.contrast.first, one.contrast.second))
        theirs = stats.ttest_rel(first, second)
        interval = theirs.confidence_interval(1 - ALPHA / 6)
        assert one.p == pytest.approx(theirs.pvalue)
        assert (one.low, one.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
        assert one.adjusted_p >= one.p


def test_holm_s_correction_as_published() -> None:
    # A worked example of encyclopaedias and courses.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # Benjamini and Hochberg 1995, "Controlling the false discovery rate", their study of 15 comparisons: three are shown.
    infarction = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
    ]
    assert [p <= 0.05 for p in holm([*infarction, 1.0])] == [True] * 3 + [False] * 12


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_s_correction_by_its_definition(p: list[float]) -> None:
    """Going up from the least p-value, each is held to α over the number of those not shown yet; the first that fails ends it."""
    adjusted = holm(p)
    for alpha in (0.01, 0.05, 0.3):
        shown = set()
        for step, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
            if p[place] * (len(p) - step) > alpha:
                break
            shown.add(place)
        assert {place for place, value in enumerate(adjusted) if value <= alpha} == shown
    assert all(one <= other for one, other in zip(p, adjusted, strict=True))


def test_what_could_not_be_tested_counts_among_the_comparisons() -> None:
    assert holm([0.02, np.nan, 0.03]) == pytest.approx([0.06, np.nan, 0.06], nan_ok=True)
    assert holm([0.02], 3) == pytest.approx([0.06])


def test_comparisons_with_a_reference() -> None:
    found = planned(KERNELS, "3")
    assert [(one.first, one.second) for one in found] == [("2", "3"), ("5", "3"), ("7", "3")]
    assert found[0].weights == {("2",): 1.0, ("3",): -1.0}
    values = np.random.default_rng(0).normal(0.99, 0.001, (4, 10))
    its = compare(found, study(values), is_unseen=True)
    p = [stats.ttest_rel(values[i], values[1]).pvalue for i in (0, 2, 3)]
    assert [one.p for one in its] == pytest.approx(p)
    assert [one.adjusted_p for one in its] == pytest.approx(holm(p))


def test_two_factors_are_compared_over_the_other_s_levels_and_by_their_interaction() -> None:
    found = planned(TWO)
    assert [(one.factor, one.first, one.second) for one in found] == [
        ("Kernel size", "5", "3"),
        ("Kernel size", "7", "3"),
        ("Kernel size", "7", "5"),
        ("Dropout", "0.5", "0"),
        ("Kernel size × Dropout", "5 − 3 at 0.5", "5 − 3 at 0"),
        ("Kernel size × Dropout", "7 − 3 at 0.5", "7 − 3 at 0"),
    ]
    assert [one.is_interaction for one in found] == [False] * 4 + [True] * 2
    assert found[3].sides == ([("3", "0.5"), ("5", "0.5"), ("7", "0.5")], [("3", "0"), ("5", "0"), ("7", "0")])
    assert found[4].sides == ([("5", "0.5"), ("3", "0.5")], [("5", "0"), ("3", "0")])
    with_reference = planned(TWO, "5")
    assert [one.first for one in with_reference] == ["3", "7", "0.5", "3 − 5 at 0.5", "7 − 5 at 0.5"]
    three = planned({"Dropout": ["0", "0.5"], "Kernel size": ["3", "5", "7"]}, "0.5")
    assert [(one.first, one.second) for one in three if not one.is_interaction] == [
        ("0", "0.5"),
        ("5", "3"),
        ("7", "3"),
    ]
    values = np.random.default_rng(1).normal(0.99, 0.001, (6, 8))
    kernel, dropout = (compare([found[place]], study(values, TWO), is_unseen=True)[0] for place in (1, 3))
    theirs = stats.ttest_rel(values[4:].mean(axis=0), values[:2].mean(axis=0))
    assert (kernel.p, kernel.mean) == (pytest.approx(theirs.pvalue), pytest.approx(np.mean(values[4:] - values[:2])))
    assert dropout.p == pytest.approx(stats.ttest_rel(values[1::2].mean(axis=0), values[::2].mean(axis=0)).pvalue)


def test_an_interaction_by_hand() -> None:
    """Three seeds: with dropout 5 gains 0.003, 0.005, 0.004 on 3, without it 0.001 each; so 0.002, 0.004, 0.003."""
    accuracies = {
        ("3", "0"): {1: 0.980, 2: 0.981, 3: 0.982},
        ("5", "0"): {1: 0.981, 2: 0.982, 3: 0.983},
        ("3", "0.5"): {1: 0.970, 2: 0.971, 3: 0.972},
        ("5", "0.5"): {1: 0.973, 2: 0.976, 3: 0.976},
    }
    *_, found = compare(planned({"Kernel size": ["3", "5"], "Dropout": ["0", "0.5"]}), accuracies, is_unseen=True)
    assert (found.mean, found.sd) == (pytest.approx(0.003), pytest.approx(0.001))
    theirs = stats.ttest_1samp([0.002, 0.004, 0.003], 0)
    assert found.p == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval(1 - 0.05 / 3)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_an_interaction_is_that_of_an_analysis_of_variance() -> None:
    """Of two factors with two levels within subjects: F by sums of squares is t squared."""
    factors = {"A": ["1", "2"], "B": ["1", "2"]}
    n = 9
    values = np.random.default_rng(2).normal(0.99, 0.001, (2, 2, n))
    *_, found = compare(planned(factors), study(values.reshape(4, n), factors), is_unseen=True)

    def without(kept: np.ndarray) -> np.ndarray:
        """What is left when the means over each factor, and over seeds, are taken away."""
        for axis in (0, 1):
            kept = kept - kept.mean(axis=axis, keepdims=True)
        return kept

    both = without(values)
    effect = both.mean(axis=2, keepdims=True)
    f = n * (effect**2).sum() / (((both - effect) ** 2).sum() / (n - 1))
    assert found.p == pytest.approx(stats.f.sf(f, 1, n - 1))


def test_seeds_that_diverged_leave_the_comparisons_of_their_cell_and_are_counted() -> None:
    values = np.random.default_rng(3).normal(0.99, 0.001, (4, 6))
    accuracies = study(values)
    for cell, seed in ((("7",), 2), (("7",), 5), (("2",), 2)):
        del accuracies[cell][seed]
    found = compare(planned(KERNELS), accuracies, {("7",): [2, 5], ("2",): [2]}, is_unseen=True)
    its = {(one.contrast.first, one.contrast.second): one for one in found}
    assert its["5", "3"].seeds == (1, 2, 3, 4, 5, 6)
    assert its["7", "3"].seeds == (1, 3, 4, 6)
    assert (its["7", "2"].seeds, its["7", "2"].diverged) == ((1, 3, 4, 6), (2, 1))
    assert (its["3", "2"].seeds, its["3", "2"].diverged) == ((1, 3, 4, 5, 6), (0, 1))
    kept = [0, 2, 3, 5]
    assert its["7", "3"].p == pytest.approx(stats.ttest_rel(values[3][kept], values[1][kept]).pvalue)


def test_a_value_of_a_seed_that_diverged_is_not_used() -> None:
    (found,) = compare(
        planned({"": ["A", "B"]}),
        {("A",): by_seed([0.9] * 4), ("B",): by_seed([0.8] * 4)},
        {("B",): [3]},
        is_unseen=True,
    )
    assert found.seeds == (1, 2, 4)


@pytest.mark.parametrize("is_unseen", [True, False])
@pytest.mark.parametrize("n", [0, 1])
def test_too_few_seeds_are_no_test(n: int, *, is_unseen: bool) -> None:
    (found,) = compare(
        planned({"": ["A", "B"]}), {("A",): by_seed([0.9] * n), ("B",): by_seed([0.8] * 5)}, is_unseen=is_unseen
    )
    assert found.n == n
    assert np.isnan([found.p, found.adjusted_p, found.evidence]).all()
    assert not np.isfinite(found.high)
    assert not found.is_shown


def test_equal_accuracies_are_no_proof_of_a_difference_of_less_than_rounding() -> None:
    """Rounding to an image of 10,000 adds up over the four cells of an interaction."""
    cells = study(np.full((4, 5), 0.99), {"A": ["1", "2"], "B": ["1", "2"]})
    *_, interaction = compare(planned({"A": ["1", "2"], "B": ["1", "2"]}), cells, is_unseen=True)
    (pair,) = compare(
        planned({"": ["A", "B"]}), {("A",): by_seed([0.99] * 5), ("B",): by_seed([0.99] * 5)}, is_unseen=True
    )
    assert pair.sd == RESOLUTION
    assert interaction.sd == pytest.approx(RESOLUTION * 2**0.5)
    assert (pair.p, pair.is_shown) == (1.0, False)
    exact = np.random.default_rng(0).uniform(0.98, 0.99, (4, 50_000))
    error = np.round(exact, 4) - exact
    assert np.std(error[0] - error[1] - error[2] + error[3]) == pytest.approx(interaction.sd, rel=0.02)


def test_the_counterpart_that_may_be_looked_at() -> None:
    values = np.random.default_rng(4).normal(0.99, 0.001, (4, 9))
    values[3] += 0.005
    found = compare(planned(KERNELS), study(values), is_unseen=False)
    for one in found:
        half = float(anytime.half_width(9, one.sd, ALPHA / 6))
        assert (one.low, one.high) == (pytest.approx(one.mean - half), pytest.approx(one.mean + half))
        assert one.p == min(1.0, 1 / one.evidence)
        assert np.log(one.evidence) == pytest.approx(float(anytime.log_evidence(9, one.mean / one.sd * 3)))
        assert one.adjusted_p == min(1.0, 6 * one.p)
        assert one.is_shown == (not one.low <= 0 <= one.high), "its intervals always agree with it"
    assert len({one.is_shown for one in found}) == 2


@pytest.mark.parametrize("is_unseen", [True, False])
def test_comparisons_of_other_versions_count_too(*, is_unseen: bool) -> None:
    values = np.random.default_rng(4).normal(0.99, 0.001, (4, 9))
    (alone, among), six = (
        [compare(planned(KERNELS)[:1], study(values), is_unseen=is_unseen, among=count)[0] for count in (None, 6)],
        compare(planned(KERNELS), study(values), is_unseen=is_unseen)[0],
    )
    assert (among.low, among.high) == (six.low, six.high)
    assert among.high > alone.high
    assert among.adjusted_p == pytest.approx(min(1.0, 6 * alone.p))


def test_beyond_all_doubt_is_no_error() -> None:
    values = [0.9 + 1e-6 * seed for seed in range(200)]
    cells = {("A",): by_seed(values), ("B",): by_seed([value - 0.8 for value in values])}
    for is_unseen in (True, False):
        (found,) = compare(planned({"": ["A", "B"]}), cells, is_unseen=is_unseen)
        assert found.is_shown


def test_a_cell_by_itself() -> None:
    values = [0.985, 0.986, 0.9845, 0.9851, 0.9858]
    theirs = stats.ttest_1samp(values, 0).confidence_interval()
    found = spread(values, is_unseen=True)
    assert (found.low, found.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))
    assert spread(values, is_unseen=False) == anytime.spread(values)
    assert np.isnan(spread([0.9], is_unseen=True).low)


@pytest.mark.parametrize(
    ("effect", "goal", "published"),
    # The first column of Cohen's table for pairs (1988); the last two from R's `pwr.t.test`: 112.9798 and 29.7355.
    [(0.2, 0.8, 199), (0.5, 0.8, 34), (0.8, 0.8, 15), (0.25, 0.75, 113), (0.5, 0.75, 30)],
)
def test_seeds_needed_as_published(effect: float, goal: float, published: int) -> None:
    assert power(published, effect, 1.0) >= goal > power(published - 1, effect, 1.0)
    if goal == 0.8:
        assert seeds_needed(effect, 1.0) == published


def test_power_as_published() -> None:
    # G*Power 3, guide, difference between two dependent means: Cohen's example of 50 matched pairs.
    assert power(50, 0.4 / 0.9**0.5, 1.0) == pytest.approx(0.832114, abs=5e-7)


@pytest.mark.parametrize(("n", "effect", "comparisons"), [(2, 3.0, 1), (5, 1.5, 1), (10, 1.2, 6), (10, 2.0, 28)])
def test_power_is_the_share_of_studies_that_show_it(n: int, effect: float, comparisons: int) -> None:
    samples = np.random.default_rng(n).normal(0.001 * effect, 0.001, (20_000, n))
    p = stats.ttest_1samp(samples, 0, axis=1).pvalue
    shown = int(((p <= ALPHA / comparisons) & (samples.mean(axis=1) > 0)).sum())
    assert stats.binomtest(shown, 20_000, power(n, 0.001 * effect, 0.001, comparisons)).pvalue > 1e-3, shown / 20_000
    assert power(n, 0.001 * effect, 0.001, comparisons) == power(n, -0.001 * effect, 0.001, comparisons)


def test_seeds_needed_follow_the_test_that_will_be_used() -> None:
    for comparisons in (1, 6, 28):
        alone = seeds_needed(0.001, 0.0008, comparisons)
        assert power(alone, 0.001, 0.0008, comparisons) >= 0.8 > power(alone - 1, 0.001, 0.0008, comparisons)
        looked = seeds_needed(0.001, 0.0008, comparisons, is_unseen=False)
        assert looked == anytime.seeds_needed(0.001, 0.0008, ALPHA / comparisons) > alone
    assert seeds_needed(0.0, 0.0008) is None
    assert seeds_needed(0.001, 0.1) is None


def test_seeds_for_equality_are_the_fewest_whose_interval_fits() -> None:
    n = seeds_for_equality(0.0002, 0.0008, 0.001, 6)
    reach = [0.0002 + student_limit(k, ALPHA / 6) * 0.0008 / k**0.5 for k in (n - 1, n)]
    assert reach[1] < 0.001 <= reach[0]
    assert seeds_for_equality(-0.0002, 0.0008, 0.001, 6) == n
    looked = seeds_for_equality(0.0002, 0.0008, 0.001, 6, is_unseen=False)
    assert looked == anytime.seeds_for_equality(0.0002, 0.0008, 0.001, ALPHA / 6) > n
    assert seeds_for_equality(0.001, 0.0008, 0.001) is None
    assert seeds_for_equality(0.0, 0.1, 0.001) is None


def test_student_s_limit() -> None:
    assert [student_limit(n) for n in (2, 10, 31)] == pytest.approx([12.706, 2.262, 2.042], abs=5e-4)
    assert student_limit(1) == np.inf


def is_alarm(
    values: np.ndarray, contrasts: list[Contrast], *, is_unseen: bool = True, among: int | None = None
) -> bool:
    return any(one.is_shown for one in compare(contrasts, study(values), is_unseen=is_unseen, among=among))


def drawn(rng: np.random.Generator, n: int) -> np.ndarray:
    """Accuracies of four equal cells, rounded to an image; the same seed is alike in all of them."""
    return np.round(0.99 + 0.0005 * rng.standard_normal(n) + 0.0008 * rng.standard_normal((4, n)), 4)


def assert_at_most_one_in_twenty(alarms: int, tries: int) -> None:
    print(f"false alarms: {alarms / tries:.1%} of {tries} studies")
    assert stats.binomtest(alarms, tries, 0.05, alternative="greater").pvalue > 1e-3, alarms / tries


@pytest.mark.parametrize("reference", [None, "2"])
def test_a_study_of_four_equal_levels_shows_a_difference_at_most_once_in_twenty(reference: str | None) -> None:
    rng = np.random.default_rng(5)
    contrasts = planned(KERNELS, reference)
    assert_at_most_one_in_twenty(sum(is_alarm(drawn(rng, 10), contrasts) for _ in range(1000)), 1000)


def test_equal_levels_beside_a_better_one_are_not_told_apart_more_often() -> None:
    """Where some levels differ, Holm's steps are less strict for the others; they still must not fail."""
    rng = np.random.default_rng(6)
    contrasts = planned(KERNELS)
    alarms = 0
    for _ in range(1000):
        found = compare(contrasts, study(drawn(rng, 10) + np.array([[0.1], [0], [0], [0]])), is_unseen=True)
        assert all(one.is_shown for one in found if one.contrast.second == "2")
        alarms += any(one.is_shown for one in found if one.contrast.second != "2")
    assert_at_most_one_in_twenty(alarms, 1000)


def ever_shows(rng: np.random.Generator, *, is_unseen: bool, most: int = 30) -> bool:
    """Whether somebody who sees no difference, adds three seeds in a new version of the study and looks again, ever sees one."""
    values = drawn(rng, most)
    return any(is_alarm(values[:, :n], planned(KERNELS), is_unseen=is_unseen) for n in range(4, most + 1, 3))


def test_who_looks_and_adds_seeds_in_new_versions_sees_a_false_alarm_at_most_once_in_twenty() -> None:
    rng = np.random.default_rng(7)
    assert_at_most_one_in_twenty(sum(ever_shows(rng, is_unseen=False) for _ in range(150)), 150)
    student = sum(ever_shows(rng, is_unseen=True) for _ in range(60))
    assert stats.binomtest(student, 60, 0.05, alternative="greater").pvalue < 1e-3, "or the simulation can see nothing"


def keeps_the_most_promising(rng: np.random.Generator, *, among: int | None, most: int = 30) -> bool:
    """Whether a second version, which keeps the one comparison that looked best in the first, ever shows a difference."""
    values = drawn(rng, most)
    contrasts = planned(KERNELS)
    first = compare(contrasts, study(values[:, :6]), is_unseen=False)
    if any(one.is_shown for one in first):
        return True
    best = contrasts[max(range(6), key=lambda i: first[i].evidence)]
    return any(is_alarm(values[:, :n], [best], is_unseen=False, among=among) for n in range(6, most + 1, 3))


def test_who_keeps_the_most_promising_comparison_still_pays_for_all() -> None:
    rng = np.random.default_rng(8)
    assert_at_most_one_in_twenty(sum(keeps_the_most_promising(rng, among=6) for _ in range(200)), 200)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_false_alarms_of_studies_closely() -> None:
    rng = np.random.default_rng(9)
    contrasts = planned(KERNELS)
    tries = 5000
    alone = sum(is_alarm(drawn(rng, 10), contrasts) for _ in range(tries))
    versions = sum(ever_shows(rng, is_unseen=False) for _ in range(tries))
    kept = sum(keeps_the_most_promising(rng, among=6) for _ in range(tries))
    print(f"one study of a fixed number: {alone / tries:.1%}; any of its versions, looked at: {versions / tries:.1%}")
    print(f"versions that keep the most promising comparison: {kept / tries:.1%}")
    forgetful = sum(keeps_the_most_promising(rng, among=None) for _ in range(tries))
    student = sum(ever_shows(rng, is_unseen=True) for _ in range(tries // 5))
    print(
        f"the same without counting all comparisons: {forgetful / tries:.1%}; Student's test in each version: {5 * student / tries:.1%}"
    )
    both = 0
    for _ in range(tries):
        values = drawn(rng, 30)
        both += is_alarm(values[:, :10], contrasts) or any(
            is_alarm(values[:, :n], contrasts, is_unseen=False) for n in range(12, 31, 2)
        )
    print(f"Student's test of the first version, or a later version that may be looked at: {both / tries:.1%}")
    for alarms in (alone, versions, kept):
        assert_at_most_one_in_twenty(alarms, tries)

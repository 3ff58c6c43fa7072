"""The test that may be looked at: its formulas against numerical integration, its promise against simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from mnist_lab.results import anytime
from mnist_lab.results.power import power_of

ALPHAS = [0.05 / pairs for pairs in (1, 3, 15)]


@settings(max_examples=25)
@given(st.integers(2, 60), st.floats(-20, 20))
def test_the_evidence_is_the_likelihood_ratio_averaged_over_the_prior(n: int, t: float) -> None:
    """Of the noncentral *t* distribution, by an integration that knows nothing of the closed form. With an improper prior of
    the standard deviation, the density of t under an effect is SciPy's."""

    def density(effect: float) -> float:
        return float(
            stats.nct.pdf(t, n - 1, effect * np.sqrt(n)) * stats.norm.pdf(effect, scale=anytime.PRECISION**-0.5)
        )

    near = t / np.sqrt(n)
    averaged = integrate.quad(
        density, -30, 30, points=[0, near, near - 2 / np.sqrt(n), near + 2 / np.sqrt(n)], limit=400
    )[0]
    assert anytime.log_evidence(n, t) == pytest.approx(np.log(averaged / stats.t.pdf(t, n - 1)), abs=1e-4)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_interval_is_where_the_evidence_is_below_its_bound(alpha: float) -> None:
    for n in (3, 4, 5, 8, 20, 200):
        limit = float(anytime.limit(n, alpha))
        if limit == np.inf:
            assert anytime.log_evidence(n, 1e9) < np.log(1 / alpha), "no value could exclude zero"
            continue
        by_search = optimize.brentq(lambda t, n=n: anytime.log_evidence(n, t) - np.log(1 / alpha), 0.1, 1e6)
        assert limit == pytest.approx(by_search, rel=1e-6)


def test_the_first_number_that_can_decide() -> None:
    assert [anytime.least(0.05 / pairs) for pairs in (1, 3, 6, 15)] == [3, 4, 4, 5]
    assert anytime.half_width(2, 0.001) == np.inf
    assert np.isnan(anytime.spread([0.98, 0.99]).low)
    found = anytime.spread([0.98, 0.99, 0.985])
    assert found.low < 0.975 < found.mean < found.high


def test_the_interval_is_wider_than_student_s_and_no_narrower_than_rounding_allows() -> None:
    values = [0.985, 0.986, 0.9845, 0.9851, 0.9858]
    student = stats.ttest_1samp(values, 0).confidence_interval()
    found = anytime.spread(values)
    assert found.low < student.low
    assert found.high > student.high
    assert anytime.half_width(5, 0.0) == anytime.half_width(5, 1e-5) > 1e-5


def test_a_mean_is_ever_excluded_wrongly_in_at_most_one_of_twenty() -> None:
    """Looking at 2 to 60 values, in 20,000 samples at once; a *t* test would exclude it in a third of them."""
    values = np.random.default_rng(0).standard_normal((20_000, 60))
    n = np.arange(1, 61)
    means = values.cumsum(axis=1) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        sds = np.sqrt(((values**2).cumsum(axis=1) - n * means**2) / (n - 1))
        t = np.abs(means) / sds * np.sqrt(n)
    ever = (t[:, 1:] > anytime.limit(n[1:])).any(axis=1).mean()
    student = (t[:, 1:] > stats.t.ppf(0.975, n[1:] - 1)).any(axis=1).mean()
    print(f"ever excluded: {ever:.1%}; by Student's test {student:.1%}")
    assert ever <= 0.05
    assert student > 0.3


@pytest.mark.parametrize("alpha", ALPHAS)
def test_seeds_needed_are_the_fewest_that_probably_show_it(alpha: float) -> None:
    for effect in [3.957, *np.geomspace(0.2, 60, 30)]:
        n = anytime.seeds_needed(effect, 1.0, alpha)

        def power(n: int, effect: float = effect) -> float:
            return power_of(n, effect, float(anytime.limit(n, alpha)))

        if n is None:
            assert power(anytime.MAX_SEEDS) < anytime.POWER, effect
        else:
            assert power(n) >= anytime.POWER, effect
            assert n == anytime.least(alpha) or power(n - 1) < anytime.POWER, effect


@pytest.mark.parametrize(("effect", "published"), [(0.5, 45), (1, 13), (2, 6), (3, 4), (5, 4)])
def test_half_of_all_samples_show_a_difference_by_a_number_that_simulation_gave(effect: float, published: int) -> None:
    values = np.random.default_rng(1).normal(effect, 1, (4000, 100))
    n = np.arange(3, 101)
    means = (values.cumsum(axis=1) / np.arange(1, 101))[:, 2:]
    sds = np.stack([values[:, :k].std(axis=1, ddof=1) for k in n], axis=1)
    shows = np.abs(means) / sds * np.sqrt(n) > anytime.limit(n)
    first = np.where(shows.any(axis=1), n[shows.argmax(axis=1)], 1000)
    assert abs(np.median(first) - published) <= max(1, 0.06 * published)


def test_no_number_of_seeds_shows_nothing_or_next_to_nothing() -> None:
    assert anytime.seeds_needed(0.0, 0.001) is None
    assert anytime.seeds_needed(0.00001, 0.001) is None


def test_seeds_for_equality_are_the_fewest_whose_interval_fits() -> None:
    n = anytime.seeds_for_equality(0.0001, 0.0008, 0.001)
    assert n is not None
    widths = [0.0001 + float(anytime.half_width(k, 0.0008)) for k in (n - 1, n)]
    assert widths[1] < 0.001 <= widths[0]
    assert anytime.seeds_for_equality(0.001, 0.0008, 0.001) is None
    assert anytime.seeds_for_equality(0.0, 0.1, 0.001) is None, "takes more than anybody would train"

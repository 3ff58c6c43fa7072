"""Tests of comparisons that were fixed before the first run, over seeds that all cells of a study share.

A cell is a combination of levels, a level of each factor. A comparison is a contrast: a weighted sum of the cells' accuracies,
taken seed by seed, which has a mean of zero where there is no difference. So each test is one of a single sample, and it does
not matter that cells with the same seed resemble each other.

Where the number of seeds was fixed and nobody looked, the test is Student's, with Holm's correction of its p-values. Else it
is the one that may be looked at (`anytime`). Either way the probability that any of the comparisons is wrongly shown as a
difference is at most `ALPHA`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, inf, nan, sqrt

import numpy as np

from mnist_lab.results import anytime
from mnist_lab.results.power import power_of
from mnist_lab.results.spread import RESOLUTION, Spread, special

ALPHA = anytime.ALPHA
POWER = anytime.POWER

Levels = tuple[str, ...]  # of a cell, one of each factor
Factors = Mapping[str, Sequence[str]]  # the levels of each factor, by its title
Accuracies = Mapping[Levels, Mapping[int, float]]  # by cell and seed
Diverged = Mapping[Levels, Collection[int]]  # seeds whose training diverged, by cell


@dataclass(frozen=True)
class Contrast:
    """A comparison that is planned: what is first minus what is second.

    Attributes:
        factor: the title of the factor whose levels they are; of an interaction both titles.
        first, second: the two levels; of an interaction the same difference at two levels of the other factor.
        weights: of the cells; the positive ones are the first's and have a sum of 1. Of an interaction 1, −1, −1, 1: the
            first's two cells, then the second's.
        is_interaction: whether it is a difference of differences.
    """

    factor: str
    first: str
    second: str
    weights: Mapping[Levels, float]
    is_interaction: bool = False

    @property
    def sides(self) -> tuple[list[Levels], list[Levels]]:
        """The cells of the first and those of the second."""
        cells = list(self.weights)
        if self.is_interaction:
            return cells[:2], cells[2:]
        return [cell for cell in cells if self.weights[cell] > 0], [cell for cell in cells if self.weights[cell] < 0]


def planned(factors: Factors, reference: str | None = None) -> list[Contrast]:
    """The comparisons of a study: of levels of each factor, and of two factors their interaction, too.

    Args:
        factors: one or two.
        reference: the level of the first factor with which each of its other levels is compared, and beside which the second
            factor's first level is the reference of that factor; None for all pairs of levels.
    """
    found: list[Contrast] = []
    references: list[str] = []
    for place, levels in enumerate(factors.values()):
        named = None if reference is None else reference if place == 0 else levels[0]
        found += _of_levels(factors, place, named)
        references.append(levels[0] if named is None else named)
    if len(factors) == 2:
        found += _interactions(factors, references)
    return found


def _of_levels(factors: Factors, place: int, reference: str | None) -> list[Contrast]:
    """Comparisons of a factor's levels, averaged over the other factor's."""
    title, levels = [*factors.items()][place]
    others = [*factors.values()][1 - place] if len(factors) == 2 else None

    def cells(level: str) -> list[Levels]:
        if others is None:
            return [(level,)]
        return [(level, other) if place == 0 else (other, level) for other in others]

    if reference is None:
        pairs = [(later, earlier) for earlier, later in combinations(levels, 2)]
    else:
        pairs = [(level, reference) for level in levels if level != reference]
    return [
        Contrast(
            title, a, b, {cell: sign / len(cells(a)) for level, sign in ((a, 1), (b, -1)) for cell in cells(level)}
        )
        for a, b in pairs
    ]


def _interactions(factors: Factors, references: Sequence[str]) -> list[Contrast]:
    """By how much a difference of the first factor changes with the second: each level against its factor's reference."""
    (title, levels), (other_title, other_levels) = factors.items()
    reference, other_reference = references
    return [
        Contrast(
            f"{title} × {other_title}",
            f"{level} − {reference} at {other}",
            f"{level} − {reference} at {other_reference}",
            {
                (level, other): 1.0,
                (reference, other): -1.0,
                (level, other_reference): -1.0,
                (reference, other_reference): 1.0,
            },
            is_interaction=True,
        )
        for level in levels
        for other in other_levels
        if level != reference and other != other_reference
    ]


@dataclass(frozen=True)
class Comparison:
    """What the test of a contrast found.

    Attributes:
        seeds: those that have an accuracy in each of its cells.
        mean: the mean difference, first minus second, a share.
        sd: sample standard deviation of the difference between seeds, at least that of rounding; NaN for fewer than two.
        low, high: the simultaneous interval of the mean: those of all comparisons hold at once with a probability of 95 %;
            infinite where there are too few seeds.
        p: two-sided p-value of this comparison alone; NaN where there are too few seeds.
        adjusted_p: the p-value over all comparisons: at most `ALPHA` where a difference is shown.
        evidence: the likelihood ratio against a mean of zero, whose reciprocal is p; NaN for Student's test.
        diverged: how many trainings diverged in the first's cells and in the second's.
        is_uneven: whether training diverged more often in some of its cells than in others.
    """

    contrast: Contrast
    seeds: tuple[int, ...]
    mean: float
    sd: float
    low: float
    high: float
    p: float
    adjusted_p: float
    evidence: float
    diverged: tuple[int, int]
    is_uneven: bool

    @property
    def n(self) -> int:
        """The number of seeds."""
        return len(self.seeds)

    @property
    def is_shown(self) -> bool:
        """Whether a difference is shown."""
        return self.adjusted_p <= ALPHA


def compare(
    contrasts: Sequence[Contrast],
    accuracies: Accuracies,
    diverged: Diverged | None = None,
    *,
    is_unseen: bool,
    among: int | None = None,
) -> list[Comparison]:
    """The tests of all comparisons of a study.

    Student's p-values are corrected by Holm's step-down method, which shows whatever Bonferroni's shows and sometimes more.
    Holm's has no intervals that are of use (those that agree with it say no more than "above zero" of what it shows before
    the last step), so the intervals are at Bonferroni's level, as is usual; one of them may include zero although Holm's
    method shows the difference. The test that may be looked at shares `ALPHA` by Bonferroni's method, and its intervals
    always agree with it.

    Args:
        diverged: seeds that diverged; they are in no difference of their cell.
        is_unseen: whether the number of seeds was fixed before the first run, and nobody has looked since.
        among: how many comparisons share `ALPHA`, if more than these: after a look those of all versions of the study, since
            otherwise somebody could keep only the comparison that looked promising.
    """
    count = max(len(contrasts), among or 0)
    diverged = diverged or {}
    samples = [_sample(contrast, accuracies, diverged) for contrast in contrasts]
    evidence = np.array([nan if is_unseen else _evidence(sample) for _, sample in samples])
    if is_unseen:
        p = np.array([_student_p(sample) for _, sample in samples])
        adjusted = holm(p, count)
    else:
        p = np.minimum(1.0, 1 / evidence)
        adjusted = np.minimum(1.0, count * p)
    found = []
    for place, (contrast, (seeds, sample)) in enumerate(zip(contrasts, samples, strict=True)):
        half = _half_width(sample, ALPHA / count, is_unseen=is_unseen)
        counts = {cell: len(diverged.get(cell, ())) for cell in contrast.weights}
        first, second = contrast.sides
        found.append(
            Comparison(
                contrast,
                seeds,
                mean=sample.mean,
                sd=sample.sd,
                low=sample.mean - half,
                high=sample.mean + half,
                p=float(p[place]),
                adjusted_p=float(adjusted[place]),
                evidence=float(evidence[place]),
                diverged=(sum(counts[cell] for cell in first), sum(counts[cell] for cell in second)),
                is_uneven=len(set(counts.values())) > 1,
            )
        )
    return found


def _sample(contrast: Contrast, accuracies: Accuracies, diverged: Diverged) -> tuple[tuple[int, ...], Spread]:
    """The contrast, seed by seed: the seeds, and their mean and standard deviation."""
    weights = contrast.weights
    seeds = sorted(set.intersection(*({*accuracies.get(cell, {})} - {*diverged.get(cell, ())} for cell in weights)))
    found = Spread.of([sum(weight * accuracies[cell][seed] for cell, weight in weights.items()) for seed in seeds])
    # Rounding adds up over the cells; `RESOLUTION` is that of two with weights of 1.
    least = RESOLUTION * sqrt(max(2.0, sum(weight**2 for weight in weights.values())) / 2)
    return tuple(seeds), Spread(found.n, found.mean, max(found.sd, least) if found.n > 1 else nan)


def _t(sample: Spread) -> float:
    return sample.mean / sample.sd * sqrt(sample.n)


def _student_p(sample: Spread) -> float:
    return 2 * float(special().stdtr(sample.n - 1, -abs(_t(sample)))) if sample.n > 1 else nan


def _evidence(sample: Spread) -> float:
    if sample.n < 2:
        return nan
    return exp(min(700.0, float(anytime.log_evidence(sample.n, _t(sample)))))  # beyond it a float would overflow


def _half_width(sample: Spread, alpha: float, *, is_unseen: bool) -> float:
    if sample.n < 2:
        return inf
    limit = student_limit(sample.n, alpha) if is_unseen else float(anytime.limit(sample.n, alpha))
    return limit * sample.sd / sqrt(sample.n)


def holm(p: Sequence[float] | np.ndarray, count: int | None = None) -> np.ndarray:
    """Adjusted p-values by the step-down method of Holm (1979, "A simple sequentially rejective multiple test procedure").

    The least p-value is multiplied by the number of comparisons, the next one by one fewer, and so on; none is less than the
    one before it. It holds however the comparisons depend on each other.

    Args:
        p: NaN where there could be no test, which counts as the greatest and stays NaN.
        count: the number of comparisons, if there are more than these.
    """
    p = np.asarray(p, float)
    order = np.argsort(p, kind="stable")  # NaN last
    steps = (count or len(p)) - np.arange(len(p))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps * p[order]))
    return adjusted


def student_limit(n: int, alpha: float = ALPHA) -> float:
    """What Student's statistic of `n` values must exceed in a two-sided test; infinite for fewer than two."""
    return float(special().stdtrit(n - 1, 1 - alpha / 2)) if n > 1 else inf


def spread(values: Sequence[float], *, is_unseen: bool) -> Spread:
    """Mean, sample standard deviation and 95 % interval of one cell by itself; without an interval for too few values."""
    if not is_unseen:
        return anytime.spread(values)
    found = Spread.of(values)
    if found.n < 2:
        return found
    half = student_limit(found.n) * max(found.sd, RESOLUTION) / sqrt(found.n)
    return Spread(found.n, found.mean, found.sd, found.mean - half, found.mean + half)


def power(n: int, size: float, sd: float, comparisons: int = 1) -> float:
    """The probability that `n` seeds show a difference, if Student's test is corrected for the number of comparisons.

    It is that of Bonferroni's level; Holm's method has at least as much.

    Args:
        size: the true difference, a share.
        sd: standard deviation of the difference between seeds.
    """
    return power_of(n, abs(size) / max(sd, RESOLUTION), student_limit(n, ALPHA / comparisons))


def seeds_needed(size: float, sd: float, comparisons: int = 1, *, is_unseen: bool = True) -> int | None:
    """The number of seeds in each cell that show a difference with a probability of `POWER`; None where that takes more than
    `anytime.MAX_SEEDS`.

    Args:
        is_unseen: whether nobody looks before all are trained; else by the test that may be looked at.
    """
    if not is_unseen:
        return anytime.seeds_needed(size, sd, ALPHA / comparisons)
    numbers = range(2, anytime.MAX_SEEDS + 1)
    return next((n for n in numbers if power(n, size, sd, comparisons) >= POWER), None)


def seeds_for_equality(
    size: float, sd: float, bound: float, comparisons: int = 1, *, is_unseen: bool = True
) -> int | None:
    """The number of seeds in each cell at which the whole interval is within ±`bound`, if mean and standard deviation stay as
    they are; None where that never happens or takes too many."""
    if not is_unseen:
        return anytime.seeds_for_equality(size, sd, bound, ALPHA / comparisons)
    sd = max(sd, RESOLUTION)
    numbers = range(2, anytime.MAX_SEEDS + 1)
    return next((n for n in numbers if abs(size) + student_limit(n, ALPHA / comparisons) * sd / sqrt(n) < bound), None)

"""Verdicts on designs, by their seeds, that may be looked at while seeds are still being added."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mnist_lab.numerals import counted
from mnist_lab.results import anytime
from mnist_lab.results.spread import RESOLUTION, Spread, outlier

EQUAL = 0.001  # differences below this do not matter


@dataclass(frozen=True)
class Sample:
    """The seeds of a design.

    Attributes:
        name: of the design.
        values: accuracies, by seed.
        diverged: the seeds whose training diverged, which have no accuracy.
    """

    name: str
    values: Mapping[int, float]
    diverged: Collection[int] = ()


@dataclass(frozen=True)
class Difference:
    """The difference between two designs over pairs of their seeds.

    Attributes:
        mean: the mean difference, first minus second.
        low, high: its interval; infinite where there are too few pairs.
        sd: standard deviation of the difference within a pair.
        pairs: the seeds of each pair, first and second.
        unused: how many seeds of each are in no pair.
    """

    mean: float
    low: float
    high: float
    sd: float
    pairs: tuple[tuple[int, int], ...]
    unused: tuple[int, int]

    @property
    def n(self) -> int:
        """The number of pairs."""
        return len(self.pairs)

    @property
    def is_by_seed(self) -> bool:
        """Whether both sides of each pair have the same seed."""
        return all(a == b for a, b in self.pairs)


def difference(a: Sample, b: Sample, alpha: float = anytime.ALPHA) -> Difference | None:
    """The difference of `a` and `b`; None where there is no pair.

    The same seeds are a pair; of the others the first of each are one, the second, and so on, in the order of their numbers.
    That does not depend on accuracies, so it is fair. A seed that diverged on one side is in no pair.
    """
    first, second = (
        {seed: value for seed, value in one.values.items() if seed not in other.diverged}
        for one, other in ((a, b), (b, a))
    )
    same = sorted(first.keys() & second.keys())
    rest = zip(sorted(first.keys() - second.keys()), sorted(second.keys() - first.keys()), strict=False)
    pairs = (*((seed, seed) for seed in same), *rest)
    if not pairs:
        return None
    found = Spread.of([first[one] - second[other] for one, other in pairs])
    sd = max(found.sd, RESOLUTION) if found.n > 1 else found.sd
    half = float(anytime.half_width(found.n, sd, alpha)) if found.n >= anytime.least(alpha) else np.inf
    unused = len(a.values) - len(pairs), len(b.values) - len(pairs)
    return Difference(found.mean, found.mean - half, found.mean + half, sd, pairs, unused)


@dataclass(frozen=True)
class Verdict:
    """A verdict on two designs.

    Attributes:
        kind: `better` or `worse`, where the first design is; `equal`, where the whole interval is within ±`EQUAL`;
            `inconclusive`, where the seeds do not decide it; `not enough data`, where they are too few to decide anything.
        words: the verdict in a sentence: who is ahead, by how much, how sure that is.
        reason: why it is this verdict, and what would decide it, in sentences.
        warning: what makes it doubtful, in sentences; empty where nothing does.
        more: how many more seeds per design would probably decide it; None where it is decided, or where no number of seeds
            that is worth its time would.
    """

    kind: Literal["better", "worse", "equal", "inconclusive", "not enough data"]
    words: str
    reason: str
    warning: str
    difference: Difference | None
    more: int | None


def verdict(a: Sample, b: Sample, *, what: str = "test accuracy", comparisons: int = 1) -> Verdict:
    """The verdict on two designs.

    However often one looks, and adds seeds because of what one saw, the probability that it is ever wrongly `better` or
    `worse` is at most 5 % over all pairs that are judged together, where differences are normal (and less, in simulations,
    where they are symmetric).

    Args:
        what: the metric's name in the sentence.
        comparisons: number of pairs that are judged together, among which the 5 % are shared out (Bonferroni).
    """
    alpha = anytime.ALPHA / comparisons
    found = difference(a, b, alpha)
    if found is None or found.n < anytime.least(alpha):
        return _not_enough(a, b, found, what, alpha)
    first, second = a.name, b.name
    least, most = max(found.low, -1.0), min(found.high, 1.0)  # shares differ by no more
    if found.mean < 0:  # an interval of how far the better one is ahead
        first, second = second, first
        least, most = -most, -least
    size = f"{_points(abs(found.mean))} points of {what}"
    interval = f"{_percent(1 - alpha)} interval"
    seeds = _seeds(found)
    pairs, warning = _how_paired(a, b, found), _doubts(a, b)
    lost = _divergence(a, b)
    if least > 0:
        words = f"{first} is better than {second} by {size}; {interval} {_points(least)} to {_points(most)}, {seeds}."
        if len(a.diverged) != len(b.diverged):
            words = f"Where training did not diverge, {words} {lost}"
        reason = f"The whole interval is above zero. Were the two equally good, that would ever happen in at most 1 of {round(1 / alpha)} such comparisons, however often one looks."
        if most < EQUAL:
            reason += f" It is a small difference: less than {100 * EQUAL:g} points."
        kind: Literal["better", "worse"] = "better" if found.mean > 0 else "worse"
        return Verdict(kind, words, _joined(reason, pairs), warning, found, None)
    range_ = f"{_signed(least)} to {_signed(most)}"
    if max(abs(found.low), abs(found.high)) < EQUAL:
        words = f"{first} and {second} are practically equal in {what}; {interval} of the difference {range_} points, {seeds}. {lost}"
        reason = f"The whole interval is within {100 * EQUAL:g} points of zero, a difference too small to matter."
        return Verdict("equal", words.strip(), _joined(reason, pairs), warning, found, None)
    words = f"Not decided: {_ahead(first, second, found.mean, size, what)}, but the {interval}, {range_}, includes zero; {seeds}. {lost}"
    to_show = anytime.seeds_needed(found.mean, found.sd, alpha)
    to_equal = anytime.seeds_for_equality(found.mean, found.sd, EQUAL, alpha)
    reason = (
        f"While the interval includes zero, either may be the better one. {_what_would(found.n, to_show, to_equal)}"
    )
    wanted = to_show or to_equal
    more = max(1, wanted - found.n) if wanted and wanted <= anytime.MAX_SEEDS else None
    return Verdict("inconclusive", words.strip(), _joined(reason, pairs), warning, found, more)


def _not_enough(a: Sample, b: Sample, found: Difference | None, what: str, alpha: float) -> Verdict:
    least = anytime.least(alpha)
    needed = f"at least {least} seeds each are needed"
    lost = _divergence(a, b)
    missing = " and ".join(one.name for one in (a, b) if not one.values)
    if found is None or missing:
        words = (
            f"Not enough data: no run of {missing} has finished; {needed}."
            if missing
            else f"Not enough data: {needed}."
        )
        return Verdict("not enough data", f"{words} {lost}".strip(), "", _doubts(a, b), None, least)
    first, second = (a.name, b.name) if found.mean >= 0 else (b.name, a.name)
    size = f"{_points(abs(found.mean))} points of {what}"
    ahead = _ahead(first, second, found.mean, size, what)
    words = f"Not enough data: {ahead}, with {_seeds(found)}; {needed}. {lost}"
    reason = "Two seeds of one design may differ as much, so a single run proves nothing." if found.n == 1 else ""
    return Verdict("not enough data", words.strip(), reason, _doubts(a, b), found, least - found.n)


def _divergence(a: Sample, b: Sample) -> str:
    """How often training diverged, in a sentence; empty where it never did."""
    if not (a.diverged or b.diverged):
        return ""
    counts = [f"{len(one.diverged) or 'none'} of {len(one.diverged) + len(one.values)} of {one.name}" for one in (a, b)]
    return f"Diverged: {counts[0]}, {counts[1]}."


def outliers(given: Iterable[tuple[str, Mapping[int, float]]], matters: float, trusted: str) -> str:
    """A sentence about each seed that does not fit the others of its design; empty where all do.

    Args:
        given: accuracies by seed, each with the words that say whose they are.
        matters: by less a seed may differ: some images more or less, where most seeds happen to be equal.
        trusted: what is doubtful then.
    """
    words = []
    for whose, values in given:
        place = outlier([*values.values()])
        if place is None:
            continue
        seed = [*values][place]
        rest = float(np.mean([value for other, value in values.items() if other != seed]))
        if abs(values[seed] - rest) >= matters:
            words.append(
                f"Seed {seed} {whose} is an outlier: {values[seed]:.2%}, where the others have {rest:.2%} on average."
            )
    if words:
        words.append(
            f"One such seed can make a difference or hide one: look at its run before you trust the {trusted}."
        )
    return " ".join(words)


def _doubts(a: Sample, b: Sample) -> str:
    return outliers([(f"of {one.name}", one.values) for one in (a, b)], EQUAL, "verdict")


def _how_paired(a: Sample, b: Sample, found: Difference) -> str:
    rest = [
        f"{counted(unused, 'further seed')} of {one.name}"
        for one, unused in zip((a, b), found.unused, strict=True)
        if unused
    ]
    left = f" The test does not use {' and '.join(rest)}." if rest else ""
    if found.is_by_seed:
        return f"The same seeds of both were compared with each other.{left}"
    same = sum(one == other for one, other in found.pairs)
    if same:
        return f"{counted(same, 'pair')} of the same seed, and {found.n - same} of different seeds in the order of their numbers, were compared.{left}"
    return f"They have different seeds, which were paired in the order of their numbers.{left}"


def _ahead(first: str, second: str, difference: float, size: str, what: str) -> str:
    if round(100 * difference, 2) == 0:
        return f"{first} and {second} have the same mean {what}"
    return f"{first} is ahead of {second} by {size}"


def _what_would(n: int, to_show: int | None, to_equal: int | None) -> str:
    words = f"Not even {anytime.MAX_SEEDS} seeds of each would be likely to show a difference of this size."
    if to_show:
        words = (
            f"About {counted(max(1, to_show - n), 'more seed')} of each would probably show a difference of this size."
        )
    if to_equal and to_equal > n:
        words += f" To show that they are equal within {100 * EQUAL:g} points would take about {to_equal:,} seeds of each, if the difference stays as small."
    return words


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _seeds(found: Difference) -> str:
    return f"{counted(found.n, 'seed')} each" if found.is_by_seed else f"{counted(found.n, 'pair')} of seeds"


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


def _signed(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−")


def _percent(level: float) -> str:
    return f"{100 * level:.4g} %"

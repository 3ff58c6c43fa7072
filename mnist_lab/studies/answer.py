"""The answer of a study, from the accuracies of its cells: sentences, tables, and which test they rest on."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from math import ceil, inf, isfinite
from typing import Literal

import pandas as pd

from mnist_lab.numerals import counted
from mnist_lab.results import anytime
from mnist_lab.results.verdict import outliers
from mnist_lab.studies.statistics import (
    ALPHA,
    Accuracies,
    Comparison,
    Contrast,
    Diverged,
    Factors,
    Levels,
    compare,
    seeds_for_equality,
    seeds_needed,
    spread,
)

_DIGITS = range(2, 8)  # of points, as many as are needed
MOST_DIFFERENCES = 7  # in a sentence; the table has all
Kind = Literal["better", "worse", "higher", "lower", "equal", "inconclusive", "not enough data", "diverged"]


@dataclass(frozen=True)
class Answer:
    """What a study found.

    Attributes:
        words: the answer in sentences: what is better, by how much, what is equal, and what is not decided.
        test: which test that rests on, and why.
        warning: what makes it doubtful, in sentences; empty where nothing does.
        comparisons: a row for each comparison that was fixed beforehand, with `factor`, `first`, `second`, `n` (seeds in
            each cell), `difference` (first minus second), its simultaneous interval `low` to `high` (infinite where there are
            too few seeds), `p`, `adjusted_p`, `evidence` (of the test that may be looked at), `diverged_first`,
            `diverged_second`, and `verdict` on the first: `better`, `worse` (of an interaction `higher`, `lower`), `equal`,
            `inconclusive`, `not enough data`, or `diverged` where every training of one of its cells did. Differences are
            shares.
        cells: a row for each cell, with a column for each factor, `n`, `mean`, `sd`, the 95 % interval of this cell by itself
            `low` to `high`, and `diverged`.
    """

    words: str
    test: str
    warning: str
    comparisons: pd.DataFrame
    cells: pd.DataFrame


def answer(
    factors: Factors,
    contrasts: Sequence[Contrast],
    accuracies: Accuracies,
    diverged: Diverged | None = None,
    *,
    matters: float,
    is_unseen: bool,
    why_seen: str = "",
    what: str = "test accuracy",
    among: int | None = None,
) -> Answer:
    """The answer of a study.

    Args:
        factors: the levels of each factor, by its title; a title may be empty where levels are names by themselves.
        contrasts: the comparisons that were fixed beforehand (`statistics.planned`).
        accuracies: by cell and seed; shares.
        diverged: the seeds whose training diverged, by cell.
        matters: the difference that would matter, a share; less is practically equal.
        is_unseen: whether the number of seeds was fixed before the first run, and nobody has looked since.
        why_seen: if not, the reason in a sentence, which is then needed.
        what: the metric's name in the sentence.
        among: how many comparisons all versions of the study have had together, if more than these.

    Raises:
        ValueError: it has been looked at, and there is no reason given.
    """
    if not (is_unseen or why_seen):
        raise ValueError("The reason why a study is judged as seen is missing.")
    diverged = diverged or {}
    found = compare(contrasts, accuracies, diverged, is_unseen=is_unseen, among=among)
    count = max(len(contrasts), among or 0)
    lost = {cell: len(seeds) for cell, seeds in diverged.items() if seeds and not _values(accuracies, diverged, cell)}
    kinds = [_kind(one, matters, lost) for one in found]
    judged = list(zip(found, kinds, strict=True))
    # Who varies two factors asks whether the one depends on the other, so that comes first.
    groups = groupby(
        sorted(judged, key=lambda one: not one[0].contrast.is_interaction),
        lambda one: (one[0].contrast.factor, one[0].contrast.is_interaction),
    )
    sentences = [
        _interactions(list(its), factors, matters) if is_interaction else _levels(list(its), factors, matters)
        for (_, is_interaction), its in groups
    ]
    its = [(f"at {_named(factors, cell)}", values) for cell, values in accuracies.items()]
    words = [sentence.replace(" points", f" points of {what}", 1) for sentence in sentences if sentence]
    words.insert(min(1, len(words)), _lost(factors, lost))
    words += [_what_would(judged, matters, count), _divergence(factors, accuracies, diverged, lost)]
    return Answer(
        " ".join(filter(None, words)),
        _test(judged, count, is_unseen=is_unseen, why_seen=why_seen),
        " ".join(filter(None, [outliers(its, matters, "answer"), _missing(factors, accuracies, diverged)])),
        pd.DataFrame([_row(one, kind) for one, kind in judged]),
        _cells(factors, accuracies, diverged, is_unseen=is_unseen),
    )


def _kind(its: Comparison, matters: float, lost: Collection[Levels]) -> Kind:
    if any(cell in lost for cell in its.contrast.weights):
        return "diverged"
    if not isfinite(its.high):
        return "not enough data"
    if its.is_shown:
        if its.contrast.is_interaction:
            return "higher" if its.mean > 0 else "lower"
        return "better" if its.mean > 0 else "worse"
    return "equal" if _reach([its]) < matters else "inconclusive"


Judged = tuple[Comparison, Kind]


def _levels(judged: Sequence[Judged], factors: Factors, matters: float) -> str:
    """A sentence about the levels of a factor; empty where each comparison is with one that always diverged."""
    title = judged[0][0].contrast.factor
    shown = sorted((one for one, kind in judged if kind in ("better", "worse")), key=lambda one: -abs(one.mean))
    said = shown
    if len(shown) > MOST_DIFFERENCES:
        wins = Counter(_ranked(one)[0] for one in shown)
        said = [one for one in shown if _ranked(one)[0] == wins.most_common(1)[0][0]]
    clauses = _differences(said, title, matters)
    if len(shown) > len(said):
        clauses.append(f"{counted(len(shown) - len(said), 'more difference')} can be seen in the table")
    for its in _alike(judged, factors[title]):
        clauses.append(_no_difference(its, factors[title], "" if clauses else title, matters))
    few = [one for one, kind in judged if kind == "not enough data"]
    if few:
        pairs = _listed([f"{one.contrast.first} against {one.contrast.second}" for one in few[:MOST_DIFFERENCES]])
        more = " and others" if len(few) > MOST_DIFFERENCES else ""
        clauses.append(f"too few seeds for {_titled('' if clauses else title, pairs)}{more}")
    if not clauses:
        return ""
    others = [other for other in factors if other != title]
    averaged = f"averaged over {_lowered(others[0])}, " if others else ""
    return _sentence(averaged + "; ".join(clauses))


def _differences(shown: Sequence[Comparison], title: str, matters: float) -> list[str]:
    """Clauses about what is better: by the level that others beat or by the level that beats others, whichever are fewer."""
    losers, winners = (
        {
            level: [one for one in shown if _ranked(one)[side] == level]
            for level in (_ranked(one)[side] for one in shown)
        }
        for side in (1, 0)
    )
    is_by_loser = len(losers) <= len(winners)
    clauses: list[str] = []
    for its in (losers if is_by_loser else winners).values():
        head, *rest = its
        better, worse = _ranked(head)
        named, note = ("", "") if clauses else (title, "95 % interval ")
        seeds = f", {_seeds(head)}" if not clauses or head.n != shown[0].n else ""
        are_small = len(its) > 1 and _reach(its) < matters
        small = "" if are_small else _small(head, matters)
        clause = f"{_titled(named, better)} is better than {worse} by {_points(abs(head.mean))} points ({note}{_interval(head, matters)}{seeds}){small}"
        others: list[str] = []
        for one in rest:
            better, worse = _ranked(one)
            seeds = f", {_seeds(one)}" if one.n != head.n else ""
            who = better + ("," if len(rest) == 1 else "") if is_by_loser else f"better than {worse}"
            small = "" if are_small else _small(one, matters)
            others.append(f"{who} by {_points(abs(one.mean))} ({_interval(one, matters)}{seeds}){small}")
        if others and is_by_loser:
            clause += f", and so {'are' if len(others) > 1 else 'is'} {_listed(others)}"
        elif others:
            clause = ", ".join([clause, *others[:-1], f"and {others[-1]}"])
        all_small = f", all {_less(matters)}" if are_small else ""
        clauses.append(f"{_where_it_did_not_diverge(its)}{clause}{all_small}")
    return clauses


def _no_difference(its: Sequence[Judged], order: Sequence[str], title: str, matters: float) -> str:
    """A clause about levels between which no difference is shown; with a factor's title where it is the first."""
    pairs = [one for one, _ in its]
    is_equal = all(kind == "equal" for _, kind in its)
    centre = _centre(its)
    levels = _titled(title, _listed([level for level in _members(pairs, order) if level != centre]))
    note = f" (95 %, {_seeds(pairs[0])})" if title else ""
    within = f"{'all' if len(pairs) > 1 else 'they'} are within {_bound(_reach(pairs), matters)} points{note}"
    if not is_equal:
        if centre:
            return f"{levels} are not shown to differ from {centre}: {within}"
        return f"between {levels} no difference is shown: {within}"
    state = f"{levels} are practically equal to {centre}" if centre else f"{levels} are practically equal"
    return f"{_where_it_did_not_diverge(pairs)}{state}: {within}, {_less(matters)}"


def _alike(judged: Sequence[Judged], order: Sequence[str]) -> list[list[Judged]]:
    """The pairs that are practically equal, then those that are not decided, in groups of levels which are all in such pairs
    with each other, or all with the same level."""
    equal, undecided = ([one for one in judged if one[1] == kind] for kind in ("equal", "inconclusive"))
    both = [one for one in judged if one[1] in ("equal", "inconclusive")]
    if not _centre(both):
        undecided = both
    groups = _groups(undecided, order)
    return _groups(equal, order) + [group for group in groups if any(kind == "inconclusive" for _, kind in group)]


def _groups(pairs: Sequence[Judged], order: Sequence[str]) -> list[list[Judged]]:
    """The pairs in such groups; each grows from a pair that is in none before it."""
    if _centre(pairs):
        return [list(pairs)]
    paired = {frozenset((one.contrast.first, one.contrast.second)) for one, _ in pairs}
    groups: list[list[Judged]] = []
    for pair in pairs:
        if any(pair in group for group in groups):
            continue
        levels = {pair[0].contrast.first, pair[0].contrast.second}
        for level in order:
            if level not in levels and all(frozenset((level, other)) in paired for other in levels):
                levels.add(level)
        groups.append([one for one in pairs if {one[0].contrast.first, one[0].contrast.second} <= levels])
    return groups


def _centre(pairs: Sequence[Judged]) -> str | None:
    """The level that is in each of several pairs; None where there is none."""
    common = (
        set.intersection(*({one.contrast.first, one.contrast.second} for one, _ in pairs)) if len(pairs) > 1 else set()
    )
    return next(iter(common), None)


def _interactions(judged: Sequence[Judged], factors: Factors, matters: float) -> str:
    """A sentence about how the difference of one factor changes with the other; empty where each is with a cell that always
    diverged."""
    title, other = map(_lowered, factors)
    shown = [one for one, kind in judged if kind in ("higher", "lower")]
    parts: list[str] = []
    for one in shown[:MOST_DIFFERENCES]:
        (level, at), (reference, _), (_, other_at), _ = one.contrast.weights
        more = "more" if one.mean > 0 else "less"
        interval = _interval(one, matters)
        note = f"({interval})" if parts else f"(95 % interval {interval}, {_seeds(one)})"
        step = f"going from {title} {reference} to {level} gives {_points(abs(one.mean))} points {more} at {other} {at} than at {other_at} {note}{_small(one, matters)}"
        parts.append(_where_it_did_not_diverge([one]) + step)
    if len(shown) > MOST_DIFFERENCES:
        parts.append(f"{counted(len(shown) - MOST_DIFFERENCES, 'more such difference')} can be seen in the table")
    rest = [one for one, kind in judged if kind in ("equal", "inconclusive")]
    if shown:
        return (
            _sentence("; ".join(parts)) + " So averages over the other factor do not tell all: see the table of cells."
        )
    if all(kind == "diverged" for _, kind in judged):
        return ""
    if not rest:
        return f"Too few seeds to say whether the effect of {title} depends on {other}."
    within = f"differences of differences are within {_bound(_reach(rest), matters)} points (95 %, {_seeds(rest[0])})"
    if all(kind == "equal" for _, kind in judged):
        return f"The effect of {title} practically does not depend on {other}: {within}, {_less(matters)}."
    return f"That the effect of {title} depends on {other} is not shown: {within}."


def _what_would(judged: Sequence[Judged], matters: float, comparisons: int) -> str:
    """How many seeds would decide what is not decided, in a sentence; empty where all is."""
    undecided = [one for one, kind in judged if kind == "inconclusive"]
    if not undecided:
        return ""
    widest = max(undecided, key=lambda one: one.sd)
    size = f"{_plain(matters)} points"
    goal = f"to show a difference of {size} there"
    fresh, added = (seeds_needed(matters, widest.sd, comparisons, is_unseen=is_unseen) for is_unseen in (True, False))
    if fresh and fresh <= widest.n:  # these seeds would probably have shown it
        goal = f"to show that the difference there is less than {size}"
        fresh, added = (
            seeds_for_equality(widest.mean, widest.sd, matters, comparisons, is_unseen=is_unseen)
            for is_unseen in (True, False)
        )
    most = anytime.MAX_SEEDS
    if fresh is None or fresh > most:
        return f"What is not decided: {goal} would take more than {most} seeds each."
    total = f"about {added}" if added and added <= most else f"more than {most}"
    return f"What is not decided: {goal} would take about {fresh} seeds each in a new study with other seeds, or {total} in all if seeds are added to these."


def _lost(factors: Factors, lost: Mapping[Levels, int]) -> str:
    """Which cells always diverged, in a sentence; empty where none did.

    Args:
        lost: the number of trainings of each such cell.
    """
    if not lost:
        return ""
    has_two = len(factors) > 1
    counts = sorted(set(lost.values()))
    if all(cell in lost for cell in product(*factors.values())):
        where = "combination of levels" if has_two else "level"
        seeds = f", in all {counted(counts[0], 'seed')} each" if len(counts) == 1 and counts[0] > 1 else ""
        return f"Training diverged at every {where}{seeds}, so there is nothing to compare."
    parts: list[str] = []
    for count in counts:
        cells = [cell for cell in product(*factors.values()) if lost.get(cell) == count]
        names = [_named(factors, cell) if has_two or (not parts and cell == cells[0]) else cell[0] for cell in cells]
        parts.append(f"{_listed(names)} diverged in {f'all {count} seeds' if count > 1 else 'the only seed'}")
    them = "it" if len(lost) == 1 else "them"
    nothing = f"nothing that includes {them} can be compared" if has_two else ""
    are = "it is" if len(lost) == 1 else "they are"
    return _sentence(f"{_listed(parts)}, so {nothing or f'{are} compared with nothing'}")


def _divergence(factors: Factors, accuracies: Accuracies, diverged: Diverged, lost: Collection[Levels]) -> str:
    """How often training diverged where it did not always, in a sentence; empty where it never did."""
    cells = [cell for cell, seeds in diverged.items() if seeds]
    counts = [
        f"{len(diverged[cell])} of {len(diverged[cell]) + len(_values(accuracies, diverged, cell))} at {_named(factors, cell)}"
        for cell in cells
        if cell not in lost
    ]
    if not counts:
        return ""
    elsewhere = "; nowhere else" if len(cells) < len([*product(*factors.values())]) else ""
    return f"Training {'also ' if lost else ''}diverged: {_listed(counts)}{elsewhere}."


def _where_it_did_not_diverge(its: Iterable[Comparison]) -> str:
    return "where training did not diverge, " if any(one.is_uneven for one in its) else ""


def _test(judged: Sequence[Judged], comparisons: int, *, is_unseen: bool, why_seen: str) -> str:
    """Which test was used, and why."""
    each = f"{100 * (1 - ALPHA / comparisons):.4g} %"
    if not is_unseen:
        shared = (
            f", shared among {comparisons} comparisons (Bonferroni: each interval has {each})"
            if comparisons > 1
            else ""
        )
        return (
            f"{why_seen} So the answer is from a test that stays valid however often somebody looks and adds seeds (anytime-valid), over "
            f"all seeds: the probability that it ever shows a difference that is not there is at most 5 %{shared}."
        )
    words = (
        "Student's paired t test: the number of seeds was fixed before the first run, and nobody had looked at results."
    )
    if comparisons > 1:
        words += (
            f" Its p-values are corrected for {comparisons} comparisons by Holm's method; the intervals hold all at once with 95 % "
            f"(Bonferroni: each has {each})."
        )
    if any(one.is_shown and one.low <= 0 <= one.high for one, _ in judged):
        words += " Where a difference is shown although its interval includes zero, it is by Holm's method, which is less strict."
    return words


def _missing(factors: Factors, accuracies: Accuracies, diverged: Diverged) -> str:
    """Which cells lack seeds that others have, in a sentence; empty where none does."""
    cells = accuracies.keys() | diverged.keys()
    its = {cell: {*accuracies.get(cell, {}), *diverged.get(cell, ())} for cell in cells}
    every = set().union(*its.values())
    lacking = [
        f"{_listed(sorted(every - seeds))} at {_named(factors, cell)}" for cell, seeds in its.items() if seeds < every
    ]
    return (
        f"Seeds without a result, which are left out of comparisons there: {'; '.join(sorted(lacking))}."
        if lacking
        else ""
    )


def _row(its: Comparison, kind: Kind) -> dict[str, object]:
    return {
        "factor": its.contrast.factor,
        "first": its.contrast.first,
        "second": its.contrast.second,
        "n": its.n,
        "difference": its.mean,
        "low": its.low,
        "high": its.high,
        "p": its.p,
        "adjusted_p": its.adjusted_p,
        "evidence": its.evidence,
        "diverged_first": its.diverged[0],
        "diverged_second": its.diverged[1],
        "verdict": kind,
    }


def _cells(factors: Factors, accuracies: Accuracies, diverged: Diverged, *, is_unseen: bool) -> pd.DataFrame:
    rows = []
    for cell in product(*factors.values()):
        found = spread(_values(accuracies, diverged, cell), is_unseen=is_unseen)
        levels = dict(zip(factors, cell, strict=True))
        rows.append(levels | {"n": found.n, "mean": found.mean, "sd": found.sd, "low": found.low, "high": found.high})
        rows[-1]["diverged"] = len(diverged.get(cell, ()))
    return pd.DataFrame(rows)


def _values(accuracies: Accuracies, diverged: Diverged, cell: Levels) -> list[float]:
    lost = diverged.get(cell, ())
    return [value for seed, value in accuracies.get(cell, {}).items() if seed not in lost]


def _ranked(its: Comparison) -> tuple[str, str]:
    """The better level and the worse one."""
    first, second = its.contrast.first, its.contrast.second
    return (first, second) if its.mean > 0 else (second, first)


def _members(pairs: Iterable[Comparison], order: Sequence[str]) -> list[str]:
    levels = {level for one in pairs for level in (one.contrast.first, one.contrast.second)}
    return [level for level in order if level in levels]


def _reach(pairs: Iterable[Comparison]) -> float:
    """How far from zero the intervals reach at most; accuracies differ by no more than 1, differences of them by 2."""
    return max(min(max(-one.low, one.high), 2.0 if one.contrast.is_interaction else 1.0) for one in pairs)


def _interval(its: Comparison, matters: float) -> str:
    """The interval of the size of a difference, with as many digits as show that it is less than what matters if it is."""
    low, high = (its.low, its.high) if its.mean > 0 else (-its.high, -its.low)
    most = 2.0 if its.contrast.is_interaction else 1.0
    digits = min(_DIGITS)
    if _reach([its]) < matters:
        digits = next((digits for digits in _DIGITS if round(100 * high, digits) < 100 * matters), digits)
    return f"{_points(max(low, -most), digits)} to {_points(min(high, most), digits)}"


def _small(its: Comparison, matters: float) -> str:
    """That a difference is too small to matter, where the whole interval is; else empty."""
    return f", {_less(matters)}" if _reach([its]) < matters else ""


def _less(matters: float) -> str:
    return f"less than the {_plain(matters)} points that would matter"


def _seeds(its: Comparison) -> str:
    return f"{counted(its.n, 'seed')} each"


def _named(factors: Factors, cell: Levels) -> str:
    """A cell as `kernel size 3, dropout 0.5`."""
    return ", ".join(_titled(_lowered(title), level) for title, level in zip(factors, cell, strict=True))


def _titled(title: str, levels: str) -> str:
    return f"{_lowered(title)} {levels}".strip()


def _lowered(title: str) -> str:
    """A title within a sentence, without its unit, `dense dropout` for `Dense: Dropout`; an abbreviation stays as it is."""
    words = title.partition(" (")[0].split(": ")
    return " ".join(word[:1].lower() + word[1:] if word[1:2].islower() else word for word in words)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _listed(parts: Iterable[object]) -> str:
    *most, last = map(str, parts)
    return f"{', '.join(most)} and {last}" if most else last


def _points(share: float, digits: int = min(_DIGITS)) -> str:
    return f"{round(100 * share, digits) + 0.0:.{digits}f}".replace("-", "−")  # zero has no sign


def _bound(share: float, below: float = inf) -> str:
    """Points, rounded up, with as many digits as it takes to stay below another share if it is."""
    digits = next((digits for digits in _DIGITS if _rounded_up(share, digits) < 100 * below), min(_DIGITS))
    return f"{_rounded_up(share, digits):.{digits}f}"


def _rounded_up(share: float, digits: int) -> float:
    return ceil(round(share * 10.0 ** (digits + 2), 6)) / 10.0**digits


def _plain(share: float) -> str:
    return f"{100 * share:g}"

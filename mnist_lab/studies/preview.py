"""A study before it starts: what it takes, what difference it would show, and what it cannot tell."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from mnist_lab.design.diff import changes
from mnist_lab.design.experiment import Protocol
from mnist_lab.numerals import counted
from mnist_lab.results import anytime
from mnist_lab.results.power import power_of
from mnist_lab.results.spread import RESOLUTION
from mnist_lab.store.run import Status
from mnist_lab.studies import statistics
from mnist_lab.studies.cells import Cell
from mnist_lab.studies.findings import comparisons
from mnist_lab.studies.plan import Plan
from mnist_lab.studies.statistics import ALPHA, POWER

# Standard deviation of accuracy between seeds of a design, a share, where none has been trained here: that of small
# networks with about 99 % on all images.
TYPICAL_SD = 0.0008
_FEWEST_PAIRS = 6  # differences, from which on their own spread is known better than that of designs alike
_MOST_NAMED = 6


@dataclass(frozen=True)
class Preview:
    """What is known of a study before it starts.

    Attributes:
        cells: what would be trained.
        runs: number of runs.
        known: of these have been trained here already (same design and seed), at least in part: those that finished would
            be reused, and the answer be anytime-valid.
        seconds: predicted for all that is to be trained, with this machine's workers.
        comparisons: that are fixed beforehand.
        sd: standard deviation of the difference between two cells, seed by seed, a share.
        sd_source: where it comes from, in words.
        is_guess: whether it is not from these designs, nor from others with as many images: where these are few, seeds differ
            far more than they usually do, and the power is far less.
        power: probability that so many seeds show a difference of `plan.matters`, if corrected for the comparisons.
        detectable: the difference, a share, that is shown with a probability of 80 %.
        needed: seeds of each cell for 80 % at `plan.matters`; None where that takes more than `anytime.MAX_SEEDS`.
        limits: what it cannot tell, in sentences.
    """

    cells: list[Cell]
    runs: int
    known: int
    seconds: float
    comparisons: int
    sd: float
    sd_source: str
    is_guess: bool
    power: float
    detectable: float
    needed: int | None
    limits: list[str]


def preview(
    plan: Plan, cells: Sequence[Cell], known: int, seconds: float, rows: pd.DataFrame, fields: Callable[[str], Any]
) -> Preview:
    """The preview of a plan.

    Args:
        cells: its cells.
        known, seconds: as of `Preview`.
        rows: the table of runs that its spread is estimated from, with a row for each run.
        fields: all fields of a design by its key, as of `results.table.fields`.
    """
    count = comparisons(plan)
    sd, source, is_guess = typical_sd(plan, cells, rows, fields)
    is_unseen = known == 0

    def power(size: float) -> float:
        if is_unseen:
            return statistics.power(plan.seeds, size, sd, count)
        return power_of(plan.seeds, size / max(sd, RESOLUTION), float(anytime.limit(plan.seeds, ALPHA / count)))

    detectable = _detectable(power)
    return Preview(
        list(cells),
        len(cells) * plan.seeds,
        known,
        seconds,
        count,
        sd,
        source,
        is_guess,
        power(plan.matters),
        detectable,
        statistics.seeds_needed(plan.matters, sd, count, is_unseen=is_unseen),
        limits(plan, cells, known, detectable),
    )


def typical_sd(
    plan: Plan, cells: Sequence[Cell], rows: pd.DataFrame, fields: Callable[[str], Any]
) -> tuple[float, str, bool]:
    """The standard deviation of the difference between two cells, seed by seed, as far as earlier runs tell it, where it comes
    from, and whether that is a guess: differences between the cells themselves, else the spread of designs with the same images,
    else of any."""
    column = plan.metric.replace(" ", "_")
    finished = rows[(rows["status"] == Status.FINISHED) & rows[column].notna()].drop_duplicates(["design_key", "seeds"])
    values = {
        str(key): {seeds[0]: float(value) for seeds, value in zip(its["seeds"], its[column], strict=True)}
        for key, its in finished.groupby("design_key")
    }
    differences = []
    for one, other in combinations([cell.experiment.design_key for cell in cells], 2):
        a, b = values.get(one, {}), values.get(other, {})
        shared = [a[seed] - b[seed] for seed in a.keys() & b.keys()]
        if len(shared) > 1:
            differences.append(shared)
    pairs = sum(map(len, differences))
    if pairs >= _FEWEST_PAIRS:
        return _pooled(differences), f"from {pairs} differences between these designs, trained here before", False
    several = {key: [*its.values()] for key, its in values.items() if len(its) > 1}
    alike = [its for key, its in several.items() if _has_same_images(plan, fields(key))]
    for found, which, is_guess in ((alike, " with the same images", False), ([*several.values()], "", True)):
        if found:
            designs = f"{counted(len(found), 'design')}{which}, {sum(map(len, found))} runs"
            return (
                sqrt(2) * _pooled(found),
                f"from the spread between seeds of {designs}, trained here before",
                is_guess,
            )
    return sqrt(2) * TYPICAL_SD, "what is usual with all images, for no design has two seeds here yet", True


def confounded(plan: Plan, cells: Sequence[Cell]) -> list[str]:
    """What differs between a study's cells besides what varies, so that it cannot tell the one from the other, in sentences."""
    titles = " and ".join(factor.title.partition(" (")[0].lower() for factor in plan.factors)
    found = []
    for factor in plan.factors:
        if factor.presets and (words := _differing(plan, cells)):
            found.append(f"Which of these makes a difference: {words}; the designs differ in all of them at once.")
    if plan.equal.what == "everything":
        costs = [
            f"{words} ({_amount(min(its))} to {_amount(max(its))})"
            for words, its in (
                ("parameters", [cell.parameters for cell in cells]),
                ("multiply-adds", [cell.multiply_adds for cell in cells]),
            )
            if min(its) < max(its)
        ]
        if costs and not any(factor.presets for factor in plan.factors):
            found.append(
                f"Whether it is {titles} or what it costs that makes a difference: {' and '.join(costs)} change with it."
            )
    elif plan.equal.by == "filters":
        found.append(
            f"Whether it is {titles} or the number of filters that makes a difference: filters are scaled so that "
            f"{plan.equal.what} are equal."
        )
    else:
        found.append(
            f"Whether it is {titles} or the length of training that makes a difference: it is as long as makes "
            f"{plan.equal.what} equal."
        )
    return found


def limits(plan: Plan, cells: Sequence[Cell], known: int, detectable: float) -> list[str]:
    """What a study cannot tell, in sentences."""
    found = confounded(plan, cells)
    found.append(
        f"Differences smaller than {100 * detectable:.2f} points: with {plan.seeds} seeds each they may stay unseen."
        if detectable < 1
        else f"Any difference: {plan.seeds} seeds each are too few for the test that is to be used."
    )
    found.append("What holds for other networks, recipes, numbers of images or digits: it is about these alone.")
    if plan.base.protocol is Protocol.NOTEBOOK:
        found.append(
            "How good a network is on images that nobody chose it by: under the notebook's protocol the test images validate."
        )
    if len(plan.factors) > 1:
        found.append(
            "Small interactions: a difference of differences varies about 1.4 times as much as a difference between two cells."
        )
    if known:
        found.append(
            f"Anything by a test of new runs alone: {counted(known, 'run')} of it {'has' if known == 1 else 'have'} been trained here "
            "already, so the answer is from the stricter test that may be looked at; other seeds avoid that."
        )
    return found


def _detectable(power: Callable[[float], float]) -> float:
    """The least difference, a share, with the wanted power; 1 where none has it."""
    low, high = 0.0, 1.0
    if not power(high) >= POWER:
        return 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def _amount(number: int) -> str:
    return f"{number / 1e9:,.0f} billion" if number >= 1e10 else f"{number:,}"


def _pooled(samples: Sequence[Sequence[float]]) -> float:
    """The standard deviation within samples of at least two values."""
    squares = sum(float(np.var(sample, ddof=1)) * (len(sample) - 1) for sample in samples)
    return max(sqrt(squares / sum(len(sample) - 1 for sample in samples)), RESOLUTION)


def _has_same_images(plan: Plan, its: dict[str, Any]) -> bool:
    return (its["Protocol"], its["Training images"]) == (str(plan.base.protocol), plan.base.train_images)


def _differing(plan: Plan, cells: Sequence[Cell]) -> str:
    """In what the designs differ from the reference cell's, in words."""
    reference = cells[plan.reference_cell].experiment
    words: dict[str, None] = {}
    for cell in cells:
        added: Counter[str] = Counter()
        for change in changes(reference, cell.experiment):
            name = change.words.partition(":")[0].partition(" of block")[0].lower()
            if name.startswith("added "):  # several that are added at one place have the number of that place
                noun, _, place = name.rpartition(" ")
                name = f"{noun} {int(place) + added[name]}"
                added[f"{noun} {place}"] += 1
            words[name] = None
    named = list(words)[:_MOST_NAMED]
    more = [f"{len(words) - len(named)} more"] if len(words) > len(named) else []
    return ", ".join([*named, *more]) if len(words) > 1 else ""

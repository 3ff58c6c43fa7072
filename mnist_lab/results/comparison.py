"""Comparison of several runs or designs: their differences, and a verdict on each pair.

A selected run represents its design, with all its finished seeds. A run that did not finish or continues another one
represents only itself, and no verdict on designs includes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from mnist_lab.errors import DIVERGED
from mnist_lab.results import anytime
from mnist_lab.results.verdict import Sample, Verdict, verdict
from mnist_lab.store.run import Status

MAX_SIDES = 6


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        letter: `A`, `B`, …
        name: of the selected run.
        rows: its rows of the table of runs: one finished run per seed, newest first.
        is_design: whether it represents a design; else it is a single run, to which no seeds can be added.
        left_out: number of the design's runs that are left out of means: those that did not finish, by status, and those
            of a seed that was trained again.
        diverged: the seeds whose training diverged.
    """

    letter: str
    name: str
    rows: pd.DataFrame
    is_design: bool
    left_out: dict[str, int]
    diverged: frozenset[int] = frozenset()

    @property
    def title(self) -> str:
        """Letter and name; names alone need not be unique."""
        return f"{self.letter}: {self.name}"

    @property
    def run_ids(self) -> list[int]:
        """The ids of its runs, one per seed, newest first."""
        return [ids[0] for ids in self.rows["ids"]]

    @property
    def design_key(self) -> str:
        """The key of its design."""
        return str(self.rows["design_key"].iloc[0])

    def values(self, metric: str) -> dict[int, float]:
        """A column of its finished runs, by seed."""
        done = self.rows[self.rows["status"] == Status.FINISHED]
        return {seeds[0]: float(value) for seeds, value in zip(done["seeds"], done[metric], strict=True)}

    def lacks(self, metric: str) -> bool:
        """Whether a finished run has no value in a column: of the test images, while nobody may see how it does on them."""
        done = self.rows[self.rows["status"] == Status.FINISHED]
        return bool(done[metric].isna().any())

    def sample(self, metric: str) -> Sample:
        """Its seeds, as they are judged."""
        return Sample(self.title, self.values(metric), self.diverged)


def sides(rows: pd.DataFrame, run_ids: Sequence[int]) -> list[Side]:
    """The sides that the selected runs represent, in their order, at most `MAX_SIDES`; runs of one design are one side.

    Args:
        rows: the table of all runs, with one row per run.
        run_ids: the selected runs; unknown ids are left out.
    """
    places = {ids[0]: place for place, ids in enumerate(rows["ids"])}
    found: dict[str, Side] = {}
    for run_id in run_ids:
        if run_id not in places:
            continue
        row = rows.iloc[places[run_id]]
        same = rows[rows["design_key"] == row["design_key"]]
        finished = same[same["status"] == Status.FINISHED]
        is_design = bool(len(finished)) and pd.isna(row["continues"]) and row["status"] == Status.FINISHED
        key = row["design_key"] if is_design else f"run {run_id}"
        if key in found or len(found) == MAX_SIDES:
            continue
        its = finished.drop_duplicates("seeds") if is_design else rows.iloc[[places[run_id]]]
        has_diverged = (same["status"] == Status.FAILED) & same["error"].fillna("").str.startswith(DIVERGED)
        others = same["status"].mask(has_diverged, "diverged")[same["status"] != Status.FINISHED]
        left_out = {str(status): int(count) for status, count in others.value_counts().items()} if is_design else {}
        if is_design and len(finished) > len(its):
            left_out["older with the same seed"] = len(finished) - len(its)
        letter = chr(ord("A") + len(found))
        diverged = {seeds[0] for seeds in same[has_diverged]["seeds"]} - {seeds[0] for seeds in finished["seeds"]}
        found[key] = Side(letter, str(row["name"]), its, is_design, left_out, frozenset(diverged))
    return list(found.values())


def verdicts(given: Sequence[Side], metric: str, what: str) -> list[tuple[Side, Side, Verdict]]:
    """A verdict on each pair of designs, corrected for the number of pairs.

    Args:
        metric: the column to compare.
        what: its name in sentences.
    """
    pairs = list(combinations([side for side in given if side.is_design], 2))
    return [(a, b, verdict(a.sample(metric), b.sample(metric), what=what, comparisons=len(pairs))) for a, b in pairs]


def usual_sd(rows: pd.DataFrame) -> float | None:
    """The standard deviation of test accuracy between seeds of a design, pooled over the designs of a table with one row per
    run; None where none has two seeds."""
    finished = rows[rows["status"] == Status.FINISHED].drop_duplicates(["design_key", "seeds"])
    by_design = finished.groupby("design_key")["test_accuracy"]
    return _pooled(by_design.std(), by_design.count())


def usual_sd_of_groups(folded: pd.DataFrame) -> float | None:
    """The same, of a folded table."""
    return _pooled(folded["test_sd"], folded["n"])


def _pooled(sds: pd.Series, counts: pd.Series) -> float | None:
    freedom = (counts - 1).where(sds.notna(), 0)
    return float(np.sqrt((sds**2 * freedom).sum() / freedom.sum())) if freedom.any() else None


def overall(found: Sequence[tuple[Side, Side, Verdict]], metric: str, what: str) -> str:
    """What the `verdicts` on all pairs come to, in a sentence: of two designs their own, of more how far ahead the best is."""
    if len(found) == 1:
        return found[0][2].words
    designs = {side.letter: side for a, b, _ in found for side in (a, b)}
    means = {letter: float(np.mean(list(side.values(metric).values()))) for letter, side in designs.items()}
    best = max(means, key=lambda letter: means[letter])
    beaten: list[str] = []
    others: list[str] = []
    for a, b, its in found:
        if best in (a.letter, b.letter):
            other = b if a.letter == best else a
            is_better = its.kind == ("better" if a.letter == best else "worse")
            (beaten if is_better else others).append(other.letter)
    name = designs[best].title
    if all(its.kind == "not enough data" for _, _, its in found):
        least = anytime.least(anytime.ALPHA / len(found))
        return f"Not enough data: {name} has the highest mean {what}, but at least {least} seeds each are needed."
    lost = _divergence(list(designs.values()), metric)
    if not others:
        return f"{name} is better in {what} than each of the other {len(beaten)}.{lost}"
    if not beaten:
        return f"Not decided: {name} has the highest mean {what}, but is not shown to be better than any other.{lost}"
    return f"{name} has the highest mean {what}: it is better than {_listed(beaten)}, but not shown to be better than {_listed(others, 'or')}.{lost}"


def _divergence(given: Sequence[Side], metric: str) -> str:
    """How often training diverged, as a further sentence; empty where it never did."""
    counts = [
        f"{len(side.diverged)} of {len(side.diverged) + len(side.values(metric))} seeds of {side.letter}"
        for side in given
        if side.diverged
    ]
    return f" Training diverged in {_listed(counts)}." if counts else ""


def _listed(letters: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, [", ".join(letters[:-1]), letters[-1]]))


def seeds_to_add(a: Side, b: Side, more: int) -> tuple[list[int], list[int]]:
    """The seeds to train on each side so that both have the same ones, `more` than the pairs that there are now; none that
    diverged on either side, for it would again."""
    lost = a.diverged | b.diverged
    has_a, has_b = set(a.values("test_accuracy")) - lost, set(b.values("test_accuracy")) - lost
    target = min(len(has_a), len(has_b)) + more
    wanted = sorted(has_a & has_b) + sorted(has_a ^ has_b)
    new = 1
    while len(wanted) < target:
        if new not in wanted and new not in lost:
            wanted.append(new)
        new += 1
    wanted = wanted[: max(target, len(has_a | has_b))]
    return [seed for seed in wanted if seed not in has_a], [seed for seed in wanted if seed not in has_b]


def differing(fields: pd.DataFrame) -> pd.DataFrame:
    """The rows whose values differ, of a table with a row per field and a column per side."""
    as_text = fields.astype(object).map(str)
    return fields[as_text.nunique(axis=1) > 1]

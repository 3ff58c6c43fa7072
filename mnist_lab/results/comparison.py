"""Two or more runs or designs side by side: what differs in them, and what their seeds say.

A run that was chosen stands for its design, with all its finished seeds; one that did not finish, or continues
another, stands for itself alone and enters no verdict on designs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from mnist_lab.results import significance
from mnist_lab.results.significance import Verdict
from mnist_lab.store.run import Status

MAX_SIDES = 6


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        letter: `A`, `B`, …; name: of its newest run.
        rows: its rows of the table of runs, a finished run a seed, newest first.
        is_design: whether its seeds stand for a design; else it is one run, and no seeds can be added to it.
        left_out: how many of the design's runs did not finish, by status; they enter no mean.
    """

    letter: str
    name: str
    rows: pd.DataFrame
    is_design: bool
    left_out: dict[str, int]

    @property
    def title(self) -> str:
        """Letter and name, which several may share."""
        return f"{self.letter}: {self.name}"

    @property
    def run_ids(self) -> list[int]:
        """Its runs, one a seed, newest first."""
        return [ids[0] for ids in self.rows["ids"]]

    @property
    def design_key(self) -> str:
        """Of its design."""
        return str(self.rows["design_key"].iloc[0])

    def values(self, metric: str) -> dict[int, float]:
        """A column of its finished runs by seed."""
        done = self.rows[self.rows["status"] == Status.FINISHED]
        return {seeds[0]: float(value) for seeds, value in zip(done["seeds"], done[metric], strict=True)}


def sides(rows: pd.DataFrame, run_ids: Sequence[int]) -> list[Side]:
    """The sides that some runs stand for, in their order; two runs of one design make one side.

    Args:
        rows: the table of all runs, a row a run.
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
        others = same[same["status"] != Status.FINISHED]["status"].value_counts() if is_design else {}
        letter = chr(ord("A") + len(found))
        found[key] = Side(letter, str(row["name"]), its, is_design, {str(k): int(v) for k, v in others.items()})
    return list(found.values())


def verdicts(given: Sequence[Side], metric: str, what: str, usual_sd: float | None) -> list[tuple[Side, Side, Verdict]]:
    """What can be said of each pair of designs, corrected for how many pairs there are."""
    designs = [side for side in given if side.is_design]
    pairs = list(combinations(designs, 2))
    return [
        (
            a,
            b,
            significance.verdict(
                (a.title, b.title),
                a.values(metric),
                b.values(metric),
                what=what,
                comparisons=len(pairs),
                usual_sd=usual_sd,
            ),
        )
        for a, b in pairs
    ]


def usual_sd(rows: pd.DataFrame, metric: str) -> float | None:
    """How far seeds of a design usually lie apart, from all designs of the table that have several."""
    finished = rows[rows["status"] == Status.FINISHED].drop_duplicates(["design_key", "seeds"])
    counts = finished.groupby("design_key")[metric].transform("size")
    several = finished[counts > 1].groupby("design_key")[metric]
    return significance.usual_sd([group.tolist() for _, group in several])


def usual_sd_of_groups(folded: pd.DataFrame) -> float | None:
    """The same, of test accuracy, from rows that are folded already."""
    several = folded[(folded["n"] > 1) & folded["test_sd"].notna()]
    freedom = several["n"] - 1
    return float(np.sqrt((several["test_sd"] ** 2 * freedom).sum() / freedom.sum())) if len(several) else None


def seeds_to_add(a: Side, b: Side, more: int) -> tuple[list[int], list[int]]:
    """The seeds that each side lacks so that both have the same ones, `more` than the one with fewer has now."""
    has_a, has_b = set(a.values("test_accuracy")), set(b.values("test_accuracy"))
    target = min(len(has_a), len(has_b)) + more
    wanted = sorted(has_a & has_b) + sorted(has_a ^ has_b)
    new = 1
    while len(wanted) < target:
        if new not in wanted:
            wanted.append(new)
        new += 1
    wanted = wanted[: max(target, len(has_a | has_b))]
    return [seed for seed in wanted if seed not in has_a], [seed for seed in wanted if seed not in has_b]


def differing(fields: pd.DataFrame) -> pd.DataFrame:
    """Of a table with a row a field and a column a side, the rows that are not the same throughout."""
    as_text = fields.astype(object).map(str)
    return fields[as_text.nunique(axis=1) > 1]

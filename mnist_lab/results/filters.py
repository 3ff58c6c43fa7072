"""Which rows of the table of runs are meant: by words, and by conditions on any column or field of the design."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

_WORDS_IN = ("name", "note", "owner", "kernel_sizes", "filters", "status", "protocol", "continues", "error")


@dataclass(frozen=True)
class Condition:
    """One of some values, or a number from `low` to `high` (both included, either may be missing)."""

    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None

    def holds(self, column: pd.Series) -> pd.Series:
        """For which values of a column it holds; for tuples, where one of theirs is among the values."""
        if self.values:
            wanted = set(self.values)
            return column.map(lambda value: bool(wanted & set(value)) if isinstance(value, tuple) else value in wanted)
        numbers = pd.to_numeric(column, errors="coerce")
        found = numbers.notna()
        if self.low is not None:
            found &= numbers >= self.low
        if self.high is not None:
            found &= numbers <= self.high
        return found


def matching(rows: pd.DataFrame, words: str) -> pd.Series:
    """Which rows have every one of some words in one of their texts, tags, or as the number of a run."""
    found = pd.Series(data=True, index=rows.index)
    parts = unicodedata.normalize("NFC", words).lower().split()  # as names are kept
    if not parts:
        return found
    everything = rows["tags"].map(" ".join)
    for name in _WORDS_IN:
        everything = everything + "\n" + rows[name].fillna("").astype(str)
    everything = everything.str.lower()
    for part in parts:
        number = int(part) if part.isascii() and part.isdecimal() else None
        numbered = rows["ids"].map(lambda ids, number=number: number in ids)
        found &= everything.str.contains(part, regex=False) | numbered
    return found


def meeting(rows: pd.DataFrame, conditions: Mapping[str, Condition], fields: pd.DataFrame) -> pd.Series:
    """Which rows meet all conditions.

    Args:
        conditions: by a column of the table or of `fields`; fields: every field of each design, a row a design's key.
    """
    found = pd.Series(data=True, index=rows.index)
    for name, condition in conditions.items():
        column = rows[name] if name in rows else rows["design_key"].map(fields[name])
        found &= condition.holds(column)
    return found

"""Filters of the table of runs: by words, and by conditions on a column or on a field of the design."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

_SEARCHED = ("name", "note", "owner", "kernel_sizes", "filters", "status", "protocol", "continues", "error")


@dataclass(frozen=True)
class Condition:
    """A condition on a column: one of `values`, or where these are empty a number from `low` to `high`, both inclusive and
    optional."""

    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None

    def holds(self, column: pd.Series) -> pd.Series:
        """For which values of a column it holds; for a tuple, if one of its elements is among `values`."""
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
    """Which rows contain all the given words, in a text, a tag, or as the id of a run."""
    found = pd.Series(data=True, index=rows.index)
    parts = unicodedata.normalize("NFC", words).lower().split()  # names are stored as NFC
    if not parts:
        return found
    everything = rows["tags"].map(" ".join)
    for name in _SEARCHED:
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
        conditions: by column of the table or of `fields`.
        fields: all fields of each design, with the design key as index.
    """
    found = pd.Series(data=True, index=rows.index)
    for name, condition in conditions.items():
        column = rows[name] if name in rows else rows["design_key"].map(fields[name])
        found &= condition.holds(column)
    return found

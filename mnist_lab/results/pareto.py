"""Accuracy against cost: the Pareto front of designs."""

import numpy as np
import pandas as pd

COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds per image",
    "seconds": "seconds per run",
    "bytes": "bytes of the weights (float32)",
}
_BYTES_PER_PARAMETER = 4


def with_bytes(rows: pd.DataFrame) -> pd.DataFrame:
    """A table of runs with a column `bytes`, the size of the weights."""
    return rows.assign(bytes=rows["parameters"] * _BYTES_PER_PARAMETER)


def front(cost: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Which points are on the Pareto front, bool `(n,)`: no other one is at least as good in both and better in one.

    Points that are equal in both are all on it. A point with a missing value is not.
    """
    known = ~(np.isnan(cost) | np.isnan(accuracy))
    found = np.zeros(len(cost), bool)
    order = np.lexsort((-accuracy, cost))
    best, at = -np.inf, np.nan
    for i in order:
        if known[i] and (accuracy[i] > best or (accuracy[i] == best and cost[i] == at)):
            found[i] = True
            best, at = accuracy[i], cost[i]
    return found

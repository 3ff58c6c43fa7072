"""What accuracy costs: which designs no other beats at less cost."""

import numpy as np
import pandas as pd

COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds of an image",
    "seconds": "seconds of a run",
    "bytes": "bytes of the weights (float32)",
}
BYTES_A_PARAMETER = 4


def with_bytes(rows: pd.DataFrame) -> pd.DataFrame:
    """A table of runs with a column of the bytes that the weights take."""
    return rows.assign(bytes=rows["parameters"] * BYTES_A_PARAMETER)


def front(cost: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Which points are on the Pareto front: none costs less, or as much, and is more accurate; bool `(n,)`.

    Of points that agree in both all are on it. A point with a missing value never is.
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

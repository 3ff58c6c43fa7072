"""What the notebook printed in 2019: one run each of three networks. Shipped as data, to be compared with."""

import functools
from pathlib import Path

import pandas as pd

_DATA = Path(__file__).parent


@functools.cache
def results() -> pd.DataFrame:
    """Its table: name, kernel_sizes, conv_layers, test_accuracy, test_loss (accuracies as in its logs)."""
    return pd.read_csv(_DATA / "notebook_results.csv")


@functools.cache
def epochs() -> pd.DataFrame:
    """Its logs of `3x3` and `2x2`: name, epoch, loss, accuracy, validation_loss, validation_accuracy.

    It printed none for `7x7`: of that there is the last epoch's test figures only.
    """
    return pd.read_csv(_DATA / "notebook_epochs.csv")

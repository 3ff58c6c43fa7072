"""The figures that the notebook printed in 2019, one run of each of its three networks, for comparison."""

import functools
from pathlib import Path

import pandas as pd

_DATA = Path(__file__).parent


@functools.cache
def results() -> pd.DataFrame:
    """The notebook's table: name, kernel_sizes, conv_layers, test_accuracy, test_loss; accuracies as in its logs."""
    return pd.read_csv(_DATA / "notebook_results.csv")


@functools.cache
def epochs() -> pd.DataFrame:
    """The notebook's logs of `3x3` and `2x2`: name, epoch, loss, accuracy, validation_loss, validation_accuracy.

    It printed no log of `7x7`, only the test figures after the last epoch.
    """
    return pd.read_csv(_DATA / "notebook_epochs.csv")

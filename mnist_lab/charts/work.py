"""What curves can be drawn along: how much of a training is done, counted in four ways."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import TRAINING_FACTOR, totals, trace

Axis = Literal["epochs", "batches", "seconds", "multiply-adds"]
AXES: dict[Axis, str] = {
    "epochs": "epoch",
    "batches": "batch",
    "seconds": "seconds of training",
    "multiply-adds": "multiply-adds (billions)",
}


@dataclass(frozen=True)
class Work:
    """What a batch and an epoch of a run are on each axis, and how far the run will go."""

    steps_per_epoch: int
    planned_steps: int
    multiply_adds: float  # billions a batch

    @classmethod
    def of(cls, experiment: Experiment) -> "Work":
        """The work of an experiment."""
        image = totals(trace(experiment.architecture)).multiply_adds
        return cls(
            experiment.steps_per_epoch,
            experiment.steps_per_epoch * experiment.recipe.epochs,
            TRAINING_FACTOR * image * experiment.recipe.batch_size / 1e9,
        )

    def along(self, axis: Axis, steps: pd.Series, seconds: pd.Series) -> pd.Series:
        """Where points after so many steps and seconds lie."""
        factors = {"epochs": 1 / self.steps_per_epoch, "batches": 1.0, "multiply-adds": self.multiply_adds}
        return (seconds if axis == "seconds" else steps * factors[axis]).astype(float)

    def planned(self, axis: Axis) -> float | None:
        """Where the run will end; None for seconds, which are not known before."""
        if axis == "seconds":
            return None
        return float(self.along(axis, pd.Series([self.planned_steps]), pd.Series([0.0])).iloc[0])

"""The learning rate over the course of training."""

import functools

import numpy as np
import pandas as pd

from mnist_lab.charts import design, frames
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.recipe import Recipe
from mnist_lab.ui import figure


@functools.lru_cache(maxsize=64)  # the Train page asks several times a second
def learning_rates(recipe: Recipe, steps_per_epoch: int) -> np.ndarray:
    """The learning rate of each training step."""
    return recipe.learning_rates(steps_per_epoch)


def learning_rate(experiment: Experiment) -> None:
    """The learning rate over all epochs, as a small chart."""
    rates = learning_rates(experiment.recipe, experiment.steps_per_epoch)
    shown = np.linspace(0, len(rates) - 1, min(len(rates), 200)).astype(int)
    figure.vega(
        pd.DataFrame({"epoch": shown / experiment.steps_per_epoch, "learning_rate": rates[shown]}),
        design.schedule(experiment.recipe.epochs, frames.end(rates)),
        key="schedule_chart",
        alt=f"The learning rate over {experiment.recipe.epochs} epochs, at most {rates.max():g}",
    )

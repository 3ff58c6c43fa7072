"""Compiled training steps."""

import keras
import numpy as np
import pytest

from mnist_lab.data import mnist
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import trace
from mnist_lab.training import step
from mnist_lab.training.model import build
from mnist_lab.training.optimizers import optimizer

STILL = np.zeros((0, 8), np.float32)
RATES = np.array([0.1, 0.05, 0.02], np.float32)


def compiled(experiment: Experiment) -> tuple[keras.Model, step.Steps]:
    """The network of an experiment, and the function that trains it, each batch in two parts."""
    model = build(experiment.architecture, experiment.seed)
    kind = optimizer(experiment.recipe)
    kind.build(model.trainable_variables)
    images = mnist.split(experiment.protocol, experiment.train_images).train
    return model, step.compiled(model, trace(experiment.architecture), experiment.recipe, images, kind, 2)


@pytest.mark.parametrize("last", [57, 1])  # images of the last batch; a single one cannot be halved
def test_how_many_steps_a_call_has_changes_nothing_to_the_bit(small: Experiment, last: int) -> None:
    one, together = compiled(small)
    other, alone = compiled(small)
    size = small.recipe.batch_size
    order = np.random.default_rng(1).permutation(1000).astype(np.int32)[: 2 * size + last]
    sums = together(order, STILL, RATES)
    for i in range(3):
        found = alone(order[i * size : (i + 1) * size], STILL, RATES[i : i + 1])
        assert np.array_equal(found[0], sums[i])
    assert sums[:, 2].tolist() == [size, size, last]
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))

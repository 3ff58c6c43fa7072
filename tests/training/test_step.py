"""Compiled training steps, against stock Keras."""

import keras
import numpy as np
import pytest

from mnist_lab.data import mnist
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import trace
from mnist_lab.training import step
from mnist_lab.training.model import build
from mnist_lab.training.optimizers import optimizer
from tests.builders.training import without_noise

ORDER = np.random.default_rng(1).permutation(1000).astype(np.int32)[: 2 * 128 + 1]  # a last batch of one image
STILL = np.zeros((0, 8), np.float32)
RATES = np.array([0.1, 0.05, 0.02], np.float32)


def compiled(experiment: Experiment, parts: int = 2) -> tuple[keras.Model, step.Steps]:
    """The network of an experiment, and the function that trains it."""
    model = build(experiment.architecture, experiment.seed)
    kind = optimizer(experiment.recipe)
    kind.build(model.trainable_variables)
    images = mnist.split(experiment.protocol, experiment.train_images).train
    return model, step.compiled(model, trace(experiment.architecture), experiment.recipe, images, kind, parts)


@pytest.mark.parametrize("parts", [1, 2])
def test_steps_are_those_of_stock_keras(small: Experiment, parts: int) -> None:
    experiment = without_noise(small, normalised=False)
    model, steps = compiled(experiment, parts)
    stock = build(experiment.architecture, experiment.seed)
    kind = keras.optimizers.SGD(momentum=0.9)
    stock.compile(optimizer=kind, loss="sparse_categorical_crossentropy")
    sums = steps(ORDER, STILL, RATES)
    images = mnist.split(experiment.protocol, experiment.train_images).train
    for i, rate in enumerate(RATES):
        batch = ORDER[i * 128 : (i + 1) * 128]
        x, y = images.x[batch][..., None].astype("float32") / 255, images.y[batch]
        probabilities = stock.predict(x, verbose=0)
        losses = -np.log(probabilities[np.arange(len(y)), y])
        expected = losses.sum(), (probabilities.argmax(axis=1) == y).sum(), len(y)
        assert sums[i] == pytest.approx(expected, rel=1e-4)
        kind.learning_rate = rate
        stock.train_on_batch(x, y)
    for ours, theirs in zip(model.get_weights(), stock.get_weights(), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("last", [57, 1])  # images of the last batch; a single one cannot be halved
def test_how_many_steps_a_call_has_changes_nothing_to_the_bit(small: Experiment, last: int) -> None:
    one, together = compiled(small)
    other, alone = compiled(small)
    order, size = ORDER[: 200 + last], small.recipe.batch_size
    sums = together(order, STILL, RATES)
    for i in range(3):
        found = alone(order[i * size : (i + 1) * size], STILL, RATES[i : i + 1])
        assert np.array_equal(found[0], sums[i])
    assert sums.dtype == np.float64
    assert sums[:, 2].tolist() == [100, 100, last]
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_smoothed_labels_are_trained_on_and_the_plain_loss_is_told(small: Experiment) -> None:
    plain = without_noise(small, normalised=False)
    smooth = plain.with_changes(recipe=plain.recipe.model_dump() | {"label_smoothing": 0.5})
    (model, steps), (other, others) = compiled(plain), compiled(smooth)
    first, same = (found(ORDER[:128], STILL, RATES[:1]) for found in (steps, others))
    assert np.array_equal(first, same)
    assert not np.array_equal(model.get_weights()[-1], other.get_weights()[-1])


def test_images_are_moved_as_the_transforms_say(small: Experiment) -> None:
    still = without_noise(small, normalised=False)
    moved = still.with_changes(recipe=still.recipe.model_dump() | {"augmentation": {"shift": 2}})
    (_, steps), (_, others), (_, third) = compiled(still), compiled(moved), compiled(moved)
    stays = np.tile(np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32), (128, 1))
    goes = stays + np.array([0, 0, 28, 0, 0, 0, 0, 0], np.float32)  # out of the picture
    expected, found, without = (
        run(ORDER[:128], transforms, RATES[:1]) for run, transforms in ((steps, STILL), (others, stays), (third, goes))
    )
    assert found == pytest.approx(expected, rel=1e-6)
    assert without[0, 0] == pytest.approx(128 * np.log(10), rel=1e-3), "of an empty image it knows nothing"


def test_batches_of_one_image_are_trained_however_many_a_call(small: Experiment) -> None:
    experiment = small.with_changes(recipe=small.recipe.model_dump() | {"batch_size": 1})
    steps = compiled(experiment)[1]
    found = steps(np.arange(1000, dtype=np.int32), np.zeros((0, 8), np.float32), np.full(1000, 1e-4, np.float32))
    assert found.shape == (1000, 3)
    assert (found[:, 2] == 1).all()

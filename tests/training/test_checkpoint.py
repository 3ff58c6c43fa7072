"""Checkpoints of real trainings: what continues from one is the same to the bit."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import OPTIMIZERS
from mnist_lab.errors import TrainingError
from mnist_lab.store import disk
from mnist_lab.training import trainer
from mnist_lab.training.checkpoint import Progress
from mnist_lab.training.reports import Command, EpochPoint
from mnist_lab.training.trainer import Training
from tests.builders.networks import small_experiment
from tests.builders.training import (
    Record,
    everything,
    few_to_evaluate,
    one_epoch,
    run,
    same_result,
    unheard,
    without_noise,
    without_seconds,
)

pytestmark = pytest.mark.usefixtures("few_to_evaluate")


def test_a_checkpoint_that_says_nothing_of_momenta_had_099(small: Experiment) -> None:
    """As those of version 0.6."""
    experiment = without_noise(small).with_changes(train_images=500)
    recipe = experiment.recipe.model_dump() | {"bias_corrected_statistics": True}
    _, log = run(experiment)
    old = log.checkpoints[0]
    progress = json.loads(old.state["progress"].tobytes())
    assert progress.pop("start_share") == pytest.approx(0.99**4, rel=1e-12)
    state = old.state | {"progress": np.frombuffer(json.dumps(progress).encode(), np.uint8)}
    found = [
        trainer.train(experiment.with_changes(recipe=recipe), Record().report, Record().command, checkpoint)
        for checkpoint in (old, replace(old, state=state))
    ]
    assert found[0]
    assert found[1]
    assert found[0].validation_loss == pytest.approx(found[1].validation_loss, rel=1e-6)
    assert found[0].validation_accuracy > 0.3


@pytest.fixture(scope="module")
def short_run() -> Record:
    """What a small training of two epochs reported."""
    with few_to_evaluate():
        return run(small_experiment())[1]


@pytest.mark.parametrize("protocol", list(Protocol))
def test_paused_anywhere_and_resumed_it_is_the_same_to_the_bit(protocol: Protocol) -> None:
    """Paused after the first step, at the end of an epoch, after the first step of the next one, and within the last."""
    experiment = everything(small_experiment()).with_changes(protocol=protocol, train_images=1000)
    undisturbed, log = run(experiment)
    assert undisturbed
    records: list[Record] = []
    pauses, reported = [1, 10, 11, 25], 0
    for pause in pauses:
        records.append(Record(pause - reported, Command.PAUSE))
        resume = records[-2].checkpoints[-1] if reported else None
        paused = trainer.train(experiment, records[-1].report, records[-1].command, resume, report_seconds=0.0)
        assert paused is None
        assert records[-1].checkpoints[-1].step == pause
        reported = pause
    last = Record()
    resumed = trainer.train(experiment, last.report, last.command, records[-1].checkpoints[-1], report_seconds=0.0)
    records.append(last)
    assert resumed
    assert same_result(undisturbed, resumed)
    assert without_seconds([line for record in records for line in record.epochs]) == without_seconds(log.epochs)
    points = [point for record in records for point in record.points.values()]
    assert [(p.step, p.loss) for p in points] == [(p.step, p.loss) for p in log.points.values()]


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_every_optimizer_continues_to_the_bit(small: Experiment, optimizer: str) -> None:
    recipe = {"optimizer": {"name": optimizer}, "moving_average": 0.9, "schedule": "cosine", "weight_decay": 0.01}
    experiment = one_epoch(small, **recipe, epochs=2)
    undisturbed = unheard(experiment)
    undisturbed.train_epoch(1)
    undisturbed.progress.epoch = 1
    checkpoint = undisturbed.codec.save(undisturbed.progress, 1.0)
    undisturbed.train_epoch(2)
    resumed = unheard(experiment, checkpoint)
    resumed.train_epoch(2)
    assert resumed.progress.step == undisturbed.progress.step == 20
    assert np.array_equal(resumed.progress.sums, undisturbed.progress.sums)
    for mine, theirs in (
        (undisturbed.model.variables, resumed.model.variables),
        (undisturbed.optimizer.variables, resumed.optimizer.variables),
    ):
        assert len(mine) == len(theirs) > 0
        assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_more_epochs_from_a_checkpoint_are_the_longer_run_to_the_bit(small: Experiment, short_run: Record) -> None:
    more = small.with_changes(recipe=small.recipe.model_dump() | {"epochs": 4})
    longer, _ = run(more)
    outcome = trainer.train(more, Record().report, Record().command, short_run.checkpoints[-1])
    assert outcome
    assert same_result(longer, outcome)


def test_from_a_checkpoint_on_another_recipe_holds(small: Experiment, short_run: Record) -> None:
    recipe = small.recipe.model_dump() | {"optimizer": {"name": "sgd", "learning_rate": 0.01}, "batch_size": 50}
    record = Record()
    changed = small.with_changes(recipe=recipe | {"epochs": 3})
    outcome = trainer.train(changed, record.report, record.command, short_run.checkpoints[0], report_seconds=0.0)
    assert outcome
    assert [(line.epoch, line.steps) for line in record.epochs] == [(2, 20), (3, 20)]
    assert min(point.step for point in record.points.values()) == 21
    assert record.epochs[0].validation_accuracy > 0.5  # it continued, and did not begin anew


def memory(run: Training) -> dict[str, np.ndarray]:
    """What an optimizer remembers, by name."""
    return {variable.name: variable.numpy() for variable in run.optimizer.variables}


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"optimizer": {"name": "sgd", "momentum": 0.0}}, {"optimizer": {"name": "sgd", "momentum": 0.9}}),
        ({"optimizer": {"name": "sgd", "momentum": 0.9}}, {"optimizer": {"name": "sgd", "momentum": 0.0}}),
        ({"optimizer": {"name": "sgd"}}, {"optimizer": {"name": "sgd", "nesterov": True}, "weight_decay": 0.1}),
        ({"optimizer": {"name": "rmsprop"}}, {"optimizer": {"name": "rmsprop", "momentum": 0.9}}),
        ({"optimizer": {"name": "rmsprop", "momentum": 0.5}}, {"moving_average": 0.9}),
        ({"optimizer": {"name": "sgd", "momentum": 0.0}}, {"optimizer": {"name": "sgd"}, "moving_average": 0.9}),
        ({"optimizer": {"name": "adam"}, "moving_average": 0.9}, {"optimizer": {"name": "adam"}}),
        *(({}, {"optimizer": {"name": name}, "moving_average": 0.9}) for name in OPTIMIZERS),
    ],
)
def test_what_a_changed_recipe_asks_an_optimizer_to_remember_begins_afresh_and_the_rest_stays(
    small: Experiment, before: dict[str, object], after: dict[str, object]
) -> None:
    if not before:
        before = {"optimizer": after["optimizer"]}
    small = small.with_changes(train_images=300)  # three steps
    first = unheard(one_epoch(small, **before))
    first.train_epoch(1)
    first.progress.epoch = 1
    first.progress.epoch_sums = tuple(first.progress.sums)
    continued = one_epoch(small, **({"optimizer": before["optimizer"]} | after | {"epochs": 2}))
    second = unheard(continued, first.codec.save(first.progress, 1.0))
    fresh, old = memory(unheard(continued)), memory(first)
    weights = {variable.path: variable.numpy() for variable in first.model.trainable_variables}
    for name, value in memory(second).items():
        if name.endswith("_average"):
            (weight,) = (w for path, w in weights.items() if name == path.replace("/", "_") + "_average")
            assert np.array_equal(value, weight)
        elif not name.startswith("variable"):  # nadam's one number, which Keras gives another name each time
            assert np.array_equal(value, old.get(name, fresh[name])), name
    second.train_epoch(2)
    assert np.isfinite(second.progress.sums).all()


def test_a_checkpoint_of_another_network_is_refused(short_run: Record) -> None:
    with pytest.raises(TrainingError, match="does not fit this network"):
        trainer.train(PRESETS["2x2"], Record().report, Record().command, short_run.checkpoints[0])


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_what_a_checkpoint_will_have_is_known_from_the_design(small: Experiment, name: str) -> None:
    block = small.architecture.blocks[0].model_copy(update={"batch_normalization": True})
    residual = block.model_copy(update={"residual": True, "padding": "same", "kernel_size": (3, 3), "strides": (1, 1)})
    for more in ({}, {"moving_average": 0.9}):
        recipe = small.recipe.model_dump() | {"optimizer": {"name": name}} | more
        experiment = small.with_changes(
            architecture=small.architecture.with_blocks(block, residual).model_dump(), recipe=recipe
        )
        found = unheard(experiment)
        found.progress.kept_weights = found.model.get_weights()
        predicted = disk.footprint(experiment)
        assert sum(weight.nbytes for weight in found.progress.kept_weights) == predicted.weights
        state = sum(array.nbytes for array in found.codec.save(found.progress, 1.0).state.values())
        assert predicted.state <= state < predicted.state + 1000  # beside them a few words on where training is


@pytest.mark.usefixtures("eagerly")
def test_what_is_saved_is_restored(small: Experiment) -> None:
    small = small.with_changes(train_images=300)  # three steps
    one, other = unheard(everything(small)), unheard(everything(small.with_changes(seed=2)))
    one.train_epoch(1)
    progress = replace(
        one.progress,
        epoch=1,
        epoch_sums=(1.0, 2.0, 3.0),  # others than its sums: it is within an epoch
        kept=EpochPoint(1, 3, 1.5, 0.4, 1.25, 0.5, 2.0),
        kept_weights=one.model.get_weights(),
        reporting_seconds=0.1,
    )
    found = other.codec.restore(one.codec.save(progress, seconds=7.5))
    assert progress.step == 3
    assert (found.step, found.start_share, found.seconds) == (3, pytest.approx(0.95**3), 7.5)
    for name in ("epoch", "point_sums", "epoch_sums", "best", "best_epoch", "kept", "start_share", "reporting_seconds"):
        assert getattr(found, name) == getattr(progress, name), name
    assert np.array_equal(found.sums, progress.sums)
    for mine, theirs in (
        (one.model.variables, other.model.variables),
        (one.optimizer.variables, other.optimizer.variables),
        (progress.kept_weights, found.kept_weights),
    ):
        assert len(mine) == len(theirs) > 0
        assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_a_checkpoint_from_before_the_first_step_is_the_beginning(small: Experiment) -> None:
    found = unheard(small)
    begun = found.codec.restore(found.codec.save(Progress(), seconds=0.0))
    assert (begun.epoch, begun.step, begun.kept, begun.kept_weights) == (0, 0, None, [])
    assert begun.sums.tolist() == [0.0, 0.0, 0.0]

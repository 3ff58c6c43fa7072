"""Trainings of small networks, and what they report."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from mnist_lab.data import mnist
from mnist_lab.data.mnist import Images, Split
from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.recipe import SGD, Recipe
from mnist_lab.training import trainer
from mnist_lab.training.reports import BatchPoint, Checkpoint, Command, EpochPoint, Outcome, Report, Snapshot
from mnist_lab.training.trainer import Training


class Record:
    """Everything a training reported; it gives a command after so many reports."""

    def __init__(self, after: int | None = None, then: Command = Command.STOP) -> None:
        self.points: dict[int, BatchPoint] = {}
        self.epochs: list[EpochPoint] = []
        self.reports = 0
        self.snapshots: list[Snapshot] = []
        self.checkpoints: list[Checkpoint] = []
        self.after = after
        self.then = then

    def report(self, report: Report) -> None:
        self.reports += 1
        self.points |= {point.point: point for point in report.points}
        if report.epoch:
            self.epochs.append(report.epoch)
            self.snapshots.append(report.snapshot)
        if report.checkpoint:
            self.checkpoints.append(report.checkpoint)

    def command(self) -> Command:
        return self.then if self.after is not None and self.reports >= self.after else Command.CONTINUE


def run(experiment: Experiment, stop_after: int | None = None) -> tuple[Outcome, Record]:
    record = Record(stop_after)
    outcome = trainer.train(experiment, record.report, record.command, report_seconds=0.0)
    assert outcome
    return outcome, record


def without_noise(small: Experiment, *, normalised: bool = True) -> Experiment:
    block = small.architecture.blocks[0].model_copy(update={"dropout": 0.0, "batch_normalization": normalised})
    return small.with_changes(
        architecture=small.architecture.with_blocks(block).model_dump(),
        recipe=Recipe(optimizer=SGD(learning_rate=0.1), batch_size=128, epochs=2).model_dump(),
    )


def everything(small: Experiment, optimizer: str = "adam") -> Experiment:
    """An experiment with all that has a state: dropout, normalisation whose statistics are corrected, moves, a moving
    average, a schedule."""
    block = small.architecture.blocks[0].model_copy(update={"batch_normalization": True})
    residual = block.model_copy(update={"residual": True, "padding": "same", "kernel_size": (3, 3), "strides": (1, 1)})
    recipe = small.recipe.model_dump() | {
        "optimizer": {"name": optimizer},
        "epochs": 3,
        "augmentation": {"shift": 2, "rotation": 10},
        "moving_average": 0.9,
        "schedule": "cosine",
        "weight_decay": 0.01,
        "bias_corrected_statistics": True,
        "normalization_momentum": 0.95,
    }
    return small.with_changes(recipe=recipe, architecture=small.architecture.with_blocks(block, residual).model_dump())


def same_result(one: Outcome, other: Outcome) -> bool:
    return (
        list(one.weights) == list(other.weights)
        and all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)
        and np.array_equal(one.probabilities, other.probabilities)
        and (one.kept_epoch, one.validation_loss, one.test_loss)
        == (other.kept_epoch, other.validation_loss, other.test_loss)
    )


def without_seconds(lines: list[EpochPoint]) -> list[EpochPoint]:
    return [replace(line, seconds=0.0) for line in lines]


def one_epoch(small: Experiment, **recipe: object) -> Experiment:
    """Ten steps, after each of which it reports."""
    return small.with_changes(recipe=small.recipe.model_dump() | {"epochs": 1} | recipe)


def unheard(experiment: Experiment, resume: Checkpoint | None = None) -> Training:
    """A training that nobody listens to or commands."""
    return Training(experiment, lambda report: None, lambda: Command.CONTINUE, resume)


@contextlib.contextmanager
def few_to_evaluate() -> Iterator[None]:
    """Runs are validated and tested with the first 1,000 images: an evaluation of all costs more than an epoch here."""
    whole = mnist.split

    def few(protocol: Protocol, train_images: int) -> Split:
        found = whole(protocol, train_images)
        validation, test = (Images(images.x[:1000], images.y[:1000]) for images in (found.validation, found.test))
        return replace(found, validation=validation, test=test)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "split", few)
        yield

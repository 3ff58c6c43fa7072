"""A run: what its row says of it, and where it can stand."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.training.reports import Command

DECISIVE = ("lab", "tensorflow", "keras", "cpu", "threads")  # of an environment: another one gives other last digits


class Status(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_ended(self) -> bool:
        """Whether nothing will happen to the run any more, unless somebody resumes one that was interrupted."""
        return self not in (Status.QUEUED, Status.RUNNING, Status.PAUSED)


@dataclass(frozen=True)
class Run:
    """One row of the table of runs. Accuracies are shares of 1; `validation_*` and `test_*` are of the kept weights,
    None until there are any. Times are seconds since 1970 (UTC).

    Attributes:
        predicted_low, predicted_high: seconds that it was expected to take; predicted_bytes: what it may write.
        position: waiting runs are trained in its order.
        crashes: how often in a row its worker crashed before it could keep anything.
        parent_id, parent_epoch: the run that it continues, and after which of its epochs.
        caveat: why its result may differ in the last digits from an undisturbed one.
        curve_json: the validation accuracy after each epoch.
        archived, deleted: since when it has been set aside; a deleted run can be restored for some days.
    """

    id: int
    name: str
    owner: str
    status: Status
    experiment_json: str
    design_key: str
    parameters: int
    created: float
    started: float | None
    ended: float | None
    stop_requested: float | None
    steps_done: int
    epochs_done: int
    best_validation_accuracy: float | None
    best_epoch: int | None
    last_validation_accuracy: float | None
    kept_epoch: int | None
    validation_accuracy: float | None
    validation_loss: float | None
    test_accuracy: float | None
    test_loss: float | None
    seconds: float | None
    reporting_seconds: float | None
    environment_json: str | None
    error: str | None
    predicted_low: float | None
    predicted_high: float | None
    predicted_bytes: int | None
    position: float
    pause_requested: float | None
    crashes: int
    parent_id: int | None
    parent_epoch: int | None
    caveat: str | None
    seed: int
    curve_json: str
    tags_json: str
    note: str
    archived: float | None
    deleted: float | None

    @cached_property
    def experiment(self) -> Experiment:
        """What was asked for, under the name that the run has now."""
        return parse(Experiment, self.experiment_json).model_copy(update={"name": self.name})

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, machine, threads and hash of the data it was trained with; empty until it starts."""
        return json.loads(self.environment_json) if self.environment_json else {}

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Words that people have given it."""
        return tuple(json.loads(self.tags_json))

    @property
    def planned_steps(self) -> int:
        """Batches from the first epoch to the last; those of the run that it continues are among them."""
        return self.experiment.steps_per_epoch * self.experiment.recipe.epochs

    @property
    def command(self) -> Command:
        """What it is asked to do."""
        if self.stop_requested is not None:
            return Command.STOP
        return Command.CONTINUE if self.pause_requested is None else Command.PAUSE

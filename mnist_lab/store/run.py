"""A run and its status."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.training.reports import Command

DECISIVE = (
    "lab",
    "tensorflow",
    "keras",
    "cpu",
    "threads",
)  # parts of the environment that a result's last digits depend on


class Status(StrEnum):
    """The status of a run."""

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
        """Whether the run has ended. An interrupted run has, but can be resumed."""
        return self not in (Status.QUEUED, Status.RUNNING, Status.PAUSED)


@dataclass(frozen=True)
class Run:
    """A run: a row of the database. Accuracies are in 0 to 1; times are in seconds since 1970 (UTC).

    Attributes:
        validation_accuracy, validation_loss, test_accuracy, test_loss: of the kept weights; None until the run has ended.
        seconds, reporting_seconds: as of `Outcome`.
        predicted_low, predicted_high: lower and upper bound of the predicted training time in seconds.
        predicted_bytes: the most that it may write to the disk.
        position: queued runs are trained in the order of their positions.
        claims: how often a worker was given it; each writes to it under this number only, and no more when another has it.
        crashes: how many times in a row its worker crashed without a new checkpoint.
        parent_id, parent_epoch: the run that it continues, and after which epoch.
        caveat: why its last digits may differ from those of an uninterrupted run.
        curve_json: the validation accuracies after the epochs.
        is_unrevealed: whether its results on the test images are kept from everybody until a teacher reveals a challenge: they
            are None here until then.
        archived, deleted: when that was done, or None; a deleted run can be restored for `runs.DELETED_DAYS` days.
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
    claims: int
    parent_id: int | None
    parent_epoch: int | None
    caveat: str | None
    seed: int
    curve_json: str
    tags_json: str
    note: str
    archived: float | None
    deleted: float | None
    is_unrevealed: bool

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment, with the present name of the run."""
        return parse(Experiment, self.experiment_json).model_copy(update={"name": self.name})

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, machine, threads and hash of the data that it was trained with; empty until it starts."""
        return json.loads(self.environment_json) if self.environment_json else {}

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return tuple(json.loads(self.tags_json))

    @property
    def why_unrevealed(self) -> str:
        """Why nobody may see its results on the test images yet, in a sentence; empty where that is not so."""
        if not self.is_unrevealed:
            return ""
        return f"Run {self.id} was queued during a challenge: its test results can be seen after the teacher's reveal."

    @property
    def planned_steps(self) -> int:
        """Steps of all epochs, including those trained by the run that it continues."""
        return self.experiment.steps_per_epoch * self.experiment.recipe.epochs

    @property
    def command(self) -> Command:
        """The command to the worker that trains it."""
        if self.stop_requested is not None:
            return Command.STOP
        return Command.CONTINUE if self.pause_requested is None else Command.PAUSE

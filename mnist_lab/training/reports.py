"""What a training reports while it runs and when it ends, and the commands that it obeys."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Command(StrEnum):
    """What a running training is told to do."""

    CONTINUE = "continue"
    STOP = "stop"
    PAUSE = "pause"


@dataclass(frozen=True)
class BatchPoint:
    """A point of the training curve: mean loss and accuracy over the batches since the previous point.

    While its batches are being trained, a point is reported repeatedly; a later report with the same `point` replaces the
    earlier one.

    Attributes:
        point: index of the point in the curve.
        step: the last step in it, counted from 1.
        seconds: training time at the end of that step.
    """

    point: int
    step: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class EpochPoint:
    """A line of the log.

    Attributes:
        steps: of the epoch; fewer than its batches where training was stopped within it.
        loss, accuracy: means over the epoch's batches while the weights changed, as Keras prints them.
        seconds: duration of the epoch, validation included.
    """

    epoch: int
    steps: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Snapshot:
    """A picture of a network after an epoch, for display.

    Attributes:
        confusion: the confusion matrix on the validation images, int32 `(10, 10)`: labels in rows, answers in columns.
        probabilities: of the ten digits for each validation image, times 255 and rounded, uint8 `(n, 10)`.
        filters: the kernel of the first convolution, float32 `(height, width, 1, filters)`.
    """

    confusion: np.ndarray
    probabilities: np.ndarray
    filters: np.ndarray


@dataclass(frozen=True)
class Checkpoint:
    """The complete state of a training after `step` steps, from which it continues.

    Attributes:
        epoch: number of completed epochs.
        step: number of completed steps.
        state: arrays by name, as described in `training.checkpoint`.
    """

    epoch: int
    step: int
    state: dict[str, np.ndarray]


@dataclass(frozen=True)
class Report:
    """What is new since the last report.

    Attributes:
        points: of the training curve.
        epoch: the log line of an epoch that has ended.
        snapshot: the network after that epoch.
        weights: those that were validated after that epoch, by variable path.
    """

    points: list[BatchPoint]
    epoch: EpochPoint | None = None
    snapshot: Snapshot | None = None
    weights: dict[str, np.ndarray] | None = None
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of a training.

    Attributes:
        stopped: whether it was stopped before its planned end.
        kept_epoch: the epoch whose weights are kept; validation and test figures are those of these weights.
        weights: the kept weights by variable path, in the model's order.
        probabilities: of the ten digits for each test image, float32 `(10_000, 10)`.
        seconds: duration from building the model to the test evaluation, without pauses.
        reporting_seconds: the part of it spent on reports.
    """

    stopped: bool
    kept_epoch: int
    validation_loss: float
    validation_accuracy: float
    test_loss: float
    test_accuracy: float
    weights: dict[str, np.ndarray]
    probabilities: np.ndarray
    seconds: float
    reporting_seconds: float


def rounded(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities `(n, 10)` as float16, with the same most probable digit of each image: where rounding makes two of
    them equal, the larger one becomes the next float16 above."""
    found = probabilities.astype(np.float16)
    answers = probabilities.argmax(axis=1)
    (others,) = np.nonzero(found.argmax(axis=1) != answers)
    found[others, answers[others]] = np.nextafter(found[others].max(axis=1), np.float16(2))
    return found

"""What training reports while it runs and when it ends, and what it can be asked to do meanwhile."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Command(StrEnum):
    """What a run in training is asked to do."""

    CONTINUE = "continue"
    STOP = "stop"
    PAUSE = "pause"


@dataclass(frozen=True)
class BatchPoint:
    """One point of the training curve: means over the batches since the point before.

    A later report with the same `point` replaces the earlier one: while a point's batches are being trained it moves.
    """

    point: int
    step: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class EpochPoint:
    """One line of the log. Training figures are means over the epoch's batches while the weights changed, as Keras
    prints them; `steps` is less than a full epoch's where training was stopped within it."""

    epoch: int
    steps: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Snapshot:
    """What a network was after an epoch, for looking at.

    Attributes:
        confusion: how many validation images of a digit (row) got an answer (column), int32 `(10, 10)`.
        probabilities: of the ten digits for each validation image, in 255ths, uint8 `(n, 10)`.
        filters: the kernel of the first convolution, float32 `(height, width, 1, filters)`.
    """

    confusion: np.ndarray
    probabilities: np.ndarray
    filters: np.ndarray


@dataclass(frozen=True)
class Checkpoint:
    """All that training needs to continue after `step` batches.

    Attributes:
        epoch: how many epochs are complete.
        step: how many batches are.
        state: arrays by name: variables of the network, of its seeds and of the optimizer, best weights so far, sums.
    """

    epoch: int
    step: int
    state: dict[str, np.ndarray]


@dataclass(frozen=True)
class Report:
    """What is new: points of the training curve; at an epoch's end its line, picture and weights; a checkpoint.

    `weights` are those that were validated, by variable path.
    """

    points: list[BatchPoint]
    epoch: EpochPoint | None = None
    snapshot: Snapshot | None = None
    weights: dict[str, np.ndarray] | None = None
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True)
class Outcome:
    """What training leaves.

    Attributes:
        stopped: whether it was stopped before its planned end.
        kept_epoch: the epoch after which the kept weights were taken.
        weights: the kept weights by variable path, in the model's order.
        probabilities: of the ten digits for each test image, float32 `(10_000, 10)`, by the kept weights.
        seconds: of training, from the first line to the last, test evaluation included, pauses left out.
        reporting_seconds: how much of that went into reports.
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
    """Probabilities `(n, 10)` as float16, each image's answer as it was: where rounding makes two the largest, the one
    that was larger goes up by the smallest step there is."""
    found = probabilities.astype(np.float16)
    answers = probabilities.argmax(axis=1)
    (others,) = np.nonzero(found.argmax(axis=1) != answers)
    found[others, answers[others]] = np.nextafter(found[others].max(axis=1), np.float16(2))
    return found

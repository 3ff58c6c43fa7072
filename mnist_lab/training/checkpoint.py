"""The state of a training as a `Checkpoint`, and back.

The arrays of a checkpoint's state: `model/0`, `model/1`, … and `optimizer/0`, … are variables in Keras' order,
`kept/0`, … the weights to be kept so far, `sums` is `Progress.sums`, and `progress` the rest of `Progress` as JSON.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import TrainingError
from mnist_lab.training.reports import Checkpoint, EpochPoint

_PROGRESS = "progress"
_AVERAGED = ", moving average: "
_VARIABLES_BEFORE_AVERAGES = 2  # of an optimizer: the count of steps and the learning rate


def _no_sums() -> np.ndarray:
    return np.zeros(3)


@dataclass
class Progress:
    """How far a training is: its state except for the variables of model and optimizer.

    Attributes:
        epoch: number of completed epochs.
        step: number of completed steps.
        sums: of losses, correct answers and images since the start, float64 `(3,)`. They are never reset, so that
            differences do not depend on when they are taken.
        point_sums: the sums at the end of the curve's last complete point.
        epoch_sums: the sums at the end of the last epoch.
        best: the best validation accuracy so far.
        best_epoch: the epoch with the best validation accuracy.
        kept: the log line of the epoch whose weights are kept so far; None before the first.
        kept_weights: those weights, in the model's order.
        start_share: weight of their initial values in the running statistics of batch normalisation: the product of the
            momenta of all steps.
        seconds: training time before the last resumption.
        reporting_seconds: total time spent on reports.
    """

    epoch: int = 0
    step: int = 0
    sums: np.ndarray = field(default_factory=_no_sums)
    point_sums: tuple[float, ...] = (0.0, 0.0, 0.0)
    epoch_sums: tuple[float, ...] = (0.0, 0.0, 0.0)
    best: float = -1.0
    best_epoch: int = 0
    kept: EpochPoint | None = None
    kept_weights: list[np.ndarray] = field(default_factory=list)
    start_share: float = 1.0
    seconds: float = 0.0
    reporting_seconds: float = 0.0


class Codec:
    """Saves the state of a training to a checkpoint, and restores it."""

    def __init__(self, experiment: Experiment, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        self.experiment = experiment
        self.model = model
        self.optimizer = optimizer

    def save(self, progress: Progress, seconds: float) -> Checkpoint:
        """A checkpoint of the present state, after `seconds` of training."""
        state = {f"model/{i}": variable.numpy() for i, variable in enumerate(self.model.variables)}
        state |= {f"optimizer/{i}": variable.numpy() for i, variable in enumerate(self.optimizer.variables)}
        state |= {f"kept/{i}": array for i, array in enumerate(progress.kept_weights)}
        state["sums"] = progress.sums
        words = {
            "seconds": seconds,
            "reporting_seconds": progress.reporting_seconds,
            "point_sums": progress.point_sums,
            "epoch_sums": progress.epoch_sums,
            "best": progress.best,
            "best_epoch": progress.best_epoch,
            "kept": asdict(progress.kept) if progress.kept else None,
            "start_share": progress.start_share,
            "optimizer": self._optimizer_kind(),
        }
        state[_PROGRESS] = np.frombuffer(json.dumps(words).encode(), np.uint8)
        return Checkpoint(progress.epoch, progress.step, state)

    def restore(self, checkpoint: Checkpoint) -> Progress:
        """Restore model and optimizer.

        The checkpoint may have been made with another recipe; `trainer.train` says what then holds.

        Returns:
            How far the training was.

        Raises:
            TrainingError: the checkpoint is of another network.
        """
        arrays = checkpoint.state
        words: dict[str, Any] = json.loads(arrays[_PROGRESS].tobytes().decode())
        optimizer_before = words.pop("optimizer")
        try:
            for i, variable in enumerate(self.model.variables):
                variable.assign(arrays[f"model/{i}"])
            self._restore_optimizer(optimizer_before, arrays)
        except (KeyError, ValueError) as error:
            raise TrainingError(f"The checkpoint does not fit this network ({error}); start a new run.") from error
        kept = words.pop("kept")
        words |= {name: tuple(words[name]) for name in ("point_sums", "epoch_sums")}
        if "start_share" not in words:
            words["start_share"] = _start_share_of_0_6(checkpoint)
        # Between two epochs the number of steps follows from the epoch, since the batch size may have changed.
        is_between = checkpoint.step == 0 or words["epoch_sums"] == tuple(arrays["sums"])
        return Progress(
            epoch=checkpoint.epoch,
            step=checkpoint.epoch * self.experiment.steps_per_epoch if is_between else checkpoint.step,
            sums=np.array(arrays["sums"], float),
            kept=EpochPoint(**kept) if kept else None,
            kept_weights=[arrays[f"kept/{i}"] for i in range(len(self.model.weights)) if f"kept/{i}" in arrays],
            **words,
        )

    def _optimizer_kind(self) -> str:
        """What determines which variables an optimizer has: its name, and whether it averages the weights."""
        recipe = self.experiment.recipe
        return f"{recipe.optimizer.name}{_AVERAGED}{bool(recipe.moving_average)}"

    def _restore_optimizer(self, before: str, arrays: dict[str, np.ndarray]) -> None:
        """Restore the optimizer's variables, where `before`, as of `_optimizer_kind`, names the same optimizer.

        Their order in Keras: the count of steps and the learning rate; moving averages of the weights, if any; then the
        optimizer's slots for each weight, momentum last. Slots that the checkpoint lacks stay zero; moving averages that
        it lacks start at the weights, since Keras initialises them only at the first step.
        """
        kind, _, averaged = before.partition(_AVERAGED)
        recipe = self.experiment.recipe
        if kind != recipe.optimizer.name:
            return
        weights = self.model.trainable_variables
        averages_now, averages_before = (len(weights) * on for on in (recipe.moving_average > 0, averaged == "True"))
        for i, variable in enumerate(self.optimizer.variables):
            average = i - _VARIABLES_BEFORE_AVERAGES
            if 0 <= average < averages_now and not averages_before:
                variable.assign(weights[average])
                continue
            number = i if average < averages_now else i - averages_now + averages_before
            if f"optimizer/{number}" in arrays:
                variable.assign(arrays[f"optimizer/{number}"])


def _start_share_of_0_6(checkpoint: Checkpoint) -> float:
    """`Progress.start_share` for a checkpoint of version 0.6, which did not store it; its momentum was always 0.99.

    The checkpoint's step is relative to its last batch size. The optimizer's first variable counts the steps that were
    made, but only by this optimizer; so the larger of both is taken.
    """
    return float(0.99 ** max(checkpoint.step, int(checkpoint.state["optimizer/0"])))

"""A training as a `Checkpoint`, and back.

A checkpoint's state has these arrays: `model/0`, `model/1`, … and `optimizer/0`, … are variables in Keras' order,
`kept/0`, … the weights that are kept so far, `sums` those of `Progress`, and `progress` the rest of it as JSON.
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
_BEFORE_AVERAGES = 2  # variables of an optimizer


def _no_sums() -> np.ndarray:
    return np.zeros(3)


@dataclass
class Progress:
    """Where a training is, beside the variables of its network and its optimizer.

    Attributes:
        epoch: how many epochs are complete.
        step: how many steps are.
        sums: of loss, right answers and images since the start, `(3,)` in double precision. They are never reset:
            differences are the same whenever they are taken.
        point_sums: the sums at the end of the curve's last full point.
        epoch_sums: the sums at the end of the last epoch.
        best: the best validation accuracy so far.
        best_epoch: the epoch that had it.
        kept: the line of the epoch whose weights are kept; None before the first.
        kept_weights: its weights, in the model's order.
        start_share: what normalisation's running statistics still have of their beginning: the product of the momenta
            of all steps.
        seconds: of training before it was last resumed.
        reporting_seconds: of all training, how much went into reports.
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
    """Takes all that a training is out of its network and optimizer, and puts it back."""

    def __init__(self, experiment: Experiment, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        self.experiment = experiment
        self.model = model
        self.optimizer = optimizer

    def save(self, progress: Progress, seconds: float) -> Checkpoint:
        """A checkpoint of the training as it is, after so many seconds."""
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
            "optimizer": self._kind_of_optimizer(),
        }
        state[_PROGRESS] = np.frombuffer(json.dumps(words).encode(), np.uint8)
        return Checkpoint(progress.epoch, progress.step, state)

    def restore(self, checkpoint: Checkpoint) -> Progress:
        """Give network and optimizer what they had; where training was.

        The recipe may be another one than the checkpoint was made with: `trainer.train` says what then holds.

        Raises:
            TrainingError: it is a checkpoint of another network.
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
        # Between two epochs the step follows from the epoch: another batch size makes other steps of it.
        is_between = checkpoint.step == 0 or words["epoch_sums"] == tuple(arrays["sums"])
        return Progress(
            epoch=checkpoint.epoch,
            step=checkpoint.epoch * self.experiment.steps_per_epoch if is_between else checkpoint.step,
            sums=np.array(arrays["sums"], float),
            kept=EpochPoint(**kept) if kept else None,
            kept_weights=[arrays[f"kept/{i}"] for i in range(len(self.model.weights)) if f"kept/{i}" in arrays],
            **words,
        )

    def _kind_of_optimizer(self) -> str:
        """What an optimizer's variables are, in a word."""
        recipe = self.experiment.recipe
        return f"{recipe.optimizer.name}{_AVERAGED}{bool(recipe.moving_average)}"

    def _restore_optimizer(self, before: str, arrays: dict[str, np.ndarray]) -> None:
        """Give the optimizer its memory back, where `before` (as of `_kind_of_optimizer`) is of the same kind.

        Keras numbers its variables: the count of steps and the rate, the moving averages of the weights where there are
        any, then what this kind remembers of each weight, momentum last. What was not remembered begins at zero; moving
        averages, which after a first step would take zeros for weights, begin at the weights.
        """
        kind, _, averaged = before.partition(_AVERAGED)
        recipe = self.experiment.recipe
        if kind != recipe.optimizer.name:
            return
        weights = self.model.trainable_variables
        averages_now, averages_before = (len(weights) * on for on in (recipe.moving_average > 0, averaged == "True"))
        for i, variable in enumerate(self.optimizer.variables):
            average = i - _BEFORE_AVERAGES
            if 0 <= average < averages_now and not averages_before:
                variable.assign(weights[average])
                continue
            number = i if average < averages_now else i - averages_now + averages_before
            if f"optimizer/{number}" in arrays:
                variable.assign(arrays[f"optimizer/{number}"])


def _start_share_of_0_6(checkpoint: Checkpoint) -> float:
    """What running statistics have of their beginning in a checkpoint that does not say: version 0.6 had a momentum of
    0.99. Its step is by the last batch size; the optimizer, whose first variable that is, counts all steps it made itself."""
    return float(0.99 ** max(checkpoint.step, int(checkpoint.state["optimizer/0"])))

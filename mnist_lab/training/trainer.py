"""Training one experiment: a plain function that knows nothing of processes, databases or browsers.

What it has learnt can be taken out at any step as a `Checkpoint` and put back: training then goes on to the bit as if
nothing had happened, for on one machine with one number of threads everything follows from the checkpoint and the
experiment. The order of images and their moves follow from seed and epoch, dropout from seed states that the
checkpoint holds, and the figures of the log from sums that do not depend on when they are read.
"""

import gc
import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.eager import context
from tensorflow.python.framework import ops

import mnist_lab
from mnist_lab import machine
from mnist_lab.data import mnist
from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.layers import CLASSES
from mnist_lab.design.network import trace
from mnist_lab.errors import TrainingError
from mnist_lab.training import step as training_step
from mnist_lab.training.batch_norm import correct_running_statistics
from mnist_lab.training.evaluation import Evaluation
from mnist_lab.training.model import build
from mnist_lab.training.optimizers import optimizer
from mnist_lab.training.reports import BatchPoint, Checkpoint, Command, EpochPoint, Outcome, Report, Snapshot

REPORT_SECONDS = 0.33
LONGEST_CALL_SECONDS = 1.0  # of training between two looks at it
CHECKPOINT_SECONDS = 30.0
# Bytes of weights and checkpoints: so many at once, then so many a second. Where epochs are short and the network is large
# not every epoch's are written; the best, the last and those of a stop or pause are.
WRITTEN_AT_ONCE, WRITTEN_A_SECOND = 128e6, 16e6
CURVE_POINTS = 400
_MEASURED_STEPS = 10  # in a call
PARTS = 2  # that a batch is trained in, where there is more than one thread
_PROGRESS = "progress"
_AVERAGED = ", moving average: "
_BEFORE_AVERAGES = 2  # variables of an optimizer


def configure(threads: int) -> None:
    """Let TensorFlow use so many threads. To be called before its first operation, else it raises RuntimeError."""
    # A step's two halves run side by side; the threads that are left share the operations of each.
    tf.config.threading.set_inter_op_parallelism_threads(min(threads, PARTS))
    tf.config.threading.set_intra_op_parallelism_threads(max(1, threads // PARTS))
    # Threads that spin while they wait are quicker by 0 to 3 % when a run is alone, and take a sixth from one beside
    # it. TensorFlow has this setting, but in 2.21 no public function that sets it.
    settings = config_pb2.ConfigProto()
    settings.experimental.disable_thread_spinning = True
    context.context()._config = settings


def _threads() -> tuple[int, int]:
    """How many operations run side by side, and on how many threads each; 0 where nobody has said so."""
    read = tf.config.threading
    return read.get_inter_op_parallelism_threads(), read.get_intra_op_parallelism_threads()


def environment() -> dict[str, str | int]:
    """What a result depends on beside the experiment: versions, machine, threads, data."""
    return {
        "lab": mnist_lab.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": version("keras"),
        "system": platform.platform(),
        "cpu": cpu_name(),
        "cores": machine.cores(),
        "threads": math.prod(_threads()) or machine.schedulable_cores(),
        "data_sha256": mnist.fingerprint(),
    }


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def train(
    experiment: Experiment,
    report: Callable[[Report], None],
    wish: Callable[[], Command],
    resume: Checkpoint | None = None,
    *,
    continues_from: int = 0,
    report_seconds: float = REPORT_SECONDS,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Outcome | None:
    """Train an experiment from its seed, or on from a checkpoint.

    Args:
        report: called with new points of the training curve at most every `report_seconds`, with a checkpoint every
            `checkpoint_seconds`, and with line, picture and checkpoint of each epoch when it ends.
        wish: asked as often. `STOP` ends training at once, and what was learnt is evaluated; `PAUSE` reports a
            checkpoint and leaves.
        resume: a checkpoint of the same experiment, or one between two epochs of an experiment that differs in its
            recipe: then that recipe holds from there on. An optimizer of another kind begins afresh; one of the same
            kind keeps its memory, and what the recipe newly asks of it begins as at a first step.
        continues_from: the epoch of another run that this one continues: early stopping counts from there.

    Returns:
        None where it was paused.

    Raises:
        TrainingError: a loss or a weight is no longer a number, or the checkpoint does not fit the experiment.
    """
    return Training(experiment, report, wish, report_seconds, checkpoint_seconds, continues_from).train(resume)


def let_go() -> None:
    """Give back what TensorFlow would keep for ever of trainings that have ended: some 10 MB each.

    A gradient of our own in a compiled function (`tf.custom_gradient`, in `normalisation` and in TensorFlow's silu) is
    registered under a new name at each compilation, and holds the function with all that it captured. Looked up it is
    only where a graph is differentiated that was made before; ours are differentiated by a tape while they are made.
    So no name is missed: not by a training, nor by a question that is answered meanwhile.
    """
    registry = ops.gradient_registry._registry
    for name in list(registry):
        if name.startswith("CustomGradient-"):
            registry.pop(name, None)
    gc.collect()
    context.context().clear_kernel_cache()


def measure(experiment: Experiment, calls: int, most_seconds: float = math.inf) -> float:
    """Seconds of a training step of an experiment: as in training, several in a call; the median of so many calls after one
    that warms up, or of as many as had begun after `most_seconds`."""
    run = Training(experiment, lambda report: None, lambda: Command.CONTINUE)
    images = experiment.recipe.batch_size * _MEASURED_STEPS
    order = np.arange(images, dtype=np.int32) % experiment.train_images
    steps = order, np.zeros((images, 8), np.float32), np.repeat(run.rates[-1:], _MEASURED_STEPS)
    seconds = []
    for _ in range(calls + 1):
        began = time.perf_counter()
        run.steps(*steps)
        seconds.append(time.perf_counter() - began)
        if sum(seconds) > most_seconds:
            break
    return float(np.median(seconds[1:] or seconds)) / _MEASURED_STEPS


@dataclass(frozen=True)
class _Progress:
    """Where a training is, beside its variables; the sums are of loss, right answers and images since the start.

    `start_share` is what normalisation's running statistics still have of their beginning: the product of the momenta of
    all steps.
    """

    seconds: float = 0.0
    reporting_seconds: float = 0.0
    point_sums: tuple[float, ...] = (0.0, 0.0, 0.0)
    epoch_sums: tuple[float, ...] = (0.0, 0.0, 0.0)
    best: float = -1.0
    best_epoch: int = 0
    kept: EpochPoint | None = None
    start_share: float = 1.0


class Training:
    """The state of one training; `train` says what its arguments are."""

    def __init__(
        self,
        experiment: Experiment,
        report: Callable[[Report], None],
        wish: Callable[[], Command],
        report_seconds: float = REPORT_SECONDS,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
        continues_from: int = 0,
    ) -> None:
        self.started = time.perf_counter()
        self.experiment = experiment
        self.report_to = report
        self.wish = wish
        self.report_seconds = report_seconds
        self.checkpoint_seconds = checkpoint_seconds
        self.continues_from = continues_from
        self.reported = self.checkpointed = self.started

        self.data = mnist.split(experiment.protocol, experiment.train_images)
        traced = trace(experiment.architecture)
        self.model = build(experiment.architecture, experiment.seed, experiment.recipe.normalization_momentum)
        self.optimizer = optimizer(experiment.recipe)
        self.optimizer.build(self.model.trainable_variables)
        self.evaluation = Evaluation(self.model, traced)
        self.rates = experiment.recipe.learning_rates(experiment.steps_per_epoch)

        self.planned_steps = experiment.steps_per_epoch * experiment.recipe.epochs
        self.point_steps = -(-self.planned_steps // CURVE_POINTS)
        # Loss, right answers, images since the start, never reset: differences are the same whenever they are taken.
        self.sums = np.zeros(3)
        self.progress = _Progress()
        self.kept_weights: list[np.ndarray] = []
        self.pending: list[BatchPoint] = []
        self.epoch = 0  # complete ones
        self.step = 0
        parts = 1 if _threads()[0] == 1 else PARTS
        self.steps = training_step.compiled(
            self.model, traced, experiment.recipe, self.data.train, self.optimizer, parts
        )
        self.step_seconds = 0.0
        self.owed = 0.0  # bytes of weights and checkpoints that came too fast, at the time of the last of them
        self.owed_at = self.started

    def train(self, resume: Checkpoint | None) -> Outcome | None:
        if resume:
            self._restore(resume)
        notebook = self.experiment.protocol is Protocol.NOTEBOOK
        test: tuple[float, float, np.ndarray] | None = None
        wish = self.wish()
        while wish is not Command.PAUSE and not self._is_over():
            began = time.perf_counter()
            before = self.epoch * self.experiment.steps_per_epoch
            if wish is Command.CONTINUE:
                wish = self.train_epoch(self.epoch + 1)
                if wish is Command.PAUSE:
                    break
            elif self.step <= before:
                break  # stopped between two epochs
            steps = self.step - before
            trained = self._with_validated_weights()
            line, snapshot, validated = self._validated(self.epoch + 1, steps, began)
            weights = self.model.get_weights()
            self.progress = replace(self.progress, epoch_sums=tuple(self.sums))
            if line.validation_accuracy > self.progress.best:
                self.progress = replace(self.progress, best=line.validation_accuracy, best_epoch=line.epoch)
            if notebook or self.progress.best_epoch == line.epoch:
                self.progress = replace(self.progress, kept=line)
                self.kept_weights = weights
            # The notebook's validation images are the test images, so its last validation is the one test evaluation.
            test = validated if notebook else None
            if trained:
                self.model.set_weights(trained)
            self.epoch += 1
            whole = wish is not Command.STOP and (self._may_write() or self._is_over())
            # Under holdout the best weights are in every checkpoint, and stored at the end.
            is_best = notebook and self.progress.best_epoch == line.epoch
            by_path = self._by_path(weights) if whole or is_best or wish is Command.STOP else None
            self._report(line, snapshot, by_path, self._checkpoint() if whole else None)
            if wish is Command.CONTINUE:
                wish = self.wish()
        if wish is Command.PAUSE and not self._is_over():
            self._report(checkpoint=self._checkpoint())
            return None
        return self._outcome(not self._is_over(), test)

    def _may_write(self) -> bool:
        """Whether weights and a checkpoint may be written again, so that the disk keeps up with training."""
        return self._still_owed() < WRITTEN_AT_ONCE

    def _still_owed(self) -> float:
        return max(0.0, self.owed - WRITTEN_A_SECOND * (time.perf_counter() - self.owed_at))

    def _is_over(self) -> bool:
        """Whether all that was planned is trained: every step of every epoch, or as many as early stopping waits for."""
        recipe = self.experiment.recipe
        if self.step < self.epoch * self.experiment.steps_per_epoch:
            return False  # stopped within its last epoch
        waited = self.epoch - max(self.progress.best_epoch, self.continues_from)
        return self.epoch >= recipe.epochs or (self.epoch > 0 and 0 < recipe.patience <= waited)

    def _outcome(self, stopped: bool, test: tuple[float, float, np.ndarray] | None) -> Outcome:
        kept = self.progress.kept
        if kept is None:  # a stop was asked for before the first batch
            kept, _, validated = self._validated(0, 0, time.perf_counter())
            test = validated if self.experiment.protocol is Protocol.NOTEBOOK else None
            self.kept_weights = self.model.get_weights()
        self.model.set_weights(self.kept_weights)
        test_loss, test_accuracy, probabilities = test or self.evaluation(self.data.test)
        self._check(f"the test loss of epoch {kept.epoch} is", test_loss, probabilities)
        return Outcome(
            stopped=stopped,
            kept_epoch=kept.epoch,
            validation_loss=kept.validation_loss,
            validation_accuracy=kept.validation_accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            weights=self._by_path(self.kept_weights),
            probabilities=probabilities,
            seconds=self._seconds(),
            reporting_seconds=self.progress.reporting_seconds,
        )

    def _by_path(self, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        return {v.path: w for v, w in zip(self.model.weights, weights, strict=True)}

    def _seconds(self) -> float:
        """Of training so far, pauses left out."""
        return self.progress.seconds + time.perf_counter() - self.started

    def _with_validated_weights(self) -> list[np.ndarray]:
        """Give the model the weights that are validated; those it trains with, where they are others."""
        recipe = self.experiment.recipe
        corrected = recipe.bias_corrected_statistics and self.experiment.architecture.normalizes
        if not recipe.moving_average and not corrected:
            return []
        trained: list[np.ndarray] = self.model.get_weights()
        if recipe.moving_average:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
        if corrected:
            correct_running_statistics(self.model, self.progress.start_share)
        return trained

    def train_epoch(self, epoch: int) -> Command:
        """Train an epoch, or what is left of it, to its end or to a wish that it should not go on."""
        images, batch = self.experiment.train_images, self.experiment.recipe.batch_size
        seed = [self.experiment.seed, epoch]
        order = np.random.default_rng(seed).permutation(images).astype(np.int32)
        augmentation = self.experiment.recipe.augmentation
        transforms = np.zeros((0, 8), np.float32)  # no images are moved: the step does not look at it
        if augmentation.moves_images:
            transforms = augmentation.transforms(np.random.default_rng([*seed, 1]), images)
        end = epoch * self.experiment.steps_per_epoch
        done = end - self.experiment.steps_per_epoch  # at the epoch's beginning
        while self.step < end:
            first, last = self.step, min(self.step + self._steps_at_once(), end)
            part = slice((first - done) * batch, (last - done) * batch)
            began = time.perf_counter()
            found = self.steps(order[part], transforms[part], self.rates[first:last])
            now = time.perf_counter()
            self.step_seconds = (now - began) / (last - first)
            # The first two points at once: a person has just pressed Train and waits for the line to begin.
            due = last <= 2 or now - self.reported >= self.report_seconds
            for self.step, of_step in enumerate(found, first + 1):
                self._add_sums(of_step)
                # Step by step: one power for all of a call would have other last digits where the call had other steps.
                share = self.progress.start_share * self.experiment.recipe.normalization_momentum
                self.progress = replace(self.progress, start_share=share)
                point_full = self.step % self.point_steps == 0
                if point_full or (self.step == last and (due or last == end)):
                    self._add_point(now - (last - self.step) * self.step_seconds)
                if point_full:
                    self.progress = replace(self.progress, point_sums=tuple(self.sums))
            if due and last < end:
                keep = now - self.checkpointed >= self.checkpoint_seconds
                self._report(checkpoint=self._checkpoint() if keep else None)
                wish = self.wish()
                if wish is not Command.CONTINUE:
                    return wish
        return Command.CONTINUE

    def _steps_at_once(self) -> int:
        """How many steps to take until it is time to report; one until they have been timed."""
        if self.step < 2 or not self.step_seconds:
            return 1
        left = self.reported + self.report_seconds - time.perf_counter()
        return max(1, math.ceil(min(left, LONGEST_CALL_SECONDS) / self.step_seconds))

    def _validated(
        self, epoch: int, steps: int, began: float
    ) -> tuple[EpochPoint, Snapshot, tuple[float, float, np.ndarray]]:
        """The epoch's line of the log, its picture, and the validation's loss, accuracy and probabilities."""
        found = validation_loss, validation_accuracy, probabilities = self.evaluation(self.data.validation)
        self._check("a weight is", *self.model.get_weights())
        self._check("the validation loss is", validation_loss, probabilities)
        loss, right, images = self.sums - self.progress.epoch_sums
        line = EpochPoint(
            epoch=epoch,
            steps=steps,
            loss=float(loss / max(images, 1)),
            accuracy=float(right / max(images, 1)),
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            seconds=time.perf_counter() - began,
        )
        confusion = np.zeros((CLASSES, CLASSES), np.int32)
        np.add.at(confusion, (self.data.validation.y, probabilities.argmax(axis=1)), 1)
        in_255ths = np.round(255 * probabilities).astype(np.uint8)
        return line, Snapshot(confusion, in_255ths, self.model.weights[0].numpy()), found

    def _add_sums(self, of_step: np.ndarray) -> None:
        self.sums = self.sums + of_step
        self._check("the loss is", self.sums)

    def _check(self, what: str, *figures: float | np.ndarray) -> None:
        """Raise TrainingError where figures of the step just trained are not all finite; the curve up to it is reported."""
        if all(np.isfinite(figure).all() for figure in figures):
            return
        self._report()
        step = max(self.step, 1)
        raise TrainingError(
            f"Training diverged: {what} no longer a number in epoch {-(-step // self.experiment.steps_per_epoch)}, "
            f"batch {step:,}, with a learning rate of {self.rates[step - 1]:g}; try a tenth of it."
        )

    def _add_point(self, now: float) -> None:
        """A point of the curve for the step just counted, which ended at `now` of the clock."""
        loss, right, images = self.sums - self.progress.point_sums  # a point may reach across the end of an epoch
        point = BatchPoint(
            point=(self.step - 1) // self.point_steps,
            step=self.step,
            loss=float(loss / images),
            accuracy=float(right / images),
            seconds=self.progress.seconds + now - self.started,
        )
        if self.pending and self.pending[-1].point == point.point:
            self.pending.pop()
        self.pending.append(point)

    def _report(
        self,
        line: EpochPoint | None = None,
        snapshot: Snapshot | None = None,
        weights: dict[str, np.ndarray] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        began = time.perf_counter()
        points, self.pending = self.pending, []
        heavy = [*(weights or {}).values(), *(checkpoint.state.values() if checkpoint else ())]
        self.owed, self.owed_at = self._still_owed() + sum(array.nbytes for array in heavy), began
        self.report_to(Report(points, line, snapshot, weights, checkpoint))
        self.reported = time.perf_counter()
        if checkpoint:
            self.checkpointed = self.reported
        reporting = self.progress.reporting_seconds + self.reported - began
        self.progress = replace(self.progress, reporting_seconds=reporting)

    def _checkpoint(self) -> Checkpoint:
        state = {f"model/{i}": variable.numpy() for i, variable in enumerate(self.model.variables)}
        state |= {f"optimizer/{i}": variable.numpy() for i, variable in enumerate(self.optimizer.variables)}
        state |= {f"kept/{i}": array for i, array in enumerate(self.kept_weights)}
        state["sums"] = self.sums
        words = json.dumps(asdict(replace(self.progress, seconds=self._seconds())) | {"optimizer": self._optimizer()})
        state[_PROGRESS] = np.frombuffer(words.encode(), np.uint8)
        return Checkpoint(self.epoch, self.step, state)

    def _optimizer(self) -> str:
        """What an optimizer's variables are, in a word."""
        recipe = self.experiment.recipe
        return f"{recipe.optimizer.name}{_AVERAGED}{bool(recipe.moving_average)}"

    def _restore_optimizer(self, before: str, arrays: dict[str, np.ndarray]) -> None:
        """Give the optimizer its memory back, where `before` (as of `_optimizer`) is of the same kind.

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

    def _restore(self, checkpoint: Checkpoint) -> None:
        arrays = checkpoint.state
        words: dict[str, Any] = json.loads(arrays[_PROGRESS].tobytes().decode())
        before = words.pop("optimizer")
        try:
            for i, variable in enumerate(self.model.variables):
                variable.assign(arrays[f"model/{i}"])
            self._restore_optimizer(before, arrays)
        except (KeyError, ValueError) as error:
            raise TrainingError(f"The checkpoint does not fit this network ({error}); start a new run.") from error
        self.kept_weights = [arrays[f"kept/{i}"] for i in range(len(self.model.weights)) if f"kept/{i}" in arrays]
        self.sums = np.array(arrays["sums"], float)
        kept = words.pop("kept")
        words |= {name: tuple(words[name]) for name in ("point_sums", "epoch_sums")}
        if "start_share" not in words:
            words["start_share"] = _start_share_of_0_6(checkpoint)
        self.progress = _Progress(**words, kept=EpochPoint(**kept) if kept else None)
        self.epoch = checkpoint.epoch
        # Between two epochs the step follows from the epoch: another batch size makes other steps of it.
        is_between = checkpoint.step == 0 or self.progress.epoch_sums == tuple(arrays["sums"])
        self.step = self.epoch * self.experiment.steps_per_epoch if is_between else checkpoint.step


def _start_share_of_0_6(checkpoint: Checkpoint) -> float:
    """What running statistics have of their beginning in a checkpoint that does not say: version 0.6 had a momentum of
    0.99. Its step is by the last batch size; the optimizer, whose first variable that is, counts all steps it made itself."""
    return float(0.99 ** max(checkpoint.step, int(checkpoint.state["optimizer/0"])))

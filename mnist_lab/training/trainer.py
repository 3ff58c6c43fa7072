"""Training one experiment: a plain function that knows nothing of processes, databases or browsers.

What it has learnt can be taken out at any step as a `Checkpoint` and put back: training then continues to the bit as if
nothing had happened, for on one machine with one number of threads everything follows from the checkpoint and the
experiment. The order of images and their moves follow from seed and epoch, dropout from seed states that the
checkpoint holds, and the figures of the log from sums that do not depend on when they are read.
"""

import time
from collections.abc import Callable

import numpy as np

from mnist_lab.data import mnist
from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.layers import CLASSES
from mnist_lab.design.network import trace
from mnist_lab.errors import TrainingError
from mnist_lab.training import runtime
from mnist_lab.training import step as training_step
from mnist_lab.training.batch_norm import correct_running_statistics
from mnist_lab.training.checkpoint import Codec, Progress
from mnist_lab.training.evaluation import Evaluation
from mnist_lab.training.model import build
from mnist_lab.training.optimizers import optimizer
from mnist_lab.training.reporter import CHECKPOINT_SECONDS, REPORT_SECONDS, Reporter
from mnist_lab.training.reports import Checkpoint, Command, EpochPoint, Outcome, Report, Snapshot

Evaluated = tuple[float, float, np.ndarray]  # loss, accuracy, probabilities


def train(
    experiment: Experiment,
    report: Callable[[Report], None],
    command: Callable[[], Command],
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
        command: asked as often. `STOP` ends training at once, and what was learnt is evaluated; `PAUSE` reports a
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
    return Training(
        experiment,
        report,
        command,
        resume,
        continues_from=continues_from,
        report_seconds=report_seconds,
        checkpoint_seconds=checkpoint_seconds,
    ).run()


class Training:
    """The state of one training; `train` says what its arguments are.

    Attributes:
        progress: where it is.
        steps: trains some steps, as of `step.compiled`.
        rates: the learning rate of each step.
    """

    def __init__(
        self,
        experiment: Experiment,
        report: Callable[[Report], None],
        command: Callable[[], Command],
        resume: Checkpoint | None = None,
        *,
        continues_from: int = 0,
        report_seconds: float = REPORT_SECONDS,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        started = time.perf_counter()
        recipe = experiment.recipe
        self.experiment = experiment
        self.command = command
        self.continues_from = continues_from
        self.data = mnist.split(experiment.protocol, experiment.train_images)
        traced = trace(experiment.architecture)
        self.model = build(experiment.architecture, experiment.seed, recipe.normalization_momentum)
        self.optimizer = optimizer(recipe)
        self.optimizer.build(self.model.trainable_variables)
        self.codec = Codec(experiment, self.model, self.optimizer)
        self.progress = self.codec.restore(resume) if resume else Progress()
        self.reporter = Reporter(
            report,
            self.progress,
            experiment.steps_per_epoch * recipe.epochs,
            started=started,
            report_seconds=report_seconds,
            checkpoint_seconds=checkpoint_seconds,
        )
        self.evaluation = Evaluation(self.model, traced)
        self.rates = recipe.learning_rates(experiment.steps_per_epoch)
        self.steps = training_step.compiled(
            self.model, traced, recipe, self.data.train, self.optimizer, runtime.parts()
        )
        self.step_seconds = 0.0  # as last timed
        # The notebook's validation images are the test images, so its last validation is the one test evaluation.
        self.tested: Evaluated | None = None

    def run(self) -> Outcome | None:
        """Train to the end, or to a command; None where it was paused."""
        progress = self.progress
        command = self.command()
        while command is not Command.PAUSE and not self._is_over():
            began = time.perf_counter()
            before = progress.epoch * self.experiment.steps_per_epoch
            if command is Command.CONTINUE:
                command = self.train_epoch(progress.epoch + 1)
                if command is Command.PAUSE:
                    break
            elif progress.step <= before:
                break  # stopped between two epochs
            self._end_epoch(progress.step - before, began, is_stopped=command is Command.STOP)
            if command is Command.CONTINUE:
                command = self.command()
        if command is Command.PAUSE and not self._is_over():
            self.reporter.report(checkpoint=self._checkpoint())
            return None
        return self._outcome(is_stopped=not self._is_over())

    def train_epoch(self, epoch: int) -> Command:
        """Train an epoch, or what is left of it, to its end or to another command than to continue; that command."""
        progress, experiment, batch = self.progress, self.experiment, self.experiment.recipe.batch_size
        order, transforms = self._images(epoch)
        end = epoch * experiment.steps_per_epoch
        done = end - experiment.steps_per_epoch  # at the epoch's beginning
        while progress.step < end:
            first, last = progress.step, min(progress.step + self.reporter.steps_until_due(self.step_seconds), end)
            part = slice((first - done) * batch, (last - done) * batch)
            began = time.perf_counter()
            found = self.steps(order[part], transforms[part], self.rates[first:last])
            now = time.perf_counter()
            self.step_seconds = (now - began) / (last - first)
            due = self.reporter.is_due(last, now)
            for progress.step, of_step in enumerate(found, first + 1):
                progress.sums = progress.sums + of_step
                self._check("the loss is", progress.sums)
                # Step by step: one power for all of a call would have other last digits where the call had other steps.
                progress.start_share *= experiment.recipe.normalization_momentum
                ended = now - (last - progress.step) * self.step_seconds
                self.reporter.add_step(ended, is_shown=progress.step == last and (due or last == end))
            if due and last < end:
                self.reporter.report(checkpoint=self._checkpoint() if self.reporter.is_checkpoint_due(now) else None)
                command = self.command()
                if command is not Command.CONTINUE:
                    return command
        return Command.CONTINUE

    def _images(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The order of an epoch's images, `(n,)`, and how each is moved, `(n, 8)`; `(0, 8)` where none are."""
        images, augmentation = self.experiment.train_images, self.experiment.recipe.augmentation
        seed = [self.experiment.seed, epoch]
        order = np.random.default_rng(seed).permutation(images).astype(np.int32)
        if augmentation.moves_images:
            return order, augmentation.transforms(np.random.default_rng([*seed, 1]), images)
        return order, np.zeros((0, 8), np.float32)

    def _end_epoch(self, steps: int, began: float, *, is_stopped: bool) -> None:
        """Validate, choose the weights that are kept, report; `steps` is what was trained of the epoch."""
        progress = self.progress
        notebook = self.experiment.protocol is Protocol.NOTEBOOK
        trained = self._with_validated_weights()
        line, snapshot, validated = self._validate(progress.epoch + 1, steps, began)
        weights = self.model.get_weights()
        progress.epoch_sums = tuple(progress.sums)
        if line.validation_accuracy > progress.best:
            progress.best, progress.best_epoch = line.validation_accuracy, line.epoch
        is_best = progress.best_epoch == line.epoch
        if notebook or is_best:
            progress.kept, progress.kept_weights = line, weights
        self.tested = validated if notebook else None
        if trained:
            self.model.set_weights(trained)
        progress.epoch += 1
        whole = not is_stopped and (self.reporter.may_write() or self._is_over())
        # Under holdout the best weights are in every checkpoint, and stored at the end.
        by_path = self._by_path(weights) if whole or is_stopped or (notebook and is_best) else None
        self.reporter.report(line, snapshot, by_path, self._checkpoint() if whole else None)

    def _is_over(self) -> bool:
        """Whether all that was planned is trained: every step of every epoch, or as many as early stopping waits for."""
        recipe, progress = self.experiment.recipe, self.progress
        if progress.step < progress.epoch * self.experiment.steps_per_epoch:
            return False  # stopped within its last epoch
        waited = progress.epoch - max(progress.best_epoch, self.continues_from)
        return progress.epoch >= recipe.epochs or (progress.epoch > 0 and 0 < recipe.patience <= waited)

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

    def _validate(self, epoch: int, steps: int, began: float) -> tuple[EpochPoint, Snapshot, Evaluated]:
        """The epoch's line of the log, its picture, and what the validation gave."""
        found = validation_loss, validation_accuracy, probabilities = self.evaluation(self.data.validation)
        self._check("a weight is", *self.model.get_weights())
        self._check("the validation loss is", validation_loss, probabilities)
        loss, right, images = self.progress.sums - self.progress.epoch_sums
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

    def _outcome(self, *, is_stopped: bool) -> Outcome:
        progress = self.progress
        if progress.kept is None:  # a stop was asked for before the first batch
            progress.kept, _, validated = self._validate(0, 0, time.perf_counter())
            self.tested = validated if self.experiment.protocol is Protocol.NOTEBOOK else None
            progress.kept_weights = self.model.get_weights()
        kept = progress.kept
        self.model.set_weights(progress.kept_weights)
        test_loss, test_accuracy, probabilities = self.tested or self.evaluation(self.data.test)
        self._check(f"the test loss of epoch {kept.epoch} is", test_loss, probabilities)
        return Outcome(
            stopped=is_stopped,
            kept_epoch=kept.epoch,
            validation_loss=kept.validation_loss,
            validation_accuracy=kept.validation_accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            weights=self._by_path(progress.kept_weights),
            probabilities=probabilities,
            seconds=self.reporter.seconds(),
            reporting_seconds=progress.reporting_seconds,
        )

    def _by_path(self, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        return {v.path: w for v, w in zip(self.model.weights, weights, strict=True)}

    def _checkpoint(self) -> Checkpoint:
        return self.codec.save(self.progress, self.reporter.seconds())

    def _check(self, what: str, *figures: float | np.ndarray) -> None:
        """Raise TrainingError where figures of the step just trained are not all finite; the curve up to it is reported."""
        if all(np.isfinite(figure).all() for figure in figures):
            return
        self.reporter.report()
        step = max(self.progress.step, 1)
        raise TrainingError(
            f"Training diverged: {what} no longer a number in epoch {-(-step // self.experiment.steps_per_epoch)}, "
            f"batch {step:,}, with a learning rate of {self.rates[step - 1]:g}; try a tenth of it."
        )

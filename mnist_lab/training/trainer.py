"""Training of an experiment, as a plain function that knows nothing of processes, databases or browsers.

From a `Checkpoint`, which can be taken after any step, training continues with the same result to the bit as without the
interruption, on the same machine and with the same number of threads: the order of images and their augmentation follow
from seed and epoch, dropout from seed states that the checkpoint contains, and the log from sums that do not depend on
when they are read.
"""

import time
from collections.abc import Callable

import numpy as np

from mnist_lab.data import mnist
from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.layers import CLASSES
from mnist_lab.errors import DIVERGED, TrainingError
from mnist_lab.training import compilation
from mnist_lab.training.batch_norm import correct_running_statistics
from mnist_lab.training.checkpoint import Codec, Progress
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
    """Train an experiment, from its seed or from a checkpoint.

    Args:
        report: called with new points of the training curve at most every `report_seconds`, with a checkpoint every
            `checkpoint_seconds`, and at the end of each epoch with its log line, snapshot, weights and checkpoint.
        command: called as often. `STOP` ends training at once and evaluates what was learnt; `PAUSE` reports a checkpoint
            and returns.
        resume: a checkpoint of the same experiment, or one taken between two epochs of an experiment with another recipe.
            In the latter case the present recipe holds from there on: another optimizer starts with fresh variables, the
            same one keeps its variables, and those that it did not have before start as at the first step.
        continues_from: the epoch of another run that this one continues; early stopping does not count epochs before it.

    Returns:
        The outcome; None where training was paused.

    Raises:
        TrainingError: a loss or a weight is no longer finite, the checkpoint does not fit, or `forward` does not know a
            layer.
    """
    training = Training(
        experiment,
        report,
        command,
        resume,
        continues_from=continues_from,
        report_seconds=report_seconds,
        checkpoint_seconds=checkpoint_seconds,
    )
    outcome = training.run()
    compilation.cache.keep(training.compiled)
    return outcome


class Training:
    """A training in progress; takes the arguments of `train`.

    Attributes:
        progress: how far it is.
        compiled: what it has taken from `compilation.cache`; `model`, `optimizer`, `evaluation` and `steps` are its.
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
        self.compiled = compilation.cache.take(experiment)
        self.model, self.optimizer = self.compiled.model, self.compiled.optimizer
        self.evaluation, self.steps = self.compiled.evaluation, self.compiled.steps
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
        self.rates = recipe.learning_rates(experiment.steps_per_epoch)
        self.step_seconds = 0.0  # as last measured
        # Under the notebook protocol the validation images are the test images, so the last validation is the test.
        self.tested: Evaluated | None = None

    def run(self) -> Outcome | None:
        """Train until the end or until told to stop or pause; returns as `train`."""
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
        """Train an epoch, or what is left of it, until it ends or the command is not to continue; returns the command."""
        progress, experiment, batch = self.progress, self.experiment, self.experiment.recipe.batch_size
        order, transforms = self._images(epoch)
        end = epoch * experiment.steps_per_epoch
        done = end - experiment.steps_per_epoch  # steps before the epoch
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
                # Multiplied step by step: a power would have other last digits when a call has another number of steps.
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
        """The order of the images in an epoch, int32 `(n,)`, and their transforms, float32 `(n, 8)`, or `(0, 8)` where there
        is no augmentation."""
        images, augmentation = self.experiment.train_images, self.experiment.recipe.augmentation
        seed = [self.experiment.seed, epoch]
        order = np.random.default_rng(seed).permutation(images).astype(np.int32)
        if augmentation.moves_images:
            return order, augmentation.transforms(np.random.default_rng([*seed, 1]), images)
        return order, np.zeros((0, 8), np.float32)

    def _end_epoch(self, steps: int, began: float, *, is_stopped: bool) -> None:
        """Validate, keep the weights where they are to be kept, and report.

        Args:
            steps: how many of the epoch were trained.
            began: when the epoch did, by `time.perf_counter`.
        """
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
        # Under the holdout protocol the best weights are in every checkpoint, and are stored at the end.
        by_path = self._by_path(weights) if whole or is_stopped or (notebook and is_best) else None
        self.reporter.report(line, snapshot, by_path, self._checkpoint() if whole else None)

    def _is_over(self) -> bool:
        """Whether training is complete: all epochs are trained, or early stopping ends it."""
        recipe, progress = self.experiment.recipe, self.progress
        if progress.step < progress.epoch * self.experiment.steps_per_epoch:
            return False  # stopped within its last epoch
        waited = progress.epoch - max(progress.best_epoch, self.continues_from)
        return progress.epoch >= recipe.epochs or (progress.epoch > 0 and 0 < recipe.patience <= waited)

    def _with_validated_weights(self) -> list[np.ndarray]:
        """Put the weights to validate into the model; returns the training weights, or an empty list where they are the
        same."""
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
        """The epoch's log line, its snapshot, and the result of the validation."""
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
        if progress.kept is None:  # stopped before the first step
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
        """Raise TrainingError where figures are not all finite, after reporting the curve so far."""
        if all(np.isfinite(figure).all() for figure in figures):
            return
        self.reporter.report()
        step = max(self.progress.step, 1)
        raise TrainingError(
            f"{DIVERGED}: {what} no longer a number in epoch {-(-step // self.experiment.steps_per_epoch)}, "
            f"batch {step:,}, with a learning rate of {self.rates[step - 1]:g}; try a tenth of it."
        )

"""Training one experiment: a plain function that knows nothing of processes, databases or browsers."""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import mnist_lab
from mnist_lab import dataset
from mnist_lab.dataset import Images
from mnist_lab.errors import TrainingError
from mnist_lab.experiment import Experiment, Protocol
from mnist_lab.keras_model import build
from mnist_lab.layers import CLASSES
from mnist_lab.recipe import Constant, Recipe

REPORT_SECONDS = 0.33
CURVE_POINTS = 400
EVALUATION_BATCH = 500


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
class Outcome:
    """What training leaves.

    Attributes:
        stopped: whether it was stopped before its planned end.
        kept_epoch: the epoch after which the kept weights were taken.
        weights: the kept weights by variable path, in the model's order.
        probabilities: of the ten digits for each test image, float32 `(10_000, 10)`, by the kept weights.
        seconds: from the first line to the last, test evaluation included.
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


Report = Callable[[list[BatchPoint], EpochPoint | None], None]


def configure(threads: int) -> None:
    """Let TensorFlow use so many threads. To be called before its first operation, else it raises RuntimeError."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def environment() -> dict[str, str | int]:
    """What a result depends on beside the experiment: versions, machine, threads, data."""
    return {
        "lab": mnist_lab.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": version("keras"),
        "system": platform.platform(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 1,
        "threads": tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1,
        "data_sha256": dataset.fingerprint(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """The stock Keras optimizer of a recipe."""
    return getattr(keras.optimizers, type(recipe.optimizer).__name__)(
        **recipe.optimizer.model_dump(exclude={"name"}),
        weight_decay=recipe.weight_decay or None,
        use_ema=recipe.moving_average > 0,
        ema_momentum=recipe.moving_average or 0.99,
    )


def evaluate(model: keras.Model, images: Images) -> tuple[float, float, np.ndarray]:
    """Loss, accuracy and probabilities `(n, 10)` of a model on images, as `model.evaluate` would have them."""
    return Evaluation(model)(images)


class Evaluation:
    """Evaluates one model again and again without tracing it anew."""

    def __init__(self, model: keras.Model) -> None:
        @tf.function(  # type: ignore[untyped-decorator]
            jit_compile=False,
            autograph=False,
            input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8), tf.TensorSpec([None], tf.uint8)],
        )
        def forward(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            probabilities = model(_as_input(x), training=False)
            # Within a graph Keras finds the logits behind the softmax, so a loss is right even where p rounds to 0.
            return probabilities, keras.losses.sparse_categorical_crossentropy(tf.cast(y, tf.int32), probabilities)

        self._forward = forward

    def __call__(self, images: Images) -> tuple[float, float, np.ndarray]:
        probabilities, losses = [], []
        for start in range(0, len(images), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            p, loss = self._forward(tf.constant(images.x[part]), tf.constant(images.y[part]))
            probabilities.append(p.numpy())
            losses.append(loss.numpy())
        every = np.concatenate(probabilities)
        accuracy = float((every.argmax(axis=1) == images.y).mean())
        return float(np.concatenate(losses).mean(dtype=np.float64)), accuracy, every


def _as_input(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(x, tf.float32)[..., tf.newaxis] / 255.0


def train(
    experiment: Experiment, report: Report, should_stop: Callable[[], bool], report_seconds: float = REPORT_SECONDS
) -> Outcome:
    """Train an experiment from its seed.

    Args:
        report: called with new points of the training curve at most every `report_seconds`, and with each epoch's
            line when it ends.
        should_stop: asked as often; training ends at once when it says yes, and what was learnt is evaluated.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    run = _Training(experiment, report, should_stop, report_seconds)
    return run.train()


def measure(experiment: Experiment, steps: int) -> float:
    """Seconds of a training step of an experiment, the median of `steps` after two that warm up."""
    run = _Training(experiment, lambda points, line: None, lambda: False, REPORT_SECONDS)
    batch = tf.range(experiment.recipe.batch_size), tf.zeros((experiment.recipe.batch_size, 8))
    seconds = []
    for _ in range(steps + 2):
        began = time.perf_counter()
        run.train_step(*batch)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds[2:]))


class _Training:
    """The state of one training."""

    def __init__(
        self, experiment: Experiment, report: Report, should_stop: Callable[[], bool], report_seconds: float
    ) -> None:
        self.started = time.perf_counter()
        self.experiment = experiment
        self.report_to = report
        self.should_stop = should_stop
        self.report_seconds = report_seconds
        self.reporting = 0.0
        self.reported = self.started

        self.data = dataset.split(experiment.protocol, experiment.train_images)
        self.model = build(experiment.architecture, experiment.seed)
        self.optimizer = optimizer(experiment.recipe)
        self.optimizer.build(self.model.trainable_variables)
        self.evaluation = Evaluation(self.model)

        self.planned_steps = experiment.steps_per_epoch * experiment.recipe.epochs
        self.point_steps = -(-self.planned_steps // CURVE_POINTS)
        self.sums = tf.Variable([0.0, 0.0, 0.0])  # loss, correct answers, images since last read
        self.point_sums = np.zeros(3)
        self.pending: list[BatchPoint] = []
        self.step = 0
        self.train_step = self._compiled()

    def _compiled(self) -> Callable[[tf.Tensor, tf.Tensor], None]:
        model, optimizer, sums = self.model, self.optimizer, self.sums
        x, y = tf.constant(self.data.train.x), tf.constant(self.data.train.y)
        recipe = self.experiment.recipe
        rates = None
        if not isinstance(recipe.schedule, Constant):
            rates = tf.constant(recipe.learning_rates(self.experiment.steps_per_epoch))
        augmented, smoothing = recipe.augmentation.moves_images, recipe.label_smoothing

        def batch_loss(labels: tf.Tensor, probabilities: tf.Tensor, losses: tf.Tensor) -> tf.Tensor:
            if not smoothing:
                return tf.reduce_mean(losses)
            one_hot = tf.one_hot(labels, CLASSES)
            return tf.reduce_mean(
                keras.losses.categorical_crossentropy(one_hot, probabilities, label_smoothing=smoothing)
            )

        # XLA is several times slower on a CPU, and "auto" would turn it on where Keras sees a GPU.
        @tf.function(  # type: ignore[untyped-decorator]
            jit_compile=False,
            autograph=False,
            input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, 8], tf.float32)],
        )
        def train_step(indices: tf.Tensor, transforms: tf.Tensor) -> None:
            labels = tf.cast(tf.gather(y, indices), tf.int32)
            images = _as_input(tf.gather(x, indices))
            if augmented:
                images = keras.ops.image.affine_transform(images, transforms, data_format="channels_last")
            with tf.GradientTape() as tape:
                probabilities = model(images, training=True)
                losses = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
                loss = batch_loss(labels, probabilities, losses)
            if rates is not None:
                optimizer.learning_rate.assign(rates[tf.cast(optimizer.iterations, tf.int32)])
            optimizer.apply(tape.gradient(loss, model.trainable_variables))
            correct = tf.equal(tf.argmax(probabilities, axis=1, output_type=tf.int32), labels)
            count = tf.cast(tf.size(labels), tf.float32)
            sums.assign_add(tf.stack([tf.reduce_sum(losses), tf.reduce_sum(tf.cast(correct, tf.float32)), count]))

        return train_step  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _kept_kind_of_weights(self) -> Iterator[None]:
        """Within, the model has the weights that are validated and kept: their moving average where there is one."""
        if not self.experiment.recipe.moving_average:
            yield
            return
        trained = self.model.get_weights()
        self.optimizer.finalize_variable_values(self.model.trainable_variables)
        try:
            yield
        finally:
            self.model.set_weights(trained)

    def train(self) -> Outcome:
        stopped = False
        kept: EpochPoint | None = None
        weights: list[np.ndarray] = []
        probabilities: np.ndarray | None = None
        recipe = self.experiment.recipe
        best, best_epoch = -1.0, 0
        for epoch in range(1, recipe.epochs + 1):
            began = time.perf_counter()
            steps, sums, stopped = self._epoch(epoch)
            with self._kept_kind_of_weights():
                line, validation_probabilities = self._validated(epoch, steps, sums, began)
                if line.validation_accuracy > best:
                    best, best_epoch = line.validation_accuracy, epoch
                ends = stopped or epoch == recipe.epochs or 0 < recipe.patience <= epoch - best_epoch
                if self.experiment.protocol is Protocol.NOTEBOOK:
                    # Its validation images are the test images, so the last validation is the one test evaluation.
                    kept, probabilities = line, validation_probabilities
                    weights = self.model.get_weights()
                elif best_epoch == epoch:
                    kept, weights = line, self.model.get_weights()
            self._report(line)
            if ends:
                break
            if self.should_stop():
                stopped = True
                break
        assert kept is not None
        if probabilities is None:
            self.model.set_weights(weights)
            test_loss, test_accuracy, probabilities = self.evaluation(self.data.test)
        else:
            test_loss, test_accuracy = kept.validation_loss, kept.validation_accuracy
        return Outcome(
            stopped=stopped,
            kept_epoch=kept.epoch,
            validation_loss=kept.validation_loss,
            validation_accuracy=kept.validation_accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            weights={v.path: w for v, w in zip(self.model.weights, weights, strict=True)},
            probabilities=probabilities,
            seconds=time.perf_counter() - self.started,
            reporting_seconds=self.reporting,
        )

    def _epoch(self, epoch: int) -> tuple[int, np.ndarray, bool]:
        """Train one epoch: steps made, sums of loss, correct answers and images, and whether it was stopped within."""
        images, batch = self.experiment.train_images, self.experiment.recipe.batch_size
        seed = [self.experiment.seed, epoch]
        order = np.random.default_rng(seed).permutation(images).astype(np.int32)
        augmentation = self.experiment.recipe.augmentation
        transforms = np.zeros((0, 8), np.float32)  # no images are moved: the step does not look at it
        if augmentation.moves_images:
            transforms = augmentation.transforms(np.random.default_rng([*seed, 1]), images)
        epoch_sums = np.zeros(3)
        stopped = False
        steps = 0
        for start in range(0, images, batch):
            part = slice(start, start + batch)
            self.train_step(tf.constant(order[part]), tf.constant(transforms[part]))
            self.step += 1
            steps += 1
            last = start + batch >= images
            point_full = self.step % self.point_steps == 0
            # The first two points at once: a person has just pressed Train and waits for the line to begin.
            due = self.step <= 2 or time.perf_counter() - self.reported >= self.report_seconds
            if not (due or last or point_full):
                continue
            new = self._read_sums(epoch)
            epoch_sums += new
            self._add_point(new)
            if point_full:
                self.point_sums = np.zeros(3)
            if due:
                self._report(None)
                if not last and self.should_stop():
                    stopped = True
                    break
        return steps, epoch_sums, stopped

    def _validated(self, epoch: int, steps: int, sums: np.ndarray, began: float) -> tuple[EpochPoint, np.ndarray]:
        """The epoch's line of the log, and the validation probabilities."""
        validation_loss, validation_accuracy, probabilities = self.evaluation(self.data.validation)
        line = EpochPoint(
            epoch=epoch,
            steps=steps,
            loss=float(sums[0] / sums[2]),
            accuracy=float(sums[1] / sums[2]),
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            seconds=time.perf_counter() - began,
        )
        return line, probabilities

    def _read_sums(self, epoch: int) -> np.ndarray:
        sums: np.ndarray = self.sums.numpy().astype(float)
        self.sums.assign([0.0, 0.0, 0.0])
        if not np.isfinite(sums).all():
            self._report(None)
            rate = self.experiment.recipe.optimizer.learning_rate
            raise TrainingError(
                f"Training diverged: the loss is no longer a number in epoch {epoch}, batch {self.step:,}, "
                f"with a learning rate of {rate:g}; try a tenth of it."
            )
        return sums

    def _add_point(self, new: np.ndarray) -> None:
        self.point_sums = sums = self.point_sums + new  # a point may reach across the end of an epoch
        point = BatchPoint(
            point=(self.step - 1) // self.point_steps,
            step=self.step,
            loss=float(sums[0] / sums[2]),
            accuracy=float(sums[1] / sums[2]),
            seconds=time.perf_counter() - self.started,
        )
        if self.pending and self.pending[-1].point == point.point:
            self.pending.pop()
        self.pending.append(point)

    def _report(self, line: EpochPoint | None) -> None:
        began = time.perf_counter()
        points, self.pending = self.pending, []
        self.report_to(points, line)
        self.reported = time.perf_counter()
        self.reporting += self.reported - began

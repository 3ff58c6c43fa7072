"""Predicted times of runs: a fixed model of a training step, corrected by measurements on this machine."""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from statistics import median, quantiles

from mnist_lab.design.convolution_cost import Convolution
from mnist_lab.design.experiment import Experiment, Protocol, parse
from mnist_lab.design.layers import BatchNormalization, Conv2D, Dropout
from mnist_lab.design.network import TracedLayer, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.run import Run, Status

# Seconds on two server cores, fitted to the presets (within a fifth of each): per multiply-add, forward and backward; per
# output value of a convolution; per output value of a normalisation or dropout layer; per layer and step.
_MULTIPLY_ADD = 2.06e-11
_CONVOLVED = 1.24e-9
_ELEMENTWISE = 0.37e-9
_LAYER = 0.23e-3
_FORWARD_SHARE = 1 / 3
_START = 0.5
RECENT = 200
CONTRADICTION = 2.0  # factor between measured and calibrated times from which on a calibration is not trusted
_MIN_SECONDS = 5.0  # of a run that is compared with the calibration; of shorter ones, starting takes too large a part
CALIBRATED_WITH = tuple(PRESETS[name] for name in ("3x3", "2x2", "fast"))


@dataclass(frozen=True)
class Prediction:
    """The predicted time of a run in seconds.

    Attributes:
        seconds: the most likely time.
        low, high: the range.
        epochs: of the run.
    """

    seconds: float
    low: float
    high: float
    epochs: int

    def scaled(self, share: float) -> "Prediction":
        """That of a share of the run."""
        return replace(self, seconds=self.seconds * share, low=self.low * share, high=self.high * share)

    def text(self) -> str:
        """The prediction as text: `about 2 min (100 s to 140 s), 9.5 s per epoch`."""
        low, high = duration_text(self.low), duration_text(self.high)
        spread = f" ({low} to {high})" if low != high else ""
        epoch = self.seconds / self.epochs
        return f"about {duration_text(self.seconds)}{spread}, {epoch:.{0 if epoch >= 20 else 1}f} s per epoch"


def _costs(experiment: Experiment) -> tuple[float, float]:
    """Modelled seconds per step, without its images, and per image."""
    traced = trace(experiment.architecture)
    image = 0.0
    for row in traced:
        image += _MULTIPLY_ADD * row.multiply_adds * (1 - _saving(row, experiment.recipe.batch_size))
        if isinstance(row.layer, Conv2D):
            image += _CONVOLVED * prod(row.output_shape)
        elif isinstance(row.layer, BatchNormalization | Dropout):
            image += _ELEMENTWISE * prod(row.output_shape)
    return _LAYER * len(traced), image


def _saving(row: TracedLayer, batch_size: int) -> float:
    """The share of its time that a convolution with a large kernel saves by Fourier transform; 0 for other layers."""
    layer = row.layer
    if not isinstance(layer, Conv2D) or layer.strides != (1, 1):
        return 0.0
    plan = Convolution.of(row.input_shape, layer.kernel_size, layer.filters, layer.padding)
    return plan.saving(max(1, batch_size // 2))  # a batch is trained in two halves


def step_seconds(experiment: Experiment) -> float:
    """Modelled seconds of a training step, on the machine for which the constants were fitted."""
    step, image = _costs(experiment)
    return step + experiment.recipe.batch_size * image


@functools.lru_cache(maxsize=1024)  # a plan of a round asks for the same dozens at every change
def model_seconds(experiment: Experiment) -> float:
    """Modelled seconds of a run, on the machine for which the constants were fitted."""
    epochs = experiment.recipe.epochs
    evaluated = epochs * experiment.protocol.validation_images
    if experiment.protocol is Protocol.HOLDOUT:
        evaluated += 10_000
    trained = epochs * experiment.train_images
    steps = epochs * experiment.steps_per_epoch
    step, image = _costs(experiment)
    return _START + steps * step + image * (trained + _FORWARD_SHARE * evaluated)


@functools.lru_cache(maxsize=1024)  # a page predicts at every change of the design
def _modelled(experiment_json: str) -> tuple[int, float]:
    """The number of epochs of a stored experiment, and its `model_seconds`."""
    experiment = parse(Experiment, experiment_json)
    return experiment.recipe.epochs, model_seconds(experiment)


def predict(experiment: Experiment, past: Iterable[Run], calibration: Sequence[float] = ()) -> Prediction:
    """Predict the time of a run; arguments as of `predictor`."""
    return predictor(past, calibration)(experiment)


def predictor(past: Iterable[Run], calibration: Sequence[float] = ()) -> Callable[[Experiment], Prediction]:
    """What predicts the times of runs.

    Args:
        past: earlier runs on this machine, newest first. Where there are runs of the same design, only these count; else
            the median ratio of measured to modelled time of each design.
        calibration: ratios of measured to modelled time from this machine's calibration; ignored where earlier runs
            contradict it.
    """
    finished = [run for run in past if run.status is Status.FINISHED and run.seconds][:RECENT]
    same: dict[str, list[float]] = {}
    by_design: dict[str, list[float]] = {}
    for run in finished:
        if not run.seconds:
            continue
        same.setdefault(run.design_key, []).append(run.seconds)
        planned, modelled = _modelled(run.experiment_json)
        if run.epochs_done == planned:
            by_design.setdefault(run.design_key, []).append(run.seconds / modelled)
    ratios = [median(found) for found in by_design.values()]
    if not (ratios and calibration and _are_far_apart(median(ratios), median(calibration))):
        ratios += calibration
    typical, low, high = 1.0, 0.5, 2.0
    if ratios:
        tenths = quantiles(ratios, n=10) if len(ratios) >= 10 else sorted(ratios)
        typical, low, high = median(ratios), 0.8 * tenths[0], 1.25 * tenths[-1]

    def predict(experiment: Experiment) -> Prediction:
        epochs = experiment.recipe.epochs
        if measured := same.get(experiment.design_key):
            return Prediction(median(measured), 0.9 * min(measured), 1.1 * max(measured), epochs)
        model = model_seconds(experiment)
        return Prediction(model * typical, model * low, model * high, epochs)

    return predict


def contradicts(calibration: Sequence[float] | None, run: Run) -> bool:
    """Whether a finished run, which was alone on its machine, took far longer or shorter than its calibration predicts."""
    planned, predicted = _modelled(run.experiment_json)
    is_whole = run.status is Status.FINISHED and run.epochs_done == planned and predicted >= _MIN_SECONDS
    return bool(
        is_whole and run.seconds and calibration and _are_far_apart(run.seconds / predicted, median(calibration))
    )


def _are_far_apart(one: float, other: float) -> bool:
    return not 1 / CONTRADICTION <= one / other <= CONTRADICTION


def waits(left: Iterable[float], predicted: Iterable[float]) -> list[float]:
    """Predicted seconds until each queued run starts.

    Args:
        left: remaining seconds of each running run.
        predicted: seconds of each queued run, in the order of the queue.
    """
    free = sorted(left) or [0.0]
    starts = []
    for seconds in predicted:
        starts.append(free[0])
        free = sorted([free[0] + seconds, *free[1:]])
    return starts


def duration_text(value: float) -> str:
    """A duration in seconds as text: `8 s`, `4 min`, `1 h 20 min`."""
    if value < 120:
        return f"{max(1, round(value))} s"
    minutes = round(value / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"

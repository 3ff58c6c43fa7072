"""How long a run will roughly take: a fixed model of a training step, corrected by what runs took on this machine."""

from collections.abc import Iterable
from math import prod
from statistics import median

from mnist_lab.architecture import trace
from mnist_lab.experiment import Experiment, Protocol, Status
from mnist_lab.store import Run

# Seconds on two server cores, fitted by hand to the four presets (within a quarter for each): a multiply-add forward
# and backward, an output value of a convolution, one of a normalisation or dropout layer, and a step.
_MULTIPLY_ADD = 3.0e-11
_CONVOLVED = 2.0e-9
_ELEMENTWISE = 5.0e-9
_STEP = 5.0e-3
_FORWARD_SHARE = 1 / 3
_START = 0.5
RECENT = 30


def model_seconds(experiment: Experiment) -> float:
    """Seconds of a whole run on the machine that the constants were fitted on."""
    image = 0.0
    for row in trace(experiment.architecture):
        image += _MULTIPLY_ADD * row.multiply_adds
        kind = type(row.layer).__name__
        if kind == "Conv2D":
            image += _CONVOLVED * prod(row.output_shape)
        elif kind in ("BatchNormalization", "Dropout"):
            image += _ELEMENTWISE * prod(row.output_shape)
    epochs = experiment.recipe.epochs
    evaluated = epochs * experiment.protocol.validation_images
    if experiment.protocol is Protocol.HOLDOUT:
        evaluated += 10_000
    trained = epochs * experiment.train_images
    steps = epochs * experiment.steps_per_epoch
    return _START + steps * _STEP + image * (trained + _FORWARD_SHARE * evaluated)


def seconds(experiment: Experiment, past: Iterable[Run]) -> float:
    """Seconds that a run will roughly take.

    Args:
        past: earlier runs on this machine, newest first. Runs of the very same design are believed most; others
            correct the model by their median ratio.
    """
    finished = [run for run in past if run.status is Status.FINISHED and run.seconds][:RECENT]
    same = [run.seconds for run in finished if run.design_key == experiment.design_key and run.seconds]
    if same:
        return median(same)
    ratios = [run.seconds / model_seconds(run.experiment) for run in finished if run.seconds]
    return model_seconds(experiment) * (median(ratios) if ratios else 1.0)


def duration_text(value: float) -> str:
    """Seconds as a person says them: `8 s`, `4 min`, `1 h 20 min`."""
    if value < 90:
        return f"{max(1, round(value))} s"
    minutes = round(value / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"

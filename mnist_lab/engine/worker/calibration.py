"""Calibration in a worker: measures how fast this machine trains."""

from mnist_lab import machine
from mnist_lab.engine.worker.process import release_memory, warm_up
from mnist_lab.results import prediction
from mnist_lab.results.prediction import CALIBRATED_WITH


def calibrate(threads: int) -> tuple[list[float], bool]:
    """Measure training steps of the experiments `CALIBRATED_WITH`, in about three seconds.

    Returns:
        The ratio of measured to predicted time of each; and whether nothing else used the processors meanwhile.
    """
    warm_up(threads)
    from mnist_lab.training import speed

    load = machine.Load()
    # Limited, so that on a slow or busy machine a run that is queued meanwhile does not wait for minutes.
    ratios = [speed.measure(e, 5, most_seconds=3.0) / prediction.step_seconds(e) for e in CALIBRATED_WITH]
    is_quiet = load.is_quiet()
    release_memory()
    return ratios, is_quiet

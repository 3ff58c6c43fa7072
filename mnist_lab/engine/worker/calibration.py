"""In a worker: how fast this machine trains, measured."""

from mnist_lab import machine
from mnist_lab.engine.worker.process import release_memory, warm_up
from mnist_lab.results import prediction
from mnist_lab.results.prediction import CALIBRATED_WITH


def calibrate(threads: int) -> tuple[list[float], bool]:
    """Ratios of what training steps take here to what they are predicted to take, in about three seconds; and whether
    nothing else took the processors meanwhile."""
    warm_up(threads)
    from mnist_lab.training import speed

    load = machine.Load()
    # Beside heavy load, or on a slow machine, a run that comes meanwhile should not wait for minutes.
    ratios = [speed.measure(e, 5, most_seconds=3.0) / prediction.step_seconds(e) for e in CALIBRATED_WITH]
    is_quiet = load.is_quiet()
    release_memory()
    return ratios, is_quiet

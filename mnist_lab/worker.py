"""What a worker process does: warm up, train a claimed run, write everything about it to the store.

TensorFlow is imported inside these functions only, so that whoever submits them need not load it.
"""

import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from mnist_lab import estimate
from mnist_lab.errors import EngineError, LabError
from mnist_lab.estimate import CALIBRATED_WITH
from mnist_lab.experiment import Status
from mnist_lab.presets import PRESETS
from mnist_lab.store import Store

if TYPE_CHECKING:
    from mnist_lab.training import BatchPoint, EpochPoint

_prepared = threading.Lock()


def warm_up(threads: int) -> None:
    """Import TensorFlow and train a moment, so that the first real run starts at once."""
    with _prepared:
        if "mnist_lab.training" in sys.modules:
            return
        from mnist_lab import training

        training.configure(threads)
        training.environment()  # hashes the data, once for all runs
        # Batch normalisation, dropout, pooling: the network with most of what a first step has to load.
        moment = PRESETS["3x3"].with_changes(protocol="holdout", train_images=256)
        training.train(moment, lambda points, epoch: None, lambda: True)


def calibrate(threads: int) -> list[float]:
    """Ratios of what training steps take here to what they are reckoned to take; about three seconds."""
    warm_up(threads)
    from mnist_lab import training

    return [training.measure(experiment, 12) / estimate.step_seconds(experiment) for experiment in CALIBRATED_WITH]


def train_run(url: str, run_id: int, threads: int) -> None:
    """Train a claimed run and write everything about it to the store."""
    warm_up(threads)
    from mnist_lab import training

    store = Store(url)
    try:
        run = store.run(run_id)
        if run is None:
            raise EngineError(f"Run {run_id} is not in the store.")
        store.begin(run_id, training.environment())
        go_on = True

        def report(points: "list[BatchPoint]", epoch: "EpochPoint | None") -> None:
            nonlocal go_on
            go_on = store.record(run_id, [asdict(point) for point in points], asdict(epoch) if epoch else None)

        try:
            outcome = training.train(run.experiment, report, lambda: not go_on)
        except LabError as error:
            store.end(run_id, Status.FAILED, str(error))
            return
        result = asdict(outcome)
        weights, probabilities = result.pop("weights"), result.pop("probabilities")
        status = Status.STOPPED if result.pop("stopped") else Status.FINISHED
        store.finish(run_id, status, result, weights, probabilities)
    finally:
        store.close()

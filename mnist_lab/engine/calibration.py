"""When to calibrate this machine: where it has not been calibrated, and again where the calibration is in doubt."""

import logging
import time

from mnist_lab import machine
from mnist_lab.engine.cluster import TRAIN
from mnist_lab.engine.pool import Pool, Task, Worker
from mnist_lab.engine.worker.calibration import calibrate
from mnist_lab.results import prediction
from mnist_lab.store.run import Run
from mnist_lab.store.store import Store

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 30.0, 3600.0  # idle time before the machine is calibrated again
WATCHED_SECONDS = 5.0  # over which a machine must be quiet before that


class Calibration:
    """Lets an idle worker calibrate this machine.

    Args:
        is_wanted: False where the engine serves only some runs, which should not wait for a calibration.

    Attributes:
        is_trusted: whether the stored calibration needs no further measurement.
    """

    def __init__(self, store: Store, pool: Pool, *, is_wanted: bool = True) -> None:
        self._store = store
        self._pool = pool
        self._is_wanted = is_wanted
        self.is_trusted = not is_wanted or store.calibrations.is_quiet()
        self._task: Task | None = None
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._idle_since: float | None = None
        self._load = machine.Load()

    @property
    def is_running(self) -> bool:
        """Whether a worker is calibrating; no run is started meanwhile."""
        return self._task is not None

    def end_idling(self) -> None:
        """Note that a run has started, so that idle time counts from zero again."""
        self._idle_since = None

    def consider(self, worker: Worker) -> None:
        """Start a calibration on an idle worker, if one is due.

        The first one is due at once. Another one is due, once the machine has been quiet for a while, where it was not
        quiet at the last one or where runs have since taken far longer or shorter than predicted.
        """
        now = time.monotonic()
        if self._idle_since is None:
            self._idle_since, self._load = now, machine.Load()
        if self.is_trusted:
            return
        if self._store.calibrations.get() is not None:
            if now - self._idle_since < max(WATCHED_SECONDS, self._wait_seconds):
                return
            is_quiet = self._load.is_quiet()
            self._idle_since = None  # watch again from now on
            if not is_quiet:
                return
            self._wait_seconds = min(2 * self._wait_seconds, LONGEST_WAIT_SECONDS)
        self._task = self._pool.give(worker, TRAIN, calibrate, self._pool.threads)

    def collect(self) -> None:
        """Store the result of a calibration that has ended."""
        task = self._task
        if task is None or not task.job.is_done:
            return
        self._task = None
        self._pool.finish(task)
        if not task.job.has_succeeded:
            log.error("calibration failed: %r", task.job.error)
            return
        ratios, is_quiet = task.job.result
        load = "" if is_quiet else ", under other load: it will be measured again"
        log.info("this machine's steps take %s times the model's%s", ", ".join(f"{r:.2f}" for r in ratios), load)
        self._store.calibrations.save(ratios, is_quiet)
        self.is_trusted = is_quiet

    def compare(self, run: Run) -> None:
        """Distrust the calibration where a finished run that had the machine to itself contradicts it."""
        if self._is_wanted and prediction.contradicts(self._store.calibrations.get(), run):
            self.is_trusted = False

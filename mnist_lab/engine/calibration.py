"""When to measure how fast this machine trains: where nobody has, and again where what was measured is in doubt."""

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

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 30.0, 3600.0  # idle, before the machine is measured again
WATCHED_SECONDS = 5.0  # how long a machine is watched before it is called quiet


class Calibration:
    """Has an idle worker measure this machine.

    Args:
        is_wanted: False where the engine serves some runs alone, which should not wait for it.

    Attributes:
        is_believed: whether what the store has needs no further measurement.
    """

    def __init__(self, store: Store, pool: Pool, *, is_wanted: bool = True) -> None:
        self._store = store
        self._pool = pool
        self._is_wanted = is_wanted
        self.is_believed = not is_wanted or store.calibrations.is_quiet()
        self._task: Task | None = None
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._idle_since: float | None = None
        self._load = machine.Load()

    @property
    def is_running(self) -> bool:
        """Whether a worker is measuring: no run is begun meanwhile."""
        return self._task is not None

    def interrupt_idling(self) -> None:
        """Know that there is something to do."""
        self._idle_since = None

    def consider(self, worker: Worker) -> None:
        """Measure, now that nothing is to be done and `worker` could: at once where nobody has, and again when the machine
        is quiet where it was not, or where runs have taken far longer or shorter since."""
        now = time.monotonic()
        if self._idle_since is None:
            self._idle_since, self._load = now, machine.Load()
        if self.is_believed:
            return
        if self._store.calibrations.get() is not None:
            if now - self._idle_since < max(WATCHED_SECONDS, self._wait_seconds):
                return
            is_quiet = self._load.is_quiet()
            self._idle_since = None  # look anew
            if not is_quiet:
                return
            self._wait_seconds = min(2 * self._wait_seconds, LONGEST_WAIT_SECONDS)
        self._task = self._pool.give(worker, TRAIN, calibrate, self._pool.threads)

    def collect(self) -> None:
        """Store what was measured, where that has ended."""
        task = self._task
        if task is None or not task.job.is_done:
            return
        self._task = None
        self._pool.finish(task)
        if not task.job.has_succeeded:
            log.error("calibration failed: %r", task.job.error)
            return
        ratios, is_quiet = task.job.result
        beside = "" if is_quiet else ", beside other load: it will be measured again"
        log.info("this machine's steps take %s times the model's%s", ", ".join(f"{r:.2f}" for r in ratios), beside)
        self._store.calibrations.save(ratios, is_quiet)
        self.is_believed = is_quiet

    def compare(self, run: Run) -> None:
        """Doubt what was measured where a finished run, alone on the machine, contradicts it."""
        if self._is_wanted and prediction.contradicts(self._store.calibrations.get(), run):
            self.is_believed = False

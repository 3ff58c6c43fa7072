"""Runs in training: claimed from the store's queue, given to workers, and followed until they have ended."""

import logging
import time

from mnist_lab import settings
from mnist_lab.engine import failure
from mnist_lab.engine.calibration import Calibration
from mnist_lab.engine.cluster import TRAIN
from mnist_lab.engine.pool import Pool, Task, Worker
from mnist_lab.engine.worker.run import train_run
from mnist_lab.errors import StoreError
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command

log = logging.getLogger(__name__)

OBEY_SECONDS = 20.0
RECENT_SECONDS = 60.0  # since the last run, somebody still trains


class Runs:
    """The runs that workers are training.

    Args:
        engine: the engine's unique name.
        only: the ids of the only runs to claim; all where None.
        calibration: is checked against each run that had the machine to itself.
    """

    def __init__(self, store: Store, pool: Pool, engine: str, only: list[int] | None, calibration: Calibration) -> None:
        self._store = store
        self._pool = pool
        self._engine = engine
        self._only = only
        self._calibration = calibration
        self._room = settings.number(settings.CHECKPOINT_MB, 2000) * 1_000_000
        self._tasks: dict[int, Task] = {}  # by the run's id
        self._claims: dict[int, int] = {}  # by run, the number under which its worker records
        self._undisturbed: set[int] = set()  # trained from their start here, and alone
        self._ended: list[tuple[int, bool]] = []  # to be followed up, each with whether it was undisturbed
        self._last = -RECENT_SECONDS  # when a run last started or ended

    def __len__(self) -> int:
        """Number of runs in training, and of ended ones that have not been collected."""
        return len(self._tasks)

    @property
    def are_recent(self) -> bool:
        """Whether somebody trains short runs these minutes."""
        return time.monotonic() - self._last < RECENT_SECONDS

    def start_next(self, worker: Worker) -> bool:
        """Claim the next run in the queue and let an idle worker train it; False where there is none."""
        run = self._store.queue.claim(self._engine, self._only)
        if run is None:
            return False
        log.info("run %d: %s, seed %d", run.id, run.name, run.experiment.seed)
        arguments = self._store.url, run.id, run.claims, self._pool.threads
        self._claims[run.id] = run.claims
        self._tasks[run.id] = self._pool.give(worker, TRAIN, train_run, *arguments)
        self._last = time.monotonic()
        if not run.steps_done:
            self._undisturbed.add(run.id)
        if len(self._tasks) > 1:
            self._undisturbed.clear()
        return True

    def collect(self) -> None:
        """Free the workers of runs that have ended; the end of those whose worker failed is recorded in the store."""
        for run_id, task in [(i, task) for i, task in self._tasks.items() if task.job.is_done]:
            if task.job.has_succeeded:
                self._pool.finish(task, task.job.result)
            else:
                self._pool.finish(task)
                self._record_failure(run_id, task)
            # Only now, so that it is retried where the database cannot be used.
            del self._tasks[run_id], self._claims[run_id]
            self._last = time.monotonic()
            self._ended.append((run_id, task.job.has_succeeded and run_id in self._undisturbed))
            self._undisturbed.discard(run_id)

    def follow_up(self) -> None:
        """Look at the results of runs that have been collected, and make room for further ones."""
        while self._ended:
            self._follow_up(*self._ended[0])
            del self._ended[0]

    def enforce_commands(self) -> None:
        """Restart the workers of runs that have not obeyed a command in time. Such a run goes back to the queue, which then
        applies the command."""
        for run in self._store.queue.active():
            task = self._tasks.get(run.id)
            if task is None or task.job.is_done or run.command is Command.CONTINUE:
                continue
            asked = run.stop_requested or run.pause_requested or 0.0
            # Each by the clock that it was taken from.
            if min(self._store.database.now() - asked, time.time() - task.began) > OBEY_SECONDS:
                log.warning("run %d did not %s within %g s; its worker is restarted", run.id, run.command, OBEY_SECONDS)
                self._pool.restart(task.worker)

    def _follow_up(self, run_id: int, is_undisturbed: bool) -> None:
        run = self._store.runs.get(run_id)
        if run is None or not run.status.is_ended:
            return
        share = (run.reporting_seconds or 0) / (run.seconds or 1)
        log.info("run %d: %s, %.1f s, %.2f %% of it reporting", run_id, run.status, run.seconds or 0, 100 * share)
        if is_undisturbed:
            self._calibration.compare(run)
        if freed := self._store.checkpoints.make_room(self._room):
            log.info("%.0f MB of old checkpoints removed", freed / 1e6)

    def _record_failure(self, run_id: int, task: Task) -> None:
        error, claim = task.job.error, self._claims[run_id]
        log.error("run %d: %r", run_id, error)
        if task.job.has_crashed:
            self._store.queue.crashed(run_id, claim)
        elif isinstance(error, StoreError):
            self._store.recording.end(run_id, Status.INTERRUPTED, str(error), claim)
        else:
            self._store.recording.end(run_id, Status.FAILED, failure.of_training(error), claim)

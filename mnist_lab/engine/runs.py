"""Runs: taken from the store's queue to workers, and looked after until they have ended."""

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


class Runs:
    """The runs that workers train.

    Args:
        engine: the engine's name.
        only: claim none but these runs; all where None.
        calibration: is compared with what each run took that had the machine to itself.
    """

    def __init__(self, store: Store, pool: Pool, engine: str, only: list[int] | None, calibration: Calibration) -> None:
        self._store = store
        self._pool = pool
        self._engine = engine
        self._only = only
        self._calibration = calibration
        self._room = settings.number(settings.CHECKPOINT_MB, 2000) * 1_000_000
        self._tasks: dict[int, Task] = {}  # by the run's id
        self._undisturbed: set[int] = set()  # nothing of ours was beside them, and they did not begin before

    def __len__(self) -> int:
        """How many are in training, or ended and not stored as that yet."""
        return len(self._tasks)

    def begin_next(self, worker: Worker) -> bool:
        """Have an idle worker train the next run in the queue; False where none waits."""
        run = self._store.queue.claim(self._engine, self._only)
        if run is None:
            return False
        log.info("run %d: %s, seed %d", run.id, run.name, run.experiment.seed)
        arguments = self._store.url, run.id, self._pool.threads
        self._tasks[run.id] = self._pool.give(worker, TRAIN, train_run, *arguments)
        if not run.steps_done:
            self._undisturbed.add(run.id)
        if len(self._tasks) > 1:
            self._undisturbed.clear()
        return True

    def collect(self) -> None:
        """See to the runs that have ended; where their worker failed, the store is told how."""
        for run_id, task in [(i, task) for i, task in self._tasks.items() if task.job.is_done]:
            self._ended(run_id, task)

    def enforce_commands(self) -> None:
        """Restart the worker of a run that does not obey: the run goes back to the queue, where its command is known."""
        for run in self._store.queue.active():
            task = self._tasks.get(run.id)
            if task is None or task.job.is_done or run.command is Command.CONTINUE:
                continue
            asked = run.stop_requested or run.pause_requested or 0.0
            if time.time() - max(asked, task.began) > OBEY_SECONDS:
                log.warning("run %d did not %s within %g s; its worker is restarted", run.id, run.command, OBEY_SECONDS)
                self._pool.restart(task.worker)

    def _ended(self, run_id: int, task: Task) -> None:
        if task.job.has_succeeded:
            self._pool.finish(task, task.job.result)
        else:
            self._pool.finish(task)
            self._say_why(run_id, task)
        del self._tasks[run_id]  # here: where the database cannot be used the next look comes here again
        is_undisturbed = run_id in self._undisturbed
        self._undisturbed.discard(run_id)
        run = self._store.runs.get(run_id)
        if run is None or not run.status.is_ended:
            return
        share = (run.reporting_seconds or 0) / (run.seconds or 1)
        log.info("run %d: %s, %.1f s, %.2f %% of it reporting", run_id, run.status, run.seconds or 0, 100 * share)
        if is_undisturbed:
            self._calibration.compare(run)
        if given_up := self._store.checkpoints.make_room(self._room):
            log.info("%.0f MB of old checkpoints given up", given_up / 1e6)

    def _say_why(self, run_id: int, task: Task) -> None:
        error = task.job.error
        log.error("run %d: %r", run_id, error)
        if task.job.has_crashed:
            self._store.queue.crashed(run_id)
        elif isinstance(error, StoreError):
            self._store.recording.end(run_id, Status.INTERRUPTED, str(error))
        else:
            self._store.recording.end(run_id, Status.FAILED, failure.of_training(error))

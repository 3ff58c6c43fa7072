"""Writes a run's reports to the store in a thread of its own, so that training never waits for the database."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from mnist_lab.errors import StoreError
from mnist_lab.store import disk
from mnist_lab.store.run import Run
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command, Report

T = TypeVar("T")
log = logging.getLogger(__name__)

PATIENCE_SECONDS = 600.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
MAX_PENDING_EPOCHS, MAX_PENDING_BYTES = 3, 128_000_000  # weights and checkpoints that are held during an outage


class Recorder:
    """The reports of a run that have not been written yet.

    During an outage of the database, all points of the curve and log lines are held, and the newest weights and
    checkpoints; they are written when it is over. After too long an outage, `command` raises an error, which ends training.

    Args:
        patience: how many seconds an outage may last.
    """

    def __init__(self, store: Store, run: Run, patience: float = PATIENCE_SECONDS) -> None:
        self.store = store
        self.run_id, self.claim = run.id, run.claims
        self.patience = patience
        self._changed = threading.Condition()
        self._pending: list[Report] = []
        self._writing = False
        self._closed = False
        self._command = run.command  # which may have been given before training started
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def report(self, report: Report) -> None:
        """Queue a report for writing; returns at once."""
        with self._changed:
            self._pending.append(report)
            self._pending = thinned(self._pending)
            self._changed.notify_all()

    def command(self) -> Command:
        """The run's command, as of the last write.

        Raises:
            StoreError: the database could not be used for longer than `patience`, or the disk is full.
            RefusedError: the database refused a report.
        """
        if self._failure:
            raise self._failure
        return self._command

    def flush(self) -> None:
        """Wait until all reports are written. Raises as `command`."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or not (self._pending or self._writing))
        self.command()

    def retry(self, use: Callable[[], T]) -> T:
        """Call `use`, which uses the store, after a flush, and retry while the database cannot be used; returns its result.

        Raises:
            LabError: as `command`.
        """
        self.flush()
        results: list[T] = []
        self._with_retries(lambda: results.append(use()))
        self.command()
        return results[0]

    def close(self) -> None:
        """End the thread; reports that are not written yet are lost."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closed)
                if self._closed:
                    return
                self._writing = True
            self._with_retries(self._write_pending)
            with self._changed:
                self._writing = False
                self._changed.notify_all()
            if self._failure:
                return

    def _write_pending(self) -> None:
        with self._changed:
            reports = list(self._pending)
        size = sum(map(_size, reports))
        needed = disk.RESERVE + 2 * size  # in the journal, and in the database
        if size and (free := self.store.database.free_bytes()) < needed:
            light = (replace(report, weights=None, checkpoint=None) for report in reports)
            self.store.recording.record(self.run_id, *light, claim=self.claim)
            log.error("run %d: ended, since the disk is full", self.run_id)
            self._failure = StoreError(
                f"The disk with the results has {disk.size_text(free)} left, too little for a checkpoint of "
                f"{disk.size_text(size)}, so training ended; earlier checkpoints are kept: make room, then resume the run."
            )
            return
        self._command = self.store.recording.record(self.run_id, *reports, claim=self.claim)
        if size:
            self.store.database.tidy()
        with self._changed:
            # Reports that came in the meantime are behind the written ones.
            self._pending = self._pending[len(reports) :]

    def _with_retries(self, use: Callable[[], None]) -> None:
        since, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        while not self._closed:
            try:
                use()
            except StoreError as error:
                if time.monotonic() - since > self.patience:
                    log.error("run %d: no more retries: %s", self.run_id, error)
                    self._failure = StoreError(
                        f"{str(error).rstrip('.')}. It could not be used for {self.patience:g} s, so training ended; "
                        "what was recorded before is kept, and the run can be resumed."
                    )
                    return
                log.warning("run %d: training continues without the database: %s", self.run_id, error)
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            except Exception as error:  # retrying would fail again
                log.exception("run %d: cannot be recorded", self.run_id)
                self._failure = error
                return
            else:
                return


def _size(report: Report) -> int:
    """Bytes of a report's weights and checkpoint."""
    arrays = [*(report.weights or {}).values(), *(report.checkpoint.state.values() if report.checkpoint else ())]
    return sum(array.nbytes for array in arrays)


def thinned(reports: list[Report]) -> list[Report]:
    """The same reports, where only the newest keep their weights and checkpoints: at most `MAX_PENDING_EPOCHS`, and at most
    `MAX_PENDING_BYTES` unless it is only one."""
    heavy = [i for i, report in enumerate(reports) if report.weights or report.checkpoint]
    kept = heavy[-MAX_PENDING_EPOCHS:]
    while len(kept) > 1 and sum(_size(reports[i]) for i in kept) > MAX_PENDING_BYTES:
        del kept[0]
    dropped = {*heavy} - {*kept}
    return [replace(r, weights=None, checkpoint=None) if i in dropped else r for i, r in enumerate(reports)]

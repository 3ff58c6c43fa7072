"""Writes what a run reports to the store, in a thread of its own: training never waits for the database."""

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
WHOLE_EPOCHS, WHOLE_BYTES = 3, 128_000_000  # of what waits to be written, with weights and checkpoints


class Recorder:
    """What a run has reported and the store does not have yet.

    While the database cannot be used, the points and the log are held and written when it can; of weights and
    checkpoints the newest few. Where that lasts too long, training is told to end by an error from `command`.

    Args:
        patience: how many seconds an outage may last.
    """

    def __init__(self, store: Store, run: Run, patience: float = PATIENCE_SECONDS) -> None:
        self.store = store
        self.run_id = run.id
        self.patience = patience
        self._changed = threading.Condition()
        self._pending: list[Report] = []
        self._writing = False
        self._closed = False
        self._command = run.command  # it may have been given before it began
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def report(self, report: Report) -> None:
        """Take a report; returns at once."""
        with self._changed:
            self._pending.append(report)
            self._pending = thinned(self._pending)
            self._changed.notify_all()

    def command(self) -> Command:
        """What the run was last asked to do.

        Raises:
            StoreError: the database could not be used for longer than `patience`.
            RefusedError: it does not take what was reported.
        """
        if self._failure:
            raise self._failure
        return self._command

    def flush(self) -> None:
        """Wait until everything is written. Raises as `command` does."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or not (self._pending or self._writing))
        self.command()

    def retry(self, use: Callable[[], T]) -> T:
        """Use the store when everything is written, again and again while it cannot be used; what `use` returned.

        Raises:
            LabError: as of `command`.
        """
        self.flush()
        answers: list[T] = []
        self._until_it_works(lambda: answers.append(use()))
        self.command()
        return answers[0]

    def close(self) -> None:
        """End the thread."""
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
            self._until_it_works(self._write_pending)
            with self._changed:
                self._writing = False
                self._changed.notify_all()
            if self._failure:
                return

    def _write_pending(self) -> None:
        with self._changed:
            reports = list(self._pending)
        size = sum(map(_size, reports))
        needed = disk.RESERVE + 2 * size  # in the journal, then in its place
        if size and (free := self.store.database.free_bytes()) < needed:
            light = (replace(report, weights=None, checkpoint=None) for report in reports)
            self.store.recording.record(self.run_id, *light)
            log.error("run %d: ended for want of room on the disk", self.run_id)
            self._failure = StoreError(
                f"The disk of the results has {disk.size_text(free)} left, too little for a checkpoint of "
                f"{disk.size_text(size)}, so training ended; what was kept before is there: make room, then resume the run."
            )
            return
        self._command = self.store.recording.record(self.run_id, *reports)
        if size:
            self.store.database.shorten_journal()
        with self._changed:
            # Reports that came meanwhile are behind these; those written may have been thinned meanwhile.
            self._pending = self._pending[len(reports) :]

    def _until_it_works(self, use: Callable[[], None]) -> None:
        since, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        while not self._closed:
            try:
                use()
            except StoreError as error:
                if time.monotonic() - since > self.patience:
                    log.error("run %d: given up: %s", self.run_id, error)
                    self._failure = StoreError(
                        f"{str(error).rstrip('.')}. It could not be used for {self.patience:g} s, so training ended; "
                        "what was recorded before is kept, and the run can be resumed."
                    )
                    return
                log.warning("run %d: continues without its database for now: %s", self.run_id, error)
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            except Exception as error:  # of what was to be written: the same again would fail again
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
    """The same reports in the same places, with weights and checkpoints in the newest few only, in one where these are large."""
    heavy = [i for i, report in enumerate(reports) if report.weights or report.checkpoint]
    while len(heavy) > 1 and (len(heavy) > WHOLE_EPOCHS or sum(_size(reports[i]) for i in heavy) > WHOLE_BYTES):
        del heavy[0]
    light = {i for i, report in enumerate(reports) if report.weights or report.checkpoint} - set(heavy)
    return [replace(r, weights=None, checkpoint=None) if i in light else r for i, r in enumerate(reports)]

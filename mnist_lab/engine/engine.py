"""The main loop of the engine process: passes runs and questions from the store to warm workers."""

import contextlib
import logging
import os
import threading
import time
import uuid
from typing import NoReturn

import psutil

from mnist_lab.engine import stderr_filter
from mnist_lab.engine.calibration import Calibration
from mnist_lab.engine.cluster import Cluster
from mnist_lab.engine.heartbeat import Heartbeat
from mnist_lab.engine.pool import Pool
from mnist_lab.engine.questions import Questions
from mnist_lab.engine.runs import Runs
from mnist_lab.errors import StoreError
from mnist_lab.store.lease import READY, WARMING_UP
from mnist_lab.store.store import Store
from mnist_lab.workers import plan

log = logging.getLogger(__name__)

TICK_SECONDS = 0.1
BUSY_POLL_SECONDS = 0.02  # between two polls of the store, while questions are being asked
IDLE_POLL_SECONDS = 0.1
PURGE_SECONDS = 3600.0


class Engine:
    """The engine: holds the store's lease and the workers, and gives these runs to train and questions to answer.

    Args:
        only: the ids of the only runs to train, and no questions are answered; where None, everything.

    Attributes:
        closing: set it to end the engine.
    """

    def __init__(self, store: Store, only: list[int] | None = None) -> None:
        self.closing = threading.Event()
        self._store = store
        self._only = only
        self._name = uuid.uuid4().hex
        workers, threads = plan()
        if only is not None:
            workers = min(workers, len(only))
        self._cluster = Cluster(workers)
        self._pool = Pool(self._cluster, workers, threads)
        self._heartbeat = Heartbeat(store, self._name)
        self._calibration = Calibration(store, self._pool, is_wanted=only is None)
        self._runs = Runs(store, self._pool, self._name, only, self._calibration)
        self._questions = Questions(store, self._pool, self._name)
        self._ticked = self._purged = 0.0
        self._is_offline = False

    @property
    def state(self) -> str:
        """The state for the lease: `READY` or `WARMING_UP`."""
        return READY if self._pool.is_ready else WARMING_UP

    def serve(self) -> None:
        """Serve until `closing` is set, then end this process. Returns at once where another engine serves this store."""
        if not self._heartbeat.begin(WARMING_UP):
            log.info("another engine serves this store")
            return
        try:
            stderr_filter.install()
            with self._cluster:
                log.info(
                    "engine %s started: workers %d, threads each %d",
                    self._name[:8],
                    self._pool.size,
                    self._pool.threads,
                )
                while not self.closing.is_set():
                    # Woken when a training has ended, so that a worker need not wait for its next run.
                    is_woken = self._pool.has_news.wait(self._poll_seconds())
                    self._pool.has_news.clear()
                    if not self.closing.is_set():
                        self._guarded_tick(at_once=is_woken)
                self._exit()
        finally:
            self._heartbeat.end()

    def _poll_seconds(self) -> float:
        """Seconds until the next poll; rarely while nobody asks, since polling takes time from training."""
        is_awaited = not self._runs and self._runs.are_recent
        return BUSY_POLL_SECONDS if self._questions.are_asked or is_awaited else IDLE_POLL_SECONDS

    def _exit(self) -> NoReturn:
        """End at once: all writes are transactions, so a busy worker can be killed at any time."""
        self._heartbeat.end()
        self._cluster.abandon()
        log.info("engine %s ended", self._name[:8])
        exit_at_once(0)

    def _guarded_tick(self, *, at_once: bool) -> None:
        """Serve questions and runs once. Where the database cannot be used, the next tick retries, and training continues.

        Args:
            at_once: serve runs even if it is not `TICK_SECONDS` since the last time.
        """
        try:
            if self._only is None:
                self._questions.serve()
            if at_once or time.monotonic() - self._ticked >= TICK_SECONDS:
                self._ticked = time.monotonic()
                self._tick()
            elif not self._runs:
                self._start_next()
        except StoreError as error:
            if not self._is_offline:
                log.warning("the database cannot be used now: %s", error)
            self._is_offline = True
        else:
            self._is_offline = False

    def _tick(self) -> None:
        is_beat = self._heartbeat.is_due(self.state)
        if is_beat:
            if not self._heartbeat.beat(self.state):
                log.warning("another engine has taken the lease; exiting")
                self.closing.set()
                return
            self._runs.enforce_commands()
        self._purge()
        self._pool.update(thoroughly=is_beat)
        self._runs.collect()
        self._calibration.collect()
        self._start_next()
        self._runs.follow_up()
        self._pool.renew(is_idle=not self._runs and not self._questions.are_asked)

    def _purge(self) -> None:
        now = time.monotonic()
        if now - self._purged >= PURGE_SECONDS or not self._purged:
            self._purged = now
            if purged := self._store.runs.purge():
                log.info("%d deleted runs have been removed for good", purged)

    def _start_next(self) -> None:
        """Give the next runs to idle workers; where no run is queued, one may calibrate the machine."""
        while not self._calibration.is_running and len(self._runs) < self._pool.size:
            worker = self._pool.idle()
            if worker is None:
                return
            if not self._runs.start_next(worker):
                if not self._runs and self._pool.is_warm:
                    self._calibration.consider(worker)
                return
            self._calibration.end_idling()


def exit_at_once(status: int) -> NoReturn:
    """Kill all descendants of this process and end it, whatever they are doing."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    logging.shutdown()
    os._exit(status)

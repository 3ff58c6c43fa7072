"""The engine process, `python -m mnist_lab.engine`: takes waiting runs from the store to a warm worker.

All that knows dask is here. The engine lives as long as its standard input is open: whoever started it holds the
other end, so it ends with that process however that process ends.
"""

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
import time
import uuid
from typing import Any, NoReturn

import dask
import psutil
from distributed import Client, Future, KilledWorker, LocalCluster

from mnist_lab import settings
from mnist_lab.errands import LONG
from mnist_lab.errors import EngineError, LabError, StoreError
from mnist_lab.experiment import Status, Wish
from mnist_lab.store import NOT_WORKING, READY, WARMING_UP, Store
from mnist_lab.worker import calibrate, run_errand, train_run, warm_up

log = logging.getLogger("mnist_lab.engine")

TICK_SECONDS = 0.1
ERRAND_SECONDS = 0.02  # while somebody asks
LOOK_SECONDS = 0.1  # for a first question
ASKING_SECONDS = 60.0  # since the last question, somebody still asks
HEARTBEAT_SECONDS = 1.0
OBEY_SECONDS = 20.0
EXIT_DEADLINE_SECONDS = 10.0
PURGE_SECONDS = 3600.0
WARM_UP_TRIES = 3
SLOTS = {"train": 1.0, "errand": 1.0, "long errand": 1.0}  # of a worker, each with a thread of its own
WORKER_BYTES = 1_200_000_000
_DASK = {
    # A worker that dies must not take the run with it from worker to worker.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.daemon": True,
    # It looks at itself a hundred times a second by default, which takes a tenth of a core from what it looks at: the two
    # threads of a step wait for each other.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,
}


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plan() -> tuple[int, int]:
    """How many workers train side by side, and how many threads each has.

    A worker has as many threads as there are cores, so that a run alone has the whole machine; that workers then share
    the cores costs less than it brings (the README has the measurement).
    """
    threads = settings.number(settings.THREADS, min(cores(), 8))
    room = int(psutil.virtual_memory().total / 2 // WORKER_BYTES)
    return settings.number(settings.WORKERS, max(1, min(cores(), room, 4))), threads


class Engine:
    """Holds the store's lease, the workers and the runs they train.

    Args:
        only: serve none but these runs; all where None.
    """

    def __init__(self, store: Store, only: list[int] | None = None) -> None:
        self.store = store
        self.only = only
        self.name = uuid.uuid4().hex
        self.workers, self.threads = plan()
        if only is not None:
            self.workers = min(self.workers, len(only))
        self.room = settings.number(settings.CHECKPOINT_MB, 2000) * 1_000_000
        self.closing = threading.Event()
        self.heartbeat = 0.0
        self.warming: list[Future] = []
        self.failed_warm_ups = 0
        self.is_warm = False
        self.calibrating: Future | None = None
        self.calibrated = only is not None or store.calibration() is not None
        self.running: dict[int, Future] = {}
        self.began: dict[int, float] = {}
        self.errands: dict[int, Future] = {}
        self.ticked = self.purged = 0.0
        self.asked = -ASKING_SECONDS  # when there was last an errand
        self.offline = False

    @property
    def state(self) -> str:
        """In a word, for the pages."""
        return READY if self.is_warm else WARMING_UP

    def serve(self) -> None:
        """Serve until `closing` is set; returns at once where another engine serves this store."""
        if not self.store.take_lease(self.name, WARMING_UP):
            log.info("another engine serves this store")
            return
        try:
            dask.config.set(_DASK)
            with (
                LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=len(SLOTS),
                    resources=SLOTS,
                    host="127.0.0.1",
                    memory_limit=None,
                    dashboard_address=None,
                ) as cluster,
                Client(cluster) as self.client,
            ):
                log.info("engine %s started: workers %d, threads each %d", self.name[:8], self.workers, self.threads)
                self.warming = [self._submit(warm_up, self.threads) for _ in range(self.workers)]
                while not self.closing.wait(self._pause()):
                    self._guarded_tick()
                self._leave()
        finally:
            self.store.release_lease(self.name)

    def _pause(self) -> float:
        """Seconds until the next look: looking takes time from training."""
        return ERRAND_SECONDS if time.monotonic() - self.asked < ASKING_SECONDS else LOOK_SECONDS

    def _leave(self) -> NoReturn:
        """End now: every write is a transaction of its own, so nothing is gained by asking a busy worker nicely."""
        self.store.release_lease(self.name)
        log.info("engine %s ended", self.name[:8])
        _exit(0)

    def _submit(self, function: Any, *arguments: Any, slot: str = "train") -> Future:
        return self.client.submit(function, *arguments, pure=False, resources={slot: SLOTS[slot]})

    def _guarded_tick(self) -> None:
        """A tick; while the database cannot be used the next one tries again, and runs in training go on."""
        try:
            self._run_errands()
            if time.monotonic() - self.ticked >= TICK_SECONDS:
                self.ticked = time.monotonic()
                self._tick()
        except StoreError as error:
            if not self.offline:
                log.warning("no database for now: %s", error)
            self.offline = True
        else:
            self.offline = False

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self.heartbeat >= HEARTBEAT_SECONDS:
            if not self.store.renew_lease(self.name, self.state) and not self.store.take_lease(self.name, self.state):
                log.warning("another engine took the lease; ending")
                self.closing.set()
                return
            self.heartbeat = now
            self._enforce_wishes()
        if now - self.purged >= PURGE_SECONDS or not self.purged:
            self.purged = now
            if gone := self.store.purge():
                log.info("%d deleted runs are gone for good", gone)
        for future in [future for future in self.warming if future.done()]:
            self._warmed(future)
        for run_id, future in [(i, future) for i, future in self.running.items() if future.done()]:
            self._ended(run_id, future)
        if self.calibrating:
            if self.calibrating.done():
                self._save_calibration(self.calibrating)
        elif len(self.running) + len(self.warming) < self.workers:
            self._begin_next()

    def _run_errands(self) -> None:
        """Hand new errands to workers; where one died with an errand, say so."""
        for errand_id, future in [(i, future) for i, future in self.errands.items() if future.done()]:
            if future.status == "error":
                log.error("errand %d: %r", errand_id, future.exception())
                self.store.decline(errand_id, "The worker could not answer; try again, and see the engine's log.")
            del self.errands[errand_id]
        if self.only is None:
            for errand in self.store.claim_errands(self.name):
                self.asked = time.monotonic()
                slot = "long errand" if errand.kind in LONG else "errand"
                self.errands[errand.id] = self._submit(run_errand, self.store.url, errand.id, self.threads, slot=slot)

    def _begin_next(self) -> None:
        run = self.store.claim(self.name, self.only)
        if run:
            log.info("run %d: %s, seed %d", run.id, run.name, run.experiment.seed)
            self.began[run.id] = time.time()
            self.running[run.id] = self._submit(train_run, self.store.url, run.id, self.threads)
        elif not self.calibrated and not self.running and not self.warming:
            self.calibrated = True
            self.calibrating = self._submit(calibrate, self.threads)

    def _warmed(self, future: Future) -> None:
        self.warming.remove(future)
        self.heartbeat = 0.0  # say so at once
        if future.status == "error":
            log.error("warming up failed: %r", future.exception())
            self.failed_warm_ups += 1
            if self.failed_warm_ups >= WARM_UP_TRIES:
                died = isinstance(future.exception(), KilledWorker)
                why = "its process died" if died else _cause(future.exception())
                raise EngineError(f"The worker did not start after {WARM_UP_TRIES} tries ({why}).")
            self.warming.append(self._submit(warm_up, self.threads))
        else:
            self.failed_warm_ups = 0
            self.is_warm = True

    def _save_calibration(self, future: Future) -> None:
        self.calibrating = None
        if future.status == "error":
            log.error("calibration failed: %r", future.exception())
            return
        ratios = future.result()
        log.info("this machine's steps take %s times the model's", ", ".join(f"{ratio:.2f}" for ratio in ratios))
        self.store.save_calibration(ratios)

    def _ended(self, run_id: int, future: Future) -> None:
        if future.status == "error":
            error = future.exception()
            log.error("run %d: %r", run_id, error)
            if type(error).__name__ == "KilledWorker":
                self.store.lost(run_id)
                self.warming.append(self._submit(warm_up, self.threads))
            elif isinstance(error, StoreError):
                self.store.end(run_id, Status.INTERRUPTED, str(error))
            else:
                self.store.end(run_id, Status.FAILED, _as_sentence(error))
        del self.running[run_id]  # last: where the database cannot be used the next tick comes here again
        done = self.store.run(run_id)
        if done and done.status.is_ended:
            share = (done.reporting_seconds or 0) / (done.seconds or 1)
            log.info("run %d: %s, %.1f s, %.2f %% of it reporting", run_id, done.status, done.seconds or 0, 100 * share)
            if given_up := self.store.make_room(self.room):
                log.info("%.0f MB of old checkpoints given up", given_up / 1e6)

    def _enforce_wishes(self) -> None:
        """Restart the worker of a run that does not obey: the run goes back to the queue, where its wish is known."""
        for run in self.store.active():
            future = self.running.get(run.id)
            if future is None or future.done() or run.wish is Wish.GO_ON:
                continue
            asked = run.stop_requested or run.pause_requested or 0.0
            if time.time() - max(asked, self.began[run.id]) > OBEY_SECONDS:
                log.warning("run %d did not %s within %g s; its worker is restarted", run.id, run.wish, OBEY_SECONDS)
                addresses = [worker for worker, keys in self.client.processing().items() if future.key in keys]
                self.client.restart_workers(addresses, raise_for_error=False)


def _exit(status: int) -> NoReturn:
    """End this process and all that it started, whatever they are doing."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    logging.shutdown()
    os._exit(status)


def _cause(error: BaseException) -> str:
    """What an error came from in the end, in a line: those on the way say only that something failed."""
    while error.__cause__ or (error.__context__ and not error.__suppress_context__):
        error = error.__cause__ or error.__context__ or error
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _as_sentence(error: BaseException | None) -> str:
    if isinstance(error, LabError):
        return str(error)
    first = (str(error).splitlines() or [""])[0][:200]
    return f"Training failed unexpectedly ({type(error).__name__}: {first}); the engine's log has the details."


def _watch_lifeline(closing: threading.Event) -> None:
    """Close when standard input ends; should closing take too long, end anyway."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    closing.set()
    time.sleep(EXIT_DEADLINE_SECONDS)
    os._exit(1)


def main() -> int:
    """Run the engine until its standard input ends, or on SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m mnist_lab.engine", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", metavar="ID", help="serve none but these runs")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    for noisy in ("distributed", "tornado"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        settings.check()
        engine = Engine(Store(), options.only)
        threading.Thread(target=_watch_lifeline, args=(engine.closing,), daemon=True).start()
        signal.signal(signal.SIGTERM, lambda number, frame: engine.closing.set())
        engine.serve()
    except KeyboardInterrupt:
        return 130
    except LabError as error:
        reason = str(error)
    except Exception as error:
        log.exception("the engine cannot go on")
        reason = f"The engine failed ({_cause(error)})."
    else:
        return 0
    log.error("%s%s", NOT_WORKING, reason)  # its last word: the supervisor hands it on
    _exit(1)


if __name__ == "__main__":
    sys.exit(main())

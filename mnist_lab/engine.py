"""The engine process, `python -m mnist_lab.engine`: takes waiting runs from the store to a warm worker.

All that knows dask is here. The engine lives as long as its standard input is open: whoever started it holds the
other end, so it ends with that process however that process ends.
"""

import argparse
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
from distributed import Client, Future, LocalCluster

from mnist_lab.errors import EngineError, LabError
from mnist_lab.experiment import Status
from mnist_lab.store import Run, Store
from mnist_lab.worker import calibrate, train_run, warm_up

log = logging.getLogger("mnist_lab.engine")

TICK_SECONDS = 0.1
HEARTBEAT_SECONDS = 1.0
STOP_DEADLINE_SECONDS = 20.0
EXIT_DEADLINE_SECONDS = 10.0
WARM_UP_TRIES = 3
SLOT = {"train": 1.0}


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Engine:
    """Holds the store's lease, a worker and the run it trains.

    Args:
        only: serve none but these runs; all where None.
    """

    def __init__(self, store: Store, only: list[int] | None = None) -> None:
        self.store = store
        self.only = only
        self.name = uuid.uuid4().hex
        self.threads = cores()
        self.closing = threading.Event()
        self.heartbeat = 0.0
        self.warming: Future | None = None
        self.warm_up_tries = 0
        self.calibrating: Future | None = None
        self.calibrated = only is not None or store.calibration() is not None
        self.current: tuple[Run, Future] | None = None

    @property
    def state(self) -> str:
        """In a word, for the pages."""
        return "warming up" if self.warming else "ready"

    def serve(self) -> None:
        """Serve until `closing` is set; returns at once where another engine serves this store."""
        if not self.store.take_lease(self.name, "warming up"):
            log.info("another engine serves this store")
            return
        try:
            # A worker that dies must not take the run with it from worker to worker.
            dask.config.set({"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": True})
            with (
                LocalCluster(
                    n_workers=1,
                    threads_per_worker=2,  # one trains; the other is for light work meanwhile
                    resources=SLOT,
                    host="127.0.0.1",
                    memory_limit=None,
                    dashboard_address=None,
                ) as cluster,
                Client(cluster) as self.client,
            ):
                log.info("engine %s started, %d threads", self.name[:8], self.threads)
                self._warm()
                while not self.closing.wait(TICK_SECONDS):
                    self._tick()
                self._leave()
        finally:
            self.store.release_lease(self.name)

    def _leave(self) -> NoReturn:
        """End now: every write is a transaction of its own, so nothing is gained by asking a busy worker nicely."""
        self.store.release_lease(self.name)
        for child in psutil.Process().children(recursive=True):
            child.kill()
        log.info("engine %s ended", self.name[:8])
        logging.shutdown()
        os._exit(0)

    def _warm(self) -> None:
        self.warm_up_tries += 1
        if self.warm_up_tries > WARM_UP_TRIES:
            raise EngineError(f"The worker did not start after {WARM_UP_TRIES} tries; the log above says why.")
        self.warming = self._submit(warm_up, self.threads)

    def _submit(self, function: Any, *arguments: Any) -> Future:
        return self.client.submit(function, *arguments, pure=False, resources=SLOT)

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self.heartbeat >= HEARTBEAT_SECONDS:
            self.heartbeat = now
            if not self.store.renew_lease(self.name, self.state) and not self.store.take_lease(self.name, self.state):
                log.warning("another engine took the lease; ending")
                self.closing.set()
                return
            if self.current:
                self._enforce_stop(*self.current)
        if self.warming and self.warming.done():
            self._warmed(self.warming)
        if self.current and self.current[1].done():
            self._ended(*self.current)
        if self.current is None and self.warming is None:
            run = self.store.claim(self.name, self.only)
            if run:
                log.info("run %d: %s, seed %d", run.id, run.name, run.experiment.seed)
                self.current = run, self._submit(train_run, self.store.url, run.id, self.threads)
            elif not self.calibrated:
                self.calibrated = True
                self.calibrating = self._submit(calibrate, self.threads)
        if self.calibrating and self.calibrating.done():
            self._save_calibration(self.calibrating)

    def _warmed(self, future: Future) -> None:
        self.warming = None
        self.heartbeat = 0.0  # say so at once
        if future.status == "error":
            log.error("warming up failed: %r", future.exception())
            self._warm()
        else:
            self.warm_up_tries = 0

    def _save_calibration(self, future: Future) -> None:
        self.calibrating = None
        if future.status == "error":
            log.error("calibration failed: %r", future.exception())
            return
        ratios = future.result()
        log.info("this machine's steps take %s times the model's", ", ".join(f"{ratio:.2f}" for ratio in ratios))
        self.store.save_calibration(ratios)

    def _ended(self, run: Run, future: Future) -> None:
        self.current = None
        if future.status == "error":
            error = future.exception()
            log.error("run %d: %r", run.id, error)
            if type(error).__name__ == "KilledWorker":
                self.store.end(run.id, Status.INTERRUPTED, "The worker process that trained it died.")
                self._warm()
            else:
                self.store.end(run.id, Status.FAILED, _as_sentence(error))
        done = self.store.run(run.id)
        if done:
            share = (done.reporting_seconds or 0) / (done.seconds or 1)
            log.info(
                "run %d: %s, %.1f s, %.2f %% of it reporting", done.id, done.status, done.seconds or 0, 100 * share
            )

    def _enforce_stop(self, run: Run, future: Future) -> None:
        now = self.store.run(run.id)
        asked = now.stop_requested if now else None
        if asked and time.time() - asked > STOP_DEADLINE_SECONDS and not future.done():
            log.warning("run %d did not stop within %g s; its worker is restarted", run.id, STOP_DEADLINE_SECONDS)
            self.current = None
            self.store.end(
                run.id, Status.INTERRUPTED, f"It did not stop within {STOP_DEADLINE_SECONDS:g} s and was ended."
            )
            self.client.restart(wait_for_workers=False)
            self._warm()


def _as_sentence(error: BaseException | None) -> str:
    if isinstance(error, LabError):
        return str(error)
    first = (str(error).splitlines() or [""])[0][:200]
    return f"Training failed unexpectedly ({type(error).__name__}: {first}); the server's log has the details."


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
        engine = Engine(Store(), options.only)
        threading.Thread(target=_watch_lifeline, args=(engine.closing,), daemon=True).start()
        signal.signal(signal.SIGTERM, lambda number, frame: engine.closing.set())
        engine.serve()
    except KeyboardInterrupt:
        return 130
    except LabError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

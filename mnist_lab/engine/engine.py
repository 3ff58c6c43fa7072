"""The engine process, `python -m mnist_lab.engine.engine`: takes waiting runs from the store to a warm worker.

All that knows dask is here. The engine lives as long as its standard input is open: whoever started it holds the
other end, so it ends with that process however that process ends.
"""

import argparse
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, NoReturn

import dask
import psutil
from distributed import Client, Future, KilledWorker, LocalCluster, Security

from mnist_lab import machine, settings
from mnist_lab.engine import chatter
from mnist_lab.engine import worker as work
from mnist_lab.engine.worker import calibrate, run_errand, train_run
from mnist_lab.errors import EngineError, LabError, StoreError
from mnist_lab.results import prediction
from mnist_lab.store.lease import NOT_WORKING, READY, WARMING_UP
from mnist_lab.store.questions import LONG
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command

log = logging.getLogger("mnist_lab.engine.engine")

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
SETTLED_RUNS = 10
FIRST_RECALIBRATION_SECONDS, LONGEST_RECALIBRATION_SECONDS = 30.0, 3600.0
LOOKED_SECONDS = 5.0  # how long a machine is watched before it is called quiet
_DASK = {
    # A worker that dies must not take the run with it from worker to worker.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.daemon": True,
    # It looks at itself a hundred times a second by default, which takes a tenth of a core from what it looks at: the two
    # threads of a step wait for each other.
    "distributed.worker.profile.enabled": False,
    # Where the machine is busy, a worker that died is not there again in the 15 s after which it would be given up.
    "distributed.deploy.lost-worker-timeout": "1h",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,
    # By default it has glibc give back each tensor when it is freed, so that every step asks the kernel for the same pages
    # anew: half of the time of training. What a run leaves is given back when it has ended.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**40,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**25,  # the most that glibc takes
    # Its pages say to anybody what runs here and where.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


def plan() -> tuple[int, int]:
    """How many workers train side by side, and how many threads each has.

    A worker has as many threads as there are cores, so that a run alone has the whole machine; that workers then share
    the cores costs less than it brings (`.github/docs/waits.md` has the measurement).
    """
    threads = settings.number(settings.THREADS, min(machine.cores(), 8))
    room = int(machine.memory() / 2 // WORKER_BYTES)
    return settings.number(settings.WORKERS, max(1, min(machine.cores(), room, 4))), threads


@dataclass(eq=False)
class _Worker:
    """A worker process, known by its address: a process that takes the place of one that died is another worker.

    Attributes:
        name: its place in the cluster.
        warming: until it is warm.
        run: the run that it trains; runs: how many it has trained.
        settled: its memory after its tenth run, or its last before that; memory: as it was last, both in bytes.
        leaves: it takes nothing new, and is closed when it has nothing left to do.
    """

    address: str
    name: Any
    warming: Future | None
    run: int | None = None
    runs: int = 0
    settled: int = 0
    memory: int = 0
    leaves: bool = False

    @property
    def serves(self) -> bool:
        """Whether it is to be given anything."""
        return self.warming is None and not self.leaves

    @property
    def growth(self) -> float:
        """By how many bytes it has grown. A third counts until it has settled: its first runs load what later ones share."""
        return (self.memory - self.settled) / (1 if self.runs >= SETTLED_RUNS else 3)


@dataclass
class _Task:
    """What a worker was given to do, and when."""

    future: Future
    worker: _Worker
    slot: str
    began: float = field(default_factory=time.time)
    timely: bool = True  # of a run: nothing of ours was beside it, and it did not begin before


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
        self.has_room = machine.memory() // WORKER_BYTES > self.workers  # for one more
        self.most_growth = (
            settings.number(settings.GROWTH_MB, 60) * 1_000_000
        )  # then another worker takes a worker's place
        self.room = settings.number(settings.CHECKPOINT_MB, 2000) * 1_000_000
        self.closing = threading.Event()
        self.heartbeat = 0.0
        self.members: dict[str, _Worker] = {}  # by address
        self.failed_warm_ups = 0
        self.running: dict[int, _Task] = {}
        self.errands: dict[int, _Task] = {}
        self.calibrating: _Task | None = None
        # A command that serves its own runs alone does not make them wait for it.
        self.calibrated = only is not None or store.calibrations.is_quiet()
        self.recalibrate_after = FIRST_RECALIBRATION_SECONDS
        self.idle_since: float | None = None
        self.load = machine.Load()
        self.ticked = self.purged = 0.0
        self.asked = -ASKING_SECONDS  # when there was last an errand
        self.offline = False
        self.scratch = ""

    @property
    def state(self) -> str:
        """In a word, for the pages."""
        return READY if any(worker.warming is None for worker in self.members.values()) else WARMING_UP

    def serve(self) -> None:
        """Serve until `closing` is set; returns at once where another engine serves this store."""
        if not self.store.lease.take(self.name, WARMING_UP):
            log.info("another engine serves this store")
            return
        try:
            chatter.keep_out()
            # Who may connect runs code here: nobody without a certificate, and these are in the memory of our own processes
            # alone. Dask looks for modules in its scratch folder, so that is nobody's but ours either.
            self.scratch = tempfile.mkdtemp(prefix="mnist-lab-")
            dask.config.set(_DASK | {"temporary-directory": self.scratch})
            with (
                LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=len(SLOTS),
                    resources=SLOTS,
                    host="127.0.0.1",
                    security=Security.temporary(),
                    memory_limit=None,
                    dashboard_address="127.0.0.1:0",  # any free port; without one it would want 8787
                    scheduler_kwargs={"dashboard": False},
                ) as self.cluster,
                Client(self.cluster) as self.client,
            ):
                log.info("engine %s started: workers %d, threads each %d", self.name[:8], self.workers, self.threads)
                while not self.closing.wait(self._pause()):
                    self._guarded_tick()
                self._leave()
        finally:
            self.store.lease.release(self.name)
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _pause(self) -> float:
        """Seconds until the next look: looking takes time from training."""
        return ERRAND_SECONDS if time.monotonic() - self.asked < ASKING_SECONDS else LOOK_SECONDS

    def _leave(self) -> NoReturn:
        """End now: every write is a transaction of its own, so nothing is gained by asking a busy worker nicely."""
        self.store.lease.release(self.name)
        shutil.rmtree(self.scratch, ignore_errors=True)
        log.info("engine %s ended", self.name[:8])
        _exit(0)

    def _submit(self, worker: _Worker, slot: str, function: Any, *arguments: Any) -> _Task:
        future = self.client.submit(
            function, *arguments, pure=False, workers=[worker.address], resources={slot: SLOTS[slot]}
        )
        return _Task(future, worker, slot)

    def _tasks(self) -> list[_Task]:
        """All that workers have been given and have not been heard of since."""
        return [*self.running.values(), *self.errands.values(), *([self.calibrating] if self.calibrating else [])]

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
            if not self.store.lease.renew(self.name, self.state) and not self.store.lease.take(self.name, self.state):
                log.warning("another engine took the lease; ending")
                self.closing.set()
                return
            self.heartbeat = now
            self._enforce_wishes()
        if now - self.purged >= PURGE_SECONDS or not self.purged:
            self.purged = now
            if gone := self.store.runs.purge():
                log.info("%d deleted runs are gone for good", gone)
        self._meet_workers(now)
        for worker in [w for w in self.members.values() if w.warming and w.warming.done()]:
            self._warmed(worker)
        for run_id, task in [(i, task) for i, task in self.running.items() if task.future.done()]:
            self._ended(run_id, task)
        self._renew_workers()
        if self.calibrating:
            if self.calibrating.future.done():
                self._save_calibration(self.calibrating.future)
        elif len(self.running) < self.workers:
            self._begin_next()

    # Workers come and go

    def _meet_workers(self, now: float) -> None:
        """Know which workers there are: warm up those that have come, forget those that have gone."""
        serving = sum(worker.serves for worker in self.members.values())
        if serving >= self._wanted() and now != self.heartbeat:
            return
        # `Client.scheduler_info` would do, but for another thread of its own that now and then puts a shorter list there.
        found = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
        for address in found.keys() - self.members.keys():
            worker = self.members[address] = _Worker(address, found[address]["name"], None)
            worker.warming = self._submit(worker, "train", warm_up, self.threads).future
        for gone in [worker for address, worker in self.members.items() if address not in found]:
            # What it was given in the moment of its death nobody would ever begin.
            for future in (gone.warming, *(task.future for task in self._tasks() if task.worker is gone)):
                if future and not future.done():
                    future.cancel()
            if gone.warming:
                self._warmed(gone)
            self.members.pop(gone.address, None)

    def _wanted(self) -> int:
        """How many workers there should be: one more while one that has grown waits for its successor."""
        serving = [worker for worker in self.members.values() if worker.serves]
        return self.workers + (self.has_room and any(worker.growth >= self.most_growth for worker in serving))

    def _renew_workers(self) -> None:
        """Have another worker take the place of one that has grown, as soon as that other one is warm: nobody waits for
        it. Where there is no room for both, that is when there is nothing to do, or when it has grown thrice as much."""
        serving = sorted((w for w in self.members.values() if w.serves), key=lambda worker: worker.growth)
        if serving:
            is_idle = not self.running and time.monotonic() - self.asked >= ASKING_SECONDS
            most = serving[-1]
            limit = self.most_growth * (1 if is_idle else 3)
            alone = not self.has_room and most.run is None and most.growth >= limit
            if len(serving) > self.workers or alone:
                most.leaves = True
                grown = (most.memory - most.settled) / 1e6
                log.info("a worker is renewed: it has grown by %.0f MB in %d runs", grown, most.runs)
        leaving = [worker for worker in self.members.values() if worker.leaves]
        for worker in leaving:
            busy = any(task.worker is worker for task in self._tasks())
            if not busy and worker.name in self.cluster.worker_spec:
                self.cluster.loop.add_callback(self.cluster.scale_down, [worker.name])
        places = len(self.cluster.worker_spec)
        staying = places - sum(worker.name in self.cluster.worker_spec for worker in leaving)
        if staying < self._wanted():
            self.cluster.scale(places + 1)

    def _free(self, slot: str) -> _Worker | None:
        """The worker that has least to do of a kind; one that trains rather than one that is cold."""

        def load(worker: _Worker) -> tuple[bool, int, bool]:
            waiting = sum(task.worker is worker and task.slot == slot for task in self._tasks())
            return worker.warming is not None, waiting, worker.run is not None

        return min((worker for worker in self.members.values() if not worker.leaves), key=load, default=None)

    def _warmed(self, worker: _Worker) -> None:
        future, worker.warming = worker.warming, None
        assert future
        self.heartbeat = 0.0  # say so at once
        if future.status == "finished":
            self.failed_warm_ups = 0
            worker.settled = worker.memory = future.result()
            return
        log.error("warming up failed: %r", _error(future))
        self.failed_warm_ups += 1
        if self.failed_warm_ups >= WARM_UP_TRIES:
            why = "its process died" if _has_died(future) else _cause(_error(future))
            raise EngineError(f"The worker did not start after {WARM_UP_TRIES} tries ({why}).")
        if _has_died(future):
            self.members.pop(worker.address, None)
        else:
            worker.warming = self._submit(worker, "train", warm_up, self.threads).future

    def _weigh(self, task: _Task) -> None:
        """Note a worker's memory after something it did, unless it trains beside that."""
        worker = task.worker
        if task.future.status == "finished" and worker.run is None:
            worker.memory = task.future.result()
            if task.slot == "train" and worker.runs <= SETTLED_RUNS:
                worker.settled = worker.memory

    # What they are given

    def _run_errands(self) -> None:
        """Hand new errands to workers; where one died with an errand, say so."""
        for errand_id, task in [(i, task) for i, task in self.errands.items() if task.future.done()]:
            if task.future.status != "finished":
                log.error("errand %d: %r", errand_id, _error(task.future))
                self.store.questions.fail(
                    errand_id, "The worker could not answer; try again, and see the engine's log."
                )
            self._weigh(task)
            del self.errands[errand_id]
        if self.only is None and not all(worker.leaves for worker in self.members.values()):
            for errand in self.store.questions.claim(self.name):
                self.asked = time.monotonic()
                slot = "long errand" if errand.kind in LONG else "errand"
                worker = self._free(slot)
                assert worker
                arguments = self.store.url, errand.id, self.threads
                self.errands[errand.id] = self._submit(worker, slot, run_errand, *arguments)

    def _begin_next(self) -> None:
        worker = next((worker for worker in self.members.values() if worker.serves and worker.run is None), None)
        if worker is None:
            return
        run = self.store.queue.claim(self.name, self.only)
        if run:
            log.info("run %d: %s, seed %d", run.id, run.name, run.experiment.seed)
            worker.run = run.id
            self.idle_since = None
            task = self.running[run.id] = self._submit(worker, "train", train_run, self.store.url, run.id, self.threads)
            task.timely = not run.steps_done
            if len(self.running) > 1:
                for each in self.running.values():
                    each.timely = False
        elif not self.running and all(worker.warming is None for worker in self.members.values()):
            self._calibrate_if_idle(worker)

    def _calibrate_if_idle(self, worker: _Worker) -> None:
        """Measure how fast the machine is: at once where nobody has, and again when it is quiet where it was not, or where
        runs have taken far longer or shorter since."""
        now = time.monotonic()
        if self.idle_since is None:
            self.idle_since, self.load = now, machine.Load()
        if self.calibrated:
            return
        if self.store.calibrations.get() is not None:
            if now - self.idle_since < max(LOOKED_SECONDS, self.recalibrate_after):
                return
            is_quiet = self.load.is_quiet()
            self.idle_since = None  # look anew
            if not is_quiet:
                return
            self.recalibrate_after = min(2 * self.recalibrate_after, LONGEST_RECALIBRATION_SECONDS)
        self.calibrating = self._submit(worker, "train", calibrate, self.threads)

    def _save_calibration(self, future: Future) -> None:
        self.calibrating = None
        if future.status != "finished":
            log.error("calibration failed: %r", _error(future))
            return
        ratios, is_quiet = future.result()
        beside = "" if is_quiet else ", beside other load: it will be measured again"
        log.info("this machine's steps take %s times the model's%s", ", ".join(f"{r:.2f}" for r in ratios), beside)
        self.store.calibrations.save(ratios, is_quiet)
        self.calibrated = is_quiet

    def _ended(self, run_id: int, task: _Task) -> None:
        if task.worker.run == run_id:
            task.worker.run = None
            task.worker.runs += 1
            self._weigh(task)
        if task.future.status != "finished":
            error = _error(task.future)
            log.error("run %d: %r", run_id, error)
            if _has_died(task.future):
                self.members.pop(task.worker.address, None)
                self.store.queue.crashed(run_id)
            elif isinstance(error, StoreError):
                self.store.recording.end(run_id, Status.INTERRUPTED, str(error))
            else:
                self.store.recording.end(run_id, Status.FAILED, _as_sentence(error))
        del self.running[run_id]  # last: where the database cannot be used the next tick comes here again
        done = self.store.runs.get(run_id)
        if done and done.status.is_ended:
            share = (done.reporting_seconds or 0) / (done.seconds or 1)
            log.info("run %d: %s, %.1f s, %.2f %% of it reporting", run_id, done.status, done.seconds or 0, 100 * share)
            if task.timely and self.only is None and prediction.contradicts(self.store.calibrations.get(), done):
                self.calibrated = False
            if given_up := self.store.checkpoints.make_room(self.room):
                log.info("%.0f MB of old checkpoints given up", given_up / 1e6)

    def _enforce_wishes(self) -> None:
        """Restart the worker of a run that does not obey: the run goes back to the queue, where its wish is known."""
        for run in self.store.queue.active():
            task = self.running.get(run.id)
            if task is None or task.future.done() or run.command is Command.CONTINUE:
                continue
            asked = run.stop_requested or run.pause_requested or 0.0
            if time.time() - max(asked, task.began) > OBEY_SECONDS:
                log.warning("run %d did not %s within %g s; its worker is restarted", run.id, run.command, OBEY_SECONDS)
                self.client.restart_workers([task.worker.address], raise_for_error=False)


def warm_up(threads: int) -> int:
    """In a worker: `worker.warm_up`, and no word of dask's about who could not connect, or that it was closed."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return work.warm_up(threads)


def _error(future: Future) -> BaseException | None:
    """What a future that is done ended with."""
    return None if future.cancelled() else future.exception()


def _has_died(future: Future) -> bool:
    """Whether the worker is not there any more that should have done it."""
    return future.cancelled() or isinstance(_error(future), KilledWorker)


def _exit(status: int) -> NoReturn:
    """End this process and all that it started, whatever they are doing."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    logging.shutdown()
    os._exit(status)


def _cause(error: BaseException | None) -> str:
    """What an error came from in the end, in a line: those on the way say only that something failed."""
    while error and (error.__cause__ or (error.__context__ and not error.__suppress_context__)):
        error = error.__cause__ or error.__context__
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
    parser = argparse.ArgumentParser(prog="python -m mnist_lab.engine.engine", description=__doc__)
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

"""The worker processes, by way of dask: start, submit to, restart and close them. All that knows dask is here."""

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Security

from mnist_lab.engine.worker import process

# What a worker does at a time, each kind with a thread of its own.
TRAIN, QUESTION, LONG_QUESTION = "train", "question", "long question"
_SLOTS = dict.fromkeys((TRAIN, QUESTION, LONG_QUESTION), 1.0)
_DASK = {
    # A worker that crashes must not take the run with it from worker to worker.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.daemon": True,
    # It looks at itself a hundred times a second by default, which takes a tenth of a core from what it looks at: the two
    # threads of a step wait for each other.
    "distributed.worker.profile.enabled": False,
    # Where the machine is busy, a worker that crashed is not there again in the 15 s after which it would be given up.
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


class Cluster:
    """Worker processes on this machine, in as many places; a worker that crashes is replaced by another in its place.

    To be used as a context. Who may connect runs code here: nobody without a certificate, and these are in the memory of
    our own processes alone.
    """

    def __init__(self, places: int) -> None:
        self.initial_places = places
        self._scratch = ""

    def __enter__(self) -> "Cluster":
        with contextlib.ExitStack() as opened:
            # Dask looks for modules in its scratch folder, so that is nobody's but ours either.
            self._scratch = tempfile.mkdtemp(prefix="mnist-lab-")
            opened.callback(self.abandon)
            opened.enter_context(dask.config.set(_DASK | {"temporary-directory": self._scratch}))
            local = LocalCluster(
                n_workers=self.initial_places,
                threads_per_worker=len(_SLOTS),
                resources=_SLOTS,
                host="127.0.0.1",
                security=Security.temporary(),
                memory_limit=None,
                dashboard_address="127.0.0.1:0",  # any free port; without one it would want 8787
                scheduler_kwargs={"dashboard": False},
            )
            self._local = opened.enter_context(local)
            self._client = opened.enter_context(Client(self._local))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._opened.close()

    def abandon(self) -> None:
        """Leave nothing on the disk; the processes are left as they are."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def submit(self, address: str, slot: str, function: Callable[..., Any], *arguments: Any) -> "Job":
        """Have the worker at an address do something, after what it was given before for the same slot."""
        future = self._client.submit(
            function, *arguments, pure=False, workers=[address], resources={slot: _SLOTS[slot]}
        )
        return Job(future)

    def workers(self) -> dict[str, Any]:
        """The workers that there are: the place of each, by address."""
        # `Client.scheduler_info` would do, but for another thread of its own that now and then puts a shorter list there.
        found = self._client.sync(self._client.scheduler.identity, n_workers=-1)["workers"]
        return {address: each["name"] for address, each in found.items()}

    def places(self) -> set[Any]:
        """The places that there are, with a worker or waiting for one."""
        return set(self._local.worker_spec)

    def add_place(self) -> None:
        """Start a worker in a place of its own."""
        self._local.scale(len(self._local.worker_spec) + 1)

    def remove_place(self, place: Any) -> None:
        """Close the worker in a place, without waiting for its end, and have no other there."""
        self._local.loop.add_callback(self._local.scale_down, [place])

    def restart(self, address: str) -> None:
        """Kill the worker at an address, whatever it is doing; another takes its place."""
        self._client.restart_workers([address], raise_for_error=False)


class Job:
    """What a worker was given to do."""

    def __init__(self, future: Future) -> None:
        self._future = future

    @property
    def is_done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return bool(self._future.done())

    @property
    def has_succeeded(self) -> bool:
        """Whether it has ended with a result."""
        return bool(self._future.status == "finished")

    @property
    def has_crashed(self) -> bool:
        """Whether its worker is not there any more."""
        if self.has_succeeded:
            return False
        return bool(self._future.cancelled()) or isinstance(self.error, KilledWorker)

    @property
    def result(self) -> Any:
        """What it gave; to be asked for where it has succeeded."""
        return self._future.result()

    @property
    def error(self) -> BaseException | None:
        """What it raised; to be asked for where it is done."""
        return None if self._future.cancelled() else self._future.exception()

    def cancel(self) -> None:
        """Give it up where it has not begun."""
        self._future.cancel()


def warm_up(threads: int) -> int:
    """In a worker: `process.warm_up`, and no word of dask's about who could not connect, or that it was closed."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return process.warm_up(threads)

"""The worker processes: starting them, giving them work, restarting and closing them. The only module that knows dask."""

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Security

from mnist_lab.engine.worker import process

# The kinds of work. A worker does one of each at a time, in a thread of its own.
TRAIN, QUESTION, LONG_QUESTION = "train", "question", "long question"
_SLOTS = dict.fromkeys((TRAIN, QUESTION, LONG_QUESTION), 1.0)
_DASK = {
    # A run whose worker crashed is retried by the store, not by dask.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.daemon": True,
    # By default a worker profiles itself a hundred times a second, which costs training a tenth of a core, since the two
    # threads of a step wait for each other.
    "distributed.worker.profile.enabled": False,
    # On a busy machine a crashed worker may need longer to restart than the default of 15 s.
    "distributed.deploy.lost-worker-timeout": "1h",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,
    # With dask's default, glibc returns each freed tensor to the kernel, so that every step requests the same pages again,
    # which can take half of the training time. Memory is returned when a run has ended.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**40,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**25,  # the largest value that glibc accepts
    # No status pages, which would tell anybody what is running here.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class Cluster:
    """Worker processes on this machine. Each has a place; a worker that crashes is replaced by another one in its place.

    A context manager. Whoever can connect can run code here, so connections need a certificate; certificates are created
    at each start and exist only in the memory of the lab's own processes.

    Args:
        places: how many workers to start with.
    """

    def __init__(self, places: int) -> None:
        self.initial_places = places
        self._scratch = ""

    def __enter__(self) -> "Cluster":
        with contextlib.ExitStack() as opened:
            # Dask imports modules from its scratch folder, so this must not be accessible to others.
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
                dashboard_address="127.0.0.1:0",  # any free port, where the default is 8787
                scheduler_kwargs={"dashboard": False},
            )
            self._local = opened.enter_context(local)
            self._client = opened.enter_context(Client(self._local))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._opened.close()

    def abandon(self) -> None:
        """Remove the scratch folder; the processes are left running."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def submit(self, address: str, slot: str, function: Callable[..., Any], *arguments: Any) -> "Job":
        """Queue a function call on the worker at an address, behind earlier ones of the same kind.

        Args:
            slot: the kind of work: `TRAIN`, `QUESTION` or `LONG_QUESTION`.
        """
        future = self._client.submit(
            function, *arguments, pure=False, workers=[address], resources={slot: _SLOTS[slot]}
        )
        return Job(future)

    def workers(self) -> dict[str, Any]:
        """The present workers: address to place."""
        # Not `Client.scheduler_info`, which a thread of the client sometimes overwrites with a shorter list.
        found = self._client.sync(self._client.scheduler.identity, n_workers=-1)["workers"]
        return {address: each["name"] for address, each in found.items()}

    def places(self) -> set[Any]:
        """All places, those that have no worker at the moment included."""
        return set(self._local.worker_spec)

    def add_place(self) -> None:
        """Add a place, and start a worker in it."""
        self._local.scale(len(self._local.worker_spec) + 1)

    def remove_place(self, place: Any) -> None:
        """Remove a place, and close its worker without waiting for its end."""
        self._local.loop.add_callback(self._local.scale_down, [place])

    def restart(self, address: str) -> None:
        """Kill the worker at an address, whatever it is doing; another one takes its place."""
        self._client.restart_workers([address], raise_for_error=False)


class Job:
    """A function call that was submitted to a worker."""

    def __init__(self, future: Future) -> None:
        self._future = future

    @property
    def is_done(self) -> bool:
        """Whether it has ended, with or without success."""
        return bool(self._future.done())

    def when_done(self, call: Callable[[], None]) -> None:
        """Call a function, in another thread, once it has ended."""
        self._future.add_done_callback(lambda _: call())

    @property
    def has_succeeded(self) -> bool:
        """Whether it has returned a result."""
        return bool(self._future.status == "finished")

    @property
    def has_crashed(self) -> bool:
        """Whether its worker has crashed or has been killed."""
        if self.has_succeeded:
            return False
        return bool(self._future.cancelled()) or isinstance(self.error, KilledWorker)

    @property
    def result(self) -> Any:
        """Its result; only where it has succeeded."""
        return self._future.result()

    @property
    def error(self) -> BaseException | None:
        """The exception that it raised, or None; only where it is done."""
        return None if self._future.cancelled() else self._future.exception()

    def cancel(self) -> None:
        """Cancel it, where it has not started."""
        self._future.cancel()


def warm_up(threads: int) -> int:
    """Runs in a worker: `process.warm_up`, with dask's log messages about connections silenced."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return process.warm_up(threads)

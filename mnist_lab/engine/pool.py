"""The pool of workers and their tasks: workers are warmed up when they start, and replaced when their memory has grown."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mnist_lab import machine, settings
from mnist_lab.engine.cluster import TRAIN, Cluster, Job, warm_up
from mnist_lab.engine.failure import cause
from mnist_lab.errors import EngineError
from mnist_lab.workers import WORKER_BYTES

log = logging.getLogger(__name__)

WARM_UP_TRIES = 3
SETTLED_RUNS = 10  # after which a worker's memory should not grow any more


@dataclass(eq=False)
class Worker:
    """A worker process, identified by its address; the process that replaces a crashed one is another worker.

    Attributes:
        place: its place in the cluster.
        warming: the job that warms it up; None when it is warm.
        runs: number of runs that it has trained.
        settled: its memory in bytes after run `SETTLED_RUNS`, or after the last run before that.
        memory: its memory in bytes, as last known.
        leaves: whether it takes no new tasks, and is closed when it has none left.
    """

    address: str
    place: Any
    warming: Job | None = None
    runs: int = 0
    settled: int = 0
    memory: int = 0
    leaves: bool = False

    @property
    def serves(self) -> bool:
        """Whether it is warm and takes tasks."""
        return self.warming is None and not self.leaves

    @property
    def growth(self) -> float:
        """Growth of its memory in bytes. Only a third counts during the first `SETTLED_RUNS` runs, since these also load
        what later ones share."""
        return (self.memory - self.settled) / (1 if self.runs >= SETTLED_RUNS else 3)


@dataclass(eq=False)
class Task:
    """A job, the worker that has it, its kind (`slot`), and since when, in seconds since 1970."""

    job: Job
    worker: Worker
    slot: str
    began: float = field(default_factory=time.time)


class Pool:
    """The workers of an engine.

    Args:
        size: number of workers that train in parallel.
        threads: number of threads of each.

    Attributes:
        tasks: all tasks that have been given to workers and not been passed to `finish` yet.
        has_news: is set whenever a training ends.
    """

    def __init__(self, cluster: Cluster, size: int, threads: int) -> None:
        self.size = size
        self.threads = threads
        self.tasks: list[Task] = []
        self.has_news = threading.Event()
        self._cluster = cluster
        self._workers: dict[str, Worker] = {}  # by address
        self._failed_warm_ups = 0
        self._has_room = machine.memory() // WORKER_BYTES > size  # for one more worker
        self._max_growth = (
            settings.number(settings.GROWTH_MB, 60) * 1_000_000
        )  # bytes, beyond which a worker is replaced

    @property
    def is_ready(self) -> bool:
        """Whether at least one worker is warm."""
        return any(worker.warming is None for worker in self._workers.values())

    @property
    def is_warm(self) -> bool:
        """Whether no worker is still warming up."""
        return all(worker.warming is None for worker in self._workers.values())

    @property
    def takes_tasks(self) -> bool:
        """Whether there is a worker that takes tasks, even if it still has to warm up."""
        return any(not worker.leaves for worker in self._workers.values())

    def give(self, worker: Worker, slot: str, function: Callable[..., Any], *arguments: Any) -> Task:
        """Give a worker a function to call; the caller passes the task to `finish` when it has ended."""
        task = Task(self._cluster.submit(worker.address, slot, function, *arguments), worker, slot)
        self.tasks.append(task)
        if slot == TRAIN:
            task.job.when_done(self.has_news.set)
        return task

    def finish(self, task: Task, memory: int | None = None) -> None:
        """Take a task that has ended out of `tasks`; calling it again has no effect.

        Args:
            memory: of the worker after the task, in bytes, where known.
        """
        if task not in self.tasks:
            return
        self.tasks.remove(task)
        if task.job.has_crashed:
            self._workers.pop(task.worker.address, None)
        elif memory is not None:
            self._note_memory(task, memory)

    def idle(self) -> Worker | None:
        """A warm worker that is not training; None where there is none."""
        return next((worker for worker in self._workers.values() if worker.serves and not self._trains(worker)), None)

    def least_busy(self, slot: str) -> Worker:
        """The worker with the fewest tasks of a kind. A warm one is preferred, even if it is training; `takes_tasks` must be
        true."""

        def load(worker: Worker) -> tuple[bool, int, bool]:
            waiting = sum(task.worker is worker and task.slot == slot for task in self.tasks)
            return worker.warming is not None, waiting, self._trains(worker)

        return min((worker for worker in self._workers.values() if not worker.leaves), key=load)

    def update(self, *, thoroughly: bool) -> None:
        """Bring the list of workers up to date: warm up new ones, drop those that are gone.

        Args:
            thoroughly: also ask the cluster where the number of workers is as it should be.

        Raises:
            EngineError: workers cannot be warmed up.
        """
        if thoroughly or sum(worker.serves for worker in self._workers.values()) < self._wanted():
            self._refresh()
        for worker in [w for w in self._workers.values() if w.warming and w.warming.is_done]:
            self._finish_warm_up(worker)

    def renew(self, *, is_idle: bool) -> None:
        """Replace a worker whose memory has grown, once its successor is warm, so that nobody waits.

        Where memory has no room for both, it is closed first: when there is nothing to do, or when it has grown to three
        times the limit.
        """
        serving = sorted((w for w in self._workers.values() if w.serves), key=lambda worker: worker.growth)
        if serving:
            largest = serving[-1]
            limit = self._max_growth * (1 if is_idle else 3)
            closes_first = not self._has_room and not self._trains(largest) and largest.growth >= limit
            if len(serving) > self.size or closes_first:
                largest.leaves = True
                grown = (largest.memory - largest.settled) / 1e6
                log.info("a worker is replaced: it has grown by %.0f MB in %d runs", grown, largest.runs)
        places = self._cluster.places()
        leaving = [worker for worker in self._workers.values() if worker.leaves and worker.place in places]
        for worker in leaving:
            if not any(task.worker is worker for task in self.tasks):
                self._cluster.remove_place(worker.place)
        if len(places) - len(leaving) < self._wanted():
            self._cluster.add_place()

    def restart(self, worker: Worker) -> None:
        """Kill a worker, whatever it is doing; another one takes its place."""
        self._cluster.restart(worker.address)

    def _trains(self, worker: Worker) -> bool:
        return any(task.worker is worker and task.slot == TRAIN for task in self.tasks)

    def _wanted(self) -> int:
        """How many workers there should be: one more while a successor is warming up."""
        serving = [worker for worker in self._workers.values() if worker.serves]
        return self.size + (self._has_room and any(worker.growth >= self._max_growth for worker in serving))

    def _refresh(self) -> None:
        found = self._cluster.workers()
        for address in found.keys() - self._workers.keys():
            self._workers[address] = worker = Worker(address, found[address])
            self._warm_up(worker)
        # Dask would never start a task that was submitted at the moment its worker crashed.
        for task in self.tasks:
            if task.worker.address not in found and not task.job.is_done:
                task.job.cancel()
        for gone in [worker for address, worker in self._workers.items() if address not in found]:
            if gone.warming:
                if not gone.warming.is_done:
                    gone.warming.cancel()
                self._finish_warm_up(gone)
            self._workers.pop(gone.address, None)

    def _warm_up(self, worker: Worker) -> None:
        worker.warming = self._cluster.submit(worker.address, TRAIN, warm_up, self.threads)

    def _finish_warm_up(self, worker: Worker) -> None:
        job, worker.warming = worker.warming, None
        assert job
        if job.has_succeeded:
            self._failed_warm_ups = 0
            worker.settled = worker.memory = job.result
            return
        log.error("warming up failed: %r", job.error)
        self._failed_warm_ups += 1
        if self._failed_warm_ups >= WARM_UP_TRIES:
            why = "its process crashed" if job.has_crashed else cause(job.error)
            raise EngineError(f"No worker could be started in {WARM_UP_TRIES} tries ({why}).")
        if job.has_crashed:
            self._workers.pop(worker.address, None)
        else:
            self._warm_up(worker)

    def _note_memory(self, task: Task, memory: int) -> None:
        """Note a worker's memory after a task, unless it is training at the same time."""
        worker = task.worker
        if task.slot == TRAIN:
            worker.runs += 1
        if self._trains(worker):
            return
        worker.memory = memory
        if task.slot == TRAIN and worker.runs <= SETTLED_RUNS:
            worker.settled = memory

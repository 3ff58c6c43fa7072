"""Which workers there are and what each has to do: they are warmed up when they come, and renewed when they have grown."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mnist_lab import machine, settings
from mnist_lab.engine.cluster import TRAIN, Cluster, Job, warm_up
from mnist_lab.engine.failure import cause
from mnist_lab.errors import EngineError

log = logging.getLogger(__name__)

WARM_UP_TRIES = 3
WORKER_BYTES = 1_200_000_000
SETTLED_RUNS = 10


def plan() -> tuple[int, int]:
    """How many workers train side by side, and how many threads each has.

    A worker has as many threads as there are cores, so that a run alone has the whole machine; that workers then share
    the cores costs less than it brings (`.github/docs/waits.md` has the measurement).
    """
    threads = settings.number(settings.THREADS, min(machine.cores(), 8))
    room = int(machine.memory() / 2 // WORKER_BYTES)
    return settings.number(settings.WORKERS, max(1, min(machine.cores(), room, 4))), threads


@dataclass(eq=False)
class Worker:
    """A worker process, known by its address: a process that takes the place of one that crashed is another worker.

    Attributes:
        place: in the cluster.
        warming: until it is warm.
        runs: how many it has trained.
        settled: its memory after its tenth run, or its last before that, in bytes.
        memory: as it was last, in bytes.
        leaves: it takes nothing new, and is closed when it has nothing left to do.
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
        """Whether it is to be given anything."""
        return self.warming is None and not self.leaves

    @property
    def growth(self) -> float:
        """By how many bytes it has grown. A third counts until it has settled: its first runs load what later ones share."""
        return (self.memory - self.settled) / (1 if self.runs >= SETTLED_RUNS else 3)


@dataclass(eq=False)
class Task:
    """A job, who has it, and since when (seconds of `time.time`)."""

    job: Job
    worker: Worker
    slot: str
    began: float = field(default_factory=time.time)


class Pool:
    """The workers of an engine.

    Args:
        size: how many workers train side by side.
        threads: of each.

    Attributes:
        tasks: all that workers have been given and whose end is not known here yet.
    """

    def __init__(self, cluster: Cluster, size: int, threads: int) -> None:
        self.size = size
        self.threads = threads
        self.tasks: list[Task] = []
        self._cluster = cluster
        self._workers: dict[str, Worker] = {}  # by address
        self._failed_warm_ups = 0
        self._has_room = machine.memory() // WORKER_BYTES > size  # for one more
        # So many bytes more, and another worker takes a worker's place.
        self._most_growth = settings.number(settings.GROWTH_MB, 60) * 1_000_000

    @property
    def is_ready(self) -> bool:
        """Whether a worker is warm."""
        return any(worker.warming is None for worker in self._workers.values())

    @property
    def is_warm(self) -> bool:
        """Whether none is still warming up."""
        return all(worker.warming is None for worker in self._workers.values())

    @property
    def takes_tasks(self) -> bool:
        """Whether something may be given to a worker, be it that it waits until that one is warm."""
        return any(not worker.leaves for worker in self._workers.values())

    def give(self, worker: Worker, slot: str, function: Callable[..., Any], *arguments: Any) -> Task:
        """Have a worker do something; `finish` has to be told when it has ended."""
        task = Task(self._cluster.submit(worker.address, slot, function, *arguments), worker, slot)
        self.tasks.append(task)
        return task

    def finish(self, task: Task, memory: int | None = None) -> None:
        """Know that a task has ended, and the worker's memory in bytes where it says so; a second time changes nothing."""
        if task not in self.tasks:
            return
        self.tasks.remove(task)
        if task.job.has_crashed:
            self._workers.pop(task.worker.address, None)
        elif memory is not None:
            self._weigh(task, memory)

    def idle(self) -> Worker | None:
        """A warm worker that trains nothing."""
        return next((worker for worker in self._workers.values() if worker.serves and not self._trains(worker)), None)

    def least_busy(self, slot: str) -> Worker:
        """The worker that has least to do of a kind; one that trains rather than one that is cold. There has to be one
        that takes tasks."""

        def load(worker: Worker) -> tuple[bool, int, bool]:
            waiting = sum(task.worker is worker and task.slot == slot for task in self.tasks)
            return worker.warming is not None, waiting, self._trains(worker)

        return min((worker for worker in self._workers.values() if not worker.leaves), key=load)

    def meet(self, *, thoroughly: bool) -> None:
        """Know which workers there are: warm up those that have come, forget those that have gone.

        Where there are as many as there should be, it looks only `thoroughly`.

        Raises:
            EngineError: workers cannot be warmed up.
        """
        if thoroughly or sum(worker.serves for worker in self._workers.values()) < self._wanted():
            self._look()
        for worker in [w for w in self._workers.values() if w.warming and w.warming.is_done]:
            self._warmed(worker)

    def renew(self, *, is_idle: bool) -> None:
        """Have another worker take the place of one that has grown, as soon as that other one is warm: nobody waits for
        it. Where there is no room for both, that is when there is nothing to do, or when it has grown thrice as much."""
        serving = sorted((w for w in self._workers.values() if w.serves), key=lambda worker: worker.growth)
        if serving:
            most = serving[-1]
            limit = self._most_growth * (1 if is_idle else 3)
            alone = not self._has_room and not self._trains(most) and most.growth >= limit
            if len(serving) > self.size or alone:
                most.leaves = True
                grown = (most.memory - most.settled) / 1e6
                log.info("a worker is renewed: it has grown by %.0f MB in %d runs", grown, most.runs)
        places = self._cluster.places()
        leaving = [worker for worker in self._workers.values() if worker.leaves and worker.place in places]
        for worker in leaving:
            if not any(task.worker is worker for task in self.tasks):
                self._cluster.remove_place(worker.place)
        if len(places) - len(leaving) < self._wanted():
            self._cluster.add_place()

    def restart(self, worker: Worker) -> None:
        """Kill a worker, whatever it is doing; another takes its place."""
        self._cluster.restart(worker.address)

    def _trains(self, worker: Worker) -> bool:
        return any(task.worker is worker and task.slot == TRAIN for task in self.tasks)

    def _wanted(self) -> int:
        """How many workers there should be: one more while one that has grown waits for its successor."""
        serving = [worker for worker in self._workers.values() if worker.serves]
        return self.size + (self._has_room and any(worker.growth >= self._most_growth for worker in serving))

    def _look(self) -> None:
        found = self._cluster.workers()
        for address in found.keys() - self._workers.keys():
            self._workers[address] = worker = Worker(address, found[address])
            self._warm_up(worker)
        # What a worker was given in the moment of its crash nobody would ever begin.
        for task in self.tasks:
            if task.worker.address not in found and not task.job.is_done:
                task.job.cancel()
        for gone in [worker for address, worker in self._workers.items() if address not in found]:
            if gone.warming:
                if not gone.warming.is_done:
                    gone.warming.cancel()
                self._warmed(gone)
            self._workers.pop(gone.address, None)

    def _warm_up(self, worker: Worker) -> None:
        worker.warming = self._cluster.submit(worker.address, TRAIN, warm_up, self.threads)

    def _warmed(self, worker: Worker) -> None:
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
            raise EngineError(f"The worker did not start after {WARM_UP_TRIES} tries ({why}).")
        if job.has_crashed:
            self._workers.pop(worker.address, None)
        else:
            self._warm_up(worker)

    def _weigh(self, task: Task, memory: int) -> None:
        """Note a worker's memory after something it did, unless it trains beside that."""
        worker = task.worker
        if task.slot == TRAIN:
            worker.runs += 1
        if self._trains(worker):
            return
        worker.memory = memory
        if task.slot == TRAIN and worker.runs <= SETTLED_RUNS:
            worker.settled = memory

"""A cluster that a test plays: workers come, crash and answer when it says so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mnist_lab.engine.cluster import TRAIN, warm_up
from mnist_lab.engine.pool import Pool, Worker

MB = 1_000_000


@dataclass(eq=False)
class Job:
    """What a worker was given, and how it ended."""

    address: str
    slot: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    is_done: bool = False
    has_succeeded: bool = False
    has_crashed: bool = False
    result: Any = None
    error: BaseException | None = None
    calls: list[Callable[[], None]] = field(default_factory=list)

    def when_done(self, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def end(self, result: Any) -> None:
        self.has_succeeded = True
        self.result = result
        self._done()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self._done()

    def cancel(self) -> None:
        if not self.is_done:
            self.has_crashed = True
            self._done()

    def _done(self) -> None:
        self.is_done = True
        for call in self.calls:
            call()


@dataclass
class Cluster:
    """Has no processes: a worker for each place until it crashes, and `jobs`, all that was ever submitted."""

    found: dict[str, int] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    started: int = 0

    def submit(self, address: str, slot: str, function: Callable[..., Any], *arguments: Any) -> Job:
        self.jobs.append(Job(address, slot, function, arguments))
        return self.jobs[-1]

    def workers(self) -> dict[str, int]:
        return dict(self.found)

    def places(self) -> set[int]:
        return {*self.found.values(), *self.waiting}

    def add_place(self) -> None:
        self.started += 1
        self.waiting.add(self.started)

    def remove_place(self, place: int) -> None:
        self.found = {address: other for address, other in self.found.items() if other != place}

    def restart(self, address: str) -> None:
        self.restarted.append(address)

    def come(self) -> None:
        """Let workers come to all places that wait for one."""
        for place in sorted(self.waiting):
            self.found[f"tls://{place}:{len(self.jobs)}"] = place
        self.waiting = set()

    def crash(self, address: str) -> None:
        """Let a worker crash, with all that it was doing."""
        self.waiting.add(self.found.pop(address))
        for job in self.jobs:
            if job.address == address:
                job.cancel()

    def last(self, function: Callable[..., Any]) -> Job:
        """What was last given to a worker of a kind."""
        return [job for job in self.jobs if job.function is function][-1]


def pool(size: int = 1, *, memory: int = 500 * MB) -> tuple[Pool, Cluster]:
    """A pool with warm workers."""
    cluster = Cluster()
    found = Pool(cluster, size, threads=2)
    for _ in range(size):
        cluster.add_place()
    warm(found, cluster, memory)
    return found, cluster


def warm(pool: Pool, cluster: Cluster, memory: int = 500 * MB) -> None:
    """Let all workers come that are on their way, and be warm."""
    cluster.come()
    pool.update(thoroughly=True)
    for job in cluster.jobs:
        if job.function is warm_up and not job.is_done:
            job.end(memory)
    pool.update(thoroughly=False)


def trained(pool: Pool, worker: Worker, memory: int, times: int = 1) -> None:
    """Let a worker train, and have so much memory after it."""
    for _ in range(times):
        pool.finish(pool.give(worker, TRAIN, print), memory)

"""Ten viewers and ten queued runs, over the loopback; hundreds of short runs; slow, and run by hand."""

import asyncio
import contextlib
import os
import threading
import time

import numpy as np
import psutil
import pytest

from mnist_lab.bench.viewers import Viewer
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.engine import supervisor
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.engines import workers
from tests.builders.processes import server, wait_until


async def watched(viewers: list[Viewer], store: Store, ids: list[int]) -> None:
    """Let all look until all runs have ended."""
    until = asyncio.Event()
    looking = [asyncio.ensure_future(viewer.watch(until)) for viewer in viewers]
    while not all(store.runs.get(run_id).status.is_ended for run_id in ids):
        await asyncio.sleep(0.5)
        for task in looking:
            if task.done():
                task.result()
    until.set()
    await asyncio.gather(*looking)


def seconds(store: Store, ids: list[int]) -> float:
    runs = [store.runs.get(run_id) for run_id in ids]
    assert {run.status for run in runs} == {Status.FINISHED}
    return max(run.ended for run in runs) - min(run.started for run in runs)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("people", [10, 30])
def test_viewers_look_on_while_ten_runs_train(store: Store, small: Experiment, people: int) -> None:
    recipe = small.recipe.model_dump() | {"epochs": 8}
    experiments = [small.with_changes(recipe=recipe, train_images=20_000, seed=seed) for seed in range(10)]
    with server(store.url) as running:
        wait_until(lambda: store.lease.current() and store.lease.current().state == "ready", "the worker is warm")
        alone = store.queue.add(experiments, "ada")
        asyncio.run(watched([], store, alone))
        ids = store.queue.add(experiments, "ada")
        viewers = [Viewer(running.url, "train") for _ in range(people)]
        before = time.process_time()
        asyncio.run(watched(viewers, store, ids))
        own = time.process_time() - before
    every = np.array([second for viewer in viewers for second in viewer.seconds])
    print(
        f"{people} viewers, {len(every)} updates: p50 {1e3 * np.quantile(every, 0.5):.0f} ms, p95 "
        f"{1e3 * np.quantile(every, 0.95):.0f} ms; intervals {sorted(set().union(*(v.intervals for v in viewers)))} s; "
        f"ten runs took {seconds(store, ids):.1f} s, alone {seconds(store, alone):.1f} s; the viewers took {own:.1f} s of it"
    )
    assert not [error for viewer in viewers for error in viewer.errors]
    assert min(len(viewer.texts) for viewer in viewers) > 2, "everybody sees it move"
    assert [store.runs.get(one).test_loss for one in ids] == [store.runs.get(one).test_loss for one in alone]


class Watch(threading.Thread):
    """Watches the memory of an engine's workers: how much each has at most after its tenth run beyond what it had then."""

    def __init__(self, store: Store) -> None:
        super().__init__(daemon=True)
        self.store = store
        self.over = threading.Event()
        self.bytes: dict[int, list[int]] = {}
        self.runs: dict[int, int] = {}
        self.settled: dict[int, int] = {}
        self.most: dict[int, int] = {}

    def run(self) -> None:
        while not self.over.wait(0.05):
            for process in workers(self.store):
                with contextlib.suppress(psutil.Error):
                    rss = process.memory_info().rss
                    self.bytes.setdefault(process.pid, []).append(rss)
                    if process.pid in self.settled:
                        self.most[process.pid] = max(self.most.get(process.pid, 0), rss - self.settled[process.pid])

    def count(self, process: psutil.Process) -> None:
        """It has trained another run."""
        self.runs[process.pid] = self.runs.get(process.pid, 0) + 1
        if self.runs[process.pid] == 10:
            self.settled[process.pid] = process.memory_info().rss


def busiest(store: Store, seconds: dict[int, float]) -> psutil.Process:
    """The worker that has worked most since this was asked last: that which trained the last run."""
    now = {process.pid: sum(process.cpu_times()[:2]) for process in workers(store)}
    pid = max(now, key=lambda pid: now[pid] - seconds.get(pid, 0.0) - 60 * (pid not in seconds))
    seconds |= now
    return psutil.Process(pid)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("renewal", [True, False])
def test_many_short_runs_leave_no_worker_large_and_wait_for_none(
    store: Store, monkeypatch: pytest.MonkeyPatch, renewal: bool
) -> None:
    """As many as `SHORT_RUNS` says, 500 as a rule."""
    if not renewal:
        monkeypatch.setenv("MNIST_LAB_GROWTH_MB", "1000000")
    number = int(os.environ.get("SHORT_RUNS", "500"))
    designs = [
        PRESETS[name].with_changes(
            protocol="holdout", train_images=1000, recipe=PRESETS[name].recipe.model_dump() | {"epochs": 1}
        )
        for name in ("3x3", "2x2", "fast")
    ]
    watch, seconds, waits = Watch(store), {}, []
    began = time.monotonic()
    with supervisor.engine(store.url):
        wait_until(lambda: store.lease.current() and store.lease.current().state == "ready", "the worker is warm")
        warm = time.monotonic() - began
        watch.start()
        (first,) = workers(store)
        busiest(store, seconds)
        ids = store.queue.add([designs[i % 3].with_changes(seed=i) for i in range(number)], "ada")
        for run_id in ids:
            run = wait_until(lambda i=run_id: (run := store.runs.get(i)).status.is_ended and run, "it ends", 300)
            assert run.status is Status.FINISHED
            waits.append(run.ended - run.started - run.seconds)
            watch.count(busiest(store, seconds))
        watch.over.set()
        watch.join()
    megabytes = np.array(watch.bytes[first.pid]) / 1e6
    print(
        f"{number} short runs, {'with' if renewal else 'without'} renewal: {len(watch.bytes)} workers, which trained "
        f"{sorted(watch.runs.values())} runs; most beyond the tenth run {max(watch.most.values(), default=0) / 1e6:.0f} MB; the first "
        f"worker from {megabytes[0]:.0f} to {megabytes[-1]:.0f} MB, {(megabytes[-1] - watch.settled.get(first.pid, 0) / 1e6) / max(watch.runs[first.pid] - 10, 1):.2f} MB a run after its tenth; "
        f"a fresh worker is warm after {warm:.1f} s; runs waited {np.median(waits):.2f} s, at most {max(waits):.2f} s"
    )
    if renewal:
        assert max(watch.most.values(), default=0) < 150e6
        assert max(waits) < warm / 2, "a run waited for a renewal"

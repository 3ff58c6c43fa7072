"""Ten viewers and ten queued runs, over the loopback; slow, and run by hand."""

import asyncio
import time

import numpy as np
import pytest

from mnist_lab.bench.viewers import Viewer
from mnist_lab.experiment import Experiment, Status
from mnist_lab.store import Store
from tests.processes import server, wait_until


async def watched(viewers: list[Viewer], store: Store, ids: list[int]) -> None:
    """Let all look until all runs have ended."""
    until = asyncio.Event()
    looking = [asyncio.ensure_future(viewer.watch(until)) for viewer in viewers]
    while not all(store.run(run_id).status.is_ended for run_id in ids):
        await asyncio.sleep(0.5)
        for task in looking:
            if task.done():
                task.result()
    until.set()
    await asyncio.gather(*looking)


def seconds(store: Store, ids: list[int]) -> float:
    runs = [store.run(run_id) for run_id in ids]
    assert {run.status for run in runs} == {Status.FINISHED}
    return max(run.ended for run in runs) - min(run.started for run in runs)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("people", [10, 30])
def test_viewers_look_on_while_ten_runs_train(store: Store, small: Experiment, people: int) -> None:
    recipe = small.recipe.model_dump() | {"epochs": 8}
    experiments = [small.with_changes(recipe=recipe, train_images=20_000, seed=seed) for seed in range(10)]
    with server(store.url) as running:
        wait_until(lambda: store.lease() and store.lease().state == "ready", "the worker is warm")
        wait_until(store.calibration, "it is calibrated")
        alone = store.add_runs(experiments, "ada")
        asyncio.run(watched([], store, alone))
        ids = store.add_runs(experiments, "ada")
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
    assert [store.run(one).test_loss for one in ids] == [store.run(one).test_loss for one in alone]

"""The real server: what it loads, and that nothing is left of it however it ends."""

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from playwright.sync_api import BrowserContext, Page
from websockets.exceptions import ConnectionClosed

from mnist_lab.bench.viewers import Viewer
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.results import receipt
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from tests.builders.engines import assert_same_result, ended, gets_on, longer, undisturbed
from tests.builders.processes import all_gone, running_chromium, server, wait_until, window


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserContext]:
    with running_chromium() as running:
        yield running


def assert_nothing_left(members: list[psutil.Process], ending: str) -> None:
    assert len(members) >= 3  # server, engine, worker
    wait_until(lambda: all_gone(members), f"no process is left after {ending}", 30)


def assert_all_wait(store: Store, runs: list[int]) -> None:
    """For the next start, in this order."""
    store.lease.requeue_orphans()  # as any next look at the lab does
    assert [(run.id, run.status) for run in store.queue.active()] == [(run_id, Status.QUEUED) for run_id in runs]


@contextlib.contextmanager
def seen_in_a_browser(url: str, chromium: BrowserContext) -> Iterator[None]:
    """The Train page is open, and shows a run's first epoch."""
    with window(chromium) as page:
        page.goto(f"{url}/train")
        page.get_by_text("Epoch 1 of 12").wait_for()
        yield


@contextlib.contextmanager
def seen(url: str) -> Iterator[None]:
    """The same without a browser, which would take more of the processors than the training: the page's connection is open,
    and asks for its updates."""
    viewer = Viewer(url, "train")

    async def look() -> None:
        with contextlib.suppress(ConnectionClosed):
            await viewer.watch(asyncio.Event())

    threading.Thread(target=asyncio.run, args=(look(),), daemon=True).start()
    wait_until(lambda: any(text.startswith("Epoch 1 of 12") for text in list(viewer.texts)), "the page shows the run")
    yield
    assert not viewer.errors


# SIGKILL is below, where what waited goes on.
@pytest.mark.parametrize("ending", ["Ctrl-C", "Ctrl-C twice", "SIGTERM"])
def test_no_process_is_left_and_the_run_waits_for_the_next_start(
    store: Store, tmp_path: Path, chromium: BrowserContext, ending: str
) -> None:
    (run_id, waiting) = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    # From another folder, as `streamlit run elsewhere/app.py`: it trains all the same.
    with (
        server(store.url, folder=tmp_path) as running,
        seen_in_a_browser(running.url, chromium) if ending == "Ctrl-C" else seen(running.url),
    ):
        wait_until(lambda: store.runs.get(run_id).steps_done > 10, "the run trains")
        members = running.family()
        loaded = {mapped.path for mapped in members[0].memory_maps()}
        assert not any("tensorflow" in path for path in loaded), "the server has loaded TensorFlow"
        assert any("tensorflow" in m.path for process in members[1:] for m in process.memory_maps())
        if ending.startswith("Ctrl-C"):
            running.signal(signal.SIGINT)
            if ending.endswith("twice"):
                time.sleep(0.2)  # as a person presses twice; nothing depends on how long
                with contextlib.suppress(ProcessLookupError):
                    running.signal(signal.SIGINT)
        else:
            running.signal(getattr(signal, ending))
        assert_nothing_left(members, ending)
        assert_all_wait(store, [run_id, waiting])
        running.process.wait()


def assert_found(page: Page, url: str, run: Run) -> None:
    """In the table, alone; on its pages; and as a file."""
    page.goto(f"{url}/results")
    cell = page.locator("[data-testid=stDataFrame] [role=gridcell]")
    first = [run.experiment.name, "finished"]
    # The first cell has the look of the design; the name, the accuracy and the status follow.
    cells = wait_until(lambda: (c := cell.all_text_contents())[1:4:2] == first and c, "the run is in the table")
    assert cells[2] == f"{100 * run.test_accuracy:.2f} %"
    page.goto(f"{url}/train?run={run.id}")
    page.get_by_text(f"Finished · {run.epochs_done} of {run.experiment.recipe.epochs} epochs").wait_for()
    page.goto(f"{url}/run?run={run.id}")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Prepare the weights").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Receipt with weights").click()
    assert receipt.read(Path(download.value.path()).read_bytes()).experiment == run.experiment


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
@pytest.mark.timeout(900)
def test_runs_of_a_server_that_is_killed_go_on_at_its_next_start_to_the_same_bit_and_are_found_there(
    store: Store, small: Experiment, chromium: BrowserContext, kills: int
) -> None:
    generator = np.random.default_rng(kills)
    ids = store.queue.add([longer(small)] * 2, "ada")
    for _ in range(kills):
        if store.runs.get(ids[-2]).status.is_ended:
            ids += store.queue.add([longer(small)], "ada")
        trains = ids[-2]
        before = store.runs.get(trains).steps_done
        with server(store.url) as running:
            wait_until(lambda i=trains, steps=before: gets_on(store.runs.get(i), steps), "it gets somewhere")
            time.sleep(generator.uniform(0, 1.5))
            members = running.family()
            running.signal(signal.SIGKILL)
            assert_nothing_left(members, "SIGKILL")
            running.process.wait()
        left = [run_id for run_id in ids if not store.runs.get(run_id).status.is_ended]
        assert ids[-1] in left
        assert_all_wait(store, left)
    store.queue.stop(ids.pop())
    with server(store.url) as running:
        expected = undisturbed(store, longer(small))
        for run_id in ids:
            assert_same_result(store, expected, ended(store, run_id))
        store.labels.set([run.id for run in store.runs.all() if run.id != ids[-1]], deleted=True)
        with window(chromium) as page:
            assert_found(page, running.url, store.runs.get(ids[-1]))

"""The real server: what it loads, and that nothing is left of it however it ends."""

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.engines import assert_same_result, ended, gets_on, longer, undisturbed
from tests.builders.processes import all_gone, running_chromium, server, wait_until, window


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as running:
        yield running


@pytest.mark.parametrize("ending", ["Ctrl-C", "Ctrl-C twice", "SIGTERM", "SIGKILL"])
def test_no_process_is_left_and_the_run_waits_for_the_next_start(
    store: Store, tmp_path: Path, chromium: Browser, ending: str
) -> None:
    (run_id, waiting) = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    # From another folder, as `streamlit run elsewhere/app.py`: it trains all the same.
    with server(store.url, folder=tmp_path) as running, window(chromium) as page:
        page.goto(f"{running.url}/train")
        page.get_by_text("Epoch 1 of 12").wait_for()
        wait_until(lambda: store.runs.get(run_id).steps_done > 10, "the run trains")
        members = running.family()
        assert len(members) >= 3  # server, engine, worker
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
        wait_until(lambda: all_gone(members), f"no process is left after {ending}", 30)
        store.lease.requeue_orphans()  # as any next look at the lab does
        assert [(run.id, run.status) for run in store.queue.active()] == [
            (run_id, Status.QUEUED),
            (waiting, Status.QUEUED),
        ]
        running.process.wait()


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
@pytest.mark.timeout(900)
def test_runs_of_a_server_that_is_killed_go_on_at_its_next_start_to_the_same_bit(
    store: Store, small: Experiment, kills: int
) -> None:
    generator = np.random.default_rng(kills)
    ids = store.queue.add([longer(small)], "ada")
    for _ in range(kills):
        if store.runs.get(ids[-1]).status.is_ended:
            ids += store.queue.add([longer(small)], "ada")
        before = store.runs.get(ids[-1]).steps_done
        with server(store.url) as running:
            wait_until(lambda i=ids[-1], steps=before: gets_on(store.runs.get(i), steps), "it gets somewhere")
            time.sleep(generator.uniform(0, 1.5))
            running.signal(signal.SIGKILL)
            running.process.wait()
    with server(store.url):
        expected = undisturbed(store, longer(small))
        for run_id in ids:
            assert_same_result(store, expected, ended(store, run_id))

"""The real server: what it loads, and that nothing is left of it however it ends."""

import contextlib
import signal
import time

import pytest

from mnist_lab.experiment import Status
from mnist_lab.presets import PRESETS
from mnist_lab.store import Store
from tests.processes import all_gone, browser, server, wait_until


@pytest.mark.parametrize("ending", ["Ctrl-C", "Ctrl-C twice", "SIGTERM", "SIGKILL"])
def test_no_process_is_left_and_the_run_is_interrupted(store: Store, ending: str) -> None:
    (run_id, waiting) = store.add_runs([PRESETS["3x3"]] * 2, "ada")
    with server(store.url) as running, browser() as page:
        page.goto(f"{running.url}/train")
        page.get_by_text("Epoch 1 of 12").wait_for()
        wait_until(lambda: store.run(run_id).steps_done > 10, "the run trains")
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
        store.requeue_orphans()  # as any next look at the lab does
        assert [(run.id, run.status) for run in store.active()] == [(run_id, Status.QUEUED), (waiting, Status.QUEUED)]
        running.process.wait()

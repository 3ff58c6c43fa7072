"""When the machine is measured, on a cluster and by a clock that the test plays."""

import time
from dataclasses import replace
from typing import Any

import pytest

from mnist_lab import machine
from mnist_lab.design.presets import PRESETS
from mnist_lab.engine.calibration import Calibration
from mnist_lab.engine.worker.calibration import calibrate
from mnist_lab.results import prediction
from mnist_lab.store.run import Run
from mnist_lab.store.store import Store
from tests.builders.pools import Cluster, pool
from tests.builders.runs import OUTCOME, epoch

LONG = PRESETS["3x3"]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the machine is."""
    found = [True]
    monkeypatch.setattr(machine.Load, "is_quiet", lambda self: found[0])
    return found


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: found[0])
    return found


class Idle:
    """An engine with nothing to do, for so many seconds."""

    def __init__(self, store: Store, now: list[float], **options: Any) -> None:
        self.pool, self.cluster = pool()
        self.calibration = Calibration(store, self.pool, **options)
        self.now = now

    def measures(self, seconds: int) -> int:
        """How often it begins to measure while it looks each second."""
        before = self._begun(self.cluster)
        for _ in range(seconds):
            self.now[0] += 1
            if not self.calibration.is_running:
                self.calibration.consider(self.pool.idle())
        return self._begun(self.cluster) - before

    def gives(self, ratios: list[float], is_quiet: bool) -> None:
        self.cluster.last(calibrate).end((ratios, is_quiet))
        self.calibration.collect()

    @staticmethod
    def _begun(cluster: Cluster) -> int:
        return sum(job.function is calibrate for job in cluster.jobs)


def took(store: Store, times: float) -> Run:
    """A finished run that took so many times as long as the model says."""
    (run_id,) = store.queue.add([LONG], "ada")
    store.queue.claim("engine")
    store.recording.record(run_id, *(epoch(number + 1) for number in range(LONG.recipe.epochs)))
    store.recording.finish(run_id, replace(OUTCOME, seconds=times * prediction.model_seconds(LONG)))
    return store.runs.get(run_id)


def test_a_machine_that_was_not_quiet_or_is_contradicted_is_measured_again_when_it_is(
    store: Store, quiet: list[bool], now: list[float]
) -> None:
    idle = Idle(store, now)
    assert idle.measures(1) == 1  # nothing is known: at once
    assert idle.calibration.is_running
    assert idle.pool.idle() is None
    idle.gives([59.9, 40.5, 46.0], is_quiet=False)
    assert (store.calibrations.get(), idle.calibration.is_trusted) == ([59.9, 40.5, 46.0], False)
    assert idle.measures(20) == 0
    quiet[0] = False
    assert idle.measures(300) == 0
    quiet[0] = True
    assert idle.measures(60) == 1
    idle.gives([1.0, 1.1, 0.9], is_quiet=True)
    assert idle.measures(500) == 0
    assert Calibration(store, idle.pool).is_trusted

    idle.calibration.compare(took(store, 1.2))
    assert idle.calibration.is_trusted
    idle.calibration.compare(took(store, 5))
    assert not idle.calibration.is_trusted
    assert idle.measures(100) == 1


@pytest.mark.usefixtures("quiet")
def test_after_a_run_it_is_idle_anew(store: Store, now: list[float]) -> None:
    store.calibrations.save([1.0, 1.0, 1.0], is_quiet=False)
    idle = Idle(store, now)
    assert idle.measures(25) == 0
    idle.calibration.end_idling()
    assert idle.measures(25) == 0
    assert idle.measures(10) == 1


@pytest.mark.usefixtures("quiet")
def test_what_could_not_be_measured_is_said_and_tried_again(
    store: Store, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    idle = Idle(store, now)
    assert idle.measures(1) == 1
    idle.cluster.last(calibrate).fail(MemoryError("no room"))
    idle.calibration.collect()
    assert "calibration failed: MemoryError('no room')" in caplog.text
    assert store.calibrations.get() is None
    assert idle.measures(1) == 1


@pytest.mark.usefixtures("quiet")
def test_an_engine_that_serves_some_runs_alone_does_not_make_them_wait(store: Store, now: list[float]) -> None:
    idle = Idle(store, now, is_wanted=False)
    assert idle.measures(100) == 0
    store.calibrations.save([1.0, 1.0, 1.0])
    idle.calibration.compare(took(store, 5))
    assert idle.measures(100) == 0

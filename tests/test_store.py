"""The store over a real SQLite file."""

import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_lab import store as stores
from mnist_lab.errors import StoreError
from mnist_lab.experiment import Experiment, Status
from mnist_lab.presets import PRESETS
from mnist_lab.store import Store

EPOCH = {"epoch": 1, "steps": 10, "loss": 1.0, "accuracy": 0.5, "validation_loss": 0.9, "seconds": 1.5}
RESULT = {
    "kept_epoch": 1,
    "validation_accuracy": 0.6,
    "validation_loss": 0.9,
    "test_accuracy": 0.61,
    "test_loss": 0.88,
    "seconds": 2.0,
    "reporting_seconds": 0.01,
}


def points(*numbers: int) -> list[dict[str, float]]:
    return [{"point": n, "step": n + 1, "loss": 1.0 / (n + 1), "accuracy": 0.5, "seconds": float(n)} for n in numbers]


def test_runs_outlive_the_store_and_come_newest_first(store: Store, url: str) -> None:
    ids = store.add_runs([PRESETS["3x3"], PRESETS["7x7"]], "ada")
    store.close()
    runs = Store(url).runs()
    assert [run.id for run in runs] == ids[::-1]
    assert runs[0].experiment == PRESETS["7x7"]
    assert (runs[0].status, runs[0].owner, runs[0].parameters) == (Status.QUEUED, "ada", 136_906)


def test_the_queue_is_first_come_first_served_and_each_run_is_claimed_once(store: Store, url: str) -> None:
    ids = store.add_runs([PRESETS["3x3"]] * 20, "ada")
    claimed: list[int] = []

    def claim_all() -> None:
        mine = Store(url)
        while run := mine.claim("engine"):
            claimed.append(run.id)

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == ids


def test_claim_only_takes_what_it_may(store: Store) -> None:
    first, second = store.add_runs([PRESETS["3x3"]] * 2, "ada")
    run = store.claim("engine", only=[second])
    assert run is not None
    assert run.id == second
    assert store.claim("engine", only=[second]) is None
    assert [run.id for run in store.active()] == [second, first]


def test_a_waiting_run_is_cancelled_a_running_one_asked_to_stop_an_ended_one_left_alone(store: Store) -> None:
    waiting, running = store.add_runs([PRESETS["3x3"]] * 2, "ada")
    store.claim("engine", only=[running])
    store.request_stop(waiting)
    assert store.run(waiting).status is Status.CANCELLED
    assert store.record(running, points(0), None)
    store.request_stop(running)
    assert store.run(running).status is Status.RUNNING
    assert not store.record(running, points(1), None)
    store.finish(running, Status.STOPPED, RESULT, {"w": np.ones(2)}, np.ones((3, 10)))
    before = store.run(running)
    store.request_stop(running)
    assert store.run(running) == before


def test_metrics_come_back_as_they_went_in_and_a_known_point_is_replaced(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.claim("engine")
    store.record(run_id, points(0, 1), None)
    store.record(run_id, [{**points(1)[0], "loss": 0.25, "step": 9}], {**EPOCH, "validation_accuracy": 0.7})
    store.record(run_id, [], {**EPOCH, "epoch": 2, "validation_accuracy": 0.6})
    batches = store.batches(run_id)
    assert batches["point"].tolist() == [0, 1]
    assert batches["loss"].tolist() == [1.0, 0.25]
    assert store.epochs([run_id])["validation_accuracy"].tolist() == [0.7, 0.6]
    run = store.run(run_id)
    assert (run.best_validation_accuracy, run.best_epoch) == (0.7, 1)
    assert (run.last_validation_accuracy, run.epochs_done, run.steps_done) == (0.6, 2, 9)


def test_kept_weights_and_predictions_come_back_without_pickle(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.claim("engine")
    weights = {"network/a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "network/a/bias": np.zeros(3)}
    probabilities = np.random.default_rng(1).random((10_000, 10)).astype(np.float32)
    store.finish(run_id, Status.FINISHED, RESULT, weights, probabilities)
    found = store.weights(run_id)
    assert list(found) == list(weights)
    assert all(np.array_equal(found[name], weights[name]) for name in weights)
    assert np.array_equal(store.probabilities(run_id), probabilities.astype(np.float16))
    assert store.run(run_id).test_accuracy == 0.61
    assert store.weights(99) is None
    assert store.run(99) is None


def test_nothing_is_written_to_a_run_that_was_declared_dead(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.claim("dead engine")
    store.interrupt_orphans()
    assert store.run(run_id).status is Status.INTERRUPTED
    assert not store.record(run_id, points(0), {**EPOCH, "validation_accuracy": 0.7})
    store.finish(run_id, Status.FINISHED, RESULT, {"w": np.ones(1)}, np.ones((1, 10)))
    assert store.run(run_id).status is Status.INTERRUPTED
    assert store.batches(run_id).empty
    assert store.weights(run_id) is None


def test_the_lease_belongs_to_one_living_engine(store: Store) -> None:
    assert store.take_lease("one", "warming up")
    assert store.lease().is_live
    assert not store.take_lease("two", "ready")
    assert store.renew_lease("one", "ready")
    assert store.lease().state == "ready"
    assert not store.renew_lease("two", "ready")
    store.release_lease("one")
    assert store.lease() is None
    assert store.take_lease("two", "ready")


@pytest.mark.parametrize("host", ["here", "elsewhere"])
def test_a_dead_engine_loses_its_lease_and_its_runs(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    with monkeypatch.context() as patch:
        if host == "elsewhere":
            patch.setattr(stores.socket, "gethostname", lambda: "elsewhere")
            patch.setattr(stores.time, "time", lambda: 1000.0)
        store.take_lease("one", "ready")
        store.claim("one")
    if host == "here":
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        with sqlite3.connect(tmp_path / "lab.db") as connection:
            connection.execute("UPDATE lease SET pid = ?", (dead.pid,))
    assert not store.lease().is_live
    assert store.take_lease("two", "ready")
    run = store.run(run_id)
    assert (run.status, run.error) == (Status.INTERRUPTED, stores.ORPHAN_SENTENCE)


def test_another_process_with_the_number_of_a_dead_engine_is_not_the_engine(store: Store) -> None:
    store.take_lease("one", "ready")
    lease = store.lease()
    assert lease.is_live
    assert not replace(lease, process_created=lease.process_created - 60, heartbeat=lease.heartbeat - 60).is_live


def test_an_engine_outlives_a_clock_that_is_set_and_a_machine_that_slept(store: Store) -> None:
    store.take_lease("one", "ready")
    lease = store.lease()
    assert replace(lease, process_created=lease.process_created - 3600).is_live
    assert replace(lease, heartbeat=lease.heartbeat - 3600).is_live


def test_a_living_engines_runs_are_not_orphans(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.take_lease("one", "ready")
    store.claim("one")
    store.interrupt_orphans()
    assert store.run(run_id).status is Status.RUNNING


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", ["MNIST_LAB_DATABASE_URL", "'nonsense'"]),
        ("postgresql://ada:secret@host/db", ["MNIST_LAB_DATABASE_URL", "postgresql://ada:***@host/db"]),
        ("sqlite://", ["MNIST_LAB_DATABASE_URL", "received sqlite://"]),
        ("sqlite:////proc/nowhere/lab.db", ["/proc/nowhere", "MNIST_LAB_DATABASE_URL"]),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence(url: str, words: list[str]) -> None:
    with pytest.raises(StoreError) as caught:
        Store(url)
    sentence = str(caught.value)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence
    assert "secret" not in sentence


def test_a_file_that_is_no_database_is_one_sentence_and_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "essay.db"
    file.write_text("my homework " * 100)
    with pytest.raises(StoreError, match="cannot be used: file is not a database"):
        Store(f"sqlite:///{file}")
    assert file.read_text() == "my homework " * 100


def test_a_store_of_a_newer_lab_is_refused_and_left_alone(store: Store, url: str, tmp_path: Path) -> None:
    store.add_runs([PRESETS["3x3"]], "ada")
    store.close()
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="made by a newer version of the lab"):
        Store(url)
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_migrations_run_once_even_when_several_open_a_new_store_together(url: str) -> None:
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(Store(url))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    opened[0].add_runs([PRESETS["3x3"]], "ada")
    assert len(opened[5].runs()) == 1


def test_the_columns_that_queries_name_are_those_that_the_migrations_make(store: Store, tmp_path: Path) -> None:
    tables = (stores._RUN, stores._EPOCHS, stores._BATCHES, stores._CHECKPOINTS, stores._PREDICTIONS, stores._LEASE)
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        for table in tables:
            made = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
            assert {column.name for column in table.c} == made


def test_an_experiment_is_stored_whole(store: Store, small: Experiment) -> None:
    (run_id,) = store.add_runs([small], "ada")
    assert store.run(run_id).experiment == small
    store.begin(run_id, {"python": "3"})
    assert store.run(run_id).environment == {"python": "3"}

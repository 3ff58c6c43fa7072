"""The store over a real SQLite file."""

import io
import json
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import alembic.command
import alembic.config
import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, Status, Wish, parse, read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError, StoreError
from mnist_lab.store import database, queue, schema
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Checkpoint, Report
from tests.builders.runs import LINE, OUTCOME, epoch, point, trained


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
    assert store.record(running, Report([point(0)])) is Wish.GO_ON
    store.request_pause(running)
    assert store.record(running, Report([point(0)])) is Wish.PAUSE
    store.request_stop(running)
    assert store.run(running).status is Status.RUNNING
    assert store.record(running, Report([point(1)])) is Wish.STOP
    store.finish(running, replace(OUTCOME, stopped=True))
    assert store.run(running).status is Status.STOPPED
    before = store.run(running)
    store.request_stop(running)
    assert store.run(running) == before


def test_metrics_come_back_as_they_went_in_and_a_known_point_is_replaced(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.claim("engine")
    store.record(run_id, Report([point(0), point(1)]))
    store.record(run_id, Report([point(1, step=9, loss=0.25)], LINE))
    store.record(run_id, epoch(2, 0.6))
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
    probabilities[0, :2] = 1.5, 1.5001  # one number as float16, and the second is the answer
    store.finish(run_id, replace(OUTCOME, weights=weights, probabilities=probabilities))
    found = store.weights(run_id)
    assert list(found) == list(weights)
    assert all(np.array_equal(found[name], weights[name]) for name in weights)
    kept = store.probabilities(run_id)
    plain, answers = probabilities.astype(np.float16), probabilities.argmax(axis=1)
    tied = plain.argmax(axis=1) != answers
    assert tied[0]
    assert np.array_equal(kept[~tied], plain[~tied])
    changed = kept[tied] != plain[tied]
    assert np.array_equal(changed.argmax(axis=1), answers[tied]), "one step up for the larger of two"
    assert (changed.sum(axis=1) == 1).all()
    assert np.array_equal(kept.argmax(axis=1), answers), "answers are those that were counted"
    assert store.run(run_id).test_accuracy == 0.61
    assert store.weights(99) is None
    assert store.run(99) is None


def test_nothing_is_written_to_a_run_that_is_not_running(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.claim("dead engine")
    store.requeue_orphans()
    assert store.run(run_id).status is Status.QUEUED
    assert store.record(run_id, Report([point(0)], LINE)) is Wish.STOP
    store.finish(run_id, OUTCOME)
    assert store.run(run_id).status is Status.QUEUED
    assert store.batches(run_id).empty
    assert store.weights(run_id) is None


def test_a_run_whose_worker_died_goes_on_from_its_newest_checkpoint(store: Store) -> None:
    run_id, other = store.add_runs([PRESETS["3x3"]] * 2, "ada")
    store.claim("engine")
    assert store.begin(run_id, {"threads": 2}) is None
    store.record(run_id, Report([point(n) for n in range(10)]))
    store.record(run_id, epoch(1))
    within = Checkpoint(1, 15, {"model/0": np.arange(3)})
    store.record(run_id, Report([point(n) for n in range(10, 15)], checkpoint=within))
    store.record(run_id, Report([point(n) for n in range(15, 18)]))
    store.lost(run_id)
    assert [run.id for run in store.active()] == [run_id, other], "it is the next"
    assert store.claim("engine").id == run_id
    found = store.begin(run_id, {"threads": 2})
    assert (found.epoch, found.step, found.state["model/0"].tolist()) == (1, 15, [0, 1, 2])
    assert store.batches(run_id)["step"].max() == 15, "what came after it is taken back"
    run = store.run(run_id)
    assert (run.steps_done, run.epochs_done, run.caveat) == (15, 1, None)
    store.record(run_id, epoch(2))
    store.lost(run_id)
    store.claim("engine")
    found = store.begin(run_id, {"threads": 1})
    assert (found.epoch, found.step) == (2, 20), "an epoch's end is newer than what was kept within it"
    assert "threads (1 after 2)" in store.run(run_id).caveat


def test_a_run_that_kills_its_workers_is_given_up_and_can_be_resumed(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    for _ in range(queue.MOST_DEATHS - 1):
        store.claim("engine")
        store.lost(run_id)
    store.claim("engine")
    store.record(run_id, epoch(1))  # it kept something: the count begins anew
    for _ in range(queue.MOST_DEATHS - 1):
        store.lost(run_id)
        store.claim("engine")
    store.lost(run_id)
    run = store.run(run_id)
    assert (run.status, run.error) == (Status.INTERRUPTED, queue.DEATH_SENTENCE)
    assert [run.id for run in store.resumable()] == [run_id]
    store.resume([run_id])
    run = store.claim("engine")
    assert (run.id, run.error, run.deaths, run.ended) == (run_id, None, 0, None)


def test_what_was_paused_or_stopped_when_its_worker_died_is(store: Store) -> None:
    paused, stopped = store.add_runs([PRESETS["3x3"]] * 2, "ada")
    for run_id, ask in ((paused, store.request_pause), (stopped, store.request_stop)):
        store.claim("engine", only=[run_id])
        store.record(run_id, epoch(1))
        ask(run_id)
        store.lost(run_id)
    assert store.run(paused).status is Status.PAUSED
    assert (store.run(stopped).status, store.run(stopped).wish) == (Status.QUEUED, Wish.STOP)
    store.request_stop(paused)
    assert [(run.id, run.wish) for run in store.active()] == [(paused, Wish.STOP), (stopped, Wish.STOP)]


def test_of_an_ended_run_a_few_checkpoints_stay_evenly_spread_and_kept_best_and_last(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.claim("engine")
    for number in range(1, 101):
        store.record(run_id, epoch(number, 0.9 if number == 77 else 0.7))
        training = list(store.checkpoints(run_id))
        assert len(training) == min(number, 16), "they are thinned as it goes"
        assert {1, number, *([77] if number >= 77 else [])} <= set(training)
    store.finish(run_id, replace(OUTCOME, kept_epoch=77))
    left = store.checkpoints(run_id)
    assert {1, 77, 100} <= set(left)
    assert len(left) in (8, 9)
    assert np.diff(list(left)).max() < 20, "of 100, evenly spread"
    assert all(left.values()), "training can go on from each"
    assert store.weights(run_id)["w"].tolist() == [1.0, 1.0], "the kept ones are as the outcome has them"
    assert store.weights(run_id, 100)["w"][0] == 100
    assert store.snapshots(run_id) == list(range(1, 101)), "pictures are small: all stay"
    assert store.snapshot(run_id, 7).filters.max() == 7
    assert store.snapshot(run_id, 101) is None


def test_room_is_made_by_thinning_the_oldest_runs_first(store: Store) -> None:
    old, new = trained(store, size=100_000), trained(store, size=100_000)
    size = 3 * 2 * 400_000
    assert store.make_room(3 * size) == 0
    given_up = store.make_room(int(1.5 * size))
    assert given_up > 0.5 * size
    assert store.checkpoints(old) == {1: False, 3: False}, "kept and last stay, with weights alone"
    assert store.checkpoints(new) == {1: True, 2: True, 3: True}
    store.make_room(0)
    assert store.checkpoints(new) == {1: False, 3: False}
    assert store.weights(old) is not None


def test_a_run_that_continues_another_has_its_log_so_far_and_leaves_it_alone(store: Store) -> None:
    parent = trained(store)
    before = store.run(parent)
    recipe = PRESETS["3x3"].recipe.model_dump() | {"epochs": 20}
    longer = PRESETS["3x3"].with_changes(recipe=recipe)
    child = store.continue_run(before, 2, longer, "bob", (1.0, 2.0))
    run = store.run(child)
    assert (run.parent_id, run.parent_epoch, run.epochs_done, run.owner) == (parent, 2, 2, "bob")
    assert run.design_key not in (before.design_key, longer.design_key)
    assert store.epochs([child])["epoch"].tolist() == [1, 2]
    assert store.snapshots(child) == [1, 2]
    assert store.children(parent) == [child]
    assert store.run(parent) == before
    store.claim("engine")
    found = store.begin(child, {})
    assert (found.epoch, found.step) == (2, 2 * longer.steps_per_epoch)
    store.make_room(0)
    with pytest.raises(InputError, match="no checkpoint of epoch 2 is kept"):
        store.continue_run(before, 2, longer, "bob", (None, None))


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
            patch.setattr(queue.socket, "gethostname", lambda: "elsewhere")
            patch.setattr(queue.time, "time", lambda: 1000.0)
        store.take_lease("one", "ready")
        store.claim("one")
    if host == "here":
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        with sqlite3.connect(tmp_path / "lab.db") as connection:
            connection.execute("UPDATE lease SET pid = ?", (dead.pid,))
    assert not store.lease().is_live
    assert store.take_lease("two", "ready")
    assert store.run(run_id).status is Status.QUEUED


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
    store.requeue_orphans()
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
    named = [table for table in vars(schema).values() if isinstance(table, sa.TableClause)]
    assert len(named) == 14
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        for table in named:
            made = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
            assert {column.name for column in table.c} == made


def test_an_experiment_is_stored_whole(store: Store, small: Experiment) -> None:
    (run_id,) = store.add_runs([small], "ada")
    assert store.run(run_id).experiment == small
    store.begin(run_id, {"python": "3"})
    assert store.run(run_id).environment == {"python": "3"}


def make_empty(url: str, revision: str) -> None:
    """An empty store as an older version made it."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)
    engine.dispose()


def test_a_store_of_the_first_version_is_brought_up_to_date_with_all_it_holds(url: str, tmp_path: Path) -> None:
    make_empty(url, "0001")
    weights = io.BytesIO()
    np.savez(weights, w=np.arange(3.0))
    probabilities = io.BytesIO()
    np.savez(probabilities, probabilities=np.ones((2, 10), np.float16))
    old = PRESETS["3x3"].model_dump(mode="json", exclude={"format"})
    # As the first version wrote it: an optimizer's and a schedule's name, and no field that came later.
    recipe = {name: old["recipe"][name] for name in ("optimizer", "batch_size", "epochs")} | {"schedule": "constant"}
    row = "INSERT INTO runs (name, owner, status, experiment, design_key, parameters, created, engine, kept_epoch"
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        for status, kept in (("finished", 2), ("interrupted", None), ("queued", None), ("running", None)):
            values = ("3x3", "ada", status, json.dumps(old | {"recipe": recipe}), "key", 13338, 1.0, "dead", kept)
            connection.execute(f"{row}) VALUES ({','.join('?' * len(values))})", values)
        line = "INSERT INTO epochs VALUES (1, ?, 469, 1.0, 0.5, 0.9, ?, 1.5)"
        connection.executemany(line, [(1, 0.6), (2, 0.7)])
        connection.execute("INSERT INTO batches VALUES (1, 0, 1, 2.0, 0.1, 0.5)")
        connection.execute("INSERT INTO checkpoints VALUES (1, 2, ?)", (weights.getvalue(),))
        connection.execute("INSERT INTO predictions VALUES (1, ?)", (probabilities.getvalue(),))

    store = Store(url)
    finished, interrupted, queued, running = reversed(store.runs())
    assert finished.experiment == PRESETS["3x3"].with_changes(recipe=recipe)
    assert store.epochs([1])["validation_accuracy"].tolist() == [0.6, 0.7]
    assert store.batches(1)["loss"].tolist() == [2.0]
    assert store.weights(1)["w"].tolist() == [0, 1, 2]
    assert store.probabilities(1).shape == (2, 10)
    assert store.checkpoints(1) == {2: False}, "nothing to go on from was kept then"
    store.requeue_orphans()
    assert [run.id for run in store.active()] == [running.id, queued.id]
    assert [run.id for run in store.resumable()] == [interrupted.id]
    store.resume([interrupted.id])
    assert store.claim("engine").id == interrupted.id
    assert store.begin(interrupted.id, {}) is None, "it begins anew"


def test_a_newer_lab_measures_the_machine_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save_calibration([1.0, 2.0])
    assert store.calibration() == [1.0, 2.0]
    monkeypatch.setattr("mnist_lab.__version__", "99.0")
    assert store.calibration() is None


def test_names_of_0_6_that_cannot_be_seen_are_mended_and_everything_is_read(url: str, tmp_path: Path) -> None:
    make_empty(url, "0004")

    def named(name: str) -> str:
        return json.dumps(PRESETS["3x3"].model_dump(mode="json") | {"name": name})

    receipt = json.dumps({"name": "\u2028", "experiment": {"name": "a\u200bb"}})
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        columns = "name, tags, experiment, owner, status, design_key, parameters, created, curve"
        values = ("\u202e", '["\u200b", "b "]', named("a\u200bb\u2028c"), "ada", "finished", "key", 1, 1.0, "[]")
        connection.execute(f"INSERT INTO runs ({columns}) VALUES ({','.join('?' * len(values))})", values)
        connection.execute("INSERT INTO receipts VALUES (1, ?)", (receipt,))
        for name in ("a", "a\u200b", "a\u200c", " "):
            connection.execute("INSERT INTO designs VALUES (?, 'ada', ?, 1.0)", (name, named(name)))
    store = Store(url)
    run = store.run(1)
    assert (run.name, run.tags, parse(Experiment, run.experiment_json).name) == ("custom", ("b",), "ab c")
    assert json.loads(store.receipt(1)) == {"name": "custom", "experiment": {"name": "ab"}}
    designs = store.designs()
    assert list(designs) == ["a", "a 2", "a 3", "custom"]
    assert all(read_design(text).name == name for name, text in designs.items()), "none has taken another's place"
    store.close()


def test_the_best_network_is_a_finished_one_that_has_its_weights(store: Store) -> None:
    assert store.best_with_weights() is None
    half_trained = store.add_runs([PRESETS["3x3"]], "ada")[0]
    store.claim("engine", only=[half_trained])
    store.record(half_trained, epoch(1, accuracy=0.99))
    assert store.best_with_weights().id == half_trained, "better than none"
    ids = []
    for accuracy in (0.6, 0.8, 0.7):
        (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
        store.claim("engine", only=[run_id])
        store.record(run_id, epoch(1))
        store.finish(run_id, replace(OUTCOME, validation_accuracy=accuracy))
        ids.append(run_id)
    assert store.best_with_weights().id == ids[1]
    store.label([ids[1]], archived=True)
    assert store.best_with_weights().id == ids[2]
    store.label([ids[2]], deleted=True)
    assert store.best_with_weights().id == ids[0]

"""Runs as a reader sees them."""

import time
from dataclasses import replace

import numpy as np
import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.store import runs
from mnist_lab.store.run import Status
from mnist_lab.store.schema import RUN
from mnist_lab.store.store import Store
from tests.builders.runs import ADA, OUTCOME, epoch, trained


def test_an_experiment_is_stored_whole(store: Store, small: Experiment) -> None:
    (run_id,) = store.queue.add([small], "ada")
    assert store.runs.get(run_id).experiment == small
    store.recording.begin(run_id, {"python": "3"})
    assert store.runs.get(run_id).environment == {"python": "3"}


def test_the_best_network_is_a_finished_one_that_has_its_weights(store: Store) -> None:
    assert store.runs.best_with_weights() is None
    half_trained = store.queue.add([PRESETS["3x3"]], "ada")[0]
    store.queue.claim("engine", only=[half_trained])
    store.recording.record(half_trained, epoch(1, accuracy=0.99))
    assert store.runs.best_with_weights().id == half_trained, "better than none"
    ids = []
    for accuracy in (0.6, 0.8, 0.7):
        (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
        store.queue.claim("engine", only=[run_id])
        store.recording.record(run_id, epoch(1))
        store.recording.finish(run_id, replace(OUTCOME, validation_accuracy=accuracy))
        ids.append(run_id)
    assert store.runs.best_with_weights().id == ids[1]
    assert store.runs.best_with_weights(PRESETS["3x3"].design_key).id == ids[1]
    assert store.runs.best_with_weights(PRESETS["7x7"].design_key) is None
    store.labels.set([ids[1]], archived=True)
    assert store.runs.best_with_weights().id == ids[2]
    store.labels.set([ids[2]], deleted=True)
    assert store.runs.best_with_weights().id == ids[0]


def test_what_was_deleted_long_ago_is_gone_with_all_that_was_kept(store: Store) -> None:
    gone, recent, stays = trained(store), trained(store), trained(store)
    store.labels.set([gone, recent], deleted=True)
    with store.database.write() as connection:
        connection.execute(sa.update(RUN).where(RUN.c.id == gone).values(deleted=time.time() - 8 * 86_400))
    assert store.runs.purge() == 1
    assert store.runs.get(gone) is None
    assert store.runs.get(recent)
    with store.database.read() as connection:
        for name in ("epochs", "batches", "checkpoints", "snapshots", "predictions"):
            table = sa.table(name, sa.column("run_id"))
            ids = set(connection.execute(sa.select(table.c.run_id)).scalars())
            assert gone not in ids, name
    assert store.checkpoints.weights(stays)
    assert runs.DELETED_DAYS == 7


def test_the_fingerprint_is_another_after_whatever_a_table_shows(store: Store) -> None:
    seen = [store.runs.fingerprint()]

    def changed() -> None:
        now = store.runs.fingerprint()
        assert now not in seen
        seen.append(now)

    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    changed()
    store.queue.claim("engine")
    changed()
    store.recording.end(run_id, Status.FAILED, "diverged")
    changed()
    before = store.labels.set([run_id], note="a")
    changed()
    store.labels.undo(before)
    changed()
    store.labels.set([run_id], deleted=True)
    changed()
    assert store.runs.fingerprint() == seen[-1]


def test_a_run_knows_its_seed_and_its_curve_without_its_log(store: Store) -> None:
    run_id = trained(store, epochs=3)
    row = store.runs.listing().iloc[0]
    assert row["seed"] == PRESETS["3x3"].seed
    assert np.array_equal(
        Lab(store.url).reader(ADA).table().iloc[0]["curve"], store.runs.epochs([run_id])["validation_accuracy"]
    )


def test_the_number_of_a_purged_run_is_never_given_away_again(store: Store) -> None:
    run_id = trained(store)
    store.labels.set([run_id], deleted=True)
    assert store.runs.purge(days=-1) == 1
    (new,) = store.queue.add([PRESETS["3x3"]], "ada")
    assert new > run_id

"""What a run writes: predicted, held within its share while it trains, and refused where the disk has no room."""

import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab import settings
from mnist_lab.design.architecture import Architecture, ConvBlock, DenseBlock
from mnist_lab.design.experiment import Experiment, Status
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import OPTIMIZERS, Recipe
from mnist_lab.engine import supervisor
from mnist_lab.engine.recorder import Recorder
from mnist_lab.errors import InputError, StoreError
from mnist_lab.lab import Lab
from mnist_lab.store import database, disk
from mnist_lab.store.store import Store
from tests.builders.processes import wait_until
from tests.builders.runs import epoch, trained

MB = 1_000_000


def large(epochs: int = 1000, images: int = 64) -> Experiment:
    """9.6 million parameters, and epochs that are over at once."""
    network = Architecture(
        blocks=(ConvBlock(filters=16, kernel_size=3, padding="same"),), head=(DenseBlock(units=765),)
    )
    return Experiment(name="large", architecture=network, recipe=Recipe(epochs=epochs), train_images=images)


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(Store, "free_bytes", lambda self: size)


def test_momentum_is_remembered_where_there_is_any() -> None:
    of = {name: kind() for name, kind in OPTIMIZERS.items()}
    assert disk.remembered(of["sgd"]) == 1
    assert disk.remembered(of["sgd"].model_copy(update={"momentum": 0.0})) == 0
    assert disk.remembered(of["rmsprop"].model_copy(update={"momentum": 0.5})) == 2


def test_a_run_without_room_is_refused_in_a_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(url)
    free(monkeypatch, 300 * MB)
    assert lab.start(PRESETS["3x3"])
    with pytest.raises(
        InputError, match=r"^Disk: the run may write up to \d.* of the 300 MB free .* 32 MB stay free; make"
    ):
        lab.start_all([PRESETS["3x3"], large()])
    assert len(lab.active()) == 1, "all or none"
    monkeypatch.setenv("MNIST_LAB_MAX_PARAMETERS", "1000000000")
    free(monkeypatch, 10**15)
    giant = large().architecture.model_dump() | {
        "head": [{"units": 4096}] * 4,
        "blocks": [{"filters": 64, "kernel_size": 3, "padding": "same"}],
    }
    with pytest.raises(InputError, match=r"a checkpoint of it would have .* GB, and at most 1.0 GB can be stored"):
        lab.start(large().with_changes(architecture=giant))


def test_a_waiting_run_without_room_is_passed_over_and_taken_when_there_is_some(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(url)
    first, second = lab.start(large())[0], lab.start(PRESETS["3x3"])[0]
    free(monkeypatch, 200 * MB)
    assert "make room there" in str(lab.shortage(lab.store.run(first)))
    assert lab.shortage(lab.store.run(second)) is None
    claimed = lab.store.claim("engine")
    assert claimed
    assert claimed.id == second
    assert lab.store.claim("engine") is None
    free(monkeypatch, lab.store.run(first).predicted_bytes + disk.RESERVE)
    assert lab.store.claim("engine") is None, "what trains may still write"
    free(monkeypatch, lab.store.run(first).predicted_bytes + lab.store.run(second).predicted_bytes + disk.RESERVE)
    claimed = lab.store.claim("engine")
    assert claimed
    assert claimed.id == first


def test_free_are_the_disk_and_what_the_file_does_not_use_any_more(store: Store) -> None:
    before = trained(store, size=2 * MB)
    room = store.free_bytes()
    store.label([before], deleted=True)
    store.purge(-1)
    assert store.free_bytes() > room + 20 * MB


def test_a_run_in_training_keeps_within_its_share_and_can_go_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.CHECKPOINT_MB, "40")  # a share is 10 MB
    store.add_runs([PRESETS["3x3"]], "ada")
    run = store.claim("engine")
    assert run
    size = sa.text("SELECT sum(length(weights)), coalesce(sum(length(state)), 0) FROM checkpoints")
    for number in range(1, 41):
        store.record(run.id, epoch(number, 0.9 if number == 5 else 0.7, size=250_000))  # two times 1 MB
        with store._read() as connection:
            assert sum(connection.execute(size).one()) <= 10 * MB
    kept = store.checkpoints(run.id)
    assert {5, 40} <= set(kept)
    assert len(kept) >= 6
    assert kept[40], "the state of the last stays"
    assert store.begin(run.id, {}).epoch == 40
    monkeypatch.setenv(settings.CHECKPOINT_MB, "1")
    store.record(run.id, epoch(41, size=250_000))
    assert store.checkpoints(run.id) == {41: True}, "the last stays whatever it comes to"


def test_ended_runs_leave_room_for_those_in_training(store: Store) -> None:
    old = trained(store, size=1 * MB)  # three epochs of 8 MB
    store.add_runs([large()], "ada")
    assert store.make_room(40 * MB) == 0
    assert store.claim("engine")
    assert store.make_room(40 * MB) == 0, "10 MB of it are the share of the run in training"
    assert store.make_room(25 * MB) > 0
    assert not any(store.checkpoints(old).values())


def test_a_disk_that_fills_ends_training_with_a_sentence_before_it_is_full(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_runs([PRESETS["3x3"]], "ada")
    run = store.claim("engine")
    assert run
    recorder = Recorder(store, run)
    recorder.report(epoch(1))
    recorder.flush()
    free(monkeypatch, disk.RESERVE)
    recorder.report(epoch(2))
    with pytest.raises(
        StoreError, match=r"^The disk of the results has 32 MB left, .* make room, then resume the run\.$"
    ):
        recorder.flush()
    recorder.close()
    assert store.epochs([run.id])["epoch"].tolist() == [1, 2]
    assert list(store.checkpoints(run.id)) == [1]


def test_the_journal_is_emptied_when_nobody_reads(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "lab.db-wal"
    monkeypatch.setattr(database, "JOURNAL_BYTES", MB)
    with sqlite3.connect(tmp_path / "lab.db") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM runs").fetchone()
        trained(store, size=2 * MB)
        store.shorten_journal()
        assert journal.stat().st_size > MB, "somebody reads what it replaces"
    reader.close()
    store.shorten_journal()
    assert journal.stat().st_size == 0
    assert store.runs(), "and all of it is there"


@pytest.mark.slow
def test_a_large_network_of_short_epochs_fills_no_disk_and_stops_at_once(url: str, tmp_path: Path) -> None:
    lab = Lab(url)
    most = {"lab.db": 0, "lab.db-wal": 0, "checkpoints": 0}
    with supervisor.engine(url):
        (run_id,) = lab.start(large())
        wait_until(lambda: lab.run(run_id).epochs_done > 0, "it trains", 120)
        until = time.monotonic() + 60
        while time.monotonic() < until and not lab.run(run_id).status.is_ended:
            for name in ("lab.db", "lab.db-wal"):
                most[name] = max(most[name], (tmp_path / name).stat().st_size)
            with lab.store._read() as connection:
                size = sa.text("SELECT sum(length(weights)) + coalesce(sum(length(state)), 0) FROM checkpoints")
                most["checkpoints"] = max(most["checkpoints"], connection.execute(size).scalar_one() or 0)
            time.sleep(0.2)
        epochs, began = lab.run(run_id).epochs_done, time.monotonic()
        lab.stop(run_id)
        wait_until(lambda: lab.run(run_id).status.is_ended, "it ends", 120)
        print({name: f"{size / MB:.0f} MB" for name, size in most.items()}, f"{epochs} epochs in a minute,")
        print(f"stopped after {time.monotonic() - began:.1f} s")
    assert lab.run(run_id).status in (Status.STOPPED, Status.FINISHED)
    assert most["checkpoints"] <= disk.share()
    assert sum(most.values()) < disk.footprint(large()).most + disk.share()
    assert np.isfinite(lab.run(run_id).test_loss)

"""What a run writes: predicted, held within its share while it trains, and refused where the disk has no room."""

import time
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import OPTIMIZERS
from mnist_lab.engine import supervisor
from mnist_lab.engine.recorder import Recorder
from mnist_lab.errors import StoreError
from mnist_lab.lab import Lab
from mnist_lab.store import disk, sqlite
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.disk import MB, free, large
from tests.builders.processes import wait_until
from tests.builders.runs import ADA, epoch, trained


def test_momentum_takes_a_slot_where_there_is_any() -> None:
    of = {name: kind() for name, kind in OPTIMIZERS.items()}
    assert of["sgd"].slots == 1
    assert of["sgd"].model_copy(update={"momentum": 0.0}).slots == 0
    assert of["rmsprop"].model_copy(update={"momentum": 0.5}).slots == 2


def test_a_disk_that_fills_ends_training_with_a_sentence_before_it_is_full(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.queue.add([PRESETS["3x3"]], "ada")
    run = store.queue.claim("engine")
    assert run
    recorder = Recorder(store, run)
    recorder.report(epoch(1))
    recorder.flush()
    free(monkeypatch, disk.RESERVE)
    recorder.report(epoch(2))
    with pytest.raises(
        StoreError, match=r"^The disk with the results has 32 MB left, .* make room, then resume the run\.$"
    ):
        recorder.flush()
    recorder.close()
    assert store.runs.epochs([run.id])["epoch"].tolist() == [1, 2]
    assert list(store.checkpoints.epochs(run.id)) == [1]


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_is_deleted_is_not_written_once_more(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some builds of SQLite overwrite it with zeros, all of which go through the journal."""
    monkeypatch.setattr(sqlite, "JOURNAL_BYTES", 1)
    run_id = trained(store, size=2 * MB)
    store.database.tidy()
    store.labels.set([run_id], deleted=True)
    store.runs.purge(days=-1)
    assert store.runs.all() == []
    assert (tmp_path / "lab.db-wal").stat().st_size < MB


@pytest.mark.slow
def test_a_large_network_of_short_epochs_fills_no_disk_and_stops_at_once(url: str, tmp_path: Path) -> None:
    lab = Lab(url)
    most = {"lab.db": 0, "lab.db-wal": 0, "checkpoints": 0}
    with supervisor.engine(url):
        (run_id,) = lab.start(large(), by=ADA)
        wait_until(lambda: lab.reader(ADA).run(run_id).epochs_done > 0, "it trains", 120)
        until = time.monotonic() + 60
        while time.monotonic() < until and not lab.reader(ADA).run(run_id).status.is_ended:
            for name in ("lab.db", "lab.db-wal"):
                most[name] = max(most[name], (tmp_path / name).stat().st_size)
            with lab.store.database.read() as connection:
                size = sa.text("SELECT sum(length(weights)) + coalesce(sum(length(state)), 0) FROM checkpoints")
                most["checkpoints"] = max(most["checkpoints"], connection.execute(size).scalar_one() or 0)
            time.sleep(0.2)
        epochs, began = lab.reader(ADA).run(run_id).epochs_done, time.monotonic()
        lab.store.queue.stop(run_id)
        wait_until(lambda: lab.reader(ADA).run(run_id).status.is_ended, "it ends", 120)
        print({name: f"{size / MB:.0f} MB" for name, size in most.items()}, f"{epochs} epochs in a minute,")
        print(f"stopped after {time.monotonic() - began:.1f} s")
    assert lab.reader(ADA).run(run_id).status in (Status.STOPPED, Status.FINISHED)
    assert most["checkpoints"] <= disk.share()
    assert sum(most.values()) < disk.footprint(large()).most + disk.share()
    assert np.isfinite(lab.reader(ADA).run(run_id).test_loss)

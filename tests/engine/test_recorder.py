"""The recorder with a database that is locked, full, or gone for a while."""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab.design.presets import PRESETS
from mnist_lab.engine import recorder as recorders
from mnist_lab.engine.recorder import Recorder
from mnist_lab.errors import LabError, RefusedError, StoreError
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command, Report
from tests.builders.processes import wait_until
from tests.builders.runs import LINE, OUTCOME, epoch, point


@pytest.fixture
def run(store: Store) -> Run:
    store.queue.add([PRESETS["3x3"]], "ada")
    claimed = store.queue.claim("engine")
    assert claimed
    return claimed


@pytest.fixture
def quick(store: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A recorder that tries again soon."""
    monkeypatch.setattr(recorders, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(recorders, "LONGEST_PAUSE_SECONDS", 0.05)
    recorder = Recorder(store, run)
    yield recorder
    recorder.close()


def give_up_soon_on_locks(store: Store) -> None:
    """Let new connections wait for a lock a moment only, so that a test need not wait long."""
    store.close()
    sa.event.listen(store.database.engine, "connect", lambda c, _record: c.execute("PRAGMA busy_timeout=50"))


def test_reports_come_to_the_store_in_order_and_the_command_comes_back(store: Store, run: Run, quick: Recorder) -> None:
    for n in range(20):
        quick.report(Report([point(n)]))
    quick.report(epoch(1))
    quick.flush()
    assert store.runs.batches(run.id)["point"].tolist() == list(range(20))
    assert store.runs.get(run.id).epochs_done == 1
    assert quick.command() is Command.CONTINUE
    store.queue.pause(run.id)
    quick.report(Report([point(20)]))
    quick.flush()
    assert quick.command() is Command.PAUSE


def test_a_command_from_before_it_began_is_known_at_once(store: Store, run: Run) -> None:
    store.queue.stop(run.id)
    recorder = Recorder(store, store.runs.get(run.id))
    assert recorder.command() is Command.STOP
    recorder.close()


def test_training_never_waits_for_a_locked_database_which_catches_up(
    store: Store, tmp_path: Path, run: Run, quick: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    give_up_soon_on_locks(store)
    other = sqlite3.connect(tmp_path / "lab.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    reported = threading.Event()

    def train() -> None:
        for number in range(1, 11):
            quick.report(epoch(number))
        reported.set()

    threading.Thread(target=train).start()
    assert reported.wait(5), "reporting does not wait"
    wait_until(lambda: "training continues without the database" in caplog.text, "it was tried in vain")
    other.execute("ROLLBACK")
    other.close()
    quick.flush()
    assert store.runs.epochs([run.id])["epoch"].tolist() == list(range(1, 11)), "no line of the log is lost"
    assert list(store.checkpoints.epochs(run.id))[-3:] == [8, 9, 10], "the newest checkpoints are there"
    quick.retry(lambda: store.recording.finish(run.id, OUTCOME))
    assert store.runs.get(run.id).status is Status.FINISHED


def test_a_full_disk_ends_training_with_a_sentence_and_loses_nothing_recorded(store: Store, run: Run) -> None:
    store.recording.record(run.id, epoch(1))

    def full(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 2}")

    store.close()
    sa.event.listen(store.database.engine, "connect", full)
    recorder = Recorder(store, run, patience=0.2)
    recorder.report(epoch(2, size=1_000_000))
    with pytest.raises(StoreError, match=r"disk is full.*could not be used for 0\.2 s.*can be resumed"):
        recorder.flush()
    with pytest.raises(StoreError, match="disk is full"):
        recorder.command()
    recorder.close()
    assert store.runs.epochs([run.id])["epoch"].tolist() == [1]
    assert list(store.checkpoints.epochs(run.id)) == [1]


def test_a_full_disk_with_room_made_in_time_loses_nothing(store: Store, run: Run, quick: Recorder) -> None:
    limits = iter([2, 2, 2])

    def full_at_first(connection: sqlite3.Connection, *_rest: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + next(limits, 2**30)}")

    sa.event.listen(store.database.engine, "checkout", full_at_first)
    quick.report(epoch(1, size=100_000))
    quick.flush()
    assert np.array_equal(store.checkpoints.weights(run.id, 1)["w"], np.ones(100_000))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Report([point(0, loss=float("nan"))]), "NOT NULL constraint failed: batches.loss"),
        (Report([], replace(LINE, validation_loss=float("nan"))), "NOT NULL constraint failed: epochs.validation_loss"),
        (Report([point(0, step=2**70)]), "too large to convert"),
    ],
)
def test_what_the_database_refuses_is_no_outage(store: Store, run: Run, wrong: Report, words: str) -> None:
    recorder = Recorder(store, run)
    recorder.report(Report([point(1)]))
    recorder.flush()
    recorder.report(wrong)
    with pytest.raises(RefusedError, match=words):
        recorder.flush()
    with pytest.raises(RefusedError, match=words):
        recorder.retry(lambda: None)
    recorder.close()
    assert store.runs.batches(run.id)["point"].tolist() == [1]


def test_whatever_goes_wrong_while_writing_training_hears_of_it(store: Store, run: Run) -> None:
    recorder = Recorder(store, run)
    recorder.report(Report([], weights={"file": np.ones(1)}, epoch=LINE))  # numpy's own name for an argument
    with pytest.raises(TypeError):
        recorder.flush()
    recorder.close()


def test_what_the_database_refuses_is_a_sentence(store: Store) -> None:
    with pytest.raises(RefusedError, match=r"refused a value: .*surrogates not allowed"):
        store.choices.set("ada", "name \ud800", 1)
    with pytest.raises(RefusedError, match="refused a value: FOREIGN KEY constraint failed; nothing that was stored"):
        store.receipts.add(77, "{}")
    assert not issubclass(RefusedError, StoreError)
    assert issubclass(RefusedError, LabError)


def test_while_the_database_is_away_only_the_newest_checkpoints_are_held() -> None:
    held = recorders.thinned([Report([point(0)]), *(epoch(n) for n in range(1, 6))])
    assert [bool(report.checkpoint) for report in held] == [False, False, False, True, True, True]
    assert [report.epoch and report.epoch.epoch for report in held] == [None, 1, 2, 3, 4, 5]
    assert all(report.snapshot for report in held[1:])


def test_of_large_ones_that_wait_the_newest_alone_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "MAX_PENDING_BYTES", 20_000)  # two of 8 kB
    held = recorders.thinned([epoch(n) for n in range(1, 4)])
    assert [bool(report.checkpoint) for report in held] == [False, True, True]
    monkeypatch.setattr(recorders, "MAX_PENDING_BYTES", 1)
    held = recorders.thinned([epoch(n) for n in range(1, 4)])
    assert [bool(report.weights) for report in held] == [False, False, True]


def test_a_database_that_went_away_is_waited_for_and_not_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "FIRST_PAUSE_SECONDS", 0.01)
    place, elsewhere = tmp_path / "stick", tmp_path / "drawer"
    store = Store(f"sqlite:///{place / 'lab.db'}")
    store.queue.add([PRESETS["3x3"]], "ada")
    run = store.queue.claim("engine")
    recorder = Recorder(store, run)
    recorder.report(epoch(1))
    recorder.flush()
    store.close()
    place.rename(elsewhere)
    place.mkdir()
    recorder.report(epoch(2))
    wait_until(lambda: "is not there any more" in caplog.text, "it was tried in vain")
    assert list(place.iterdir()) == []
    place.rmdir()
    elsewhere.rename(place)
    recorder.flush()
    recorder.close()
    assert store.runs.epochs([run.id])["epoch"].tolist() == [1, 2]
    store.close()

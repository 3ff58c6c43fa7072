"""PostgreSQL: what is refused and how, what outlasts a server that is stopped, and whose clock decides."""

import contextlib
import math
import threading
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from mnist_lab.design.presets import PRESETS
from mnist_lab.engine import recorder as recorders
from mnist_lab.engine.recorder import Recorder
from mnist_lab.errors import RefusedError, StoreError
from mnist_lab.store import lease, postgresql
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Report
from tests.builders import postgresql as servers
from tests.builders.classes import open_class
from tests.builders.runs import LINE, OUTCOME, epoch, point

EPOCHS = 3


@pytest.fixture
def kind() -> str:
    return "postgresql"


def refusal(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        Store(url)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+psycopg://ada:secret@127.0.0.1:1/lab", ["lab on 127.0.0.1", "refused"]),
        ("postgresql+psycopg://ada:secret@nowhere.invalid/lab", ["lab on nowhere.invalid", "nowhere.invalid"]),
        ("postgresql+psycopg://ada:secret@127.0.0.1", ["MNIST_LAB_DATABASE_URL", "ada:***@127.0.0.1"]),
        ("postgresql+asyncpg://ada:secret@127.0.0.1/lab", ["MNIST_LAB_DATABASE_URL", "postgresql+asyncpg://ada:***@"]),
        ("postgresql+psycopg://ada:secret@127.0.0.1:port/lab", ["MNIST_LAB_DATABASE_URL", "127.0.0.1:port/lab"]),
        ("postgresql+psycopg://ada:secret@127.0.0.1/lab?sslmode=always", ["sslmode"]),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence_without_its_password(url: str, words: list[str]) -> None:
    sentence = refusal(url)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence
    assert "secret" not in sentence


def test_a_database_that_is_not_there_and_one_without_tls_are_a_sentence(url: str) -> None:
    assert 'database "elsewhere" does not exist' in refusal(url.rpartition("/")[0] + "/elsewhere")
    assert "SSL" in refusal(f"{url}?sslmode=require"), "the URL says so, and the tests' server has none"


def test_no_number_is_none_as_with_sqlite(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine")
    store.recording.record(run_id, Report([point(0)]))
    store.recording.finish(run_id, replace(OUTCOME, validation_loss=math.nan))
    assert store.runs.get(run_id).validation_loss is None
    assert store.runs.get(run_id).status is Status.FINISHED


def test_a_text_that_cannot_be_stored_is_refused_in_a_sentence(store: Store) -> None:
    with pytest.raises(RefusedError, match=r"refused a value: .*NUL"):
        store.choices.set("ada", "na\0me", 1)


def test_long_names_and_large_numbers_are_kept(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "a" * 300)
    with store.database.write() as connection:
        connection.execute(sa.text("UPDATE runs SET predicted_bytes = 5000000000"))
    assert store.runs.get(run_id).owner == "a" * 300
    assert store.runs.get(run_id).predicted_bytes == 5_000_000_000
    assert store.lease.take("engine", f"{lease.NOT_WORKING}{'because ' * 50}")


def test_a_clock_that_is_off_decides_nothing(store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One host's clock is a minute ahead: its engine is alive for others, and it sees theirs alive."""
    with contextlib.closing(Store(url)) as ahead:
        right = time.time
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: right() + 60)
            patch.setattr(lease.socket, "gethostname", lambda: "ahead")
            assert ahead.lease.take("theirs", "ready")
            class_id = open_class(ahead)
            ahead.rounds.begin(class_id, "{}", 30.0)
        assert store.lease.current().is_live
        assert abs(store.lease.current().age) < 10
        assert not store.lease.take("ours", "ready"), "another engine is alive"
        (begun,) = (one for one in [store.rounds.current(class_id)] if one)
        assert abs(begun.begun - right()) < 10, "not a minute ahead"
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: right() + 60)
            assert not ahead.lease.take("third", "ready")
            assert ahead.rounds.of(class_id, ahead.database.now()).id == begun.id, "half a minute is left of it"


def test_who_writes_alone_waits_for_who_does_and_reports_wait_for_nobody(store: Store) -> None:
    first, second = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    for _ in range(2):
        store.queue.claim("engine")
    added = threading.Event()

    def add() -> None:
        store.queue.add([PRESETS["2x2"]], "bob")
        added.set()

    with store.database.write() as connection:
        waiting = threading.Thread(target=add)
        waiting.start()
        store.recording.record(first, epoch(1))
        store.recording.record(second, epoch(1))
        assert not added.is_set()
        connection.execute(sa.text("SELECT 1"))
    waiting.join()
    assert added.is_set()
    assert store.runs.get(second).epochs_done == 1


def test_connections_are_bounded_and_whoever_waits_too_long_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.database.engine.pool, "_timeout", 0.1)
    with contextlib.ExitStack() as stack:
        for _ in range(postgresql.MOST_CONNECTIONS):
            stack.enter_context(store.database.read())
        with pytest.raises(StoreError, match=r"cannot be used: .*limit of size"):
            store.runs.all()
    assert store.runs.all() == []


def test_nothing_that_was_recorded_is_lost_when_the_server_is_stopped_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorders, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(recorders, "LONGEST_PAUSE_SECONDS", 0.1)
    with servers.server() as server, server.database() as url, contextlib.closing(Store(url)) as store:
        (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
        recorder = Recorder(store, store.queue.claim("engine"))
        recorder.report(Report([point(0)]))
        recorder.flush()
        server.stop()
        for number in range(1, 1 + EPOCHS):
            recorder.report(replace(epoch(number), points=[point(number)]))
        with pytest.raises(StoreError, match="cannot be used"):
            store.runs.all()
        server.start()
        recorder.flush()
        recorder.close()
        assert store.runs.batches(run_id)["point"].tolist() == list(range(1 + EPOCHS))
        assert store.runs.epochs([run_id])["epoch"].tolist() == list(range(1, 1 + EPOCHS))
        assert store.runs.epochs([run_id])["validation_accuracy"].tolist() == [LINE.validation_accuracy] * EPOCHS

"""SQLite: where the file is, what is refused, and what happens when it is not there any more."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import StoreError
from mnist_lab.lab import Lab
from mnist_lab.store import sqlite
from mnist_lab.store.database import Database, default_url
from mnist_lab.store.run import Run
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Report
from tests.builders.disk import MB
from tests.builders.runs import ADA, point, trained

ODD = ["my%20lab", "what?now", "a#b", "50%", "%2e%2e", "a?b=c&d", "ä ö", "a:b@c", "~", 'it\'s "quoted"', "x;y", "%00"]


@pytest.fixture
def kind() -> str:
    return "sqlite"


@pytest.mark.parametrize("name", ODD)
def test_a_path_is_taken_letter_for_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("MNIST_LAB_DATABASE_URL", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / name))
    given = tmp_path / name / f"{name}.db"
    for url, file in (
        (default_url(), tmp_path / name / ".local/share/mnist-lab/lab.db"),
        (f"sqlite:///{given}", given),
    ):
        store = Store(url)
        (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
        store.close()
        assert file.is_file()
        again = Store(url)
        assert again.runs.get(run_id)
        again.close()
    assert [path.name for path in tmp_path.iterdir()] == [name], "nothing is anywhere else"


@pytest.mark.parametrize(("asked", "was"), [("my%20lab/lab.db", "my lab/lab.db"), ("lab.db?timeout=30", "lab.db")])
def test_what_0_6_put_elsewhere_is_found_there(tmp_path: Path, asked: str, was: str) -> None:
    (tmp_path / was).parent.mkdir(exist_ok=True)
    older = Store(f"sqlite:///{tmp_path / was}")
    (run_id,) = older.queue.add([PRESETS["3x3"]], "ada")
    older.close()
    store = Store(f"sqlite:///{tmp_path / asked}")
    assert store.runs.get(run_id)
    store.close()
    assert not (tmp_path / asked).exists()


def test_a_home_that_nobody_knows_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as of a user that is in no list
    monkeypatch.delenv("MNIST_LAB_DATABASE_URL", raising=False)
    with pytest.raises(StoreError, match="Your home folder cannot be determined; set MNIST_LAB_DATABASE_URL"):
        Store()
    with pytest.raises(StoreError, match="Your home folder cannot be determined"):
        Store("sqlite:///~nobody-of-this-name/lab.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", ["MNIST_LAB_DATABASE_URL", "'nonsense'"]),
        ("mysql://ada:secret@host/db", ["MNIST_LAB_DATABASE_URL", "mysql://ada:***@host/db"]),
        ("mysql://ada:secret@host:port/db", ["MNIST_LAB_DATABASE_URL", "host:port/db"]),
        ("sqlite://ada:secret@host", ["MNIST_LAB_DATABASE_URL", "sqlite://ada:***@host"]),
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
    store.queue.add([PRESETS["3x3"]], "ada")
    store.close()
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="made by a newer version of the lab"):
        Store(url)
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_who_opens_a_database_that_another_one_is_just_making_waits(url: str, tmp_path: Path) -> None:
    maker = sqlite3.connect(tmp_path / "lab.db", isolation_level=None, check_same_thread=False)
    maker.execute("CREATE TABLE something (x)")
    maker.execute("BEGIN IMMEDIATE")
    with sqlite3.connect(tmp_path / "lab.db") as another, pytest.raises(sqlite3.OperationalError, match="is locked"):
        another.execute("PRAGMA journal_mode=WAL")  # at once, though it would wait for 5 s
    done = threading.Timer(0.2, maker.rollback)
    done.start()
    Database(url).close()
    done.join()
    maker.close()


def uses(store: Store) -> dict[str, Callable[[], object]]:
    return {
        "a page": lambda: Lab(store.url).reader(ADA).table(),
        "a reader": store.runs.all,
        "a person": lambda: store.queue.add([PRESETS["3x3"]], "ada"),
        "the engine": lambda: store.queue.claim("engine"),
        "its lease": lambda: store.lease.renew("engine", "ready"),
        "a worker": lambda: store.recording.record(1, Report([point(0)])),
    }


@pytest.mark.parametrize("who", ["a reader", "a person", "the engine", "its lease", "a worker"])
def test_a_database_that_was_deleted_is_missed_by_all_who_have_it_open(store: Store, tmp_path: Path, who: str) -> None:
    store.queue.add([PRESETS["3x3"]], "ada")
    held = Lab(store.url)

    def read() -> list[Run]:
        return held.reader(ADA).runs.all()

    assert read()
    kept = tmp_path / "kept"
    kept.mkdir()
    files = list(tmp_path.glob("lab.db*"))
    for file in files:
        file.rename(kept / file.name)
    for _ in range(2):
        for use in (uses(store)[who], read):
            with pytest.raises(StoreError, match=r"lab.db is not there any more; put it back, or restart"):
                use()
    assert not (tmp_path / "lab.db").exists(), "none is made in its place"
    for file in files:
        (kept / file.name).rename(file)
    assert len(read()) == 1, "and when it is back it is used again, with nothing written meanwhile"
    uses(store)[who]()


def test_another_database_in_its_place_is_never_written_to(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    trained(store)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, tmp_path / "copy.db")
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    other.close()
    (tmp_path / "other.db").replace(path)
    for use in (store.runs.all, lambda: store.queue.add([PRESETS["3x3"]], "ada")):
        with pytest.raises(StoreError, match=r"Another database is in the place of .*lab.db; put back the original"):
            use()
    assert Store(store.url).runs.all() == [], "who opens it anew has the new one"
    path.write_text("no database")
    with pytest.raises(StoreError, match="Another database is in the place"):
        store.runs.all()
    for file in tmp_path.glob("lab.db*"):
        file.unlink()
    (tmp_path / "copy.db").replace(path)
    assert len(store.runs.all()) == 1, "a copy of it is it"


def test_what_was_written_while_the_file_was_deleted_is_not_taken_for_kept(store: Store, tmp_path: Path) -> None:
    store.queue.add([PRESETS["3x3"]], "ada")
    with pytest.raises(StoreError, match="is not there any more"), store.database.write():
        (tmp_path / "lab.db").unlink()


def test_many_threads_take_a_copy_for_the_same(store: Store, tmp_path: Path) -> None:
    trained(store)
    store.close()
    shutil.copy(tmp_path / "lab.db", tmp_path / "copy.db")
    (tmp_path / "copy.db").replace(tmp_path / "lab.db")
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(store.runs.all()))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 6


def test_free_are_the_disk_and_what_the_file_does_not_use_any_more(store: Store) -> None:
    before = trained(store, size=2 * MB)
    room = store.database.free_bytes()
    store.labels.set([before], deleted=True)
    store.runs.purge(-1)
    assert store.database.free_bytes() > room + 20 * MB


def test_the_journal_is_emptied_when_nobody_reads(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "lab.db-wal"
    monkeypatch.setattr(sqlite, "JOURNAL_BYTES", MB)
    with sqlite3.connect(tmp_path / "lab.db") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM runs").fetchone()
        trained(store, size=2 * MB)
        store.database.tidy()
        assert journal.stat().st_size > MB, "somebody reads what it replaces"
    reader.close()
    store.database.tidy()
    assert journal.stat().st_size == 0
    assert store.runs.all(), "and all of it is there"

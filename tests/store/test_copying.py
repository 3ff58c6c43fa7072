"""A store is copied whole, from either kind of database to the other, and goes on there."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mnist_lab.__main__ import main
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.store.copying import copy
from mnist_lab.store.database import Database
from mnist_lab.store.store import Store
from tests.builders import postgresql
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.runs import trained


@pytest.fixture
def kind() -> str:
    """Of the source; the target is the other one."""
    return "sqlite"


@pytest.fixture
def full(url_of_0_6: str) -> Iterator[Store]:
    """What version 0.6 left, with a class since, a run with its weights, and one that was removed for good."""
    with contextlib.closing(Store(url_of_0_6)) as store:
        class_id = open_class(store)
        cleo = pupil(store, "Cleo")
        trained(store)
        store.digits.add(class_id, cleo.key, 7, bytes(784))
        store.secrets.get("cookies")
        gone = trained(store)
        store.labels.set([gone], deleted=True)
        store.runs.purge(-1)
        yield store


@pytest.fixture
def empty(server: postgresql.Server) -> Iterator[Database]:
    with server.database() as url, contextlib.closing(Database(url)) as database:
        yield database


def test_there_and_back_it_is_the_same_and_goes_on(full: Store, empty: Database, tmp_path: Path) -> None:
    there = copy(full.database, empty)
    assert {one.table: one.rows for one in there}["runs"] == len(full.runs.all()) > 2
    with contextlib.closing(Store(empty.url)) as store:
        run = full.runs.all()[0]
        assert store.runs.all() == full.runs.all()
        for name, weights in full.checkpoints.weights(run.id).items():
            assert np.array_equal(store.checkpoints.weights(run.id)[name], weights)
        assert store.people.names() == full.people.names()
        assert store.secrets.get("cookies") == full.secrets.get("cookies"), "nobody has to join again"
        back = Database(f"sqlite:///{tmp_path / 'back.db'}")
        assert copy(store.database, back) == there
        back.close()
        (new,) = store.queue.add([PRESETS["3x3"]], TEACHER.key)
    with contextlib.closing(Store(back.url)) as again:
        assert again.queue.add([PRESETS["3x3"]], TEACHER.key) == [new]
    assert full.queue.add([PRESETS["3x3"]], TEACHER.key) == [new], "and no number is given twice"


def test_a_copy_that_was_interrupted_is_continued(full: Store, empty: Database) -> None:
    written: list[str] = []

    def interrupted(table: str, _rows: int) -> None:
        written.append(table)
        if len(written) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(full.database, empty, interrupted)
    done = {one.table: one.added for one in copy(full.database, empty)}
    assert [done[table] for table in written[:2]] == [0, 0]
    assert sum(done.values()) > 0
    assert all(one.added == 0 for one in copy(full.database, empty))


def test_where_somebody_works_or_something_is_nothing_is_mixed(full: Store, empty: Database) -> None:
    with pytest.raises(InputError, match="the same database"):
        copy(full.database, full.database)
    full.lease.take("engine", "ready")
    with pytest.raises(InputError, match="the lab is running on the source"):
        copy(full.database, empty)
    full.lease.release("engine")
    with contextlib.closing(Store(empty.url)) as store:
        store.queue.add([PRESETS["3x3"]], "somebody else")
    with pytest.raises(InputError, match="runs differs"):
        copy(full.database, empty)


def test_the_command_says_what_it_copied(full: Store, empty: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", "--from", full.url, "--to", empty.url]) == 0
    assert "Both hold the same" in capsys.readouterr().out
    assert main(["copy", "--from", full.url, "--to", full.url]) == 2
    assert "Copy: source and target are the same database." in capsys.readouterr().err

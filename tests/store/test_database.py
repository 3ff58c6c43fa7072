"""What holds of a database of either kind."""

import threading

import pytest
import sqlalchemy as sa

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import StoreError
from mnist_lab.store.store import Store
from tests.builders.runs import trained


def test_migrations_run_once_even_when_several_open_a_new_store_together(url: str) -> None:
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(Store(url))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    opened[0].queue.add([PRESETS["3x3"]], "ada")
    assert len(opened[5].runs.all()) == 1


def test_a_statement_takes_any_number_of_ids(store: Store) -> None:
    first = trained(store)
    many = range(first, first + 33_000)
    assert len(store.runs.listing(many)) == 1
    assert list(store.runs.some(many)) == [first]
    assert len(store.runs.epochs(list(many))) > 0
    assert store.queue.claim("engine", list(many)) is None
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET design_key = 'x'")
        columns = "name, owner, status, experiment, seed, parameters, created, curve"
        connection.exec_driver_sql(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 32999) INSERT INTO runs ({columns}, design_key)"
            f" SELECT {columns}, 'key' || i FROM runs, n"
        )
    assert len(store.runs.experiments()) == 33_000
    assert len(store.labels.set(many, note="all")) == 33_000


def test_a_store_of_a_newer_lab_is_refused_and_left_alone(store: Store, url: str) -> None:
    store.queue.add([PRESETS["3x3"]], "ada")
    with store.database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="made by a newer version of the lab"):
        Store(url)
    assert len(store.runs.all()) == 1

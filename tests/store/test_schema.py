"""The columns that queries name."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa

from mnist_lab.store import schema
from mnist_lab.store.store import Store


def test_the_columns_that_queries_name_are_those_that_the_migrations_make(store: Store, tmp_path: Path) -> None:
    named = [table for table in vars(schema).values() if isinstance(table, sa.TableClause)]
    assert len(named) == 32
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        for table in named:
            made = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
            assert {column.name for column in table.c} == made

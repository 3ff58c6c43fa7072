"""The columns that queries name."""

import sqlalchemy as sa

from mnist_lab.store import schema
from mnist_lab.store.store import Store


def test_the_columns_that_queries_name_are_those_that_the_migrations_make(store: Store) -> None:
    named = [table for table in vars(schema).values() if isinstance(table, sa.TableClause)]
    assert len(named) == 32
    made = sa.inspect(store.database.engine)
    for table in named:
        assert {column.name for column in table.c} == {column["name"] for column in made.get_columns(table.name)}

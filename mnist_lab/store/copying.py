"""A whole store copied into another database, of either kind, and compared with it afterwards.

What was copied already is left as it is, so that a copy that was interrupted is continued by starting it again. Rows are
compared by the sum of their hashes, which does not depend on the order in which a database gives them.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mnist_lab.errors import InputError
from mnist_lab.store.database import Database
from mnist_lab.store.lease import Leases

_LEFT_OUT = ("alembic_version", "lease")  # made by the migrations; of an engine, which the copy does not have
_BATCH_ROWS, _BATCH_BYTES = 500, 8_000_000
_MODULUS = 1 << 256


@dataclass(frozen=True)
class Copied:
    """A table that has been copied and compared.

    Attributes:
        rows: in both databases.
        added: written this time.
        digest: of all its rows, the same in both: 64 hexadecimal digits.
    """

    table: str
    rows: int
    added: int
    digest: str


def copy(
    source: Database, target: Database, on_rows: Callable[[str, int], None] = lambda _table, _n: None
) -> list[Copied]:
    """Copy all that a store holds.

    Args:
        on_rows: is told of each batch that was written, by table and number of rows.

    Raises:
        InputError: both are one, an engine serves one of them, or afterwards they are not the same, since somebody used one of
            them meanwhile, or the target was not empty.
        StoreError, RefusedError: as `Database`.
    """
    if source.url == target.url:
        raise InputError("Copy: source and target are the same database.")
    for database, which in ((source, "source"), (target, "target")):
        held = Leases(database).current()
        if held and held.is_live:
            raise InputError(f"Copy: the lab is running on the {which} ({held.host}); stop it first, then copy.")
    tables = _tables(source)
    done = [_copied(table, source, target, on_rows) for table in tables]
    with source.read() as connection:
        numbers = source.numbers(connection)
    with target.write() as connection:
        target.set_numbers(connection, numbers)
    return done


def _tables(database: Database) -> list[sa.Table]:
    """All tables with the types of their columns; those that others refer to come first."""
    found = sa.MetaData()
    with database.read() as connection:
        found.reflect(connection)
    return [table for table in found.sorted_tables if table.name not in _LEFT_OUT]


def _copied(table: sa.Table, source: Database, target: Database, on_rows: Callable[[str, int], None]) -> Copied:
    keys = list(table.primary_key.columns)
    with target.read() as connection:
        there = {tuple(row) for row in connection.execute(sa.select(*keys))}
    added = 0
    with source.read() as connection:
        for batch in _batches(connection, table, lambda row: tuple(row[key.name] for key in keys) not in there):
            with target.write() as writing:
                writing.execute(sa.insert(table), batch)
            added += len(batch)
            on_rows(table.name, len(batch))
    (rows, digest), (rows_there, digest_there) = _summary(source, table), _summary(target, table)
    if (rows, digest) != (rows_there, digest_there):
        raise InputError(
            f"Copy: {table.name} differs, {rows:,} rows in the source and {rows_there:,} in the target; copy into an empty database, "
            "and let nobody use either of them meanwhile."
        )
    return Copied(table.name, rows, added, digest)


def _batches(
    connection: sa.Connection, table: sa.Table, is_wanted: Callable[[dict[str, Any]], bool]
) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for row in _rows(connection, table):
        if not is_wanted(row):
            continue
        batch.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[dict[str, Any]]:
    query = sa.select(table).order_by(*table.primary_key.columns)
    for row in connection.execution_options(yield_per=50).execute(query):
        yield dict(row._mapping)


def _summary(database: Database, table: sa.Table) -> tuple[int, str]:
    """Number of rows, and the sum of their SHA-256 modulo 2²⁵⁶."""
    number = total = 0
    with database.read() as connection:
        for row in _rows(connection, table):
            number += 1
            text = repr([_plain(row[name]) for name in sorted(row)])
            total = (total + int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())) % _MODULUS
    return number, f"{total:064x}"


def _plain(value: Any) -> Any:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes | memoryview) else value

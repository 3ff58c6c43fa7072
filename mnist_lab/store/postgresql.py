"""PostgreSQL: where a department keeps its results, and servers, engine and workers are on machines of their own."""

import contextlib
import math
from collections.abc import Iterator
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles

from mnist_lab import settings
from mnist_lab.errors import StoreError
from mnist_lab.store.urls import without_password

EXAMPLE = "postgresql+psycopg://lab@db.example.org/lab?sslmode=verify-full"
MOST_CONNECTIONS = 8  # of a process
WAIT_SECONDS = 10  # for a connection, of the pool or to the server, and for a lock
_STATEMENT_SECONDS = 60
_IDLE_SECONDS = 120  # in a transaction, whose locks else stay where a machine has gone to sleep
_WRITERS, _MIGRATIONS = 0x6D6E697374_01, 0x6D6E697374_02  # names of advisory locks, which all that use a database share
_UNKNOWN_ROOM = 2**62  # bytes: how much a server has room for it does not tell


class PostgreSQL:
    """A database of a server. Methods as of `database.Backend`.

    Args:
        url: `postgresql+psycopg://` with user, host and database, and parameters of libpq such as `sslmode`.

    Raises:
        StoreError: the URL is not of this form, or the driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
        except (ArgumentError, SQLAlchemyError, ValueError):
            raise _no_url(url) from None
        if parsed.drivername not in ("postgresql", "postgresql+psycopg") or not parsed.database:
            raise _no_url(url)
        parsed = parsed.set(drivername="postgresql+psycopg")
        self.name = f"{parsed.database} on {parsed.host or 'this machine'}"
        try:
            engine = sa.create_engine(parsed, **_OPTIONS)
        except ModuleNotFoundError:
            raise StoreError(
                f"{settings.DATABASE_URL} names a PostgreSQL database, for which the package psycopg is needed: install "
                "psycopg[binary]."
            ) from None
        sa.event.listen(engine, "connect", _adapted)
        # Whoever reads sees the database as of the beginning, as with SQLite.
        self.reader: sa.Engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.writer: sa.Engine = engine.execution_options(isolation_level="READ COMMITTED", postgresql_readonly=False)

    def opened(self) -> None:
        """Nothing: a server tells itself where a database is another or gone."""

    def before(self) -> None:
        """Nothing, as above."""

    def written(self) -> None:
        """Nothing, as above."""

    def alone(self, connection: sa.Connection) -> None:
        """Wait until no other transaction has asked for the same, on any machine."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")

    def migrates(self, connection: sa.Connection) -> None:
        """Only one at a time migrates."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATIONS})")

    @contextlib.contextmanager
    def erasing(self, connection: sa.Connection) -> Iterator[None]:
        """Nothing: what is deleted stays in the server's files until it vacuums them, and in its backups, as its owner
        decides."""
        del connection
        yield

    def erased(self) -> None:
        """Nothing, as above."""

    def free_bytes(self, connection: sa.Connection) -> int:
        """More than is ever needed: what room a server has it does not tell, and where it is full it says so."""
        del connection
        return _UNKNOWN_ROOM

    def tidy(self) -> None:
        """Nothing: the server does it."""

    def numbers(self, connection: sa.Connection) -> dict[str, int]:
        """As the sequences have them."""
        found = {}
        for table, sequence in _sequences(connection).items():
            row = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {sequence}").one()
            if row.is_called:
                found[table] = int(row.last_value)
        return found

    def set_numbers(self, connection: sa.Connection, numbers: dict[str, int]) -> None:
        """In the sequences, where there is one: rows with numbers of their own do not raise them."""
        for table, sequence in _sequences(connection).items():
            highest = connection.exec_driver_sql(f"SELECT max(id) FROM {table}").scalar() or 0
            if number := max(numbers.get(table, 0), int(highest)):
                connection.exec_driver_sql(f"SELECT setval('{sequence}', {number})")


def _sequences(connection: sa.Connection) -> dict[str, str]:
    """The sequences that number the rows of the lab's tables, by table."""
    query = (
        "SELECT table_name, pg_get_serial_sequence(quote_ident(table_name), 'id') AS sequence FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND column_name = 'id' AND column_default LIKE 'nextval%%'"
    )
    return {str(row.table_name): str(row.sequence) for row in connection.exec_driver_sql(query)}


_OPTIONS: dict[str, Any] = {
    "pool_size": MOST_CONNECTIONS,
    "max_overflow": 0,
    "pool_timeout": WAIT_SECONDS,
    "pool_pre_ping": True,  # a server that was restarted is noticed before anything is asked
    "connect_args": {
        "connect_timeout": WAIT_SECONDS,
        "application_name": "mnist-lab",
        "options": f"-c statement_timeout={_STATEMENT_SECONDS}s -c lock_timeout={WAIT_SECONDS}s "
        f"-c idle_in_transaction_session_timeout={_IDLE_SECONDS}s",
    },
}


@compiles(sa.Integer, "postgresql")
def _wide(element: sa.Integer, compiler: Any, **options: Any) -> str:
    """Columns of 64 bits everywhere, as SQLite's are: bytes are more than 32 bits hold."""
    del element, compiler
    return "BIGINT" if "type_expression" in options else "INTEGER"


def _adapted(connection: Any, _record: Any) -> None:
    """Values as SQLite stores them: not a number as no number, and names of a fixed set as their text."""
    from psycopg.types.numeric import FloatDumper
    from psycopg.types.string import StrDumper

    class NoNaN(FloatDumper):
        def dump(self, obj: float) -> Any:
            return None if math.isnan(obj) else super().dump(obj)

    class Text(StrDumper):
        def dump(self, obj: Any) -> Any:
            return super().dump(str(obj.value))

    connection.adapters.register_dumper(float, NoNaN)
    connection.adapters.register_dumper(Enum, Text)


def _no_url(url: str) -> StoreError:
    return StoreError(
        f"{settings.DATABASE_URL} should name a PostgreSQL database, such as {EXAMPLE}; received {without_password(url)}."
    )

"""An open database: its migrations, transactions, and errors as sentences.

What is particular to a dialect is in `sqlite` and `postgresql`, and in the two constructs of this module that SQL has no
common words for.
"""

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import platformdirs
import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from mnist_lab import settings
from mnist_lab.errors import RefusedError, StoreError
from mnist_lab.store import postgresql, sqlite
from mnist_lab.store.urls import without_password

_MIGRATIONS = Path(__file__).parent / "migrations"

# Errors of a value or a statement rather than of the database. The last two are raised by Python's driver for numbers and
# texts that SQLite cannot store.
_REFUSALS = (IntegrityError, DataError, ProgrammingError, NotSupportedError, OverflowError, UnicodeEncodeError)


def default_url() -> str:
    """The URL of the results database: `MNIST_LAB_DATABASE_URL`, by default a file in the user's data folder.

    Raises:
        StoreError: the user has no home folder, as in some containers.
    """
    if url := os.environ.get(settings.DATABASE_URL):
        return url
    try:
        return f"sqlite:///{platformdirs.user_data_path('mnist-lab', appauthor=False) / 'lab.db'}"
    except RuntimeError:
        raise sqlite.homeless() from None


class _Elements(FunctionElement[Any]):
    """The elements of a JSON array, a row each, in a column `value`."""

    inherit_cache = True
    name = "elements"


@compiles(_Elements, "sqlite")
def _elements_in_sqlite(element: _Elements, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Elements, "postgresql")
def _elements_in_postgresql(element: _Elements, compiler: Any, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS json))"


def among(column: sa.ColumnElement[int], values: Iterable[int]) -> sa.ColumnElement[bool]:
    """The condition that a column has one of some values, passed as a single parameter: SQLite allows 32,766 of them, and
    PostgreSQL 65,535."""
    each = _Elements(sa.literal(json.dumps([int(value) for value in values]))).table_valued("value")
    return column.in_(sa.select(sa.cast(each.c.value, sa.BigInteger)))


def time_of(connection: sa.Connection) -> float:
    """The time in seconds since 1970, by the clock that all go by who use a database: PostgreSQL's server, else this machine."""
    if _is_on_this_machine(connection.dialect):
        return time.time()
    return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())


def _is_on_this_machine(dialect: sa.Dialect) -> bool:
    return dialect.name == "sqlite"


class Backend(Protocol):
    """What differs between the kinds of databases. Errors as of `Database`, where they are not SQLAlchemy's.

    Attributes:
        name: what it is called in sentences.
        reader, writer: engines whose transactions read and write.
    """

    name: str
    reader: sa.Engine
    writer: sa.Engine

    def opened(self) -> None:
        """It is migrated."""

    def before(self) -> None:
        """A transaction will begin."""

    def written(self) -> None:
        """A transaction was committed that wrote."""

    def alone(self, connection: sa.Connection) -> None:
        """Let a transaction be the only one that has asked for this."""

    def migrates(self, connection: sa.Connection) -> None:
        """Let a transaction be the only one that migrates."""

    def erasing(self, connection: sa.Connection) -> contextlib.AbstractContextManager[None]:
        """What is deleted within shall be gone for good, as far as that can be had."""

    def erased(self) -> None:
        """Such a transaction was committed."""

    def free_bytes(self, connection: sa.Connection) -> int:
        """Bytes that can be written."""

    def tidy(self) -> None:
        """A good moment to make it smaller."""

    def numbers(self, connection: sa.Connection) -> dict[str, int]:
        """By table, the highest number that was ever given to a row of it: none is given twice."""

    def set_numbers(self, connection: sa.Connection, numbers: dict[str, int]) -> None:
        """Give higher numbers than these from now on."""


class Database:
    """An open database, migrated to the newest schema.

    Args:
        url: `sqlite:///` and the path of a file, or `postgresql+psycopg://` and what leads to a database of a server.

    Raises:
        StoreError: the URL is not of this form, the database cannot be opened or created, or a newer version of the lab made
            it. Also from any method, where the database cannot be used, has been removed, or another is in its place.
        RefusedError: from any method, where the database refuses a value.

    Attributes:
        url: its URL.
        engine: SQLAlchemy's engine, for what this class does not offer.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        self._backend = _backend(self.url)
        self.engine = self._backend.reader
        self._migrate()
        with self._errors():
            self._backend.opened()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Errors within as sentences."""
        try:
            yield
        except _REFUSALS as error:
            raise RefusedError(
                f"The results database refused a value: {_first_line(error)}; nothing that was stored before has changed."
            ) from error
        except SQLAlchemyError as error:
            raise StoreError(
                f"The database {self._backend.name} cannot be used: {_first_line(error)}; check it, or set "
                f"{settings.DATABASE_URL} to another place."
            ) from error

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction for reading. It sees the database as of its beginning, and never waits for a writer."""
        self._backend.before()
        with self._errors(), self._backend.reader.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self, *, alone: bool = True) -> Iterator[sa.Connection]:
        """A transaction for writing, committed at the end of the block and rolled back on an error.

        Args:
            alone: it is the only one that writes, so that what it has read stays as it is. Else others may write at the
                same time where the database allows it, and what must not change is to be locked.
        """
        self._backend.before()
        with self._errors(), self._backend.writer.begin() as connection:
            if alone:
                self._backend.alone(connection)
            yield connection
        self._backend.written()

    @contextlib.contextmanager
    def erase(self) -> Iterator[sa.Connection]:
        """A transaction whose deletions leave nothing of what they delete in a file of SQLite, nor in its write-ahead log."""
        with self.write() as connection, self._backend.erasing(connection):
            yield connection
        self._backend.erased()

    def now(self) -> float:
        """The time in seconds since 1970, by the clock that all go by who use the database."""
        if _is_on_this_machine(self.engine.dialect):
            return time.time()
        with self.read() as connection:
            return time_of(connection)

    def rows(self, query: sa.Select[Any], **values: Any) -> Sequence[sa.Row[Any]]:
        """All rows of a query, with values for its parameters."""
        with self.read() as connection:
            return connection.execute(query, values).all()

    def scalar(self, query: sa.Select[Any]) -> Any:
        """The value of a query of one column and at most one row; None where there is no row."""
        with self.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def table(self, query: sa.Select[Any]) -> pd.DataFrame:
        """The rows of a query as a table, which has the query's columns even without rows."""
        with self.read() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.all(), columns=list(result.keys()))

    def free_bytes(self) -> int:
        """Bytes that can be written, as far as that is known."""
        with self.read() as connection:
            return self._backend.free_bytes(connection)

    def tidy(self) -> None:
        """Make the database smaller where this is due and nobody reads or writes."""
        self._backend.tidy()

    def numbers(self, connection: sa.Connection) -> dict[str, int]:
        """By table, the highest number that was ever given to a row of it: none is given twice."""
        return self._backend.numbers(connection)

    def set_numbers(self, connection: sa.Connection, numbers: dict[str, int]) -> None:
        """Give higher numbers than these from now on."""
        self._backend.set_numbers(connection, numbers)

    def _migrate(self) -> None:
        if self._is_newest():
            return
        # Imported only where there is something to migrate, since a server's first page waits for it.
        import alembic.command
        import alembic.config
        import alembic.util

        logging.getLogger("alembic").setLevel(logging.WARNING)  # else it logs every migration
        config = alembic.config.Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self._errors(), self._backend.writer.begin() as connection:
            self._backend.migrates(connection)
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except alembic.util.CommandError as error:
                raise StoreError(
                    f"The database {self._backend.name} was made by a newer version of the lab ({error}); "
                    f"update the lab, or set {settings.DATABASE_URL} to another place."
                ) from error

    def _is_newest(self) -> bool:
        """Whether the database has the newest migration, by the numbers in the file names."""
        newest = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            return bool(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == newest)


def _backend(url: str) -> Backend:
    """The database that a URL names. Raises StoreError where it names none."""
    if url.startswith("postgresql"):
        return postgresql.PostgreSQL(url)
    if url.startswith("sqlite"):
        return sqlite.SQLite(url)
    raise StoreError(
        f"{settings.DATABASE_URL} should name an SQLite file, such as {sqlite.EXAMPLE}, or a PostgreSQL database, such as "
        f"{postgresql.EXAMPLE}; received {without_password(url)}."
    )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0][:200]

"""An open database: its location, migrations, transactions, and errors as sentences.

The only module that depends on the dialect: whatever is particular to SQLite is here.
"""

import contextlib
import json
import logging
import os
import re
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs
import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, ProgrammingError, SQLAlchemyError

from mnist_lab import settings
from mnist_lab.errors import RefusedError, StoreError

JOURNAL_BYTES = 64_000_000
_OVERGROWN = 4  # times its limit, from which on emptying the journal waits for readers
BUSY_SECONDS = 10
_MIGRATIONS = Path(__file__).parent / "migrations"

_SECURE_DELETE = "PRAGMA secure_delete=FAST"
_EXAMPLE = "sqlite:////home/me/lab.db"
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
        raise _homeless() from None


def among(column: sa.ColumnElement[int], values: Iterable[int]) -> sa.ColumnElement[bool]:
    """The condition that a column has one of some values, passed as a single parameter: SQLite allows 32,766 of them."""
    each = sa.func.json_each(json.dumps([int(value) for value in values])).table_valued("value")
    return column.in_(sa.select(each.c.value))


class Database:
    """An open database, migrated to the newest schema.

    Args:
        url: `sqlite:///` and the path of a file; the path is taken literally, `%`, `?` and `#` included.

    Raises:
        StoreError: the URL is not of this form, the file cannot be opened or created, or a newer version of the lab made
            it. Also from any method, where the database cannot be used, has been removed, or another is in its place.
        RefusedError: from any method, where the database refuses a value.

    Attributes:
        url: its URL.
        engine: SQLAlchemy's engine, for what this class does not offer.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        self._path = _file(self.url)
        self.engine = _engine(self._path)
        # Readers never wait. A writer takes the lock when it begins, since SQLite cannot wait for it when a transaction that
        # has only read so far starts to write.
        self._writer = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        self._identity: tuple[int, int] | None = None
        self._reopening = threading.Lock()
        self._migrate()
        self._mark = self._marked()
        self._identity = _identity(self._path)
        sa.event.listen(self.engine, "do_connect", self._before_connecting)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _connection(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        if self._identity is not None:
            self._check_is_same()
        try:
            with engine.begin() as connection:
                yield connection
        except _REFUSALS as error:
            raise RefusedError(
                f"The results database refused a value: {_first_line(error)}; nothing that was stored before has changed."
            ) from error
        except SQLAlchemyError as error:
            raise StoreError(
                f"The database {self._path} cannot be used: {_first_line(error)}; check it, or set "
                f"{settings.DATABASE_URL} to another place."
            ) from error
        if engine is self._writer and self._identity is not None:
            self._check_is_there()  # else the transaction went to a file that has been removed

    def read(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """A transaction for reading. It sees the database as of its beginning, and never waits for a writer."""
        return self._connection(self.engine)

    def write(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """A transaction for writing: only one at a time, committed at the end of the block and rolled back on an error."""
        return self._connection(self._writer)

    @contextlib.contextmanager
    def erase(self) -> Iterator[sa.Connection]:
        """A transaction whose deletions leave nothing of what they delete in the file, nor in the write-ahead log."""
        with self.write() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
            try:
                yield connection
            finally:
                connection.exec_driver_sql(_SECURE_DELETE)
        self._empty_journal(1000 * BUSY_SECONDS // 2)

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
        """Bytes that can be written: what is free on the disk, and unused pages of the file."""
        with self.read() as connection:
            unused, page = (
                connection.exec_driver_sql(f"PRAGMA {x}").scalar_one() for x in ("freelist_count", "page_size")
            )
        folder = self._path.absolute().parent
        try:
            return int(shutil.disk_usage(folder).free + unused * page)
        except OSError as error:
            raise StoreError(f"The folder {folder} of the results cannot be read: {error.strerror}.") from error

    def shorten_journal(self) -> None:
        """Empty the write-ahead log where it is longer than `JOURNAL_BYTES` and nobody reads or writes.

        Where it is much longer, wait up to half of `BUSY_SECONDS` for a moment without readers.
        """
        try:
            size = Path(f"{self._path}-wal").stat().st_size
            if size <= JOURNAL_BYTES:
                return
        except OSError:
            return  # the next use of the database will report what is wrong with it
        self._empty_journal(100 if size <= _OVERGROWN * JOURNAL_BYTES else 1000 * BUSY_SECONDS // 2)

    def _empty_journal(self, timeout_ms: int) -> None:
        """Empty the write-ahead log where nobody reads or writes within a time."""
        try:
            connection = self.engine.raw_connection()
        except (SQLAlchemyError, StoreError):
            return  # as above
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={timeout_ms}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            cursor.execute(f"PRAGMA busy_timeout={1000 * BUSY_SECONDS}")
        except sqlite3.Error:
            connection.invalidate()
        finally:
            connection.close()

    def _before_connecting(self, *_of_the_connection: Any) -> None:
        """Keep SQLite from creating an empty database where the file is missing."""
        self._check_is_there()

    def _check_is_there(self) -> tuple[int, int]:
        """The identity of the file at the path; raises StoreError where there is none. On most systems a deleted file that is
        open can still be read and written, unnoticed."""
        found = _identity(self._path)
        if found is None:
            raise StoreError(
                f"The database {self._path} is not there any more; put it back, or restart the lab to start a new one."
            )
        return found

    def _check_is_same(self) -> None:
        """Raise StoreError where another database is at the path; its mark shows whether one that was moved away, or copied,
        is the same."""
        found = self._check_is_there()
        if found == self._identity:
            return
        with self._reopening:
            with contextlib.closing(sqlite3.connect(self._path)) as connection:
                try:
                    (mark,) = connection.execute("PRAGMA user_version").fetchone()
                except sqlite3.Error:
                    mark = None
            if mark != self._mark:
                raise StoreError(
                    f"Another database is in the place of {self._path}; put back the original, or restart the lab to use this one."
                )
            self.engine.dispose()
            self._identity = found

    def _marked(self) -> int:
        """A random number that identifies this database; set where it has none yet."""
        with self.read() as connection:
            mark = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if not mark:
            with self.write() as connection:
                mark = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
                if not mark:
                    mark = 1 + secrets.randbelow(2**31 - 1)
                    connection.exec_driver_sql(f"PRAGMA user_version = {mark}")
        return mark

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
        with self.write() as connection:
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except alembic.util.CommandError as error:
                raise StoreError(
                    f"The database {self._path} was made by a newer version of the lab ({error}); "
                    f"update the lab, or set {settings.DATABASE_URL} to another place."
                ) from error

    def _is_newest(self) -> bool:
        """Whether the database has the newest migration, by the numbers in the file names."""
        newest = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            return bool(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == newest)


def _file(url: str) -> Path:
    """The path in a URL. Raises StoreError where the URL does not name a file."""
    found = re.fullmatch(r"sqlite(?:\+pysqlite)?:///(.+)", url, re.DOTALL)
    if not found or found[1] == ":memory:":
        try:
            shown = sa.make_url(url).render_as_string(hide_password=True)
        except SQLAlchemyError:
            shown = repr(url[:80])
        raise StoreError(
            f"{settings.DATABASE_URL} should name an SQLite file, such as {_EXAMPLE}; received {shown[:120]}."
        )
    try:
        path = Path(found[1]).expanduser()
    except RuntimeError:
        raise _homeless() from None
    return path if _identity(path) else _of_0_6(url) or path


def _homeless() -> StoreError:
    return StoreError(
        f"Your home folder cannot be determined; set {settings.DATABASE_URL} to a file for the results, such as {_EXAMPLE}."
    )


def _of_0_6(url: str) -> Path | None:
    """The database at the path that version 0.6 would have used, which decoded `%20` and ignored what follows a `?`."""
    try:
        path = Path(str(sa.make_url(url).database))
        with path.open("rb") as file:
            return path if file.read(16) == b"SQLite format 3\0" else None
    except (SQLAlchemyError, OSError, ValueError):
        return None


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file at a path; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _engine(path: Path) -> sa.Engine:
    folder = path.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} for the results cannot be created ({error.strerror}); set {settings.DATABASE_URL} to another place."
        ) from None
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the "begin" below decides how transactions begin
        _write_ahead(connection)
        connection.execute(f"PRAGMA journal_size_limit={JOURNAL_BYTES}")
        connection.execute("PRAGMA synchronous=NORMAL")
        # Debian's SQLite overwrites deleted content with zeros, so that deleting a checkpoint cost as much as writing one.
        connection.execute(_SECURE_DELETE)
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        kind = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {kind}")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging, with which readers never wait. Retried, since of several processes that open a new
    database at once SQLite tells all but one that it is locked, without regard to the timeout."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0][:200]

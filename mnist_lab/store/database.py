"""An open database: where it is, how transactions begin, what is wrong with it in a sentence.

The only module that knows whose SQL it is: what SQLite does its own way is here.
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
_FAR_BEYOND = 4  # times its limit
BUSY_SECONDS = 10
_MIGRATIONS = Path(__file__).parent / "migrations"

_EXAMPLE = "sqlite:////home/me/lab.db"
# What is wrong with a value or a statement and not with the database. Numbers and texts that SQLite cannot hold are
# refused by Python's driver in its own words.
_REFUSALS = (IntegrityError, DataError, ProgrammingError, NotSupportedError, OverflowError, UnicodeEncodeError)


def default_url() -> str:
    """Where the results are: `MNIST_LAB_DATABASE_URL`, else a file in the user's data folder.

    Raises:
        StoreError: the user has no folder, as in some containers.
    """
    if url := os.environ.get(settings.DATABASE_URL):
        return url
    try:
        return f"sqlite:///{platformdirs.user_data_path('mnist-lab', appauthor=False) / 'lab.db'}"
    except RuntimeError:
        raise _homeless() from None


def among(column: sa.ColumnElement[int], values: Iterable[int]) -> sa.ColumnElement[bool]:
    """Whether a column has one of some values, however many: a statement has room for 32,766, but these are one."""
    each = sa.func.json_each(json.dumps([int(value) for value in values])).table_valued("value")
    return column.in_(sa.select(each.c.value))


class Database:
    """An open database, brought to the newest schema.

    Args:
        url: `sqlite:///` and the path of a file, letter for letter: a `%`, `?` or `#` in it is one.

    Raises:
        StoreError: the URL is no such URL, the file cannot be opened or created, or a newer lab made it; also of any
            method where the file is not there any more, or another one is in its place.

    Attributes:
        url: where it is; engine: SQLAlchemy's, for what is not done here.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        self._path = _file(self.url)
        self.engine = _engine(self._path)
        # Readers never wait. A writer takes the lock at once: upgrading a read lock half-way could not wait for it.
        self._writer = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        self._identity: tuple[int, int] | None = None
        self._reopening = threading.Lock()
        self._migrate()
        self._mark = self._marked()
        self._identity = _identity(self._path)
        sa.event.listen(self.engine, "do_connect", self._before_connecting)

    def close(self) -> None:
        """Give all connections back."""
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
                f"The results database does not take a value: {_first_line(error)}; what was stored "
                "before is as it was."
            ) from error
        except SQLAlchemyError as error:
            raise StoreError(
                f"The database {self._path} cannot be used: {_first_line(error)}; check it, or set "
                f"{settings.DATABASE_URL} to another place."
            ) from error
        if engine is self._writer and self._identity is not None:
            self._check_is_there()  # or it was written to a file that is in no folder any more

    def read(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """A transaction that sees the database as it was when it began; it never waits for a writer."""
        return self._connection(self.engine)

    def write(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """A transaction that may write: the only one at a time, kept as a whole or, on an error, not at all."""
        return self._connection(self._writer)

    def rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """All rows that a query finds."""
        with self.read() as connection:
            return connection.execute(query).all()

    def scalar(self, query: sa.Select[Any]) -> Any:
        """The value that a query of one column finds in at most one row; None where it finds no row."""
        with self.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def table(self, query: sa.Select[Any]) -> pd.DataFrame:
        """What a query finds, with its columns also where it finds nothing."""
        with self.read() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.all(), columns=list(result.keys()))

    def free_bytes(self) -> int:
        """Bytes that can be written: free on the disk, and in the file what was given up."""
        with self.read() as connection:
            unused, page = (
                connection.exec_driver_sql(f"PRAGMA {x}").scalar_one() for x in ("freelist_count", "page_size")
            )
        folder = self._path.absolute().parent
        try:
            return int(shutil.disk_usage(folder).free + unused * page)
        except OSError as error:
            raise StoreError(f"The folder {folder} of the results cannot be looked at: {error.strerror}.") from error

    def shorten_journal(self) -> None:
        """Empty the journal where it has grown beyond its limit; left for another time while somebody reads or writes.

        Where it has grown far beyond, readers are waited for: they come and go, and between two of them there is a moment.
        """
        try:
            size = Path(f"{self._path}-wal").stat().st_size
            if size <= JOURNAL_BYTES:
                return
            patience = 100 if size <= _FAR_BEYOND * JOURNAL_BYTES else 1000 * BUSY_SECONDS // 2
            connection = self.engine.raw_connection()
        except (OSError, SQLAlchemyError, StoreError):
            return  # whoever uses the database next says what is wrong with it
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={patience}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            cursor.execute(f"PRAGMA busy_timeout={1000 * BUSY_SECONDS}")
        except sqlite3.Error:
            connection.invalidate()
        finally:
            connection.close()

    def _before_connecting(self, *_of_the_connection: Any) -> None:
        """SQLite would make an empty database in the place of one that went away for a while."""
        self._check_is_there()

    def _check_is_there(self) -> tuple[int, int]:
        """Which file is in its place. An open one could still be read and written after somebody deleted it."""
        found = _identity(self._path)
        if found is None:
            raise StoreError(
                f"The database {self._path} is not there any more; put it back, or restart the lab to begin a new one."
            )
        return found

    def _check_is_same(self) -> None:
        """Also where it was away for a while, or was copied: its mark tells it from another database in its place."""
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
                    f"Another database is in the place of {self._path}; put that one back, or restart the lab to use this one."
                )
            self.engine.dispose()
            self._identity = found

    def _marked(self) -> int:
        """A number that this database has and another one has not; given to it where it has none yet."""
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
        # Loaded only where there is something to do: a server's first page waits for it.
        import alembic.command
        import alembic.config
        import alembic.util

        logging.getLogger("alembic").setLevel(logging.WARNING)  # it reports every look at the schema
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
        """Whether the last of the migrations, whose names begin with their numbers, has been made here."""
        newest = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            return bool(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == newest)


def _file(url: str) -> Path:
    """The file that a URL names. Raises StoreError where it names none."""
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
        f"Where your home folder is cannot be found out; set {settings.DATABASE_URL} to a file for the results, such as {_EXAMPLE}."
    )


def _of_0_6(url: str) -> Path | None:
    """The database where version 0.6 put it, which read `%20` in a path as a blank and nothing behind a `?`."""
    try:
        path = Path(str(sa.make_url(url).database))
        with path.open("rb") as file:
            return path if file.read(16) == b"SQLite format 3\0" else None
    except (SQLAlchemyError, OSError, ValueError):
        return None


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is at a path; None where none is."""
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
            f"The folder {folder} for the results cannot be made ({error.strerror}); set {settings.DATABASE_URL} to another place."
        ) from None
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the "begin" below decides how transactions begin
        _write_ahead(connection)
        connection.execute(f"PRAGMA journal_size_limit={JOURNAL_BYTES}")
        connection.execute("PRAGMA synchronous=NORMAL")
        # Debian's SQLite overwrites what is deleted, by way of the journal: a checkpoint given up cost as much as a new one.
        connection.execute("PRAGMA secure_delete=FAST")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        kind = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {kind}")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set the journal by which readers never wait. Where several open a new database together, all but one are told at once
    that it is locked, whatever the timeout, as SQLite does where waiting could be for ever."""
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

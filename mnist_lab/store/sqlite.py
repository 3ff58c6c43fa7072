"""SQLite, in a file: where a single machine keeps its results, and nothing has to be set up."""

import contextlib
import re
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from mnist_lab import settings
from mnist_lab.errors import StoreError
from mnist_lab.store.urls import without_password

JOURNAL_BYTES = 64_000_000
_OVERGROWN = 4  # times its limit, from which on emptying the journal waits for readers
BUSY_SECONDS = 10
EXAMPLE = "sqlite:////home/me/lab.db"
_SECURE_DELETE = "PRAGMA secure_delete=FAST"


class SQLite:
    """The file of a database. Methods as of `database.Backend`.

    Args:
        url: `sqlite:///` and the path of a file; the path is taken literally, `%`, `?` and `#` included.

    Raises:
        StoreError: the URL is not of this form, or the folder cannot be created.
    """

    def __init__(self, url: str) -> None:
        self._path = _file(url)
        self.name = str(self._path)
        self.reader: sa.Engine = _engine(self._path)
        # Readers never wait. A writer takes the lock when it begins, since SQLite cannot wait for it when a transaction that
        # has only read so far starts to write.
        self.writer: sa.Engine = self.reader.execution_options(sqlite_begin="IMMEDIATE")
        self._identity: tuple[int, int] | None = None
        self._reopening = threading.Lock()

    def opened(self) -> None:
        """From now on the file must be there, and be the same."""
        self._mark = self._marked()
        self._identity = _identity(self._path)
        sa.event.listen(self.reader, "do_connect", self._before_connecting)

    def before(self) -> None:
        """Raise StoreError where another database is at the path; its mark shows whether one that was moved away, or copied,
        is the same."""
        if self._identity is None:
            return
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
            self.reader.dispose()
            self._identity = found

    def written(self) -> None:
        """Raise StoreError where a transaction went to a file that has been removed."""
        if self._identity is not None:
            self._check_is_there()

    def alone(self, connection: sa.Connection) -> None:
        """A writer is alone anyway."""

    def migrates(self, connection: sa.Connection) -> None:
        """A writer is alone anyway."""

    @contextlib.contextmanager
    def erasing(self, connection: sa.Connection) -> Iterator[None]:
        """What is deleted is overwritten."""
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
        try:
            yield
        finally:
            connection.exec_driver_sql(_SECURE_DELETE)

    def erased(self) -> None:
        """Nor does the write-ahead log keep it."""
        self._empty_journal(1000 * BUSY_SECONDS // 2)

    def free_bytes(self, connection: sa.Connection) -> int:
        """What is free on the disk, and unused pages of the file."""
        unused, page = (connection.exec_driver_sql(f"PRAGMA {x}").scalar_one() for x in ("freelist_count", "page_size"))
        folder = self._path.absolute().parent
        try:
            return int(shutil.disk_usage(folder).free + unused * page)
        except OSError as error:
            raise StoreError(f"The folder {folder} of the results cannot be read: {error.strerror}.") from error

    def tidy(self) -> None:
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

    def numbers(self, connection: sa.Connection) -> dict[str, int]:
        """As SQLite notes them."""
        return {
            str(row.name): int(row.seq) for row in connection.execute(sa.text("SELECT name, seq FROM sqlite_sequence"))
        }

    def set_numbers(self, connection: sa.Connection, numbers: dict[str, int]) -> None:
        """In SQLite's own table, for those of the lab's whose numbers are never given twice."""
        its = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        for name, number in numbers.items():
            made = f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{name}'"
            if "AUTOINCREMENT" not in str(connection.exec_driver_sql(made).scalar() or ""):
                continue
            if not connection.execute(sa.update(its).where(its.c.name == name).values(seq=number)).rowcount:
                connection.execute(sa.insert(its).values(name=name, seq=number))

    def _empty_journal(self, timeout_ms: int) -> None:
        """Empty the write-ahead log where nobody reads or writes within a time."""
        try:
            connection = self.reader.raw_connection()
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

    def _marked(self) -> int:
        """A random number that identifies this database; set where it has none yet."""
        with self.reader.begin() as connection:
            mark = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if not mark:
            with self.writer.begin() as connection:
                mark = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
                if not mark:
                    mark = 1 + secrets.randbelow(2**31 - 1)
                    connection.exec_driver_sql(f"PRAGMA user_version = {mark}")
        return mark


def homeless() -> StoreError:
    """There is no home folder for a file."""
    return StoreError(
        f"Your home folder cannot be determined; set {settings.DATABASE_URL} to a file for the results, such as {EXAMPLE}."
    )


def _file(url: str) -> Path:
    """The path in a URL. Raises StoreError where the URL does not name a file."""
    found = re.fullmatch(r"sqlite(?:\+pysqlite)?:///(.+)", url, re.DOTALL)
    if not found or found[1] == ":memory:":
        raise StoreError(
            f"{settings.DATABASE_URL} should name an SQLite file, such as {EXAMPLE}; received {without_password(url)}."
        )
    try:
        path = Path(found[1]).expanduser()
    except RuntimeError:
        raise homeless() from None
    return path if _identity(path) else _of_0_6(url) or path


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

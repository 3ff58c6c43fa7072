"""An open database: where it is, how transactions begin, what is wrong with it in a sentence."""

import contextlib
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs
import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, ProgrammingError, SQLAlchemyError

from mnist_lab import settings
from mnist_lab.errors import RefusedError, StoreError

JOURNAL_BYTES = 64_000_000
BUSY_SECONDS = 10
_MIGRATIONS = Path(__file__).parent / "migrations"

# What is wrong with a value or a statement and not with the database. Numbers and texts that SQLite cannot hold are
# refused by Python's driver in its own words.
_REFUSALS = (IntegrityError, DataError, ProgrammingError, NotSupportedError, OverflowError, UnicodeEncodeError)


def default_url() -> str:
    """Where the results are: `MNIST_LAB_DATABASE_URL`, else a file in the user's data folder."""
    if url := os.environ.get(settings.DATABASE_URL):
        return url
    return f"sqlite:///{platformdirs.user_data_path('mnist-lab', appauthor=False) / 'lab.db'}"


class Database:
    """An open database, brought to the newest schema.

    Args:
        url: an SQLAlchemy URL of an SQLite file.

    Raises:
        StoreError: the URL is no such URL, the file cannot be opened or created, or a newer lab made it.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        self._engine = _engine(self.url)
        # Readers never wait. A writer takes the lock at once: upgrading a read lock half-way could not wait for it.
        self._writer = self._engine.execution_options(sqlite_begin="IMMEDIATE")
        self._migrate()
        sa.event.listen(self._engine, "do_connect", self._is_still_there)

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _connection(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except _REFUSALS as error:
            raise RefusedError(
                f"The results database does not take a value: {_first_line(error)}; what was stored "
                "before is as it was."
            ) from error
        except SQLAlchemyError as error:
            raise StoreError(_reason(self._engine.url, error)) from error

    def _table(self, query: sa.Select[Any]) -> pd.DataFrame:
        with self._read() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.all(), columns=list(result.keys()))

    def free_bytes(self) -> int:
        """Bytes that can be written: free on the disk, and in the file what was given up."""
        with self._read() as connection:
            unused, page = (
                connection.exec_driver_sql(f"PRAGMA {x}").scalar_one() for x in ("freelist_count", "page_size")
            )
        folder = Path(str(self._engine.url.database)).absolute().parent
        try:
            return int(shutil.disk_usage(folder).free + unused * page)
        except OSError as error:
            raise StoreError(f"The folder {folder} of the results cannot be looked at: {error.strerror}.") from error

    def shorten_journal(self) -> None:
        """Empty the journal where it has grown beyond its limit; left for another time while somebody reads or writes."""
        try:
            if Path(f"{self._engine.url.database}-wal").stat().st_size <= JOURNAL_BYTES:
                return
            connection = self._engine.raw_connection()
        except (OSError, SQLAlchemyError):
            return  # whoever uses the database next says what is wrong with it
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA busy_timeout=100")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            cursor.execute(f"PRAGMA busy_timeout={1000 * BUSY_SECONDS}")
        except sqlite3.Error:
            connection.invalidate()
        finally:
            connection.close()

    def _is_still_there(self, *_of_the_connection: Any) -> None:
        """SQLite would make an empty database in the place of one that went away for a while."""
        if not Path(str(self._engine.url.database)).exists():
            raise sqlite3.OperationalError("the file is not there any more")

    def _read(self) -> contextlib.AbstractContextManager[sa.Connection]:
        return self._connection(self._engine)

    def _write(self) -> contextlib.AbstractContextManager[sa.Connection]:
        return self._connection(self._writer)

    def _migrate(self) -> None:
        if self._is_newest():
            return
        # Loaded only where there is something to do: a server's first page waits for it.
        import alembic.command
        import alembic.config
        import alembic.util

        logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every look at the schema
        config = alembic.config.Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self._write() as connection:
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except alembic.util.CommandError as error:
                raise StoreError(
                    f"The database {_shown(self._engine.url)} was made by a newer version of the lab ({error}); "
                    f"update the lab, or set {settings.DATABASE_URL} to another place."
                ) from error

    def _is_newest(self) -> bool:
        """Whether the last of the migrations, whose names begin with their numbers, has been made here."""
        newest = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]
        with self._read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            return bool(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == newest)


def _engine(text: str) -> sa.Engine:
    try:
        url = sa.make_url(text)
        if url.drivername not in ("sqlite", "sqlite+pysqlite") or url.database in (None, "", ":memory:"):
            raise StoreError(
                f"{settings.DATABASE_URL} should name an SQLite file, such as sqlite:////home/me/lab.db; received {_shown(url)}."
            )
    except SQLAlchemyError:
        raise StoreError(
            f"{settings.DATABASE_URL} should be a database URL, such as sqlite:////home/me/lab.db; received {text[:80]!r}."
        ) from None
    folder = Path(str(url.database)).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} for the results cannot be made ({error.strerror}); set {settings.DATABASE_URL} to another place."
        ) from None
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the "begin" below decides how transactions begin
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA journal_size_limit={JOURNAL_BYTES}")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        kind = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {kind}")

    return engine


def _shown(url: sa.URL) -> str:
    return url.render_as_string(hide_password=True)


def _reason(url: sa.URL, error: SQLAlchemyError) -> str:
    reason = _first_line(error)
    return f"The database {_shown(url)} cannot be used: {reason}; check it, or set {settings.DATABASE_URL} to another place."


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0][:200]

"""Classes: when one is open, by which code it is joined, and what its teacher allows."""

from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from mnist_lab.errors import InputError
from mnist_lab.store import pretended
from mnist_lab.store.database import Database, time_of
from mnist_lab.store.run import Status
from mnist_lab.store.schema import (
    CHALLENGES,
    CHOICES,
    CLASSES,
    DESIGNS,
    PEOPLE,
    QUESTIONS,
    RUN,
    STUDIES,
    STUDY_TURN,
    TURNS,
)


@dataclass(frozen=True)
class Class:
    """A class: a row of the database. Times are in seconds since 1970 (UTC).

    Attributes:
        code: what pupils type to join.
        closed: when joining and training ended, or None; it can be opened again.
        ended: when the lab went back to one person, or None.
        is_held: whether the queue is paused: what trains goes on, nothing else begins.
        settings_json: what its teacher allows, as `classroom.settings.ClassSettings`.
    """

    id: int
    code: str
    opened: float
    closed: float | None
    ended: float | None
    is_held: bool
    settings_json: str

    @property
    def is_open(self) -> bool:
        """Whether pupils may join and train."""
        return self.closed is None and self.ended is None


_COLUMNS = [CLASSES.c[field.name.removesuffix("_json")].label(field.name) for field in fields(Class)]
IS_ON = CLASSES.c.ended.is_(None)  # open or closed: there is one at most
_CURRENT = sa.select(*_COLUMNS).where(IS_ON)  # made once, for it is asked before everything that is drawn


class Classes:
    """The classes in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> Class | None:
        """The class that is open, or closed and not ended; None where the lab is one person's."""
        return next(iter(self._found(_CURRENT)), None)

    def ended(self) -> list[Class]:
        """The classes that have ended, newest first."""
        return self._found(sa.select(*_COLUMNS).where(~IS_ON).order_by(CLASSES.c.id.desc()))

    def open(self, code: str, settings_json: str) -> int:
        """Open a new class; returns its id.

        Raises:
            InputError: there is one that has not ended.
        """
        row = {"code": code, "is_held": False, "settings": settings_json}
        with self._database.write() as connection:
            row["opened"] = time_of(connection)
            if connection.execute(sa.select(CLASSES.c.id).where(IS_ON)).first():
                raise InputError("Class: there is one already; end it before another is opened.")
            return int(connection.execute(sa.insert(CLASSES).values(row).returning(CLASSES.c.id)).scalar_one())

    def close(self, class_id: int) -> None:
        """End joining and training: what its pupils have in training is paused, and so is what waits; the queue is held for
        nobody any more."""
        with self._database.write() as connection:
            self._close(connection, class_id)

    def reopen(self, class_id: int) -> None:
        """Let pupils join and train again."""
        with self._database.write() as connection:
            self._set(connection, class_id, closed=None)

    def end(self, class_id: int) -> None:
        """Give the lab back to one person. What the class made stays; what its pupils had in training or waiting is paused.

        Raises:
            InputError: its challenge has not been revealed, which nobody could do any more.
        """
        waits = sa.select(CHALLENGES.c.id).where(CHALLENGES.c.class_id == class_id, CHALLENGES.c.revealed.is_(None))
        with self._database.write() as connection:
            if connection.execute(waits).first():
                raise InputError("Class: its challenge has not been revealed; reveal it before the class ends.")
            self._close(connection, class_id)
            self._set(connection, class_id, ended=time_of(connection))

    def renew(self, class_id: int, code: str) -> None:
        """Give a class another code."""
        with self._database.write() as connection:
            self._set(connection, class_id, code=code)

    def hold(self, class_id: int, *, is_held: bool) -> None:
        """Pause the queue, or let it go on."""
        with self._database.write() as connection:
            self._set(connection, class_id, is_held=is_held)

    def allow(self, class_id: int, settings_json: str) -> None:
        """Replace what the teacher allows."""
        with self._database.write() as connection:
            self._set(connection, class_id, settings=settings_json)

    def delete(self, class_id: int) -> None:
        """Remove a class for good: its people, and all that its pupils made.

        Raises:
            InputError: it has not ended, or one of their runs is still in training.
        """
        theirs = keys(class_id)
        with self._database.erase() as connection:
            if connection.execute(sa.select(CLASSES.c.id).where(CLASSES.c.id == class_id, IS_ON)).first():
                raise InputError("Class: it has not ended; end it before it is deleted.")
            training = sa.select(RUN.c.id).where(RUN.c.owner.in_(theirs), RUN.c.status == Status.RUNNING)
            if run_id := connection.execute(training).scalar():
                raise InputError(f"Class: run {run_id} is still in training; stop it first.")
            of_studies = sa.select(sa.type_coerce(PEOPLE.c.key, sa.String) + STUDY_TURN).where(
                PEOPLE.c.class_id == class_id
            )
            for table in (STUDIES, RUN, DESIGNS, CHOICES):
                connection.execute(sa.delete(table).where(table.c.owner.in_(theirs)))
            for persons in (theirs, of_studies):
                connection.execute(sa.delete(TURNS).where(TURNS.c.person.in_(persons)))
            connection.execute(sa.delete(QUESTIONS))  # kept for minutes, and perhaps about these runs
            connection.execute(sa.delete(CLASSES).where(CLASSES.c.id == class_id))

    def _close(self, connection: sa.Connection, class_id: int) -> None:
        now = time_of(connection)
        self._set(connection, class_id, closed=sa.func.coalesce(CLASSES.c.closed, now), is_held=False)
        pretended.clear(connection, class_id)
        pause_all(connection, keys(class_id))

    def _set(self, connection: sa.Connection, class_id: int, **values: Any) -> None:
        connection.execute(sa.update(CLASSES).where(CLASSES.c.id == class_id).values(values))

    def _found(self, query: sa.Select[Any]) -> list[Class]:
        rows = self._database.rows(query)
        return [Class(**{**row._mapping, "is_held": bool(row.is_held)}) for row in rows]


def pause_all(connection: sa.Connection, owners: sa.Select[Any]) -> None:
    """Pause all queued runs of some owners, and tell the running ones to pause."""
    theirs = sa.and_(RUN.c.owner.in_(owners), RUN.c.deleted.is_(None))
    connection.execute(sa.update(RUN).where(theirs, RUN.c.status == Status.QUEUED).values(status=Status.PAUSED))
    asked = sa.and_(RUN.c.status == Status.RUNNING, RUN.c.pause_requested.is_(None))
    connection.execute(sa.update(RUN).where(theirs, asked).values(pause_requested=time_of(connection)))


def keys(class_id: int) -> sa.Select[Any]:
    """What the runs and designs of a class's pupils are kept under."""
    return sa.select(PEOPLE.c.key).where(PEOPLE.c.class_id == class_id)

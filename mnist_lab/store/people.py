"""The people of a class, by pseudonym and name, and requests to be let in under a name that is taken."""

from dataclasses import dataclass, fields
from secrets import token_urlsafe
from typing import Any

import sqlalchemy as sa

from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.numerals import counted
from mnist_lab.store.classes import IS_ON, pause_all
from mnist_lab.store.database import Database, time_of
from mnist_lab.store.pretended import IS_PRETENDED
from mnist_lab.store.run import Status
from mnist_lab.store.schema import CLASSES, PEOPLE, REQUESTS, RUN

MOST = 200
_REQUESTS_EACH = 3


@dataclass(frozen=True)
class Member:
    """Somebody who has joined a class: a row of the database. Times are in seconds since 1970 (UTC).

    Attributes:
        key: the pseudonym under which runs and designs are kept, as of `Person`.
        name: what they are called on the pages; no run, file or log holds it.
        token: what their browser shows again.
        removed: when the teacher removed them, or None.
    """

    id: int
    class_id: int
    key: str
    name: str
    token: str
    joined: float
    removed: float | None


@dataclass(frozen=True)
class Allowance:
    """How many runs a pupil may have waiting.

    It is checked in the transaction that lets more of them wait, so that nothing comes between: not the end of the class,
    and not what the same pupil does in a second browser.

    Attributes:
        key: the pupil's pseudonym.
        most: runs that may wait at a time.
    """

    key: str
    most: int

    def check(self, connection: sa.Connection, more: int) -> None:
        """Raises NotAllowedError where `more` further runs would be too many, or the pupil is in no open class any more."""
        is_in = sa.select(PEOPLE.c.id).join_from(PEOPLE, CLASSES, CLASSES.c.id == PEOPLE.c.class_id)
        is_in = is_in.where(PEOPLE.c.key == self.key, _PRESENT, IS_ON, CLASSES.c.closed.is_(None))
        if connection.execute(is_in).first() is None:
            raise NotAllowedError(
                "The class was closed, or you were removed from it, a moment ago; nothing was changed."
            )
        waits = (RUN.c.owner == self.key, RUN.c.status == Status.QUEUED, RUN.c.deleted.is_(None))
        waiting = connection.execute(sa.select(sa.func.count()).where(*waits)).scalar_one()
        if more and waiting + more > self.most:
            raise NotAllowedError(
                f"Queue: your teacher allows each pupil {counted(self.most, 'waiting run')}; you have {waiting} and asked for "
                f"{more} more. Wait for one to begin, or cancel one."
            )


_COLUMNS = [PEOPLE.c[field.name] for field in fields(Member)]
# Made once, for they are asked before everything that is drawn.
_BY_TOKEN, _BY_KEY = (
    sa.select(*_COLUMNS).where(column == sa.bindparam("its")) for column in (PEOPLE.c.token, PEOPLE.c.key)
)
_PRESENT = PEOPLE.c.removed.is_(None)
_IS_REAL = ~IS_PRETENDED


class People:
    """The people in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, class_id: int, *, removed_too: bool = False) -> list[Member]:
        """The members of a class in the order in which they joined; without those who have been removed, unless they too."""
        query = sa.select(*_COLUMNS).where(
            PEOPLE.c.class_id == class_id, _IS_REAL, *([] if removed_too else [_PRESENT])
        )
        return self._found(query.order_by(PEOPLE.c.id))

    def by_token(self, token: str) -> Member | None:
        """Whoever a browser's token belongs to, removed or not; None where it is nobody's."""
        return next(iter(self._found(_BY_TOKEN, its=token)), None)

    def by_key(self, key: str) -> Member | None:
        """Whoever has a pseudonym, removed or not; None where nobody has."""
        return next(iter(self._found(_BY_KEY, its=key)), None)

    def names(self, class_id: int | None = None) -> dict[str, str]:
        """Everybody's name by their pseudonym, removed or not; of one class, or of all."""
        query = sa.select(PEOPLE.c.key, PEOPLE.c.name).where(_IS_REAL)
        if class_id is not None:
            query = query.where(PEOPLE.c.class_id == class_id)
        return {row.key: row.name for row in self._database.rows(query)}

    def join(self, class_id: int, name: str) -> Member | None:
        """Add somebody to a class under a name; None where a member has this name.

        Args:
            name: in the form of `names.normalized`.

        Raises:
            InputError: the class is full, or no longer open.
        """
        with self._database.write() as connection:
            is_open = sa.select(CLASSES.c.id).where(CLASSES.c.id == class_id, IS_ON, CLASSES.c.closed.is_(None))
            if connection.execute(is_open).first() is None:
                raise InputError("Class: it is closed; ask your teacher to open it again.")
            here = sa.select(PEOPLE.c.name).where(PEOPLE.c.class_id == class_id, _PRESENT, _IS_REAL)
            present = connection.execute(here).all()
            if _is_taken(name, [row.name for row in present]):
                return None
            if len(present) >= MOST:
                raise InputError(f"Class: it is full, with {MOST} people; ask your teacher to remove somebody.")
            token, now = token_urlsafe(), time_of(connection)
            row = {"class_id": class_id, "key": f"new {token[:30]}", "name": name, "token": token, "joined": now}
            added = sa.insert(PEOPLE).values(row).returning(PEOPLE.c.id)
            number = int(connection.execute(added).scalar_one())
            key = f"pupil {number}"
            connection.execute(sa.update(PEOPLE).where(PEOPLE.c.id == number).values(key=key))
        return Member(number, class_id, key, name, token, now, None)

    def rename(self, key: str, name: str) -> None:
        """Give a member another name.

        Raises:
            InputError: another member of their class has it.
        """
        with self._database.write() as connection:
            class_id = sa.select(PEOPLE.c.class_id).where(PEOPLE.c.key == key).scalar_subquery()
            others = sa.select(PEOPLE.c.name).where(PEOPLE.c.class_id == class_id, PEOPLE.c.key != key, _PRESENT)
            if _is_taken(name, [row.name for row in connection.execute(others)]):
                raise InputError(f"Name: somebody else is called {name!r}; choose another one.")
            connection.execute(sa.update(PEOPLE).where(PEOPLE.c.key == key).values(name=name))

    def remove(self, key: str) -> None:
        """Remove a member: their browsers are strangers from now on; runs of theirs that have not ended are paused."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(PEOPLE).where(PEOPLE.c.key == key, _PRESENT).values(removed=time_of(connection))
            )
            connection.execute(sa.delete(REQUESTS).where(REQUESTS.c.person_id.in_(_id(key))))
            pause_all(connection, sa.select(PEOPLE.c.key).where(PEOPLE.c.key == key))

    # Requests of browsers to be a member who is there already

    def ask(self, class_id: int, name: str) -> str | None:
        """Ask to be let in as the member of a name; returns the token of the request, None where there is no such member.

        Raises:
            InputError: too many ask for the same name.
        """
        token = token_urlsafe()
        with self._database.write() as connection:
            members = sa.select(PEOPLE.c.id, PEOPLE.c.name).where(PEOPLE.c.class_id == class_id, _PRESENT)
            wanted = next((row.id for row in connection.execute(members) if _is_taken(name, [row.name])), None)
            if wanted is None:
                return None
            waiting = sa.select(sa.func.count()).where(REQUESTS.c.person_id == wanted, REQUESTS.c.admitted.is_(None))
            if connection.execute(waiting).scalar_one() >= _REQUESTS_EACH:
                raise InputError(f"Name: too many ask to be {name!r} already; choose another one.")
            row = {"token": token, "person_id": wanted, "asked": time_of(connection)}
            connection.execute(sa.insert(REQUESTS).values(row))
        return token

    def asking(self, class_id: int) -> list[tuple[str, str]]:
        """The requests that have not been answered, oldest first: the token of each, and the name that it is for."""
        query = (
            sa.select(REQUESTS.c.token, PEOPLE.c.name)
            .join_from(REQUESTS, PEOPLE, REQUESTS.c.person_id == PEOPLE.c.id)
            .where(PEOPLE.c.class_id == class_id, _PRESENT, REQUESTS.c.admitted.is_(None))
        )
        return [(row.token, row.name) for row in self._database.rows(query.order_by(REQUESTS.c.asked))]

    def withdraw(self, token: str) -> None:
        """Give up a request that has not been answered."""
        waits = sa.and_(REQUESTS.c.token == token, REQUESTS.c.admitted.is_(None))
        with self._database.write() as connection:
            connection.execute(sa.delete(REQUESTS).where(waits))

    def turn_all_away(self, class_id: int) -> None:
        """Answer no to all requests of a class that have not been answered."""
        its = sa.select(PEOPLE.c.id).where(PEOPLE.c.class_id == class_id)
        waits = sa.and_(REQUESTS.c.person_id.in_(its), REQUESTS.c.admitted.is_(None))
        with self._database.write() as connection:
            connection.execute(sa.delete(REQUESTS).where(waits))

    def answer(self, token: str, *, admit: bool) -> None:
        """Let in whoever asks, or turn them away; no effect where the request is gone."""
        its = REQUESTS.c.token == token
        with self._database.write() as connection:
            if admit:
                connection.execute(sa.update(REQUESTS).where(its).values(admitted=time_of(connection)))
            else:
                connection.execute(sa.delete(REQUESTS).where(its))

    def admitted(self, token: str) -> Member | bool:
        """Whom a request has been admitted as; True while it waits, False where it was turned away or its class has ended."""
        query = (
            sa.select(REQUESTS.c.admitted, *_COLUMNS)
            .join_from(REQUESTS, PEOPLE, REQUESTS.c.person_id == PEOPLE.c.id)
            .join(CLASSES, PEOPLE.c.class_id == CLASSES.c.id)
            .where(REQUESTS.c.token == token, IS_ON)
        )
        rows = self._database.rows(query)
        if not rows:
            return False
        values = dict(rows[0]._mapping)
        return True if values.pop("admitted") is None else Member(**values)

    def _found(self, query: sa.Select[Any], **values: str) -> list[Member]:
        return [Member(**row._mapping) for row in self._database.rows(query, **values)]


def _is_taken(name: str, names: list[str]) -> bool:
    """Whether a name is among others, but for capitals."""
    return name.casefold() in {other.casefold() for other in names}


def _id(key: str) -> sa.Select[Any]:
    return sa.select(PEOPLE.c.id).where(PEOPLE.c.key == key)

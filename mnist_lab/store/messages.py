"""What a teacher has sent to a class, whom it was shown to, and who has put it away."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mnist_lab.errors import InputError
from mnist_lab.store.classes import IS_ON
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.schema import CLASSES, MESSAGES, MESSAGES_READ, PEOPLE

AGAIN_SECONDS = 10.0  # the same once more within this is an impatient click
MOST = 1000  # of a class
LISTED = 50


@dataclass(frozen=True)
class StoredMessage:
    """A message: a row of the database. Times are in seconds since 1970 (UTC).

    Attributes:
        person: the pseudonym of whom it is for; None for everybody in the class.
        kind, text, link_json: as of `lesson.messages.Message`.
        withdrawn: when the teacher withdrew it, or None.
        shown, read: the pseudonyms of those whose page has shown it, and of those who then put it away or opened it.
    """

    id: int
    class_id: int
    person: str | None
    kind: str
    text: str
    link_json: str | None
    sent: float
    withdrawn: float | None
    shown: frozenset[str]
    read: frozenset[str]


class Messages:
    """The messages in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def send(self, class_id: int, person: str | None, kind: str, text: str, link_json: str | None) -> int:
        """Send a message to a class that is on, or to one who is in it; returns its id. The same one again, within a few
        seconds, is the one that was sent.

        Raises:
            InputError: the class has ended, the pupil is not in it, or it has too many messages.
        """
        its = (MESSAGES.c.class_id == class_id,)
        row = {"class_id": class_id, "person": person, "kind": kind, "text": text, "link": link_json}
        with self._database.write() as connection:
            now = time_of(connection)
            if connection.execute(sa.select(CLASSES.c.id).where(CLASSES.c.id == class_id, IS_ON)).first() is None:
                raise InputError("Message: the class has ended; nothing was sent.")
            is_in = sa.select(PEOPLE.c.id).where(PEOPLE.c.class_id == class_id, PEOPLE.c.removed.is_(None))
            if person is not None and connection.execute(is_in.where(PEOPLE.c.key == person)).first() is None:
                raise InputError("Message: whom it is for is not in the class any more; nothing was sent.")
            same = [MESSAGES.c[name].is_not_distinct_from(value) for name, value in row.items()]
            recent = (MESSAGES.c.sent > now - AGAIN_SECONDS, MESSAGES.c.withdrawn.is_(None))
            if before := connection.execute(sa.select(MESSAGES.c.id).where(*same, *recent)).scalar():
                return int(before)
            if connection.execute(sa.select(sa.func.count()).where(*its)).scalar_one() >= MOST:
                raise InputError(f"Message: a class has room for {MOST} of them, and that many were sent.")
            sent = sa.insert(MESSAGES).values(row | {"sent": now}).returning(MESSAGES.c.id)
            return int(connection.execute(sent).scalar_one())

    def withdraw(self, class_id: int, message_id: int) -> None:
        """Let a message of a class be shown to nobody any more."""
        its = (MESSAGES.c.id == message_id, MESSAGES.c.class_id == class_id, MESSAGES.c.withdrawn.is_(None))
        with self._database.write() as connection:
            connection.execute(sa.update(MESSAGES).where(*its).values(withdrawn=time_of(connection)))

    def of(self, class_id: int) -> list[StoredMessage]:
        """The last `LISTED` messages of a class, the newest first."""
        query = sa.select(*MESSAGES.c).where(MESSAGES.c.class_id == class_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(MESSAGES.c.id.desc()).limit(LISTED)).all()
            which = among(MESSAGES_READ.c.message_id, [row.id for row in rows])
            seen = connection.execute(sa.select(*MESSAGES_READ.c).where(which)).all() if rows else []
        return [_message(row, [each for each in seen if each.message_id == row.id]) for row in rows]

    def show(self, person: str, message_ids: Iterable[int]) -> None:
        """Note that somebody's page has shown messages; no effect where that is known."""
        with self._database.write() as connection:
            _note(connection, person, message_ids)

    def read(self, person: str, message_id: int) -> None:
        """Note that somebody has put a message away, or opened what it leads to; no effect where they have before."""
        mine = (MESSAGES_READ.c.message_id == message_id, MESSAGES_READ.c.person == person)
        with self._database.write() as connection:
            _note(connection, person, [message_id])
            first = sa.update(MESSAGES_READ).where(*mine, MESSAGES_READ.c.read.is_(None))
            connection.execute(first.values(read=time_of(connection)))


def _note(connection: sa.Connection, person: str, message_ids: Iterable[int]) -> None:
    wanted = list(message_ids)
    known = sa.select(MESSAGES_READ.c.message_id).where(
        among(MESSAGES_READ.c.message_id, wanted), MESSAGES_READ.c.person == person
    )
    there = sa.select(MESSAGES.c.id).where(among(MESSAGES.c.id, wanted), MESSAGES.c.id.not_in(known))
    rows = [{"message_id": i, "person": person, "shown": time_of(connection)} for i in connection.scalars(there)]
    if rows:
        connection.execute(sa.insert(MESSAGES_READ), rows)


def _message(row: sa.Row[Any], seen: list[sa.Row[Any]]) -> StoredMessage:
    values = dict(row._mapping)
    return StoredMessage(
        **values | {"link_json": values.pop("link")},
        shown=frozenset(each.person for each in seen),
        read=frozenset(each.person for each in seen if each.read is not None),
    )

"""Questions of pages about a trained network, answered by a worker beside what it trains.

An answer follows from its question alone, for a run that has ended never changes: who asks the same again, in another
browser perhaps, is given the same answer for as long as it is kept.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from mnist_lab.store.arrays import deserialized, serialized
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.schema import QUESTIONS

KEPT_SECONDS, LONG_KEPT_SECONDS = 60.0, 900.0  # since somebody asked last; unanswered ones are abandoned then


@dataclass(frozen=True)
class Question:
    """A question and how far its answer is.

    Attributes:
        progress: share of the work done, from 0 to 1.
        error: one sentence where there will be no answer.
    """

    id: int
    kind: str
    arguments: dict[str, Any]
    progress: float
    is_done: bool
    error: str | None


_COLUMNS = [QUESTIONS.c[name] for name in ("id", "kind", "arguments", "progress", "is_done", "error")]


def _as_question(row: sa.Row[Any]) -> Question:
    return Question(row.id, row.kind, json.loads(row.arguments), row.progress, bool(row.is_done), row.error)


class Questions:
    """The questions of an open database; errors as of `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, kind: str, arguments: dict[str, Any], *, is_long: bool = False) -> int:
        """Ask something, or find that it was asked already; the question's id.

        Args:
            is_long: its answer takes long to find, and is kept longer.
        """
        text = json.dumps(arguments, sort_keys=True)
        digest = hashlib.sha256(f"{kind} {text}".encode()).hexdigest()
        same = sa.and_(QUESTIONS.c.digest == digest, QUESTIONS.c.error.is_(None))
        with self._database.write() as connection:
            now = time_of(connection)
            until = now + (LONG_KEPT_SECONDS if is_long else KEPT_SECONDS)
            found = connection.execute(sa.select(QUESTIONS.c.id).where(same).limit(1)).scalar_one_or_none()
            if found is not None:
                connection.execute(
                    sa.update(QUESTIONS)
                    .where(QUESTIONS.c.id == found)
                    .values(until=until, askers=QUESTIONS.c.askers + 1)
                )
                return int(found)
            connection.execute(sa.delete(QUESTIONS).where(QUESTIONS.c.until < now))
            row = {"digest": digest, "kind": kind, "arguments": text, "until": until}
            row |= {"askers": 1, "progress": 0.0, "is_done": False}
            return int(connection.execute(sa.insert(QUESTIONS).values(row).returning(QUESTIONS.c.id)).scalar_one())

    def get(self, question_id: int) -> Question | None:
        """A question as it is now; None where it is gone."""
        rows = self._database.rows(sa.select(*_COLUMNS).where(QUESTIONS.c.id == question_id))
        return _as_question(rows[0]) if rows else None

    def answer(self, question_id: int) -> dict[str, np.ndarray] | None:
        """The answer to a question, arrays by name; None while there is none."""
        data = self._database.scalar(sa.select(QUESTIONS.c.answer).where(QUESTIONS.c.id == question_id))
        return None if data is None else deserialized(data)

    def cancel(self, question_id: int) -> None:
        """One of those who asked waits no longer; where nobody is left and it is not done, it is given up."""
        mine = QUESTIONS.c.id == question_id
        with self._database.write(alone=False) as connection:
            connection.execute(sa.update(QUESTIONS).where(mine).values(askers=QUESTIONS.c.askers - 1))
            connection.execute(
                sa.delete(QUESTIONS).where(mine, QUESTIONS.c.askers <= 0, QUESTIONS.c.is_done.is_(False))
            )

    def claim(self, engine: str) -> list[Question]:
        """All questions that no worker has yet, oldest first; an engine that is gone has none."""
        open_ = sa.and_(
            QUESTIONS.c.is_done.is_(False),
            QUESTIONS.c.error.is_(None),
            sa.or_(QUESTIONS.c.engine.is_(None), QUESTIONS.c.engine != engine),
        )
        query = sa.select(*_COLUMNS).where(open_).order_by(QUESTIONS.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query.where(QUESTIONS.c.until > time_of(connection))).all()
        if not rows:
            return []
        with self._database.write(alone=False) as connection:
            ids = [row.id for row in rows]
            connection.execute(sa.update(QUESTIONS).where(among(QUESTIONS.c.id, ids)).values(engine=engine))
        return [_as_question(row) for row in rows]

    def advance(self, question_id: int, progress: float) -> bool:
        """Say how far the answer is; whether anybody still wants it."""
        with self._database.write(alone=False) as connection:
            found = connection.execute(
                sa.update(QUESTIONS).where(QUESTIONS.c.id == question_id).values(progress=progress)
            ).rowcount
        return bool(found)

    def complete(self, question_id: int, answer: dict[str, np.ndarray]) -> None:
        """Keep the answer, for all who asked."""
        values = {"is_done": True, "progress": 1.0, "answer": serialized(**answer)}
        with self._database.write(alone=False) as connection:
            connection.execute(sa.update(QUESTIONS).where(QUESTIONS.c.id == question_id).values(values))

    def fail(self, question_id: int, error: str) -> None:
        """Say in a sentence why there will be no answer."""
        with self._database.write(alone=False) as connection:
            connection.execute(
                sa.update(QUESTIONS).where(QUESTIONS.c.id == question_id).values(is_done=True, error=error)
            )

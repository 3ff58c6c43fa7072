"""Guesses: questions about what is still to be measured, and people's answers, of which nothing is read before the outcome is
there."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from mnist_lab.errors import InputError
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.run import Status
from mnist_lab.store.schema import GUESS_QUESTIONS, GUESSES, RUN
from mnist_lab.store.studies import IS_SEALED

LATE = "Guess: the first results are there already, or the guessing was closed; a guess would be none any more."
MOST_OWN = 1000  # questions that somebody may ask themselves


@dataclass(frozen=True)
class StoredQuestion:
    """A question: a row of the database. Times are in seconds since 1970 (UTC).

    Attributes:
        class_id: of whose class; None where it is in none.
        is_for_class: whether everybody in the class may answer it; else it is its asker's own.
        asked_by: its asker's key.
        question_json: as `lesson.guess.Question`.
        closed: when guessing ended, or None.
        outcome_json: as `lesson.guess.Outcome`; None until it is there, and then never changed.
        shown: when it was there, or None.
    """

    id: int
    class_id: int | None
    is_for_class: bool
    asked_by: str
    question_json: str
    asked: float
    closed: float | None
    outcome_json: str | None
    shown: float | None


@dataclass(frozen=True)
class StoredGuess:
    """An answer: a row of the database; `person` is a key, a pupil's a pseudonym. It is written once and never changed."""

    question_id: int
    person: str
    answer_json: str
    why: str
    given: float


_COLUMNS = [GUESS_QUESTIONS.c[field.name.removesuffix("_json")].label(field.name) for field in fields(StoredQuestion)]
_GUESS = [GUESSES.c[field.name.removesuffix("_json")].label(field.name) for field in fields(StoredGuess)]
_IS_OPEN = sa.and_(GUESS_QUESTIONS.c.closed.is_(None), GUESS_QUESTIONS.c.outcome.is_(None))
_ENDED = (Status.FINISHED, Status.STOPPED, Status.CANCELLED, Status.FAILED)
# Of a run: whether something of its results can be seen. A run that continues another begins with the epochs of that.
_SHOWS = sa.and_(
    ~IS_SEALED,
    sa.or_(RUN.c.epochs_done > sa.func.coalesce(RUN.c.parent_epoch, 0), RUN.c.status.in_(_ENDED)),
)


class Guesses:
    """The questions and answers in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Questions

    def add(
        self,
        class_id: int | None,
        asked_by: str,
        question_json: str,
        *,
        answer: tuple[str, str] | None = None,
        awaited: Iterable[int] = (),
    ) -> int:
        """Keep a question; returns its id.

        Args:
            answer: of a question to oneself, the answer as JSON and why; a question without is for the class.
            awaited: the runs of which nothing may have been seen yet.

        Raises:
            InputError: it is late, or somebody asks themselves too many.
        """
        row: dict[str, Any] = {
            "class_id": class_id,
            "is_for_class": answer is None,
            "asked_by": asked_by,
            "question": question_json,
        }
        with self._database.write() as connection:
            row["asked"] = time_of(connection)
            if answer is not None:
                own = sa.select(sa.func.count()).where(
                    GUESS_QUESTIONS.c.asked_by == asked_by, GUESS_QUESTIONS.c.is_for_class.is_(False)
                )
                if connection.execute(own).scalar_one() >= MOST_OWN:
                    raise InputError(f"Guess: you have asked yourself {MOST_OWN:,} questions; that is the most.")
            its = sa.insert(GUESS_QUESTIONS).values(row).returning(GUESS_QUESTIONS.c.id)
            question_id = int(connection.execute(its).scalar_one())
            if answer is not None:
                _must_be_early(connection, awaited)
                _give(connection, question_id, asked_by, *answer)
        return question_id

    def get(self, question_id: int) -> StoredQuestion | None:
        """A question by its id; None where there is none."""
        return next(iter(self._found(GUESS_QUESTIONS.c.id == question_id)), None)

    def of(self, class_id: int | None, person: str, limit: int | None = None) -> list[StoredQuestion]:
        """The questions that are for a class, and somebody's own, newest first."""
        own = sa.and_(GUESS_QUESTIONS.c.asked_by == person, GUESS_QUESTIONS.c.is_for_class.is_(False))
        return self._found(sa.or_(_for(class_id), own), limit)

    def of_class(self, class_id: int, *, since: float) -> list[StoredQuestion]:
        """The questions for a class whose outcome is not there yet, or came after a time, newest first."""
        recent = sa.or_(GUESS_QUESTIONS.c.outcome.is_(None), GUESS_QUESTIONS.c.shown > since)
        return self._found(sa.and_(_for(class_id), recent))

    def all_of(self, class_id: int) -> list[StoredQuestion]:
        """All questions in a class, its pupils' own among them, newest first."""
        return self._found(GUESS_QUESTIONS.c.class_id == class_id)

    def close(self, question_id: int) -> None:
        """End the guessing; no effect where it has ended."""
        with self._database.write() as connection:
            self._set(connection, question_id, _IS_OPEN, closed=time_of(connection))

    def replace(self, question_id: int, before: str, question_json: str) -> bool:
        """Put a question in the place of the one that it was; whether it still was that one."""
        with self._database.write() as connection:
            same = sa.and_(GUESS_QUESTIONS.c.question == before, GUESS_QUESTIONS.c.outcome.is_(None))
            return self._set(connection, question_id, same, question=question_json)

    def conclude(self, question_id: int, outcome_json: str) -> None:
        """Write the outcome, which ends the guessing; no effect where there is one."""
        with self._database.write() as connection:
            now = time_of(connection)
            closed = sa.func.coalesce(GUESS_QUESTIONS.c.closed, now)
            none = GUESS_QUESTIONS.c.outcome.is_(None)
            self._set(connection, question_id, none, outcome=outcome_json, closed=closed, shown=now)

    def delete(self, question_id: int) -> None:
        """Remove a question with its answers."""
        with self._database.erase() as connection:
            connection.execute(sa.delete(GUESS_QUESTIONS).where(GUESS_QUESTIONS.c.id == question_id))

    # Answers

    def give(self, question_id: int, person: str, answer_json: str, why: str, awaited: Iterable[int]) -> bool:
        """Keep an answer for good; whether it was kept: not where this person has given one.

        Raises:
            InputError: it is late.
        """
        mine = sa.select(GUESSES.c.person).where(GUESSES.c.question_id == question_id, GUESSES.c.person == person)
        is_open = sa.select(GUESS_QUESTIONS.c.id).where(GUESS_QUESTIONS.c.id == question_id, _IS_OPEN)
        with self._database.write() as connection:
            if connection.execute(mine).first():
                return False
            if connection.execute(is_open).first() is None:
                raise InputError(LATE)
            _must_be_early(connection, awaited)
            _give(connection, question_id, person, answer_json, why)
        return True

    def counts(self, question_ids: Iterable[int]) -> dict[int, int]:
        """How many have answered, by question; without those that nobody has."""
        query = sa.select(GUESSES.c.question_id, sa.func.count().label("n"))
        query = query.where(among(GUESSES.c.question_id, question_ids)).group_by(GUESSES.c.question_id)
        return {row.question_id: row.n for row in self._database.rows(query)}

    def own(self, question_ids: Iterable[int], person: str) -> dict[int, StoredGuess]:
        """Somebody's answers, by question."""
        query = sa.select(*_GUESS).where(among(GUESSES.c.question_id, question_ids), GUESSES.c.person == person)
        return {row.question_id: StoredGuess(**row._mapping) for row in self._database.rows(query)}

    def told(self, question_ids: Iterable[int]) -> list[StoredGuess]:
        """Everybody's answers to those of some questions whose outcome is there, in the order of their people; of the others
        none."""
        query = sa.select(*_GUESS).join_from(GUESSES, GUESS_QUESTIONS, GUESS_QUESTIONS.c.id == GUESSES.c.question_id)
        query = query.where(among(GUESSES.c.question_id, question_ids), GUESS_QUESTIONS.c.outcome.is_not(None))
        return [StoredGuess(**row._mapping) for row in self._database.rows(query.order_by(GUESSES.c.person))]

    # The runs that questions are about

    def showing(self, run_ids: Iterable[int]) -> set[int]:
        """Those of some runs that have shown something of their results: the first epoch has ended, or they have."""
        return {row.id for row in self._database.rows(sa.select(RUN.c.id).where(among(RUN.c.id, run_ids), _SHOWS))}

    def _found(self, which: sa.ColumnElement[bool], limit: int | None = None) -> list[StoredQuestion]:
        query = sa.select(*_COLUMNS).where(which).order_by(GUESS_QUESTIONS.c.id.desc()).limit(limit)
        rows = self._database.rows(query)
        return [StoredQuestion(**{**row._mapping, "is_for_class": bool(row.is_for_class)}) for row in rows]

    @staticmethod
    def _set(connection: sa.Connection, question_id: int, only: sa.ColumnElement[bool], **values: Any) -> bool:
        which = sa.update(GUESS_QUESTIONS).where(GUESS_QUESTIONS.c.id == question_id, only)
        return bool(connection.execute(which.values(values)).rowcount)


def _for(class_id: int | None) -> sa.ColumnElement[bool]:
    if class_id is None:
        return sa.false()
    return sa.and_(GUESS_QUESTIONS.c.class_id == class_id, GUESS_QUESTIONS.c.is_for_class.is_(True))


def _must_be_early(connection: sa.Connection, awaited: Iterable[int]) -> None:
    """Raises InputError where one of some runs has shown something. In the transaction of what must come before: no epoch
    can end in between."""
    if connection.execute(sa.select(RUN.c.id).where(among(RUN.c.id, awaited), _SHOWS)).first():
        raise InputError(LATE)


def _give(connection: sa.Connection, question_id: int, person: str, answer_json: str, why: str) -> None:
    row = {
        "question_id": question_id,
        "person": person,
        "answer": answer_json,
        "why": why,
        "given": time_of(connection),
    }
    connection.execute(sa.insert(GUESSES).values(row))

"""Rounds of a lesson, planned and begun, and their rehearsals with pretended pupils."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from secrets import token_urlsafe

import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment
from mnist_lab.store import pretended, waiting
from mnist_lab.store.database import Database, time_of
from mnist_lab.store.run import Run
from mnist_lab.store.schema import PEOPLE, REHEARSALS, ROUNDS, RUN, RUN_COLUMNS, as_run
from mnist_lab.store.studies import IS_OF_STUDY


@dataclass(frozen=True)
class StoredRound:
    """A round: a row of the database. Times are in seconds since 1970 (UTC), by the clock of this machine.

    Attributes:
        begun: None where it is only planned.
        ends: when its time is up; None where it is only planned.
        ended: when it was ended early, or another began, or None.
        lifted: when its recipe stopped to hold, or None.
    """

    id: int
    plan_json: str
    begun: float | None
    ends: float | None
    ended: float | None
    lifted: float | None


@dataclass(frozen=True)
class StoredRehearsal:
    """A rehearsal: a row of the database. Times are in seconds since 1970 (UTC).

    Attributes:
        report_json: what was measured; None while it goes on.
    """

    id: int
    plan_json: str
    begun: float
    report_json: str | None


_ROUND = [ROUNDS.c[field.name.removesuffix("_json")].label(field.name) for field in fields(StoredRound)]
_REHEARSAL = [REHEARSALS.c[field.name.removesuffix("_json")].label(field.name) for field in fields(StoredRehearsal)]
_IS_PLANNED = ROUNDS.c.begun.is_(None)


class Rounds:
    """The rounds in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def planned(self, class_id: int) -> str | None:
        """The plan of the next round of a class, as JSON: as it was changed last, else that of the last round."""
        query = sa.select(ROUNDS.c.plan).where(ROUNDS.c.class_id == class_id)
        found = self._database.rows(query.order_by(_IS_PLANNED.desc(), ROUNDS.c.id.desc()).limit(1))
        return str(found[0].plan) if found else None

    def plan(self, class_id: int, plan_json: str) -> None:
        """Replace the plan of the next round."""
        its = sa.and_(ROUNDS.c.class_id == class_id, _IS_PLANNED)
        with self._database.write() as connection:
            values = {"plan": plan_json, "planned": time_of(connection)}
            if not connection.execute(sa.update(ROUNDS).where(its).values(values)).rowcount:
                connection.execute(sa.insert(ROUNDS).values(values | {"class_id": class_id}))

    def current(self, class_id: int) -> StoredRound | None:
        """The round that began last, over or not; None where none has begun."""
        query = sa.select(*_ROUND).where(ROUNDS.c.class_id == class_id, ~_IS_PLANNED)
        found = self._database.rows(query.order_by(ROUNDS.c.id.desc()).limit(1))
        return StoredRound(**found[0]._mapping) if found else None

    def of(self, class_id: int, moment: float) -> StoredRound | None:
        """The round that was going on at a time, else the first that has begun since; None where none has."""
        over = sa.func.coalesce(ROUNDS.c.ended, ROUNDS.c.ends)
        query = sa.select(*_ROUND).where(ROUNDS.c.class_id == class_id, ~_IS_PLANNED, over > moment)
        found = self._database.rows(query.order_by(ROUNDS.c.id).limit(1))
        return StoredRound(**found[0]._mapping) if found else None

    def runs(self, class_id: int, its: StoredRound) -> list[Run]:
        """The runs that pupils of a class queued during one of its rounds, in that order, also deleted ones; not those of
        studies."""
        query = sa.select(*RUN_COLUMNS).join_from(RUN, PEOPLE, PEOPLE.c.key == RUN.c.owner)
        query = query.where(PEOPLE.c.class_id == class_id, ~pretended.IS_PRETENDED, ~IS_OF_STUDY)
        query = query.where(RUN.c.created.between(its.begun, its.ends if its.ended is None else its.ended))
        return [as_run(row) for row in self._database.rows(query.order_by(RUN.c.id))]

    def begin(self, class_id: int, plan_json: str, seconds: float) -> None:
        """Begin a round, with which the rehearsal and the recipe of the last one end; no effect while one is going on."""
        its = ROUNDS.c.class_id == class_id
        with self._database.write() as connection:
            now = time_of(connection)
            going = sa.and_(its, ~_IS_PLANNED, ROUNDS.c.ended.is_(None), ROUNDS.c.ends > now)
            if connection.execute(sa.select(ROUNDS.c.id).where(going)).first():
                return
            _end_rehearsals(connection, class_id)
            over = {
                "ended": sa.func.coalesce(ROUNDS.c.ended, ROUNDS.c.ends),
                "lifted": sa.func.coalesce(ROUNDS.c.lifted, now),
            }
            connection.execute(sa.update(ROUNDS).where(its, ~_IS_PLANNED).values(over))
            connection.execute(sa.delete(ROUNDS).where(its, _IS_PLANNED))
            row = {"class_id": class_id, "plan": plan_json, "planned": now, "begun": now, "ends": now + seconds}
            connection.execute(sa.insert(ROUNDS).values(row))

    def prolong(self, class_id: int, ends: float) -> None:
        """Let the round that is going on end later; no effect where it ends later already, or none is going on."""
        going = sa.and_(ROUNDS.c.class_id == class_id, ~_IS_PLANNED, ROUNDS.c.ended.is_(None))
        with self._database.write() as connection:
            going = sa.and_(going, ROUNDS.c.ends > time_of(connection), ROUNDS.c.ends < ends)
            connection.execute(sa.update(ROUNDS).where(going).values(ends=ends))

    def end(self, class_id: int) -> None:
        """End the round that is going on now; no effect where none is."""
        going = sa.and_(ROUNDS.c.class_id == class_id, ~_IS_PLANNED, ROUNDS.c.ended.is_(None))
        with self._database.write() as connection:
            now = time_of(connection)
            connection.execute(sa.update(ROUNDS).where(going, ROUNDS.c.ends > now).values(ended=now))

    def lift(self, class_id: int) -> None:
        """The recipe of the last round holds no more."""
        holds = sa.and_(ROUNDS.c.class_id == class_id, ~_IS_PLANNED, ROUNDS.c.lifted.is_(None))
        with self._database.write() as connection:
            connection.execute(sa.update(ROUNDS).where(holds).values(lifted=time_of(connection)))

    # Rehearsals

    def rehearsal(self, class_id: int) -> StoredRehearsal | None:
        """The last rehearsal of a class, over or not; None where there is none, or it was deleted."""
        query = sa.select(*_REHEARSAL).where(REHEARSALS.c.class_id == class_id)
        found = self._database.rows(query.order_by(REHEARSALS.c.id.desc()).limit(1))
        return StoredRehearsal(**found[0]._mapping) if found else None

    def rehearsed(self, class_id: int) -> list[Run]:
        """The runs of the pretended pupils, in the order in which they were queued."""
        query = sa.select(*RUN_COLUMNS).join_from(RUN, PEOPLE, PEOPLE.c.key == RUN.c.owner)
        query = query.where(PEOPLE.c.class_id == class_id, pretended.IS_PRETENDED).order_by(RUN.c.id)
        return [as_run(row) for row in self._database.rows(query)]

    def rehearse(
        self, class_id: int, plan_json: str, experiments: Sequence[Experiment], predicted: Sequence[waiting.Range]
    ) -> None:
        """Let a pretended pupil for each experiment join the class and queue it; no effect while a rehearsal goes on. An
        earlier one is deleted.

        Args:
            predicted: lower and upper bound of the predicted training time of each, in seconds.
        """
        its = REHEARSALS.c.class_id == class_id
        with self._database.write() as connection:
            if connection.execute(sa.select(REHEARSALS.c.id).where(its, REHEARSALS.c.ended.is_(None))).first():
                return
            connection.execute(sa.delete(REHEARSALS).where(its))
            pretended.clear(connection, class_id)
            now = time_of(connection)
            for number, (experiment, its_range) in enumerate(zip(experiments, predicted, strict=True), 1):
                token = token_urlsafe()
                row = {"class_id": class_id, "key": f"new {token[:30]}", "name": f"Pretended pupil {number}"}
                row |= {"token": token, "joined": now, "is_pretended": True}
                added = connection.execute(sa.insert(PEOPLE).values(row).returning(PEOPLE.c.id)).scalar_one()
                key = f"pretended {added}"
                connection.execute(sa.update(PEOPLE).where(PEOPLE.c.id == added).values(key=key))
                waiting.add(connection, [experiment], key, [its_range])
            # Only now: they begin together, in the moment in which the last of them is queued.
            row = {"class_id": class_id, "plan": plan_json, "begun": time_of(connection)}
            connection.execute(sa.insert(REHEARSALS).values(row))

    def report(self, rehearsal_id: int, class_id: int, report_json: str) -> None:
        """Keep what a rehearsal measured, and remove its pupils and their runs; no effect where it has ended."""
        going = sa.and_(REHEARSALS.c.id == rehearsal_id, REHEARSALS.c.ended.is_(None))
        with self._database.write() as connection:
            values = {"ended": time_of(connection), "report": report_json}
            if connection.execute(sa.update(REHEARSALS).where(going).values(values)).rowcount:
                pretended.clear(connection, class_id)

    def delete_rehearsal(self, class_id: int) -> None:
        """Stop the rehearsal of a class where it goes on, and remove it with its pupils and their runs."""
        with self._database.write() as connection:
            pretended.clear(connection, class_id)
            connection.execute(sa.delete(REHEARSALS).where(REHEARSALS.c.class_id == class_id))


def _end_rehearsals(connection: sa.Connection, class_id: int) -> None:
    """Stop what is still rehearsed; what was measured is kept."""
    pretended.clear(connection, class_id)
    its = sa.and_(REHEARSALS.c.class_id == class_id, REHEARSALS.c.ended.is_(None))
    connection.execute(sa.delete(REHEARSALS).where(its))

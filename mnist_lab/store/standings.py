"""How the people of a class stand, in one transaction and in as many statements for two hundred of them as for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.run import Run, Status
from mnist_lab.store.schema import PEOPLE, RUN, RUN_COLUMNS, as_run
from mnist_lab.store.studies import IS_SEALED


@dataclass(frozen=True)
class Joined:
    """Somebody who is in the class and is not pretended; attributes as of `Member`."""

    key: str
    name: str
    joined: float


@dataclass(frozen=True)
class Counts:
    """All runs of somebody, those of studies too.

    Attributes:
        by_status: how many have each status.
        queued: when the newest of them was queued; None where there is none.
        changed: when the last of them was queued, begun or ended; None where there is none.
    """

    by_status: Mapping[Status, int]
    queued: float | None
    changed: float | None

    @property
    def all(self) -> int:
        """How many there are."""
        return sum(self.by_status.values())


NONE = Counts({}, None, None)


@dataclass(frozen=True)
class Standing:
    """A class at one moment; by their owners' keys.

    Attributes:
        people: who is in it, in the order in which they joined.
        counts: of those who have any run.
        newest: the run that was queued last of those that have ended.
        best: the run with the best validation accuracy of the weights that were kept.
    """

    people: tuple[Joined, ...]
    counts: Mapping[str, Counts]
    newest: Mapping[str, Run]
    best: Mapping[str, Run]


class Standings:
    """How classes in an open database stand. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, class_id: int) -> Standing:
        """How a class stands now. Runs of a study that is sealed are counted, and none of them is the newest or the best."""
        is_in = (PEOPLE.c.class_id == class_id, PEOPLE.c.removed.is_(None), PEOPLE.c.is_pretended.is_(False))
        people = sa.select(PEOPLE.c.key, PEOPLE.c.name, PEOPLE.c.joined).where(*is_in).order_by(PEOPLE.c.id)
        theirs = sa.and_(RUN.c.owner.in_(sa.select(PEOPLE.c.key).where(*is_in)), RUN.c.deleted.is_(None))
        last = [sa.func.max(column).label(column.name) for column in (RUN.c.created, RUN.c.started, RUN.c.ended)]
        counts = sa.select(RUN.c.owner, RUN.c.status, sa.func.count().label("number"), *last)
        open_ones = sa.and_(theirs, ~IS_SEALED)
        has_ended = RUN.c.status.in_([status for status in Status if status.is_ended])
        best = RUN.c.validation_accuracy
        with self._database.read() as connection:
            return Standing(
                tuple(Joined(row.key, row.name, row.joined) for row in connection.execute(people)),
                _counts(connection.execute(counts.where(theirs).group_by(RUN.c.owner, RUN.c.status)).all()),
                _first(connection, sa.and_(open_ones, has_ended), RUN.c.id.desc()),
                _first(connection, sa.and_(open_ones, best.is_not(None)), best.desc()),
            )


def _first(connection: sa.Connection, which: sa.ColumnElement[bool], order: sa.ColumnElement[Any]) -> dict[str, Run]:
    """Of each owner the first of some runs, in an order; of equal ones the oldest."""
    rank = sa.func.row_number().over(partition_by=RUN.c.owner, order_by=[order, RUN.c.id]).label("rank")
    ranked = sa.select(RUN.c.id, rank).where(which).subquery()
    firsts = sa.select(ranked.c.id).where(ranked.c.rank == 1)
    rows = connection.execute(sa.select(*RUN_COLUMNS).where(RUN.c.id.in_(firsts)))
    return {run.owner: run for run in map(as_run, rows)}


def _counts(rows: Any) -> dict[str, Counts]:
    owners: dict[str, list[Any]] = {}
    for row in rows:
        owners.setdefault(row.owner, []).append(row)
    return {
        owner: Counts(
            {Status(row.status): row.number for row in its},
            max(row.created for row in its),
            max(at for row in its for at in (row.created, row.started, row.ended) if at is not None),
        )
        for owner, its in owners.items()
    }

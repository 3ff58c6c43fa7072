"""The queue of runs, and the commands to those that have not ended."""

import os
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.store import disk, studies, waiting
from mnist_lab.store.classes import IS_ON
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.people import Allowance
from mnist_lab.store.run import Run, Status
from mnist_lab.store.runs import sum_up
from mnist_lab.store.schema import (
    CHECKPOINTS,
    CLASSES,
    CRASHES,
    EPOCHS,
    PEOPLE,
    RUN,
    RUN_COLUMNS,
    SNAPSHOTS,
    STATES,
    STUDY_TURN,
    TURNS,
    as_run,
)

MAX_CRASHES = 3
CRASH_SENTENCE = f"The process that trained this run crashed {MAX_CRASHES} times in a row before its first checkpoint; resume the run to try again."
_WAITS = sa.and_(RUN.c.status == Status.QUEUED, RUN.c.deleted.is_(None))  # a deleted run keeps its status
_IS_HELD = sa.exists().where(IS_ON, CLASSES.c.is_held)
_IN_CLASS = PEOPLE.c.class_id.in_(sa.select(CLASSES.c.id).where(IS_ON))  # after its class a pupil's runs are as any
_WITH_PEOPLE = sa.outerjoin(RUN, PEOPLE, sa.and_(PEOPLE.c.key == RUN.c.owner, _IN_CLASS))
_IS_LATER = sa.case((studies.IS_OF_STUDY, 1), else_=0)  # nobody who tries something out waits for a study
# Whose run it is, where turns are taken: a person with their own runs, or the same person with those of their studies.
_LINE: sa.ColumnElement[str] = sa.func.coalesce(PEOPLE.c.key, "", type_=sa.String) + sa.case(
    (studies.IS_OF_STUDY, STUDY_TURN), else_=""
)


class Queue:
    """The queue in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self) -> list[Run]:
        """The running runs, then the queued ones in the order in which they will be trained."""
        running = sa.select(*RUN_COLUMNS).where(RUN.c.status == Status.RUNNING).order_by(RUN.c.position, RUN.c.id)
        with self._database.read() as connection:
            return [as_run(row) for query in (running, _in_turn(*RUN_COLUMNS)) for row in connection.execute(query)]

    def resumable(self) -> list[Run]:
        """The paused and the interrupted runs, oldest first."""
        idle = RUN.c.status.in_([Status.PAUSED, Status.INTERRUPTED])
        query = sa.select(*RUN_COLUMNS).where(idle, RUN.c.deleted.is_(None))
        return [as_run(row) for row in self._database.rows(query.order_by(RUN.c.id))]

    def add(
        self,
        experiments: list[Experiment],
        owner: str,
        predicted: Sequence[waiting.Range] | None = None,
        allowance: Allowance | None = None,
    ) -> list[int]:
        """Queue experiments, all or none.

        Args:
            predicted: lower and upper bound of the predicted training time of each, in seconds.
            allowance: of a pupil who queues them.

        Returns:
            The ids of the runs, in the same order.

        Raises:
            NotAllowedError: they are more than the allowance.
        """
        with self._database.write() as connection:
            if allowance:
                allowance.check(connection, len(experiments))
            return waiting.add(connection, experiments, owner, predicted)

    def continue_run(
        self,
        run: Run,
        epoch: int,
        experiment: Experiment,
        owner: str,
        predicted: waiting.Range,
        allowance: Allowance | None = None,
    ) -> int:
        """Queue a new run that continues an ended one from its checkpoint after an epoch; it starts with a copy of the log.

        Args:
            experiment: of the new run.
            predicted, allowance: as for `add`.

        Returns:
            The id of the new run.

        Raises:
            InputError: there is no such checkpoint.
            NotAllowedError: as `add`.
        """
        key = f"continued-{os.urandom(8).hex()}"  # unique, so that it is never grouped with seeds of a design
        row = {
            "design_key": key,
            "parent_id": run.id,
            "parent_epoch": epoch,
            "predicted_low": predicted[0],
            "predicted_high": predicted[1],
            "epochs_done": epoch,
            "steps_done": epoch * experiment.steps_per_epoch,
        }
        kept = sa.and_(CHECKPOINTS.c.run_id == run.id, CHECKPOINTS.c.epoch == epoch, CHECKPOINTS.c.state.is_not(None))
        with self._database.write() as connection:
            if allowance:
                allowance.check(connection, 1)
            waiting.must_spare_test_images(connection, [experiment])
            if connection.execute(sa.select(CHECKPOINTS.c.epoch).where(kept)).first() is None:
                raise InputError(f"Run {run.id}: the checkpoint of epoch {epoch} is not kept; choose another epoch.")
            row = waiting.row(experiment, owner, time_of(connection)) | row
            child: int = connection.execute(sa.insert(RUN).values(row).returning(RUN.c.id)).scalar_one()
            for table, its in (
                (EPOCHS, sa.and_(EPOCHS.c.run_id == run.id, EPOCHS.c.epoch <= epoch)),
                (SNAPSHOTS, sa.and_(SNAPSHOTS.c.run_id == run.id, SNAPSHOTS.c.epoch <= epoch)),
                (CHECKPOINTS, kept),
            ):
                columns = [column for column in table.c if column.name != "run_id"]
                copied = sa.select(sa.literal(child), *columns).where(its)
                connection.execute(sa.insert(table).from_select(["run_id", *(c.name for c in columns)], copied))
            step = {"step": epoch * experiment.steps_per_epoch}
            connection.execute(sa.update(CHECKPOINTS).where(CHECKPOINTS.c.run_id == child).values(step))
            sum_up(connection, child)
        return child

    def claim(self, engine: str, only: list[int] | None = None) -> Run | None:
        """Set the first queued run for which the disk has room to running, and return it; None where there is none.

        Args:
            engine: the engine that claims it.
            only: the ids of the runs to choose from; all where None.
        """
        waits = sa.select(RUN.c.id).where(_WAITS, ~_IS_HELD).limit(1)
        first = _in_turn(RUN.c.id).where(~_IS_HELD).limit(1)
        if only is not None:
            waits, first = (query.where(among(RUN.c.id, only)) for query in (waits, first))
        if not self._database.rows(waits):
            return None
        room = self.room() - disk.RESERVE
        first = first.where(sa.func.coalesce(RUN.c.predicted_bytes, 0) <= sa.literal(room, sa.BigInteger))
        if not self._database.rows(first):  # checked by reading, since an engine asks ten times a second
            return None
        with self._database.write() as connection:
            now = time_of(connection)
            claimed = connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == first.scalar_subquery(), _WAITS)
                .values(
                    status=Status.RUNNING,
                    engine=engine,
                    claims=RUN.c.claims + 1,
                    started=sa.func.coalesce(RUN.c.started, now),
                )
                .returning(*RUN_COLUMNS)
            ).first()
            if claimed:
                line = _line_of(connection, claimed.id)
                connection.execute(sa.delete(TURNS).where(TURNS.c.person == line))
                # A number rather than the time, which a clock that is set back would give twice.
                last = sa.select(sa.func.coalesce(sa.func.max(TURNS.c.served), 0) + 1).scalar_subquery()
                connection.execute(sa.insert(TURNS).values(person=line, served=last))
                studies.mark_foreseen(connection, claimed.id)
        return as_run(claimed) if claimed else None

    def room(self) -> int:
        """Bytes that another run may write: the free space less what the running runs may write."""
        running = sa.select(sa.func.sum(RUN.c.predicted_bytes)).where(RUN.c.status == Status.RUNNING)
        return self._database.free_bytes() - int(self._database.scalar(running) or 0)

    def stop(self, *run_ids: int) -> None:
        """Stop runs and keep what they have learnt; no effect on ended and deleted ones.

        A running run is told to stop. A queued, paused or interrupted one is cancelled where it has not been trained yet;
        else it goes to the front of the queue, to be evaluated.
        """
        has_learnt = sa.or_(*(sa.exists().where(table.c.run_id == RUN.c.id) for table in (STATES, CHECKPOINTS)))
        with self._database.write() as connection:
            for run_id in reversed(run_ids):
                mine = sa.and_(RUN.c.id == run_id, RUN.c.deleted.is_(None))
                idle = sa.and_(mine, RUN.c.status.in_([Status.QUEUED, Status.PAUSED, Status.INTERRUPTED]))
                connection.execute(
                    sa.update(RUN)
                    .where(idle, ~has_learnt)
                    .values(status=Status.CANCELLED, ended=time_of(connection), error=None)
                )
                connection.execute(
                    sa.update(RUN)
                    .where(idle)
                    .values(_requeued() | {"stop_requested": time_of(connection), "position": front(connection)})
                )
                connection.execute(
                    sa.update(RUN)
                    .where(mine, RUN.c.status == Status.RUNNING, RUN.c.stop_requested.is_(None))
                    .values(stop_requested=time_of(connection))
                )

    def pause(self, *run_ids: int) -> None:
        """Pause queued runs, and tell running ones to pause; no effect on others."""
        with self._database.write() as connection:
            for run_id in run_ids:
                mine = RUN.c.id == run_id
                connection.execute(sa.update(RUN).where(mine, _WAITS).values(status=Status.PAUSED))
                connection.execute(
                    sa.update(RUN)
                    .where(mine, RUN.c.status == Status.RUNNING, RUN.c.pause_requested.is_(None))
                    .values(pause_requested=time_of(connection))
                )

    def resume(self, *run_ids: int, allowance: Allowance | None = None) -> None:
        """Put paused and interrupted runs at the front of the queue, in the given order; no effect on others.

        Args:
            allowance: of a pupil who resumes them.

        Raises:
            NotAllowedError: they are more than the allowance; none is resumed.
        """
        idle = sa.and_(RUN.c.status.in_([Status.PAUSED, Status.INTERRUPTED]), RUN.c.deleted.is_(None))
        with self._database.write() as connection:
            if allowance:
                more = sa.select(sa.func.count()).where(idle, among(RUN.c.id, run_ids))
                allowance.check(connection, connection.execute(more).scalar_one())
            for run_id in reversed(run_ids):
                connection.execute(
                    sa.update(RUN).where(RUN.c.id == run_id, idle).values(_requeued() | {"position": front(connection)})
                )
                # Its worker has not obeyed yet: it then continues.
                connection.execute(
                    sa.update(RUN)
                    .where(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
                    .values(pause_requested=None)
                )

    def move(self, run_id: int, places: int) -> None:
        """Move a queued run by `places` places among those of its person, towards the front where negative; no effect on
        others. A study's runs are moved among runs of studies, all others among all others."""
        queued = sa.select(RUN.c.id, RUN.c.position, RUN.c.deleted).select_from(_WITH_PEOPLE)
        with self._database.write() as connection:
            queued = queued.where(RUN.c.status == Status.QUEUED, _LINE.in_([_line_of(connection, run_id)]))
            rows = connection.execute(queued.order_by(RUN.c.position, RUN.c.id)).all()
            ids = [row.id for row in rows if row.deleted is None]
            if run_id not in ids:
                return
            place = min(max(ids.index(run_id) + places, 0), len(ids) - 1)
            ids.remove(run_id)
            ids.insert(place, run_id)
            order = iter(ids)
            for number, row in enumerate(rows):  # deleted runs keep their places; all get distinct positions
                moved = next(order) if row.deleted is None else row.id
                position = rows[0].position + number
                connection.execute(sa.update(RUN).where(RUN.c.id == moved).values(position=position))

    def crashed(self, run_id: int, claim: int | None = None) -> None:
        """Queue a run again after its worker crashed; interrupt it after `MAX_CRASHES` crashes in a row.

        Args:
            claim: under which the worker had it; no effect where another has it by now.
        """
        its = RUN.c.id == run_id if claim is None else sa.and_(RUN.c.id == run_id, RUN.c.claims == claim)
        with self._database.write() as connection:
            requeue(connection, its)


def _in_turn(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The queued runs in the order in which they will be trained: the only place that says whose turn it is.

    Of the people who wait, the one served longest ago comes next; before them those who were never served, in the order
    in which they asked: by their oldest run that waits, since positions change where a run is paused and resumed. A
    person's own runs keep their order. So the first runs of all come first, then the second runs of all, and so on. All
    who are no pupils of the class that is on are one person: alone, the queue is first in, first out.

    The runs of studies come behind everybody's own; among them turns are taken, and remembered, in the same way.
    """
    rank = sa.func.row_number().over(partition_by=_LINE, order_by=[RUN.c.position, RUN.c.id])
    oldest = sa.func.min(RUN.c.id).over(partition_by=_LINE)
    query = sa.select(*columns).select_from(_WITH_PEOPLE.outerjoin(TURNS, TURNS.c.person == _LINE)).where(_WAITS)
    return query.order_by(_IS_LATER, rank, TURNS.c.served.nulls_first(), oldest)


def _line_of(connection: sa.Connection, run_id: int) -> str:
    found = connection.execute(sa.select(_LINE).select_from(_WITH_PEOPLE).where(RUN.c.id == run_id)).scalar()
    return str(found or "")


def front(connection: sa.Connection) -> float:
    """A position before all queued runs, deleted ones included."""
    first = connection.execute(sa.select(sa.func.min(RUN.c.position)).where(RUN.c.status == Status.QUEUED))
    return (first.scalar_one() or 0.0) - 1.0


def requeue(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    """Put running runs that have lost their worker back to the front of the queue, or interrupt them after `MAX_CRASHES`
    crashes in a row."""
    running = sa.and_(which, RUN.c.status == Status.RUNNING)
    connection.execute(
        sa.update(RUN)
        .where(running, CRASHES + 1 >= MAX_CRASHES)
        .values(status=Status.INTERRUPTED, ended=time_of(connection), error=CRASH_SENTENCE)
    )
    # Whoever loses a worker was not served.
    lost = sa.select(_LINE).select_from(_WITH_PEOPLE).where(running)
    connection.execute(sa.delete(TURNS).where(TURNS.c.person.in_(lost)))
    # A run that was told to pause is paused, in the state of its last checkpoint.
    paused = sa.and_(RUN.c.pause_requested.is_not(None), RUN.c.stop_requested.is_(None))
    connection.execute(
        sa.update(RUN)
        .where(running)
        .values(
            status=sa.case((paused, str(Status.PAUSED)), else_=str(Status.QUEUED)),
            engine=None,
            **{CRASHES.name: CRASHES + 1},
            position=front(connection),
        )
    )


def _requeued() -> dict[str, Any]:
    """The columns that change when a paused or interrupted run is queued again."""
    return {"status": Status.QUEUED, "ended": None, "error": None, "pause_requested": None, CRASHES.name: 0}

"""Recording of a run by the worker that trains it: its environment, its reports, its end.

A run has one writer. Nothing is written to a run that is no longer running, nor under a claim that is not its last: its worker
has been given up, and another one may have it, on another machine perhaps. Every transaction locks its run first, and waits
for no other's.
"""

import json
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from mnist_lab.errors import EngineError
from mnist_lab.store import checkpoints, disk, queue
from mnist_lab.store.arrays import compressed
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.run import DECISIVE, Status
from mnist_lab.store.runs import sum_up
from mnist_lab.store.schema import (
    BATCHES,
    CHECKPOINTS,
    CRASHES,
    EPOCHS,
    PREDICTIONS,
    RUN,
    RUN_COLUMNS,
    SNAPSHOTS,
    as_run,
)
from mnist_lab.training.reports import Checkpoint, Command, Outcome, Report, rounded


class Recording:
    """The running runs in an open database. Errors as `Database`.

    `claim`, an argument of all methods, is `Run.claims` as the writer was given the run; None where nobody else can have it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, run_id: int, environment: dict[str, Any], claim: int | None = None) -> Checkpoint | None:
        """Record the environment of a run, and remove what was recorded after its newest checkpoint.

        Returns:
            That checkpoint; None where there is none, and training starts from the seed.

        Raises:
            EngineError: another worker has the run by now.
        """
        with self._database.write(alone=False) as connection:
            its = RUN.c.id == run_id if claim is None else _running(run_id, claim)
            found = connection.execute(sa.select(RUN.c.environment).where(its).with_for_update()).first()
            if found is None and claim is not None:
                raise EngineError(f"Run {run_id}: it was taken from this worker before it began.")
            before = found and found.environment
            checkpoint = checkpoints.newest(connection, run_id)
            values: dict[str, Any] = {"environment": json.dumps(environment)}
            if before and checkpoint and (other := _differing(json.loads(before), environment)):
                values["caveat"] = (
                    f"It was resumed under other conditions, {other}: its last digits may differ from those of an uninterrupted run."
                )
            connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(values))
            epoch, step = (checkpoint.epoch, checkpoint.step) if checkpoint else (0, 0)
            connection.execute(sa.delete(BATCHES).where(BATCHES.c.run_id == run_id, BATCHES.c.step > step))
            for table in (EPOCHS, SNAPSHOTS, CHECKPOINTS):
                connection.execute(sa.delete(table).where(table.c.run_id == run_id, table.c.epoch > epoch))
            connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(steps_done=step, epochs_done=epoch))
            sum_up(connection, run_id)
        return checkpoint

    def record(self, run_id: int, *reports: Report, claim: int | None = None) -> Command:
        """Write reports in one transaction; points of the curve that are there already are replaced.

        Returns:
            The run's command; to stop where the run is no longer running, or another worker has it.
        """
        with self._database.write(alone=False) as connection:
            running = _running(run_id, claim)
            asked = connection.execute(sa.select(*RUN_COLUMNS).where(running).with_for_update(of=RUN)).first()
            if asked is None:
                return Command.STOP
            points = {point.point: point for report in reports for point in report.points}
            if points:
                replaced = sa.and_(BATCHES.c.run_id == run_id, among(BATCHES.c.point, points))
                connection.execute(sa.delete(BATCHES).where(replaced))
                rows = [{"run_id": run_id, **asdict(point)} for point in points.values()]
                connection.execute(sa.insert(BATCHES), rows)
                connection.execute(sa.update(RUN).where(running).values(steps_done=max(r["step"] for r in rows)))
            for report in reports:
                _record_epoch(connection, run_id, report)
            if any(report.epoch for report in reports):
                sum_up(connection, run_id)
            if any(report.weights or report.checkpoint for report in reports):
                checkpoints.thin_while_training(connection, run_id, disk.share())
        return as_run(asked).command

    def pause(self, run_id: int, claim: int | None = None) -> None:
        """Set a running run to paused; to queued where it was resumed in the meantime, or told to stop, which it then does."""
        goes_on = sa.or_(RUN.c.pause_requested.is_(None), RUN.c.stop_requested.is_not(None))
        with self._database.write(alone=False) as connection:
            connection.execute(
                sa.update(RUN)
                .where(_running(run_id, claim))
                .values(
                    status=sa.case((goes_on, str(Status.QUEUED)), else_=str(Status.PAUSED)),
                    engine=None,
                    position=queue.front(connection),
                )
            )

    def finish(self, run_id: int, outcome: Outcome, claim: int | None = None) -> None:
        """Write the result, the kept weights and the predictions (as float16) of a running run, and end it, in one
        transaction."""
        result = {
            field.name: getattr(outcome, field.name)
            for field in fields(outcome)
            if field.name not in ("stopped", "weights", "probabilities")
        }
        status = Status.STOPPED if outcome.stopped else Status.FINISHED
        with self._database.write(alone=False) as connection:
            ended = connection.execute(
                sa.update(RUN)
                .where(_running(run_id, claim))
                .values(status=status, ended=time_of(connection), pause_requested=None, **result)
            )
            if not ended.rowcount:
                return
            checkpoints.keep(connection, run_id, outcome.kept_epoch, outcome.weights)
            predictions = compressed(probabilities=rounded(outcome.probabilities))
            connection.execute(sa.insert(PREDICTIONS).values(run_id=run_id, probabilities=predictions))
            checkpoints.thin(connection, run_id)

    def end(self, run_id: int, status: Status, error: str, claim: int | None = None) -> None:
        """End a running run without a result.

        Args:
            error: a sentence that says why.
        """
        with self._database.write(alone=False) as connection:
            ended = connection.execute(
                sa.update(RUN)
                .where(_running(run_id, claim))
                .values(status=status, ended=time_of(connection), error=error)
            )
            if ended.rowcount and status is not Status.INTERRUPTED:
                checkpoints.thin(connection, run_id)


def _running(run_id: int, claim: int | None) -> sa.ColumnElement[bool]:
    """The condition that a run is in training, by the worker that was given it under this number."""
    running = sa.and_(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
    return running if claim is None else sa.and_(running, RUN.c.claims == claim)


def _record_epoch(connection: sa.Connection, run_id: int, report: Report) -> None:
    """Write a report's log line, snapshot, weights and checkpoint, replacing earlier ones of the same epoch."""
    if report.epoch:
        its = sa.and_(EPOCHS.c.run_id == run_id, EPOCHS.c.epoch == report.epoch.epoch)
        connection.execute(sa.delete(EPOCHS).where(its))
        connection.execute(sa.insert(EPOCHS).values(run_id=run_id, **asdict(report.epoch)))
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(epochs_done=report.epoch.epoch))
    checkpoints.write(connection, run_id, report)
    if report.checkpoint:
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values({CRASHES.name: 0}))


def _differing(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two environments of what a result's last digits depend on, in words; empty where nothing does."""
    found = [key for key in (*DECISIVE, "data_sha256") if before.get(key) != now.get(key)]
    return " and ".join(f"{key} ({now.get(key)} after {before.get(key)})" for key in found)

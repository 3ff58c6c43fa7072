"""What the worker that trains a run writes of it: its environment, its reports, how it ended.

A run has one writer. Nothing is written to a run that is not running any more: somebody has declared its worker dead, and
that stands.
"""

import json
import time
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from mnist_lab.store import checkpoints, disk, queue
from mnist_lab.store.arrays import compressed
from mnist_lab.store.database import Database, among
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
    """The runs in training of an open database; errors as of `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, run_id: int, environment: dict[str, Any]) -> Checkpoint | None:
        """Record what a run is trained with, and take back what was recorded after its newest checkpoint.

        Returns:
            That checkpoint; None where there is none and it begins from its seed.
        """
        with self._database.write() as connection:
            checkpoint = checkpoints.newest(connection, run_id)
            before = connection.execute(sa.select(RUN.c.environment).where(RUN.c.id == run_id)).scalar_one_or_none()
            values: dict[str, Any] = {"environment": json.dumps(environment)}
            if before and checkpoint and (other := _differing(json.loads(before), environment)):
                values["caveat"] = f"Resumed with another {other}: the last digits may differ from an undisturbed run."
            connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(values))
            epoch, step = (checkpoint.epoch, checkpoint.step) if checkpoint else (0, 0)
            connection.execute(sa.delete(BATCHES).where(BATCHES.c.run_id == run_id, BATCHES.c.step > step))
            for table in (EPOCHS, SNAPSHOTS, CHECKPOINTS):
                connection.execute(sa.delete(table).where(table.c.run_id == run_id, table.c.epoch > epoch))
            connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(steps_done=step, epochs_done=epoch))
            sum_up(connection, run_id)
        return checkpoint

    def record(self, run_id: int, *reports: Report) -> Command:
        """Add what training reported, in one transaction; a known point of the curve is replaced.

        Returns:
            What the run is asked to do; to stop where nobody counts it as running any more.
        """
        with self._database.write() as connection:
            running = sa.and_(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
            asked = connection.execute(sa.select(*RUN_COLUMNS).where(running)).first()
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

    def pause(self, run_id: int) -> None:
        """A running run's worker has left it. Where somebody resumed it meanwhile it waits again."""
        resumed = (RUN.c.pause_requested.is_(None), str(Status.QUEUED))
        with self._database.write() as connection:
            connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
                .values(
                    status=sa.case(resumed, else_=str(Status.PAUSED)), engine=None, position=queue.front(connection)
                )
            )

    def finish(self, run_id: int, outcome: Outcome) -> None:
        """End a running run with its result, kept weights and predictions (stored as float16), in one transaction."""
        result = {
            field.name: getattr(outcome, field.name)
            for field in fields(outcome)
            if field.name not in ("stopped", "weights", "probabilities")
        }
        status = Status.STOPPED if outcome.stopped else Status.FINISHED
        with self._database.write() as connection:
            ended = connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
                .values(status=status, ended=time.time(), pause_requested=None, **result)
            )
            if not ended.rowcount:
                return
            checkpoints.keep(connection, run_id, outcome.kept_epoch, outcome.weights)
            predictions = compressed(probabilities=rounded(outcome.probabilities))
            connection.execute(sa.insert(PREDICTIONS).values(run_id=run_id, probabilities=predictions))
            checkpoints.thin(connection, run_id)

    def end(self, run_id: int, status: Status, error: str) -> None:
        """End a running run without a result, with the sentence that says why."""
        with self._database.write() as connection:
            ended = connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
                .values(status=status, ended=time.time(), error=error)
            )
            if ended.rowcount and status is not Status.INTERRUPTED:
                checkpoints.thin(connection, run_id)


def _record_epoch(connection: sa.Connection, run_id: int, report: Report) -> None:
    """Write a report's line, picture, weights and checkpoint, in the place of earlier ones."""
    if report.epoch:
        its = sa.and_(EPOCHS.c.run_id == run_id, EPOCHS.c.epoch == report.epoch.epoch)
        connection.execute(sa.delete(EPOCHS).where(its))
        connection.execute(sa.insert(EPOCHS).values(run_id=run_id, **asdict(report.epoch)))
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(epochs_done=report.epoch.epoch))
    checkpoints.write(connection, run_id, report)
    if report.checkpoint:
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values({CRASHES.name: 0}))


def _differing(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What of the things that decide a result's last digits is another now."""
    found = [key for key in (*DECISIVE, "data_sha256") if before.get(key) != now.get(key)]
    return " and ".join(f"{key} ({now.get(key)} after {before.get(key)})" for key in found)

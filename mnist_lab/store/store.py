"""The database: runs, their metrics, checkpoints and predictions; the queue; the engine's lease.

The store is the queue and the only channel between training and everything that looks at it. One writer a run: the
worker that trains it. A run that has ended never changes; one that was paused or interrupted can be resumed.

It does not train, start processes or know TensorFlow; weights are arrays by name. Times are seconds since 1970 (UTC).
"""

import json
import socket
import time
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

import pandas as pd
import sqlalchemy as sa

import mnist_lab
from mnist_lab.design.experiment import Experiment, Status, Wish, read_design
from mnist_lab.errors import InputError
from mnist_lab.store import disk
from mnist_lab.store.database import among, default_url
from mnist_lab.store.questions import Errands
from mnist_lab.store.queue import NOT_WORKING, READY, WAITS, WARMING_UP, Lease
from mnist_lab.store.schema import (
    BATCHES,
    CALIBRATIONS,
    CHECKPOINTS,
    DECISIVE,
    DESIGNS,
    EPOCHS,
    PREDICTIONS,
    RUN,
    RUN_COLUMNS,
    SNAPSHOTS,
    Run,
    as_run,
    packed,
    pressed,
)
from mnist_lab.training.reports import Checkpoint, Outcome, Report, rounded

__all__ = ["NOT_WORKING", "READY", "WARMING_UP", "Lease", "Run", "Store", "default_url"]

_HAS_WEIGHTS = sa.exists().where(CHECKPOINTS.c.run_id == RUN.c.id, CHECKPOINTS.c.weights.is_not(None))


class Store(Errands):
    """The store over an open database; arguments and errors as of `Database`."""

    # What a worker writes

    def begin(self, run_id: int, environment: dict[str, Any]) -> Checkpoint | None:
        """Record what a run is trained with, and take back what was recorded after its newest checkpoint.

        Returns:
            That checkpoint; None where there is none and it begins from its seed.
        """
        with self._write() as connection:
            checkpoint = self._newest(connection, run_id)
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
            self._sum_up(connection, run_id)
        return checkpoint

    def record(self, run_id: int, *reports: Report) -> Wish:
        """Add what training reported, in one transaction; a known point of the curve is replaced.

        Returns:
            What the run is asked to do; to stop where nobody counts it as running any more.
        """
        with self._write() as connection:
            running = sa.and_(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
            asked = connection.execute(sa.select(*RUN_COLUMNS).where(running)).first()
            if asked is None:
                return Wish.STOP
            points = {point.point: point for report in reports for point in report.points}
            if points:
                replaced = sa.and_(BATCHES.c.run_id == run_id, among(BATCHES.c.point, points))
                connection.execute(sa.delete(BATCHES).where(replaced))
                rows = [{"run_id": run_id, **asdict(point)} for point in points.values()]
                connection.execute(sa.insert(BATCHES), rows)
                connection.execute(sa.update(RUN).where(running).values(steps_done=max(r["step"] for r in rows)))
            for report in reports:
                self._record_epoch(connection, run_id, report)
            if any(report.epoch for report in reports):
                self._sum_up(connection, run_id)
            if any(report.weights or report.checkpoint for report in reports):
                self._thin_while_training(connection, run_id, disk.share())
        return as_run(asked).wish

    def pause(self, run_id: int) -> None:
        """A running run's worker has left it. Where somebody resumed it meanwhile it waits again."""
        resumed = (RUN.c.pause_requested.is_(None), str(Status.QUEUED))
        with self._write() as connection:
            connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
                .values(
                    status=sa.case(resumed, else_=str(Status.PAUSED)), engine=None, position=self._front(connection)
                )
            )

    def finish(self, run_id: int, outcome: Outcome) -> None:
        """End a run with its result, kept weights and predictions (stored as float16), in one transaction.

        Nothing is written where the run is no longer running: somebody has declared it dead, and that stands.
        """
        result = {
            field.name: getattr(outcome, field.name)
            for field in fields(outcome)
            if field.name not in ("stopped", "weights", "probabilities")
        }
        status = Status.STOPPED if outcome.stopped else Status.FINISHED
        with self._write() as connection:
            ended = connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
                .values(status=status, ended=time.time(), pause_requested=None, **result)
            )
            if not ended.rowcount:
                return
            kept = sa.and_(CHECKPOINTS.c.run_id == run_id, CHECKPOINTS.c.epoch == outcome.kept_epoch)
            weights = packed(**outcome.weights)
            if not connection.execute(sa.update(CHECKPOINTS).where(kept).values(weights=weights)).rowcount:
                row = {"run_id": run_id, "epoch": outcome.kept_epoch, "weights": weights}
                connection.execute(sa.insert(CHECKPOINTS).values(row))
            predictions = pressed(probabilities=rounded(outcome.probabilities))
            connection.execute(sa.insert(PREDICTIONS).values(run_id=run_id, probabilities=predictions))
            self._thin(connection, run_id)

    def end(self, run_id: int, status: Status, error: str) -> None:
        """End a running run without a result, with the sentence that says why."""
        with self._write() as connection:
            ended = connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
                .values(status=status, ended=time.time(), error=error)
            )
            if ended.rowcount and status is not Status.INTERRUPTED:
                self._thin(connection, run_id)

    # What a reader sees

    def runs(self, status: Status | None = None, limit: int | None = None) -> list[Run]:
        """Every run that is not deleted, newest first; only those of a status, and only the newest `limit`, where given."""
        query = sa.select(*RUN_COLUMNS).where(RUN.c.deleted.is_(None)).order_by(RUN.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(RUN.c.status == status)
        with self._read() as connection:
            return [as_run(row) for row in connection.execute(query)]

    def active(self) -> list[Run]:
        """What runs and what waits, in the order it will be trained."""
        query = sa.select(*RUN_COLUMNS).where(sa.or_(RUN.c.status == Status.RUNNING, WAITS))
        with self._read() as connection:
            rows = [as_run(row) for row in connection.execute(query.order_by(RUN.c.position, RUN.c.id))]
        return sorted(rows, key=lambda run: run.status is Status.QUEUED)

    def resumable(self) -> list[Run]:
        """What was paused or interrupted, oldest first."""
        query = sa.select(*RUN_COLUMNS).where(RUN.c.status.in_([Status.PAUSED, Status.INTERRUPTED]))
        query = query.where(RUN.c.deleted.is_(None))
        with self._read() as connection:
            return [as_run(row) for row in connection.execute(query.order_by(RUN.c.id))]

    def with_weights(self, limit: int) -> list[Run]:
        """The newest runs of which any weights are kept, newest first."""
        query = sa.select(*RUN_COLUMNS).where(RUN.c.deleted.is_(None), _HAS_WEIGHTS)
        with self._read() as connection:
            return [as_run(row) for row in connection.execute(query.order_by(RUN.c.id.desc()).limit(limit))]

    def best_with_weights(self) -> Run | None:
        """The finished run with the best validation accuracy of which weights are kept; else the best of the others.

        What is archived comes last.
        """
        query = sa.select(*RUN_COLUMNS).where(RUN.c.deleted.is_(None), _HAS_WEIGHTS)
        order = (
            RUN.c.archived.is_not(None),
            RUN.c.status != Status.FINISHED,
            sa.func.coalesce(RUN.c.validation_accuracy, RUN.c.last_validation_accuracy).desc().nulls_last(),
            RUN.c.id.desc(),
        )
        with self._read() as connection:
            row = connection.execute(query.order_by(*order).limit(1)).first()
        return as_run(row) if row else None

    def children(self, run_id: int) -> list[int]:
        """The runs that continue a run."""
        query = sa.select(RUN.c.id).where(RUN.c.parent_id == run_id).order_by(RUN.c.id)
        with self._read() as connection:
            return list(connection.execute(query).scalars())

    def latest(self) -> Run | None:
        """The run that ended last of those that have a curve."""
        query = sa.select(*RUN_COLUMNS).where(RUN.c.ended.is_not(None), RUN.c.steps_done > 0, RUN.c.deleted.is_(None))
        with self._read() as connection:
            row = connection.execute(query.order_by(RUN.c.ended.desc()).limit(1)).first()
        return as_run(row) if row else None

    def run(self, run_id: int) -> Run | None:
        """One run, or None where there is none of that id."""
        with self._read() as connection:
            row = connection.execute(sa.select(*RUN_COLUMNS).where(RUN.c.id == run_id)).first()
        return as_run(row) if row else None

    def some(self, run_ids: Iterable[int]) -> dict[int, Run]:
        """Runs by their ids, deleted or not, in the order given; without those that are gone."""
        wanted = list(dict.fromkeys(run_ids))
        with self._read() as connection:
            query = sa.select(*RUN_COLUMNS).where(among(RUN.c.id, wanted))
            found = {row.id: as_run(row) for row in connection.execute(query)}
        return {run_id: found[run_id] for run_id in wanted if run_id in found}

    def epochs(self, run_ids: list[int]) -> pd.DataFrame:
        """The logs of runs: one row an epoch, ordered by run and epoch."""
        query = sa.select(*EPOCHS.c).where(among(EPOCHS.c.run_id, run_ids))
        return self._table(query.order_by(EPOCHS.c.run_id, EPOCHS.c.epoch))

    def batches(self, run_id: int) -> pd.DataFrame:
        """The training curve of a run: one row a point."""
        return self._table(sa.select(*BATCHES.c).where(BATCHES.c.run_id == run_id).order_by(BATCHES.c.point))

    # How fast this machine is, and designs kept by name

    def calibration(self) -> list[float] | None:
        """What this machine's short calibration found, or None where it has not been made."""
        query = sa.select(CALIBRATIONS.c.ratios).where(CALIBRATIONS.c.host == _this_machine())
        with self._read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return json.loads(found) if found else None

    def is_calibrated(self) -> bool:
        """Whether this machine was measured when nothing else took its processors."""
        query = sa.select(CALIBRATIONS.c.is_quiet).where(CALIBRATIONS.c.host == _this_machine())
        with self._read() as connection:
            return bool(connection.execute(query).scalar_one_or_none())

    def save_calibration(self, ratios: list[float], is_quiet: bool = True) -> None:
        """Keep this machine's calibration in the place of an earlier one.

        Args:
            is_quiet: nothing else took its processors meanwhile.
        """
        host = _this_machine()
        row = {"host": host, "ratios": json.dumps(ratios), "created": time.time(), "is_quiet": is_quiet}
        with self._write() as connection:
            connection.execute(sa.delete(CALIBRATIONS).where(CALIBRATIONS.c.host == host))
            connection.execute(sa.insert(CALIBRATIONS).values(row))

    def save_design(self, experiment: Experiment, owner: str, *, replaces: str | None = None) -> str | None:
        """Keep a design under its name.

        Args:
            replaces: the design as JSON that somebody has agreed to lose.

        Returns:
            Another design as JSON that has this name already and stays; None where the new one is kept.
        """
        with self._write() as connection:
            named = DESIGNS.c.name == experiment.name
            kept: str | None = connection.execute(sa.select(DESIGNS.c.experiment).where(named)).scalar()
            if kept is not None and kept != replaces and not _is_same(kept, experiment):
                return kept
            connection.execute(sa.delete(DESIGNS).where(named))
            row = {"name": experiment.name, "owner": owner, "experiment": experiment.model_dump_json()}
            connection.execute(sa.insert(DESIGNS).values(**row, created=time.time()))
        return None

    def designs(self) -> dict[str, str]:
        """Kept designs by name, in the order of their names, each as JSON."""
        with self._read() as connection:
            rows = connection.execute(sa.select(DESIGNS.c.name, DESIGNS.c.experiment).order_by(DESIGNS.c.name))
            return {row.name: row.experiment for row in rows}

    def delete_design(self, name: str) -> None:
        """Keep a design no longer; no effect where there is none of that name."""
        with self._write() as connection:
            connection.execute(sa.delete(DESIGNS).where(DESIGNS.c.name == name))


def _is_same(kept: str, experiment: Experiment) -> bool:
    """Whether a kept design says the same, though an earlier lab may have written it with fewer fields."""
    try:
        return read_design(kept) == experiment
    except InputError:
        return False


def _this_machine() -> str:
    """What a calibration is of: a newer lab may be quicker on the same machine."""
    return f"{socket.gethostname()}, lab {mnist_lab.__version__}"


def _differing(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What of the things that decide a result's last digits is another now."""
    found = [key for key in (*DECISIVE, "data_sha256") if before.get(key) != now.get(key)]
    return " and ".join(f"{key} ({now.get(key)} after {before.get(key)})" for key in found)

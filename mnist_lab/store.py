"""The database: runs, their metrics, checkpoints and predictions; the queue; the engine's lease.

The store is the queue and the only channel between training and everything that looks at it. One writer a run: the
worker that trains it. A run that has ended never changes; one that was paused or interrupted can be resumed.

It does not train, start processes or know TensorFlow; weights are arrays by name. Times are seconds since 1970 (UTC).

What is kept of a run that has ended: its weights after the kept and the last epoch always; of the others those of up to
`KEPT_CHECKPOINTS` epochs, evenly spread, and all that training needs to go on from each. `make_room` takes these away
again, from the oldest runs first, where they come to more than a limit.
"""

import io
import json
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import psutil
import sqlalchemy as sa

from mnist_lab.architecture import totals, trace
from mnist_lab.database import URL_VARIABLE, Database, default_url
from mnist_lab.errors import InputError
from mnist_lab.experiment import Experiment, Status, Wish, parse
from mnist_lab.report import Checkpoint, Outcome, Report, Snapshot

__all__ = ["URL_VARIABLE", "Lease", "Run", "Store", "default_url"]

LEASE_SECONDS = 15.0
MOST_DEATHS = 3
KEPT_CHECKPOINTS = 8
DEATH_SENTENCE = f"The process that trained it died {MOST_DEATHS} times in a row before it could keep anything; resume it to try again."


@dataclass(frozen=True)
class Run:
    """One row of the table of runs. Accuracies are shares of 1; `validation_*` and `test_*` are of the kept weights,
    None until there are any.

    Attributes:
        position: waiting runs are trained in its order.
        deaths: how often in a row its worker died before it could keep anything.
        parent_id, parent_epoch: the run that it continues, and after which of its epochs.
        caveat: why its result may differ in the last digits from an undisturbed one.
    """

    id: int
    name: str
    owner: str
    status: Status
    experiment_json: str
    design_key: str
    parameters: int
    created: float
    started: float | None
    ended: float | None
    stop_requested: float | None
    steps_done: int
    epochs_done: int
    best_validation_accuracy: float | None
    best_epoch: int | None
    last_validation_accuracy: float | None
    kept_epoch: int | None
    validation_accuracy: float | None
    validation_loss: float | None
    test_accuracy: float | None
    test_loss: float | None
    seconds: float | None
    reporting_seconds: float | None
    environment_json: str | None
    error: str | None
    predicted_low: float | None
    predicted_high: float | None
    position: float
    pause_requested: float | None
    deaths: int
    parent_id: int | None
    parent_epoch: int | None
    caveat: str | None

    @cached_property
    def experiment(self) -> Experiment:
        """What was asked for."""
        return parse(Experiment, self.experiment_json)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, machine, threads and data hash it was trained with; empty until it starts."""
        return json.loads(self.environment_json) if self.environment_json else {}

    @property
    def planned_steps(self) -> int:
        """Batches from first to last epoch; those of the run that it continues are among them."""
        return self.experiment.steps_per_epoch * self.experiment.recipe.epochs

    @property
    def wish(self) -> Wish:
        """What it is asked to do."""
        if self.stop_requested is not None:
            return Wish.STOP
        return Wish.GO_ON if self.pause_requested is None else Wish.PAUSE


@dataclass(frozen=True)
class Lease:
    """Which engine serves this store, and how it is."""

    engine: str
    host: str
    pid: int
    process_created: float
    heartbeat: float
    state: str

    @property
    def is_live(self) -> bool:
        """Whether that engine is alive: by its process where that is on this machine, by its heartbeat elsewhere.

        A process outlives missed heartbeats (a laptop that slept); its time of creation tells it from another one
        that got its number later. That time is reckoned from the clock, which may be set: then a fresh heartbeat
        will do.
        """
        beating = abs(time.time() - self.heartbeat) < LEASE_SECONDS
        if self.host != socket.gethostname():
            return beating
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.process_created) < 1
            return process.status() != psutil.STATUS_ZOMBIE and (same or beating)
        except psutil.NoSuchProcess:
            return False


def _table(name: str, columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns.split()))


# The migrations define the tables; these name the columns that queries use.
_RUN_FIELDS = {field.name.removesuffix("_json"): field.name for field in fields(Run)}
_RUN = _table("runs", " ".join([*_RUN_FIELDS, "engine"]))
_RUN_COLUMNS = [_RUN.c[column].label(name) for column, name in _RUN_FIELDS.items()]
_EPOCHS = _table("epochs", "run_id epoch steps loss accuracy validation_loss validation_accuracy seconds")
_BATCHES = _table("batches", "run_id point step loss accuracy seconds")
_CHECKPOINTS = _table("checkpoints", "run_id epoch weights step state")
_STATES = _table("states", "run_id epoch step state")
_SNAPSHOTS = _table("snapshots", "run_id epoch arrays")
_PREDICTIONS = _table("predictions", "run_id probabilities")
_CALIBRATIONS = _table("calibrations", "host ratios created")
_DESIGNS = _table("designs", "name owner experiment created")
_LEASE = _table("lease", "id engine host pid process_created heartbeat state")


def _run(row: sa.Row[Any]) -> Run:
    values = dict(row._mapping)
    return Run(**values | {"status": Status(values["status"])})


class Store(Database):
    """The store over an open database; arguments and errors as of `Database`."""

    # The queue

    def add_runs(
        self,
        experiments: list[Experiment],
        owner: str,
        predicted: Sequence[tuple[float | None, float | None]] | None = None,
    ) -> list[int]:
        """Queue experiments, all or none; their ids in the same order.

        Args:
            predicted: what each is expected to take, from and to how many seconds.
        """
        now = time.time()
        ids = []
        with self._write() as connection:
            for experiment, (low, high) in zip(
                experiments, predicted or [(None, None)] * len(experiments), strict=True
            ):
                row = _queued(experiment, owner, now) | {"predicted_low": low, "predicted_high": high}
                ids.append(connection.execute(sa.insert(_RUN).values(row).returning(_RUN.c.id)).scalar_one())
        return ids

    def continue_run(
        self, run: Run, epoch: int, experiment: Experiment, owner: str, predicted: tuple[float | None, float | None]
    ) -> int:
        """Queue a new run that goes on from a kept checkpoint of an ended one, with its log so far; the new run's id.

        Raises:
            InputError: there is no such checkpoint.
        """
        key = f"continued-{os.urandom(8).hex()}"  # never one of a group of seeds
        row = _queued(experiment, owner, time.time()) | {
            "design_key": key,
            "parent_id": run.id,
            "parent_epoch": epoch,
            "predicted_low": predicted[0],
            "predicted_high": predicted[1],
            "epochs_done": epoch,
            "steps_done": epoch * experiment.steps_per_epoch,
        }
        kept = sa.and_(
            _CHECKPOINTS.c.run_id == run.id, _CHECKPOINTS.c.epoch == epoch, _CHECKPOINTS.c.state.is_not(None)
        )
        with self._write() as connection:
            if connection.execute(sa.select(_CHECKPOINTS.c.epoch).where(kept)).first() is None:
                raise InputError(f"Run {run.id}: no checkpoint of epoch {epoch} is kept to go on from; choose another.")
            child: int = connection.execute(sa.insert(_RUN).values(row).returning(_RUN.c.id)).scalar_one()
            for table, among in (
                (_EPOCHS, sa.and_(_EPOCHS.c.run_id == run.id, _EPOCHS.c.epoch <= epoch)),
                (_SNAPSHOTS, sa.and_(_SNAPSHOTS.c.run_id == run.id, _SNAPSHOTS.c.epoch <= epoch)),
                (_CHECKPOINTS, kept),
            ):
                columns = [column for column in table.c if column.name != "run_id"]
                copied = sa.select(sa.literal(child), *columns).where(among)
                connection.execute(sa.insert(table).from_select(["run_id", *(c.name for c in columns)], copied))
            step = {"step": epoch * experiment.steps_per_epoch}
            connection.execute(sa.update(_CHECKPOINTS).where(_CHECKPOINTS.c.run_id == child).values(step))
            self._sum_up(connection, child)
        return child

    def claim(self, engine: str, only: list[int] | None = None) -> Run | None:
        """Take the next waiting run for an engine: it is running from now on. None where nothing waits.

        Args:
            only: take none but these ids.
        """
        waiting = (
            sa.select(_RUN.c.id).where(_RUN.c.status == Status.QUEUED).order_by(_RUN.c.position, _RUN.c.id).limit(1)
        )
        if only is not None:
            waiting = waiting.where(_RUN.c.id.in_(only))
        with self._read() as connection:
            if connection.execute(waiting).first() is None:
                return None
        with self._write() as connection:
            claimed = connection.execute(
                sa.update(_RUN)
                .where(_RUN.c.id == waiting.scalar_subquery(), _RUN.c.status == Status.QUEUED)
                .values(status=Status.RUNNING, engine=engine, started=sa.func.coalesce(_RUN.c.started, time.time()))
                .returning(*_RUN_COLUMNS)
            ).first()
        return _run(claimed) if claimed else None

    def request_stop(self, run_id: int) -> None:
        """End a run and keep what it learnt; no effect on one that has ended.

        A running one is asked to stop. One that waits, is paused or was interrupted is cancelled where it has learnt
        nothing yet; else it goes to the front of the queue, to be tested.
        """
        mine = _RUN.c.id == run_id
        idle = sa.and_(mine, _RUN.c.status.in_([Status.QUEUED, Status.PAUSED, Status.INTERRUPTED]))
        has_learnt = sa.and_(sa.exists().where(_STATES.c.run_id == _RUN.c.id))
        has_learnt = sa.or_(has_learnt, sa.exists().where(_CHECKPOINTS.c.run_id == _RUN.c.id))
        with self._write() as connection:
            connection.execute(
                sa.update(_RUN).where(idle, ~has_learnt).values(status=Status.CANCELLED, ended=time.time(), error=None)
            )
            connection.execute(
                sa.update(_RUN)
                .where(idle)
                .values(_again() | {"stop_requested": time.time(), "position": self._front(connection)})
            )
            connection.execute(
                sa.update(_RUN)
                .where(mine, _RUN.c.status == Status.RUNNING, _RUN.c.stop_requested.is_(None))
                .values(stop_requested=time.time())
            )

    def request_pause(self, run_id: int) -> None:
        """Hold a waiting run back, or ask the worker of a running one to leave it; no effect on any other."""
        mine = _RUN.c.id == run_id
        with self._write() as connection:
            connection.execute(sa.update(_RUN).where(mine, _RUN.c.status == Status.QUEUED).values(status=Status.PAUSED))
            connection.execute(
                sa.update(_RUN)
                .where(mine, _RUN.c.status == Status.RUNNING, _RUN.c.pause_requested.is_(None))
                .values(pause_requested=time.time())
            )

    def resume(self, run_ids: list[int]) -> None:
        """Put paused and interrupted runs at the front of the queue, in the order given; no effect on any other."""
        with self._write() as connection:
            for run_id in reversed(run_ids):
                idle = _RUN.c.status.in_([Status.PAUSED, Status.INTERRUPTED])
                connection.execute(
                    sa.update(_RUN)
                    .where(_RUN.c.id == run_id, idle)
                    .values(_again() | {"position": self._front(connection)})
                )
                # Pressed before the worker had left: then it need not.
                connection.execute(
                    sa.update(_RUN)
                    .where(_RUN.c.id == run_id, _RUN.c.status == Status.RUNNING)
                    .values(pause_requested=None)
                )

    def move(self, run_id: int, places: int) -> None:
        """Move a waiting run in the queue: by so many places, forward where negative; no effect on any other."""
        waiting = sa.select(_RUN.c.id, _RUN.c.position).where(_RUN.c.status == Status.QUEUED)
        with self._write() as connection:
            rows = connection.execute(waiting.order_by(_RUN.c.position, _RUN.c.id)).all()
            ids, positions = [row.id for row in rows], [row.position for row in rows]
            if run_id not in ids:
                return
            place = min(max(ids.index(run_id) + places, 0), len(ids) - 1)
            ids.remove(run_id)
            ids.insert(place, run_id)
            for moved, position in zip(ids, positions, strict=True):
                connection.execute(sa.update(_RUN).where(_RUN.c.id == moved).values(position=position))

    @staticmethod
    def _front(connection: sa.Connection) -> float:
        """A position before all that wait."""
        first = connection.execute(sa.select(sa.func.min(_RUN.c.position)).where(_RUN.c.status == Status.QUEUED))
        return (first.scalar_one() or 0.0) - 1.0

    # What a worker writes

    def begin(self, run_id: int, environment: dict[str, Any]) -> Checkpoint | None:
        """Record what a run is trained with, and take back what was recorded after its newest checkpoint.

        Returns:
            That checkpoint; None where there is none and it begins from its seed.
        """
        with self._write() as connection:
            checkpoint = self._newest(connection, run_id)
            before = connection.execute(sa.select(_RUN.c.environment).where(_RUN.c.id == run_id)).scalar_one_or_none()
            values: dict[str, Any] = {"environment": json.dumps(environment)}
            if before and checkpoint and (other := _differing(json.loads(before), environment)):
                values["caveat"] = f"Resumed with another {other}: the last digits may differ from an undisturbed run."
            connection.execute(sa.update(_RUN).where(_RUN.c.id == run_id).values(values))
            epoch, step = (checkpoint.epoch, checkpoint.step) if checkpoint else (0, 0)
            connection.execute(sa.delete(_BATCHES).where(_BATCHES.c.run_id == run_id, _BATCHES.c.step > step))
            for table in (_EPOCHS, _SNAPSHOTS, _CHECKPOINTS):
                connection.execute(sa.delete(table).where(table.c.run_id == run_id, table.c.epoch > epoch))
            connection.execute(sa.update(_RUN).where(_RUN.c.id == run_id).values(steps_done=step, epochs_done=epoch))
            self._sum_up(connection, run_id)
        return checkpoint

    @staticmethod
    def _newest(connection: sa.Connection, run_id: int) -> Checkpoint | None:
        """The checkpoint to go on from."""
        found: list[Any] = []
        for table in (_STATES, _CHECKPOINTS):
            query = sa.select(table.c.epoch, table.c.step, table.c.state)
            query = query.where(table.c.run_id == run_id, table.c.state.is_not(None))
            found += connection.execute(query.order_by(table.c.step.desc()).limit(1)).all()
        if not found:
            return None
        newest = max(found, key=lambda row: row.step)
        return Checkpoint(newest.epoch, newest.step, _unpacked(newest.state))

    @staticmethod
    def _sum_up(connection: sa.Connection, run_id: int) -> None:
        """Best and last validation accuracy of a run, from its log."""
        query = sa.select(_EPOCHS.c.epoch, _EPOCHS.c.validation_accuracy).where(_EPOCHS.c.run_id == run_id)
        lines = connection.execute(query.order_by(_EPOCHS.c.epoch)).all()
        best = max(lines, key=lambda line: line.validation_accuracy, default=None)
        connection.execute(
            sa.update(_RUN)
            .where(_RUN.c.id == run_id)
            .values(
                best_validation_accuracy=best.validation_accuracy if best else None,
                best_epoch=best.epoch if best else None,
                last_validation_accuracy=lines[-1].validation_accuracy if lines else None,
            )
        )

    def record(self, run_id: int, *reports: Report) -> Wish:
        """Add what training reported, in one transaction; a known point of the curve is replaced.

        Returns:
            What the run is asked to do; to stop where nobody counts it as running any more.
        """
        with self._write() as connection:
            running = sa.and_(_RUN.c.id == run_id, _RUN.c.status == Status.RUNNING)
            asked = connection.execute(sa.select(*_RUN_COLUMNS).where(running)).first()
            if asked is None:
                return Wish.STOP
            points = {point.point: point for report in reports for point in report.points}
            if points:
                replaced = sa.and_(_BATCHES.c.run_id == run_id, _BATCHES.c.point.in_(list(points)))
                connection.execute(sa.delete(_BATCHES).where(replaced))
                rows = [{"run_id": run_id, **asdict(point)} for point in points.values()]
                connection.execute(sa.insert(_BATCHES), rows)
                connection.execute(sa.update(_RUN).where(running).values(steps_done=max(r["step"] for r in rows)))
            for report in reports:
                self._record_epoch(connection, run_id, report)
            if any(report.epoch for report in reports):
                self._sum_up(connection, run_id)
        return _run(asked).wish

    @staticmethod
    def _record_epoch(connection: sa.Connection, run_id: int, report: Report) -> None:
        """Write a report's line, picture, weights and checkpoint, in the place of earlier ones."""
        mine = _RUN.c.id == run_id
        state = report.checkpoint and {
            "epoch": report.checkpoint.epoch,
            "step": report.checkpoint.step,
            "state": _packed(**report.checkpoint.state),
        }
        if report.epoch:
            number = report.epoch.epoch
            for table, row in (
                (_EPOCHS, asdict(report.epoch)),
                (_SNAPSHOTS, report.snapshot and {"epoch": number, "arrays": _pressed(**vars(report.snapshot))}),
                (
                    _CHECKPOINTS,
                    report.weights and {"epoch": number, "weights": _packed(**report.weights)} | (state or {}),
                ),
            ):
                if row:
                    connection.execute(sa.delete(table).where(table.c.run_id == run_id, table.c.epoch == number))
                    connection.execute(sa.insert(table).values(run_id=run_id, **row))
            connection.execute(sa.update(_RUN).where(mine).values(epochs_done=number))
        if state:
            connection.execute(sa.delete(_STATES).where(_STATES.c.run_id == run_id))
            if not report.epoch:
                connection.execute(sa.insert(_STATES).values(run_id=run_id, **state))
            connection.execute(sa.update(_RUN).where(mine).values(deaths=0))

    def pause(self, run_id: int) -> None:
        """A running run's worker has left it. Where somebody resumed it meanwhile it waits again."""
        resumed = (_RUN.c.pause_requested.is_(None), str(Status.QUEUED))
        with self._write() as connection:
            connection.execute(
                sa.update(_RUN)
                .where(_RUN.c.id == run_id, _RUN.c.status == Status.RUNNING)
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
                sa.update(_RUN)
                .where(_RUN.c.id == run_id, _RUN.c.status == Status.RUNNING)
                .values(status=status, ended=time.time(), pause_requested=None, **result)
            )
            if not ended.rowcount:
                return
            kept = sa.and_(_CHECKPOINTS.c.run_id == run_id, _CHECKPOINTS.c.epoch == outcome.kept_epoch)
            weights = _packed(**outcome.weights)
            if not connection.execute(sa.update(_CHECKPOINTS).where(kept).values(weights=weights)).rowcount:
                row = {"run_id": run_id, "epoch": outcome.kept_epoch, "weights": weights}
                connection.execute(sa.insert(_CHECKPOINTS).values(row))
            connection.execute(
                sa.insert(_PREDICTIONS).values(
                    run_id=run_id, probabilities=_pressed(probabilities=outcome.probabilities.astype(np.float16))
                )
            )
            self._thin(connection, run_id, {outcome.kept_epoch})

    def end(self, run_id: int, status: Status, error: str) -> None:
        """End a running run without a result, with the sentence that says why."""
        with self._write() as connection:
            ended = connection.execute(
                sa.update(_RUN)
                .where(_RUN.c.id == run_id, _RUN.c.status == Status.RUNNING)
                .values(status=status, ended=time.time(), error=error)
            )
            if ended.rowcount and status is not Status.INTERRUPTED:
                self._thin(connection, run_id, set())

    def lost(self, run_id: int) -> None:
        """The worker of a running run has died: the run goes back to the front of the queue, a few times."""
        with self._write() as connection:
            self._requeue(connection, _RUN.c.id == run_id)

    def _requeue(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
        running = sa.and_(which, _RUN.c.status == Status.RUNNING)
        connection.execute(
            sa.update(_RUN)
            .where(running, _RUN.c.deaths + 1 >= MOST_DEATHS)
            .values(status=Status.INTERRUPTED, ended=time.time(), error=DEATH_SENTENCE)
        )
        # What was to be paused is: its state is as of the last checkpoint.
        paused = sa.and_(_RUN.c.pause_requested.is_not(None), _RUN.c.stop_requested.is_(None))
        connection.execute(
            sa.update(_RUN)
            .where(running)
            .values(
                status=sa.case((paused, str(Status.PAUSED)), else_=str(Status.QUEUED)),
                engine=None,
                deaths=_RUN.c.deaths + 1,
                position=self._front(connection),
            )
        )

    # Room

    @staticmethod
    def _thin(connection: sa.Connection, run_id: int, keep: set[int]) -> None:
        """Of an ended run leave the checkpoints of some epochs, the last, and of others a few, evenly spread."""
        connection.execute(sa.delete(_STATES).where(_STATES.c.run_id == run_id))
        query = sa.select(_CHECKPOINTS.c.epoch).where(_CHECKPOINTS.c.run_id == run_id)
        epochs = list(connection.execute(query.order_by(_CHECKPOINTS.c.epoch)).scalars())
        spread = np.linspace(0, len(epochs) - 1, min(len(epochs), KEPT_CHECKPOINTS)).round().astype(int)
        kept = keep | {epochs[i] for i in spread}
        connection.execute(
            sa.delete(_CHECKPOINTS).where(_CHECKPOINTS.c.run_id == run_id, _CHECKPOINTS.c.epoch.not_in(kept))
        )

    def make_room(self, limit: int) -> int:
        """Thin the checkpoints of ended runs, oldest first, until all together have at most `limit` bytes.

        Kept and last weights stay whatever they come to. Returns the bytes that were given up.
        """
        size = sa.func.length(_CHECKPOINTS.c.weights) + sa.func.coalesce(sa.func.length(_CHECKPOINTS.c.state), 0)
        of_run = sa.select(_CHECKPOINTS.c.run_id, sa.func.sum(size).label("bytes")).group_by(_CHECKPOINTS.c.run_id)
        with self._read() as connection:
            sizes = {row.run_id: row.bytes for row in connection.execute(of_run)}
        total, given_up = sum(sizes.values()), 0
        ended = [Status.FINISHED, Status.STOPPED, Status.FAILED, Status.CANCELLED]
        for run_id in sorted(sizes):
            if total - given_up <= limit:
                break
            with self._write() as connection:
                mine = sa.and_(_RUN.c.id == run_id, _RUN.c.status.in_(ended))
                run = connection.execute(sa.select(_RUN.c.kept_epoch, _RUN.c.epochs_done).where(mine)).first()
                if run is None:
                    continue
                its = _CHECKPOINTS.c.run_id == run_id
                stays = _CHECKPOINTS.c.epoch.in_([run.kept_epoch, run.epochs_done])
                connection.execute(sa.delete(_CHECKPOINTS).where(its, ~stays))
                connection.execute(sa.update(_CHECKPOINTS).where(its).values(state=None))
                left = connection.execute(sa.select(sa.func.sum(size)).where(its)).scalar_one() or 0
            given_up += sizes[run_id] - left
        return given_up

    # What a reader sees

    def runs(self, status: Status | None = None, limit: int | None = None) -> list[Run]:
        """Every run ever made, newest first; only those of a status, and only the newest `limit`, where given."""
        query = sa.select(*_RUN_COLUMNS).order_by(_RUN.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(_RUN.c.status == status)
        with self._read() as connection:
            return [_run(row) for row in connection.execute(query)]

    def active(self) -> list[Run]:
        """What runs and what waits, in the order it will be trained."""
        query = sa.select(*_RUN_COLUMNS).where(_RUN.c.status.in_([Status.QUEUED, Status.RUNNING]))
        with self._read() as connection:
            rows = [_run(row) for row in connection.execute(query.order_by(_RUN.c.position, _RUN.c.id))]
        return sorted(rows, key=lambda run: run.status is Status.QUEUED)

    def resumable(self) -> list[Run]:
        """What was paused or interrupted, oldest first."""
        query = sa.select(*_RUN_COLUMNS).where(_RUN.c.status.in_([Status.PAUSED, Status.INTERRUPTED]))
        with self._read() as connection:
            return [_run(row) for row in connection.execute(query.order_by(_RUN.c.id))]

    def children(self, run_id: int) -> list[int]:
        """The runs that continue a run."""
        query = sa.select(_RUN.c.id).where(_RUN.c.parent_id == run_id).order_by(_RUN.c.id)
        with self._read() as connection:
            return list(connection.execute(query).scalars())

    def latest(self) -> Run | None:
        """The run that ended last of those that have a curve."""
        query = sa.select(*_RUN_COLUMNS).where(_RUN.c.ended.is_not(None), _RUN.c.steps_done > 0)
        with self._read() as connection:
            row = connection.execute(query.order_by(_RUN.c.ended.desc()).limit(1)).first()
        return _run(row) if row else None

    def run(self, run_id: int) -> Run | None:
        """One run, or None where there is none of that id."""
        with self._read() as connection:
            row = connection.execute(sa.select(*_RUN_COLUMNS).where(_RUN.c.id == run_id)).first()
        return _run(row) if row else None

    def epochs(self, run_ids: list[int]) -> pd.DataFrame:
        """The logs of runs: one row an epoch, ordered by run and epoch."""
        query = sa.select(*_EPOCHS.c).where(_EPOCHS.c.run_id.in_(run_ids))
        return self._table(query.order_by(_EPOCHS.c.run_id, _EPOCHS.c.epoch))

    def batches(self, run_id: int) -> pd.DataFrame:
        """The training curve of a run: one row a point."""
        return self._table(sa.select(*_BATCHES.c).where(_BATCHES.c.run_id == run_id).order_by(_BATCHES.c.point))

    def _table(self, query: sa.Select[Any]) -> pd.DataFrame:
        with self._read() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.all(), columns=list(result.keys()))

    def checkpoints(self, run_id: int) -> dict[int, bool]:
        """The epochs whose weights are kept, in order, and whether training can go on from each."""
        query = sa.select(_CHECKPOINTS.c.epoch, _CHECKPOINTS.c.state.is_not(None).label("whole"))
        with self._read() as connection:
            rows = connection.execute(query.where(_CHECKPOINTS.c.run_id == run_id).order_by(_CHECKPOINTS.c.epoch))
            return {row.epoch: bool(row.whole) for row in rows}

    def weights(self, run_id: int, epoch: int | None = None) -> dict[str, np.ndarray] | None:
        """Weights by name as validated after an epoch, the kept one where None; None where there are none."""
        if epoch is None:
            run = self.run(run_id)
            epoch = run.kept_epoch if run else None
        where = sa.and_(_CHECKPOINTS.c.run_id == run_id, _CHECKPOINTS.c.epoch == epoch)
        return self._blob(_CHECKPOINTS.c.weights, where)

    def snapshots(self, run_id: int) -> list[int]:
        """The epochs that have a picture."""
        query = sa.select(_SNAPSHOTS.c.epoch).where(_SNAPSHOTS.c.run_id == run_id).order_by(_SNAPSHOTS.c.epoch)
        with self._read() as connection:
            return list(connection.execute(query).scalars())

    def snapshot(self, run_id: int, epoch: int) -> Snapshot | None:
        """The picture of a run after an epoch, or None."""
        arrays = self._blob(_SNAPSHOTS.c.arrays, sa.and_(_SNAPSHOTS.c.run_id == run_id, _SNAPSHOTS.c.epoch == epoch))
        return Snapshot(**arrays) if arrays else None

    def probabilities(self, run_id: int) -> np.ndarray | None:
        """Probabilities of the ten digits for each test image, float16 `(10_000, 10)`, or None."""
        arrays = self._blob(_PREDICTIONS.c.probabilities, _PREDICTIONS.c.run_id == run_id)
        return arrays["probabilities"] if arrays else None

    def _blob(self, column: sa.ColumnElement[Any], where: sa.ColumnElement[bool]) -> dict[str, np.ndarray] | None:
        with self._read() as connection:
            data = connection.execute(sa.select(column).where(where)).scalar_one_or_none()
        if data is None:
            return None
        return _unpacked(data)

    # How fast this machine is, and designs kept by name

    def calibration(self) -> list[float] | None:
        """What this machine's short calibration found, or None where it has not been made."""
        query = sa.select(_CALIBRATIONS.c.ratios).where(_CALIBRATIONS.c.host == socket.gethostname())
        with self._read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return json.loads(found) if found else None

    def save_calibration(self, ratios: list[float]) -> None:
        """Keep this machine's calibration in the place of an earlier one."""
        host = socket.gethostname()
        with self._write() as connection:
            connection.execute(sa.delete(_CALIBRATIONS).where(_CALIBRATIONS.c.host == host))
            connection.execute(
                sa.insert(_CALIBRATIONS).values(host=host, ratios=json.dumps(ratios), created=time.time())
            )

    def save_design(self, experiment: Experiment, owner: str) -> None:
        """Keep a design under its name, in the place of an earlier one of that name."""
        with self._write() as connection:
            connection.execute(sa.delete(_DESIGNS).where(_DESIGNS.c.name == experiment.name))
            row = {"name": experiment.name, "owner": owner, "experiment": experiment.model_dump_json()}
            connection.execute(sa.insert(_DESIGNS).values(**row, created=time.time()))

    def designs(self) -> dict[str, str]:
        """Kept designs by name, in the order of their names, each as JSON."""
        with self._read() as connection:
            rows = connection.execute(sa.select(_DESIGNS.c.name, _DESIGNS.c.experiment).order_by(_DESIGNS.c.name))
            return {row.name: row.experiment for row in rows}

    def delete_design(self, name: str) -> None:
        """Keep a design no longer; no effect where there is none of that name."""
        with self._write() as connection:
            connection.execute(sa.delete(_DESIGNS).where(_DESIGNS.c.name == name))

    # The engine's lease

    def lease(self) -> Lease | None:
        """The engine that serves this store, alive or not."""
        with self._read() as connection:
            return self._lease(connection)

    def _lease(self, connection: sa.Connection) -> Lease | None:
        row = connection.execute(sa.select(*(_LEASE.c[field.name] for field in fields(Lease)))).first()
        return Lease(**row._mapping) if row else None

    def take_lease(self, engine: str, state: str) -> bool:
        """Become the engine of this store, unless another one lives; runs that a dead one left are queued again."""
        row = {
            "id": 1,
            "engine": engine,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "process_created": psutil.Process().create_time(),
            "heartbeat": time.time(),
            "state": state,
        }
        with self._write() as connection:
            lease = self._lease(connection)
            if lease and lease.engine != engine and lease.is_live:
                return False
            connection.execute(sa.delete(_LEASE))
            connection.execute(sa.insert(_LEASE).values(row))
        self.requeue_orphans()
        return True

    def renew_lease(self, engine: str, state: str) -> bool:
        """Say that this engine lives; whether the lease is still its own."""
        with self._write() as connection:
            renewed = connection.execute(
                sa.update(_LEASE).where(_LEASE.c.engine == engine).values(heartbeat=time.time(), state=state)
            )
        return renewed.rowcount == 1

    def release_lease(self, engine: str) -> None:
        """Give the lease back; runs that were still going are queued again."""
        with self._write() as connection:
            connection.execute(sa.delete(_LEASE).where(_LEASE.c.engine == engine))
        self.requeue_orphans()

    def requeue_orphans(self) -> None:
        """Queue running runs again whose engine does not live any more."""
        with self._read() as connection:
            lease = self._lease(connection)
            orphans = _RUN.c.status == Status.RUNNING
            if lease and lease.is_live:
                orphans = sa.and_(orphans, _RUN.c.engine != lease.engine)
            if connection.execute(sa.select(_RUN.c.id).where(orphans).limit(1)).first() is None:
                return
        with self._write() as connection:
            self._requeue(connection, orphans)


def _queued(experiment: Experiment, owner: str, now: float) -> dict[str, Any]:
    """The row of a run that waits behind all others."""
    return {
        "name": experiment.name,
        "owner": owner,
        "status": Status.QUEUED,
        "experiment": experiment.model_dump_json(),
        "design_key": experiment.design_key,
        "parameters": totals(trace(experiment.architecture)).parameters,
        "created": now,
        "position": sa.select(sa.func.coalesce(sa.func.max(_RUN.c.position), 0.0) + 1.0).scalar_subquery(),
    }


def _again() -> dict[str, Any]:
    """The columns of a run that is to be trained on."""
    return {"status": Status.QUEUED, "ended": None, "error": None, "pause_requested": None, "deaths": 0}


def _differing(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What of the things that decide a result's last digits is another now."""
    found = [key for key in ("tensorflow", "keras", "cpu", "threads", "data_sha256") if before.get(key) != now.get(key)]
    return " and ".join(f"{key} ({now.get(key)} after {before.get(key)})" for key in found)


def _packed(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _pressed(**arrays: np.ndarray) -> bytes:
    """Packed smaller and slower: for probabilities, most of which are 0 or 1; weights gain nothing by it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpacked(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}

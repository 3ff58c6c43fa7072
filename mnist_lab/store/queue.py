"""The queue: runs in the order of their turn, what is asked of them, and the engine that serves them.

One engine holds the lease. A run that it claims belongs to it until the run ends or is paused, or the engine dies.
"""

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import psutil
import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, Status
from mnist_lab.design.network import totals, trace
from mnist_lab.errors import InputError
from mnist_lab.store import disk
from mnist_lab.store.checkpoints import Shelf
from mnist_lab.store.database import among
from mnist_lab.store.schema import CHECKPOINTS, EPOCHS, LEASE, RUN, RUN_COLUMNS, SNAPSHOTS, STATES, Run, as_run

LEASE_SECONDS = 15.0
WARMING_UP, READY = "warming up", "ready"
NOT_WORKING = "not working: "  # and why; the last word of an engine, or what its supervisor says of it
MOST_DEATHS = 3
DEATH_SENTENCE = f"The process that trained it died {MOST_DEATHS} times in a row before it could keep anything; resume it to try again."


WAITS = sa.and_(RUN.c.status == Status.QUEUED, RUN.c.deleted.is_(None))  # what was deleted waits where it is restored


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
        if self.state.startswith(NOT_WORKING):
            return False
        beating = abs(time.time() - self.heartbeat) < LEASE_SECONDS
        if self.host != socket.gethostname():
            return beating
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.process_created) < 1
            return process.status() != psutil.STATUS_ZOMBIE and (same or beating)
        except psutil.NoSuchProcess:
            return False


class Queue(Shelf):
    """The queue in an open database; arguments and errors as of `Database`."""

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
                ids.append(connection.execute(sa.insert(RUN).values(row).returning(RUN.c.id)).scalar_one())
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
        kept = sa.and_(CHECKPOINTS.c.run_id == run.id, CHECKPOINTS.c.epoch == epoch, CHECKPOINTS.c.state.is_not(None))
        with self._write() as connection:
            if connection.execute(sa.select(CHECKPOINTS.c.epoch).where(kept)).first() is None:
                raise InputError(f"Run {run.id}: no checkpoint of epoch {epoch} is kept to go on from; choose another.")
            child: int = connection.execute(sa.insert(RUN).values(row).returning(RUN.c.id)).scalar_one()
            for table, among in (
                (EPOCHS, sa.and_(EPOCHS.c.run_id == run.id, EPOCHS.c.epoch <= epoch)),
                (SNAPSHOTS, sa.and_(SNAPSHOTS.c.run_id == run.id, SNAPSHOTS.c.epoch <= epoch)),
                (CHECKPOINTS, kept),
            ):
                columns = [column for column in table.c if column.name != "run_id"]
                copied = sa.select(sa.literal(child), *columns).where(among)
                connection.execute(sa.insert(table).from_select(["run_id", *(c.name for c in columns)], copied))
            step = {"step": epoch * experiment.steps_per_epoch}
            connection.execute(sa.update(CHECKPOINTS).where(CHECKPOINTS.c.run_id == child).values(step))
            self._sum_up(connection, child)
        return child

    def claim(self, engine: str, only: list[int] | None = None) -> Run | None:
        """Take the next waiting run for which the disk has room: it is running from now on. None where there is none.

        Args:
            only: take none but these ids.
        """
        waiting = sa.select(RUN.c.id).where(WAITS).order_by(RUN.c.position, RUN.c.id).limit(1)
        if only is not None:
            waiting = waiting.where(among(RUN.c.id, only))
        with self._read() as connection:
            if connection.execute(waiting).first() is None:
                return None
        waiting = waiting.where(sa.func.coalesce(RUN.c.predicted_bytes, 0) <= self.room() - disk.RESERVE)
        with self._read() as connection:  # an engine asks ten times a second, also while there is no room
            if connection.execute(waiting).first() is None:
                return None
        with self._write() as connection:
            claimed = connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == waiting.scalar_subquery(), WAITS)
                .values(status=Status.RUNNING, engine=engine, started=sa.func.coalesce(RUN.c.started, time.time()))
                .returning(*RUN_COLUMNS)
            ).first()
        return as_run(claimed) if claimed else None

    def room(self) -> int:
        """Bytes that a further run may write: what is free, without what the runs in training may still come to."""
        running = sa.select(sa.func.sum(RUN.c.predicted_bytes)).where(RUN.c.status == Status.RUNNING)
        with self._read() as connection:
            taken = connection.execute(running).scalar_one() or 0
        return self.free_bytes() - int(taken)

    def request_stop(self, *run_ids: int) -> None:
        """End runs and keep what they learnt; no effect on those that have ended or are deleted.

        A running one is asked to stop. One that waits, is paused or was interrupted is cancelled where it has learnt
        nothing yet; else it goes to the front of the queue, to be tested.
        """
        has_learnt = sa.or_(*(sa.exists().where(table.c.run_id == RUN.c.id) for table in (STATES, CHECKPOINTS)))
        with self._write() as connection:
            for run_id in reversed(run_ids):
                mine = sa.and_(RUN.c.id == run_id, RUN.c.deleted.is_(None))
                idle = sa.and_(mine, RUN.c.status.in_([Status.QUEUED, Status.PAUSED, Status.INTERRUPTED]))
                connection.execute(
                    sa.update(RUN)
                    .where(idle, ~has_learnt)
                    .values(status=Status.CANCELLED, ended=time.time(), error=None)
                )
                connection.execute(
                    sa.update(RUN)
                    .where(idle)
                    .values(_again() | {"stop_requested": time.time(), "position": self._front(connection)})
                )
                connection.execute(
                    sa.update(RUN)
                    .where(mine, RUN.c.status == Status.RUNNING, RUN.c.stop_requested.is_(None))
                    .values(stop_requested=time.time())
                )

    def request_pause(self, *run_ids: int) -> None:
        """Hold waiting runs back, or ask the workers of running ones to leave them; no effect on any other."""
        with self._write() as connection:
            for run_id in run_ids:
                mine = RUN.c.id == run_id
                connection.execute(sa.update(RUN).where(mine, WAITS).values(status=Status.PAUSED))
                connection.execute(
                    sa.update(RUN)
                    .where(mine, RUN.c.status == Status.RUNNING, RUN.c.pause_requested.is_(None))
                    .values(pause_requested=time.time())
                )

    def resume(self, run_ids: list[int]) -> None:
        """Put paused and interrupted runs at the front of the queue, in the order given; no effect on any other."""
        idle = sa.and_(RUN.c.status.in_([Status.PAUSED, Status.INTERRUPTED]), RUN.c.deleted.is_(None))
        with self._write() as connection:
            for run_id in reversed(run_ids):
                connection.execute(
                    sa.update(RUN)
                    .where(RUN.c.id == run_id, idle)
                    .values(_again() | {"position": self._front(connection)})
                )
                # Pressed before the worker had left: then it need not.
                connection.execute(
                    sa.update(RUN)
                    .where(RUN.c.id == run_id, RUN.c.status == Status.RUNNING)
                    .values(pause_requested=None)
                )

    def move(self, run_id: int, places: int) -> None:
        """Move a waiting run in the queue: by so many places, forward where negative; no effect on any other."""
        queued = sa.select(RUN.c.id, RUN.c.position, RUN.c.deleted).where(RUN.c.status == Status.QUEUED)
        with self._write() as connection:
            rows = connection.execute(queued.order_by(RUN.c.position, RUN.c.id)).all()
            ids = [row.id for row in rows if row.deleted is None]
            if run_id not in ids:
                return
            place = min(max(ids.index(run_id) + places, 0), len(ids) - 1)
            ids.remove(run_id)
            ids.insert(place, run_id)
            order = iter(ids)
            for number, row in enumerate(rows):  # what is deleted keeps its place; no two have the same afterwards
                moved = next(order) if row.deleted is None else row.id
                position = rows[0].position + number
                connection.execute(sa.update(RUN).where(RUN.c.id == moved).values(position=position))

    @staticmethod
    def _front(connection: sa.Connection) -> float:
        """A position before all that wait, or would if they were restored."""
        first = connection.execute(sa.select(sa.func.min(RUN.c.position)).where(RUN.c.status == Status.QUEUED))
        return (first.scalar_one() or 0.0) - 1.0

    def lost(self, run_id: int) -> None:
        """The worker of a running run has died: the run goes back to the front of the queue, a few times."""
        with self._write() as connection:
            self._requeue(connection, RUN.c.id == run_id)

    def _requeue(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
        running = sa.and_(which, RUN.c.status == Status.RUNNING)
        connection.execute(
            sa.update(RUN)
            .where(running, RUN.c.deaths + 1 >= MOST_DEATHS)
            .values(status=Status.INTERRUPTED, ended=time.time(), error=DEATH_SENTENCE)
        )
        # What was to be paused is: its state is as of the last checkpoint.
        paused = sa.and_(RUN.c.pause_requested.is_not(None), RUN.c.stop_requested.is_(None))
        connection.execute(
            sa.update(RUN)
            .where(running)
            .values(
                status=sa.case((paused, str(Status.PAUSED)), else_=str(Status.QUEUED)),
                engine=None,
                deaths=RUN.c.deaths + 1,
                position=self._front(connection),
            )
        )

    # The engine's lease

    def lease(self) -> Lease | None:
        """The engine that serves this store, alive or not."""
        with self._read() as connection:
            return self._lease(connection)

    def _lease(self, connection: sa.Connection) -> Lease | None:
        row = connection.execute(sa.select(*(LEASE.c[field.name] for field in fields(Lease)))).first()
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
            connection.execute(sa.delete(LEASE))
            connection.execute(sa.insert(LEASE).values(row))
        self.requeue_orphans()
        return True

    def say_why_none_works(self, reason: str) -> None:
        """Leave a sentence in the lease's place, for the pages to say; no effect while an engine lives."""
        row = {"id": 1, "engine": "", "host": socket.gethostname(), "pid": 0, "process_created": 0.0, "heartbeat": 0.0}
        with self._write() as connection:
            lease = self._lease(connection)
            if lease and lease.is_live:
                return
            connection.execute(sa.delete(LEASE))
            connection.execute(sa.insert(LEASE).values(row | {"state": f"{NOT_WORKING}{reason}"}))
        self.requeue_orphans()

    def renew_lease(self, engine: str, state: str) -> bool:
        """Say that this engine lives; whether the lease is still its own."""
        with self._write() as connection:
            renewed = connection.execute(
                sa.update(LEASE).where(LEASE.c.engine == engine).values(heartbeat=time.time(), state=state)
            )
        return renewed.rowcount == 1

    def release_lease(self, engine: str) -> None:
        """Give the lease back; runs that were still going are queued again."""
        with self._write() as connection:
            connection.execute(sa.delete(LEASE).where(LEASE.c.engine == engine))
        self.requeue_orphans()

    def requeue_orphans(self) -> None:
        """Queue running runs again whose engine does not live any more."""
        with self._read() as connection:
            lease = self._lease(connection)
            orphans = RUN.c.status == Status.RUNNING
            if lease and lease.is_live:
                orphans = sa.and_(orphans, RUN.c.engine != lease.engine)
            if connection.execute(sa.select(RUN.c.id).where(orphans).limit(1)).first() is None:
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
        "seed": experiment.seed,
        "design_key": experiment.design_key,
        "parameters": totals(trace(experiment.architecture)).parameters,
        "predicted_bytes": disk.footprint(experiment).most,
        "created": now,
        "position": sa.select(sa.func.coalesce(sa.func.max(RUN.c.position), 0.0) + 1.0).scalar_subquery(),
    }


def _again() -> dict[str, Any]:
    """The columns of a run that is to be trained on."""
    return {"status": Status.QUEUED, "ended": None, "error": None, "pause_requested": None, "deaths": 0}

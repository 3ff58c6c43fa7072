"""Checkpoints of runs: weights and training state after an epoch, and snapshots for display.

An ended run always keeps the weights after its kept, its best and its last epoch, and at first also up to
`KEPT_CHECKPOINTS` evenly spread checkpoints with the state from which training can continue. `make_room` removes the
latter, from the oldest runs first, where all checkpoints together exceed a limit. A run in training has a share of that
limit, and its checkpoints are thinned as it trains.

The functions of this module write within the caller's transaction.
"""

from typing import Any

import numpy as np
import sqlalchemy as sa

from mnist_lab.store import disk
from mnist_lab.store.arrays import compressed, deserialized, serialized
from mnist_lab.store.database import Database
from mnist_lab.store.disk import MAX_WHILE_TRAINING
from mnist_lab.store.run import Status
from mnist_lab.store.schema import CHECKPOINTS, RUN, SNAPSHOTS, STATES
from mnist_lab.training.reports import Checkpoint, Report, Snapshot

KEPT_CHECKPOINTS = 8
_WEIGHTS, _STATE = (
    sa.func.coalesce(sa.func.length(column), 0) for column in (CHECKPOINTS.c.weights, CHECKPOINTS.c.state)
)


class Checkpoints:
    """The checkpoints in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def epochs(self, run_id: int) -> dict[int, bool]:
        """The epochs of a run whose weights are kept, in order, each with whether training can continue from it."""
        query = sa.select(CHECKPOINTS.c.epoch, CHECKPOINTS.c.state.is_not(None).label("whole"))
        rows = self._database.rows(query.where(CHECKPOINTS.c.run_id == run_id).order_by(CHECKPOINTS.c.epoch))
        return {row.epoch: bool(row.whole) for row in rows}

    def weights(self, run_id: int, epoch: int | None = None) -> dict[str, np.ndarray] | None:
        """The weights that were validated after an epoch, by variable path; after the kept epoch where None. None where they
        are not kept."""
        if epoch is None:
            epoch = self._database.scalar(sa.select(RUN.c.kept_epoch).where(RUN.c.id == run_id))
        query = sa.select(CHECKPOINTS.c.weights)
        return self._arrays(query.where(CHECKPOINTS.c.run_id == run_id, CHECKPOINTS.c.epoch == epoch))

    def pictured(self, run_id: int) -> list[int]:
        """The epochs with a snapshot, in order."""
        query = sa.select(SNAPSHOTS.c.epoch).where(SNAPSHOTS.c.run_id == run_id).order_by(SNAPSHOTS.c.epoch)
        return [row.epoch for row in self._database.rows(query)]

    def snapshot(self, run_id: int, epoch: int) -> Snapshot | None:
        """The snapshot of a network after an epoch, or None."""
        query = sa.select(SNAPSHOTS.c.arrays)
        arrays = self._arrays(query.where(SNAPSHOTS.c.run_id == run_id, SNAPSHOTS.c.epoch == epoch))
        return Snapshot(**arrays) if arrays else None

    def _arrays(self, query: sa.Select[Any]) -> dict[str, np.ndarray] | None:
        data = self._database.scalar(query)
        return None if data is None else deserialized(data)

    def make_room(self, limit: int) -> int:
        """Remove checkpoints of ended runs, oldest first, until all together have at most `limit` bytes.

        The weights of the kept, the best and the last epoch stay in any case. A run in training counts with as many bytes
        as it may still come to.

        Returns:
            The number of bytes freed.
        """
        size = _WEIGHTS + _STATE
        of_run = sa.select(CHECKPOINTS.c.run_id, sa.func.sum(size).label("bytes")).group_by(CHECKPOINTS.c.run_id)
        training = sa.select(RUN.c.id, RUN.c.predicted_bytes).where(RUN.c.status == Status.RUNNING)
        with self._database.read() as connection:
            sizes = {row.run_id: row.bytes for row in connection.execute(of_run)}
            for row in connection.execute(training):
                sizes[row.id] = max(sizes.get(row.id, 0), min(row.predicted_bytes or 0, disk.share(limit)))
        total, freed = sum(sizes.values()), 0
        ended = [Status.FINISHED, Status.STOPPED, Status.FAILED, Status.CANCELLED]
        for run_id in sorted(sizes):
            if total - freed <= limit:
                break
            with self._database.write() as connection:
                mine = sa.and_(RUN.c.id == run_id, RUN.c.status.in_(ended))
                run = connection.execute(
                    sa.select(RUN.c.kept_epoch, RUN.c.best_epoch, RUN.c.epochs_done).where(mine)
                ).first()
                if run is None:
                    continue
                its = CHECKPOINTS.c.run_id == run_id
                stays = CHECKPOINTS.c.epoch.in_([epoch for epoch in run if epoch is not None])
                connection.execute(sa.delete(CHECKPOINTS).where(its, ~stays))
                connection.execute(sa.update(CHECKPOINTS).where(its).values(state=None))
                left = connection.execute(sa.select(sa.func.sum(size)).where(its)).scalar_one() or 0
            freed += sizes[run_id] - left
        return int(freed)


def newest(connection: sa.Connection, run_id: int) -> Checkpoint | None:
    """The newest checkpoint of a run from which training can continue, or None."""
    found: list[Any] = []
    for table in (STATES, CHECKPOINTS):
        query = sa.select(table.c.epoch, table.c.step, table.c.state)
        query = query.where(table.c.run_id == run_id, table.c.state.is_not(None))
        found += connection.execute(query.order_by(table.c.step.desc()).limit(1)).all()
    if not found:
        return None
    newest = max(found, key=lambda row: row.step)
    return Checkpoint(newest.epoch, newest.step, deserialized(newest.state))


def write(connection: sa.Connection, run_id: int, report: Report) -> None:
    """Write a report's snapshot, weights and checkpoint, replacing earlier ones of the same epoch."""
    state = report.checkpoint and {
        "epoch": report.checkpoint.epoch,
        "step": report.checkpoint.step,
        "state": serialized(**report.checkpoint.state),
    }
    if report.epoch:
        number = report.epoch.epoch
        snapshot = report.snapshot and {"epoch": number, "arrays": compressed(**vars(report.snapshot))}
        weights = report.weights and {"epoch": number, "weights": serialized(**report.weights)} | (state or {})
        for table, row in ((SNAPSHOTS, snapshot), (CHECKPOINTS, weights)):
            if row:
                connection.execute(sa.delete(table).where(table.c.run_id == run_id, table.c.epoch == number))
                connection.execute(sa.insert(table).values(run_id=run_id, **row))
    if state:
        connection.execute(sa.delete(STATES).where(STATES.c.run_id == run_id))
        if not report.epoch:
            connection.execute(sa.insert(STATES).values(run_id=run_id, **state))


def keep(connection: sa.Connection, run_id: int, epoch: int, weights: dict[str, np.ndarray]) -> None:
    """Write the kept weights of a run, those after `epoch`."""
    its = sa.and_(CHECKPOINTS.c.run_id == run_id, CHECKPOINTS.c.epoch == epoch)
    data = serialized(**weights)
    if not connection.execute(sa.update(CHECKPOINTS).where(its).values(weights=data)).rowcount:
        connection.execute(sa.insert(CHECKPOINTS).values(run_id=run_id, epoch=epoch, weights=data))


def thin(connection: sa.Connection, run_id: int) -> None:
    """Remove checkpoints of an ended run, except those of the kept and the best epoch and `KEPT_CHECKPOINTS` evenly spread
    ones, the first and the last among them."""
    connection.execute(sa.delete(STATES).where(STATES.c.run_id == run_id))
    query = sa.select(CHECKPOINTS.c.epoch).where(CHECKPOINTS.c.run_id == run_id)
    epochs = list(connection.execute(query.order_by(CHECKPOINTS.c.epoch)).scalars())
    spread = np.linspace(0, len(epochs) - 1, min(len(epochs), KEPT_CHECKPOINTS)).round().astype(int)
    named = connection.execute(sa.select(RUN.c.kept_epoch, RUN.c.best_epoch).where(RUN.c.id == run_id)).one()
    kept = {epoch for epoch in named if epoch is not None} | {epochs[i] for i in spread}
    connection.execute(sa.delete(CHECKPOINTS).where(CHECKPOINTS.c.run_id == run_id, CHECKPOINTS.c.epoch.not_in(kept)))


def thin_while_training(connection: sa.Connection, run_id: int, limit: int) -> None:
    """Remove checkpoints of a run in training until at most `MAX_WHILE_TRAINING`, evenly spread, of at most `limit` bytes are
    left.

    The last one, and the newest from which training can continue, stay in any case. Where the others are too large, the
    states of older ones are removed first, then whole checkpoints in between, then the first and the best.
    """
    mine = CHECKPOINTS.c.run_id == run_id
    query = sa.select(CHECKPOINTS.c.epoch, _WEIGHTS.label("weights"), _STATE.label("state"))
    rows = connection.execute(query.where(mine).order_by(CHECKPOINTS.c.epoch)).all()
    best = connection.execute(sa.select(RUN.c.best_epoch).where(RUN.c.id == run_id)).scalar_one()
    weights: dict[int, int] = {row.epoch: row.weights for row in rows}
    states: dict[int, int] = {row.epoch: row.state for row in rows}
    with_state = [epoch for epoch, size in states.items() if size]
    stays = {*list(weights)[-1:], *with_state[-1:]}

    def excess() -> int:
        return sum(weights.values()) + sum(states[epoch] for epoch in weights) - limit

    for epoch in with_state[:-1]:
        if excess() > 0:
            states[epoch] = 0
            connection.execute(sa.update(CHECKPOINTS).where(mine, CHECKPOINTS.c.epoch == epoch).values(state=None))
    while len(weights) > MAX_WHILE_TRAINING or excess() > 0:
        epochs = list(weights)
        gaps = {epochs[i]: epochs[i + 1] - epochs[i - 1] for i in range(1, len(epochs) - 1)}
        candidates = [epoch for epoch in gaps if epoch not in stays and epoch != best]
        if not candidates and excess() > 0:
            candidates = [epoch for epoch in epochs if epoch not in stays]
        if not candidates:
            break
        removed = min(candidates, key=lambda epoch: (epoch == best, gaps.get(epoch, 0)))
        del weights[removed]
        connection.execute(sa.delete(CHECKPOINTS).where(mine, CHECKPOINTS.c.epoch == removed))

"""Reading of runs: rows, logs, training curves, predictions, and the table of all runs."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from mnist_lab.store.arrays import deserialized
from mnist_lab.store.classes import keys
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.pretended import IS_REHEARSED
from mnist_lab.store.run import Run, Status
from mnist_lab.store.schema import (
    BATCHES,
    CHECKPOINTS,
    EPOCHS,
    PREDICTIONS,
    RUN,
    RUN_COLUMNS,
    as_run,
    is_unrevealed,
)
from mnist_lab.store.studies import IS_SEALED

DELETED_DAYS = 7
_LISTED = [column for column in RUN_COLUMNS if column.name not in ("experiment_json", "environment_json")]
_NOT_DELETED = RUN.c.deleted.is_(None)
_HAS_WEIGHTS = sa.exists().where(CHECKPOINTS.c.run_id == RUN.c.id, CHECKPOINTS.c.weights.is_not(None))


class Runs:
    """The runs in an open database, or some of them. Errors as `Database`.

    Args:
        scope: the condition that all these runs meet; all there are where None.
    """

    def __init__(self, database: Database, scope: sa.ColumnElement[bool] | None = None) -> None:
        self._database = database
        self._is_all = scope is None
        self._scope = sa.true() if scope is None else scope

    def of(self, owner: str, *run_ids: int) -> "Runs":
        """Of these runs only those of an owner, and the ones with these ids."""
        return Runs(self._database, sa.and_(self._scope, sa.or_(RUN.c.owner == owner, among(RUN.c.id, run_ids))))

    def unsealed(self) -> "Runs":
        """Without the runs of studies whose results nobody may see yet."""
        return Runs(self._database, sa.and_(self._scope, ~IS_SEALED))

    def unrehearsed(self) -> "Runs":
        """Without the runs of pretended pupils."""
        return Runs(self._database, sa.and_(self._scope, ~IS_REHEARSED))

    def get(self, run_id: int) -> Run | None:
        """A run by its id, deleted or not; None where there is none."""
        return next(iter(self._found(sa.select(*RUN_COLUMNS).where(RUN.c.id == run_id))), None)

    def some(self, run_ids: Iterable[int]) -> dict[int, Run]:
        """Runs by their ids, deleted or not, in the given order; ids that do not exist are left out."""
        wanted = list(dict.fromkeys(run_ids))
        found = {run.id: run for run in self._found(sa.select(*RUN_COLUMNS).where(among(RUN.c.id, wanted)))}
        return {run_id: found[run_id] for run_id in wanted if run_id in found}

    def all(self, status: Status | None = None, limit: int | None = None) -> list[Run]:
        """The runs that are not deleted, newest first; where given, only those with a status, and at most `limit`."""
        query = sa.select(*RUN_COLUMNS).where(_NOT_DELETED).order_by(RUN.c.id.desc()).limit(limit)
        return self._found(query if status is None else query.where(RUN.c.status == status))

    def latest(self) -> Run | None:
        """The run that ended last, of those that have been trained at all."""
        query = sa.select(*RUN_COLUMNS).where(RUN.c.ended.is_not(None), RUN.c.steps_done > 0, _NOT_DELETED)
        return next(iter(self._found(query.order_by(RUN.c.ended.desc()).limit(1))), None)

    def children(self, run_id: int) -> list[int]:
        """The ids of the runs that continue a run."""
        query = sa.select(RUN.c.id).where(RUN.c.parent_id == run_id, self._scope).order_by(RUN.c.id)
        return [row.id for row in self._database.rows(query)]

    def with_weights(self, limit: int) -> list[Run]:
        """The newest `limit` runs with any kept weights, newest first."""
        query = sa.select(*RUN_COLUMNS).where(_NOT_DELETED, _HAS_WEIGHTS)
        return self._found(query.order_by(RUN.c.id.desc()).limit(limit))

    def best_with_weights(self, design_key: str | None = None) -> Run | None:
        """The run with kept weights and the best validation accuracy, of one design where given; finished runs before others,
        archived ones last."""
        query = sa.select(*RUN_COLUMNS).where(_NOT_DELETED, _HAS_WEIGHTS)
        if design_key is not None:
            query = query.where(RUN.c.design_key == design_key)
        order = (
            RUN.c.archived.is_not(None),
            RUN.c.status != Status.FINISHED,
            sa.func.coalesce(RUN.c.validation_accuracy, RUN.c.last_validation_accuracy).desc().nulls_last(),
            RUN.c.id.desc(),
        )
        return next(iter(self._found(query.order_by(*order).limit(1))), None)

    def best_of_class(self, class_id: int) -> int | None:
        """The id of the pupils' finished run with the best validation accuracy; None where none has finished."""
        theirs = RUN.c.owner.in_(keys(class_id))
        query = sa.select(RUN.c.id).where(theirs, RUN.c.status == Status.FINISHED, _NOT_DELETED, self._scope)
        best = RUN.c.validation_accuracy.desc().nulls_last()
        found = self._database.rows(query.order_by(best, RUN.c.id).limit(1))
        return int(found[0].id) if found else None

    def epochs(self, run_ids: Iterable[int]) -> pd.DataFrame:
        """The logs of runs: a row per run and epoch, with the fields of `EpochPoint`."""
        query = sa.select(*EPOCHS.c).where(among(EPOCHS.c.run_id, run_ids), self._of_these(EPOCHS))
        return self._database.table(query.order_by(EPOCHS.c.run_id, EPOCHS.c.epoch))

    def batches(self, run_id: int) -> pd.DataFrame:
        """The training curve of a run: a row per point, with the fields of `BatchPoint`."""
        query = sa.select(*BATCHES.c).where(BATCHES.c.run_id == run_id, self._of_these(BATCHES))
        return self._database.table(query.order_by(BATCHES.c.point))

    def probabilities(self, run_id: int) -> np.ndarray | None:
        """Predicted probabilities of the ten digits for each test image, float16 `(10_000, 10)`; None where the run was not
        tested, or nobody may see how yet."""
        query = sa.select(PREDICTIONS.c.probabilities).where(PREDICTIONS.c.run_id == run_id)
        query = query.where(~is_unrevealed(PREDICTIONS.c.run_id))
        data = self._database.scalar(query.where(self._of_these(PREDICTIONS)))
        return None if data is None else deserialized(data)["probabilities"]

    def listing(self, run_ids: Iterable[int] | None = None, *, deleted: bool = False) -> pd.DataFrame:
        """A table of runs, newest first: the fields of `Run` without the two long ones, experiment and environment.

        Args:
            run_ids: only these runs; all where None.
            deleted: the deleted runs in place of the others.
        """
        query = sa.select(*_LISTED).where(~_NOT_DELETED if deleted else _NOT_DELETED, self._scope)
        query = query.order_by(RUN.c.id.desc())
        if run_ids is not None:
            query = query.where(among(RUN.c.id, run_ids))
        return self._database.table(query)

    def experiments(self, but: Iterable[str] = ()) -> dict[str, str]:
        """An experiment of each design of all runs, as JSON, by design key; designs whose keys are in `but` are left out."""
        known = set(but)
        keys = sa.select(RUN.c.design_key, sa.func.max(RUN.c.id).label("id")).group_by(RUN.c.design_key)
        with self._database.read() as connection:
            wanted = [row.id for row in connection.execute(keys) if row.design_key not in known]
            rows = connection.execute(sa.select(RUN.c.design_key, RUN.c.experiment).where(among(RUN.c.id, wanted)))
            return {row.design_key: row.experiment for row in rows}

    def fingerprint(self) -> tuple[Any, ...]:
        """A value that changes whenever the table of runs does."""
        query = sa.select(
            RUN.c.status,
            sa.func.count(),
            sa.func.max(RUN.c.id),
            sa.func.sum(RUN.c.id),  # where only some are seen, one may take another's place
            sa.func.sum(RUN.c.epochs_done),
            sa.func.max(RUN.c.ended),
            sa.func.max(RUN.c.started),
            sa.func.max(RUN.c.edited),
            sa.func.sum(sa.case((is_unrevealed(RUN.c.id), 1), else_=0)),
        )
        query = query.where(self._scope).group_by(RUN.c.status)
        return tuple(tuple(row) for row in self._database.rows(query.order_by(RUN.c.status)))

    def purge(self, days: float = DELETED_DAYS) -> int:
        """Remove all runs that were deleted more than `days` days ago, with all that belongs to them; returns their number."""
        with self._database.write() as connection:
            old = sa.delete(RUN).where(RUN.c.deleted < time_of(connection) - days * 86_400)
            return int(connection.execute(old).rowcount)

    def _of_these(self, table: sa.TableClause) -> sa.ColumnElement[bool]:
        """The condition that a row of another table belongs to one of these runs."""
        if self._is_all:
            return sa.true()
        return table.c.run_id.in_(sa.select(RUN.c.id).where(self._scope))

    def _found(self, query: sa.Select[Any]) -> list[Run]:
        return [as_run(row) for row in self._database.rows(query.where(self._scope))]


def sum_up(connection: sa.Connection, run_id: int) -> None:
    """Update the columns of a run that summarise its log: best and last validation accuracy, and the curve."""
    query = sa.select(EPOCHS.c.epoch, EPOCHS.c.validation_accuracy).where(EPOCHS.c.run_id == run_id)
    lines = connection.execute(query.order_by(EPOCHS.c.epoch)).all()
    best = max(lines, key=lambda line: line.validation_accuracy, default=None)
    connection.execute(
        sa.update(RUN)
        .where(RUN.c.id == run_id)
        .values(
            best_validation_accuracy=best.validation_accuracy if best else None,
            best_epoch=best.epoch if best else None,
            last_validation_accuracy=lines[-1].validation_accuracy if lines else None,
            curve=json.dumps([line.validation_accuracy for line in lines]),
        )
    )

"""Studies: frozen plans, the runs of their cells, and which of these nobody may see yet.

A study is sealed until all its runs have ended, or somebody deliberately looks: whoever saw results while seeds are still
trained could decide by them how many there will be. Its plan, digest and cells never change.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import pandas as pd
import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment
from mnist_lab.store import waiting
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.people import Allowance
from mnist_lab.store.run import Status
from mnist_lab.store.schema import RUN, STUDIES, STUDY_RUNS, is_unrevealed, tested

LOOKED = "Somebody looked at results before the last run had ended."
ADDED = "Seeds were added after it had been frozen."
FORESEEN = "A design and seed of it was also trained outside of it before its last run had ended."
_NOT_ENDED = (Status.QUEUED, Status.RUNNING, Status.PAUSED, Status.INTERRUPTED)

_ITS = RUN.alias("of_study")  # a name of its own, for a query about runs may hold these conditions
_WITH_ITS = STUDY_RUNS.join(_ITS, _ITS.c.id == STUDY_RUNS.c.run_id)
_UNFINISHED = (
    sa.select(STUDY_RUNS.c.study_id)
    .select_from(_WITH_ITS)
    .where(_ITS.c.status.in_(_NOT_ENDED), _ITS.c.deleted.is_(None))
)
_TRAINED_FOR = sa.and_(STUDY_RUNS.c.is_reused.is_(False), STUDY_RUNS.c.run_id.is_not(None))
_IS_SEALED_STUDY = sa.and_(STUDIES.c.looked.is_(None), STUDIES.c.id.in_(_UNFINISHED))

# Of a run: whether it is trained for a study, and whether its result is one that nobody may see yet. Runs that had ended
# before a study reused them are as any other.
IS_OF_STUDY: sa.ColumnElement[bool] = RUN.c.id.in_(sa.select(STUDY_RUNS.c.run_id).where(_TRAINED_FOR))
IS_SEALED: sa.ColumnElement[bool] = RUN.c.id.in_(
    sa.select(STUDY_RUNS.c.run_id)
    .join_from(STUDY_RUNS, STUDIES, STUDIES.c.id == STUDY_RUNS.c.study_id)
    .where(_TRAINED_FOR, _IS_SEALED_STUDY)
)


@dataclass(frozen=True)
class StoredStudy:
    """A study: a row of the database, with how its runs stand. Times are in seconds since 1970 (UTC).

    Attributes:
        plan_json: the text that `digest`, a SHA-256 in hexadecimal, is of.
        cells_json: the cells that were frozen with it.
        looked: when somebody looked at results before the last run had ended, or seeds were added; None where nobody did.
        why_looked: sentences: why the number of seeds does not count as fixed before anything was seen; empty where it does.
            It may be that nobody looked here: the same design and seed may have been trained outside of the study.
        reused: how many of its designs and seeds had been trained here before it was frozen.
        version_of: the study that it is a new version of, or None.
        is_repetition: whether it repeats a study of another lab, whose file `Studies.repeated` has.
        counts: how many of its runs have each status.
        is_ending: whether those of its runs that have not ended are all to be stopped.
    """

    id: int
    owner: str
    plan_json: str
    digest: str
    cells_json: str
    frozen: float
    looked: float | None
    why_looked: str
    reused: int
    version_of: int | None
    is_repetition: bool
    deleted: float | None
    counts: Mapping[Status, int]
    is_ending: bool = False

    @cached_property
    def question(self) -> str:
        """The question that it asks; empty where its plan cannot be read."""
        try:
            return str(json.loads(self.plan_json)["question"])
        except (ValueError, KeyError, TypeError):
            return ""

    @property
    def is_complete(self) -> bool:
        """Whether none of its runs will be trained any further."""
        return not any(self.counts.get(status) for status in _NOT_ENDED)

    @property
    def is_sealed(self) -> bool:
        """Whether nobody may see its results yet."""
        return not self.is_complete and self.looked is None

    @property
    def is_held(self) -> bool:
        """Whether all its runs that wait are paused."""
        return bool(self.counts.get(Status.PAUSED)) and not self.counts.get(Status.QUEUED)

    @property
    def is_as_frozen(self) -> bool:
        """Whether its plan is the text that was frozen."""
        return hashlib.sha256(self.plan_json.encode()).hexdigest() == self.digest


@dataclass(frozen=True)
class Planned:
    """A run of a study before it is queued.

    Attributes:
        cell: index of its cell.
        experiment: its cell's, with its own seed.
        predicted: as of `waiting.add`.
    """

    cell: int
    experiment: Experiment
    predicted: waiting.Range = (None, None)

    @property
    def key(self) -> tuple[str, int]:
        """Design key and seed, which determine a result."""
        return self.experiment.design_key, self.experiment.seed


@dataclass(frozen=True)
class NewStudy:
    """What is frozen when a study starts; attributes as of `StoredStudy`.

    Attributes:
        repeats: the study file that it repeats, as JSON, or None.
    """

    owner: str
    plan_json: str
    digest: str
    cells_json: str
    version_of: int | None = None
    repeats: str | None = None


_FIELDS = [field.name for field in fields(StoredStudy) if field.name not in ("counts", "is_ending", "is_repetition")]
_COLUMNS = [
    *(STUDIES.c[name.removesuffix("_json")].label(name) for name in _FIELDS),
    STUDIES.c.repeats.is_not(None).label("is_repetition"),  # the file itself may have megabytes
]
_RESULTS = ("id", "status", "seed", "design_key", "validation_accuracy", "seconds", "error")


class Studies:
    """The studies in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, study_id: int) -> StoredStudy | None:
        """A study by its id, deleted or not; None where there is none."""
        return next(iter(self._found(STUDIES.c.id == study_id)), None)

    def all(self, *, deleted: bool = False) -> list[StoredStudy]:
        """The studies, newest first.

        Args:
            deleted: the deleted ones in place of the others.
        """
        return self._found(STUDIES.c.deleted.is_not(None) if deleted else STUDIES.c.deleted.is_(None))

    def unfinished(self) -> list[StoredStudy]:
        """The studies that have runs which have not ended, oldest first."""
        return self._found(STUDIES.c.id.in_(_UNFINISHED), STUDIES.c.deleted.is_(None))[::-1]

    def versions(self, study_id: int) -> list[StoredStudy]:
        """All versions of a study, deleted or not, itself among them, oldest first."""
        known = {study.id: study for study in self._found(sa.true())}
        first = study_id
        while first in known and known[first].version_of in known:
            first = known[first].version_of or first
        found = {first} & known.keys()
        for study in sorted(known.values(), key=lambda study: study.id):  # a version is younger than what it is one of
            if study.version_of in found:
                found.add(study.id)
        return [known[number] for number in sorted(found)]

    def runs(self, study_id: int) -> pd.DataFrame:
        """The planned runs of a study, by cell and seed: `cell`, `seed`, `is_reused`, and of the run, missing where it has been
        removed for good, `run`, `status`, `its_seed`, `design_key`, `test_accuracy`, `validation_accuracy`, `seconds`, `error`,
        and `is_unrevealed`, as of `Run`."""
        of_run = [_ITS.c[name].label({"id": "run", "seed": "its_seed"}.get(name, name)) for name in _RESULTS]
        of_run += [
            tested(_ITS, "test_accuracy").label("test_accuracy"),
            sa.func.coalesce(is_unrevealed(_ITS.c.id), sa.false()).label("is_unrevealed"),
        ]
        query = (
            sa.select(STUDY_RUNS.c.cell, STUDY_RUNS.c.seed, STUDY_RUNS.c.is_reused, *of_run)
            .select_from(STUDY_RUNS.outerjoin(_ITS, _ITS.c.id == STUDY_RUNS.c.run_id))
            .where(STUDY_RUNS.c.study_id == study_id)
            .order_by(STUDY_RUNS.c.cell, STUDY_RUNS.c.seed)
        )
        return self._database.table(query).astype(
            {"run": "Int64", "its_seed": "Int64", "is_reused": bool, "is_unrevealed": bool}
        )

    def unended(self, study_id: int) -> list[int]:
        """The ids of its runs that have not ended, seed by seed."""
        query = sa.select(STUDY_RUNS.c.run_id).select_from(_WITH_ITS).where(STUDY_RUNS.c.study_id == study_id)
        query = query.where(_ITS.c.status.in_(_NOT_ENDED), _ITS.c.deleted.is_(None))
        return [row.run_id for row in self._database.rows(query.order_by(STUDY_RUNS.c.seed, STUDY_RUNS.c.cell))]

    def of_runs(self, run_ids: Iterable[int]) -> dict[int, int]:
        """The study for which each of some runs is trained, by the run's id; runs of none are left out."""
        query = sa.select(STUDY_RUNS.c.run_id, STUDY_RUNS.c.study_id).where(among(STUDY_RUNS.c.run_id, run_ids))
        rows = self._database.rows(query.where(_TRAINED_FOR).order_by(STUDY_RUNS.c.study_id.desc()))
        return {row.run_id: row.study_id for row in rows}

    def repeated(self, study_id: int) -> str | None:
        """The study file that a study repeats, as JSON; None where it repeats none."""
        found: str | None = self._database.scalar(sa.select(STUDIES.c.repeats).where(STUDIES.c.id == study_id))
        return found

    def sealing(self, run_id: int) -> int | None:
        """The study that keeps a run's result from being seen; None where it may be seen."""
        query = sa.select(STUDIES.c.id).join_from(STUDY_RUNS, STUDIES, STUDIES.c.id == STUDY_RUNS.c.study_id)
        query = query.where(STUDY_RUNS.c.run_id == run_id, _TRAINED_FOR, _IS_SEALED_STUDY)
        return next((int(row.id) for row in self._database.rows(query.limit(1))), None)

    def known(self, planned: Iterable[Planned]) -> dict[tuple[str, int], list[int]]:
        """What has been trained here, at least in part: by design key and seed the ids of the finished runs, newest first.
        Runs that are deleted, or went no further, leave an empty list."""
        with self._database.read() as connection:
            return _known(connection, planned)

    def seeds(self, design_keys: Collection[str]) -> set[int]:
        """The seeds with which any of some designs was queued here, whatever became of it."""
        query = sa.select(RUN.c.seed).where(RUN.c.design_key.in_(list(design_keys))).distinct()
        return {row.seed for row in self._database.rows(query)}

    # Changes

    def freeze(
        self,
        new: NewStudy,
        planned: Sequence[Planned],
        visible: Collection[int],
        allowance: Allowance | None = None,
    ) -> int:
        """Freeze a study and queue its runs; all or nothing.

        Args:
            planned: its runs, in the order in which they are to be trained.
            visible: the finished runs that it may reuse.
            allowance: of a pupil who starts it.

        Returns:
            Its id.

        Raises:
            NotAllowedError: what is to be trained is more than the allowance.
        """
        with self._database.write() as connection:
            known = _known(connection, planned)
            row = {
                name.removesuffix("_json"): getattr(new, name) for name in (field.name for field in fields(NewStudy))
            }
            row |= {"frozen": time_of(connection), "why_looked": "", "reused": sum(one.key in known for one in planned)}
            study_id = int(connection.execute(sa.insert(STUDIES).values(row).returning(STUDIES.c.id)).scalar_one())
            _queue(connection, study_id, new.owner, planned, known, visible, allowance)
        return study_id

    def extend(
        self,
        study_id: int,
        planned: Sequence[Planned],
        visible: Collection[int],
        allowance: Allowance | None = None,
    ) -> list[int]:
        """Add runs with further seeds to a study, which is a look; all or nothing.

        Args:
            planned, visible, allowance: as for `freeze`.

        Returns:
            The ids of the runs that are queued.

        Raises:
            NotAllowedError: as `freeze`.
        """
        with self._database.write() as connection:
            owner = connection.execute(sa.select(STUDIES.c.owner).where(STUDIES.c.id == study_id)).scalar_one()
            known = _known(connection, planned)
            queued = _queue(connection, study_id, str(owner), planned, known, visible, allowance)
            _look(connection, study_id, ADDED)
        return queued

    def look(self, study_id: int) -> None:
        """Open a sealed study: somebody wants to see results now; no effect on others."""
        with self._database.write() as connection:
            is_sealed = sa.select(STUDIES.c.id).where(STUDIES.c.id == study_id, _IS_SEALED_STUDY)
            if connection.execute(is_sealed).first():
                _look(connection, study_id, LOOKED)

    def delete(self, study_id: int) -> None:
        """Delete a study with the runs that were trained for it, but for those that another study has, too."""
        others = sa.select(STUDY_RUNS.c.run_id).join_from(STUDY_RUNS, STUDIES, STUDIES.c.id == STUDY_RUNS.c.study_id)
        others = others.where(STUDIES.c.deleted.is_(None), STUDIES.c.id != study_id, STUDY_RUNS.c.run_id.is_not(None))
        with self._database.write() as connection:
            now = time_of(connection)
            connection.execute(
                sa.update(STUDIES).where(STUDIES.c.id == study_id, STUDIES.c.deleted.is_(None)).values(deleted=now)
            )
            its = sa.and_(RUN.c.id.in_(_trained_for(study_id)), RUN.c.id.not_in(others), RUN.c.deleted.is_(None))
            connection.execute(sa.update(RUN).where(its).values(deleted=now, edited=now))

    def restore(self, study_id: int) -> None:
        """Restore a deleted study with its runs."""
        with self._database.write() as connection:
            connection.execute(sa.update(STUDIES).where(STUDIES.c.id == study_id).values(deleted=None))
            its = sa.select(STUDY_RUNS.c.run_id).where(
                STUDY_RUNS.c.study_id == study_id, STUDY_RUNS.c.run_id.is_not(None)
            )
            deleted = sa.and_(RUN.c.id.in_(its), RUN.c.deleted.is_not(None))
            connection.execute(sa.update(RUN).where(deleted).values(deleted=None, edited=time_of(connection)))

    def _found(self, *conditions: sa.ColumnElement[bool]) -> list[StoredStudy]:
        query = sa.select(*_COLUMNS).where(*conditions).order_by(STUDIES.c.id.desc())
        stopping = sa.func.count(_ITS.c.stop_requested).label("stopping")
        runs = sa.func.count().label("runs")
        counted = sa.select(STUDY_RUNS.c.study_id, _ITS.c.status, runs, stopping).select_from(_WITH_ITS)
        counted = counted.where(STUDY_RUNS.c.study_id.in_(sa.select(STUDIES.c.id).where(*conditions)))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            counts: dict[int, dict[Status, int]] = {row.id: {} for row in rows}
            are_stopping: dict[int, list[bool]] = {row.id: [] for row in rows}  # of each status that is not an end
            for row in connection.execute(counted.group_by(STUDY_RUNS.c.study_id, _ITS.c.status)) if rows else ():
                counts[row.study_id][Status(row.status)] = row.runs
                if row.status in _NOT_ENDED:
                    are_stopping[row.study_id].append(row.stopping == row.runs)
        return [
            StoredStudy(
                **{**row._mapping, "is_repetition": bool(row.is_repetition)},
                counts=counts[row.id],
                is_ending=bool(are_stopping[row.id]) and all(are_stopping[row.id]),
            )
            for row in rows
        ]


def belongs(connection: sa.Connection, run_ids: Iterable[int]) -> dict[int, int]:
    """The study of each of some runs, reused ones included, by the run's id; deleted studies and runs of none are left out."""
    query = sa.select(STUDY_RUNS.c.run_id, STUDIES.c.id).join_from(
        STUDY_RUNS, STUDIES, STUDIES.c.id == STUDY_RUNS.c.study_id
    )
    query = query.where(among(STUDY_RUNS.c.run_id, run_ids), STUDIES.c.deleted.is_(None))
    return {row.run_id: row.id for row in connection.execute(query.order_by(STUDIES.c.id.desc()))}


def mark_foreseen(connection: sa.Connection, run_id: int) -> None:
    """Note in sealed studies that have the design and seed of a run, but not that run, that it begins: whoever sees it
    foresees a result, since the same design and seed have the same."""
    own = sa.select(STUDY_RUNS.c.study_id).where(STUDY_RUNS.c.run_id == run_id)
    same = sa.select(STUDY_RUNS.c.study_id).select_from(
        _WITH_ITS.join(RUN, sa.and_(RUN.c.design_key == _ITS.c.design_key, RUN.c.seed == _ITS.c.seed))
    )
    same = same.where(RUN.c.id == run_id, _ITS.c.id != run_id, _TRAINED_FOR)
    connection.execute(
        sa.update(STUDIES)
        .where(_IS_SEALED_STUDY, STUDIES.c.why_looked == "", STUDIES.c.id.in_(same), STUDIES.c.id.not_in(own))
        .values(why_looked=FORESEEN)
    )


def _known(connection: sa.Connection, planned: Iterable[Planned]) -> dict[tuple[str, int], list[int]]:
    wanted = {one.key for one in planned}
    keys, seeds = sorted({key for key, _ in wanted}), sorted({seed for _, seed in wanted})
    query = sa.select(RUN.c.id, RUN.c.design_key, RUN.c.seed, RUN.c.status, RUN.c.deleted)
    query = query.where(RUN.c.design_key.in_(keys), among(RUN.c.seed, seeds), RUN.c.started.is_not(None))
    found: dict[tuple[str, int], list[int]] = {}
    for row in connection.execute(query.order_by(RUN.c.id.desc())):
        if (row.design_key, row.seed) in wanted:
            its = found.setdefault((row.design_key, row.seed), [])
            if row.status == Status.FINISHED and row.deleted is None:
                its.append(row.id)
    return found


def _queue(
    connection: sa.Connection,
    study_id: int,
    owner: str,
    planned: Sequence[Planned],
    known: Mapping[tuple[str, int], Sequence[int]],
    visible: Collection[int],
    allowance: Allowance | None,
) -> list[int]:
    """Queue what has to be trained, and note which runs the study has; returns the ids of the queued ones."""
    reused = {one.key: next((i for i in known.get(one.key, ()) if i in visible), None) for one in planned}
    to_train = [one for one in planned if reused[one.key] is None]
    if allowance:
        allowance.check(connection, len(to_train))
    queued = waiting.add(connection, [one.experiment for one in to_train], owner, [one.predicted for one in to_train])
    its = reused | {one.key: run_id for one, run_id in zip(to_train, queued, strict=True)}
    new = set(queued)
    rows: list[dict[str, Any]] = [
        {
            "study_id": study_id,
            "cell": one.cell,
            "seed": one.experiment.seed,
            "run_id": its[one.key],
            "is_reused": its[one.key] not in new,
        }
        for one in planned
    ]
    connection.execute(sa.insert(STUDY_RUNS), rows)
    return queued


def _look(connection: sa.Connection, study_id: int, why: str) -> None:
    mine = STUDIES.c.id == study_id
    before = str(connection.execute(sa.select(STUDIES.c.why_looked).where(mine)).scalar_one())
    words = before if why in before else f"{before} {why}".strip()
    looked = sa.func.coalesce(STUDIES.c.looked, time_of(connection))
    connection.execute(sa.update(STUDIES).where(mine).values(looked=looked, why_looked=words))


def _trained_for(study_id: int) -> sa.Select[Any]:
    return sa.select(STUDY_RUNS.c.run_id).where(STUDY_RUNS.c.study_id == study_id, _TRAINED_FOR)

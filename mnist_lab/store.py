"""The database: runs, their metrics, kept weights and predictions; the queue; the engine's lease.

The store is the queue and the only channel between training and everything that looks at it. One writer a run: the
worker that trains it. A run that has ended never changes.

It does not train, start processes or know TensorFlow; weights are arrays by name. Times are seconds since 1970 (UTC).
"""

import contextlib
import io
import json
import logging
import os
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import alembic.util
import numpy as np
import pandas as pd
import platformdirs
import psutil
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from mnist_lab.architecture import totals, trace
from mnist_lab.errors import StoreError
from mnist_lab.experiment import Experiment, Status, parse

logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every look at the schema

URL_VARIABLE = "MNIST_LAB_DATABASE_URL"
LEASE_SECONDS = 15.0
ORPHAN_SENTENCE = "The process that trained it ended before the run did."


@dataclass(frozen=True)
class Run:
    """One row of the table of runs. Accuracies are shares of 1; `validation_*` and `test_*` are of the kept weights,
    None until there are any."""

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
        """Batches from first to last epoch."""
        return self.experiment.steps_per_epoch * self.experiment.recipe.epochs


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
_CHECKPOINTS = _table("checkpoints", "run_id epoch weights")
_PREDICTIONS = _table("predictions", "run_id probabilities")
_CALIBRATIONS = _table("calibrations", "host ratios created")
_DESIGNS = _table("designs", "name owner experiment created")
_LEASE = _table("lease", "id engine host pid process_created heartbeat state")


def _run(row: sa.Row[Any]) -> Run:
    values = dict(row._mapping)
    return Run(**values | {"status": Status(values["status"])})


def default_url() -> str:
    """Where the results are: `MNIST_LAB_DATABASE_URL`, else a file in the user's data folder."""
    if url := os.environ.get(URL_VARIABLE):
        return url
    return f"sqlite:///{platformdirs.user_data_path('mnist-lab', appauthor=False) / 'lab.db'}"


class Store:
    """An open database, brought to the newest schema.

    Args:
        url: an SQLAlchemy URL of an SQLite file.

    Raises:
        StoreError: the URL is no such URL, the file cannot be opened or created, or a newer lab made it.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        self._engine = _engine(self.url)
        # Readers never wait. A writer takes the lock at once: upgrading a read lock half-way could not wait for it.
        self._writer = self._engine.execution_options(sqlite_begin="IMMEDIATE")
        self._migrate()

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _connection(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(_reason(self._engine.url, error)) from error

    def _read(self) -> contextlib.AbstractContextManager[sa.Connection]:
        return self._connection(self._engine)

    def _write(self) -> contextlib.AbstractContextManager[sa.Connection]:
        return self._connection(self._writer)

    def _migrate(self) -> None:
        config = alembic.config.Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        with self._write() as connection:
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except alembic.util.CommandError as error:
                raise StoreError(
                    f"The database {_shown(self._engine.url)} was made by a newer version of the lab ({error}); "
                    f"update the lab, or set {URL_VARIABLE} to another place."
                ) from error

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
                row = {
                    "name": experiment.name,
                    "owner": owner,
                    "status": Status.QUEUED,
                    "experiment": experiment.model_dump_json(),
                    "design_key": experiment.design_key,
                    "parameters": totals(trace(experiment.architecture)).parameters,
                    "created": now,
                    "predicted_low": low,
                    "predicted_high": high,
                }
                ids.append(connection.execute(sa.insert(_RUN).values(row).returning(_RUN.c.id)).scalar_one())
        return ids

    def claim(self, engine: str, only: list[int] | None = None) -> Run | None:
        """Take the next waiting run for an engine: it is running from now on. None where nothing waits.

        Args:
            only: take none but these ids.
        """
        waiting = sa.select(_RUN.c.id).where(_RUN.c.status == Status.QUEUED).order_by(_RUN.c.id).limit(1)
        if only is not None:
            waiting = waiting.where(_RUN.c.id.in_(only))
        with self._read() as connection:
            if connection.execute(waiting).first() is None:
                return None
        with self._write() as connection:
            claimed = connection.execute(
                sa.update(_RUN)
                .where(_RUN.c.id == waiting.scalar_subquery(), _RUN.c.status == Status.QUEUED)
                .values(status=Status.RUNNING, engine=engine, started=time.time())
                .returning(*_RUN_COLUMNS)
            ).first()
        return _run(claimed) if claimed else None

    def request_stop(self, run_id: int) -> None:
        """Cancel a run that waits, or ask the worker of a running one to stop. No effect on one that has ended."""
        mine = _RUN.c.id == run_id
        with self._write() as connection:
            connection.execute(
                sa.update(_RUN)
                .where(mine, _RUN.c.status == Status.QUEUED)
                .values(status=Status.CANCELLED, ended=time.time())
            )
            connection.execute(
                sa.update(_RUN)
                .where(mine, _RUN.c.status == Status.RUNNING, _RUN.c.stop_requested.is_(None))
                .values(stop_requested=time.time())
            )

    # What a worker writes

    def begin(self, run_id: int, environment: dict[str, Any]) -> None:
        """Record what a run is trained with."""
        with self._write() as connection:
            connection.execute(sa.update(_RUN).where(_RUN.c.id == run_id).values(environment=json.dumps(environment)))

    def record(self, run_id: int, batches: list[dict[str, Any]], epoch: dict[str, Any] | None) -> bool:
        """Add points of a run's curve (a known `point` is replaced) and a line of its log, in one transaction.

        Returns:
            Whether training should go on: no stop was asked for and nobody has declared the run dead.
        """
        now: dict[str, Any] = {}
        with self._write() as connection:
            running = sa.and_(_RUN.c.id == run_id, _RUN.c.status == Status.RUNNING)
            state = connection.execute(
                sa.select(_RUN.c.stop_requested, _RUN.c.best_validation_accuracy).where(running)
            ).first()
            if state is None:
                return False
            if batches:
                points = [batch["point"] for batch in batches]
                connection.execute(sa.delete(_BATCHES).where(_BATCHES.c.run_id == run_id, _BATCHES.c.point.in_(points)))
                connection.execute(sa.insert(_BATCHES), [{"run_id": run_id, **batch} for batch in batches])
                now["steps_done"] = batches[-1]["step"]
            if epoch:
                connection.execute(sa.insert(_EPOCHS).values(run_id=run_id, **epoch))
                accuracy = epoch["validation_accuracy"]
                now |= {"epochs_done": epoch["epoch"], "last_validation_accuracy": accuracy}
                if state.best_validation_accuracy is None or accuracy > state.best_validation_accuracy:
                    now |= {"best_validation_accuracy": accuracy, "best_epoch": epoch["epoch"]}
            if now:
                connection.execute(sa.update(_RUN).where(running).values(now))
        return state.stop_requested is None

    def finish(
        self,
        run_id: int,
        status: Status,
        result: dict[str, Any],
        weights: dict[str, np.ndarray],
        probabilities: np.ndarray,
    ) -> None:
        """End a run with its result, kept weights and predictions (stored as float16), in one transaction.

        Nothing is written where the run is no longer running: somebody has declared it dead, and that stands.
        """
        with self._write() as connection:
            ended = connection.execute(
                sa.update(_RUN)
                .where(_RUN.c.id == run_id, _RUN.c.status == Status.RUNNING)
                .values(status=status, ended=time.time(), **result)
            )
            if ended.rowcount:
                connection.execute(
                    sa.insert(_CHECKPOINTS).values(
                        run_id=run_id, epoch=result["kept_epoch"], weights=_packed(**weights)
                    )
                )
                connection.execute(
                    sa.insert(_PREDICTIONS).values(
                        run_id=run_id, probabilities=_packed(probabilities=probabilities.astype(np.float16))
                    )
                )

    def end(self, run_id: int, status: Status, error: str) -> None:
        """End a running run without a result, with the sentence that says why."""
        with self._write() as connection:
            connection.execute(
                sa.update(_RUN)
                .where(_RUN.c.id == run_id, _RUN.c.status == Status.RUNNING)
                .values(status=status, ended=time.time(), error=error)
            )

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
            rows = [_run(row) for row in connection.execute(query.order_by(_RUN.c.id))]
        return sorted(rows, key=lambda run: run.status is Status.QUEUED)

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

    def weights(self, run_id: int) -> dict[str, np.ndarray] | None:
        """The kept weights by name, or None."""
        return self._blob(_CHECKPOINTS.c.weights, _CHECKPOINTS.c.run_id == run_id)

    def probabilities(self, run_id: int) -> np.ndarray | None:
        """Probabilities of the ten digits for each test image, float16 `(10_000, 10)`, or None."""
        arrays = self._blob(_PREDICTIONS.c.probabilities, _PREDICTIONS.c.run_id == run_id)
        return arrays["probabilities"] if arrays else None

    def _blob(self, column: sa.ColumnElement[Any], where: sa.ColumnElement[bool]) -> dict[str, np.ndarray] | None:
        with self._read() as connection:
            data = connection.execute(sa.select(column).where(where)).scalar_one_or_none()
        if data is None:
            return None
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

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
        """Become the engine of this store, unless another one lives; runs that a dead one left are interrupted."""
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
        self.interrupt_orphans()
        return True

    def renew_lease(self, engine: str, state: str) -> bool:
        """Say that this engine lives; whether the lease is still its own."""
        with self._write() as connection:
            renewed = connection.execute(
                sa.update(_LEASE).where(_LEASE.c.engine == engine).values(heartbeat=time.time(), state=state)
            )
        return renewed.rowcount == 1

    def release_lease(self, engine: str) -> None:
        """Give the lease back; runs that were still going are interrupted."""
        with self._write() as connection:
            connection.execute(sa.delete(_LEASE).where(_LEASE.c.engine == engine))
        self.interrupt_orphans()

    def interrupt_orphans(self) -> None:
        """Mark running runs as interrupted whose engine does not live any more."""
        with self._read() as connection:
            lease = self._lease(connection)
            orphans = _RUN.c.status == Status.RUNNING
            if lease and lease.is_live:
                orphans = sa.and_(orphans, _RUN.c.engine != lease.engine)
            if connection.execute(sa.select(_RUN.c.id).where(orphans).limit(1)).first() is None:
                return
        with self._write() as connection:
            connection.execute(
                sa.update(_RUN)
                .where(orphans)
                .values(status=Status.INTERRUPTED, ended=time.time(), error=ORPHAN_SENTENCE)
            )


def _packed(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _engine(text: str) -> sa.Engine:
    try:
        url = sa.make_url(text)
        if url.drivername not in ("sqlite", "sqlite+pysqlite") or url.database in (None, "", ":memory:"):
            raise StoreError(
                f"{URL_VARIABLE} should name an SQLite file, such as sqlite:////home/me/lab.db; received {_shown(url)}."
            )
    except SQLAlchemyError:
        raise StoreError(
            f"{URL_VARIABLE} should be a database URL, such as sqlite:////home/me/lab.db; received {text[:80]!r}."
        ) from None
    folder = Path(str(url.database)).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} for the results cannot be made ({error.strerror}); set {URL_VARIABLE} to another place."
        ) from None
    engine = sa.create_engine(url, connect_args={"timeout": 10})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the "begin" below decides how transactions begin
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        kind = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {kind}")

    return engine


def _shown(url: sa.URL) -> str:
    return url.render_as_string(hide_password=True)


def _reason(url: sa.URL, error: SQLAlchemyError) -> str:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return f"The database {_shown(url)} cannot be used: {reason}; check it, or set {URL_VARIABLE} to another place."

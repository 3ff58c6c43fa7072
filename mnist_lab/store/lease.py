"""The engine's lease: which engine serves this database, and how it is.

One engine holds the lease. A run that it claims belongs to it until the run ends or is paused, or the engine dies.
"""

import os
import socket
import time
from dataclasses import dataclass, fields

import psutil
import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.queue import requeue
from mnist_lab.store.run import Status
from mnist_lab.store.schema import LEASE, RUN

LEASE_SECONDS = 15.0
WARMING_UP, READY = "warming up", "ready"
NOT_WORKING = "not working: "  # and why; the last word of an engine, or what its supervisor says of it


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
        that got its number later. That time is computed from the clock, which may be set: then a fresh heartbeat will
        do.
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


class Leases:
    """The one lease of an open database; errors as of `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> Lease | None:
        """The engine that serves this store, alive or not; None where none has the lease."""
        with self._database.read() as connection:
            return _current(connection)

    def take(self, engine: str, state: str) -> bool:
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
        with self._database.write() as connection:
            lease = _current(connection)
            if lease and lease.engine != engine and lease.is_live:
                return False
            connection.execute(sa.delete(LEASE))
            connection.execute(sa.insert(LEASE).values(row))
        self.requeue_orphans()
        return True

    def say_not_working(self, reason: str) -> None:
        """Leave a sentence in the lease's place, for the pages to say; no effect while an engine lives."""
        row = {"id": 1, "engine": "", "host": socket.gethostname(), "pid": 0, "process_created": 0.0, "heartbeat": 0.0}
        with self._database.write() as connection:
            lease = _current(connection)
            if lease and lease.is_live:
                return
            connection.execute(sa.delete(LEASE))
            connection.execute(sa.insert(LEASE).values(row | {"state": f"{NOT_WORKING}{reason}"}))
        self.requeue_orphans()

    def renew(self, engine: str, state: str) -> bool:
        """Say that this engine lives; whether the lease is still its own."""
        with self._database.write() as connection:
            renewed = connection.execute(
                sa.update(LEASE).where(LEASE.c.engine == engine).values(heartbeat=time.time(), state=state)
            )
        return renewed.rowcount == 1

    def release(self, engine: str) -> None:
        """Give the lease back; runs that were still going are queued again."""
        with self._database.write() as connection:
            connection.execute(sa.delete(LEASE).where(LEASE.c.engine == engine))
        self.requeue_orphans()

    def requeue_orphans(self) -> None:
        """Queue running runs again whose engine does not live any more."""
        with self._database.read() as connection:
            lease = _current(connection)
            orphans = RUN.c.status == Status.RUNNING
            if lease and lease.is_live:
                orphans = sa.and_(orphans, RUN.c.engine != lease.engine)
            if connection.execute(sa.select(RUN.c.id).where(orphans).limit(1)).first() is None:
                return
        with self._database.write() as connection:
            requeue(connection, orphans)


def _current(connection: sa.Connection) -> Lease | None:
    row = connection.execute(sa.select(*(LEASE.c[field.name] for field in fields(Lease)))).first()
    return Lease(**row._mapping) if row else None

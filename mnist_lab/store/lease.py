"""The lease: which engine serves the database, and its state.

Only one engine holds the lease. A run that it claims belongs to it until the run ends or is paused, or the engine crashes.
"""

import os
import socket
from dataclasses import dataclass, fields

import psutil
import sqlalchemy as sa

from mnist_lab.store.database import Database, time_of
from mnist_lab.store.queue import requeue
from mnist_lab.store.run import Status
from mnist_lab.store.schema import LEASE, RUN

LEASE_SECONDS = 15.0
WARMING_UP, READY = "warming up", "ready"
NOT_WORKING = "not working: "  # followed by the reason; from an engine that ends, or from its supervisor


@dataclass(frozen=True)
class Lease:
    """The row of the lease.

    Attributes:
        engine: the engine's unique name.
        host, pid, process_created: its process; the latter in seconds since 1970.
        heartbeat: when it was last renewed, in seconds since 1970.
        age: seconds since then when it was read, by the same clock.
        state: `WARMING_UP`, `READY`, or `NOT_WORKING` and a reason.
    """

    engine: str
    host: str
    pid: int
    process_created: float
    heartbeat: float
    age: float
    state: str

    @property
    def is_live(self) -> bool:
        """Whether the engine is alive: judged by its process on this machine, and by its heartbeat on others.

        A process may miss heartbeats and still be alive, as on a laptop that was asleep. Its creation time distinguishes
        it from a later process with the same id; since that time depends on the system clock, which may have been set, a
        recent heartbeat counts as well.
        """
        if self.state.startswith(NOT_WORKING):
            return False
        beating = abs(self.age) < LEASE_SECONDS
        if self.host != socket.gethostname():
            return beating
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.process_created) < 1
            return process.status() != psutil.STATUS_ZOMBIE and (same or beating)
        except psutil.NoSuchProcess:
            return False


class Leases:
    """The lease in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> Lease | None:
        """The present lease, whether its engine is alive or not; None where there is none."""
        with self._database.read() as connection:
            return _current(connection)

    def take(self, engine: str, state: str) -> bool:
        """Take the lease for an engine unless another one that is alive holds it; returns whether it was taken. Runs that a
        crashed engine left are queued again."""
        row = {
            "id": 1,
            "engine": engine,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "process_created": psutil.Process().create_time(),
            "state": state,
        }
        with self._database.write() as connection:
            row["heartbeat"] = time_of(connection)
            lease = _current(connection)
            if lease and lease.engine != engine and lease.is_live:
                return False
            connection.execute(sa.delete(LEASE))
            connection.execute(sa.insert(LEASE).values(row))
        self.requeue_orphans()
        return True

    def say_not_working(self, reason: str) -> None:
        """Put the reason why there is no engine into the lease, for the pages; no effect while an engine is alive."""
        row = {"id": 1, "engine": "", "host": socket.gethostname(), "pid": 0, "process_created": 0.0, "heartbeat": 0.0}
        with self._database.write() as connection:
            lease = _current(connection)
            if lease and lease.is_live:
                return
            connection.execute(sa.delete(LEASE))
            connection.execute(sa.insert(LEASE).values(row | {"state": f"{NOT_WORKING}{reason}"}))
        self.requeue_orphans()

    def renew(self, engine: str, state: str) -> bool:
        """Update heartbeat and state; returns whether the engine still holds the lease."""
        with self._database.write(alone=False) as connection:
            now = time_of(connection)
            renewed = connection.execute(
                sa.update(LEASE).where(LEASE.c.engine == engine).values(heartbeat=now, state=state)
            )
        return renewed.rowcount == 1

    def release(self, engine: str) -> None:
        """Give up an engine's lease; runs that it was training are queued again."""
        with self._database.write() as connection:
            connection.execute(sa.delete(LEASE).where(LEASE.c.engine == engine))
        self.requeue_orphans()

    def requeue_orphans(self) -> None:
        """Queue again the running runs whose engine is not alive."""
        with self._database.read() as connection:
            lease = _current(connection)
            orphans = RUN.c.status == Status.RUNNING
            if lease and lease.is_live:
                orphans = sa.and_(orphans, RUN.c.engine != lease.engine)
            if connection.execute(sa.select(RUN.c.id).where(orphans).limit(1)).first() is None:
                return
        with self._database.write() as connection:
            requeue(connection, orphans)


_CURRENT = sa.select(*(LEASE.c[field.name] for field in fields(Lease) if field.name != "age"))


def _current(connection: sa.Connection) -> Lease | None:
    row = connection.execute(_CURRENT).first()
    return Lease(**row._mapping, age=time_of(connection) - row.heartbeat) if row else None

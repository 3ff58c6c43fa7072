"""Calibrations: how fast machines train, as measured."""

import json
import socket

import sqlalchemy as sa

import mnist_lab
from mnist_lab.store.database import Database, time_of
from mnist_lab.store.schema import CALIBRATIONS


class Calibrations:
    """The calibrations in an open database; reads and writes that of this machine. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> list[float] | None:
        """This machine's calibration: for each of `prediction.CALIBRATED_WITH` the ratio of measured to predicted time per
        step; None where it has not been calibrated."""
        query = sa.select(CALIBRATIONS.c.ratios).where(CALIBRATIONS.c.host == _this_machine())
        found = self._database.scalar(query)
        return json.loads(found) if found else None

    def is_quiet(self) -> bool:
        """Whether the calibration was made while nothing else used the machine's processors."""
        query = sa.select(CALIBRATIONS.c.is_quiet).where(CALIBRATIONS.c.host == _this_machine())
        return bool(self._database.scalar(query))

    def save(self, ratios: list[float], is_quiet: bool = True) -> None:
        """Replace this machine's calibration.

        Args:
            is_quiet: whether nothing else used the processors meanwhile.
        """
        host = _this_machine()
        row = {"host": host, "ratios": json.dumps(ratios), "is_quiet": is_quiet}
        with self._database.write() as connection:
            row["created"] = time_of(connection)
            connection.execute(sa.delete(CALIBRATIONS).where(CALIBRATIONS.c.host == host))
            connection.execute(sa.insert(CALIBRATIONS).values(row))


def _this_machine() -> str:
    """The key of a calibration. It includes the lab's version, since another version may train at another speed."""
    return f"{socket.gethostname()}, lab {mnist_lab.__version__}"

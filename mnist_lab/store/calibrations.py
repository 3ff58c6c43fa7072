"""How fast this machine was found to be."""

import json
import socket
import time

import sqlalchemy as sa

import mnist_lab
from mnist_lab.store.database import Database
from mnist_lab.store.schema import CALIBRATIONS


class Calibrations:
    """This machine's calibration in an open database; errors as of `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> list[float] | None:
        """What this machine's short calibration found, or None where it has not been made."""
        query = sa.select(CALIBRATIONS.c.ratios).where(CALIBRATIONS.c.host == _this_machine())
        found = self._database.scalar(query)
        return json.loads(found) if found else None

    def is_quiet(self) -> bool:
        """Whether this machine was measured when nothing else took its processors."""
        query = sa.select(CALIBRATIONS.c.is_quiet).where(CALIBRATIONS.c.host == _this_machine())
        return bool(self._database.scalar(query))

    def save(self, ratios: list[float], is_quiet: bool = True) -> None:
        """Keep this machine's calibration in the place of an earlier one.

        Args:
            is_quiet: nothing else took its processors meanwhile.
        """
        host = _this_machine()
        row = {"host": host, "ratios": json.dumps(ratios), "created": time.time(), "is_quiet": is_quiet}
        with self._database.write() as connection:
            connection.execute(sa.delete(CALIBRATIONS).where(CALIBRATIONS.c.host == host))
            connection.execute(sa.insert(CALIBRATIONS).values(row))


def _this_machine() -> str:
    """What a calibration is of: a newer lab may be quicker on the same machine."""
    return f"{socket.gethostname()}, lab {mnist_lab.__version__}"

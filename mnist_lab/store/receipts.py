"""Receipts whose training is repeated here, each stored with the run that repeats it."""

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.schema import RECEIPTS


class Receipts:
    """The receipts in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, run_id: int) -> str | None:
        """The receipt that a run repeats, as JSON; None where it repeats none."""
        found: str | None = self._database.scalar(sa.select(RECEIPTS.c.receipt).where(RECEIPTS.c.run_id == run_id))
        return found

    def add(self, run_id: int, receipt: str) -> None:
        """Store the receipt that a run repeats, as JSON."""
        with self._database.write() as connection:
            connection.execute(sa.insert(RECEIPTS).values(run_id=run_id, receipt=receipt))

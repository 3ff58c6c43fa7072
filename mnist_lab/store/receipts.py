"""The receipts that runs repeat: each kept beside its run, to be compared with it when that has finished."""

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.schema import RECEIPTS


class Receipts:
    """The receipts in an open database; errors as of `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, run_id: int) -> str | None:
        """The receipt whose training a run repeats, as JSON, or None."""
        found: str | None = self._database.scalar(sa.select(RECEIPTS.c.receipt).where(RECEIPTS.c.run_id == run_id))
        return found

    def add(self, run_id: int, receipt: str) -> None:
        """Keep beside a run the receipt whose training it repeats, as JSON."""
        with self._database.write() as connection:
            connection.execute(sa.insert(RECEIPTS).values(run_id=run_id, receipt=receipt))

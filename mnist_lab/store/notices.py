"""Notices: sentences that a migration leaves for the pages to show."""

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.schema import NOTICES


class Notices:
    """The notices in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[int, str]:
        """The notices that have not been dismissed, by id, oldest first."""
        rows = self._database.rows(sa.select(NOTICES.c.id, NOTICES.c.text).order_by(NOTICES.c.id))
        return {row.id: row.text for row in rows}

    def dismiss(self, notice: int) -> None:
        """Delete a notice."""
        with self._database.write() as connection:
            connection.execute(sa.delete(NOTICES).where(NOTICES.c.id == notice))

"""What a migration has to say to whoever looks next."""

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.schema import NOTICES


class Notices:
    """The notices in an open database; errors as of `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[int, str]:
        """The sentences that nobody has dismissed, by number, oldest first."""
        rows = self._database.rows(sa.select(NOTICES.c.id, NOTICES.c.text).order_by(NOTICES.c.id))
        return {row.id: row.text for row in rows}

    def dismiss(self, notice: int) -> None:
        """Show a notice no more."""
        with self._database.write() as connection:
            connection.execute(sa.delete(NOTICES).where(NOTICES.c.id == notice))

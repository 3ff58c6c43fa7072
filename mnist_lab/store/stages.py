"""What stands on each class's stage, as JSON."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from mnist_lab.store.database import Database, time_of
from mnist_lab.store.schema import STAGES


class Stages:
    """The stages in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, class_id: int) -> str | None:
        """What stands on a class's stage; None where nothing was ever put there."""
        found = self._database.scalar(_of(class_id))
        return None if found is None else str(found)

    def change(self, class_id: int, change: Callable[[str | None], str]) -> None:
        """Replace what stands on a class's stage by what a function makes of it; nobody else changes it meanwhile."""
        with self._database.write() as connection:
            before = connection.execute(_of(class_id)).scalar()
            values = {"scene": change(None if before is None else str(before)), "changed": time_of(connection)}
            if before is None:
                connection.execute(sa.insert(STAGES).values(class_id=class_id, **values))
            else:
                connection.execute(sa.update(STAGES).where(STAGES.c.class_id == class_id).values(values))


def _of(class_id: int) -> sa.Select[Any]:
    return sa.select(STAGES.c.scene).where(STAGES.c.class_id == class_id)

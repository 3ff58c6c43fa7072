"""What people chose last, for the pages to begin with it next time."""

import json
from typing import Any

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.schema import CHOICES


class Choices:
    """The choices in an open database; errors as of `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, owner: str, name: str) -> Any:
        """What a person chose last under a name, or None."""
        query = sa.select(CHOICES.c.value).where(CHOICES.c.owner == owner, CHOICES.c.name == name)
        found = self._database.scalar(query)
        return None if found is None else json.loads(found)

    def set(self, owner: str, name: str, value: Any) -> None:
        """Keep a person's choice under a name, in the place of an earlier one."""
        mine = sa.and_(CHOICES.c.owner == owner, CHOICES.c.name == name)
        with self._database.write() as connection:
            connection.execute(sa.delete(CHOICES).where(mine))
            connection.execute(sa.insert(CHOICES).values(owner=owner, name=name, value=json.dumps(value)))

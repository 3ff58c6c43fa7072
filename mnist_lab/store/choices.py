"""Choices: what people selected last, as defaults for their next visit."""

import json
from typing import Any

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.schema import CHOICES


class Choices:
    """The choices in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, owner: str, name: str) -> Any:
        """A person's last choice by its name, as JSON values; None where there is none."""
        query = sa.select(CHOICES.c.value).where(CHOICES.c.owner == owner, CHOICES.c.name == name)
        found = self._database.scalar(query)
        return None if found is None else json.loads(found)

    def set(self, owner: str, name: str, value: Any) -> None:
        """Store a person's choice, replacing an earlier one of the same name."""
        mine = sa.and_(CHOICES.c.owner == owner, CHOICES.c.name == name)
        with self._database.write() as connection:
            connection.execute(sa.delete(CHOICES).where(mine))
            connection.execute(sa.insert(CHOICES).values(owner=owner, name=name, value=json.dumps(value)))

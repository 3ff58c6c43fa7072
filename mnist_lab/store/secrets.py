"""Secrets of the store: what identifies it to browsers, what signs cookies, the teacher's token. They are in no export."""

from collections.abc import Callable
from secrets import token_urlsafe

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.schema import SECRETS

STORE_ID, COOKIES, TEACHER = "store id", "cookies", "teacher"


def new() -> str:
    """A token that nobody guesses."""
    return token_urlsafe()


def of_stage(class_id: int) -> str:
    """What the token in the link to a class's stage is kept under."""
    return f"stage of class {class_id}"


class Secrets:
    """The secrets in an open database, made when they are first asked for. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str, make: Callable[[], str] = token_urlsafe) -> str:
        """A secret by its name; every server on one store gets the same."""
        its = sa.select(SECRETS.c.value).where(SECRETS.c.name == name)
        if (found := self._database.scalar(its)) is not None:
            return str(found)
        with self._database.write() as connection:
            found = connection.execute(its).scalar()
            if found is None:
                found = make()
                connection.execute(sa.insert(SECRETS).values(name=name, value=found))
        return str(found)

    def set(self, name: str, value: str) -> None:
        """Replace a secret; what the old one signed or opened is void."""
        if self.get(name, lambda: value) != value:
            with self._database.write() as connection:
                connection.execute(sa.update(SECRETS).where(SECRETS.c.name == name).values(value=value))

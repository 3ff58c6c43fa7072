"""Designs that people keep, by name."""

import time

import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, read_design
from mnist_lab.errors import InputError
from mnist_lab.store.database import Database
from mnist_lab.store.schema import DESIGNS


class Designs:
    """The designs in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, str]:
        """All designs as JSON, by name, in the order of names."""
        rows = self._database.rows(sa.select(DESIGNS.c.name, DESIGNS.c.experiment).order_by(DESIGNS.c.name))
        return {row.name: row.experiment for row in rows}

    def save(self, experiment: Experiment, owner: str, *, replaces: str | None = None) -> str | None:
        """Keep a design under its name, unless another design has this name.

        Args:
            replaces: JSON of the design that may be overwritten.

        Returns:
            None where the design was saved; else the JSON of the other design, which stays.
        """
        with self._database.write() as connection:
            named = DESIGNS.c.name == experiment.name
            kept: str | None = connection.execute(sa.select(DESIGNS.c.experiment).where(named)).scalar()
            if kept is not None and kept != replaces and not _is_same(kept, experiment):
                return kept
            connection.execute(sa.delete(DESIGNS).where(named))
            row = {"name": experiment.name, "owner": owner, "experiment": experiment.model_dump_json()}
            connection.execute(sa.insert(DESIGNS).values(**row, created=time.time()))
        return None

    def delete(self, name: str) -> None:
        """Delete a design; no effect where there is none of that name."""
        with self._database.write() as connection:
            connection.execute(sa.delete(DESIGNS).where(DESIGNS.c.name == name))


def _is_same(kept: str, experiment: Experiment) -> bool:
    """Whether a stored design is the same experiment, even if an earlier version of the lab wrote it with fewer fields."""
    try:
        return read_design(kept) == experiment
    except InputError:
        return False

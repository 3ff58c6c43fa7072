"""Designs that people keep, by name."""

import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, read_design
from mnist_lab.errors import InputError
from mnist_lab.store.database import Database, time_of
from mnist_lab.store.schema import DESIGNS, PEOPLE


class Designs:
    """The designs in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, owner: str) -> dict[str, str]:
        """A person's designs as JSON, by name, in the order of names."""
        query = sa.select(DESIGNS.c.name, DESIGNS.c.experiment).where(_are_of(owner))
        rows = self._database.rows(query.order_by(DESIGNS.c.name))
        return {row.name: row.experiment for row in rows}

    def save(self, experiment: Experiment, owner: str, *, replaces: str | None = None) -> str | None:
        """Keep a design under its name, unless another one of the same person has this name.

        Args:
            replaces: JSON of the design that may be overwritten.

        Returns:
            None where the design was saved; else the JSON of the other design, which stays.
        """
        with self._database.write() as connection:
            named = _named(owner, experiment.name)
            kept: str | None = connection.execute(sa.select(DESIGNS.c.experiment).where(named)).scalar()
            if kept is not None and kept != replaces and not _is_same(kept, experiment):
                return kept
            connection.execute(sa.delete(DESIGNS).where(named))
            row = {"name": experiment.name, "owner": owner, "experiment": experiment.model_dump_json()}
            connection.execute(sa.insert(DESIGNS).values(**row, created=time_of(connection)))
        return None

    def delete(self, name: str, owner: str) -> None:
        """Delete a person's design; no effect where there is none of that name."""
        with self._database.write() as connection:
            connection.execute(sa.delete(DESIGNS).where(_named(owner, name)))


def _named(owner: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(_are_of(owner), DESIGNS.c.name == name)


def _are_of(owner: str) -> sa.ColumnElement[bool]:
    """A pupil's designs are their own; those of all users of the system, of whatever name, are the teacher's."""
    is_pupil = sa.exists().where(PEOPLE.c.key == owner)
    is_pupils = sa.exists().where(PEOPLE.c.key == DESIGNS.c.owner)
    return sa.or_(DESIGNS.c.owner == owner, sa.and_(~is_pupil, ~is_pupils))


def _is_same(kept: str, experiment: Experiment) -> bool:
    """Whether a stored design is the same experiment, even if an earlier version of the lab wrote it with fewer fields."""
    try:
        return read_design(kept) == experiment
    except InputError:
        return False

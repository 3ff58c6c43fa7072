"""Digits that people drew, with their labels: a test set of their own. A drawing never changes; it can be thrown out, taken
back, and deleted."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import sqlalchemy as sa

from mnist_lab.data.drawing import SIDE
from mnist_lab.errors import InputError
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.people import Allowance
from mnist_lab.store.schema import DIGITS

MOST_EACH, MOST = 50, 2_000  # of a person, of a set


@dataclass(frozen=True)
class Digit:
    """A drawing: a row of the database. Times are in seconds since 1970 (UTC).

    Attributes:
        class_id: of the class whose set it is in; None in the set of whoever has the lab alone.
        person: the drawer's pseudonym.
        label: which digit it was to be, 0 to 9.
        pixels: of `image`, a byte each.
        thrown_out: when the teacher threw it out, or None.
    """

    id: int
    class_id: int | None
    person: str
    label: int
    pixels: bytes
    drawn: float
    thrown_out: float | None

    @property
    def image(self) -> np.ndarray:
        """Bright ink on a dark ground, prepared as MNIST's are: uint8 `(28, 28)`."""
        return np.frombuffer(self.pixels, np.uint8).reshape(SIDE, SIDE)


_COLUMNS = {"pixels": "image"}
_SELECTED = [DIGITS.c[_COLUMNS.get(field.name, field.name)].label(field.name) for field in fields(Digit)]


class Digits:
    """The drawings in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, class_id: int | None, person: str | None = None) -> list[Digit]:
        """A set, thrown-out drawings too, oldest first; only a person's where given.

        Args:
            class_id: None for the set of whoever has the lab alone.
        """
        query = sa.select(*_SELECTED).where(_in(class_id)).order_by(DIGITS.c.id)
        return self._found(query if person is None else query.where(DIGITS.c.person == person))

    def some(self, ids: Iterable[int]) -> dict[int, Digit]:
        """Drawings by their ids, in ascending order; ids that are gone are left out."""
        query = sa.select(*_SELECTED).where(among(DIGITS.c.id, list(ids))).order_by(DIGITS.c.id)
        return {digit.id: digit for digit in self._found(query)}

    def add(
        self, class_id: int | None, person: str, label: int, pixels: bytes, allowance: Allowance | None = None
    ) -> int:
        """Keep a drawing; returns its id. The same drawing by the same person is kept once, whatever its label.

        Raises:
            InputError: the person, or the set, has as many as there may be.
            NotAllowedError: as `Allowance.check`.
        """
        with self._database.write() as connection:
            if allowance:
                allowance.check(connection, 0)
            theirs = sa.and_(_in(class_id), DIGITS.c.person == person)
            same = connection.execute(sa.select(DIGITS.c.id).where(theirs, DIGITS.c.image == pixels)).scalar()
            if same is not None:
                return int(same)
            count = sa.select(sa.func.count()).select_from(DIGITS)
            if connection.execute(count.where(theirs)).scalar_one() >= MOST_EACH:
                raise InputError(f"Digits: you have {MOST_EACH}, which is as many as one person may have; delete one.")
            if connection.execute(count.where(_in(class_id))).scalar_one() >= MOST:
                raise InputError(f"Digits: the set has {MOST:,}, which is as many as it may have; delete some.")
            row = {
                "class_id": class_id,
                "person": person,
                "label": label,
                "image": pixels,
                "drawn": time_of(connection),
            }
            return int(connection.execute(sa.insert(DIGITS).values(row).returning(DIGITS.c.id)).scalar_one())

    def throw_out(self, ids: Iterable[int], *, is_out: bool) -> None:
        """Count drawings no more, or again; those that are gone are passed over."""
        its = sa.and_(among(DIGITS.c.id, list(ids)), DIGITS.c.thrown_out.is_(None) == is_out)
        with self._database.write() as connection:
            value = time_of(connection) if is_out else None
            connection.execute(sa.update(DIGITS).where(its).values(thrown_out=value))

    def delete(self, ids: Iterable[int]) -> None:
        """Remove drawings for good."""
        with self._database.write() as connection:
            connection.execute(sa.delete(DIGITS).where(among(DIGITS.c.id, list(ids))))

    def _found(self, query: sa.Select[tuple[object, ...]]) -> list[Digit]:
        return [Digit(**row._mapping) for row in self._database.rows(query)]


def _in(class_id: int | None) -> sa.ColumnElement[bool]:
    return DIGITS.c.class_id.is_(None) if class_id is None else DIGITS.c.class_id == class_id

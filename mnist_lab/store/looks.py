"""The number of each design, from which its colour, dash and shape follow wherever it is drawn.

Designs are numbered one after the other as they are first drawn, and keep their numbers: those that are drawn together, as
they are new together, have numbers side by side, which `charts.style.look` tells apart.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from mnist_lab.store.database import Database
from mnist_lab.store.schema import LOOKS, RUN


class Looks:
    """The numbers of designs in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, int] = {}

    def numbers(self, design_keys: Iterable[str]) -> dict[str, int]:
        """The number of each design, by its key; a design without one gets the next."""
        keys = list(dict.fromkeys(design_keys))
        if any(key not in self._known for key in keys):
            self._known = self._numbered(keys)
        return {key: self._known[key] for key in keys}

    def _numbered(self, keys: list[str]) -> dict[str, int]:
        with self._database.write() as connection:
            known = {row.design_key: row.number for row in connection.execute(sa.select(LOOKS))}
            first = sa.select(RUN.c.design_key).group_by(RUN.c.design_key).order_by(sa.func.min(RUN.c.id))
            trained = [key for key in connection.scalars(first) if key not in known]
            new = dict.fromkeys([*trained, *(key for key in keys if key not in known)])
            numbers = {key: number for number, key in enumerate(new, 1 + max(known.values(), default=-1))}
            if numbers:
                rows = [{"design_key": key, "number": number} for key, number in numbers.items()]
                connection.execute(sa.insert(LOOKS), rows)
        return known | numbers

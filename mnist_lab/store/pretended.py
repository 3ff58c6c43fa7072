"""The pretended pupils of a rehearsal: whose runs are theirs, and how both are removed."""

import sqlalchemy as sa

from mnist_lab.store.schema import PEOPLE, RUN, TURNS

IS_PRETENDED: sa.ColumnElement[bool] = PEOPLE.c.is_pretended.is_(sa.true())
_KEYS = sa.select(PEOPLE.c.key).where(IS_PRETENDED)
IS_REHEARSED: sa.ColumnElement[bool] = RUN.c.owner.in_(_KEYS)  # of a run


def clear(connection: sa.Connection, class_id: int) -> None:
    """Remove the pretended pupils of a class with their runs, in training or not: a worker whose run is gone is told to stop
    at its next report, and has nowhere to write."""
    its = _KEYS.where(PEOPLE.c.class_id == class_id)
    connection.execute(sa.delete(RUN).where(RUN.c.owner.in_(its)))
    connection.execute(sa.delete(TURNS).where(TURNS.c.person.in_(its)))
    connection.execute(sa.delete(PEOPLE).where(PEOPLE.c.class_id == class_id, IS_PRETENDED))

"""Removes invisible characters, which are not allowed since version 0.7, from the names of runs, designs and tags."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from mnist_lab.names import MAX_NAME, MAX_TAG, sanitized

revision = "0005"
down_revision = "0004"


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns))


def upgrade() -> None:
    connection = op.get_bind()
    runs = _table("runs", "id", "name", "tags", "experiment")
    for run in connection.execute(sa.select(runs)).all():
        tags = sorted({sanitized(tag, MAX_TAG, "") for tag in json.loads(run.tags)} - {""})
        values = {"name": sanitized(run.name), "experiment": _named(run.experiment), "tags": json.dumps(tags)}
        if values != {name: getattr(run, name) for name in values}:
            connection.execute(sa.update(runs).where(runs.c.id == run.id).values(values))

    receipts = _table("receipts", "run_id", "receipt")
    for kept in connection.execute(sa.select(receipts)).all():
        if (receipt := _named(kept.receipt)) != kept.receipt:
            connection.execute(sa.update(receipts).where(receipts.c.run_id == kept.run_id).values(receipt=receipt))

    designs = _table("designs", "name", "experiment")
    taken = set(connection.execute(sa.select(designs.c.name)).scalars())
    for design in connection.execute(sa.select(designs)).all():
        name = sanitized(design.name)
        if name != design.name:
            number = 2
            while name in taken:
                name = f"{sanitized(design.name)[: MAX_NAME - 4]} {number}"
                number += 1
            taken.add(name)
        if (experiment := _named(design.experiment, name)) != design.experiment or name != design.name:
            mine = designs.c.name == design.name
            connection.execute(sa.update(designs).where(mine).values(name=name, experiment=experiment))


def _named(text: str, name: str | None = None) -> str:
    """The JSON of an experiment or a receipt with its names sanitized, or replaced by `name`; unchanged where they are valid."""
    fields: dict[str, Any] = json.loads(text)
    changed = False
    for part in (fields, fields.get("experiment", {})):
        right = name or sanitized(part.get("name", ""))
        if "name" in part and part["name"] != right:
            part["name"] = right
            changed = True
    return json.dumps(fields) if changed else text

"""What people say of runs: names, tags, notes, what is put aside; how they like to see them; the long table of all.

None of it touches a run's result.
"""

import json
import time
from collections.abc import Iterable
from typing import Any

import pandas as pd
import sqlalchemy as sa

from mnist_lab.errors import InputError
from mnist_lab.experiment import Status
from mnist_lab.names import MAX_NAME, MAX_TAG, cleaned
from mnist_lab.queue import Queue
from mnist_lab.tables import CHOICES, RECEIPTS, RUN, RUN_COLUMNS

LABELS = ("name", "tags", "note", "archived", "deleted")
DELETED_DAYS = 7
MAX_TAGS, MAX_NOTE = 20, 4000
_LISTED = [column for column in RUN_COLUMNS if column.name not in ("experiment_json", "environment_json")]


class Catalogue(Queue):
    """The catalogue in an open database; arguments and errors as of `Database`."""

    def label(self, run_ids: Iterable[int], **labels: Any) -> list[dict[str, Any]]:
        """Set some of name, tags (a list), note, archived and deleted (whether) of runs.

        Returns:
            What they were before, for `relabel`.

        Raises:
            InputError: a text is too long or empty, or one that waits or trains was to be deleted.
        """
        ids = list(run_ids)
        values = _checked(labels)
        which = RUN.c.id.in_(ids)
        with self._write() as connection:
            before = [dict(row._mapping) for row in connection.execute(_labels(which))]
            if values.get("deleted"):
                going = sa.select(RUN.c.id).where(which, RUN.c.status.in_([Status.QUEUED, Status.RUNNING]))
                if busy := list(connection.execute(going).scalars()):
                    raise InputError(
                        f"Run {busy[0]}: what waits or trains cannot be deleted; stop or cancel it on the Train page first."
                    )
            connection.execute(sa.update(RUN).where(which).values(values | {"edited": time.time()}))
        return before

    def relabel(self, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Give runs the labels back that `label` said they had; what they were until now."""
        with self._write() as connection:
            now = [dict(row._mapping) for row in connection.execute(_labels(RUN.c.id.in_([x["id"] for x in before])))]
            for labels in before:
                values = {name: labels[name] for name in LABELS} | {"edited": time.time()}
                connection.execute(sa.update(RUN).where(RUN.c.id == labels["id"]).values(values))
        return now

    def purge(self, days: float = DELETED_DAYS) -> int:
        """Take away for good what was deleted so many days ago, with all that is kept of it; how many runs."""
        old = sa.delete(RUN).where(RUN.c.deleted < time.time() - days * 86_400)
        with self._write() as connection:
            return int(connection.execute(old).rowcount)

    def fingerprint(self) -> tuple[Any, ...]:
        """Something that is another after any change that a table of runs shows."""
        query = sa.select(
            RUN.c.status,
            sa.func.count(),
            sa.func.max(RUN.c.id),
            sa.func.sum(RUN.c.epochs_done),
            sa.func.max(RUN.c.ended),
            sa.func.max(RUN.c.started),
            sa.func.max(RUN.c.edited),
        ).group_by(RUN.c.status)
        with self._read() as connection:
            return tuple(tuple(row) for row in connection.execute(query.order_by(RUN.c.status)))

    def listing(self, run_ids: Iterable[int] | None = None) -> pd.DataFrame:
        """Every run that is not deleted, newest first, or those of some ids: the columns of `Run` but for the two long
        ones, the experiment and the environment."""
        query = sa.select(*_LISTED).where(RUN.c.deleted.is_(None)).order_by(RUN.c.id.desc())
        if run_ids is not None:
            query = query.where(RUN.c.id.in_(list(run_ids)))
        return self._table(query)

    def experiments(self, but: Iterable[str] = ()) -> dict[str, str]:
        """An experiment of each design, as JSON, by the design's key; without those that are known already."""
        known = set(but)
        with self._read() as connection:
            keys = sa.select(RUN.c.design_key, sa.func.max(RUN.c.id).label("id")).group_by(RUN.c.design_key)
            wanted = [row.id for row in connection.execute(keys) if row.design_key not in known]
            found: dict[str, str] = {}
            for start in range(0, len(wanted), 500):
                part = RUN.c.id.in_(wanted[start : start + 500])
                rows = connection.execute(sa.select(RUN.c.design_key, RUN.c.experiment).where(part))
                found |= {row.design_key: row.experiment for row in rows}
        return found

    def choice(self, owner: str, name: str) -> Any:
        """What a person chose last under a name, or None."""
        mine = sa.and_(CHOICES.c.owner == owner, CHOICES.c.name == name)
        with self._read() as connection:
            found = connection.execute(sa.select(CHOICES.c.value).where(mine)).scalar_one_or_none()
        return None if found is None else json.loads(found)

    def choose(self, owner: str, name: str, value: Any) -> None:
        """Keep a person's choice under a name."""
        mine = sa.and_(CHOICES.c.owner == owner, CHOICES.c.name == name)
        with self._write() as connection:
            connection.execute(sa.delete(CHOICES).where(mine))
            connection.execute(sa.insert(CHOICES).values(owner=owner, name=name, value=json.dumps(value)))

    def keep_receipt(self, run_id: int, receipt: str) -> None:
        """Keep beside a run the receipt whose training it repeats."""
        with self._write() as connection:
            connection.execute(sa.insert(RECEIPTS).values(run_id=run_id, receipt=receipt))

    def receipt(self, run_id: int) -> str | None:
        """The receipt whose training a run repeats, as JSON, or None."""
        query = sa.select(RECEIPTS.c.receipt).where(RECEIPTS.c.run_id == run_id)
        with self._read() as connection:
            return connection.execute(query).scalar_one_or_none()


def _labels(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(RUN.c.id, *(RUN.c[name] for name in LABELS)).where(which)


def _name(what: str, text: str, most: int) -> str:
    try:
        return cleaned(text, most)
    except ValueError as error:
        raise InputError(f"{what}: {error}.") from None


def _checked(labels: dict[str, Any]) -> dict[str, Any]:
    values = dict(labels)
    if "name" in values:
        values["name"] = _name("Name", values["name"], MAX_NAME)
    if "note" in values and len(values["note"]) > MAX_NOTE:
        raise InputError(f"Note: at most {MAX_NOTE:,} characters; received {len(values['note']):,}.")
    if "tags" in values:
        tags = sorted({_name("Tags", tag, MAX_TAG) for tag in values["tags"] if tag.strip()})
        if len(tags) > MAX_TAGS:
            raise InputError(f"Tags: at most {MAX_TAGS}; received {len(tags)}.")
        values["tags"] = json.dumps(tags)
    for name in ("archived", "deleted"):
        if name in values:
            values[name] = time.time() if values[name] else None
    return values

"""What people say of runs: names, tags, notes, what is put aside; how they like to see them; the long table of all.

None of it touches a run's result.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from mnist_lab.design.experiment import Status
from mnist_lab.errors import ConflictError, InputError
from mnist_lab.names import MAX_NAME, MAX_TAG, cleaned
from mnist_lab.store.database import among
from mnist_lab.store.queue import Queue
from mnist_lab.store.schema import CHOICES, NOTICES, RECEIPTS, RUN, RUN_COLUMNS

LABELS = ("name", "tags", "note", "archived", "deleted")
_TIMES = ("archived", "deleted")  # kept as the time since when
DELETED_DAYS = 7
MAX_TAGS, MAX_NOTE = 20, 4000
_LISTED = [column for column in RUN_COLUMNS if column.name not in ("experiment_json", "environment_json")]


@dataclass(frozen=True)
class Change:
    """What `Catalogue.label` did to one label of one run.

    Attributes:
        before, after: the label as it is stored; of tags, those that were taken away and those that were added.
    """

    run_id: int
    label: str
    before: Any
    after: Any


class Catalogue(Queue):
    """The catalogue in an open database; arguments and errors as of `Database`."""

    def label(
        self,
        run_ids: Iterable[int],
        *,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        seen: Mapping[int, Mapping[str, Any]] | None = None,
        **labels: Any,
    ) -> list[Change]:
        """Set some of name, tags (all of them), note, archived and deleted (whether) of runs, all or none.

        A deleted run that waited keeps its place, and waits there again where it is restored.

        Args:
            seen: the name and note of runs as somebody saw them who now writes others.

        Returns:
            What it changed, for `undo_labels`; nothing for what was so already.

        Raises:
            InputError: a text is too long or empty, there is no such run, or one that trains was to be deleted.
            ConflictError: what would be written over is no longer what was seen.
        """
        values = _checked(labels)
        added, removed = _tags(add_tags), set(remove_tags)
        with self._write() as connection:
            found = _labelled(connection, run_ids)
            changes = []
            for run_id, now in found.items():
                _must_be_as_seen(run_id, now, values, (seen or {}).get(run_id, {}))
                if values.get("deleted") and now["status"] == Status.RUNNING:
                    raise InputError(f"Run {run_id}: what trains cannot be deleted; stop it first.")
                for name, value in values.items():
                    is_same = bool(now[name]) == bool(value) if name in _TIMES else now[name] == value
                    if name != "tags" and not is_same:
                        changes.append(Change(run_id, name, now[name], value))
                old = set(json.loads(now["tags"]))
                new = (set(json.loads(values["tags"])) if "tags" in values else old) - removed | added
                if new != old:
                    _tags(new)
                    changes.append(Change(run_id, "tags", sorted(old - new), sorted(new - old)))
            self._apply(connection, found, changes)
        return changes

    def undo_labels(self, changes: Iterable[Change]) -> tuple[list[Change], list[str]]:
        """Undo what `label` did, label by label; what somebody has written since stays as it is.

        Returns:
            What this changed in its turn, and for each label that cannot be undone which one that is and why.
        """
        given = list(changes)
        undone, kept = [], []
        with self._write() as connection:
            found = _labelled(connection, [change.run_id for change in given], missing_too=True)
            for change in given:
                now = found.get(change.run_id)
                if now is None:
                    kept.append(f"run {change.run_id}, which is gone for good")
                elif change.label == "tags":
                    tags = set(json.loads(now["tags"]))
                    back = sorted(set(change.before) - tags)
                    away = sorted(set(change.after) & tags)
                    if len(tags) + len(back) - len(away) > MAX_TAGS:
                        kept.append(f"the tags of run {change.run_id}, of which there would be more than {MAX_TAGS}")
                    elif back or away:
                        undone.append(Change(change.run_id, "tags", away, back))
                elif now[change.label] == change.after:
                    if change.label == "deleted" and change.before and now["status"] == Status.RUNNING:
                        kept.append(f"run {change.run_id}, which trains and cannot be deleted")
                    else:
                        undone.append(Change(change.run_id, change.label, change.after, change.before))
                elif not _is_so_already(change, now):
                    kept.append(_written_since(change, now))
            self._apply(connection, found, undone)
        return undone, kept

    @staticmethod
    def _apply(connection: sa.Connection, found: dict[int, dict[str, Any]], changes: list[Change]) -> None:
        """Write changes of runs whose labels are `found`."""
        rows: dict[str, list[dict[str, Any]]] = {}
        for change in changes:
            value = change.after
            if change.label == "tags":
                tags = set(json.loads(found[change.run_id]["tags"])) - set(change.before) | set(change.after)
                value = json.dumps(sorted(tags))
            rows.setdefault(change.label, []).append({"its_id": change.run_id, "its_value": value})
        for label, values in rows.items():  # a statement for all: thousands of runs are a moment
            set_label = sa.update(RUN).where(RUN.c.id == sa.bindparam("its_id"))
            set_label = set_label.values({label: sa.bindparam("its_value"), "edited": time.time()})
            connection.execute(set_label, values)

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

    def listing(self, run_ids: Iterable[int] | None = None, *, deleted: bool = False) -> pd.DataFrame:
        """Every run that is not deleted, newest first, or those of some ids; or else those that are deleted: the columns of
        `Run` but for the two long ones, the experiment and the environment."""
        which = RUN.c.deleted.is_not(None) if deleted else RUN.c.deleted.is_(None)
        query = sa.select(*_LISTED).where(which).order_by(RUN.c.id.desc())
        if run_ids is not None:
            query = query.where(among(RUN.c.id, run_ids))
        return self._table(query)

    def experiments(self, but: Iterable[str] = ()) -> dict[str, str]:
        """An experiment of each design, as JSON, by the design's key; without those that are known already."""
        known = set(but)
        with self._read() as connection:
            keys = sa.select(RUN.c.design_key, sa.func.max(RUN.c.id).label("id")).group_by(RUN.c.design_key)
            wanted = [row.id for row in connection.execute(keys) if row.design_key not in known]
            rows = connection.execute(sa.select(RUN.c.design_key, RUN.c.experiment).where(among(RUN.c.id, wanted)))
            return {row.design_key: row.experiment for row in rows}

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

    def notices(self) -> dict[int, str]:
        """What is to be told to whoever looks next, by number, oldest first: sentences of a migration."""
        with self._read() as connection:
            rows = connection.execute(sa.select(NOTICES.c.id, NOTICES.c.text).order_by(NOTICES.c.id))
            return {row.id: row.text for row in rows}

    def dismiss(self, notice: int) -> None:
        """Tell a notice no more."""
        with self._write() as connection:
            connection.execute(sa.delete(NOTICES).where(NOTICES.c.id == notice))

    def keep_receipt(self, run_id: int, receipt: str) -> None:
        """Keep beside a run the receipt whose training it repeats."""
        with self._write() as connection:
            connection.execute(sa.insert(RECEIPTS).values(run_id=run_id, receipt=receipt))

    def receipt(self, run_id: int) -> str | None:
        """The receipt whose training a run repeats, as JSON, or None."""
        query = sa.select(RECEIPTS.c.receipt).where(RECEIPTS.c.run_id == run_id)
        with self._read() as connection:
            return connection.execute(query).scalar_one_or_none()


def _labelled(
    connection: sa.Connection, run_ids: Iterable[int], *, missing_too: bool = False
) -> dict[int, dict[str, Any]]:
    """Labels and status of runs by their id. Raises InputError where there is none of an id, unless that is expected."""
    wanted = list(dict.fromkeys(run_ids))
    query = sa.select(RUN.c.id, RUN.c.status, *(RUN.c[name] for name in LABELS)).where(among(RUN.c.id, wanted))
    found = {row.id: dict(row._mapping) for row in connection.execute(query)}
    if not missing_too and (missing := [run_id for run_id in wanted if run_id not in found]):
        raise InputError(f"Run {missing[0]}: there is none with this number any more; nothing was changed.")
    return found


def _must_be_as_seen(run_id: int, now: dict[str, Any], values: dict[str, Any], seen: Mapping[str, Any]) -> None:
    for name in values.keys() & seen.keys():
        if now[name] not in (seen[name], values[name]):
            raise ConflictError(
                f"Run {run_id}: somebody has changed its {name} meanwhile, to {now[name][:60]!r}; save again to put yours in "
                "its place.",
                run_id,
                {name: now[name]},
            )


def _is_so_already(change: Change, now: dict[str, Any]) -> bool:
    """Whether a label is as it was before a change, whoever made it so."""
    if change.label in _TIMES:
        return bool(now[change.label]) == bool(change.before)
    return bool(now[change.label] == change.before)


def _written_since(change: Change, now: dict[str, Any]) -> str:
    value = now[change.label]
    if change.label in _TIMES:
        words = change.label if value else {"archived": "unarchived", "deleted": "restored"}[change.label]
        return f"run {change.run_id}, which somebody has {words} since"
    return f"the {change.label} of run {change.run_id}, which is now {value[:60]!r}"


def _name(what: str, text: str, most: int) -> str:
    try:
        return cleaned(text, most)
    except ValueError as error:
        raise InputError(f"{what}: {error}.") from None


def _tags(given: Iterable[str]) -> set[str]:
    tags = {_name("Tags", tag, MAX_TAG) for tag in given if tag.strip()}
    if len(tags) > MAX_TAGS:
        raise InputError(f"Tags: at most {MAX_TAGS}; received {len(tags)}.")
    return tags


def _checked(labels: dict[str, Any]) -> dict[str, Any]:
    values = dict(labels)
    if "name" in values:
        values["name"] = _name("Name", values["name"], MAX_NAME)
    if "note" in values and len(values["note"]) > MAX_NOTE:
        raise InputError(f"Note: at most {MAX_NOTE:,} characters; received {len(values['note']):,}.")
    if "tags" in values:
        tags = sorted(_tags(values["tags"]))
        values["tags"] = json.dumps(tags)
    for name in _TIMES:
        if name in values:
            values[name] = time.time() if values[name] else None
    return values

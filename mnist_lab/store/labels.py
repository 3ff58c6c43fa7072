"""What people say of runs: names, tags, notes, and what is archived or deleted; each change can be undone.

None of it touches a run's result.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mnist_lab.errors import ConflictError, InputError
from mnist_lab.names import MAX_NAME, MAX_TAG, normalized
from mnist_lab.store.database import Database, among
from mnist_lab.store.run import Status
from mnist_lab.store.schema import RUN

LABELS = ("name", "tags", "note", "archived", "deleted")
_TIMES = ("archived", "deleted")  # kept as the time since when
MAX_TAGS, MAX_NOTE = 20, 4000


@dataclass(frozen=True)
class Change:
    """What `Labels.set` did to one label of one run.

    Attributes:
        before, after: the label as it is stored; of tags, those that were removed and those that were added.
    """

    run_id: int
    label: str
    before: Any
    after: Any


class Labels:
    """The labels of the runs of an open database; errors as of `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(
        self,
        run_ids: Iterable[int],
        *,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        seen: Mapping[int, Mapping[str, Any]] | None = None,
        **labels: Any,
    ) -> list[Change]:
        """Set some of name, tags (all of them), note, archived and deleted (whether) of runs; all or none.

        A deleted run that waited keeps its place, and waits there again where it is restored.

        Args:
            seen: the name and note of runs as somebody saw them who now writes others.

        Returns:
            What it changed, for `undo`; nothing for what was so already.

        Raises:
            InputError: a text is too long or empty, there is no such run, or one that trains was to be deleted.
            ConflictError: what would be written over is no longer what was seen.
        """
        values = _checked(labels)
        added, removed = _tags(add_tags), set(remove_tags)
        with self._database.write() as connection:
            found = _labelled(connection, run_ids)
            changes = []
            for run_id, now in found.items():
                _must_be_as_seen(run_id, now, values, (seen or {}).get(run_id, {}))
                if values.get("deleted") and now["status"] == Status.RUNNING:
                    raise InputError(f"Run {run_id}: what trains cannot be deleted; stop it first.")
                changes += _changes(run_id, now, values, added, removed)
            _apply(connection, found, changes)
        return changes

    def undo(self, changes: Iterable[Change]) -> tuple[list[Change], list[str]]:
        """Undo what `set` did, label by label; what somebody has written since stays as it is.

        Returns:
            What this changed in its turn, and for each label that cannot be undone which one that is and why.
        """
        given = list(changes)
        undone, kept = [], []
        with self._database.write() as connection:
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
            _apply(connection, found, undone)
        return undone, kept


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


def _changes(
    run_id: int, now: dict[str, Any], values: dict[str, Any], added: set[str], removed: set[str]
) -> list[Change]:
    """What of a run's labels is another by `values` and by tags that are added and removed."""
    changes = []
    for name, value in values.items():
        is_same = bool(now[name]) == bool(value) if name in _TIMES else now[name] == value
        if name != "tags" and not is_same:
            changes.append(Change(run_id, name, now[name], value))
    old = set(json.loads(now["tags"]))
    new = (set(json.loads(values["tags"])) if "tags" in values else old) - removed | added
    if new != old:
        _tags(new)
        changes.append(Change(run_id, "tags", sorted(old - new), sorted(new - old)))
    return changes


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
        return normalized(text, most)
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

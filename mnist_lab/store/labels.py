"""Labels of runs: name, tags, note, archived, deleted. Every change can be undone, and none touches a run's result."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mnist_lab.errors import ConflictError, InputError
from mnist_lab.names import MAX_NAME, MAX_TAG, normalized
from mnist_lab.store import studies
from mnist_lab.store.database import Database, among, time_of
from mnist_lab.store.people import Allowance
from mnist_lab.store.run import Status
from mnist_lab.store.schema import RUN

LABELS = ("name", "tags", "note", "archived", "deleted")
_TIMES = ("archived", "deleted")  # stored as the time of the change, or None
MAX_TAGS, MAX_NOTE = 20, 4000


@dataclass(frozen=True)
class Change:
    """A change of one label of one run.

    Attributes:
        before, after: the label's stored values; for tags, the removed and the added ones.
    """

    run_id: int
    label: str
    before: Any
    after: Any


class Labels:
    """The labels of the runs in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(
        self,
        run_ids: Iterable[int],
        *,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        seen: Mapping[int, Mapping[str, Any]] | None = None,
        allowance: Allowance | None = None,
        **labels: Any,
    ) -> list[Change]:
        """Set labels of runs; all or none.

        A queued run that is deleted leaves the queue, and is back in its place where it is restored.

        Args:
            seen: labels by name as their editor saw them, by run id; a label that has changed since is not overwritten.
            allowance: of a pupil, whose restored runs may wait again.
            labels: new values of `name`, `tags` (all of them), `note`, `archived` and `deleted` (the latter two as bool).

        Returns:
            The changes, for `undo`; labels that had the value already are not among them.

        Raises:
            InputError: a text is too long or empty, there is no such run, or a running one, or one of a study, was to be deleted.
            ConflictError: a label is no longer as in `seen`.
            NotAllowedError: more runs would wait than the allowance.
        """
        values = _checked(labels)
        added, removed = _tags(add_tags), set(remove_tags)
        with self._database.write() as connection:
            values |= {name: time_of(connection) if values[name] else None for name in _TIMES if name in values}
            found = _labelled(connection, run_ids)
            of_study = studies.belongs(connection, found) if values.get("deleted") else {}
            changes = []
            for run_id, now in found.items():
                _check_unchanged(run_id, now, values, (seen or {}).get(run_id, {}))
                if values.get("deleted") and now["status"] == Status.RUNNING:
                    raise InputError(f"Run {run_id}: a running run cannot be deleted; stop it first.")
                if run_id in of_study and not now["deleted"]:
                    raise InputError(
                        f"Run {run_id}: it belongs to study {of_study[run_id]}, whose answer rests on it; delete the study with all its "
                        "runs, or archive this one."
                    )
                changes += _changes(run_id, now, values, added, removed)
            _check_allowed(connection, allowance, found, changes)
            _apply(connection, found, changes)
        return changes

    def undo(self, changes: Iterable[Change], allowance: Allowance | None = None) -> tuple[list[Change], list[str]]:
        """Undo changes one by one; a label that has been changed again since stays as it is.

        Args:
            allowance: as for `set`.

        Returns:
            The changes that this made, which can be undone in turn; and a phrase about each change that was not undone.

        Raises:
            NotAllowedError: as `set`; nothing is undone.
        """
        given = list(changes)
        undone, kept = [], []
        with self._database.write() as connection:
            found = _labelled(connection, [change.run_id for change in given], missing_too=True)
            of_study = studies.belongs(connection, found)
            for change in given:
                now = found.get(change.run_id)
                if now is None:
                    kept.append(f"run {change.run_id}, which has been removed for good")
                elif change.label == "tags":
                    tags = set(json.loads(now["tags"]))
                    back = sorted(set(change.before) - tags)
                    away = sorted(set(change.after) & tags)
                    if len(tags) + len(back) - len(away) > MAX_TAGS:
                        kept.append(f"the tags of run {change.run_id}, which would be more than {MAX_TAGS}")
                    elif back or away:
                        undone.append(Change(change.run_id, "tags", away, back))
                elif now[change.label] == change.after:
                    if change.label == "deleted" and change.before and now["status"] == Status.RUNNING:
                        kept.append(f"run {change.run_id}, which is running and cannot be deleted")
                    elif change.label == "deleted" and change.before and change.run_id in of_study:
                        kept.append(f"run {change.run_id}, which belongs to study {of_study[change.run_id]}")
                    else:
                        undone.append(Change(change.run_id, change.label, change.after, change.before))
                elif not _is_undone(change, now):
                    kept.append(_changed_since(change, now))
            _check_allowed(connection, allowance, found, undone)
            _apply(connection, found, undone)
        return undone, kept


def _check_allowed(
    connection: sa.Connection, allowance: Allowance | None, found: dict[int, dict[str, Any]], changes: list[Change]
) -> None:
    """Raises NotAllowedError where runs that left the queue when they were deleted would come back to it in excess."""
    restored = [change for change in changes if change.label == "deleted" and change.after is None]
    if allowance:
        allowance.check(connection, sum(found[change.run_id]["status"] == Status.QUEUED for change in restored))


def _apply(connection: sa.Connection, found: dict[int, dict[str, Any]], changes: list[Change]) -> None:
    """Write changes of runs; `found` has the runs' present labels."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for change in changes:
        value = change.after
        if change.label == "tags":
            tags = set(json.loads(found[change.run_id]["tags"])) - set(change.before) | set(change.after)
            value = json.dumps(sorted(tags))
        rows.setdefault(change.label, []).append({"its_id": change.run_id, "its_value": value})
    for label, values in rows.items():  # one statement per label, which is fast even for thousands of runs
        set_label = sa.update(RUN).where(RUN.c.id == sa.bindparam("its_id"))
        set_label = set_label.values({label: sa.bindparam("its_value"), "edited": time_of(connection)})
        connection.execute(set_label, values)


def _labelled(
    connection: sa.Connection, run_ids: Iterable[int], *, missing_too: bool = False
) -> dict[int, dict[str, Any]]:
    """Labels and status of runs by id. Raises InputError where a run is missing, unless `missing_too`."""
    wanted = list(dict.fromkeys(run_ids))
    query = sa.select(RUN.c.id, RUN.c.status, *(RUN.c[name] for name in LABELS)).where(among(RUN.c.id, wanted))
    found = {row.id: dict(row._mapping) for row in connection.execute(query.order_by(RUN.c.id))}
    if not missing_too and (missing := [run_id for run_id in wanted if run_id not in found]):
        raise InputError(f"Run {missing[0]}: there is no run with this number any more; nothing was changed.")
    return found


def _changes(
    run_id: int, now: dict[str, Any], values: dict[str, Any], added: set[str], removed: set[str]
) -> list[Change]:
    """The changes that make a run's labels `values`, with tags added and removed."""
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


def _check_unchanged(run_id: int, now: dict[str, Any], values: dict[str, Any], seen: Mapping[str, Any]) -> None:
    for name in values.keys() & seen.keys():
        if now[name] not in (seen[name], values[name]):
            raise ConflictError(
                f"Run {run_id}: somebody has changed its {name} to {now[name][:60]!r} in the meantime; save again to overwrite it.",
                run_id,
                {name: now[name]},
            )


def _is_undone(change: Change, now: dict[str, Any]) -> bool:
    """Whether a label has its value from before a change already."""
    if change.label in _TIMES:
        return bool(now[change.label]) == bool(change.before)
    return bool(now[change.label] == change.before)


def _changed_since(change: Change, now: dict[str, Any]) -> str:
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
    return values

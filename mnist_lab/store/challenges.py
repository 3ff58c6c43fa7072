"""Challenges of a class, and the runs that are entered in them.

From the moment a challenge begins until its teacher reveals it, nobody sees results on the test images of any run that was
queued since: `schema.is_unrevealed` is the one condition for that, and all reading of runs goes through it. Not only the
entries are kept so: the same design and seed trained outside of the challenge, or an entry that is trained on, would tell
what an entry's result is, and whoever chooses among designs by the test images has used them up for the winner.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.errors import InputError
from mnist_lab.store import waiting
from mnist_lab.store.database import Database, time_of
from mnist_lab.store.people import Allowance
from mnist_lab.store.run import Run, Status
from mnist_lab.store.schema import CHALLENGE_RUNS, CHALLENGES, PEOPLE, RUN, RUN_COLUMNS, as_run

SEEDS = 2**31


@dataclass(frozen=True)
class StoredChallenge:
    """A challenge: a row of the database. Times are in seconds since 1970 (UTC).

    Attributes:
        rules_json: what its teacher asks for, as `lesson.challenges.Rules`.
        after_run: the id of the last run before it began.
        closed: when entering ended, or None.
        revealed: when everybody could see the results on the test images, or None.
    """

    id: int
    class_id: int
    rules_json: str
    after_run: int
    begun: float
    closed: float | None
    revealed: float | None

    @property
    def is_open(self) -> bool:
        """Whether runs can be entered."""
        return self.closed is None and self.revealed is None


@dataclass(frozen=True)
class Entry:
    """A run that was entered.

    Attributes:
        name: what its owner is called.
        is_removed: whether its owner is not in the class any more.
    """

    run: Run
    name: str
    is_removed: bool


_COLUMNS = [CHALLENGES.c[field.name.removesuffix("_json")].label(field.name) for field in fields(StoredChallenge)]


class Challenges:
    """The challenges in an open database. Errors as `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, challenge_id: int) -> StoredChallenge | None:
        """A challenge by its id; None where there is none."""
        return self._first(sa.select(*_COLUMNS).where(CHALLENGES.c.id == challenge_id))

    def latest(self, class_id: int) -> StoredChallenge | None:
        """The challenge of a class that began last; None where there was none."""
        its = sa.select(*_COLUMNS).where(CHALLENGES.c.class_id == class_id)
        return self._first(its.order_by(CHALLENGES.c.id.desc()).limit(1))

    def of(self, class_id: int) -> list[StoredChallenge]:
        """All challenges of a class, oldest first."""
        query = sa.select(*_COLUMNS).where(CHALLENGES.c.class_id == class_id).order_by(CHALLENGES.c.id)
        return [StoredChallenge(**row._mapping) for row in self._database.rows(query)]

    def entries(self, challenge_id: int) -> list[Entry]:
        """The runs that were entered, deleted ones among them, oldest first; without those that have been removed for good."""
        its = CHALLENGE_RUNS.join(RUN, RUN.c.id == CHALLENGE_RUNS.c.run_id)
        mine = CHALLENGE_RUNS.c.challenge_id == challenge_id
        who = sa.select(RUN.c.id, PEOPLE.c.name, PEOPLE.c.removed).select_from(
            its.join(PEOPLE, PEOPLE.c.key == RUN.c.owner)
        )
        with self._database.read() as connection:
            owners = {row.id: row for row in connection.execute(who.where(mine))}
            rows = connection.execute(sa.select(*RUN_COLUMNS).select_from(its).where(mine).order_by(RUN.c.id)).all()
        return [
            Entry(run, owners[run.id].name, owners[run.id].removed is not None)
            for run in map(as_run, rows)
            if run.id in owners
        ]

    def runs_of(self, design_keys: Collection[str]) -> list[int]:
        """The ids of all runs of some designs that are not deleted, whoever trained them."""
        query = sa.select(RUN.c.id).where(RUN.c.design_key.in_(list(design_keys)), RUN.c.deleted.is_(None))
        return [row.id for row in self._database.rows(query)]

    def waiting_seeds(self, design_key: str) -> set[int]:
        """The seeds of a design that are still to be trained."""
        query = sa.select(RUN.c.seed).where(RUN.c.design_key == design_key, RUN.c.deleted.is_(None))
        waits = RUN.c.status.in_([Status.QUEUED, Status.RUNNING, Status.PAUSED, Status.INTERRUPTED])
        return {row.seed for row in self._database.rows(query.where(waits))}

    # Changes

    def begin(self, class_id: int, rules_json: str) -> int:
        """Begin a challenge; returns its id.

        Raises:
            InputError: the class has one that is not revealed.
        """
        with self._database.write() as connection:
            _must_be_revealed(connection, class_id)
            last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(RUN.c.id), 0))).scalar_one()
            row = {"class_id": class_id, "rules": rules_json, "after_run": last, "begun": time_of(connection)}
            return int(connection.execute(sa.insert(CHALLENGES).values(row).returning(CHALLENGES.c.id)).scalar_one())

    def close(self, challenge_id: int) -> None:
        """End entering; no effect where it has ended."""
        self._mark(challenge_id, "closed")

    def reveal(self, challenge_id: int) -> None:
        """Let everybody see the results on the test images from now on, and end entering; no effect where that was done."""
        self._mark(challenge_id, "closed", "revealed")

    def enter(
        self,
        challenge_id: int,
        experiment: Experiment,
        owner: str,
        predicted: waiting.Range,
        allowance: Allowance | None,
        check: Callable[[str], None],
    ) -> int:
        """Queue a run and enter it, in one transaction: with the first seed, not before its own, with which its design was never
        queued here under either protocol, so that no earlier run tells its result.

        Args:
            predicted, allowance: as of `Queue.add`, with one run.
            check: is given the rules, and raises InputError where the run does not meet them.

        Returns:
            The id of the run.

        Raises:
            InputError: the challenge has been closed, or as `check`.
            NotAllowedError: as `Queue.add`.
        """
        with self._database.write() as connection:
            found = connection.execute(sa.select(*_COLUMNS).where(CHALLENGES.c.id == challenge_id)).first()
            if found is None or not StoredChallenge(**found._mapping).is_open:
                raise InputError("Challenge: entering has ended; nothing was queued.")
            check(found.rules_json)
            if allowance:
                allowance.check(connection, 1)
            # Within a lesson's few images both protocols train on the same ones: the other's result is this one's.
            images = experiment.train_images
            both = (experiment.with_changes(protocol=protocol, train_images=images) for protocol in Protocol)
            designs = {one.design_key for one in both}
            used = sa.select(RUN.c.seed).where(RUN.c.design_key.in_(designs))
            taken = {row.seed for row in connection.execute(used)}
            new = experiment.with_changes(seed=_free(experiment.seed, taken))
            (run_id,) = waiting.add(connection, [new], owner, [predicted])
            connection.execute(sa.insert(CHALLENGE_RUNS).values(run_id=run_id, challenge_id=challenge_id))
        return run_id

    def _mark(self, challenge_id: int, *what: str) -> None:
        with self._database.write() as connection:
            now = time_of(connection)
            values = {name: sa.func.coalesce(CHALLENGES.c[name], now) for name in what}
            connection.execute(sa.update(CHALLENGES).where(CHALLENGES.c.id == challenge_id).values(values))

    def _first(self, query: sa.Select[Any]) -> StoredChallenge | None:
        return next((StoredChallenge(**row._mapping) for row in self._database.rows(query)), None)


def _must_be_revealed(connection: sa.Connection, class_id: int) -> None:
    waits = sa.select(CHALLENGES.c.id).where(CHALLENGES.c.class_id == class_id, CHALLENGES.c.revealed.is_(None))
    if connection.execute(waits).first():
        raise InputError("Challenge: there is one already; reveal it before another begins.")


def _free(first: int, taken: Collection[int]) -> int:
    """The first number from `first` on that is not taken, beginning anew at 0 after the last possible seed."""
    seed = first
    while seed in taken:
        seed = (seed + 1) % SEEDS
    return seed

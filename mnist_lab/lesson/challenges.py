"""Challenges: who designs the most accurate network within a budget.

Entries are ranked by validation accuracy. Until the teacher's reveal nobody, the teacher included, sees results on the test
images of any run that was queued since the challenge began (`store.challenges` says why of any, and how); then everybody
sees all of them at once.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mnist_lab import starting
from mnist_lab.classroom.rights import TEACHER_ONLY, Rights, rights
from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.errors import DIVERGED, InputError, NotAllowedError
from mnist_lab.person import Kind, Person
from mnist_lab.results import comparison, prediction, selection_bias
from mnist_lab.results import table as results_table
from mnist_lab.results.comparison import Side
from mnist_lab.results.prediction import duration_text
from mnist_lab.results.selection_bias import Luck
from mnist_lab.results.verdict import Verdict, verdict
from mnist_lab.store.challenges import Entry, StoredChallenge
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from mnist_lab.studies import equal

MOST_SEEDS_QUEUED = 30


class Rules(BaseModel):
    """What a teacher asks for: the most accurate network within a budget of at least one kind.

    Attributes:
        parameters: the most, trainable or not.
        multiply_adds: the most of a whole training, forward and backward.
        seconds: the longest predicted training on this machine.
        names: whether the board has the pupils' names, or their pseudonyms.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameters: Annotated[int, Field(ge=1, le=10**9)] | None = None
    multiply_adds: Annotated[int, Field(ge=1, le=10**18)] | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = None
    names: bool = True

    @model_validator(mode="after")
    def _has_a_budget(self) -> Self:
        if self.parameters is None and self.multiply_adds is None and self.seconds is None:
            raise ValueError(
                "Budget: at least one of parameters, multiply-adds and seconds should be given; received none"
            )
        return self

    @property
    def words(self) -> str:
        """The budget in a phrase: `at most 20,000 parameters and 60 s of training`."""
        parts = []
        if self.parameters is not None:
            parts.append(f"{self.parameters:,} parameters")
        if self.multiply_adds is not None:
            parts.append(f"{self.multiply_adds:,} multiply-adds of training")
        if self.seconds is not None:
            parts.append(f"{duration_text(self.seconds)} of predicted training")
        return f"at most {' and '.join(filter(None, [', '.join(parts[:-1]), parts[-1]]))}"

    def misfits(self, experiment: Experiment, seconds: Callable[[Experiment], float]) -> str:
        """What of a design is beyond the budget, in a sentence with each number; empty where it fits.

        Args:
            seconds: predicts the time of a training; asked only where that is limited.
        """
        beyond = []
        if self.parameters is not None and (its := equal.parameters(experiment)) > self.parameters:
            beyond.append(f"at most {self.parameters:,} parameters, received {its:,}")
        if self.multiply_adds is not None and (its := equal.multiply_adds(experiment)) > self.multiply_adds:
            beyond.append(f"at most {self.multiply_adds:,} multiply-adds of training, received {its:,}")
        if self.seconds is not None and (time := seconds(experiment)) > self.seconds:
            beyond.append(f"at most {self.seconds:g} s of predicted training, received {time:.1f} s")
        return f"Budget: {'; '.join(beyond)}." if beyond else ""


@dataclass(frozen=True)
class Challenge:
    """A challenge of a class; attributes as of `StoredChallenge`, with its rules read."""

    id: int
    rules: Rules
    begun: float
    is_open: bool
    is_revealed: bool

    @property
    def state(self) -> str:
        """How it stands, in a phrase."""
        if self.is_revealed:
            return "revealed"
        return "open for entries" if self.is_open else "closed: no further entries, not revealed yet"


@dataclass(frozen=True)
class Place:
    """A pupil's place on the board, by their best entry.

    Attributes:
        rank: from 1; equal accuracies with equally many parameters share one.
        owner: their pseudonym.
        called: their name, or pseudonym where the rules say so.
        run: the entry; its test accuracy is None until the reveal.
        finished: how many entries of theirs have finished.
    """

    rank: int
    owner: str
    called: str
    run: Run
    finished: int


@dataclass(frozen=True)
class Board:
    """How a challenge stands.

    Attributes:
        places: the pupils with an entry that has finished, the best first.
        entries: how many runs were entered, and by how many pupils.
        notes: in sentences, what is not ranked and why.
        luck: how much of the first place was luck; None until the reveal, and where fewer than two entries have finished.
        first_two: the runs of the first two designs, and the verdict on these; None until the reveal, and where there are
            not two.
    """

    challenge: Challenge
    places: tuple[Place, ...]
    entries: int
    pupils: int
    notes: tuple[str, ...]
    luck: Luck | None
    first_two: tuple[Run, Run, Verdict] | None


class Challenges:
    """The use cases of challenges over one store.

    Raises:
        NotAllowedError: from any method, where somebody may not.
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    # For the teacher

    def begin(self, rules: Rules, *, by: Person) -> int:
        """Begin a challenge of the class that is on; returns its id.

        Raises:
            InputError: there is one that is not revealed, the class is closed, or there is none.
        """
        who = self._teacher(by)
        if who.room is None or not who.room.is_open:
            raise InputError("Challenge: it needs an open class; open one first.")
        return self._store.challenges.begin(who.room.id, rules.model_dump_json())

    def close(self, challenge_id: int, *, by: Person) -> None:
        """End entering; what was entered is trained to its end. No effect where it has ended.

        Raises:
            InputError: the class has no such challenge.
        """
        self._store.challenges.close(self._its(self._teacher(by), challenge_id).id)

    def reveal(self, challenge_id: int, *, by: Person) -> None:
        """Show everybody all results on the test images, and end entering. It cannot be undone; no effect a second time.

        Raises:
            InputError: the class has no such challenge.
        """
        self._store.challenges.reveal(self._its(self._teacher(by), challenge_id).id)

    def add_seeds(self, challenge_id: int, *, by: Person) -> list[int]:
        """Queue the seeds that would probably decide between the first two designs, but for those that wait already; returns the
        ids of the runs.

        Raises:
            InputError: the class has no such challenge, it is not revealed, or has no two designs; or as `Lab.start_all`.
        """
        who = self._teacher(by)
        challenge = self._its(who, challenge_id)
        if not challenge.is_revealed:
            raise InputError(
                f"Challenge {challenge_id}: reveal it first; until then nobody sees which design is better."
            )
        sides = self._first_two(self._ranked(challenge))
        if sides is None:
            raise InputError(f"Challenge {challenge_id}: there are no two designs to decide between.")
        more = _judged(*sides).more
        if not more:
            return []
        wanted = comparison.seeds_to_add(*sides, min(more, MOST_SEEDS_QUEUED))
        new = []
        for side, seeds in zip(sides, wanted, strict=True):
            design = self._run(side).experiment
            waiting = self._store.challenges.waiting_seeds(design.design_key)
            new += [design.with_changes(seed=seed) for seed in seeds if seed not in waiting]
        predicted = starting.admitted(self._store, who, new)
        return self._store.queue.add(new, who.owner, [(p.low, p.high) for p in predicted], who.allowance)

    def all(self, class_id: int, *, by: Person) -> list[Board]:
        """All challenges of a class, ended or not, oldest first."""
        self._teacher(by)
        return [self._board(_read(found)) for found in self._store.challenges.of(class_id)]

    # For everybody in the class

    def current(self, *, by: Person) -> Challenge | None:
        """The challenge that began last in the class that is on; None where there was none."""
        who = rights(self._store, by)
        found = self._store.challenges.latest(who.room.id) if who.room else None
        return None if found is None else _read(found)

    def board(self, *, by: Person) -> Board | None:
        """How that challenge stands; None where there was none."""
        found = self.current(by=by)
        return None if found is None else self._board(found)

    def misfits(self, experiment: Experiment, *, by: Person) -> str:
        """What of a design is beyond the budget, in a sentence; empty where it fits, or no challenge was set."""
        challenge = self.current(by=by)
        return challenge.rules.misfits(entered(experiment), self._seconds) if challenge else ""

    def enter(self, experiment: Experiment, *, by: Person) -> int:
        """Queue a design under the holdout protocol, and enter the run in the challenge; returns its id.

        Its seed is its own, or the next one with which its design was not queued here yet: a result that somebody may have
        seen cannot be entered.

        Raises:
            InputError: no challenge is open, the design is beyond its budget, or as `Lab.start_all`.
        """
        who = rights(self._store, by)
        if who.person.kind is not Kind.PUPIL:
            raise NotAllowedError("Challenge: only pupils enter; whoever sets it does not take part.")
        who.must_be_open()
        challenge = self.current(by=by)
        if challenge is None or not challenge.is_open:
            raise InputError("Challenge: none is open for entries now; train it without.")
        wanted = entered(experiment)
        (predicted,) = starting.admitted(self._store, who, [wanted])

        def check(rules_json: str) -> None:
            if wrong := parse_rules(rules_json).misfits(wanted, lambda _: predicted.seconds):
                raise InputError(wrong)

        times = predicted.low, predicted.high
        return self._store.challenges.enter(challenge.id, wanted, who.owner, times, who.allowance, check)

    def _board(self, challenge: Challenge) -> Board:
        entries = self._store.challenges.entries(challenge.id)
        ranked = _ranked(entries)
        finished = Counter(entry.run.owner for entry in ranked)
        best = {entry.run.owner: entry for entry in reversed(ranked)}  # of each the first
        places: list[Place] = []
        for number, entry in enumerate(sorted(best.values(), key=_order), 1):
            is_same = bool(places) and _order(entry)[:2] == _run_order(places[-1].run)[:2]
            called = entry.name if challenge.rules.names else entry.run.owner
            rank = places[-1].rank if is_same else number
            places.append(Place(rank, entry.run.owner, called, entry.run, finished[entry.run.owner]))
        luck, first_two = None, None
        if challenge.is_revealed:
            runs = [entry.run for entry in ranked]
            luck = selection_bias.luck(
                [run.validation_accuracy or 0.0 for run in runs],
                [run.test_accuracy or 0.0 for run in runs],
                Protocol.HOLDOUT.validation_images,
            )
            if sides := self._first_two([place.run for place in places]):
                first_two = self._run(sides[0]), self._run(sides[1]), _judged(*sides)
        pupils = len({entry.run.owner for entry in entries})
        return Board(challenge, tuple(places), len(entries), pupils, _notes(entries), luck, first_two)

    def _ranked(self, challenge: Challenge) -> list[Run]:
        """The best entry of each pupil, the best first."""
        return [place.run for place in self._board(challenge).places]

    def _first_two(self, ranked: Sequence[Run]) -> tuple[Side, Side] | None:
        """The first two designs of a ranking, each with all its seeds that have finished here, whoever trained them; None where
        there are no two."""
        first = {run.design_key: run for run in reversed(ranked)}
        designs = [run for run in ranked if first[run.design_key] is run][:2]
        if len(designs) < 2:
            return None
        ids = self._store.challenges.runs_of([run.design_key for run in designs])
        listing = self._store.runs.unsealed().listing(ids)
        rows = results_table.table(listing, {run.design_key: run.experiment_json for run in designs})
        found = comparison.sides(rows, [run.id for run in designs])
        return (found[0], found[1]) if len(found) == 2 and all(side.is_design for side in found) else None

    def _run(self, side: Side) -> Run:
        return self._store.runs.some([side.run_ids[0]])[side.run_ids[0]]

    def _seconds(self, experiment: Experiment) -> float:
        return prediction.predict(experiment, *starting.measured(self._store)).seconds

    def _teacher(self, by: Person) -> Rights:
        who = rights(self._store, by)
        if by.kind is not Kind.TEACHER:
            raise NotAllowedError(TEACHER_ONLY)
        return who

    def _its(self, who: Rights, challenge_id: int) -> Challenge:
        found = self._store.challenges.get(challenge_id) if 0 < challenge_id < 2**63 else None
        if found is None or who.room is None or found.class_id != who.room.id:
            raise InputError(f"Challenge: the class has none with the number {challenge_id}.")
        return _read(found)


def entered(experiment: Experiment) -> Experiment:
    """A design as it is entered: under the holdout protocol, on as many of its images as that allows."""
    images = min(experiment.train_images, Protocol.HOLDOUT.max_train_images)
    return experiment.with_changes(protocol=Protocol.HOLDOUT, train_images=images)


def parse_rules(text: str) -> Rules:
    """Rules from the JSON of the store."""
    return Rules.model_validate_json(text)


def _read(found: StoredChallenge) -> Challenge:
    return Challenge(found.id, parse_rules(found.rules_json), found.begun, found.is_open, found.revealed is not None)


def _judged(a: Side, b: Side) -> Verdict:
    """The verdict on two designs, by their names where these differ."""
    samples = [side.sample("test_accuracy") for side in (a, b)]
    if a.name != b.name:
        samples = [replace(sample, name=side.name) for sample, side in zip(samples, (a, b), strict=True)]
    return verdict(*samples)


def _ranked(entries: Sequence[Entry]) -> list[Entry]:
    """The entries that count, the best first: those that finished, are not deleted, and are of pupils who are still here."""
    return sorted((entry for entry in entries if not _why_not(entry)), key=_order)


def _order(entry: Entry) -> tuple[float, int, int]:
    return _run_order(entry.run)


def _run_order(run: Run) -> tuple[float, int, int]:
    """By validation accuracy, then fewer parameters, then the earlier one."""
    return -(run.validation_accuracy or 0.0), run.parameters, run.id


_WHY_NOT = {
    Status.QUEUED: "waiting",
    Status.RUNNING: "in training",
    Status.PAUSED: "paused",
    Status.INTERRUPTED: "interrupted",
    Status.STOPPED: "stopped before its end",
    Status.CANCELLED: "cancelled",
    Status.FAILED: "failed",
}


def _why_not(entry: Entry) -> str:
    """Why an entry is not ranked; empty where it is."""
    run = entry.run
    if entry.is_removed:
        return "of somebody who was removed from the class"
    if run.deleted is not None:
        return "deleted"
    if run.status is Status.FAILED and (run.error or "").startswith(DIVERGED):
        return "diverged"
    return _WHY_NOT.get(run.status, "")


def _notes(entries: Sequence[Entry]) -> tuple[str, ...]:
    counts = Counter(why for entry in entries if (why := _why_not(entry)))
    if not counts:
        return ()
    parts = [f"{count} {why}" for why, count in counts.items()]
    return (f"Not ranked: {', '.join(parts)}.",)

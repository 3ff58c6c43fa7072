"""Use cases of what is left of a lesson for each person: their designs, curves, the verdict on them, and their digits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan

import pandas as pd

from mnist_lab.errors import NotAllowedError
from mnist_lab.lesson.guess import outcome_in_words, said
from mnist_lab.lesson.guesses import Guesses
from mnist_lab.person import Person
from mnist_lab.reader import Reader
from mnist_lab.results import comparison
from mnist_lab.results.comparison import Side
from mnist_lab.results.own_digits import DigitSet
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store

MOST_DESIGNS, MOST_CURVES = 8, 12  # that fit a page


@dataclass(frozen=True)
class Design:
    """A person's runs of one design that finished; accuracies are means, from 0 to 1.

    Attributes:
        name: of its latest run.
        runs: how many there are.
        test: None where it is not known, or nobody may know it yet.
    """

    key: str
    name: str
    parameters: int
    runs: int
    validation: float
    test: float | None
    seconds: float


@dataclass(frozen=True)
class Curve:
    """The validation accuracies of a run after its epochs."""

    design_key: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Guessed:
    """A guess and what came out, in words."""

    question: str
    guess: str
    outcome: str


@dataclass(frozen=True)
class Handout:
    """What one person made.

    Attributes:
        key, name: whose it is.
        opened: when their class was opened, in seconds since 1970 (UTC); None without a class.
        designs: the best by validation accuracy first, at most `MOST_DESIGNS`; `left_out` says how many more there are.
        unfinished: how many of their runs did not finish.
        verdict: on their designs, in a sentence; empty where they have only one.
        guesses: those whose outcome is there; on the teacher's pages without those that were asked without names.
        digits: that they drew.
    """

    key: str
    name: str
    opened: float | None
    designs: tuple[Design, ...]
    left_out: int
    unfinished: int
    curves: tuple[Curve, ...]
    verdict: str
    guesses: tuple[Guessed, ...]
    digits: DigitSet


class Handouts:
    """The use cases over one store.

    Args:
        reader: what somebody may see.
        guesses: the use cases of guesses.

    Raises:
        NotAllowedError: from any method, where whoever asks may not.
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store, reader: Callable[[Person], Reader], guesses: Guesses) -> None:
        self._store = store
        self._reader = reader
        self._guesses = guesses

    def mine(self, *, by: Person) -> Handout:
        """One's own."""
        reader = self._reader(by)
        guesses = [
            Guessed(its.question.words, said(its.question, its.mine), outcome_in_words(its.question, its.outcome))
            for its in self._guesses.all(by=by)
            if its.mine is not None and its.outcome is not None
        ]
        return self._of(by.key, reader, reader.table(), guesses)

    def all(self, *, by: Person) -> list[Handout]:
        """One of each pupil who is in the class, in the order in which they joined."""
        reader = self._reader(by)
        reader.rights.must_be_all()
        if reader.rights.room is None:
            raise NotAllowedError("Handouts: there is no class whose pupils they could be of; yours is your own page.")
        rows, told = reader.table(), self._guesses.table(reader.rights.room.id, by=by)
        guesses: dict[str, list[Guessed]] = {}
        for _, its in told.iterrows():
            guesses.setdefault(its["pupil"], []).append(Guessed(its["question"], its["guess"], its["outcome"]))
        keys = [member.key for member in self._store.people.of(reader.rights.room.id)]
        return [self._of(key, reader, rows, guesses.get(key, [])) for key in keys]

    def _of(self, key: str, reader: Reader, rows: pd.DataFrame, guesses: Sequence[Guessed]) -> Handout:
        room = reader.rights.room
        mine = rows[rows["owner"] == key]
        finished = mine[mine["status"] == Status.FINISHED]
        designs = sorted(_designs(finished), key=lambda design: -design.validation)
        shown = designs[:MOST_DESIGNS]
        keys = [design.key for design in shown]
        drawn = finished[finished["design_key"].isin(keys)].head(MOST_CURVES)
        return Handout(
            key=key,
            name=reader.names().get(key, key),
            opened=room.opened if room else None,
            designs=tuple(shown),
            left_out=len(designs) - len(shown),
            unfinished=len(mine) - len(finished),
            curves=tuple(
                Curve(str(its), tuple(map(float, values)))
                for its, values in zip(drawn["design_key"], drawn["curve"], strict=True)
            ),
            verdict=_verdict(mine, finished, keys),
            guesses=tuple(guesses),
            digits=DigitSet(tuple(self._store.digits.of(room.id if room else None, key))),
        )


def _designs(finished: pd.DataFrame) -> list[Design]:
    found = []
    for key, its in finished.groupby("design_key", sort=False):
        test = float(its["test_accuracy"].astype(float).mean(skipna=False))
        found.append(
            Design(
                key=str(key),
                name=str(its["name"].iloc[0]),
                parameters=int(its["parameters"].iloc[0]),
                runs=len(its),
                validation=float(its["validation_accuracy"].astype(float).mean()),
                test=None if isnan(test) else test,
                seconds=float(its["seconds"].astype(float).mean()),
            )
        )
    return found


def _verdict(mine: pd.DataFrame, finished: pd.DataFrame, design_keys: list[str]) -> str:
    """On the best designs, as many as a comparison has, by test accuracy where all of it is known."""
    first = finished.drop_duplicates("design_key").set_index("design_key")["ids"]
    chosen = [first[key][0] for key in design_keys[: comparison.MAX_SIDES]]
    sides: list[Side] = [side for side in comparison.sides(mine, chosen) if side.is_design]
    if len(sides) < 2:
        return ""
    is_tested = all(side.rows["test_accuracy"].notna().all() for side in sides)
    metric, what = ("test_accuracy", "test accuracy") if is_tested else ("validation_accuracy", "validation accuracy")
    return comparison.overall(comparison.verdicts(sides, metric, what), metric, what)

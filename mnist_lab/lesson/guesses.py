"""Use cases of guesses before the answer: ask a class or oneself, answer, close, and look at the outcome beside all guesses.

An answer is locked when it is given, and nobody is told any but their own before the outcome is there: neither the teacher,
nor a file. Nothing depends on whether somebody has answered.

The guessing ends when its asker closes it, or with the first epoch of a run that it is about (of a round, of any that is
queued in it): from then on its results can be seen. Runs that had results already when it was asked, as those of a baseline,
do not end it; but whoever can see the results of all that is asked about cannot guess. The outcome is written down once, from the runs as they are then, and stays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import ValidationError

from mnist_lab.classroom.recipe import held
from mnist_lab.classroom.rights import TEACHER_ONLY, Rights
from mnist_lab.classroom.settings import Sees
from mnist_lab.design.experiment import MAX_SEEDS, Experiment, parse
from mnist_lab.errors import InputError, NotAllowedError, sentence
from mnist_lab.lesson import guess, outcomes
from mnist_lab.lesson.guess import Answer, Kind, Outcome, Question, Subject
from mnist_lab.numerals import counted
from mnist_lab.person import Kind as PersonKind
from mnist_lab.person import Person
from mnist_lab.reader import ID_LIMIT, Reader
from mnist_lab.store.guesses import LATE, StoredQuestion
from mnist_lab.store.rounds import StoredRound
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from mnist_lab.studies.plan import Metric

About = Sequence[Sequence[int] | Experiment]  # each the runs of a design, or a design that is still to be trained
SHOWN_SECONDS = 900.0  # for which an outcome counts as recent
MOST_OPEN = 12  # questions to a class whose outcome is not there
MOST_LISTED = 100
_NOT_ENDED = (Status.QUEUED, Status.RUNNING, Status.PAUSED, Status.INTERRUPTED)
_NO_CLASS = "Guess: there is no class to ask; ask yourself beside Train."
_SEEN = "Its results can be seen already, so it is no guess any more"


@dataclass(frozen=True)
class Told:
    """A guess, when it may be told.

    Attributes:
        who: what its person is called; None where it was asked without names.
        is_mine: whether it is the looker's own.
    """

    number: float
    why: str
    who: str | None
    is_mine: bool


@dataclass(frozen=True)
class Asked:
    """A question as one person may know it.

    Attributes:
        is_for_class: whether the class is asked; else it is the looker's own.
        count: how many have answered.
        mine, my_why: the looker's own answer; None and empty where they gave none.
        is_closed: whether the guessing has ended.
        refusal: why the looker cannot answer now, in a sentence; empty where they can.
        waits: why the outcome is not there, in a sentence; empty where it is.
        outcome: None until it is there.
        told: all guesses, by their numbers; empty until the outcome is there.
    """

    id: int
    question: Question
    asked: float
    is_for_class: bool
    count: int
    mine: float | None
    my_why: str
    is_closed: bool
    refusal: str
    waits: str
    outcome: Outcome | None
    told: tuple[Told, ...]


class Guesses:
    """The use cases of guesses in an open store.

    Args:
        reader: what somebody may see.
        start_all: queues experiments for somebody, as `Lab.start_all`.

    Raises:
        NotAllowedError: from any method that takes who asks, where they may not.
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store, reader: Callable[[Person], Reader], start_all: Callable[..., list[int]]) -> None:
        self._store = store
        self._reader = reader
        self._start_all = start_all

    # Asking

    def ask(
        self,
        kind: Kind,
        about: About,
        metric: Metric = "validation accuracy",
        *,
        with_names: bool = False,
        asks_why: bool = True,
        by: Person,
    ) -> int:
        """Ask the class; returns the question's id.

        Raises:
            InputError: no class is on, everybody can see the results already, or it makes no question: too few designs,
                runs of several designs together, or figures that are hidden or cannot be compared.
        """
        reader = self._teaches(by)
        room = reader.rights.room
        if room is None:
            raise InputError(_NO_CLASS)
        question = self._made(reader, kind, about, metric, with_names=with_names, asks_why=asks_why)
        if question.is_bound and not question.awaited and reader.rights.settings.sees is Sees.ALL:
            raise InputError(
                f"Guess: {_SEEN}: ask about runs that have not begun, or about designs that are still to be trained; or let "
                "pupils see only their own runs first."
            )
        return self._add(room.id, reader, question)

    def ask_of_round(self, kind: Kind, *, with_names: bool = False, asks_why: bool = True, by: Person) -> int:
        """Ask the class about the round that is going on, else about the next one: how accurate its best network will be, or
        how many seconds it takes until everybody's first one is trained; returns the question's id.

        Raises:
            InputError: no class is on, something of the round can be seen already, or which design will be better is asked.
        """
        reader = self._teaches(by)
        room = reader.rights.room
        if room is None:
            raise InputError(_NO_CLASS)
        subjects = (Subject(name="the round"),)
        try:
            question = Question(kind=kind, subjects=subjects, with_names=with_names, asks_why=asks_why, is_round=True)
        except ValidationError as error:
            raise InputError(sentence(error)) from None
        its = self._store.rounds.of(room.id, self._store.database.now())
        if its and self._store.guesses.showing(run.id for run in self._store.rounds.runs(room.id, its)):
            raise InputError(f"Guess: {_SEEN}; end the round, and ask about the next one.")
        return self._add(room.id, reader, question)

    def ask_myself(
        self,
        kind: Kind,
        about: About,
        answer: float,
        metric: Metric = "validation accuracy",
        why: str = "",
        *,
        by: Person,
    ) -> int:
        """Keep a guess of one's own, locked at once; returns the question's id.

        Raises:
            InputError: as `ask`, or it is late, a design has no runs, or the answer is none.
        """
        reader = self._reader(by)
        who = reader.rights
        who.must_be_open()
        question = self._made(reader, kind, about, metric, with_names=False, asks_why=True)
        if not question.is_bound:
            raise InputError("Guess: queue its runs first; your guess is kept with them.")
        if not question.awaited:
            raise InputError(f"Guess: {_SEEN}; guess before its first epoch has ended.")
        number, reason = guess.checked(question, answer), guess.checked_why(why)
        class_id = who.room.id if who.room and by.kind is PersonKind.PUPIL else None
        given = Answer(number=number).model_dump_json(), reason
        return self._store.guesses.add(
            class_id, who.owner, question.model_dump_json(), answer=given, awaited=question.awaited
        )

    def start(self, question_id: int, seeds: int = 1, *, by: Person) -> list[int]:
        """Train what a question is about, as the class trains by now: within the lesson recipe where one holds. It is bound to
        these runs from then on; returns their ids. Where it has runs, none is queued.

        Raises:
            InputError: as `Lab.start_all`, or there is no such question, or `seeds` is not from 1 to 30.
        """
        reader = self._teaches(by)
        stored, question = self._found(reader, question_id)
        if question.is_round:
            raise InputError("Guess: this is about a round; its runs are what the class queues in it.")
        if not 1 <= seeds <= MAX_SEEDS:
            raise InputError(f"Seeds: should be from 1 to {MAX_SEEDS}; received {seeds}.")
        free = [place for place, subject in enumerate(question.subjects) if not subject.runs]
        if not free:
            return question.run_ids
        designs = [parse(Experiment, question.subjects[place].design or "") for place in free]
        room = reader.rights.room
        if room and (recipe := held(self._store, room.id)):
            designs = [recipe.applied(design) for design in designs]
        # Seed by seed, so that each has as many whenever one looks.
        ids = self._start_all(
            [design.with_changes(seed=design.seed + seed) for seed in range(seeds) for design in designs], by=by
        )
        subjects = list(question.subjects)
        for number, place in enumerate(free):
            subjects[place] = subjects[place].model_copy(update={"runs": tuple(ids[number :: len(free)])})
        bound = question.model_copy(update={"subjects": tuple(subjects)})
        self._store.guesses.replace(stored.id, stored.question_json, bound.model_dump_json())
        return ids

    # Answering

    def answer(self, question_id: int, answer: float, why: str = "", *, by: Person) -> None:
        """Give an answer, for good: the same once more has no effect.

        Raises:
            InputError: there is no such question, another answer was given, it is late, or the answer is none.
        """
        reader = self._reader(by)
        stored, question = self._found(reader, question_id)
        reader.rights.must_be_open()
        number = guess.checked(question, answer)
        reason = guess.checked_why(why) if question.asks_why else ""
        if self._sees_all(reader, question):
            raise InputError(f"Guess: {_SEEN}.")
        given = Answer(number=number).model_dump_json()
        who = reader.rights.owner
        if self._store.guesses.give(stored.id, who, given, reason, question.awaited):
            return
        before = self._store.guesses.own([stored.id], who)[stored.id]
        if guess.stored(Answer, before.answer_json).number != number:
            was = guess.said(question, guess.stored(Answer, before.answer_json).number)
            raise InputError(f"Guess: you said {was}, and that is locked; it cannot be changed.")

    # Ending

    def close(self, question_id: int, *, by: Person) -> None:
        """End the guessing; what was given stays hidden until the outcome is there."""
        stored, _ = self._found(self._teaches(by), question_id)
        self._store.guesses.close(stored.id)

    def conclude(self, question_id: int, *, by: Person) -> None:
        """Take as the outcome what has finished by now; no effect where the outcome is there.

        Raises:
            InputError: there is no such question, its figures are hidden, or something of it has not finished at all.
        """
        stored, question = self._found(self._teaches(by), question_id)
        if stored.outcome_json is not None:
            return
        if why := self._hidden(question):
            raise InputError(f"Guess: {why}")
        found = self._outcome(stored, question)
        if not found.is_there:
            raise InputError(
                "Guess: nothing has finished of what was asked about; the guesses stay hidden until something has."
            )
        self._store.guesses.conclude(stored.id, found.model_dump_json())

    def delete(self, question_id: int, *, by: Person) -> None:
        """Remove a question with all its answers, for good. A pupil removes none, for what is locked stays."""
        reader = self._reader(by)
        reader.rights.must_be_all()
        stored, _ = self._found(reader, question_id)
        self._store.guesses.delete(stored.id)

    # Looking

    def all(self, *, by: Person) -> list[Asked]:
        """The questions to the class that is on, and one's own, newest first."""
        reader = self._reader(by)
        room = reader.rights.room
        return self._told(reader, self._store.guesses.of(room.id if room else None, reader.rights.owner, MOST_LISTED))

    def get(self, question_id: int, *, by: Person) -> Asked:
        """A question by its id. Raises InputError where there is none."""
        reader = self._reader(by)
        stored, _ = self._found(reader, question_id)
        (found,) = self._told(reader, [stored])
        return found

    def current(self, *, by: Person) -> list[Asked]:
        """The questions to the class whose outcome is not there, or has been for less than `SHOWN_SECONDS`, newest first."""
        reader = self._reader(by)
        room = reader.rights.room
        if room is None:
            return []
        return self._told(
            reader, self._store.guesses.of_class(room.id, since=self._store.database.now() - SHOWN_SECONDS)
        )

    def state(self, class_id: int) -> tuple[tuple[Any, ...], ...]:
        """A value that changes when a question to a class is asked, closed, bound to runs, or its outcome is there; it holds
        nothing of answers, not even how many there are."""
        found = self._store.guesses.of_class(class_id, since=self._store.database.now() - SHOWN_SECONDS)
        settled = [self._settled(stored) for stored in found]
        return tuple((one.id, one.closed is None, one.outcome_json is None, one.question_json) for one in settled)

    def table(self, class_id: int, *, by: Person) -> pd.DataFrame:
        """The guesses of a class, ended or not, to questions whose outcome is there, a row a guess: `question`, `of` (the class,
        or a pupil to themselves), `pupil` (a pseudonym; empty where the class was asked without names), `guess`, `why`, `outcome`."""
        if by.kind is not PersonKind.TEACHER:
            raise NotAllowedError(TEACHER_ONLY)
        its = {one.id: self._settled(one) for one in self._store.guesses.all_of(class_id)}
        rows = []
        for given in self._store.guesses.told(its):
            stored = its[given.question_id]
            question = guess.stored(Question, stored.question_json)
            is_named = question.with_names or not stored.is_for_class
            rows.append(
                {
                    "question": question.words,
                    "of": "class" if stored.is_for_class else "oneself",
                    "pupil": given.person if is_named else "",
                    "guess": guess.said(question, guess.stored(Answer, given.answer_json).number),
                    "why": given.why,
                    "outcome": guess.outcome_in_words(question, guess.stored(Outcome, stored.outcome_json or "")),
                }
            )
        # Where there are no names, nor does the order of the rows tell who came first.
        found = pd.DataFrame(rows, columns=["question", "of", "pupil", "guess", "why", "outcome"])
        return found.sort_values(["question", "pupil", "guess"], ignore_index=True)

    # Within

    def _teaches(self, by: Person) -> Reader:
        reader = self._reader(by)
        if by.kind is not PersonKind.TEACHER:
            raise NotAllowedError(TEACHER_ONLY)
        return reader

    def _found(self, reader: Reader, question_id: int) -> tuple[StoredQuestion, Question]:
        """A question that somebody may know of, as it stands now."""
        stored = self._store.guesses.get(question_id) if 0 < question_id < ID_LIMIT else None
        who = reader.rights
        if stored and stored.is_for_class and who.person.kind is PersonKind.USER:
            raise NotAllowedError("Guess: this was asked in a class, which is not on.")
        mine = stored is not None and not stored.is_for_class and stored.asked_by == who.owner
        ours = stored is not None and stored.is_for_class and who.room is not None and stored.class_id == who.room.id
        if stored is None or not (mine or ours):
            raise InputError(f"Guess: there is no question with the number {question_id} here.")
        settled = self._settled(stored)
        return settled, self._question(settled)

    def _add(self, class_id: int, reader: Reader, question: Question) -> int:
        if len(self._store.guesses.of_class(class_id, since=self._store.database.now())) >= MOST_OPEN:
            raise InputError(f"Guess: {MOST_OPEN} questions wait for their outcome; delete one first.")
        return self._store.guesses.add(class_id, reader.rights.owner, question.model_dump_json())

    def _question(self, stored: StoredQuestion) -> Question:
        """A question with its runs. Those of a round are known as they are queued, and of no use when the outcome is there."""
        question = guess.stored(Question, stored.question_json)
        its = self._round(stored) if question.is_round and stored.outcome_json is None else None
        if its is None or stored.class_id is None:
            return question
        runs = tuple(run.id for run in self._store.rounds.runs(stored.class_id, its))
        return question.model_copy(update={"subjects": (question.subjects[0].model_copy(update={"runs": runs}),)})

    def _round(self, stored: StoredQuestion) -> StoredRound | None:
        """The round that a question is about; None where it has not begun."""
        return None if stored.class_id is None else self._store.rounds.of(stored.class_id, stored.asked)

    def _outcome(self, stored: StoredQuestion, question: Question) -> Outcome:
        """The outcome as it would be now."""
        runs = self._store.runs.some(question.run_ids)
        its = self._round(stored) if question.is_round else None
        if its and its.begun is not None:
            return outcomes.of_round(question, runs.values(), its.begun)
        return outcomes.of(question, runs)

    def _made(
        self, reader: Reader, kind: Kind, about: About, metric: Metric, *, with_names: bool, asks_why: bool
    ) -> Question:
        """A question about what somebody may see."""
        runs = {run_id: reader.run(run_id) for its in about if not isinstance(its, Experiment) for run_id in its}
        showing = self._store.guesses.showing(runs)
        if metric == "test accuracy" and kind is not Kind.SECONDS and (hidden := _unrevealed(runs)):
            raise InputError(
                f"Guess: run {min(hidden)} was queued during a challenge, and its test figures are hidden until the reveal; ask "
                "for validation accuracy."
            )
        subjects = [
            Subject(name=its.name, design=its.model_dump_json())
            if isinstance(its, Experiment)
            else _subject([runs[run_id] for run_id in dict.fromkeys(its)], showing)
            for its in about
        ]
        experiments = [its if isinstance(its, Experiment) else runs[its[0]].experiment for its in about]
        if len({one.design_key for one in experiments}) < len(experiments):
            raise InputError("Guess: two of these are seeds of one design, so neither is the better one.")
        protocols = {one.protocol for one in experiments}
        if kind is Kind.BETTER and metric == "validation accuracy" and len(protocols) > 1:
            raise InputError(
                "Guess: their validation accuracies are measured on different images (protocols notebook and holdout); ask for "
                "test accuracy."
            )
        try:
            return Question(
                kind=kind, metric=metric, subjects=tuple(subjects), with_names=with_names, asks_why=asks_why
            )
        except ValidationError as error:
            raise InputError(sentence(error)) from None

    def _sees_all(self, reader: Reader, question: Question) -> bool:
        """Whether somebody can see results of all that is asked about."""
        if not question.is_bound or question.awaited:
            return False
        return len(reader.some(question.run_ids)) == len(set(question.run_ids))

    def _hidden(self, question: Question) -> str:
        """Why its figures may not be told now, however many of its runs have finished; empty where they may."""
        if not question.is_bound:
            return "" if question.is_round else "It has not been trained yet."
        ids = question.run_ids
        there = self._store.runs.some(ids)
        if sealed := there.keys() - self._store.runs.unsealed().some(ids).keys():
            return f"Run {min(sealed)} belongs to a study whose results nobody has looked at yet."
        is_test = question.kind is not Kind.SECONDS and question.metric == "test accuracy"
        if is_test and (hidden := _unrevealed(there)):
            return f"Run {min(hidden)} was queued during a challenge; its test figures are shown at the reveal."
        return ""

    def _waits(self, stored: StoredQuestion, question: Question) -> str:
        """Why the outcome is not there, in a sentence; empty where it can be written down now."""
        if why := self._hidden(question):
            return why
        if question.is_round:
            its = self._round(stored)
            if its is None:
                return "The round has not begun."
            if its.ended is None and self._store.database.now() < (its.ends or 0.0):
                return "The round is going on."
        found = self._store.runs.some(question.run_ids).values()
        left = [run for run in found if run.deleted is None and run.status in _NOT_ENDED]
        if left:
            n, held = len(question.run_ids), sum(run.status in (Status.PAUSED, Status.INTERRUPTED) for run in left)
            paused = f" ({counted(held, 'run')} paused or interrupted)" if held else ""
            return (
                f"{n - len(left)} of {n} runs have ended{paused}." if n > 1 else f"Its run has not ended yet{paused}."
            )
        if not question.awaited and stored.closed is None and not question.is_round:
            return "The outcome is shown when the guessing is closed."
        return ""

    def _settled(self, stored: StoredQuestion) -> StoredQuestion:
        """A question with its outcome written down where that is there, and closed where results can be seen."""
        if stored.outcome_json is not None:
            return stored
        question = self._question(stored)
        if not self._waits(stored, question):
            found = self._outcome(stored, question)
            self._store.guesses.conclude(stored.id, found.model_dump_json())
        elif stored.closed is None and self._store.guesses.showing(question.awaited):
            self._store.guesses.close(stored.id)  # for good: a run that lost its worker may begin again
        else:
            return stored
        return self._store.guesses.get(stored.id) or stored

    def _told(self, reader: Reader, found: Iterable[StoredQuestion]) -> list[Asked]:
        """Questions as somebody may know them."""
        settled = [self._settled(stored) for stored in found]
        ids = [stored.id for stored in settled]
        who = reader.rights
        counts, own = self._store.guesses.counts(ids), self._store.guesses.own(ids, who.owner)
        told: dict[int, list[Told]] = {stored.id: [] for stored in settled}
        questions = {stored.id: self._question(stored) for stored in settled}
        there = [stored.id for stored in settled if stored.outcome_json is not None]
        names = self._names(who) if any(questions[one].with_names for one in there) else {}
        for given in self._store.guesses.told(there):
            name = names.get(given.person, given.person) if questions[given.question_id].with_names else None
            number = guess.stored(Answer, given.answer_json).number
            told[given.question_id].append(Told(number, given.why, name, given.person == who.owner))
        asked = []
        for stored in settled:
            question, mine = questions[stored.id], own.get(stored.id)
            outcome = None if stored.outcome_json is None else guess.stored(Outcome, stored.outcome_json)
            asked.append(
                Asked(
                    id=stored.id,
                    question=question,
                    asked=stored.asked,
                    is_for_class=stored.is_for_class,
                    count=counts.get(stored.id, 0),
                    mine=guess.stored(Answer, mine.answer_json).number if mine else None,
                    my_why=mine.why if mine else "",
                    is_closed=stored.closed is not None,
                    refusal="" if mine else self._refusal(reader, stored, question),
                    waits="" if outcome else self._waits(stored, question),
                    outcome=outcome,
                    told=tuple(sorted(told[stored.id], key=lambda one: (one.number, one.why))),
                )
            )
        return asked

    def _refusal(self, reader: Reader, stored: StoredQuestion, question: Question) -> str:
        if stored.closed is not None or stored.outcome_json is not None:
            return LATE
        try:
            reader.rights.must_be_open()
        except NotAllowedError as error:
            return str(error)
        return f"{_SEEN}." if self._sees_all(reader, question) else ""

    def _names(self, who: Rights) -> dict[str, str]:
        """What those who are in the class are called. Whoever was removed is only known by their pseudonym."""
        if who.room is None:
            return {}
        return {member.key: member.name for member in self._store.people.of(who.room.id)}


def _subject(runs: list[Run], showing: set[int]) -> Subject:
    """The runs of a design. Raises InputError where there are none, or those of several designs."""
    if not runs:
        raise InputError("Guess: choose what it is about.")
    if len({run.design_key for run in runs}) > 1:
        raise InputError("Guess: the runs of one side should be seeds of one design.")
    if len(runs) > MAX_SEEDS:
        raise InputError(f"Guess: at most {MAX_SEEDS} runs of a design; received {len(runs)}.")
    if gone := [run.id for run in runs if run.deleted is not None]:
        raise InputError(f"Guess: run {gone[0]} is deleted; restore it first.")
    known = tuple(run.id for run in runs if run.id in showing)
    return Subject(name=runs[0].name, runs=tuple(run.id for run in runs), known=known)


def _unrevealed(runs: Mapping[int, Run]) -> list[int]:
    """Those of some runs whose test figures are hidden until a challenge is revealed."""
    return [run_id for run_id, run in runs.items() if run.is_unrevealed]

"""A question about what is still to be measured, an answer to it, its outcome; and each of them in words."""

from enum import StrEnum
from typing import Annotated, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mnist_lab import numerals
from mnist_lab.design.experiment import MAX_SEEDS
from mnist_lab.errors import InputError, sentence
from mnist_lab.names import Name, normalized
from mnist_lab.numerals import counted
from mnist_lab.results.comparison import MAX_SIDES
from mnist_lab.studies.plan import Metric

MAX_WHY = 200
LONGEST = 86_400.0  # seconds
NO_DIFFERENCE = "no real difference"
_MANY = 4  # guesses from which on half of them is said

StoredT = TypeVar("StoredT", bound=BaseModel)
RunId = Annotated[int, Field(gt=0, lt=2**63)]


class Kind(StrEnum):
    """What is asked."""

    BETTER = "better"
    ACCURACY = "accuracy"
    SECONDS = "seconds"


class Subject(BaseModel):
    """What is asked about: a design, by its runs.

    Attributes:
        design: the experiment as JSON of a design that is still to be trained; None where its runs are there.
        runs: their ids; empty until it is trained.
        known: those of them that had shown results when it was asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    design: Annotated[str, Field(max_length=200_000)] | None = None
    runs: Annotated[tuple[RunId, ...], Field(max_length=MAX_SEEDS)] = ()
    known: Annotated[tuple[RunId, ...], Field(max_length=MAX_SEEDS)] = ()


class Question(BaseModel):
    """What is asked.

    Attributes:
        metric: by which it is judged; of seconds, of no meaning.
        subjects: one, of which a number is asked; or several, of which the best is.
        is_round: whether it is about a round of the class, whose runs are known as they are queued: how accurate the best of
            them will be, or how many seconds it takes until everybody's first one is done.
        with_names: whether everybody sees afterwards who gave which answer.
        asks_why: whether a line for the reason is offered.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    metric: Metric = "validation accuracy"
    subjects: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=MAX_SIDES)]
    with_names: bool = False
    asks_why: bool = True
    is_round: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        n = len(self.subjects)
        if self.kind is Kind.BETTER and n < 2:
            raise ValueError(f"Guess: which will be better needs at least two designs; received {n}")
        if self.kind is not Kind.BETTER and n != 1:
            raise ValueError(f"Guess: a number is asked of one design; received {n}")
        if self.is_round and self.kind is Kind.ACCURACY and self.metric != "validation accuracy":
            raise ValueError("Guess: of a round, the best validation accuracy is asked; what is chosen is not tested")
        return self

    @property
    def run_ids(self) -> list[int]:
        """All runs that it is about."""
        return [run_id for subject in self.subjects for run_id in subject.runs]

    @property
    def known(self) -> set[int]:
        """The runs that had shown results when it was asked."""
        return {run_id for subject in self.subjects for run_id in subject.known}

    @property
    def awaited(self) -> list[int]:
        """The runs of which nothing had been seen when it was asked: the guessing ends with the first epoch of one of them."""
        return [run_id for run_id in self.run_ids if run_id not in self.known]

    @property
    def is_bound(self) -> bool:
        """Whether the runs of all that it is about are there."""
        return all(subject.runs for subject in self.subjects)

    @property
    def titles(self) -> list[str]:
        """What it is about: names alone need not be unique."""
        if len(self.subjects) == 1:
            return [self.subjects[0].name]
        return [f"{chr(ord('A') + place)}: {subject.name}" for place, subject in enumerate(self.subjects)]

    @property
    def options(self) -> list[str]:
        """What can be answered where the best is asked, each by its place; empty where a number is."""
        return [*self.titles, NO_DIFFERENCE] if self.kind is Kind.BETTER else []

    @property
    def words(self) -> str:
        """The question."""
        if self.is_round and self.kind is Kind.ACCURACY:
            return f"What {self.metric} will the best network of the round reach?"
        if self.is_round:
            return (
                "How many seconds will it take from the round's beginning until everybody's first network is trained?"
            )
        *others, last = self.titles
        n = max(len(subject.runs) for subject in self.subjects)
        mean = f" (mean of {n} seeds)" if n > 1 else ""
        if self.kind is Kind.BETTER:
            return f"Which will be better in {self.metric}{mean}: {', '.join(others)} or {last}?"
        if self.kind is Kind.ACCURACY:
            return f"What {self.metric} will {last} reach{mean}?"
        return f"How many seconds will the training of {last} take{mean}?"


class Answer(BaseModel):
    """An answer: a share, seconds, or the place of an option."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)]


class Outcome(BaseModel):
    """What was measured; never changed once it is there.

    Attributes:
        values: by subject the mean over its finished runs: accuracies in 0 to 1, or seconds; None where none finished.
        counts: by subject how many finished.
        low, high: of a number, the lowest and the highest run.
        best: where it is shown: the place of the option that is right; None where the seeds do not decide it.
        verdict: where the best is asked, the lab's verdict in a sentence.
        missing: what is not counted and why, in a sentence; empty where nothing is missing.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    values: tuple[float | None, ...]
    counts: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    best: int | None = None
    verdict: str = ""
    missing: str = ""

    @property
    def is_there(self) -> bool:
        """Whether there is anything to compare a guess with."""
        return all(value is not None for value in self.values)

    @property
    def ahead(self) -> int | None:
        """Where the best was asked and measured, the place of the highest mean: which proves nothing by itself."""
        if len(self.values) < 2 or not self.is_there:
            return None
        return int(np.argmax([value or 0.0 for value in self.values]))


def stored(kind: type[StoredT], text: str) -> StoredT:
    """A question, answer or outcome as it is kept, JSON. Raises InputError where this version cannot read it."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"Guess: this one cannot be read here. {sentence(error)}") from None


def read_answer(question: Question, text: str) -> float:
    """The number that a text means as an answer: `98.5`, `98,5 %` and `0.985` are the same share.

    Raises:
        InputError: it is no number, or none that can be an answer; the sentence says how to write it.
    """
    try:
        number = numerals.read(text)
    except InputError:
        like = "98.5 %" if question.kind is Kind.ACCURACY else "12.5"
        raise InputError(f"Guess: this is not a number; write it like {like}.") from None
    if question.kind is Kind.ACCURACY and "%" not in text:
        if number == 1:
            raise InputError("Guess: 1 could mean 1 % or 100 %; write it with the sign.")
        number = number / 100 if number > 1 else number
    return checked(question, number)


def checked(question: Question, number: float) -> float:
    """A number that answers a question. Raises InputError where it does not."""
    if question.kind is Kind.BETTER:
        if number not in range(len(question.options)):
            raise InputError(
                f"Guess: should be one of the {len(question.options)} that are offered; received {number:g}."
            )
    elif question.kind is Kind.ACCURACY:
        if not 0 <= number <= 1:
            raise InputError(f"Guess: an accuracy is from 0 to 100 %; received {100 * number:g} %.")
    elif not 0 < number <= LONGEST:
        raise InputError(f"Guess: should be more than 0 and at most {LONGEST:,.0f} seconds; received {number:g}.")
    return float(number)


def checked_why(text: str) -> str:
    """A reason in its normal form, empty where none is given. Raises InputError where it is too long or unprintable."""
    if not text.strip():
        return ""
    try:
        return normalized(text, MAX_WHY)
    except ValueError as error:
        raise InputError(f"Why: {error}.") from None


# In words


def said(question: Question, number: float) -> str:
    """An answer, or a value that was measured, as people say it."""
    if question.kind is Kind.BETTER:
        return question.options[int(number)]
    if question.kind is Kind.ACCURACY:
        return f"{_short(100 * number, 2)} %"
    return f"{_short(number, 1)} s"


def promise(question: Question) -> str:
    """What becomes of an answer, told to whoever is asked before they give it."""
    who = "everybody sees who said what" if question.with_names else "nobody sees who said what"
    return f"Your answer is locked when you give it. All are shown when the outcome is there, and {who}."


def outcome_in_words(question: Question, outcome: Outcome) -> str:
    """What was measured."""
    missing = f" {outcome.missing}" if outcome.missing else ""
    if question.kind is Kind.BETTER:
        found = [
            f"{title} {100 * value:.2f} % ({counted(n, 'seed')})"
            for title, value, n in zip(question.titles, outcome.values, outcome.counts, strict=True)
            if value is not None
        ]
        measured = f" Mean {question.metric}: {', '.join(found)}." if found else ""
        proof = " What is ahead now need not be the better one." if outcome.is_there and outcome.best is None else ""
        return f"{outcome.verdict}{measured}{proof}{missing}"
    (value,), (n,) = outcome.values, outcome.counts
    if value is None:
        return f"There is no outcome.{missing}"
    if question.is_round:
        return f"{_of_round(question, value, n)}{missing}"
    what = f"{question.metric} of" if question.kind is Kind.ACCURACY else "training of"
    words = f"The {what} {question.titles[0]} was {_measured(question, value)}"
    if n == 1:
        return f"{words}: one run, and another seed would give another figure.{missing}"
    low, high = (_measured(question, end or 0.0) for end in (outcome.low, outcome.high))
    return f"{words}, the mean of {n} seeds, which reached from {low} to {high}.{missing}"


def _of_round(question: Question, value: float, n: int) -> str:
    if question.kind is Kind.SECONDS:
        whose = "the one first network was" if n == 1 else f"all {n} first networks were"
        return f"It took {_measured(question, value)} from the round's beginning until {whose} trained."
    best = f"The best network of the round reached {_measured(question, value)} {question.metric}"
    if n == 1:
        return f"{best}; it was the only one."
    return f"{best}; the best of {n} is partly the luckiest, so another seed of it would probably reach less."


def gap_in_words(question: Question, outcome: Outcome, mine: float) -> str:
    """One's own answer beside the outcome."""
    you = f"You said {said(question, mine)}"
    if question.kind is Kind.BETTER:
        if outcome.best is None:
            return f"{you}. It is not decided."
        return f"{you}, and that is right." if outcome.best == mine else f"{you}; that is not what came out."
    (value,) = outcome.values
    if value is None:
        return f"{you}; there is no outcome to compare it with."
    was = f"{you}; it was {_measured(question, value)}"
    if question.kind is Kind.ACCURACY:
        gap = round(100 * value, 2) - round(100 * mine, 2)
        size, low, high = f"{abs(gap):.2f} points", "low", "high"
    else:
        gap = round(value, 1) - round(mine, 1)
        size, low, high = f"{abs(gap):.1f} s", "short", "long"
    if abs(gap) < 1e-9:
        return f"{was}: exactly right."
    return f"{was}: {size} too {low if gap > 0 else high}."


def class_in_words(question: Question, numbers: list[float]) -> str:
    """What all answered."""
    if not numbers:
        return "Nobody gave a guess."
    n = len(numbers)
    if question.kind is Kind.BETTER:
        said_so = [(numbers.count(place), option) for place, option in enumerate(question.options)]
        counts = ", ".join(
            f"{count} said {option}" for count, option in sorted(said_so, key=lambda one: -one[0]) if count
        )
        return f"Of {counted_guesses(n)}, {counts}."
    if n == 1:
        return f"There is one guess: {said(question, numbers[0])}."
    if min(numbers) == max(numbers):
        return f"All {n} guesses are {said(question, numbers[0])}."
    if n < _MANY:
        return f"The {n} guesses are from {said(question, min(numbers))} to {said(question, max(numbers))}."
    low, middle, high = np.quantile(numbers, (0.25, 0.5, 0.75), method="nearest")  # guesses that were given
    if low == high:
        return f"At least half of the {n} guesses were {said(question, middle)}."
    return (
        f"The middle half of the {n} guesses is from {said(question, low)} to {said(question, high)}, the middle one is "
        f"{said(question, middle)}."
    )


def counted_guesses(n: int) -> str:
    """`1 guess`, `12 guesses`."""
    return f"{n:,} guess" if n == 1 else f"{n:,} guesses"


def _measured(question: Question, value: float) -> str:
    return f"{100 * value:.2f} %" if question.kind is Kind.ACCURACY else f"{value:.1f} s"


def _short(number: float, digits: int) -> str:
    text = f"{number:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

"""How long everybody's first run takes in a lesson recipe, and which recipe fits a round: arithmetic over predictions.

The model is a worst case that one can say in a sentence: everybody designs for as long as the plan allows, then all press
Train at once, and each trains the slowest of the presets that they are likely to start with.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import NOTEBOOK_PRESETS, PRESETS
from mnist_lab.numerals import counted
from mnist_lab.store.people import MOST as MOST_PEOPLE

MARGIN = 0.2  # of the time that the machine needs: predictions are off, and thirty browsers take their share of it
OVERHEAD = 1.5  # seconds a run beside its training: handed over, compiled, tested, written
MOST_MINUTES = 120
_IMAGES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 55)  # thousands; 55,000 are all of the holdout protocol
_MOST_EPOCHS = 12
_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}


def _known(name: str | None) -> str | None:
    if name is not None and name not in PRESETS:
        raise ValueError(f"should be one of {', '.join(PRESETS)}")
    return name


class RoundPlan(BaseModel):
    """What the teacher says of a round.

    Attributes:
        minutes: how long it lasts.
        people: how many are here; None for the members of the class.
        design_seconds: of the round, for which everybody designs before they train.
        preset: which everybody starts from; None for one of the notebook's three.
        by_hand: the recipe, where it is not the proposed one.
        recipe: of a round that has begun.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)] = 6
    people: Annotated[int, Field(ge=1, le=MOST_PEOPLE)] | None = None
    design_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    preset: Annotated[str | None, AfterValidator(_known)] = None
    by_hand: LessonRecipe | None = None
    recipe: LessonRecipe | None = None

    @property
    def likely(self) -> tuple[Experiment, ...]:
        """The designs that pupils are likely to start with."""
        return tuple(PRESETS[name] for name in ([self.preset] if self.preset else NOTEBOOK_PRESETS))


@dataclass(frozen=True)
class Conditions:
    """What a round is planned for.

    Attributes:
        plan: of the round.
        people: how many first runs there are.
        slowdowns: as `workers.slowdowns`.
        seconds: predicts how long an experiment takes alone on this machine.
        factor: times the predicted time that are counted: as in a rehearsal that was slower, or because nothing is
            known of the machine.
    """

    plan: RoundPlan
    people: int
    slowdowns: tuple[float, ...]
    seconds: Callable[[Experiment], float]
    factor: float = 1.0


@dataclass(frozen=True)
class Fit:
    """Whether everybody's first run in a recipe fits a round. Times are in seconds.

    Attributes:
        recipe: in which all train.
        people: how many.
        at_once: runs that are trained at the same time.
        slowest: the preset that takes longest, which is what all are taken to train.
        alone: predicted for a run of it that has the machine to itself.
        designing: before anybody trains.
        training: predicted, from then on until everybody's first run is done.
        round: how long it lasts.
    """

    recipe: LessonRecipe
    people: int
    at_once: int
    slowest: str
    alone: float
    designing: float
    training: float
    round: float

    @property
    def done(self) -> float:
        """Predicted from the round's begin until everybody's first run is done."""
        return self.designing + self.training

    @property
    def needed(self) -> float:
        """What the round has to last: `done` with the margin on the training."""
        return self.designing + (1 + MARGIN) * self.training

    @property
    def fits(self) -> bool:
        return self.needed <= self.round

    def words(self) -> str:
        """The proposal in a sentence."""
        return (
            f"{_people(self.people)}, {counted(round(self.round / 60), 'minute')}: {self.recipe.words()}; "
            + ("the" if self.people == 1 else "everyone's")
            + f" first run is predicted to be done after {minutes_text(self.done)}, "
            f"{_NUMBERS.get(self.at_once, str(self.at_once))} at a time; margin {MARGIN * 100:.0f} %."
        )

    def excess_words(self) -> str:
        """By how much it does not fit, in a sentence."""
        return (
            f"{self.recipe.words()} {'does' if self.recipe.epochs == 1 else 'do'} not fit: with the margin of {MARGIN * 100:.0f} % the round would need "
            f"{minutes_text(self.needed)}, {minutes_text(self.needed - self.round)} more than it has."
        )


def fit(recipe: LessonRecipe, given: Conditions) -> Fit:
    """How a recipe fits a round."""
    times = {preset.name: given.seconds(_applied(recipe, preset.name)) for preset in given.plan.likely}
    slowest = max(times, key=lambda name: times[name])
    return _fit(recipe, slowest, times[slowest], given.people, given)


def training(alone: Sequence[float], slowdowns: Sequence[float]) -> float:
    """Predicted seconds until runs that begin together are all done.

    Args:
        alone: seconds of each, where it has the machine to itself.
        slowdowns: as `workers.slowdowns`.
    """
    at_once = min(len(alone), len(slowdowns))
    return sum(seconds * slowdowns[at_once - 1] + OVERHEAD for seconds in alone) / at_once


def _fit(recipe: LessonRecipe, slowest: str, alone: float, people: int, given: Conditions) -> Fit:
    at_once = min(people, len(given.slowdowns))
    each = alone * given.slowdowns[at_once - 1] + OVERHEAD
    seconds = given.factor * math.ceil(people / at_once) * each
    plan = given.plan
    return Fit(recipe, people, at_once, slowest, alone, plan.design_seconds, seconds, 60.0 * plan.minutes)


@functools.lru_cache(maxsize=1024)  # a page tries them all at every change of the plan
def _applied(recipe: LessonRecipe, preset: str) -> Experiment:
    return recipe.applied(PRESETS[preset])


def proposed(given: Conditions) -> Fit | None:
    """The recipe with the most work that fits: one epoch of as many images as possible, then more epochs of all of them.
    None where not even the least does."""
    return next((found for recipe in _candidates() if (found := fit(recipe, given)).fits), None)


def least(given: Conditions) -> Fit:
    """The recipe with the least work that is ever proposed."""
    return fit(list(_candidates())[-1], given)


def what_would_fit(given: Conditions) -> str:
    """Where nothing fits: why, and what would, in a sentence."""
    found = least(given)
    minutes = math.ceil(found.needed / 60)
    rounds = (
        f"a round of {minutes} minutes" if minutes <= MOST_MINUTES else f"a round of more than {MOST_MINUTES} minutes"
    )
    smaller = (_fit(found.recipe, found.slowest, found.alone, n, given) for n in range(given.people - 1, 0, -1))
    fewer = next((one.people for one in smaller if one.fits), 0)
    groups = f", or {counted(fewer, 'network')} at most in place of {given.people}, one for a group" if fewer else ""
    return (
        f"Nothing fits: even {found.recipe.words()}, trained as {found.slowest} by {_people(found.people)}, would need "
        f"{minutes_text(found.needed)} with the margin of {MARGIN * 100:.0f} %. What would: {rounds}{groups}, or a preset that trains "
        "faster."
    )


def minutes_text(seconds: float) -> str:
    """A duration as `4 min 50 s`; rounded up to ten seconds from a minute on, and to a minute from an hour on."""
    if seconds < 60:
        return f"{math.ceil(seconds)} s"
    step = 10 if seconds <= 3600 else 60
    whole = math.ceil(seconds / step) * step
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    words = [f"{hours} h"] if hours else []
    words += [f"{minutes} min"] if minutes or not hours else []
    words += [f"{left} s"] if left and not hours else []
    return " ".join(words)


def _candidates() -> Iterator[LessonRecipe]:
    """From the most work to the least."""
    every = 1000 * _IMAGES[-1]
    for epochs in range(_MOST_EPOCHS, 1, -1):
        yield LessonRecipe(epochs=epochs, train_images=every)
    for thousands in reversed(_IMAGES):
        yield LessonRecipe(epochs=1, train_images=1000 * thousands)


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"

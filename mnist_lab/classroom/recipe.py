"""The lesson recipe: for how long everybody in a class trains, whatever they train, until the teacher lifts it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mnist_lab.design import naming
from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.recipe import MAX_EPOCHS
from mnist_lab.numerals import counted
from mnist_lab.store.store import Store

_ENOUGH_STEPS = 200
_SMALL_BATCH = 32
_AVERAGED_TIMES = 4  # so many times its memory, a moving average of weights has all but forgotten the initial ones


class LessonRecipe(BaseModel):
    """What the lesson sets of a recipe, and the protocol `holdout`, so that all can be compared; all else is everybody's own.

    Attributes:
        train_images: where the protocol has fewer, all it has.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    train_images: Annotated[int, Field(ge=1, le=60_000)]

    @property
    def work(self) -> int:
        """Images that are trained on, each as often as it is."""
        return self.epochs * self.train_images

    def words(self) -> str:
        """As `1 epoch of 6,000 images`."""
        return f"{counted(self.epochs, 'epoch')} of {self.train_images:,} images"

    def applied(self, experiment: Experiment) -> Experiment:
        """An experiment in the lesson's recipe.

        Batch normalisation needs some steps: its running statistics are corrected for their start, and where a network
        would make fewer than 200 steps, its batches are smaller, down to 32 images. (One epoch of 6,000 images, two seeds
        validated: the notebook's 3×3 network at 57 and 63 % with its batches of 128, at 70 and 77 % with 32.) A moving
        average of weights that would still hold the initial ones is left out.
        """
        images = min(self.train_images, Protocol.HOLDOUT.max_train_images)
        recipe = experiment.recipe.model_dump(mode="json") | {"epochs": self.epochs}
        if experiment.architecture.normalizes:
            recipe["bias_corrected_statistics"] = True
            enough = max(_SMALL_BATCH, self.epochs * images // _ENOUGH_STEPS)
            recipe["batch_size"] = min(recipe["batch_size"], enough)
        steps = self.epochs * -(-images // recipe["batch_size"])
        if steps * (1 - recipe["moving_average"]) < _AVERAGED_TIMES:
            recipe["moving_average"] = 0.0
        made = experiment.with_changes(recipe=recipe, train_images=images, protocol=Protocol.HOLDOUT)
        return made.model_copy(update={"name": naming.named(made.name, made)})

    def refusal(self, experiment: Experiment) -> str:
        """Why an experiment may not be trained while this holds, in a sentence; empty where it may."""
        epochs, images = experiment.recipe.epochs, experiment.train_images
        is_held_out = experiment.protocol is Protocol.HOLDOUT
        if (
            is_held_out
            and epochs == self.epochs
            and images == min(self.train_images, Protocol.HOLDOUT.max_train_images)
        ):
            return ""
        asked = "" if is_held_out else ", and under the protocol holdout"
        how = "" if is_held_out else f" under {experiment.protocol.value}"
        return (
            f"Lesson recipe: everybody trains {self.words()} until your teacher lifts it{asked}; received "
            f"{counted(epochs, 'epoch')} of {images:,} images{how}. The Design page sets it for you."
        )


class _Plan(BaseModel):
    recipe: LessonRecipe | None = None


def held(store: Store, class_id: int) -> LessonRecipe | None:
    """The recipe that holds in a class now; None where none does."""
    found = store.rounds.current(class_id)
    if found is None or found.lifted is not None:
        return None
    return _Plan.model_validate_json(found.plan_json).recipe

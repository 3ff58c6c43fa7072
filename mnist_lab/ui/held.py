"""The round of the class that is on, and the lesson recipe that binds whoever looks."""

from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.experiment import Experiment
from mnist_lab.lesson.rounds import Round
from mnist_lab.ui.session import lab, looker, shared


@shared
def current(class_id: int) -> Round | None:
    """The round that goes on, or is over while its recipe holds."""
    return lab().rounds.current(class_id)


def recipe() -> LessonRecipe | None:
    """The lesson recipe that binds whoever looks; None where none does. The teacher is bound by none."""
    rights = looker().rights
    if rights.are_all or rights.room is None:
        return None
    found = current(rights.room.id)
    return found.recipe if found else None


def applied(experiment: Experiment) -> Experiment:
    """What whoever looks would train of a design: in the lesson recipe where one binds them."""
    binding = recipe()
    return binding.applied(experiment) if binding else experiment

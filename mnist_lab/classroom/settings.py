"""What a teacher allows a class."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mnist_lab.design.experiment import MAX_SEEDS


class Sees(StrEnum):
    """Which runs a pupil sees."""

    ALL = "all"
    OWN = "own"  # and the class's best


class ClassSettings(BaseModel):
    """Limits of each pupil, and what the class sees; the teacher is bound by none of it.

    Attributes:
        waiting: the most runs of a person that wait at a time.
        seeds: the most seeds that are queued at once.
        seconds: the longest predicted training time of a run, in seconds; None for any.
        sees: which runs a pupil sees.
        locked: paths of pages that pupils cannot open.
        names_in_files: whether exported files hold the pupils' names in place of their pseudonyms.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    waiting: Annotated[int, Field(ge=1, le=1000)] = MAX_SEEDS
    seeds: Annotated[int, Field(ge=1, le=MAX_SEEDS)] = MAX_SEEDS
    seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    sees: Sees = Sees.ALL
    locked: tuple[str, ...] = ()
    names_in_files: bool = False

"""What can stand on the stage, each kind declared once: the teacher's choice, and how the projector draws it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mnist_lab.reader import Reader
from mnist_lab.ui.lesson import challenges


@dataclass(frozen=True)
class Scene:
    """A kind of thing to show.

    Attributes:
        title: as the teacher chooses it.
        show: draws it for whoever looks at the stage, from what the teacher has chosen with it, plain JSON values; in type
            that is read from ten metres.
    """

    title: str
    show: Callable[[Reader, dict[str, Any]], None]


SCENES: dict[str, Scene] = {
    "challenge": Scene("The challenge's board", challenges.scene),
}

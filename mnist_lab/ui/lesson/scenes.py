"""What can stand on the stage, each kind declared once: the teacher's choice, and how the projector draws it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mnist_lab.reader import Reader
from mnist_lab.ui.lesson import challenges, digit_scenes, guesses
from mnist_lab.ui.lesson.staged import board, drawing, front, race, welcome


@dataclass(frozen=True)
class Scene:
    """A kind of thing to show.

    Attributes:
        title: as the teacher chooses it.
        show: draws it for whoever looks at the stage, from what the teacher has chosen with it, plain JSON values; in type
            that is read from ten metres. It has 1856×1016 pixels, whatever the window, and 1 rem is 24 of them.
        steer: draws what the teacher chooses for it, on the Class page; None where there is nothing to choose.
    """

    title: str
    show: Callable[[Reader, dict[str, Any]], None]
    steer: Callable[[Reader, dict[str, Any]], None] | None = None


# What a scene may be given is checked by `lesson.stage.DATA`.
SCENES: dict[str, Scene] = {
    "welcome": Scene("Welcome", welcome.show, welcome.steer),
    "race": Scene("Race", race.show, race.steer),
    "board": Scene("Board", board.show, board.steer),
    "front": Scene("Accuracy and cost", front.show, front.steer),
    "drawing": Scene("A drawn digit", drawing.show),
    "guess": Scene("Guesses", guesses.scene, guesses.steer),
    "challenge": Scene("The challenge's board", challenges.scene),
    "own-digits": Scene("Our own digits", digit_scenes.sheet),
    "own-digits-wrong": Scene("Our own digits that a network gets wrong", digit_scenes.wrong),
}

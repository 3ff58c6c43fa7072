"""The questions that can be asked about a trained network, each declared once; `answers` has a function for each.

Without TensorFlow: pages ask them, and the server never loads it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from mnist_lab.data import drawing, mnist
from mnist_lab.errors import InputError

KINDS: dict[str, type["Question"]] = {}

Method = Literal["occlusion", "gradient", "integrated gradients"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question about a run's network; a kind of question declares what else it needs to know.

    Attributes:
        kind: what it is called in the store.
        is_long: its answer takes seconds rather than a moment, and must not keep others waiting.
        is_tested: its answer tells how the network does on the test images.
        run_id, epoch: whose weights, as validated after which epoch; the kept ones where that is None.
    """

    kind: ClassVar[str]
    is_long: ClassVar[bool]
    is_tested: ClassVar[bool]
    run_id: int
    epoch: int | None = None

    def __init_subclass__(cls, kind: str, is_long: bool = False, is_tested: bool = False) -> None:
        cls.kind, cls.is_long, cls.is_tested = kind, is_long, is_tested
        KINDS[kind] = cls

    @property
    def arguments(self) -> dict[str, Any]:
        """All of it but its kind, as plain data."""
        return asdict(self)

    @property
    def particulars(self) -> dict[str, Any]:
        """What it asks beside whom it asks."""
        return {name: value for name, value in self.arguments.items() if name not in ("run_id", "epoch")}


@dataclass(frozen=True, kw_only=True)
class Answer(Question, kind="answer"):
    """What an image is taken for; images are texts of `drawing.as_text`."""

    image: str


@dataclass(frozen=True, kw_only=True)
class Maps(Question, kind="maps"):
    """What each layer makes of an image."""

    image: str


@dataclass(frozen=True, kw_only=True)
class Attribution(Question, kind="attribution"):
    """How much each pixel matters for a digit."""

    image: str
    digit: int
    method: Method


@dataclass(frozen=True, kw_only=True)
class Tested(Question, kind="tested", is_long=True, is_tested=True):
    """What every test image is taken for."""


@dataclass(frozen=True, kw_only=True)
class OwnDigits(Question, kind="own digits", is_long=True):
    """What drawings of `store.digits` are taken for, by their ids: a drawing never changes, it can only be gone."""

    digits: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Hidden(Question, kind="hidden", is_long=True, is_tested=True):
    """Where the last hidden layer puts the test images, and which units are dead."""


@dataclass(frozen=True, kw_only=True)
class Robustness(Question, kind="robustness", is_long=True, is_tested=True):
    """Accuracy on test images that are changed more and more: a kind of `data.perturbation`, and its strengths."""

    change: str
    strengths: Sequence[float]
    images: int


@dataclass(frozen=True, kw_only=True)
class Ablation(Question, kind="ablation", is_long=True, is_tested=True):
    """What some channels of some parts are worth: accuracy with and without them."""

    off: dict[str, list[int]]
    images: int


@dataclass(frozen=True, kw_only=True)
class EachAblated(Question, kind="each alone", is_long=True, is_tested=True):
    """What each channel of a part is worth: accuracy with that one switched off."""

    part: str
    images: int


@dataclass(frozen=True, kw_only=True)
class Export(Question, kind="export", is_long=True, is_tested=True):
    """The network as files of Keras' own."""


def read(kind: str, arguments: dict[str, Any]) -> Question:
    """The question of a kind with its arguments as they are stored. Raises InputError where there is none such."""
    if kind not in KINDS:
        raise InputError(f"Question: should be one of {', '.join(KINDS)}; received {kind[:40]!r}.")
    try:
        return KINDS[kind](**arguments)
    except TypeError:
        raise InputError(
            f"Question: {kind} should have other arguments; received {', '.join(arguments)[:200]!r}."
        ) from None


def tells_of_test_images(question: Question) -> bool:
    """Whether the answer tells what a network makes of any test image. Raises InputError where what it shows is no image."""
    image = getattr(question, "image", None)
    if not isinstance(image, str):
        return question.is_tested
    return bool((mnist.load()[1].x == drawing.from_text(image)).all(axis=(1, 2)).any())


def is_long(kind: str) -> bool:
    """Whether answers to a kind of question take seconds; an unknown kind is refused at once."""
    return kind in KINDS and KINDS[kind].is_long

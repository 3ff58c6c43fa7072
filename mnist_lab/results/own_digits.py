"""A set of people's own digits: how many it has, which one is to be drawn next, its files, and how well a network reads it."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnist_lab.numerals import counted
from mnist_lab.results.proportion import Proportion, of_people
from mnist_lab.store.arrays import compressed
from mnist_lab.store.digits import Digit

ACROSS, CELL, MARGIN, HEAD = 25, 60, 70, 60  # of the sheet: drawings in a row, and pixels
CLASSES = 10


@dataclass(frozen=True)
class DigitSet:
    """Drawings with their labels.

    Attributes:
        digits: all of them, thrown out or not, oldest first.
    """

    digits: tuple[Digit, ...]

    @cached_property
    def kept(self) -> list[Digit]:
        """Those that count."""
        return [digit for digit in self.digits if digit.thrown_out is None]

    @cached_property
    def thrown_out(self) -> list[Digit]:
        """Those that do not count."""
        return [digit for digit in self.digits if digit.thrown_out is not None]

    @property
    def images(self) -> np.ndarray:
        """Of those that count, uint8 `(n, 28, 28)`."""
        return np.stack([digit.image for digit in self.kept]) if self.kept else np.zeros((0, 28, 28), np.uint8)

    @property
    def labels(self) -> np.ndarray:
        """Of those that count, uint8 `(n,)`."""
        return np.array([digit.label for digit in self.kept], np.uint8)

    @property
    def words(self) -> str:
        """How many there are, such as `41 digits by 12 people, 3 thrown out`."""
        drawers = len({digit.person for digit in self.kept})
        by = f" by {'1 person' if drawers == 1 else f'{drawers} people'}" if drawers else ""
        out = f", {len(self.thrown_out)} thrown out" if self.thrown_out else ""
        return f"{counted(len(self.kept), 'digit')}{by}{out}"

    def means(self) -> np.ndarray:
        """The mean image of each digit, uint8 `(10, 28, 28)`; empty where there is none."""
        images, labels = self.images, self.labels
        means = [
            images[labels == d].mean(axis=0) if (labels == d).any() else np.zeros((28, 28)) for d in range(CLASSES)
        ]
        return np.round(np.stack(means)).astype(np.uint8)


def named(label: int) -> str:
    """A digit with its article: `a 3`, `an 8`."""
    return f"an {label}" if label == 8 else f"a {label}"


def next_label(drawn: Sequence[Digit]) -> int:
    """Which digit somebody is asked for: the smallest one of which they have drawn the fewest that count."""
    counts = Counter(digit.label for digit in drawn if digit.thrown_out is None)
    return min(range(CLASSES), key=lambda label: (counts[label], label))


def npz(found: DigitSet, names: Mapping[str, str]) -> bytes:
    """The drawings that count as a NumPy file: `images`, uint8 `(n, 28, 28)`, `labels`, uint8 `(n,)`, and `drawers`, text `(n,)`.

    Args:
        names: what drawers are called in it, by their pseudonyms; whoever is not among them is the teacher.
    """
    drawers = np.array([names.get(digit.person, "teacher") for digit in found.kept], np.str_)
    return compressed(images=found.images, labels=found.labels, drawers=drawers)


def sheet(found: DigitSet) -> bytes:
    """The drawings that count as a picture (PNG), in rows by their labels, how many there are above them."""
    rows = [
        (label, those[first : first + ACROSS])
        for label in range(CLASSES)
        if (those := [digit for digit in found.kept if digit.label == label])
        for first in range(0, len(those), ACROSS)
    ]
    page = Image.new("L", (MARGIN + ACROSS * CELL, HEAD + max(1, len(rows)) * CELL), 255)
    draw = ImageDraw.Draw(page)
    draw.text((12, 14), found.words, fill=0, font=ImageFont.load_default(26))
    large, last = ImageFont.load_default(36), None
    for number, (label, those) in enumerate(rows):
        top = HEAD + number * CELL
        if label != last:
            draw.line([(0, top), (page.width, top)], fill=200)
            draw.text((24, top + 8), str(label), fill=0, font=large)
        last = label
        for place, digit in enumerate(those):
            picture = Image.fromarray(255 - digit.image).resize((56, 56), Image.Resampling.NEAREST)
            page.paste(picture, (MARGIN + place * CELL + 2, top + 2))
    file = io.BytesIO()
    page.save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True)
class Mistake:
    """A drawing that a network takes for another digit: for which one, and how sure it is, from 0 to 1."""

    digit: Digit
    says: int
    sure: float


@dataclass(frozen=True)
class Score:
    """How well a network reads a set.

    Attributes:
        whole: its accuracy; by_digit: of each digit, None where there is none.
        mistakes: what it gets wrong, the most confident first.
    """

    whole: Proportion
    by_digit: tuple[Proportion | None, ...]
    mistakes: tuple[Mistake, ...]


def score(digits: Sequence[Digit], probabilities: np.ndarray) -> Score:
    """How well a network reads some drawings, of which there is at least one.

    Args:
        probabilities: that it gives the ten digits, `(n, 10)`.
    """
    says, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = [
        Mistake(digit, int(answer), float(share))
        for digit, answer, share in zip(digits, says, sure, strict=True)
        if digit.label != answer
    ]
    is_right = np.array([digit.label for digit in digits]) == says

    def of(chosen: list[int]) -> Proportion | None:
        people = Counter(digits[i].person for i in chosen)
        right = Counter(digits[i].person for i in chosen if is_right[i])
        return of_people([right[key] for key in people], list(people.values())) if chosen else None

    whole = of(list(range(len(digits))))
    assert whole is not None
    by_digit = tuple(of([i for i, digit in enumerate(digits) if digit.label == d]) for d in range(CLASSES))
    return Score(whole, by_digit, tuple(sorted(wrong, key=lambda mistake: -mistake.sure)))

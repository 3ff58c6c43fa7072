"""Use cases of people's own digits: draw, delete, throw out, take back, and export them. In a class they are the class's set,
else that of whoever has the lab alone."""

from typing import Any

from mnist_lab.classroom.rights import Rights, rights
from mnist_lab.data import drawing
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.person import Person
from mnist_lab.results import own_digits
from mnist_lab.results.own_digits import DigitSet
from mnist_lab.store.digits import Digit
from mnist_lab.store.store import Store


class Digits:
    """The use cases over one store.

    Raises:
        NotAllowedError: from any method, where whoever asks may not.
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, label: int, strokes: Any, *, by: Person) -> int:
        """Keep a drawing, prepared as MNIST's digits are; returns its id. The same drawing again is kept once.

        Args:
            strokes: as of `drawing.strokes`.

        Raises:
            InputError: the drawing is empty or is none, the label is no digit, or there are too many drawings.
        """
        who = rights(self._store, by)
        who.must_be_open()
        if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label <= 9:
            raise InputError(f"Label: should be a digit from 0 to 9; received {str(label)[:40]!r}.")
        image = drawing.prepared(drawing.rendered(drawing.strokes(strokes)))
        if not image.any():
            raise InputError(f"Drawing: the pad is empty; draw {own_digits.named(label)} on it first.")
        return self._store.digits.add(_set(who), who.owner, label, image.tobytes(), who.allowance)

    def delete(self, *ids: int, by: Person) -> None:
        """Delete drawings for good; those that are gone are passed over."""
        who = rights(self._store, by)
        who.must_be_open()
        found = self._in_the_set(who, ids)
        for digit in found:
            if not who.are_all and digit.person != who.owner:
                raise NotAllowedError(
                    f"Digit {digit.id}: it is not yours; only whoever drew it and the teacher may delete it."
                )
        self._store.digits.delete(digit.id for digit in found)

    def throw_out(self, *ids: int, by: Person) -> None:
        """Count drawings no more, for they are empty or no digits; those that are gone are passed over."""
        self._throw(ids, by, is_out=True)

    def take_back(self, *ids: int, by: Person) -> None:
        """Count drawings again that were thrown out."""
        self._throw(ids, by, is_out=False)

    def mine(self, *, by: Person) -> list[Digit]:
        """What somebody has drawn into the set themselves, thrown out or not, oldest first."""
        who = rights(self._store, by)
        return self._store.digits.of(_set(who), who.owner)

    def all(self, *, by: Person) -> DigitSet:
        """The whole set."""
        return DigitSet(tuple(self._store.digits.of(_set(rights(self._store, by)))))

    def npz(self, *, by: Person) -> bytes:
        """The set as `own_digits.npz`; with the drawers' names for the teacher who has ticked that, else their pseudonyms."""
        who, found = rights(self._store, by), self.all(by=by)
        if who.room is None:
            return own_digits.npz(found, {digit.person: digit.person for digit in found.digits})
        is_named = who.are_all and who.settings.names_in_files
        members = self._store.people.of(who.room.id, removed_too=True)
        return own_digits.npz(found, {one.key: one.name if is_named else one.key for one in members})

    def sheet(self, *, by: Person) -> bytes:
        """The set as `own_digits.sheet`."""
        return own_digits.sheet(self.all(by=by))

    def _throw(self, ids: tuple[int, ...], by: Person, *, is_out: bool) -> None:
        who = rights(self._store, by)
        who.must_be_all()
        self._store.digits.throw_out((digit.id for digit in self._in_the_set(who, ids)), is_out=is_out)

    def _in_the_set(self, who: Rights, ids: tuple[int, ...]) -> list[Digit]:
        return [digit for digit in self._store.digits.some(ids).values() if digit.class_id == _set(who)]


def _set(who: Rights) -> int | None:
    """The id of the class whose set it is, None for the set of whoever is alone."""
    return who.room.id if who.room else None

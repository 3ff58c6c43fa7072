"""Undo and redo of one value."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
DEPTH = 200


@dataclass(frozen=True)
class History(Generic[T]):
    """A value with what it was before (the last `DEPTH` of it) and what was undone; never changes itself."""

    present: T
    past: tuple[T, ...] = ()
    future: tuple[T, ...] = ()

    def did(self, value: T) -> "History[T]":
        """A change to `value`; what was undone before is gone. No change where it is the same."""
        if value == self.present:
            return self
        return History(value, (*self.past, self.present)[-DEPTH:])

    def undo(self) -> "History[T]":
        """One change back; the same where there is none."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (self.present, *self.future))

    def redo(self) -> "History[T]":
        """The change that was undone last, again; the same where there is none."""
        if not self.future:
            return self
        return History(self.future[0], (*self.past, self.present), self.future[1:])

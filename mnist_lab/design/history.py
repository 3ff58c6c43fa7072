"""Undo and redo of a value."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
DEPTH = 200


@dataclass(frozen=True)
class History(Generic[T]):
    """A value with its last `DEPTH` earlier values, newest last, and the undone ones, next to redo first; immutable."""

    present: T
    past: tuple[T, ...] = ()
    future: tuple[T, ...] = ()

    def push(self, value: T) -> "History[T]":
        """The history after a change to `value`, with nothing to redo; the same history where the value is the same."""
        if value == self.present:
            return self
        return History(value, (*self.past, self.present)[-DEPTH:])

    def undo(self) -> "History[T]":
        """The history with the last change undone; the same where there is none."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (self.present, *self.future))

    def redo(self) -> "History[T]":
        """The history with the change that was undone last made again; the same where there is none."""
        if not self.future:
            return self
        return History(self.future[0], (*self.past, self.present), self.future[1:])

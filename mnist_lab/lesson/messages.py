"""Use cases of messages: a teacher sends a note, a design or a page to everybody in the class or to one; pupils put it away.

A design or page is a proposal: whoever gets it opens it with one click, or does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, model_validator

from mnist_lab.classroom.rights import TEACHER_ONLY, Rights, rights
from mnist_lab.design.blocks import Spec
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.names import sanitized
from mnist_lab.person import Kind, Person
from mnist_lab.reader import ID_LIMIT, Reader
from mnist_lab.results.comparison import MAX_SIDES
from mnist_lab.store.messages import StoredMessage
from mnist_lab.store.store import Store

MAX_TEXT, MAX_LINES = 300, 5
MOST_SHOWN = 2  # at once; the others come as these are put away


class Sent(StrEnum):
    """What was sent."""

    NOTE = "note"
    PAGE = "page"
    DESIGN = "design"


# What the address of a page may name, by the page's path.
_NAMED: dict[str, tuple[str, ...]] = {
    "": (),
    "train": ("run",),
    "results": (),
    "studies": ("study",),
    "inspect": ("runs",),
    "run": ("run",),
    "compare": ("runs",),
}
_NEEDS = {"run": "run", "compare": "runs"}  # pages that are nothing without it
PAGES = tuple(_NAMED)

_Id = Annotated[int, Field(ge=1, lt=ID_LIMIT)]


class PageLink(Spec):
    """A page of the lab, with what it is to show.

    Attributes:
        page: its path, one of `PAGES`.
        run, runs, study: the numbers of what its address names.
    """

    page: str
    run: _Id | None = None
    runs: Annotated[tuple[_Id, ...], Field(max_length=MAX_SIDES)] = ()
    study: _Id | None = None

    @model_validator(mode="after")
    def _fits(self) -> "PageLink":
        if self.page not in _NAMED:
            raise ValueError(f"Page: should be one of {', '.join(PAGES[1:])}, or empty; received {self.page[:40]!r}")
        given = {name for name in ("run", "runs", "study") if getattr(self, name)}
        if other := given - set(_NAMED[self.page]):
            raise ValueError(f"Page: the address of {self.page or 'design'!r} names no {min(other)}")
        if _NEEDS.get(self.page) not in {None, *given}:
            raise ValueError(f"Page: {self.page!r} should name {_NEEDS[self.page]}; received none")
        if self.page == "compare" and len(set(self.runs)) < 2:
            raise ValueError(f"Page: 'compare' should name 2 to {MAX_SIDES} runs; received {len(set(self.runs))}")
        return self

    @property
    def query(self) -> dict[str, str]:
        """The parameters of its address."""
        found = {"run": self.run, "runs": ",".join(map(str, self.runs)), "study": self.study}
        return {name: str(value) for name, value in found.items() if value}


@dataclass(frozen=True)
class Message:
    """What was sent, and who has seen it.

    Attributes:
        to: the pseudonym of whom it is for; None for everybody in the class.
        text: what the teacher wrote, plain text of at most `MAX_TEXT` characters; may be empty where something is sent with it.
        sent: when, in seconds since 1970 (UTC).
        is_withdrawn: whether it is shown to nobody any more.
        shown, read: the pseudonyms of those whose page has shown it, and of those who then put it away or opened it.
    """

    id: int
    to: str | None
    kind: Sent
    text: str
    link_json: str | None
    sent: float
    is_withdrawn: bool
    shown: frozenset[str]
    read: frozenset[str]

    @cached_property
    def page(self) -> PageLink | None:
        """The page that was sent. Raises InputError where it is not as the lab wrote it; so does `design`."""
        return parse(PageLink, self.link_json) if self.kind is Sent.PAGE and self.link_json else None

    @cached_property
    def design(self) -> Experiment | None:
        """The design that was sent."""
        return parse(Experiment, self.link_json) if self.kind is Sent.DESIGN and self.link_json else None

    def is_for(self, key: str) -> bool:
        """Whether it is to be shown to a pupil, who has not put it away."""
        return not self.is_withdrawn and self.to in (None, key) and key not in self.read


class Messages:
    """The use cases of messages over one store.

    Args:
        reader: what somebody may see, as `Lab.reader`.

    Raises:
        NotAllowedError: from any method that takes who asks, where they may not.
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store, reader: Callable[[Person], Reader]) -> None:
        self._store = store
        self._reader = reader

    # For the teacher; each takes whom it is for, by their pseudonym, or None for everybody, and returns the message's id

    def note(self, text: str, *, by: Person, to: str | None = None) -> int:
        """Send a note.

        Raises:
            InputError: it is empty or too long, there is no class, or whom it is for is not in it.
        """
        class_id = self._taught(by)
        if not (written := _written(text)):
            raise InputError("Message: should say something; received nothing.")
        return self._store.messages.send(class_id, to, Sent.NOTE, written, None)

    def send_page(self, link: PageLink, text: str = "", *, by: Person, to: str | None = None) -> int:
        """Send a page to open, with a few words or none.

        Raises:
            InputError: as `note`, or it names a run or study that there is not.
        """
        class_id = self._taught(by)
        reader = self._reader(by)
        for run_id in {*([link.run] if link.run else []), *link.runs}:
            reader.run(run_id)
        if link.study:
            reader.study(link.study)
        return self._store.messages.send(class_id, to, Sent.PAGE, _written(text), link.model_dump_json())

    def send_design(self, experiment: Experiment, text: str = "", *, by: Person, to: str | None = None) -> int:
        """Send a design to open, with a few words or none; raises InputError as `note`."""
        class_id = self._taught(by)
        return self._store.messages.send(class_id, to, Sent.DESIGN, _written(text), experiment.model_dump_json())

    def withdraw(self, message_id: int, *, by: Person) -> None:
        """Let a message be shown to nobody any more."""
        self._store.messages.withdraw(self._taught(by), message_id)

    def all(self, *, by: Person) -> list[Message]:
        """What was sent to the class that is on, the newest first."""
        return self.of(self._taught(by))

    # For everybody

    def of(self, class_id: int) -> list[Message]:
        """What was sent to a class, the newest first: read once for all of it, each of whom is shown what `is_for` them."""
        return [_message(stored) for stored in self._store.messages.of(class_id)]

    def mine(self, *, by: Person) -> list[Message]:
        """What is to be shown to somebody, the newest first; nothing to the teacher."""
        who = rights(self._store, by)
        if by.kind is not Kind.PUPIL or who.room is None:
            return []
        return [message for message in self.of(who.room.id) if message.is_for(by.key)]

    def show(self, *message_ids: int, by: Person) -> None:
        """Note that the page of whoever asks has shown these messages; raises NotAllowedError as `dismiss`."""
        self._must_be_mine(message_ids, by)
        self._store.messages.show(by.key, message_ids)

    def dismiss(self, message_id: int, *, by: Person) -> None:
        """Put a message away, for whoever asks; again where they have before.

        Raises:
            NotAllowedError: it was not sent to them.
        """
        self._must_be_mine([message_id], by)
        self._store.messages.read(by.key, message_id)

    def _must_be_mine(self, message_ids: Any, by: Person) -> None:
        room = rights(self._store, by).room
        sent = self._store.messages.of(room.id) if room and by.kind is Kind.PUPIL else []
        mine = {one.id for one in sent if one.person in (None, by.key)}
        for message_id in message_ids:
            if message_id not in mine:
                raise NotAllowedError(f"Message {message_id}: it was not sent to you.")

    def _taught(self, by: Person) -> int:
        """The id of the class that is on. Raises NotAllowedError where this is not the teacher, InputError where there is
        none."""
        if by.kind is not Kind.TEACHER:
            raise NotAllowedError(TEACHER_ONLY)
        who: Rights = rights(self._store, by)
        if who.room is None:
            raise InputError("Class: there is none; open one first.")
        return who.room.id


def _written(text: str) -> str:
    """A text as it is kept: without what cannot be seen, but its line breaks.

    Raises:
        InputError: it is too long.
    """
    if len(text) > 2 * MAX_TEXT:  # spares looking at every character of a book
        raise InputError(f"Message: should have at most {MAX_TEXT} characters; received {len(text):,}.")
    lines = [sanitized(line, 2 * MAX_TEXT, otherwise="") for line in text.splitlines()]
    found = "\n".join(line for line in lines if line)
    if len(found) > MAX_TEXT or found.count("\n") >= MAX_LINES:
        raise InputError(
            f"Message: should have at most {MAX_TEXT} characters on {MAX_LINES} lines; received {len(found)} on "
            f"{found.count(chr(10)) + 1}."
        )
    return found


def _message(stored: StoredMessage) -> Message:
    return Message(
        stored.id,
        stored.person,
        Sent(stored.kind),
        stored.text,
        stored.link_json,
        stored.sent,
        stored.withdrawn is not None,
        stored.shown,
        stored.read,
    )

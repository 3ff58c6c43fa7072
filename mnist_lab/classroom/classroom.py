"""Use cases of a class: open and close it, join it, let in, rename and remove people, set limits, pause the queue.

Each takes who asks for it, but joining, which is how one becomes somebody.
"""

import re

from mnist_lab.classroom import codes
from mnist_lab.classroom.rights import TEACHER_ONLY, Rights, rights
from mnist_lab.classroom.settings import ClassSettings
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.names import normalized
from mnist_lab.person import Kind, Person
from mnist_lab.store.classes import Class
from mnist_lab.store.people import Member
from mnist_lab.store.store import Store

MAX_PERSON_NAME = 40
_RESERVED = re.compile(r"(pupil|user)\s*\d+|.*\(teacher\)", re.IGNORECASE)  # pseudonyms, and how the teacher is shown


class WrongCodeError(InputError):
    """Somebody typed a code that is not that of the class."""


class Classroom:
    """The use cases of a class in an open store.

    Raises:
        NotAllowedError: from any method that takes who asks, where they may not.
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def rights(self, by: Person) -> Rights:
        """What somebody may do now."""
        return rights(self._store, by)

    # For whoever is not in the class yet

    def is_on(self) -> bool:
        """Whether there is a class: then nobody but its members and its teacher sees anything."""
        return self._store.classes.current() is not None

    def is_open(self) -> bool:
        """Whether there is a class that can be joined now."""
        room = self._store.classes.current()
        return room is not None and room.is_open

    def is_code(self, code: str) -> bool:
        """Whether this is the code of the open class. Raises InputError where none is open."""
        try:
            self._entered(code)
        except WrongCodeError:
            return False
        return True

    def name(self, by: Person) -> str:
        """What somebody is called; whoever is in no class, by their own key."""
        self.rights(by)
        member = self._store.people.by_key(by.key) if by.kind is Kind.PUPIL else None
        return member.name if member else by.key

    def join(self, code: str, name: str) -> Member | None:
        """Join the open class under a name; None where somebody in it has this name, see `ask_to_be`.

        Raises:
            WrongCodeError: this is not its code.
            InputError: there is no open class, it is full, or the name is none of 1 to 40 visible characters.
        """
        room = self._entered(code)
        return self._store.people.join(room.id, checked(name))

    def ask_to_be(self, code: str, name: str) -> str | None:
        """Ask the teacher to be let in as the member with a name; returns the request's token for `admitted`, None where
        nobody has the name. Raises as `join`."""
        room = self._entered(code)
        return self._store.people.ask(room.id, checked(name))

    def admitted(self, token: str) -> Member | bool:
        """Whom a request was admitted as; True while it waits, False where it was turned away."""
        return self._store.people.admitted(token)

    def withdraw(self, token: str) -> None:
        """Give up a request that waits."""
        self._store.people.withdraw(token)

    # For the teacher

    def open(self, *, by: Person) -> None:
        """Open a new class.

        Raises:
            InputError: there is one already.
        """
        _must_teach(by)
        self._store.classes.open(codes.new(), ClassSettings().model_dump_json())

    def close(self, *, by: Person) -> None:
        """End joining and training; looking goes on."""
        self._store.classes.close(self._taught(by).id)

    def reopen(self, *, by: Person) -> None:
        """Let pupils join and train again."""
        self._store.classes.reopen(self._taught(by).id)

    def end(self, *, by: Person) -> None:
        """Give the lab back to one person; what the class made stays."""
        self._store.classes.end(self._taught(by).id)

    def ended(self, *, by: Person) -> list[Class]:
        """The classes that have ended, newest first."""
        _must_teach(by)
        return self._store.classes.ended()

    def delete(self, class_id: int, *, by: Person) -> None:
        """Remove a class for good, with its people and all that they made.

        Raises:
            InputError: it has not ended, or one of its runs is still in training.
        """
        _must_teach(by)  # also where no class is on, and whoever is alone may do everything else: this is for good
        self._store.lease.requeue_orphans()
        self._store.classes.delete(class_id)

    def settings(self, class_id: int, *, by: Person) -> ClassSettings:
        """What was allowed in a class, ended or not.

        Raises:
            InputError: there is none with this id.
        """
        _must_teach(by)
        for room in [*filter(None, [self._store.classes.current()]), *self._store.classes.ended()]:
            if room.id == class_id:
                return ClassSettings.model_validate_json(room.settings_json)
        raise InputError(f"Class: there is none with the number {class_id} any more.")

    def allow(self, settings: ClassSettings, *, by: Person) -> None:
        """Set limits, what pupils see, locked pages, and whether files hold names."""
        self._store.classes.allow(self._taught(by).id, settings.model_dump_json())

    def hold(self, *, is_held: bool, by: Person) -> None:
        """Pause the whole queue, or let it go on."""
        self._store.classes.hold(self._taught(by).id, is_held=is_held)

    def members(self, *, by: Person) -> list[Member]:
        """Who is in the class, in the order in which they joined."""
        return self._store.people.of(self._taught(by).id)

    def asking(self, *, by: Person) -> list[tuple[str, str]]:
        """Who waits to be let in, oldest first: the token of each request, and the name it is for."""
        return self._store.people.asking(self._taught(by).id)

    def answer(self, token: str, *, admit: bool, by: Person) -> None:
        """Let in whoever asks, or turn them away."""
        self._taught(by)
        self._store.people.answer(token, admit=admit)

    def turn_all_away(self, *, by: Person) -> None:
        """Turn away all who wait to be let in."""
        self._store.people.turn_all_away(self._taught(by).id)

    def renew_code(self, *, by: Person) -> None:
        """Give the class another code, for whoever knows the old one and should not."""
        self._store.classes.renew(self._taught(by).id, codes.new())

    def rename(self, key: str, name: str, *, by: Person) -> None:
        """Give a member another name.

        Raises:
            InputError: another member has it, or it is none of 1 to 40 visible characters.
        """
        self._taught(by)
        self._store.people.rename(key, checked(name))

    def remove(self, *keys: str, by: Person) -> None:
        """Remove members; what they made stays. The class gets another code, or they would be back at once."""
        room = self._taught(by)
        for key in keys:
            self._store.people.remove(key)
        self._store.classes.renew(room.id, codes.new())

    def _taught(self, by: Person) -> Class:
        """The class that is on. Raises NotAllowedError where this is not the teacher, InputError where there is none."""
        _must_teach(by)
        room = self._store.classes.current()
        if room is None:
            raise InputError("Class: there is none; open one first.")
        return room

    def _entered(self, code: str) -> Class:
        room = self._store.classes.current()
        if room is None or not room.is_open:
            raise InputError("Class: none is open here at the moment; ask your teacher.")
        if not codes.is_same(code, room.code):
            raise WrongCodeError(f"Code: this is not the code of the class; received {code[:20]!r}.")
        return room


def _must_teach(by: Person) -> None:
    """Raises NotAllowedError where somebody is not known as the teacher, not even if they are alone."""
    if by.kind is not Kind.TEACHER:
        raise NotAllowedError(TEACHER_ONLY)


def checked(name: str) -> str:
    """A person's name in its normal form. Raises InputError where it is none of 1 to 40 visible characters."""
    try:
        found = normalized(name, MAX_PERSON_NAME)
    except ValueError as error:
        raise InputError(f"Name: {error}.") from None
    if _RESERVED.fullmatch(found):
        raise InputError(f"Name: {found!r} is what the lab calls others; choose another one.")
    return found

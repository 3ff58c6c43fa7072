"""Who may do what, read from the store each time: a pupil who is removed, or whose class is closed, may no more from then on."""

from collections.abc import Iterable
from dataclasses import dataclass

from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.errors import NotAllowedError
from mnist_lab.person import Kind, Person
from mnist_lab.store.classes import Class
from mnist_lab.store.people import Allowance
from mnist_lab.store.run import Run
from mnist_lab.store.runs import Runs
from mnist_lab.store.store import Store
from mnist_lab.store.studies import StoredStudy

JOIN_FIRST = (
    "A class is open here: join it with its code and your name. Its teacher opens the link that the server printed."
)
LOOKS_ONLY = "This browser shows the class's stage: it looks on, and changes nothing."
TEACHER_ONLY = "Only the teacher may do that: open the link that the server printed when it started."


STAGE = "stage"  # the path of the only page that a looker-on opens


@dataclass(frozen=True)
class Rights:
    """What somebody may do now.

    Attributes:
        person: who.
        room: the class that is on; None where there is none, and everybody is the system's user, who may do everything.
        settings: what its teacher allows.
    """

    person: Person
    room: Class | None
    settings: ClassSettings

    @property
    def are_all(self) -> bool:
        """Whether everything is allowed: to the teacher, and to whoever is alone."""
        return self.room is None or self.person.kind is Kind.TEACHER

    @property
    def owner(self) -> str:
        """What their runs and designs are kept under."""
        return self.person.key

    @property
    def allowance(self) -> Allowance | None:
        """How many runs of theirs may wait; None for any number."""
        return None if self.are_all else Allowance(self.owner, self.settings.waiting)

    @property
    def only_looks(self) -> bool:
        """Whether this is a looker-on, who changes nothing at all."""
        return self.person.kind is Kind.LOOKER

    def must_take_part(self) -> None:
        """Raises NotAllowedError where this is a looker-on."""
        if self.only_looks:
            raise NotAllowedError(LOOKS_ONLY)

    def must_be_all(self) -> None:
        """Raises NotAllowedError where this is not the teacher."""
        self.must_take_part()
        if not self.are_all:
            raise NotAllowedError(TEACHER_ONLY)

    def may_change(self, its: Run | StoredStudy) -> bool:
        """Whether this person may stop, move, label or continue a run, or hold, look into or delete a study."""
        if self.only_looks:
            return False
        return self.are_all or (its.owner == self.owner and self.room is not None and self.room.is_open)

    def must_own(self, runs: Iterable[Run]) -> None:
        """Raises NotAllowedError where one of these runs is somebody else's, or the class is closed."""
        if self.are_all:
            return
        self.must_be_open()
        for run in runs:
            if run.owner != self.owner:
                raise NotAllowedError(
                    f"Run {run.id}: it is not yours; only whoever queued it and the teacher may change it."
                )

    def must_own_study(self, study: StoredStudy) -> None:
        """Raises NotAllowedError where this study is somebody else's, or the class is closed."""
        self.must_be_open()
        if not self.are_all and study.owner != self.owner:
            raise NotAllowedError(
                f"Study {study.id}: it is not yours; only whoever started it and the teacher may change it."
            )

    def must_be_open(self) -> None:
        """Raises NotAllowedError where the class is closed to this person, or they only look on."""
        self.must_take_part()
        if not self.are_all and self.room and not self.room.is_open:
            raise NotAllowedError("The class is closed: you can still look, and nothing can be changed or trained.")

    def may_open(self, path: str) -> bool:
        """Whether this person may open the page with a path."""
        if self.only_looks:
            return path == STAGE
        return self.are_all or path not in self.settings.locked

    @property
    def view(self) -> str | None:
        """Whose runs this person sees besides the class's best, by their owner; None for all runs.

        A looker-on sees all: what stands on the stage is the teacher's choice, whatever pupils see of each other's runs.
        """
        return None if self.are_all or self.only_looks or self.settings.sees is Sees.ALL else self.owner

    def seen(self, runs: Runs) -> Runs:
        """Those of some runs that this person may see: of a study that is sealed, and of a rehearsal, nobody sees any."""
        runs = runs.unsealed().unrehearsed()
        if self.view is None or self.room is None:
            return runs
        best = runs.best_of_class(self.room.id)
        return runs.of(self.owner, *([] if best is None else [best]))


def rights(store: Store, person: Person) -> Rights:
    """What somebody may do now.

    Raises:
        NotAllowedError: a class is on, and they are not in it.
    """
    room = store.classes.current()
    settings = ClassSettings.model_validate_json(room.settings_json) if room else ClassSettings()
    if person.kind is Kind.PUPIL:
        member = store.people.by_key(person.key)
        if room is None or member is None or member.class_id != room.id:
            raise NotAllowedError("Your class has ended; reload the page.")
        if member.removed:
            raise NotAllowedError("You are not in the class any more: ask your teacher, or join again.")
    elif person.kind is Kind.LOOKER:
        if room is None:
            raise NotAllowedError("The class whose stage this was has ended; reload the page.")
    elif room and person.kind is not Kind.TEACHER:
        raise NotAllowedError(JOIN_FIRST)
    return Rights(person, room, settings)

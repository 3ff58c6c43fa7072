"""A class with its people, without browsers."""

from mnist_lab.classroom.settings import ClassSettings
from mnist_lab.lab import Lab
from mnist_lab.person import Kind, Person
from mnist_lab.store.store import Store

TEACHER = Person("ada", Kind.TEACHER)
CODE = "CDFGHJ"


def open_class(store: Store, settings: ClassSettings | None = None) -> int:
    """The id of a class that is open."""
    return store.classes.open(CODE, (settings or ClassSettings()).model_dump_json())


def pupil(store: Store, name: str) -> Person:
    """Somebody who has joined the class that is on."""
    member = store.people.join(store.classes.current().id, name)
    return Person(member.key, Kind.PUPIL)


def allow(lab: Lab, **limits: object) -> None:
    """What the teacher allows, beside the defaults."""
    lab.classroom.allow(ClassSettings(**limits), by=TEACHER)

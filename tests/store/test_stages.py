"""What stands on each class's stage."""

from mnist_lab.store.store import Store
from tests.builders.classes import open_class


def test_what_stands_there_is_changed_from_what_stood_there_before(store: Store) -> None:
    room = open_class(store)
    assert store.stages.get(room) is None
    seen: list[str | None] = []

    def change(before: str | None) -> str:
        seen.append(before)
        return f"after {before}"

    store.stages.change(room, change)
    store.stages.change(room, change)
    assert seen == [None, "after None"]
    assert store.stages.get(room) == "after after None"


def test_each_class_has_its_own(store: Store) -> None:
    first = open_class(store)
    store.stages.change(first, lambda _: "first")
    store.classes.end(first)
    second = open_class(store)
    store.stages.change(second, lambda _: "second")
    assert (store.stages.get(first), store.stages.get(second)) == ("first", "second")

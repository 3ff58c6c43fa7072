"""What people chose last."""

from mnist_lab.store.store import Store


def test_choices_last_by_person_and_name(url: str) -> None:
    store = Store(url)
    assert store.choices.get("ada", "columns") is None
    store.choices.set("ada", "columns", ["name", "n"])
    store.choices.set("ada", "columns", ["n"])
    store.choices.set("bob", "columns", ["name"])
    store.close()
    again = Store(url)
    assert (again.choices.get("ada", "columns"), again.choices.get("bob", "columns")) == (["n"], ["name"])
    assert again.choices.get("ada", "rows") is None
    again.close()

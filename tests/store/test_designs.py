"""Designs kept by name."""

import json

import sqlalchemy as sa

from mnist_lab.design.experiment import read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.schema import DESIGNS
from mnist_lab.store.store import Store

MINE = PRESETS["3x3"].with_changes(name="mine")
OTHER = PRESETS["7x7"].with_changes(name="mine")


def test_designs_are_kept_by_name_until_they_are_deleted(store: Store) -> None:
    assert store.designs.save(MINE, "ada") is None
    assert store.designs.save(PRESETS["7x7"], "bob") is None
    assert {name: read_design(text) for name, text in store.designs.of("ada").items()} == {
        "7x7": PRESETS["7x7"],
        "mine": MINE,
    }
    store.designs.delete("mine", "bob")
    store.designs.delete("mine", "bob")
    assert list(store.designs.of("ada")) == ["7x7"]


def test_another_design_of_the_name_is_replaced_only_by_who_has_seen_it(store: Store) -> None:
    store.designs.save(MINE, "ada")
    kept = store.designs.save(OTHER, "bob")
    assert read_design(kept) == MINE
    assert store.designs.save(OTHER, "bob", replaces=OTHER.model_dump_json()) == kept, "it is not what is there"
    assert store.designs.save(OTHER, "bob", replaces=kept) is None
    assert read_design(store.designs.of("ada")["mine"]) == OTHER


def test_a_design_that_an_earlier_lab_wrote_with_fewer_fields_is_the_same(store: Store) -> None:
    mine = MINE.with_changes(protocol="holdout")
    store.designs.save(mine, "ada")
    fields = json.loads(store.designs.of("ada")["mine"])
    del fields["protocol"], fields["train_images"]  # both as by default
    with store.database.write() as connection:
        connection.execute(sa.update(DESIGNS).values(experiment=json.dumps(fields)))
    assert store.designs.save(mine, "bob") is None
    assert json.loads(store.designs.of("ada")["mine"]) == mine.model_dump(mode="json")

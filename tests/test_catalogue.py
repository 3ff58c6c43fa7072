"""What people say of runs, and what is put aside."""

import time

import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab import catalogue
from mnist_lab.errors import InputError
from mnist_lab.experiment import Status
from mnist_lab.lab import Lab
from mnist_lab.presets import PRESETS
from mnist_lab.store import Store
from mnist_lab.tables import RUN
from tests.test_store import trained


def labels(store: Store, run_id: int) -> tuple:
    run = store.run(run_id)
    return run.name, run.tags, run.note, run.archived is not None, run.deleted is not None


def test_labels_are_set_and_taken_back_one_by_one(store: Store) -> None:
    first, second = trained(store), trained(store)
    was = labels(store, first), labels(store, second)
    before = store.label([first, second], tags=["homework", "a", "a ", " "], note="odd", name="mine")
    assert labels(store, first) == ("mine", ("a", "homework"), "odd", False, False)
    again = store.label([first], archived=True, deleted=True)
    assert labels(store, first)[3:] == (True, True)
    store.relabel(again)
    assert labels(store, first)[3:] == (False, False)
    redo = store.relabel(before)
    assert (labels(store, first), labels(store, second)) == was
    store.relabel(redo)
    assert labels(store, second)[:3] == ("mine", ("a", "homework"), "odd")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": " "}, "Name: should be 1 to 60 characters"),
        ({"name": "x" * 61}, "Name: should be 1 to 60 characters"),
        ({"name": "two\nlines"}, "Name: should have nothing in it that cannot be seen; received U\\+000A in 'two"),
        ({"name": "\u3164"}, "Name: should have nothing in it that cannot be seen; received U\\+3164 HANGUL FILLER"),
        (
            {"tags": ["\u200b"]},
            "Tags: should have nothing in it that cannot be seen; received U\\+200B ZERO WIDTH SPACE",
        ),
        ({"note": "x" * 4001}, "Note: at most 4,000 characters; received 4,001"),
        ({"tags": ["x" * 41]}, "Tags: should be 1 to 40 characters that can be seen"),
        ({"tags": [str(i) for i in range(21)]}, "Tags: at most 20"),
    ],
)
def test_a_label_that_cannot_be_is_refused_in_a_sentence_and_changes_nothing(
    store: Store, values: dict, words: str
) -> None:
    run_id = trained(store)
    was = labels(store, run_id)
    with pytest.raises(InputError, match=words):
        store.label([run_id], **values)
    assert labels(store, run_id) == was


def test_what_waits_or_trains_cannot_be_deleted(store: Store) -> None:
    (waiting,) = store.add_runs([PRESETS["3x3"]], "ada")
    done = trained(store)
    with pytest.raises(InputError, match=f"Run {waiting}: what waits or trains cannot be deleted"):
        store.label([done, waiting], deleted=True)
    assert labels(store, done)[4] is False


def test_a_deleted_run_is_out_of_every_list_until_it_is_had_back(store: Store) -> None:
    gone, stays = trained(store), trained(store)
    before = store.label([gone], deleted=True)
    lab = Lab(store.url)
    assert [ids for (ids,) in lab.table()["ids"]] == [stays]
    assert [run.id for run in lab.runs()] == [run.id for run in lab.recent()] == [stays]
    assert lab.run(gone).deleted  # its page can have it back
    store.relabel(before)
    assert len(lab.table()) == 2


def test_what_was_deleted_long_ago_is_gone_with_all_that_was_kept(store: Store) -> None:
    gone, recent, stays = trained(store), trained(store), trained(store)
    store.label([gone, recent], deleted=True)
    with store._write() as connection:
        connection.execute(sa.update(RUN).where(RUN.c.id == gone).values(deleted=time.time() - 8 * 86_400))
    assert store.purge() == 1
    assert store.run(gone) is None
    assert store.run(recent)
    with store._read() as connection:
        for name in ("epochs", "batches", "checkpoints", "snapshots", "predictions"):
            table = sa.table(name, sa.column("run_id"))
            ids = set(connection.execute(sa.select(table.c.run_id)).scalars())
            assert gone not in ids, name
    assert store.weights(stays)
    assert catalogue.DELETED_DAYS == 7


def test_the_fingerprint_is_another_after_whatever_a_table_shows(store: Store) -> None:
    seen = [store.fingerprint()]

    def changed() -> None:
        now = store.fingerprint()
        assert now not in seen
        seen.append(now)

    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    changed()
    store.claim("engine")
    changed()
    store.end(run_id, Status.FAILED, "diverged")
    changed()
    before = store.label([run_id], note="a")
    changed()
    store.relabel(before)
    changed()
    store.label([run_id], deleted=True)
    changed()
    assert store.fingerprint() == seen[-1]


def test_choices_last_by_person_and_name(url: str) -> None:
    store = Store(url)
    assert store.choice("ada", "columns") is None
    store.choose("ada", "columns", ["name", "n"])
    store.choose("ada", "columns", ["n"])
    store.choose("bob", "columns", ["name"])
    store.close()
    again = Store(url)
    assert (again.choice("ada", "columns"), again.choice("bob", "columns")) == (["n"], ["name"])
    assert again.choice("ada", "rows") is None
    again.close()


def test_a_run_knows_its_seed_and_its_curve_without_its_log(store: Store) -> None:
    run_id = trained(store, epochs=3)
    row = store.listing().iloc[0]
    assert row["seed"] == PRESETS["3x3"].seed
    assert np.array_equal(Lab(store.url).table().iloc[0]["curve"], store.epochs([run_id])["validation_accuracy"])


def test_the_number_of_a_purged_run_is_never_given_away_again(store: Store) -> None:
    run_id = trained(store)
    store.label([run_id], deleted=True)
    assert store.purge(days=-1) == 1
    (new,) = store.add_runs([PRESETS["3x3"]], "ada")
    assert new > run_id

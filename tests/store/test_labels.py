"""What people say of runs, and what is put aside."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab.design.experiment import Status
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.store import labels as store_labels
from mnist_lab.store.schema import RUN
from mnist_lab.store.store import Store
from tests.builders.runs import trained


def labels(store: Store, run_id: int) -> tuple:
    run = store.run(run_id)
    return run.name, run.tags, run.note, run.archived is not None, run.deleted is not None


def test_labels_are_set_and_undone_one_by_one_and_that_undone_too(store: Store) -> None:
    first, second = trained(store), trained(store)
    was = labels(store, first), labels(store, second)
    changes = store.label([first, second], tags=["homework", "a", "a ", " "], note="odd", name="mine")
    assert labels(store, first) == ("mine", ("a", "homework"), "odd", False, False)
    again = store.label([first], archived=True, deleted=True)
    assert labels(store, first)[3:] == (True, True)
    assert store.undo_labels(again)[1] == []
    assert labels(store, first)[3:] == (False, False)
    redo, kept = store.undo_labels(changes)
    assert (labels(store, first), labels(store, second), kept) == (*was, [])
    store.undo_labels(redo)
    assert labels(store, second)[:3] == ("mine", ("a", "homework"), "odd")


@pytest.fixture
def other(url: str) -> Iterator[Store]:
    """The same database, opened by somebody else."""
    other = Store(url)
    yield other
    other.close()


def test_undo_leaves_what_others_wrote_meanwhile(store: Store, other: Store) -> None:
    run_id = trained(store)
    archived = store.label([run_id], archived=True)
    other.label([run_id], name="theirs", note="look at this", add_tags=["lesson"])
    assert store.undo_labels(archived)[1] == []
    assert labels(store, run_id) == ("theirs", ("lesson",), "look at this", False, False)


def test_undo_says_of_each_label_that_somebody_has_changed_since_that_it_stays(store: Store, other: Store) -> None:
    first, second, third = (trained(store) for _ in range(3))
    mine = store.label([first, second, third], name="mine", note="mine", archived=True)
    other.label([first], name="theirs")
    other.label([second], note="theirs")
    other.label([third], archived=False)
    again = other.label([third], archived=True)
    undone, kept = store.undo_labels(mine)
    assert kept == [
        f"the name of run {first}, which is now 'theirs'",
        f"the note of run {second}, which is now 'theirs'",
        f"run {third}, which somebody has archived since",
    ]
    assert {(change.run_id, change.label) for change in undone} == {
        (first, "note"),
        (first, "archived"),
        (second, "name"),
        (second, "archived"),
        (third, "name"),
        (third, "note"),
    }
    assert labels(store, first) == ("theirs", (), "", False, False)
    assert labels(store, second)[2:4] == ("theirs", False)
    assert labels(store, third) == ("3x3", (), "", True, False)
    assert other.undo_labels(again)[1] == []
    assert labels(store, third)[3] is False


def test_tags_are_added_and_removed_as_sets_by_two_at_once(store: Store, other: Store) -> None:
    run_id = trained(store)
    store.label([run_id], tags=["old", "stays"])
    mine = store.label([run_id], add_tags=["mine", "both"], remove_tags=["old"])
    other.label([run_id], add_tags=["theirs"], remove_tags=["both"])
    assert store.run(run_id).tags == ("mine", "stays", "theirs")
    store.undo_labels(mine)
    assert store.run(run_id).tags == ("old", "stays", "theirs")
    other.label([run_id], add_tags=[str(i) for i in range(17)])
    removed = store.label([run_id], remove_tags=["old"])
    other.label([run_id], add_tags=["20"])
    assert "of which there would be more than 20" in store.undo_labels(removed)[1][0]
    assert "old" not in store.run(run_id).tags


def test_many_who_tag_one_run_at_once_lose_no_tag(store: Store, url: str) -> None:
    run_id = trained(store)

    def tag(number: int) -> None:
        own = Store(url)
        own.undo_labels(own.label([run_id], add_tags=[f"undone {number}"]))
        own.label([run_id], add_tags=[f"tag {number}"])
        own.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tag, range(16)))
    assert set(store.run(run_id).tags) == {f"tag {i}" for i in range(16)}


def test_what_is_so_already_is_no_change_and_its_undo_takes_nothing_back(store: Store, other: Store) -> None:
    run_id = trained(store)
    store.label([run_id], archived=True, name="mine")
    when = store.run(run_id).archived
    assert other.label([run_id], archived=True, name="mine") == []
    assert store.run(run_id).archived == when


def test_a_name_or_note_that_is_no_longer_as_it_was_seen_is_not_written_over(store: Store, other: Store) -> None:
    run_id = trained(store)
    seen = {run_id: {"name": "3x3", "note": ""}}
    other.label([run_id], note="theirs")
    with pytest.raises(
        InputError, match=f"Run {run_id}: somebody has changed its note meanwhile, to 'theirs'; save again"
    ):
        store.label([run_id], seen=seen, note="mine", name="mine")
    assert labels(store, run_id)[:3] == ("3x3", (), "theirs"), "all or nothing"
    store.label([run_id], seen={run_id: {"note": "theirs"}}, note="mine")
    store.label([run_id], seen=seen, note="mine")  # twice the same is no conflict
    assert store.run(run_id).note == "mine"


def test_undoing_what_is_gone_for_good_says_so_and_undoes_the_rest(store: Store) -> None:
    gone, stays = trained(store), trained(store)
    changes = store.label([gone, stays], note="x")
    store.label([gone], deleted=True)
    store.purge(days=-1)
    assert store.undo_labels(changes)[1] == [f"run {gone}, which is gone for good"]
    assert store.run(stays).note == ""
    with pytest.raises(InputError, match=f"Run {gone}: there is none with this number any more"):
        store.label([gone], note="y")


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


def test_what_trains_cannot_be_deleted(store: Store) -> None:
    (training,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.claim("engine")
    done = trained(store)
    with pytest.raises(InputError, match=f"Run {training}: what trains cannot be deleted; stop it first"):
        store.label([done, training], deleted=True)
    assert labels(store, done)[4] is False


def test_what_waits_and_is_deleted_waits_again_in_its_place_where_that_is_undone(store: Store, other: Store) -> None:
    first, second, third = store.add_runs([PRESETS["3x3"]] * 3, "ada")
    gone = store.label([first, second], deleted=True)
    assert [run.id for run in store.active()] == [third]
    store.request_stop(first)
    store.request_pause(first)
    store.move(second, -1)
    assert {store.run(i).status for i in (first, second)} == {Status.QUEUED}, "what is deleted is left alone"
    assert store.claim("engine").id == third
    assert store.claim("engine") is None
    store.undo_labels(gone)
    assert [run.id for run in store.active() if run.status is Status.QUEUED] == [first, second]


def test_a_deleted_run_is_not_resumed_and_one_resumed_after_all_is_not_deleted_again(store: Store) -> None:
    (run_id,) = store.add_runs([PRESETS["3x3"]], "ada")
    store.request_pause(run_id)
    store.label([run_id], deleted=True)
    store.resume([run_id])
    assert store.run(run_id).status is Status.PAUSED
    restored = store.label([run_id], deleted=False)
    store.resume([run_id])
    store.claim("engine")
    assert store.undo_labels(restored)[1] == [f"run {run_id}, which trains and cannot be deleted"]
    assert store.run(run_id).deleted is None


def test_a_deleted_run_is_out_of_every_list_until_it_is_had_back(store: Store) -> None:
    gone, stays = trained(store), trained(store)
    before = store.label([gone], deleted=True)
    lab = Lab(store.url)
    assert [ids for (ids,) in lab.table()["ids"]] == [stays]
    assert [run.id for run in lab.runs()] == [run.id for run in lab.recent()] == [stays]
    assert lab.run(gone).deleted  # its page can have it back
    store.undo_labels(before)
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
    assert store_labels.DELETED_DAYS == 7


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
    store.undo_labels(before)
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

"""What people say of runs, and what is archived or deleted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.runs import trained


def labels(store: Store, run_id: int) -> tuple:
    run = store.runs.get(run_id)
    return run.name, run.tags, run.note, run.archived is not None, run.deleted is not None


@pytest.fixture
def other(url: str) -> Iterator[Store]:
    """The same database, opened by somebody else."""
    other = Store(url)
    yield other
    other.close()


def test_labels_are_set_and_undone_one_by_one_and_that_undone_too(store: Store) -> None:
    first, second = trained(store), trained(store)
    was = labels(store, first), labels(store, second)
    changes = store.labels.set([first, second], tags=["homework", "a", "a ", " "], note="odd", name="mine")
    assert labels(store, first) == ("mine", ("a", "homework"), "odd", False, False)
    again = store.labels.set([first], archived=True, deleted=True)
    assert labels(store, first)[3:] == (True, True)
    assert store.labels.undo(again)[1] == []
    assert labels(store, first)[3:] == (False, False)
    redo, kept = store.labels.undo(changes)
    assert (labels(store, first), labels(store, second), kept) == (*was, [])
    store.labels.undo(redo)
    assert labels(store, second)[:3] == ("mine", ("a", "homework"), "odd")


def test_undo_leaves_what_others_wrote_meanwhile(store: Store, other: Store) -> None:
    run_id = trained(store)
    archived = store.labels.set([run_id], archived=True)
    other.labels.set([run_id], name="theirs", note="look at this", add_tags=["lesson"])
    assert store.labels.undo(archived)[1] == []
    assert labels(store, run_id) == ("theirs", ("lesson",), "look at this", False, False)


def test_undo_says_of_each_label_that_somebody_has_changed_since_that_it_stays(store: Store, other: Store) -> None:
    first, second, third = (trained(store) for _ in range(3))
    mine = store.labels.set([first, second, third], name="mine", note="mine", archived=True)
    other.labels.set([first], name="theirs")
    other.labels.set([second], note="theirs")
    other.labels.set([third], archived=False)
    again = other.labels.set([third], archived=True)
    undone, kept = store.labels.undo(mine)
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
    assert other.labels.undo(again)[1] == []
    assert labels(store, third)[3] is False


def test_tags_are_added_and_removed_as_sets_by_two_at_once(store: Store, other: Store) -> None:
    run_id = trained(store)
    store.labels.set([run_id], tags=["old", "stays"])
    mine = store.labels.set([run_id], add_tags=["mine", "both"], remove_tags=["old"])
    other.labels.set([run_id], add_tags=["theirs"], remove_tags=["both"])
    assert store.runs.get(run_id).tags == ("mine", "stays", "theirs")
    store.labels.undo(mine)
    assert store.runs.get(run_id).tags == ("old", "stays", "theirs")
    other.labels.set([run_id], add_tags=[str(i) for i in range(17)])
    removed = store.labels.set([run_id], remove_tags=["old"])
    other.labels.set([run_id], add_tags=["20"])
    assert "which would be more than 20" in store.labels.undo(removed)[1][0]
    assert "old" not in store.runs.get(run_id).tags


def test_many_who_tag_one_run_at_once_lose_no_tag(store: Store, url: str) -> None:
    run_id = trained(store)

    def tag(number: int) -> None:
        own = Store(url)
        own.labels.undo(own.labels.set([run_id], add_tags=[f"undone {number}"]))
        own.labels.set([run_id], add_tags=[f"tag {number}"])
        own.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tag, range(16)))
    assert set(store.runs.get(run_id).tags) == {f"tag {i}" for i in range(16)}


def test_what_is_so_already_is_no_change_and_its_undo_takes_nothing_back(store: Store, other: Store) -> None:
    run_id = trained(store)
    store.labels.set([run_id], archived=True, name="mine")
    when = store.runs.get(run_id).archived
    assert other.labels.set([run_id], archived=True, name="mine") == []
    assert store.runs.get(run_id).archived == when


def test_a_name_or_note_that_is_no_longer_as_it_was_seen_is_not_written_over(store: Store, other: Store) -> None:
    run_id = trained(store)
    seen = {run_id: {"name": "3x3", "note": ""}}
    other.labels.set([run_id], note="theirs")
    with pytest.raises(
        InputError, match=f"Run {run_id}: somebody has changed its note to 'theirs' in the meantime; save again"
    ):
        store.labels.set([run_id], seen=seen, note="mine", name="mine")
    assert labels(store, run_id)[:3] == ("3x3", (), "theirs"), "all or nothing"
    store.labels.set([run_id], seen={run_id: {"note": "theirs"}}, note="mine")
    store.labels.set([run_id], seen=seen, note="mine")  # twice the same is no conflict
    assert store.runs.get(run_id).note == "mine"


def test_undoing_what_is_gone_for_good_says_so_and_undoes_the_rest(store: Store) -> None:
    gone, stays = trained(store), trained(store)
    changes = store.labels.set([gone, stays], note="x")
    store.labels.set([gone], deleted=True)
    store.runs.purge(days=-1)
    assert store.labels.undo(changes)[1] == [f"run {gone}, which has been removed for good"]
    assert store.runs.get(stays).note == ""
    with pytest.raises(InputError, match=f"Run {gone}: there is no run with this number any more"):
        store.labels.set([gone], note="y")


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
        store.labels.set([run_id], **values)
    assert labels(store, run_id) == was


def test_what_trains_cannot_be_deleted(store: Store) -> None:
    (training,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine")
    done = trained(store)
    with pytest.raises(InputError, match=f"Run {training}: a running run cannot be deleted; stop it first"):
        store.labels.set([done, training], deleted=True)
    assert labels(store, done)[4] is False


def test_what_waits_and_is_deleted_waits_again_in_its_place_where_that_is_undone(store: Store, other: Store) -> None:
    first, second, third = store.queue.add([PRESETS["3x3"]] * 3, "ada")
    gone = store.labels.set([first, second], deleted=True)
    assert [run.id for run in store.queue.active()] == [third]
    store.queue.stop(first)
    store.queue.pause(first)
    store.queue.move(second, -1)
    assert {store.runs.get(i).status for i in (first, second)} == {Status.QUEUED}, "what is deleted is left alone"
    assert store.queue.claim("engine").id == third
    assert store.queue.claim("engine") is None
    store.labels.undo(gone)
    assert [run.id for run in store.queue.active() if run.status is Status.QUEUED] == [first, second]


def test_a_deleted_run_is_not_resumed_and_one_resumed_after_all_is_not_deleted_again(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.pause(run_id)
    store.labels.set([run_id], deleted=True)
    store.queue.resume(run_id)
    assert store.runs.get(run_id).status is Status.PAUSED
    restored = store.labels.set([run_id], deleted=False)
    store.queue.resume(run_id)
    store.queue.claim("engine")
    assert store.labels.undo(restored)[1] == [f"run {run_id}, which is running and cannot be deleted"]
    assert store.runs.get(run_id).deleted is None

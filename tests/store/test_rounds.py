"""Rounds in the store: planned, begun once, prolonged, ended, lifted; pretended pupils that nobody sees."""

import threading
import time

import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.classes import open_class, pupil
from tests.builders.runs import epoch, finish

THREE = [PRESETS["fast"].with_changes(seed=seed) for seed in (1, 2, 3)]
RANGES = [(1.0, 2.0)] * 3


def test_a_plan_is_replaced_until_it_begins_and_is_the_next_ones_then(store: Store) -> None:
    room = open_class(store)
    assert store.rounds.planned(room) is None
    assert store.rounds.current(room) is None
    store.rounds.plan(room, "one")
    store.rounds.plan(room, "two")
    assert store.rounds.planned(room) == "two"
    assert store.rounds.current(room) is None
    store.rounds.begin(room, "two, begun", 60)
    assert store.rounds.planned(room) == "two, begun"
    store.rounds.plan(room, "three")
    assert (store.rounds.planned(room), store.rounds.current(room).plan_json) == ("three", "two, begun")


def test_a_round_begins_once_however_many_ask(store: Store, url: str) -> None:
    room = open_class(store)
    barrier = threading.Barrier(4)

    def begin(number: int) -> None:
        other = Store(url)
        barrier.wait()
        other.rounds.begin(room, f"plan {number}", 60)
        other.close()

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM rounds").scalar() == 1


def test_a_round_ends_later_never_earlier_and_at_once_where_it_is_told_to(store: Store) -> None:
    room = open_class(store)
    before = time.time()
    store.rounds.begin(room, "plan", 60)
    begun = store.rounds.current(room)
    assert before <= begun.begun <= time.time()
    assert begun.ends == begun.begun + 60
    store.rounds.prolong(room, begun.ends + 30)
    store.rounds.prolong(room, begun.ends + 30)
    store.rounds.prolong(room, begun.ends)
    assert store.rounds.current(room).ends == begun.ends + 30
    store.rounds.end(room)
    ended = store.rounds.current(room).ended
    assert ended is not None
    store.rounds.end(room)
    store.rounds.prolong(room, begun.ends + 90)
    assert (store.rounds.current(room).ended, store.rounds.current(room).ends) == (ended, begun.ends + 30)
    assert store.rounds.current(room).lifted is None, "its recipe holds"
    store.rounds.lift(room)
    lifted = store.rounds.current(room).lifted
    store.rounds.lift(room)
    assert store.rounds.current(room).lifted == lifted is not None


def test_the_next_round_lifts_the_recipe_of_the_last(store: Store) -> None:
    room = open_class(store)
    store.rounds.begin(room, "first", 0)
    store.rounds.begin(room, "second", 60)
    assert store.rounds.current(room).plan_json == "second"
    with store.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT plan, lifted IS NULL FROM rounds ORDER BY id").all()
    assert [tuple(row) for row in rows] == [("first", 0), ("second", 1)]


def test_pretended_pupils_are_nobody_and_their_runs_are_in_no_list(store: Store) -> None:
    room = open_class(store)
    ada = pupil(store, "Ada")
    store.rounds.rehearse(room, "plan", THREE, RANGES)
    store.rounds.rehearse(room, "again", THREE, RANGES)
    runs = store.rounds.rehearsed(room)
    assert [run.experiment.seed for run in runs] == [1, 2, 3], "once"
    assert len({run.owner for run in runs}) == 3
    assert [run.id for run in store.queue.active()] == [run.id for run in runs], "in the real queue"
    assert [member.key for member in store.people.of(room, removed_too=True)] == [ada.key]
    assert store.people.names() == store.people.names(room) == {ada.key: "Ada"}
    assert store.people.join(room, "Pretended pupil 1") is not None, "their names are nobody's"
    finish(store, runs[0].id, 0.9)
    seen = store.runs.unsealed().unrehearsed()
    assert seen.all() == []
    assert len(seen.listing()) == 0
    assert seen.get(runs[0].id) is None
    assert seen.best_of_class(room) is None


def test_what_is_rehearsed_is_removed_though_it_is_in_training_and_its_worker_is_told_to_stop(store: Store) -> None:
    room = open_class(store)
    store.rounds.rehearse(room, "plan", THREE, RANGES)
    running = store.queue.claim("engine")
    store.recording.record(running.id, epoch(1))
    store.rounds.delete_rehearsal(room)
    assert store.rounds.rehearsal(room) is None
    assert store.rounds.rehearsed(room) == store.queue.active() == store.runs.all() == []
    assert store.recording.record(running.id, epoch(2)) == "stop"
    store.recording.end(running.id, Status.FAILED, "Too late.")
    with store.database.read() as connection:
        for table in ("runs", "epochs", "checkpoints", "snapshots", "people", "turns", "rehearsals"):
            assert connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar() == 0, table


@pytest.mark.parametrize("ending", ["close", "end", "begin", "report"])
def test_a_rehearsal_ends_with_its_class_when_a_round_begins_and_when_it_is_reported(store: Store, ending: str) -> None:
    room = open_class(store)
    store.rounds.rehearse(room, "plan", THREE, RANGES)
    its = store.rounds.rehearsal(room)
    if ending == "begin":
        store.rounds.begin(room, "round", 60)
        assert store.rounds.rehearsal(room) is None
    elif ending == "report":
        store.rounds.report(its.id, room, "measured")
        store.rounds.report(its.id, room, "measured twice")
        assert store.rounds.rehearsal(room).report_json == "measured"
    else:
        getattr(store.classes, ending)(room)
    assert store.runs.all() == []


def test_what_a_rehearsal_measured_is_kept_when_the_round_begins_and_replaced_by_the_next(store: Store) -> None:
    room = open_class(store)
    store.rounds.rehearse(room, "plan", THREE, RANGES)
    store.rounds.report(store.rounds.rehearsal(room).id, room, "measured")
    store.rounds.begin(room, "round", 60)
    assert store.rounds.rehearsal(room).report_json == "measured"
    store.rounds.rehearse(room, "next", THREE, RANGES)
    assert (store.rounds.rehearsal(room).plan_json, store.rounds.rehearsal(room).report_json) == ("next", None)

"""Frozen studies in the store: which runs they have, which of these are sealed, and what belongs to whom."""

import time

import pytest
import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.runs import Runs
from mnist_lab.store.schema import RUN
from mnist_lab.store.store import Store
from mnist_lab.store.studies import ADDED, FORESEEN, LOOKED, NewStudy, Planned
from mnist_lab.training.reports import Command
from tests.builders.classes import open_class
from tests.builders.runs import epoch
from tests.builders.studies import ends

PLAN = '{"question":"Why?"}'
DIGEST = "d" * 64


def planned(small: Experiment, cells: int = 2, seeds: range = range(1, 3)) -> list[Planned]:
    """Runs of designs that differ in their number of epochs."""
    designs = [small.with_changes(recipe=small.recipe.model_dump() | {"epochs": 1 + cell}) for cell in range(cells)]
    return [
        Planned(cell, design.with_changes(seed=seed), (1.0, 2.0))
        for seed in seeds
        for cell, design in enumerate(designs)
    ]


def frozen(store: Store, runs: list[Planned], visible: tuple[int, ...] = (), owner: str = "ada", **more: object) -> int:
    return store.studies.freeze(NewStudy(owner, PLAN, DIGEST, "[]", **more), runs, visible)


def ids(store: Store, study_id: int) -> list[int]:
    return store.studies.runs(study_id)["run"].tolist()


def visible(store: Store) -> set[int]:
    return {run.id for run in store.runs.unsealed().all()}


def test_it_is_frozen_with_its_runs_which_wait_seed_by_seed(store: Store, small: Experiment) -> None:
    before = time.time()
    study = store.studies.get(frozen(store, planned(small)))
    assert (study.owner, study.question, study.digest, study.reused) == ("ada", "Why?", DIGEST, 0)
    assert before <= study.frozen <= time.time()
    assert study.counts == {Status.QUEUED: 4}
    assert (study.is_complete, study.is_sealed, study.is_held, study.is_as_frozen) == (False, True, False, False)
    waiting = store.queue.active()
    assert [(run.seed, run.experiment.recipe.epochs) for run in waiting] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert {(run.owner, run.predicted_low, run.predicted_high) for run in waiting} == {("ada", 1.0, 2.0)}
    rows = store.studies.runs(study.id)
    assert rows[["cell", "seed"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert not rows["is_reused"].any()
    assert store.studies.of_runs([*ids(store, study.id), 99]) == dict.fromkeys(ids(store, study.id), study.id)


def test_a_plan_that_cannot_be_read_has_no_question(store: Store, small: Experiment) -> None:
    study_id = store.studies.freeze(NewStudy("ada", "[1]", DIGEST, "[]"), planned(small), ())
    assert store.studies.get(study_id).question == ""


@pytest.mark.parametrize("status", list(Status))
def test_it_is_sealed_while_any_run_may_still_be_trained(store: Store, small: Experiment, status: Status) -> None:
    study_id = frozen(store, planned(small))
    *others, last = ids(store, study_id)
    for run_id in others:
        ends(store, run_id, 0.9)
    if status not in (Status.QUEUED, Status.CANCELLED, Status.PAUSED):
        store.queue.claim("engine")
        store.recording.record(last, epoch(1))
    match status:
        case Status.PAUSED:
            store.queue.pause(last)
        case Status.CANCELLED:
            store.queue.stop(last)
        case Status.FAILED | Status.INTERRUPTED:
            store.recording.end(last, status, "It rained.")
        case Status.FINISHED | Status.STOPPED:
            store.queue.crashed(last)
            ends(store, last, 0.9, status)
    assert store.runs.get(last).status is status
    is_sealed = status in (Status.QUEUED, Status.RUNNING, Status.PAUSED, Status.INTERRUPTED)
    study = store.studies.get(study_id)
    assert (study.is_complete, study.is_sealed) == (not is_sealed, is_sealed)
    assert visible(store) == (set() if is_sealed else {*others, last})
    assert store.studies.sealing(others[0]) == (study_id if is_sealed else None)
    assert [one.id for one in store.studies.unfinished()] == ([study_id] if is_sealed else [])
    assert study.is_held == (status is Status.PAUSED)


def test_runs_of_no_study_are_seen_whatever_is_sealed(store: Store, small: Experiment) -> None:
    (mine,) = store.queue.add([small], "ada")
    study_id = frozen(store, planned(small))
    assert visible(store) == {mine}
    seen = store.runs.unsealed()
    assert {run.id for run in seen.of("ada").all()} == {mine}
    assert {run.id for run in seen.of("bob", *ids(store, study_id)).all()} == set(), "not by their ids, either"
    assert isinstance(seen, Runs)


def test_a_look_opens_it_once_and_for_all(store: Store, small: Experiment) -> None:
    study_id = frozen(store, planned(small))
    store.studies.look(study_id)
    first = store.studies.get(study_id)
    assert (first.is_sealed, first.why_looked) == (False, LOOKED)
    assert visible(store) == set(ids(store, study_id))
    store.studies.look(study_id)
    assert store.studies.get(study_id) == first
    done = frozen(store, planned(small, seeds=range(8, 9)))
    for run_id in ids(store, done):
        ends(store, run_id, 0.9)
    store.studies.look(done)
    assert (store.studies.get(done).looked, store.studies.get(done).why_looked) == (None, "")


def test_what_finished_before_is_reused_where_it_may_be_seen(store: Store, small: Experiment) -> None:
    runs = planned(small)
    older, newer, others = (ends(store, *store.queue.add([runs[0].experiment], "ada"), 0.9).id for _ in range(3))
    study_id = frozen(store, runs, (older, newer))
    rows = store.studies.runs(study_id)
    assert rows["is_reused"].tolist() == [True, False, False, False]
    assert rows["run"][0] == newer
    assert store.studies.get(study_id).reused == 1
    assert visible(store) == {older, newer, others}, "what was seen stays so"
    assert frozen(store, planned(small, cells=1, seeds=range(1, 2)), (older, newer, others)), (
        "and another may reuse it, too"
    )
    assert store.studies.all()[0].is_complete


@pytest.mark.parametrize("what", ["deleted", "stopped", "running", "another's"])
def test_what_was_trained_before_counts_as_known_even_where_it_is_not_reused(
    store: Store, small: Experiment, what: str
) -> None:
    runs = planned(small)
    (run_id,) = store.queue.add([runs[0].experiment], "ada")
    if what == "running":
        store.queue.claim("engine")
    else:
        ends(store, run_id, 0.9, Status.STOPPED if what == "stopped" else Status.FINISHED)
    if what == "deleted":
        store.labels.set([run_id], deleted=True)
    assert store.studies.known(runs) == {runs[0].key: [run_id] if what == "another's" else []}
    study_id = frozen(store, runs, () if what == "another's" else (run_id,))
    assert store.studies.get(study_id).reused == 1
    assert run_id not in ids(store, study_id)


def test_what_only_waits_is_not_known(store: Store, small: Experiment) -> None:
    runs = planned(small)
    store.queue.add([runs[0].experiment], "ada")
    assert store.studies.known(runs) == {}
    assert store.studies.seeds({runs[0].experiment.design_key}) == {1}


def test_whoever_trains_the_same_beside_a_sealed_study_foresees_it(store: Store, small: Experiment) -> None:
    runs = planned(small)
    study_id, other = frozen(store, runs), frozen(store, planned(small, seeds=range(7, 8)))
    (twin,) = store.queue.add([runs[0].experiment.with_changes(name="under another name")], "bob")
    assert store.studies.get(study_id).why_looked == "", "as long as it waits nothing is seen"
    assert store.queue.claim("engine").id == twin, "its turn is before a study's"
    study = store.studies.get(study_id)
    assert (study.why_looked, study.looked, study.is_sealed) == (FORESEEN, None, True)
    assert store.studies.get(other).why_looked == ""
    store.studies.look(study_id)
    assert store.studies.get(study_id).why_looked == f"{FORESEEN} {LOOKED}"


def test_its_own_runs_foresee_nothing_however_often_they_begin(store: Store, small: Experiment) -> None:
    study_id = frozen(store, planned(small))
    for _ in range(2):
        run = store.queue.claim("engine")
        store.queue.crashed(run.id)
    for run_id in ids(store, study_id):
        ends(store, run_id, 0.9)
    (twin,) = store.queue.add([planned(small)[0].experiment], "bob")
    store.queue.claim("engine", only=[twin])
    assert store.studies.get(study_id).why_looked == "", "afterwards whoever likes may train it again"


def test_the_file_that_it_repeats_is_kept_and_not_read_with_every_list(store: Store, small: Experiment) -> None:
    study_id = frozen(store, planned(small), repeats='{"a": 1}')
    assert store.studies.get(study_id).is_repetition
    assert store.studies.repeated(study_id) == '{"a": 1}'
    other = frozen(store, planned(small, seeds=range(7, 8)))
    assert [study.is_repetition for study in store.studies.all()] == [False, True]
    assert store.studies.repeated(other) is None


def test_seeds_that_are_added_are_a_look(store: Store, small: Experiment) -> None:
    study_id = frozen(store, planned(small))
    more = store.studies.extend(study_id, planned(small, seeds=range(3, 4)), ())
    study = store.studies.get(study_id)
    assert study.counts == {Status.QUEUED: 6}
    assert (study.is_sealed, study.why_looked, study.reused) == (False, ADDED, 0)
    assert {store.runs.get(run_id).owner for run_id in more} == {"ada"}
    assert set(more) < set(ids(store, study_id))


def test_it_is_deleted_and_restored_with_the_runs_that_no_other_study_has(store: Store, small: Experiment) -> None:
    (before,) = store.queue.add([planned(small)[0].experiment], "ada")
    ends(store, before, 0.9)
    first = frozen(store, planned(small), (before,))
    for run_id in ids(store, first)[1:]:
        ends(store, run_id, 0.9)
    shared = ids(store, first)[1]
    second = frozen(store, planned(small, cells=1, seeds=range(2, 3)), (shared,))
    assert ids(store, second) == [shared]
    store.studies.delete(first)
    assert {run.id for run in store.runs.all()} == {before, shared}
    assert [study.id for study in store.studies.all()] == [second]
    assert [study.id for study in store.studies.all(deleted=True)] == [first]
    store.studies.delete(second)
    assert store.runs.get(shared).deleted is None, "it was not trained for this one"
    store.studies.restore(first)
    assert {run.id for run in store.runs.all()} == {before, *ids(store, first)}
    assert store.studies.get(first).deleted is None


def test_a_run_that_is_gone_for_good_is_a_planned_one_without_result(store: Store, small: Experiment) -> None:
    study_id = frozen(store, planned(small))
    gone, *others = ids(store, study_id)
    with store.database.write() as connection:
        connection.execute(sa.delete(RUN).where(RUN.c.id == gone))
    rows = store.studies.runs(study_id)
    assert rows["run"].isna().tolist() == [True, False, False, False]
    assert store.studies.get(study_id).counts == {Status.QUEUED: 3}
    assert store.studies.unended(study_id) == [others[1], others[0], others[2]]


def test_versions_of_versions_belong_together_deleted_or_not(store: Store, small: Experiment) -> None:
    first = frozen(store, planned(small))
    alone = frozen(store, planned(small, seeds=range(5, 6)))
    second = frozen(store, planned(small, seeds=range(7, 8)), version_of=first)
    third = frozen(store, planned(small, seeds=range(8, 9)), version_of=second)
    fork = frozen(store, planned(small, seeds=range(9, 10)), version_of=first)
    store.studies.delete(second)
    for study_id in (first, second, third, fork):
        assert [study.id for study in store.studies.versions(study_id)] == [first, second, third, fork]
    assert [study.id for study in store.studies.versions(alone)] == [alone]


def test_with_a_class_its_studies_are_removed_for_good_and_what_others_had_of_it(
    store: Store, small: Experiment
) -> None:
    room = open_class(store)
    key = store.people.join(room, "Cleo").key
    theirs = frozen(store, planned(small), owner=key)
    for run_id in ids(store, theirs):
        ends(store, run_id, 0.9)
    reusing = frozen(store, planned(small), tuple(ids(store, theirs)))
    store.classes.end(room)
    store.classes.delete(room)
    assert [study.id for study in store.studies.all()] == [reusing]
    assert store.studies.runs(reusing)["run"].isna().all()
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT person FROM turns").all() == []


def test_a_study_of_runs_that_0_6_left_reuses_them(url_of_0_6: str) -> None:
    store = Store(url_of_0_6)
    assert store.studies.all() == []
    done = next(run for run in store.runs.all(Status.FINISHED) if run.parent_id is None)
    study_id = frozen(store, [Planned(0, done.experiment)], (done.id,))
    assert ids(store, study_id) == [done.id]
    assert store.studies.get(study_id).counts == {Status.FINISHED: 1}
    assert store.studies.get(study_id).reused == 1
    store.close()


def test_who_stops_all_cancels_what_waits_and_ends_the_seal(store: Store, small: Experiment) -> None:
    study_id = frozen(store, planned(small))
    trains, *waiting = store.studies.unended(study_id)
    store.queue.claim("engine")
    store.queue.stop(*store.studies.unended(study_id))
    assert store.studies.get(study_id).counts == {Status.RUNNING: 1, Status.CANCELLED: 3}
    assert store.runs.get(trains).command is Command.STOP
    assert store.studies.get(study_id).is_sealed
    store.queue.crashed(trains)
    ends(store, trains, 0.9, Status.STOPPED)
    assert visible(store) == {trains, *waiting}
    lab = Lab(store.url)
    assert lab.store.studies.get(study_id).is_complete

"""What people do with studies: from a plan to an answer, held, looked at, extended, repeated, deleted; and frozen it stays."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.store.studies import ADDED, FORESEEN, LOOKED
from mnist_lab.studies import file
from mnist_lab.studies.plan import Plan
from tests.builders.classes import TEACHER, allow, open_class, pupil
from tests.builders.runs import ADA
from tests.builders.studies import accuracy_of, complete, ends, small_plan, started


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


@pytest.fixture
def plan(small: Experiment) -> Plan:
    return small_plan(small)


def why(lab: Lab, study_id: int) -> str:
    """Why a study is judged as seen; empty where it is not."""
    found = lab.studies.findings(study_id, by=ADA)
    assert found.is_unseen == (not found.why_seen)
    assert found.answer().test.startswith(found.why_seen or "Student's paired t test")
    return found.why_seen


def test_from_a_plan_to_an_answer(lab: Lab, plan: Plan) -> None:
    study_id = lab.studies.start(plan, by=ADA)
    study = lab.studies.get(study_id, by=ADA)
    assert (study.owner, study.plan, study.digest, study.question) == ("ada", plan, plan.digest, plan.question)
    assert study.is_as_frozen
    assert [one.id for one in lab.studies.all(by=ADA)] == [study_id]
    assert lab.studies.remaining_seconds(study_id, by=ADA) > 0
    complete(lab, study_id)
    assert why(lab, study_id) == ""
    assert lab.studies.remaining_seconds(study_id, by=ADA) == 0
    assert lab.studies.agreement(study_id, by=ADA) is None


def test_the_newest_study_comes_first(lab: Lab, plan: Plan) -> None:
    ids = [lab.studies.start(lab.studies.fresh(plan, by=ADA), by=ADA) for _ in range(3)]
    assert [study.id for study in lab.studies.all(by=ADA)] == ids[::-1]


@pytest.mark.parametrize("number", [0, -1, 99, 2**63])
def test_a_study_that_is_not_there_is_a_sentence(lab: Lab, number: int) -> None:
    for do in (lab.studies.get, lab.studies.findings, lab.studies.look, lab.studies.cancel, lab.studies.file):
        with pytest.raises(InputError, match=f"Study: there is none with the number {number}; the Studies page"):
            do(number, by=ADA)


def test_it_is_held_resumed_and_ended(lab: Lab, store: Store, plan: Plan) -> None:
    store.lease.take("engine", "ready")
    study_id = lab.studies.start(plan, by=ADA)
    first = store.queue.claim("engine").id
    lab.studies.hold(study_id, by=ADA)
    study = lab.studies.get(study_id, by=ADA)
    assert (study.counts, study.is_held) == ({Status.RUNNING: 1, Status.PAUSED: 5}, True)
    store.recording.pause(first)
    order = store.studies.unended(study_id)
    lab.studies.resume(study_id, by=ADA)
    assert [run.id for run in store.queue.active()] == order
    assert not lab.studies.get(study_id, by=ADA).is_held
    ends(store, first, 0.9)
    lab.studies.cancel(study_id, by=ADA)
    study = lab.studies.get(study_id, by=ADA)
    assert (study.counts, study.is_complete, study.is_sealed) == (
        {Status.FINISHED: 1, Status.CANCELLED: 5},
        True,
        False,
    )
    lab.studies.resume(study_id, by=ADA)
    assert lab.studies.get(study_id, by=ADA).is_complete, "what is cancelled cannot be resumed"


def test_while_it_is_sealed_there_is_no_answer_and_no_file(lab: Lab, plan: Plan) -> None:
    study_id = started(lab, plan)
    for do in (lab.studies.findings, lab.studies.file):
        with pytest.raises(InputError, match=f"Study {study_id}: nobody has looked at its results yet"):
            do(study_id, by=ADA)
    lab.studies.look(study_id, by=ADA)
    assert why(lab, study_id) == LOOKED
    with pytest.raises(InputError, match="its file can be written when they have"):
        lab.studies.file(study_id, by=ADA)
    complete(lab, study_id)
    assert why(lab, study_id) == LOOKED
    assert lab.studies.file(study_id, by=ADA)


def test_a_look_after_the_end_is_none(lab: Lab, plan: Plan) -> None:
    study_id = lab.studies.start(plan, by=ADA)
    complete(lab, study_id)
    lab.studies.look(study_id, by=ADA)
    assert why(lab, study_id) == ""


def test_further_seeds_are_a_look_and_are_of_every_cell(lab: Lab, plan: Plan) -> None:
    study_id = lab.studies.start(plan, by=ADA)
    complete(lab, study_id)
    assert len(lab.studies.add_seeds(study_id, 2, by=ADA)) == 4
    assert not lab.studies.get(study_id, by=ADA).is_sealed
    complete(lab, study_id)
    assert why(lab, study_id) == ADDED
    found = lab.studies.findings(study_id, by=ADA)
    assert found.runs.groupby("cell")["seed"].agg(list).tolist() == [[1, 2, 3, 4, 5]] * 2
    assert found.answer().comparisons["n"].tolist() == [5]
    assert found.digest == plan.digest
    with pytest.raises(InputError, match="Seeds: should be from 1 to 30; received 0"):
        lab.studies.add_seeds(study_id, 0, by=ADA)
    for _ in range(3):
        lab.studies.add_seeds(study_id, 30, by=ADA)
    with pytest.raises(InputError, match="Seeds: should make at most 240 runs; received 30 more seeds, which make 250"):
        lab.studies.add_seeds(study_id, 30, by=ADA)


def test_what_was_trained_before_is_reused_and_said(lab: Lab, store: Store, plan: Plan) -> None:
    before = [ends(store, *store.queue.add([plan.designs[cell]], "bob"), accuracy_of(cell, 1)).id for cell in (0, 1)]
    study_id = lab.studies.start(plan, by=ADA)
    assert lab.studies.get(study_id, by=ADA).counts == {Status.FINISHED: 2, Status.QUEUED: 4}
    assert [run.id for run in lab.reader(ADA).runs.all()] == before[::-1], "they were seen, and still are"
    complete(lab, study_id)
    assert why(lab, study_id) == "2 of its runs had been trained here before it was frozen."


def test_of_a_sealed_study_nothing_is_reused(lab: Lab, plan: Plan) -> None:
    first = started(lab, plan)
    again = lab.studies.start(plan, by=ADA)
    assert lab.studies.get(again, by=ADA).counts == {Status.QUEUED: 6}, "else its answer would be seen at once"
    complete(lab, again)
    assert why(lab, again) == "5 of its runs had been trained here before it was frozen."
    complete(lab, first)
    assert why(lab, first) == FORESEEN


def test_whoever_trains_a_run_of_it_beside_it_is_found_out(lab: Lab, store: Store, plan: Plan) -> None:
    study_id = started(lab, plan)
    (twin,) = lab.start(plan.designs[0].with_changes(name="just so"), by=ADA)
    ends(store, twin, 0.9)
    complete(lab, study_id)
    assert why(lab, study_id) == FORESEEN


def test_fresh_seeds_are_those_that_nobody_has_used(lab: Lab, store: Store, plan: Plan) -> None:
    assert lab.studies.fresh(plan, by=ADA) == plan
    store.queue.add([plan.designs[0].with_changes(seed=41, name="other")], "bob")
    fresh = lab.studies.fresh(plan, by=ADA)
    assert (fresh.first_seed, fresh.seeds) == (42, 3)
    assert lab.studies.preview(fresh, by=ADA).known == 0
    later = plan.model_copy(update={"first_seed": 100})
    assert lab.studies.fresh(later, by=ADA) == later
    store.queue.add([plan.designs[0].with_changes(seed=2**31 - 1)], "bob")
    assert lab.studies.fresh(plan, by=ADA).first_seed == 1, "the first gap, where there is nothing behind the last"
    Plan.model_validate(fresh.model_dump(mode="json"))


def test_a_new_version_counts_the_comparisons_of_all(lab: Lab, plan: Plan, small: Experiment) -> None:
    first = lab.studies.start(plan, by=ADA)
    complete(lab, first)
    three = small_plan(small, factors=[{"field": "blocks.kernel_size", "levels": [2, 3, 4]}], first_seed=11)
    second = lab.studies.start(three, by=ADA, version_of=first)
    complete(lab, second)
    lab.studies.delete(first, by=ADA)
    third = lab.studies.start(lab.studies.fresh(plan, by=ADA), by=ADA, version_of=second)
    complete(lab, third)
    assert why(lab, second) == f"It is a new version of study {first}."
    assert lab.studies.findings(third, by=ADA).among == 1 + 3 + 1
    assert "shared among 5 comparisons" in lab.studies.findings(third, by=ADA).answer().test
    lab.studies.restore(first, by=ADA)
    assert lab.studies.findings(first, by=ADA).among == 1, "what was fixed before anything was seen stays what it was"
    assert why(lab, first) == ""
    with pytest.raises(InputError, match="Study: there is none with the number 99"):
        lab.studies.start(plan, by=ADA, version_of=99)


def test_it_is_deleted_and_restored_as_a_whole(
    lab: Lab, store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = started(lab, plan)
    with pytest.raises(InputError, match=f"Study {study_id}: some of its runs have not ended; cancel it before"):
        lab.studies.delete(study_id, by=ADA)
    complete(lab, study_id)
    answer = lab.studies.findings(study_id, by=ADA).answer().words
    lab.studies.delete(study_id, by=ADA)
    assert lab.studies.all(by=ADA) == lab.reader(ADA).runs.all() == []
    assert [study.id for study in lab.studies.all(by=ADA, deleted=True)] == [study_id]
    with pytest.raises(InputError, match="it is deleted; restore it first"):
        lab.studies.add_seeds(study_id, 1, by=ADA)
    lab.studies.restore(study_id, by=ADA)
    assert len(lab.reader(ADA).runs.all()) == 6
    assert lab.studies.findings(study_id, by=ADA).answer().words == answer
    lab.studies.delete(study_id, by=ADA)
    with store.database.write() as connection:
        for table in ("studies", "runs"):
            connection.exec_driver_sql(f"UPDATE {table} SET deleted = deleted - 8 * 86400")
    store.runs.purge()
    assert lab.studies.all(by=ADA, deleted=True) == []
    with pytest.raises(InputError, match="deleted more than 7 days ago, and its runs have been removed for good"):
        lab.studies.restore(study_id, by=ADA)


# Files


def test_another_lab_repeats_it_and_says_whether_it_agrees(
    lab: Lab, plan: Plan, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study_id = lab.studies.start(plan, by=ADA)
    complete(lab, study_id)
    given = file.read(lab.studies.file(study_id, by=ADA))
    other = Lab(f"sqlite:///{tmp_path_factory.mktemp('other') / 'lab.db'}")
    bob = Person("bob")
    again = other.studies.repeat(given, by=bob)
    study = other.studies.get(again, by=bob)
    assert (study.digest, study.plan_json, study.owner) == (plan.digest, given.plan, "bob")
    assert "when all its runs have ended, the two are compared" in other.studies.agreement(again, by=bob)
    complete(other, again, but=1)
    other.studies.look(again, by=bob)
    assert "when all its runs have ended" in other.studies.agreement(again, by=bob)
    complete(other, again)
    assert other.studies.agreement(again, by=bob).startswith("Agrees to the bit: of 6 runs")
    assert other.studies.findings(again, by=bob).cells == lab.studies.findings(study_id, by=ADA).cells
    assert other.studies.findings(again, by=bob).why_seen == f"It repeats a study whose results were known. {LOOKED}"
    otherwise = other.studies.repeat(file.read(other.studies.file(again, by=bob)), by=bob)
    assert other.studies.get(otherwise, by=bob).is_complete, "all of it is there"
    other.store.close()


def test_cells_that_are_equal_in_predicted_seconds_are_those_of_the_file(
    lab: Lab, store: Store, small: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another machine would predict other seconds, and so train other designs."""
    factors = [{"field": "blocks.kernel_size", "levels": [3, 7]}]
    timed = small_plan(
        small.with_changes(train_images=20_000), equal={"what": "predicted seconds", "by": "length"}, factors=factors
    )
    store.calibrations.save([3.0, 3.0, 3.0])
    study_id = lab.studies.start(timed, by=ADA)
    complete(lab, study_id)
    other = Lab(f"sqlite:///{tmp_path_factory.mktemp('other') / 'lab.db'}")
    again = other.studies.repeat(file.read(lab.studies.file(study_id, by=ADA)), by=ADA)
    complete(other, again)
    assert other.studies.findings(again, by=ADA).cells == lab.studies.findings(study_id, by=ADA).cells
    other.store.close()


# In a class


@pytest.fixture
def two(store: Store) -> tuple[Person, Person]:
    open_class(store, ClassSettings(sees=Sees.OWN))
    return pupil(store, "Cleo"), pupil(store, "Dana")


def test_a_pupil_sees_their_own_studies_or_all(lab: Lab, plan: Plan, two: tuple[Person, Person]) -> None:
    cleo, dana = two
    study_id = lab.studies.start(plan, by=cleo)
    for do in (lab.studies.get, lab.studies.look, lab.studies.remaining_seconds):
        with pytest.raises(InputError, match=f"Study: there is none with the number {study_id}"):
            do(study_id, by=dana)
    assert (lab.studies.all(by=dana), lab.reader(dana).queued_studies()) == ([], [])
    assert [study.id for study in lab.studies.all(by=TEACHER)] == [study_id]
    allow(lab, sees=Sees.ALL)
    assert lab.studies.get(study_id, by=dana).owner == cleo.key
    for do in (lab.studies.look, lab.studies.hold, lab.studies.resume, lab.studies.cancel, lab.studies.delete):
        with pytest.raises(NotAllowedError, match=f"Study {study_id}: it is not yours"):
            do(study_id, by=dana)
    with pytest.raises(NotAllowedError, match="it is not yours"):
        lab.studies.add_seeds(study_id, 1, by=dana)
    with pytest.raises(NotAllowedError, match="it is not yours"):
        lab.studies.start(lab.studies.fresh(plan, by=dana), by=dana, version_of=study_id)
    lab.studies.cancel(study_id, by=cleo)
    lab.studies.delete(study_id, by=cleo)
    with pytest.raises(NotAllowedError, match="it is not yours"):
        lab.studies.restore(study_id, by=dana)
    assert [len(lab.studies.all(by=by, deleted=True)) for by in (cleo, dana, TEACHER)] == [1, 0, 1]
    lab.studies.restore(study_id, by=TEACHER)


def test_what_a_pupil_may_not_see_is_not_reused_for_them_and_yet_known(
    lab: Lab, store: Store, plan: Plan, two: tuple[Person, Person]
) -> None:
    cleo, dana = two
    ends(store, *store.queue.add([plan.designs[0]], dana.key), 0.9)
    ends(store, *store.queue.add([plan.designs[1]], dana.key), 0.95)  # the class's best, which everybody sees
    study_id = lab.studies.start(plan, by=cleo)
    study = lab.studies.get(study_id, by=cleo)
    assert (study.counts, study.reused) == ({Status.FINISHED: 1, Status.QUEUED: 5}, 2)


def test_a_pupils_study_is_within_the_limits_of_the_class(
    lab: Lab, plan: Plan, two: tuple[Person, Person], small: Experiment
) -> None:
    cleo, _ = two
    for limits, says in (
        ({"waiting": 5}, "Queue: your teacher allows each pupil 5 waiting runs; you have 0 and asked for 6 more"),
        ({"seeds": 2}, "Seeds: your teacher allows at most 2 seeds at a time; you asked for 3"),
    ):
        allow(lab, **limits)
        with pytest.raises(NotAllowedError, match=says):
            lab.studies.start(plan, by=cleo)
    allow(lab, seconds=1)
    long = small_plan(small.with_changes(recipe=small.recipe.model_dump() | {"epochs": 500}))
    with pytest.raises(NotAllowedError, match="Training: your teacher allows 1 s a run"):
        lab.studies.start(long, by=cleo)
    assert lab.studies.all(by=cleo) == []
    allow(lab, waiting=6)
    study_id = lab.studies.start(plan, by=cleo)
    lab.studies.hold(study_id, by=cleo)
    lab.start(small, 1, by=cleo)
    with pytest.raises(NotAllowedError, match="you have 1 and asked for 6 more"):
        lab.studies.resume(study_id, by=cleo)
    with pytest.raises(NotAllowedError, match="you have 1 and asked for 6 more"):
        lab.studies.add_seeds(study_id, 3, by=cleo)
    assert lab.studies.get(study_id, by=cleo).is_sealed, "nothing was added, so nothing was seen"


def test_in_a_closed_class_nothing_of_a_study_is_changed(
    lab: Lab, store: Store, plan: Plan, two: tuple[Person, Person]
) -> None:
    cleo, _ = two
    study_id = lab.studies.start(plan, by=cleo)
    store.classes.close(store.classes.current().id)
    for do in (lab.studies.look, lab.studies.hold, lab.studies.resume, lab.studies.cancel, lab.studies.delete):
        with pytest.raises(NotAllowedError, match="The class is closed"):
            do(study_id, by=cleo)
    assert lab.studies.get(study_id, by=cleo).is_held, "as all that pupils had"


# Frozen means frozen: what comes between start and answer changes nothing, or there is no answer


def changed_plan(lab: Lab, study_id: int) -> None:
    plan = json.loads(lab.store.studies.get(study_id).plan_json) | {"matters": 0.1}
    _execute(lab, "UPDATE studies SET plan = ?", json.dumps(plan))


def changed_cells(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Lab, int], None]:
    def do(lab: Lab, study_id: int) -> None:
        cells = json.loads(lab.store.studies.get(study_id).cells_json)
        change(cells)
        _execute(lab, "UPDATE studies SET cells = ?", json.dumps(cells))

    return do


def changed_experiment(lab: Lab, study_id: int) -> None:
    run = lab.store.runs.get(1)
    longer = run.experiment.with_changes(recipe=run.experiment.recipe.model_dump() | {"epochs": 9})
    _execute(lab, "UPDATE runs SET experiment = ? WHERE id = 1", longer.model_dump_json())


def _execute(lab: Lab, statement: str, *values: object) -> None:
    with lab.store.database.write() as connection:
        connection.exec_driver_sql(statement, values)


TAMPERED: dict[str, tuple[Callable[[Lab, int], object], str]] = {
    "the plan": (changed_plan, "its plan has been changed since it was frozen"),
    "the digest": (lambda lab, i: _execute(lab, "UPDATE studies SET digest = 'x'"), "its plan has been changed"),
    "no plan at all": (lambda lab, i: _execute(lab, "UPDATE studies SET plan = ''"), "its plan has been changed"),
    "cells exchanged": (changed_cells(list.reverse), "its cells have been changed"),
    "a cell's design": (
        changed_cells(lambda cells: cells[0]["experiment"]["recipe"].update(epochs=9)),
        "its cells have been changed",
    ),
    "a cell less": (changed_cells(list.pop), "its cells have been changed"),
    "a run's design": (changed_experiment, "run 1 is not the design of its cell with seed 1"),
    "a run's key": (
        lambda lab, i: _execute(lab, "UPDATE runs SET design_key = 'x' WHERE id = 1"),
        "run 1 is not the design of its cell",
    ),
    "a run's seed": (lambda lab, i: _execute(lab, "UPDATE runs SET seed = 9 WHERE id = 1"), "run 1 is not the design"),
    "another run": (
        lambda lab, i: _execute(lab, "UPDATE study_runs SET run_id = 2 WHERE run_id = 1"),
        "run 2 is not the design of its cell with seed 1",
    ),
    "a run less": (
        lambda lab, i: _execute(lab, "DELETE FROM study_runs WHERE run_id = 1"),
        "was planned; it is missing",
    ),
    "a seed more": (
        lambda lab, i: _execute(lab, "INSERT INTO study_runs VALUES (?, 0, 4, NULL, 0)", i),
        "it has seeds that were not planned",
    ),
    "a cell more": (
        lambda lab, i: _execute(lab, "INSERT INTO study_runs VALUES (?, 7, 1, NULL, 0)", i),
        "received a run of cell 7",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_where_something_has_been_changed_there_is_no_answer(lab: Lab, plan: Plan, what: str) -> None:
    study_id = lab.studies.start(plan, by=ADA)
    complete(lab, study_id)
    assert why(lab, study_id) == ""
    tamper, says = TAMPERED[what]
    tamper(lab, study_id)
    for do in (
        lambda: lab.studies.findings(study_id, by=ADA),
        lambda: lab.studies.file(study_id, by=ADA),
        lambda: lab.studies.add_seeds(study_id, 1, by=ADA),
    ):
        with pytest.raises(InputError, match=f"Study {study_id}: .*{says}"):
            do()
    assert lab.studies.all(by=ADA), "the list of studies is shown all the same"


def allowed(lab: Lab, study_id: int, small: Experiment) -> None:
    """All that somebody may do to a study and its runs without changing its answer."""
    rows = lab.store.studies.runs(study_id)
    runs = [int(run) for run in rows["run"]]
    lab.label(runs, by=ADA, name="renamed", note="Hm.", add_tags=["odd"], archived=True)
    lab.move(runs[0], 3, by=ADA)
    lab.pause(*runs, by=ADA)
    lab.resume(*runs, by=ADA)
    lab.start(small, 2, by=ADA)
    for run in runs:
        with pytest.raises(InputError, match=f"Run {run}: it belongs to study {study_id}, whose answer rests on it"):
            lab.label([run], by=ADA, deleted=True)
    assert {run.deleted for run in lab.store.runs.some(runs).values()} == {None}


def test_whatever_else_is_done_to_its_runs_the_answer_is_the_same(
    lab: Lab, store: Store, plan: Plan, small: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    undisturbed = Lab(f"sqlite:///{tmp_path_factory.mktemp('other') / 'lab.db'}")
    expected = undisturbed.studies.start(plan, by=ADA)
    complete(undisturbed, expected)
    study_id = lab.studies.start(plan, by=ADA)
    frozen = lab.studies.get(study_id, by=ADA)
    allowed(lab, study_id, small)
    complete(lab, study_id, but=2)
    allowed(lab, study_id, small)
    with pytest.raises(InputError, match=f"Run 1 belongs to study {study_id}"):
        lab.continue_run(1, 1, plan.base.recipe.model_copy(update={"epochs": 9}), by=ADA)
    complete(lab, study_id)
    allowed(lab, study_id, small)
    now = lab.studies.get(study_id, by=ADA)
    for name in ("plan_json", "digest", "cells_json", "frozen", "looked", "why_looked", "reused"):
        assert getattr(now, name) == getattr(frozen, name), name
    ours, theirs = (one.studies.findings(i, by=ADA) for one, i in ((lab, study_id), (undisturbed, expected)))
    assert ours.answer().words == theirs.answer().words
    assert ours.answer().test == theirs.answer().test
    assert ours.runs.equals(theirs.runs)
    undisturbed.store.close()


def test_a_run_of_it_is_not_deleted_by_undoing_a_restoration(lab: Lab, store: Store, plan: Plan) -> None:
    (before,) = store.queue.add([plan.designs[0]], "ada")
    ends(store, before, 0.9)
    lab.label([before], by=ADA, deleted=True)
    restored = lab.label([before], by=ADA, deleted=False)
    study_id = lab.studies.start(plan, by=ADA)
    assert lab.undo(restored, by=ADA) == ([], [f"run {before}, which belongs to study {study_id}"])
    assert lab.store.runs.get(before).deleted is None
    lab.studies.cancel(study_id, by=ADA)
    lab.studies.delete(study_id, by=ADA)
    lab.label([before], by=ADA, deleted=True)
    lab.studies.restore(study_id, by=ADA)
    assert lab.store.runs.get(before).deleted is None, "a study is restored with all that it rests on"

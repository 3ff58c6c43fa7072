"""A class at a glance: every situation that a pupil may be in, and as many statements for forty of them as for two."""

import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import DIVERGED
from mnist_lab.lab import Lab
from mnist_lab.lesson.challenges import Rules
from mnist_lab.lesson.glance import (
    HERE_SECONDS,
    IDLE_SECONDS,
    IMPOSSIBLE_SECONDS,
    WAITING_SECONDS,
    Doing,
    Glance,
    PupilNow,
    Trouble,
    glance,
)
from mnist_lab.person import Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.runs import epoch, finish, point
from tests.builders.studies import small_plan

HOLDOUT = PRESETS["fast"].with_changes(protocol=Protocol.HOLDOUT, train_images=55_000)


@pytest.fixture
def lab(store: Store) -> Lab:
    store.lease.take("engine", "ready")
    open_class(store)
    return Lab(store.url)


def later(lab: Lab, seconds: float) -> Glance:
    """The class as it would be seen after some seconds in which nothing happens, but that whoever was here stays here."""
    store, reader = lab.store, lab.reader(TEACHER)
    now = time.time() + seconds
    return glance(
        store.standings.of(reader.rights.room.id),
        reader.active(),
        reader.waits(),
        {key: replace(seat, seen=seat.seen + seconds) for key, seat in lab.presence.seats().items()},
        is_held=reader.rights.room.is_held,
        began=lab.presence.began,
        now=now,
    )


def only(lab: Lab, seconds: float = 0.0) -> PupilNow:
    (found,) = later(lab, seconds).pupils
    return found


def queued(store: Store, who: Person, experiment: Experiment = HOLDOUT) -> int:
    (run_id,) = store.queue.add([experiment], who.key)
    return run_id


def begun(store: Store, who: Person, epochs: int = 0, experiment: Experiment = HOLDOUT) -> int:
    run_id = queued(store, who, experiment)
    store.queue.claim("engine", only=[run_id])
    store.recording.begin(run_id, {})
    for number in range(1, epochs + 1):
        steps = experiment.steps_per_epoch
        report = replace(epoch(number, steps=steps, size=10), points=[point(number, step=number * steps)])
        store.recording.record(run_id, report)
    return run_id


def test_whoever_has_just_joined_is_here_once_a_page_of_theirs_asks(lab: Lab) -> None:
    cleo = pupil(lab.store, "Cleo")
    found = only(lab)
    assert (found.name, found.is_here, found.seen, found.doing, found.trouble) == (
        "Cleo",
        False,
        None,
        Doing.LOOKS,
        None,
    )
    lab.presence.opened(cleo.key, "inspect")
    found = lab.glance.now(by=TEACHER).pupils[0]
    assert (found.is_here, found.page) == (True, "inspect")
    seats = lab.presence.seats()
    gone = glance(
        lab.store.standings.of(1), [], {}, seats, is_held=False, began=0.0, now=time.time() + HERE_SECONDS + 1
    )
    assert not gone.pupils[0].is_here
    assert gone.pupils[0].seen == seats[cleo.key].seen


def test_what_somebody_designs_trains_and_waits_for(lab: Lab) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    lab.presence.opened(cleo.key, "")
    lab.presence.designs(cleo.key, "mine", "key")
    assert later(lab, 0).pupils[0].doing is Doing.DESIGNS
    assert later(lab, 0).pupils[0].what == "mine"
    trains = begun(lab.store, cleo, 1)
    queued(lab.store, cleo)
    waits = queued(lab.store, dana)
    first, second = later(lab, 0).pupils
    epochs = HOLDOUT.recipe.epochs
    assert (first.doing, first.run_id, first.epoch, first.epochs) == (Doing.TRAINS, trains, 2, epochs)
    assert first.what == HOLDOUT.name
    assert first.share == pytest.approx(1 / epochs)
    assert (first.runs, first.waiting) == (2, 1)
    assert (second.doing, second.run_id, second.place) == (Doing.WAITS, waits, 1), "she was never served"
    assert second.wait > 0
    lab.store.queue.pause(waits)
    assert later(lab, 0).pupils[1].doing is Doing.PAUSED


def test_the_best_is_by_validation_and_its_test_is_told_where_that_is_honest(lab: Lab) -> None:
    cleo, dana, emil = (pupil(lab.store, name) for name in ("Cleo", "Dana", "Emil"))
    for accuracy in (0.9, 0.95, 0.93):
        finish(lab.store, queued(lab.store, cleo), accuracy)
    finish(lab.store, queued(lab.store, dana, PRESETS["fast"].with_changes(protocol=Protocol.NOTEBOOK)), 0.97)
    lab.challenges.begin(Rules(parameters=1_000_000), by=TEACHER)
    finish(lab.store, queued(lab.store, emil), 0.96)
    first, second, third = later(lab, 0).pupils
    assert (first.best, first.best_run, first.best_test, first.runs) == (0.95, 2, 0.95, 3)
    assert (second.best, second.best_test) == (0.97, None), "validation images are the test images"
    assert (third.best, third.best_test) == (0.96, None), "it was queued during a challenge"


def test_an_impossible_design_is_stuck_when_it_stays_so(lab: Lab) -> None:
    cleo = pupil(lab.store, "Cleo")
    lab.presence.designs(cleo.key, "mine", "key", "Block 4 does not fit.")
    assert only(lab).trouble is None
    found = only(lab, IMPOSSIBLE_SECONDS + 1)
    assert (found.trouble, found.why) == (Trouble.REFUSED, "Block 4 does not fit.")


def test_a_refused_run_is_stuck_at_once_until_one_is_queued(lab: Lab) -> None:
    cleo = pupil(lab.store, "Cleo")
    lab.presence.refused(cleo.key, "Training: your teacher allows 8 s a run.")
    assert only(lab).trouble is Trouble.REFUSED
    queued(lab.store, cleo)
    assert only(lab).trouble is None


@pytest.mark.parametrize(
    ("status", "why", "trouble"),
    [
        (Status.FAILED, f"{DIVERGED}: the loss is not a number.", Trouble.DIVERGED),
        (Status.FAILED, "The data file is missing.", Trouble.FAILED),
        (Status.INTERRUPTED, "The process crashed.", Trouble.FAILED),
    ],
)
def test_a_run_that_failed_is_stuck_until_another_is_queued(
    lab: Lab, status: Status, why: str, trouble: Trouble
) -> None:
    cleo = pupil(lab.store, "Cleo")
    failed = begun(lab.store, cleo)
    lab.store.recording.end(failed, status, why)
    found = only(lab)
    assert (found.trouble, found.why, found.run_id) == (trouble, f"Run {failed}: {why}", failed)
    again = queued(lab.store, cleo)
    assert only(lab).trouble is None
    finish(lab.store, again, 0.9)
    assert only(lab).trouble is None


def test_waiting_long_is_stuck_but_where_the_teacher_has_paused_the_queue(lab: Lab) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    queued(lab.store, cleo)
    begun(lab.store, dana)
    queued(lab.store, dana)
    assert not later(lab, WAITING_SECONDS - 5).stuck
    found = later(lab, WAITING_SECONDS + 5)
    assert found.stuck == {Trouble.WAITING: [found.pupils[0]]}, "Dana trains"
    lab.classroom.hold(is_held=True, by=TEACHER)
    assert not later(lab, WAITING_SECONDS + 5).stuck


def test_idle_is_whoever_is_here_without_run_or_change(lab: Lab) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    lab.presence.seen(cleo.key)
    assert not later(lab, IDLE_SECONDS - 5).stuck
    found = later(lab, IDLE_SECONDS + 5)
    assert found.stuck == {Trouble.IDLE: [found.pupils[0]]}, "Dana is not here"
    finish(lab.store, queued(lab.store, cleo), 0.9)
    lab.presence.seen(dana.key)
    assert later(lab, IDLE_SECONDS - 5).here == 2


def test_whoever_was_removed_is_pretended_or_of_another_class_is_left_out(lab: Lab) -> None:
    cleo, dana, emil = (pupil(lab.store, name) for name in ("Cleo", "Dana", "Emil"))
    lab.store.people.remove(dana.key)
    with lab.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE people SET is_pretended = 1 WHERE key = ?", (emil.key,))
    for who in (dana, emil):
        finish(lab.store, queued(lab.store, who), 0.9)
    assert [one.key for one in later(lab, 0).pupils] == [cleo.key]
    lab.store.classes.end(1)
    open_class(lab.store)
    assert later(lab, 0).pupils == ()


def test_a_study_that_is_sealed_tells_that_it_trains_and_nothing_more(lab: Lab, small: Experiment) -> None:
    cleo = pupil(lab.store, "Cleo")
    study = lab.studies.start(small_plan(small), by=cleo)
    first, *_ = lab.store.studies.unended(study)
    assert (only(lab).doing, only(lab).what, only(lab).run_id) == (Doing.WAITS, "a study", None)
    finish(lab.store, first, 0.9)
    assert (only(lab).best, only(lab).run_id) == (None, None)
    lab.store.queue.claim("engine")
    assert (only(lab).doing, only(lab).what, only(lab).run_id) == (Doing.TRAINS, "a study", None)


def statements(lab: Lab) -> int:
    found: list[str] = []
    sa.event.listen(lab.store.database.engine, "before_cursor_execute", lambda *given: found.append(given[2]))
    lab.glance.now(by=TEACHER)
    return len(found)


def test_two_hundred_pupils_cost_as_many_statements_as_two(lab: Lab) -> None:
    def with_runs(name: str) -> None:
        who = pupil(lab.store, name)
        lab.presence.designs(who.key, name, name)
        finish(lab.store, queued(lab.store, who), 0.9)
        lab.store.recording.end(begun(lab.store, who), Status.FAILED, DIVERGED)
        begun(lab.store, who, 1)
        queued(lab.store, who)

    for number in range(2):
        with_runs(f"first {number}")
    few = statements(Lab(lab.store.url))
    for number in range(40):
        with_runs(f"then {number}")
    assert statements(Lab(lab.store.url)) == few < 25

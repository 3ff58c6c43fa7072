"""Use cases of a round and its rehearsal, over a real store."""

import time

import pytest
from pydantic import ValidationError

from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.presets import NOTEBOOK_PRESETS, PRESETS
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.lesson.proposal import RoundPlan
from mnist_lab.lesson.rounds import Round
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.classes import TEACHER, allow, open_class, pupil
from tests.builders.runs import finish
from tests.builders.studies import small_plan

RECIPE = LessonRecipe(epochs=1, train_images=2000)
PLAN = RoundPlan(minutes=5, people=4, design_seconds=30, by_hand=RECIPE)


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


@pytest.fixture
def room(store: Store) -> int:
    return open_class(store)


def begin(lab: Lab, plan: RoundPlan = PLAN) -> Round:
    lab.rounds.change(plan, by=TEACHER)
    lab.rounds.begin(by=TEACHER)
    return lab.rounds.current(lab.store.classes.current().id)


def test_a_round_is_proposed_for_who_is_here_and_this_machine(lab: Lab, store: Store, room: int) -> None:
    preview = lab.rounds.preview(by=TEACHER)
    assert (preview.here, preview.plan, preview.is_measured) == (0, RoundPlan(), False)
    assert preview.factor == 2, "nothing is known of the machine"
    pupil(store, "Ada"), pupil(store, "Bob")
    preview = lab.rounds.preview(by=TEACHER)
    assert preview.here == 2
    assert preview.chosen == preview.proposed
    assert preview.proposed.people == 2
    assert preview.proposed.fits
    assert preview.proposed.slowest in NOTEBOOK_PRESETS
    lab.rounds.change(RoundPlan(people=200, minutes=1), by=TEACHER)
    nothing = lab.rounds.preview(by=TEACHER)
    assert nothing.proposed is nothing.chosen is None
    assert nothing.why_not.startswith("Nothing fits: even 1 epoch of 1,000 images")
    with pytest.raises(InputError, match="Nothing fits"):
        lab.rounds.begin(by=TEACHER)
    assert store.rounds.current(room) is None
    lab.rounds.change(RoundPlan(people=200, minutes=1, by_hand=RECIPE), by=TEACHER)
    by_hand = lab.rounds.preview(by=TEACHER)
    assert not by_hand.chosen.fits
    assert "2,000 images does not fit" in by_hand.chosen.excess_words()
    lab.rounds.begin(by=TEACHER)
    assert store.rounds.current(room) is not None, "what the teacher chose is begun, though it does not fit"


def test_predictions_of_the_lab_decide(lab: Lab, store: Store, room: int) -> None:
    lab.rounds.change(RoundPlan(people=10, preset="fast"), by=TEACHER)
    before = lab.rounds.preview(by=TEACHER).proposed
    assert before.slowest == "fast"
    store.calibrations.save([3.0, 3.0, 3.0], is_quiet=True)
    after = lab.rounds.preview(by=TEACHER)
    assert after.is_measured
    assert after.factor == 1
    assert after.proposed.recipe.work < before.recipe.work
    applied = after.proposed.recipe.applied(PRESETS["fast"])
    assert after.proposed.alone == lab.estimate(applied).seconds


def test_a_round_goes_on_for_everybody_and_its_recipe_until_it_is_lifted(lab: Lab, store: Store, room: int) -> None:
    assert lab.rounds.current(room) is None
    now = begin(lab)
    assert now.is_on
    assert now.recipe == RECIPE
    assert 299 < now.seconds_left() <= 300
    lab.rounds.begin(by=TEACHER)
    assert lab.rounds.current(room) == now, "an impatient second click begins no other"
    for _ in range(2):  # as two clicks on the same button
        lab.rounds.prolong(now.ends + 60, by=TEACHER)
    assert lab.rounds.current(room).ends == now.ends + 60
    with pytest.raises(InputError, match="at most 120 minutes"):
        lab.rounds.prolong(time.time() + 7300, by=TEACHER)
    lab.rounds.end(by=TEACHER)
    over = lab.rounds.current(room)
    assert (over.is_on, over.seconds_left(), over.recipe) == (False, 0.0, RECIPE)
    lab.rounds.lift(by=TEACHER)
    assert lab.rounds.current(room) is None
    assert lab.rounds.preview(by=TEACHER).plan == PLAN, "the next one is planned as the last"


def test_after_the_server_was_killed_it_is_still_there(lab: Lab, store: Store, room: int) -> None:
    now = begin(lab)
    again = Lab(store.url)
    assert again.rounds.current(room) == now
    ada = pupil(store, "Ada")
    with pytest.raises(NotAllowedError, match="Lesson recipe"):
        again.start(PRESETS["3x3"], by=ada)
    again.store.close()


def test_the_recipe_holds_for_pupils_whatever_they_start_and_not_for_the_teacher(
    lab: Lab, store: Store, room: int
) -> None:
    ada = pupil(store, "Ada")
    held = RECIPE.applied(PRESETS["3x3"])
    (finished,) = lab.start(held, by=ada)
    finish(store, finished, 0.9)
    (others,) = lab.start(PRESETS["fast"], by=TEACHER)
    begin(lab)
    longer = held.recipe.model_copy(update={"epochs": 2})
    for do in (
        lambda: lab.start(PRESETS["3x3"], by=ada),
        lambda: lab.start(held.with_changes(train_images=1999), by=ada),
        lambda: lab.start_all([held, PRESETS["fast"]], by=ada),
        lambda: lab.add_seeds(others, [5], by=ada),
        lambda: lab.continue_run(finished, 1, longer, by=ada),
        lambda: lab.studies.start(small_plan(PRESETS["fast"]), by=ada),
    ):
        with pytest.raises(NotAllowedError, match=r"^Lesson recipe: everybody trains 1 epoch of 2,000 images until"):
            do()
    assert [run.owner for run in store.queue.active()] == [TEACHER.key]
    for name in PRESETS:
        lab.start(RECIPE.applied(PRESETS[name]), by=ada)
    lab.add_seeds(finished, [5], by=ada)
    lab.start(PRESETS["3x3"], by=TEACHER)
    lab.rounds.lift(by=TEACHER)
    lab.start(PRESETS["3x3"], by=ada)


def test_the_next_round_has_a_recipe_of_its_own(lab: Lab, store: Store, room: int) -> None:
    begin(lab)
    lab.rounds.end(by=TEACHER)
    other = LessonRecipe(epochs=2, train_images=3000)
    assert begin(lab, PLAN.model_copy(update={"by_hand": other})).recipe == other


def test_a_rehearsal_is_measured_and_leaves_nothing(lab: Lab, store: Store, room: int) -> None:
    ada = pupil(store, "Ada")
    lab.rounds.change(PLAN, by=TEACHER)
    assert lab.rounds.rehearsal(by=TEACHER) is None
    lab.rounds.rehearse(by=TEACHER)
    lab.rounds.rehearse(by=TEACHER)
    runs = store.rounds.rehearsed(room)
    assert len(runs) == 4
    experiments = [run.experiment for run in runs]
    assert [one.name.split(" · ")[0] for one in experiments] == [*NOTEBOOK_PRESETS, NOTEBOOK_PRESETS[0]]
    assert len({run.design_key for run in runs}) == 4, "as those of pupils, no two are alike"
    assert all(RECIPE.refusal(one) == "" for one in experiments)
    assert all(run.predicted_low and run.predicted_high for run in runs)

    for by in (TEACHER, ada):
        reader = lab.reader(by)
        assert reader.active() == reader.runs.all() == []
        assert reader.waits() == {}
        assert len(reader.table()) == 0
        with pytest.raises(InputError, match="there is none with the number"):
            reader.run(runs[0].id)
    assert [member.name for member in lab.classroom.members(by=TEACHER)] == ["Ada"]
    assert lab.rounds.preview(by=TEACHER).here == 1
    assert lab.rounds.preview(by=TEACHER).in_queue == 0

    store.lease.take("engine", "ready")
    fresh = Lab(store.url)  # as after a restart of the server
    finish(store, runs[0].id, 0.9)
    store.queue.claim("engine")
    going = fresh.rounds.rehearsal(by=TEACHER)
    assert (going.people, going.ended, going.training, going.report) == (4, 1, 1, None)
    assert fresh.rounds.preview(by=TEACHER).in_queue == 0, "those of the rehearsal are not counted"
    predicted = fresh.estimate(PRESETS["3x3"])
    fresh.store.close()

    for run in runs[1:]:
        finish(store, run.id, 0.9) if run.id != runs[1].id else store.recording.end(
            run.id, Status.FAILED, "It diverged."
        )
    over = lab.rounds.rehearsal(by=TEACHER)
    assert over.report.failed == 1
    assert over.report.error == "It diverged."
    assert not over.fits
    assert over.report.done >= 30 + over.report.slowest_wait
    assert lab.rounds.rehearsal(by=TEACHER) == over
    assert store.rounds.rehearsed(room) == store.runs.all() == []
    assert lab.estimate(PRESETS["3x3"]) == predicted, "a rehearsal is not what predictions learn from"
    lab.rounds.delete_rehearsal(by=TEACHER)
    assert lab.rounds.rehearsal(by=TEACHER) is None


def test_a_rehearsal_that_is_too_slow_comes_with_advice(lab: Lab, store: Store, room: int) -> None:
    plan = RoundPlan(minutes=6, people=3, design_seconds=30, by_hand=LessonRecipe(epochs=4, train_images=30_000))
    lab.rounds.change(plan, by=TEACHER)
    lab.rounds.rehearse(by=TEACHER)
    for run in store.rounds.rehearsed(room):
        finish(store, run.id, 0.9)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET ended = ended + 600")
    over = lab.rounds.rehearsal(by=TEACHER)
    assert not over.fits
    assert over.report.done > 600
    assert over.advice.fits
    assert over.advice.recipe.work < plan.by_hand.work
    after = lab.rounds.preview(by=TEACHER)
    assert after.is_rehearsed
    assert after.factor == over.report.factor > 2
    assert after.proposed == over.advice, "what is proposed from now on counts what was measured"
    lab.rounds.delete_rehearsal(by=TEACHER)
    assert lab.rounds.preview(by=TEACHER).factor == 2


def test_a_rehearsal_in_time_fits(lab: Lab, store: Store, room: int) -> None:
    lab.rounds.change(PLAN, by=TEACHER)
    lab.rounds.rehearse(by=TEACHER)
    for run in store.rounds.rehearsed(room):
        finish(store, run.id, 0.9)
    over = lab.rounds.rehearsal(by=TEACHER)
    assert over.fits
    assert over.advice is None
    assert over.report.people == 4


def test_what_is_stopped_is_gone_and_a_round_ends_a_rehearsal(lab: Lab, store: Store, room: int) -> None:
    lab.rounds.change(PLAN, by=TEACHER)
    for end in (lab.rounds.delete_rehearsal, lab.rounds.begin):
        lab.rounds.rehearse(by=TEACHER)
        store.queue.claim("engine")
        end(by=TEACHER)
        assert store.queue.active() == store.runs.all() == []
        assert lab.rounds.rehearsal(by=TEACHER) is None


def test_why_it_cannot_be_rehearsed_is_said(lab: Lab, store: Store, room: int) -> None:
    lab.rounds.change(PLAN, by=TEACHER)
    lab.classroom.hold(is_held=True, by=TEACHER)
    with pytest.raises(InputError, match="the queue is paused"):
        lab.rounds.rehearse(by=TEACHER)
    lab.classroom.hold(is_held=False, by=TEACHER)
    lab.rounds.begin(by=TEACHER)
    with pytest.raises(InputError, match="a round is going on"):
        lab.rounds.rehearse(by=TEACHER)
    lab.classroom.end(by=TEACHER)
    with pytest.raises(InputError, match="there is no class"):
        lab.rounds.rehearse(by=TEACHER)


def test_a_class_that_is_closed_while_it_is_rehearsed_is_left_with_nothing_of_it(
    lab: Lab, store: Store, room: int
) -> None:
    lab.rounds.change(PLAN, by=TEACHER)
    lab.rounds.rehearse(by=TEACHER)
    lab.classroom.close(by=TEACHER)
    assert lab.rounds.rehearsal(by=TEACHER) is None
    assert store.rounds.rehearsal(room) is None


def test_pretended_pupils_are_bound_by_no_limit_and_take_nobodys_place(lab: Lab, store: Store, room: int) -> None:
    allow(lab, waiting=1, seconds=1)
    lab.rounds.change(PLAN.model_copy(update={"people": 200}), by=TEACHER)
    lab.rounds.rehearse(by=TEACHER)
    assert len(store.rounds.rehearsed(room)) == 200
    assert pupil(store, "Ada").key
    assert b"pretended" not in lab.take_away(room, by=TEACHER)


@pytest.mark.parametrize("wrong", [{"minutes": 0}, {"people": 201}, {"preset": "4x4"}, {"design_seconds": -1}])
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RoundPlan.model_validate(wrong)


def test_a_plan_of_an_older_version_is_read(lab: Lab, store: Store, room: int) -> None:
    store.rounds.plan(room, '{"minutes": 9, "of_another_version": 1}')
    assert lab.rounds.preview(by=TEACHER).plan.minutes == 9

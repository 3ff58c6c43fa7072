"""A rehearsal by a real engine: measured, then another one that is stopped in the midst of its training."""

from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.lab import Lab
from mnist_lab.lesson.proposal import RoundPlan
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders import processes as started
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.engines import ended
from tests.builders.processes import wait_until


def test_a_rehearsal_is_trained_and_one_that_is_stopped_leaves_a_worker_that_trains_what_comes_next(
    store: Store,
) -> None:
    room = open_class(store)
    ada = pupil(store, "Ada")
    lab = Lab(store.url)
    recipe = LessonRecipe(epochs=1, train_images=500)
    plan = RoundPlan(minutes=10, people=2, design_seconds=0, preset="fast", by_hand=recipe)
    lab.rounds.change(plan, by=TEACHER)
    lab.rounds.rehearse(by=TEACHER)
    with started.engine(store.url):
        wait_until(lambda: lab.rounds.rehearsal(by=TEACHER).report, "all are trained")
        over = lab.rounds.rehearsal(by=TEACHER)
        assert over.fits, over
        assert (over.report.people, over.report.failed) == (2, 0)
        assert 0 < over.report.slowest_wait < over.report.done < 600
        assert store.runs.all() == []

        long = LessonRecipe(epochs=200, train_images=5000)
        lab.rounds.change(plan.model_copy(update={"by_hand": long}), by=TEACHER)
        lab.rounds.rehearse(by=TEACHER)
        wait_until(lambda: any(run.steps_done > 10 for run in store.rounds.rehearsed(room)), "one of them trains")
        lab.rounds.delete_rehearsal(by=TEACHER)
        assert store.runs.all() == store.queue.active() == []

        (run_id,) = lab.start(recipe.applied(plan.likely[0]), by=ada)
        assert ended(store, run_id).status is Status.FINISHED
        assert [run.id for run in store.runs.all()] == [run_id], "nothing of the rehearsal came back"
    lab.store.close()

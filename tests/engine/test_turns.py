"""Thirty people who queue at once, and an engine with one worker."""

import threading

import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders import processes as started
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.engines import undisturbed
from tests.builders.processes import wait_until
from tests.builders.training import one_epoch

PEOPLE = 30


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_everybodys_first_run_has_begun_when_as_many_runs_as_there_are_people_have(
    store: Store, small: Experiment
) -> None:
    short = one_epoch(small).with_changes(train_images=200)
    open_class(store)
    people = [pupil(store, f"name {number}") for number in range(PEOPLE)]
    begin = threading.Barrier(PEOPLE)

    def queue(by: Person, seeds: int) -> None:
        lab = Lab(store.url)
        begin.wait()
        lab.start(short, seeds, by=by)
        lab.store.close()

    with started.engine(store.url):
        undisturbed(store, short)  # it is warm
        lab = Lab(store.url)
        lab.classroom.hold(is_held=True, by=TEACHER)  # so that it is at once, however long the machine takes for it
        threads = [threading.Thread(target=queue, args=(by, 30 if by is people[0] else 1)) for by in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told = [run.id for run in lab.reader(TEACHER).active()]
        assert len(told) == PEOPLE - 1 + 30
        lab.classroom.hold(is_held=False, by=TEACHER)
        wait_until(lambda: not store.queue.active(), "all have been trained", seconds=600)
        lab.store.close()
    runs = sorted(store.runs.some(told).values(), key=lambda run: run.started)
    assert {run.status for run in runs} == {Status.FINISHED}
    assert [run.id for run in runs] == told, "in the order that was told"
    first = [[run.owner for run in runs].index(by.key) for by in people]
    last, begun = runs[max(first)], max(first) + 1
    each = (runs[-1].started - runs[0].started) / (len(runs) - 1)
    print(
        f"{len(runs)} runs of {each:.2f} s each, begin to begin; of the last person the first began as number {begun}, after "
        f"{last.started - runs[0].started:.1f} s; all were over after {runs[-1].ended - runs[0].started:.1f} s"
    )
    assert begun == PEOPLE

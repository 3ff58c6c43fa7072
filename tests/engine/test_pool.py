"""Which workers there are, on a cluster that the test plays."""

import pytest

from mnist_lab import machine
from mnist_lab.engine.cluster import LONG_QUESTION, QUESTION, TRAIN, warm_up
from mnist_lab.engine.pool import SETTLED_RUNS, WARM_UP_TRIES, Pool
from mnist_lab.errors import EngineError
from mnist_lab.workers import WORKER_BYTES
from tests.builders.pools import MB, Cluster, pool, trained, warm


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with room for one worker more than there are."""
    monkeypatch.setattr(machine, "memory", lambda: 9 * WORKER_BYTES)
    monkeypatch.setenv("MNIST_LAB_GROWTH_MB", "60")


def test_a_worker_that_comes_is_warmed_up_and_serves_when_it_is() -> None:
    cluster = Cluster()
    found = Pool(cluster, 1, threads=3)
    found.update(thoroughly=True)
    assert not found.is_ready
    assert not found.takes_tasks
    cluster.add_place()
    cluster.come()
    found.update(thoroughly=False)  # there are fewer than there should be: it looks all the same
    (job,) = cluster.jobs
    assert (job.slot, job.function, job.arguments) == (TRAIN, warm_up, (3,))
    assert found.takes_tasks, "a question may wait for it"
    assert not found.is_ready
    assert found.idle() is None
    job.end(500 * MB)
    found.update(thoroughly=False)
    assert found.is_ready
    assert found.is_warm
    assert (found.idle().memory, found.idle().settled) == (500 * MB, 500 * MB)


def test_a_worker_has_one_run_at_a_time() -> None:
    found, _ = pool(2)
    first = found.give(found.idle(), TRAIN, print)
    second = found.give(found.idle(), TRAIN, print)
    assert first.worker is not second.worker
    assert found.idle() is None
    found.finish(first, 510 * MB)
    found.finish(first, 520 * MB)  # as where the database could not be used at the first time
    assert found.idle() is first.worker
    assert (first.worker.runs, first.worker.memory) == (1, 510 * MB)
    assert found.tasks == [second]


def test_there_are_news_when_a_training_has_ended_however_it_ended() -> None:
    found, cluster = pool(2)
    training, crashing = (found.give(found.idle(), TRAIN, print) for _ in range(2))
    found.give(training.worker, QUESTION, print)
    cluster.last(print).end(None)
    assert not found.has_news.is_set(), "many questions are answered in a second"
    training.job.end(None)
    assert found.has_news.is_set()
    found.has_news.clear()
    cluster.crash(crashing.worker.address)
    assert found.has_news.is_set()


def test_a_question_goes_to_the_warm_worker_that_has_fewest_of_its_kind_and_does_not_train() -> None:
    found, cluster = pool(2)
    one = found.give(found.idle(), TRAIN, print).worker
    other = found.idle()
    cluster.add_place()
    cluster.come()
    found.update(thoroughly=True)  # a third, which is cold
    given = [found.give(found.least_busy(QUESTION), QUESTION, print).worker for _ in range(4)]
    assert given == [other, one, other, one]
    assert found.least_busy(LONG_QUESTION) is other, "others of another kind do not count"


def test_a_worker_that_crashes_is_forgotten_with_what_it_had_and_its_successor_is_warmed_up() -> None:
    found, cluster = pool(1)
    worker = found.idle()
    run, question = found.give(worker, TRAIN, print), found.give(worker, QUESTION, print)
    cluster.crash(worker.address)
    late = found.give(worker, QUESTION, print)  # in the moment of its crash
    found.finish(run)
    found.finish(question)
    assert not found.takes_tasks
    found.update(thoroughly=False)
    assert late.job.has_crashed, "nobody would ever begin it"
    found.finish(late)
    assert found.tasks == []
    warm(found, cluster)
    assert found.idle() not in (None, worker)


def test_a_worker_that_crashes_while_it_has_nothing_to_do_is_missed_at_the_next_thorough_look() -> None:
    found, cluster = pool(1)
    (address,) = cluster.found
    cluster.crash(address)
    found.update(thoroughly=False)
    assert found.is_ready
    found.update(thoroughly=True)
    assert not found.is_ready


@pytest.mark.parametrize("crash", [False, True])
def test_workers_that_cannot_be_warmed_up_end_the_engine_with_the_cause(crash: bool) -> None:
    cluster = Cluster()
    found = Pool(cluster, 1, threads=1)
    cluster.add_place()

    def fails() -> None:
        cluster.come()
        found.update(thoroughly=True)
        if crash:
            cluster.crash(cluster.jobs[-1].address)
        else:
            cluster.jobs[-1].fail(ImportError("no module named tensorflow"))
        found.update(thoroughly=True)

    for _ in range(WARM_UP_TRIES - 1):
        fails()
    why = "its process crashed" if crash else "ImportError: no module named tensorflow"
    with pytest.raises(EngineError, match=rf"could be started in 3 tries \({why}\)"):
        fails()


def test_a_worker_that_has_grown_is_closed_when_another_is_warm_and_it_has_nothing_left_to_do() -> None:
    found, cluster = pool(1)
    old = found.idle()
    trained(found, old, 500 * MB, SETTLED_RUNS)
    trained(found, old, 559 * MB)
    found.renew(is_idle=False)
    assert not cluster.waiting
    trained(found, old, 560 * MB)
    found.renew(is_idle=False)
    found.renew(is_idle=False)
    assert len(cluster.waiting) == 1, "one is on its way, and no second one"
    assert found.idle() is old, "nobody waits for it"
    running = found.give(old, TRAIN, print)
    warm(found, cluster)
    found.renew(is_idle=False)
    assert old.leaves
    assert found.idle() is not old
    assert old.address in cluster.found, "it still trains"
    found.finish(running, 560 * MB)
    found.renew(is_idle=False)
    assert old.address not in cluster.found
    found.update(thoroughly=True)
    assert len(cluster.found) == 1


def test_while_it_has_not_settled_a_third_of_its_growth_counts() -> None:
    found, cluster = pool(1)
    worker = found.idle()
    trained(found, worker, 900 * MB)
    assert worker.growth == 0, "what its first runs load is not growth"
    answered = found.give(worker, QUESTION, print)
    found.finish(answered, 1050 * MB)
    assert worker.growth == pytest.approx(50 * MB)
    found.renew(is_idle=True)
    assert not cluster.waiting


def test_beside_a_training_no_memory_is_noted() -> None:
    found, _ = pool(1)
    worker = found.idle()
    question, run = found.give(worker, QUESTION, print), found.give(worker, TRAIN, print)
    found.finish(question, 2000 * MB)
    assert worker.memory == 500 * MB
    found.finish(run, 510 * MB)
    assert worker.memory == 510 * MB


@pytest.mark.parametrize(("growth", "is_idle", "leaves"), [(70, False, False), (70, True, True), (190, False, True)])
def test_without_room_for_both_it_goes_first_when_nobody_needs_it_or_it_has_grown_thrice_as_much(
    growth: int, is_idle: bool, leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: WORKER_BYTES)
    found, cluster = pool(1)
    worker = found.idle()
    trained(found, worker, 500 * MB, SETTLED_RUNS)
    trained(found, worker, (500 + growth) * MB)
    found.renew(is_idle=is_idle)
    assert worker.leaves == leaves
    assert len(cluster.found) == (0 if leaves else 1)
    assert len(cluster.waiting) == (1 if leaves else 0)


def test_a_worker_that_does_not_obey_is_restarted() -> None:
    found, cluster = pool(1)
    worker = found.idle()
    found.restart(worker)
    assert cluster.restarted == [worker.address]

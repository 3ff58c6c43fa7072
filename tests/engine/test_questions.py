"""Questions to workers and back, on a cluster that the test plays."""

import time

import pytest

from mnist_lab.engine.cluster import LONG_QUESTION, QUESTION
from mnist_lab.engine.pool import Pool
from mnist_lab.engine.questions import ASKING_SECONDS, Questions
from mnist_lab.engine.worker.question import answer
from mnist_lab.store.store import Store
from tests.builders.pools import MB, Cluster, pool


def test_a_question_goes_to_a_worker_with_its_arguments(store: Store) -> None:
    found, cluster = pool()
    served = Questions(store, found, "engine")
    served.serve()
    assert not served.are_asked
    asked = [store.questions.submit(kind, {"run_id": 1}) for kind in ("maps", "export")]
    served.serve()
    jobs = [job for job in cluster.jobs if job.function is answer]
    assert [job.slot for job in jobs] == [QUESTION, LONG_QUESTION]
    for job, question_id in zip(jobs, asked, strict=True):
        url, question, threads = job.arguments
        assert (url, question.id, question.arguments, threads) == (store.url, question_id, {"run_id": 1}, 2)
    assert served.are_asked
    served.serve()
    assert len(found.tasks) == 2, "each is given once"
    jobs[0].end(520 * MB)
    served.serve()
    assert len(found.tasks) == 1
    assert found.idle().memory == 520 * MB


def test_where_the_worker_crashed_who_asked_is_told(store: Store) -> None:
    found, cluster = pool()
    served = Questions(store, found, "engine")
    question_id = store.questions.submit("maps", {"run_id": 1})
    served.serve()
    (address,) = cluster.found
    cluster.crash(address)
    served.serve()
    refused = store.questions.get(question_id)
    assert refused.is_done
    assert refused.error == "The worker could not answer; try again, and see the engine's log."
    assert found.tasks == []


def test_while_no_worker_is_there_a_question_waits(store: Store) -> None:
    cluster = Cluster()
    found = Pool(cluster, 1, threads=2)
    served = Questions(store, found, "engine")
    store.questions.submit("maps", {"run_id": 1})
    served.serve()
    assert cluster.jobs == []
    cluster.add_place()
    cluster.come()
    found.update(thoroughly=True)
    served.serve()
    assert cluster.last(answer).slot == QUESTION, "also by a worker that is still cold"


def test_somebody_asks_for_a_minute_after_a_question(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5.0]  # as on a machine that has just started
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    found, _ = pool()
    served = Questions(store, found, "engine")
    assert not served.are_asked
    store.questions.submit("maps", {"run_id": 1})
    served.serve()
    now[0] += ASKING_SECONDS - 1
    assert served.are_asked
    now[0] += 1
    assert not served.are_asked

"""Questions about trained networks, from submission to answer."""

import time

import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab.store.schema import QUESTIONS
from mnist_lab.store.store import Store


def test_a_question_goes_from_submission_to_answer(store: Store) -> None:
    first = store.questions.submit("export", {"run_id": 1})
    assert store.questions.submit("export", {"run_id": 1}) == first  # asked by two, answered once
    second = store.questions.submit("export", {"run_id": 2})
    claimed = store.questions.claim("engine")
    assert [(q.id, q.kind, q.arguments) for q in claimed] == [
        (first, "export", {"run_id": 1}),
        (second, "export", {"run_id": 2}),
    ]
    assert store.questions.claim("engine") == []
    assert store.questions.advance(first, 0.5)
    assert (store.questions.get(first).progress, store.questions.get(first).is_done) == (0.5, False)
    store.questions.complete(first, {"a": np.arange(3)})
    assert store.questions.get(first).is_done
    assert store.questions.answer(first)["a"].tolist() == [0, 1, 2]
    store.questions.fail(second, "It cannot be.")
    assert (store.questions.get(second).error, store.questions.answer(second)) == ("It cannot be.", None)
    assert store.questions.submit("export", {"run_id": 2}) != second  # what was refused may be asked again


def test_a_question_lives_as_long_as_somebody_waits_for_it(store: Store) -> None:
    question = store.questions.submit("export", {})
    store.questions.submit("export", {})
    store.questions.claim("engine")
    store.questions.cancel(question)
    assert store.questions.advance(question, 0.1)
    store.questions.cancel(question)
    assert not store.questions.advance(question, 0.2)
    assert store.questions.get(question) is None
    done = store.questions.submit("export", {})
    store.questions.complete(done, {})
    store.questions.cancel(done)
    assert store.questions.get(done).is_done  # an answer stays for whoever asks next


def test_another_engine_takes_over_what_the_last_one_left(store: Store) -> None:
    question = store.questions.submit("export", {})
    store.questions.claim("dead")
    assert [q.id for q in store.questions.claim("next")] == [question]


def test_answers_and_questions_that_nobody_waits_for_are_dropped(store: Store) -> None:
    old = store.questions.submit("export", {"run_id": 1})
    with store.database.write() as connection:
        connection.execute(sa.update(QUESTIONS).values(until=time.time() - 1))
    assert store.questions.claim("engine") == []  # its page is long gone
    store.questions.submit("export", {"run_id": 2})
    assert store.questions.get(old) is None


@pytest.mark.parametrize("kind", ["sqlite"])
def test_finding_a_question_or_new_ones_reads_no_others(store: Store) -> None:
    queries = ("SELECT id FROM errands WHERE digest = 'a'", "SELECT id, error FROM errands WHERE is_done = 0")
    with store.database.read() as connection:
        for query in (*queries, "DELETE FROM errands WHERE until < 1.0"):
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
            assert "USING" in plan, plan
            assert "SCAN" not in plan, plan

"""Answers of a worker, in the tests' own process."""

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from mnist_lab.engine.worker.question import answer
from mnist_lab.store.store import Store
from mnist_lab.training import trainer
from tests.builders import trained
from tests.builders.networks import small_experiment

assert trainer, "loaded: a worker that finds it so need not warm up"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with one trained network, the run 1."""
    with trained.shelf(tmp_path_factory, small_experiment()) as store:
        yield store


def test_it_is_answered_from_the_networks_weights(asked: Store) -> None:
    question_id = asked.questions.submit("tested", {"run_id": 1})
    (question,) = asked.questions.claim("engine")
    assert answer(asked.url, question, 1) > 0
    found = asked.questions.answer(question_id)
    assert np.abs(found["probabilities"] - asked.runs.probabilities(1)).max() < 1e-3
    assert asked.questions.get(question_id).is_done


def test_what_cannot_be_answered_is_refused_in_a_sentence(asked: Store) -> None:
    question_id = asked.questions.submit("export", {"run_id": 999})
    (question,) = asked.questions.claim("engine")
    answer(asked.url, question, 1)
    assert asked.questions.get(question_id).error.startswith("Run: there is none with the number 999")


def test_a_question_that_nobody_waits_for_any_more_is_given_up(asked: Store, caplog: pytest.LogCaptureFixture) -> None:
    question_id = asked.questions.submit(
        "robustness", {"run_id": 1, "change": "noise", "strengths": [0.1], "images": 500}
    )
    (question,) = asked.questions.claim("engine")
    asked.questions.cancel(question_id)
    with caplog.at_level(logging.INFO):
        answer(asked.url, question, 1)
    assert f"question {question_id} was cancelled" in caplog.text
    assert asked.questions.get(question_id) is None

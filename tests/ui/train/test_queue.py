"""Why a run waits, and what can be done with several at once."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.store.lease import READY, WARMING_UP
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.ui.session import seen
from mnist_lab.ui.train import queue
from tests.builders.networks import small_experiment

pytestmark = pytest.mark.usefixtures("lab_url")


def waits(run_id: int) -> str:
    return queue.why_it_waits(seen().run(run_id), seen().active())


def test_a_waiting_run_says_what_it_waits_for(store: Store) -> None:
    first, second = store.queue.add([small_experiment(), small_experiment().with_changes(seed=2)], "ada")
    assert waits(first) == "the worker is starting"
    assert store.lease.take("engine", WARMING_UP)
    assert waits(first) == "the worker is warming up"
    store.lease.renew("engine", READY)
    assert waits(first) == "it is next"
    assert waits(second).startswith("place 2 in the queue, begins in about ")
    store.queue.claim("engine", only=[first])
    assert waits(second).startswith("place 1 in the queue, begins in about ")


SEVERAL = """
import streamlit as st
from mnist_lab.ui.session import seen
from mnist_lab.ui.train import queue
queue.bulk_controls({run.id: run.status for run in seen().runs.all()}, "some", lambda: st.session_state.update(done=True))
"""


def test_each_button_says_to_how_many_it_applies_and_does_it_to_them_alone(store: Store) -> None:
    runs = store.queue.add([small_experiment().with_changes(seed=seed) for seed in range(1, 5)], "ada")
    store.queue.pause(runs[3])
    test = AppTest.from_string(SEVERAL).run()
    assert [button.label for button in test.button] == ["Pause 3", "Resume 1", "Cancel 4 runs"], (
        "the last one asks first"
    )
    test.button[1].click().run()
    assert not test.exception
    assert test.session_state["done"]
    assert {store.runs.get(run_id).status for run_id in runs} == {Status.QUEUED}
    assert [button.label for button in test.button] == ["Pause 4", "Cancel 4 runs"]
    test.button[1].click().run()
    assert {store.runs.get(run_id).status for run_id in runs} == {Status.CANCELLED}
    assert not test.button

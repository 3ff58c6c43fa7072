"""Which run the Train page shows."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.store.store import Store
from mnist_lab.training.reports import Report
from mnist_lab.ui import watching
from tests.builders.networks import small_experiment
from tests.builders.runs import OUTCOME, point, trained

pytestmark = pytest.mark.usefixtures("lab_url")

SCRIPT = """
import streamlit as st
from mnist_lab.errors import InputError
from mnist_lab.ui import watching
if "started" in st.session_state:
    watching.started(st.session_state.pop("started"))
try:
    found = watching.load()
    st.write(f"{found.run_id} of {list(found.together)}" + (", follows" if found.follows else ""))
except InputError as error:
    st.write(str(error))
"""


def ended(store: Store) -> int:
    """A run that has a curve and has ended."""
    (run_id,) = store.queue.add([small_experiment()], "ada")
    store.queue.claim("engine", only=[run_id])
    store.recording.record(run_id, Report([point(0)]))
    store.recording.finish(run_id, OUTCOME)
    return run_id


def app(**query: str) -> AppTest:
    test = AppTest.from_string(SCRIPT)
    for name, value in query.items():
        test.query_params[name] = value
    return test.run()


def shown(test: AppTest) -> str:
    assert not test.exception
    return test.markdown[0].value


def test_an_address_has_the_runs_that_were_started_together_where_there_are_several() -> None:
    assert watching.query(3) == {"run": "3"}
    assert watching.query(3, [3]) == {"run": "3"}
    assert watching.query(3, [3, 5]) == {"run": "3", "runs": "3,5"}


def test_without_an_address_it_is_what_trains_or_ended_last_and_the_page_stays_with_it(store: Store) -> None:
    assert shown(app()) == "None of []"
    first = ended(store)
    test = app()
    assert shown(test) == f"{first} of []"
    (waiting,) = store.queue.add([small_experiment()], "ada")
    assert shown(app()) == f"{waiting} of []"
    assert shown(test.run()) == f"{first} of []", "it has shown this one already"


def test_what_was_just_started_is_shown_next_and_all_of_it_stays_together(store: Store) -> None:
    runs = [trained(store) for _ in range(3)]
    test = app()
    test.session_state["started"] = runs[:2]
    assert shown(test.run()) == f"{runs[0]} of {runs[:2]}"


def test_a_run_that_the_address_names_is_remembered_and_one_that_there_is_not_is_a_sentence(store: Store) -> None:
    first, second = trained(store), trained(store)
    test = app(run=str(first), runs=f"{first},{second}")
    assert shown(test) == f"{first} of [{first}, {second}]"
    assert "there is none with the number 99" in shown(app(run="99"))
    assert "should be the number of a run" in shown(app(run="x"))


def test_to_follow_is_asked_for(store: Store) -> None:
    trained(store)
    test = app(follow="now")
    assert shown(test) == "None of [], follows"
    del test.query_params["follow"]
    assert shown(test.run()) == "None of [], follows", "a bare address leads to what was watched last"

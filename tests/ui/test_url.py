"""What a page reads from its address, and what it writes there."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.errors import InputError
from mnist_lab.store.store import Store
from mnist_lab.ui import url
from tests.builders.runs import trained

READ = """
import streamlit as st
from mnist_lab.errors import LabError
from mnist_lab.ui import url
try:
    run = url.run()
    st.write(f"run {run and run.id}, runs {url.runs('runs', 1, 3)}")
except LabError as error:
    st.write(str(error))
"""
KEEP = """
import streamlit as st
from mnist_lab.ui import url
st.session_state.setdefault("query", {"run": "1"})
url.begin("")
url.keep(st.session_state.query)
"""


def shown(**query: str) -> str:
    test = AppTest.from_string(READ)
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test.markdown[0].value


@pytest.mark.parametrize("text", ["", "-1", "1.0", " 1", "x", "²", "١", "1" * 16, "1,2"])
def test_what_is_no_number_of_a_run_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="Address: run should be the number of a run"):
        url.number("run", text)
    assert url.number("run", "0012") == 12


@pytest.mark.parametrize("text", ["", "1", "1,1", "1,2,3,4", "1,x", "1,,2", "1, 2"])
def test_a_list_of_runs_has_so_many_numbers(text: str) -> None:
    with pytest.raises(InputError, match="Address: runs should be 2 to 3 numbers of runs, as 3,7"):
        url.numbers("runs", text, 2, 3)


def test_each_run_of_a_list_counts_once() -> None:
    assert url.numbers("runs", "7,3,7", 2, 3) == [7, 3]


def test_what_an_address_holds_is_quoted_in_part_only() -> None:
    read: list[Callable[[], object]] = [
        lambda: url.number("run", "x" * 500),
        lambda: url.numbers("runs", "x" * 500, 1, 9),
    ]
    for one in read:
        with pytest.raises(InputError) as refused:
            one()
        assert len(str(refused.value)) < 200


@pytest.mark.usefixtures("lab_url")
def test_a_page_finds_the_runs_that_its_address_names(store: Store) -> None:
    run_id = trained(store)
    assert shown() == "run None, runs []"
    assert shown(run=str(run_id), runs="9,8") == f"run {run_id}, runs [9, 8]", "there need not be those of a list"
    assert "there is none with the number 99" in shown(run="99")
    assert "received 'x'" in shown(run="x")


def test_a_page_replaces_an_address_that_names_something_else_and_leaves_a_bare_one_to_the_browser() -> None:
    test = AppTest.from_string(KEEP)
    test.query_params["run"] = "7"
    test.query_params["stray"] = "x"
    assert not test.run().exception
    assert test.query_params == {"run": "1"}
    bare = AppTest.from_string(KEEP).run()
    assert bare.query_params == {}, "else going back would lead to the bare one, which shows the same"

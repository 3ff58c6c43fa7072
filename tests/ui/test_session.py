"""What every page needs: buttons that count once, the pace of live pages, errors as sentences, the footer."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.store.lease import READY
from mnist_lab.store.store import Store
from mnist_lab.ui import session
from tests.builders.networks import small_experiment

PRESSED = """
import streamlit as st
from mnist_lab.ui.session import pressed_once
st.write(f"pressed: {pressed_once('Train', 'train') or 'no'}")
"""
ERRORS = """
import streamlit as st
from mnist_lab.errors import InputError
from mnist_lab.ui.session import errors_shown
with errors_shown():
    raise InputError("Seed: should be *whole*.")
st.write("the rest of the page")
"""
TOGETHER = """
import streamlit as st
from mnist_lab.ui.session import errors_shown, lab, seen

@st.fragment
@errors_shown()
def part() -> None:
    st.session_state["inner"] = seen()

with errors_shown():
    st.session_state["first"], st.session_state["again"] = seen(), seen()
    part()
st.session_state["apart"] = seen()
"""
FOOTER = """
from mnist_lab.ui.session import footer
footer()
"""


def test_a_press_counts_once_and_puts_a_new_button_in_its_place() -> None:
    test = AppTest.from_string(PRESSED).run()
    assert test.markdown[0].value == "pressed: no"
    first = test.button[0]
    first.click().run()
    assert test.markdown[0].value == "pressed: once"
    assert test.button[0].key != first.key
    test.run()
    assert test.markdown[0].value == "pressed: no"
    test.button[0].click().run()
    assert test.markdown[0].value == "pressed: once", "a later press is another one"


def test_an_error_of_the_lab_is_a_sentence_and_the_rest_of_the_page_follows() -> None:
    test = AppTest.from_string(ERRORS).run()
    assert not test.exception
    assert test.error[0].value == "Seed: should be \\*whole\\*."
    assert test.markdown[-1].value == "the rest of the page"


@pytest.mark.usefixtures("lab_url")
def test_what_somebody_may_see_is_read_once_for_what_is_drawn_together_and_again_each_time() -> None:
    test = AppTest.from_string(TOGETHER, default_timeout=30).run()
    assert not test.exception
    first = test.session_state["first"]
    assert test.session_state["again"] is first
    assert test.session_state["inner"] is first, "a part is drawn with its page"
    assert test.session_state["apart"] is not first
    assert test.run().session_state["first"] is not first


@pytest.mark.parametrize(("viewers", "seconds"), [(1, 0.4), (4, 0.4), (5, 1.0), (10, 1.0), (11, 2.5), (21, 5.0)])
def test_the_more_look_the_slower_a_live_page_is(viewers: int, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        session_id = ""

    class Clock:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    session.st.cache_resource.clear()
    monkeypatch.setattr(session, "time", clock)
    monkeypatch.setattr(session, "get_script_run_ctx", Context)
    for viewer in range(viewers):
        Context.session_id = str(viewer)
        found = session.pace()
    assert found == seconds
    clock.now += 60
    assert session.pace() == session.QUICKEST, "the others have left"
    session.st.cache_resource.clear()


@pytest.mark.usefixtures("lab_url")
def test_the_footer_says_what_the_worker_does(store: Store) -> None:
    def footer() -> str:
        test = AppTest.from_string(FOOTER).run()
        assert not test.exception
        return test.caption[0].value

    assert "worker starting" in footer()
    assert store.lease.take("engine", READY)
    assert "worker ready" in footer()
    store.queue.add([small_experiment(), small_experiment().with_changes(seed=2)], "ada")
    assert "worker ready, 2 waiting" in footer()
    store.queue.claim("engine")
    assert "training 1, 1 waiting" in footer()


def test_where_there_is_no_database_the_footer_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", f"sqlite:///{tmp_path}/file/lab.db")
    test = AppTest.from_string(FOOTER).run()
    assert not test.exception
    assert "no results database" in test.caption[0].value

"""Buttons that ask first where they would end several runs at once."""

from streamlit.testing.v1 import AppTest

from tests.builders.pages import button, healthy

SCRIPT = """
import streamlit as st
from mnist_lab.ui import confirm

def delete(*ids, soon):
    st.session_state["deleted"] = ids, soon

confirm.button("Delete", {question!r}, key="d", on_click=delete, args=(1, 2), kwargs={{"soon": True}})
"""


def test_of_one_it_is_a_button_and_of_several_it_asks_first() -> None:
    one = AppTest.from_string(SCRIPT.format(question=None)).run()
    button(one, "Delete").click().run()
    assert one.session_state["deleted"] == ((1, 2), True)
    several = AppTest.from_string(SCRIPT.format(question="Delete 2 runs?"))
    several.session_state["d-asks"] = True
    assert [b.label for b in several.run().button] == ["Delete 2 runs"]
    assert [m.value for m in several.markdown] == ["**Delete 2 runs?**"]
    button(several, "Delete 2 runs").click().run()
    assert healthy(several).session_state["deleted"] == ((1, 2), True)
    assert not several.session_state["d-asks"], "the question is closed"

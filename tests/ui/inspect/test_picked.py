"""A cell that is chosen in a chart or in fields."""

from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from mnist_lab.ui.inspect.picked import Picked

picked = Picked("value", ("row", "column"), st.session_state.get("largest", (2, 1)))

def click(cells):
    st.session_state[picked.chart] = {"selection": {"cell": cells}}
    picked.clicked()

for each in picked.coordinates:
    st.number_input(each, 0, 9, **picked.bound(each))
st.button("a cell", on_click=click, args=([{"row": 5, "column": 7}],))
st.button("none", on_click=click, args=([],))
st.write(f"{picked.place} {picked.begun} {picked.chart}")
"""


def said(test: AppTest) -> str:
    assert not test.exception
    return str(test.markdown[0].value)


def test_a_click_and_the_fields_change_the_same_choice() -> None:
    test = AppTest.from_string(SCRIPT).run()
    assert said(test) == "(2, 1) (2, 1) value-chart-(2, 1)"
    test.button[0].click().run()
    assert [field.value for field in test.number_input] == [5, 7]
    assert said(test) == "(5, 7) (2, 1) value-chart-(2, 1)", "the chart that was clicked in stays"
    test.number_input[0].set_value(6).run()
    assert said(test) == "(6, 7) (6, 7) value-chart-(6, 7)", "another begins with what the fields say"
    test.button[1].click().run()
    assert said(test) == "(2, 1) (2, 1) value-chart-(2, 1)"


def test_until_somebody_chooses_the_choice_follows_the_first() -> None:
    test = AppTest.from_string(SCRIPT).run()
    test.session_state["largest"] = (3, 3)
    assert said(test.run()) == "(3, 3) (3, 3) value-chart-(3, 3)"
    test.number_input[1].set_value(4).run()
    test.session_state["largest"] = (8, 8)
    assert said(test.run()) == "(3, 4) (3, 4) value-chart-(3, 4)"

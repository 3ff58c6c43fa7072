"""Widgets for fields: what is typed, what is saved, and what is said of it."""

from streamlit.testing.v1 import AppTest

from mnist_lab.design.blocks import ConvBlock

NUMBER = """
import streamlit as st
from mnist_lab.ui import fields
st.session_state.setdefault("rate", 0.001)
fields.number(st, "Rate", st.session_state.rate, key="field", help="How far.", save=lambda new: st.session_state.update(rate=new))
if st.button("Double"):
    st.session_state.rate *= 2
    st.rerun()
"""
OPTIONAL = """
import streamlit as st
from mnist_lab.ui import fields
st.write(repr(fields.optional_number(st, "Budget", key="budget", is_count=True)))
"""
BLOCK = """
import streamlit as st
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.ui import fields
st.session_state.setdefault("values", ConvBlock(filters=4, kernel_size=(3, 5)).model_dump())
fields.show(ConvBlock, st.session_state["values"], "block", lambda name, new: st.session_state["values"].update({name: new}),
            bounded=st.session_state.get("bounded", True), only=st.session_state.get("only"))
"""
KIND = """
import streamlit as st
from mnist_lab.design.recipe import OPTIMIZERS
from mnist_lab.ui import fields
st.session_state.setdefault("optimizer", {"name": "sgd", "learning_rate": 0.3})
fields.choose_kind(st, "Optimizer", OPTIMIZERS, st.session_state.optimizer["name"], key="kind", help="Which.",
                   save=lambda new: st.session_state.update(optimizer=new))
"""
CHOICE = """
import streamlit as st
from mnist_lab.ui import fields
st.session_state.setdefault("chosen", "step")
fields.choose(st, "Schedule", ["constant", "step"], st.session_state.chosen, key="choice", help="Which.",
              save=lambda new: st.session_state.update(chosen=new))
"""


def app(script: str, **state: object) -> AppTest:
    test = AppTest.from_string(script)
    for key, value in state.items():
        test.session_state[key] = value
    return healthy(test.run())


def healthy(test: AppTest) -> AppTest:
    assert not test.exception
    return test


def test_a_number_is_saved_however_it_is_written_and_stays_as_it_was_typed() -> None:
    test = app(NUMBER)
    assert test.text_input[0].value == "0.001"
    for typed, value in (("0,003", 0.003), ("3e-3", 0.003), ("0.3 %", 0.003), ("2", 2.0)):
        healthy(test.text_input[0].set_value(typed).run())
        assert test.session_state["rate"] == value
        assert test.text_input[0].value == typed
        assert not test.markdown


def test_what_is_not_a_number_stays_as_text_with_a_sentence() -> None:
    test = app(NUMBER)
    healthy(test.text_input[0].set_value("fast").run())
    assert test.session_state["rate"] == "fast"
    assert test.text_input[0].value == "fast"
    assert ":material/error:" in test.markdown[0].value
    healthy(test.text_input[0].set_value("0.5").run())
    assert test.session_state["rate"] == 0.5
    assert not test.markdown


def test_a_field_shows_what_something_else_has_made_of_its_value() -> None:
    test = app(NUMBER)
    healthy(test.text_input[0].set_value("0.25").run())
    healthy(test.button[0].click().run())
    assert test.text_input[0].value == "0.5"
    healthy(test.text_input[0].set_value("0.25").run())
    assert test.session_state["rate"] == 0.25, "as before, and a change all the same"


def test_an_optional_number_is_none_while_it_is_no_number() -> None:
    test = app(OPTIONAL)
    found = []
    for typed in ("", "50,000", "many", "12"):
        healthy(test.text_input[0].set_value(typed).run())
        found.append((test.markdown[-1].value, any("Until then it is ignored" in m.value for m in test.markdown)))
    assert found == [("None", False), ("50000.0", False), ("None", True), ("12.0", False)]


def test_every_field_of_a_spec_has_its_widgets_and_saves_under_its_name() -> None:
    test = app(BLOCK)
    kinds = ("number_input", "text_input", "selectbox", "checkbox")
    labels = {widget.label for kind in kinds for widget in test.get(kind)}
    pairs = {"Kernel size": "Kernel", "Strides": "Strides", "Pooling size": "Pooling"}
    titles = {str(info.title) for name, info in ConvBlock.model_fields.items() if name != "kind"}
    sides = {f"{pairs[title]} {side}" for title in titles & pairs.keys() for side in ("height", "width")}
    assert labels == titles - pairs.keys() | sides
    kernel = {n.label: n for n in test.number_input if n.label.startswith("Kernel")}
    assert [kernel[f"Kernel {side}"].value for side in ("height", "width")] == [3, 5]
    healthy(kernel["Kernel width"].set_value(7).run())
    assert list(test.session_state["values"]["kernel_size"]) == [3, 7]
    checkbox = next(c for c in test.checkbox if c.label == ConvBlock.model_fields["batch_normalization"].title)
    healthy(checkbox.check().run())
    assert test.session_state["values"]["batch_normalization"] is True


def test_only_the_fields_asked_for_are_shown_and_bounds_only_where_wanted() -> None:
    (bounded,) = app(BLOCK, only={"filters"}).number_input
    (free,) = app(BLOCK, only={"filters"}, bounded=False).number_input
    assert (bounded.min, bounded.max) == (1, 1024)
    assert free.max is None


def test_a_height_and_its_width_stay_side_by_side() -> None:
    test = app(BLOCK, only={"filters", "kernel_size"})
    pairs = [[field.label for field in column.number_input] for column in test.columns]
    assert pairs == [["Filters"], [], ["Kernel height"], ["Kernel width"]]


def test_another_kind_comes_with_its_own_usual_fields() -> None:
    test = app(KIND)
    healthy(test.selectbox[0].set_value("adam").run())
    optimizer = test.session_state["optimizer"]
    assert (optimizer["name"], optimizer["learning_rate"]) == ("adam", 0.001)
    assert "beta_1" in optimizer


def test_a_choice_that_a_browser_has_not_drawn_yet_is_no_change() -> None:
    test = app(CHOICE)
    healthy(test.segmented_control[0].set_value(None).run())
    assert test.session_state["chosen"] == test.segmented_control[0].value == "step"
    healthy(test.segmented_control[0].set_value("constant").run())
    assert test.session_state["chosen"] == test.segmented_control[0].value == "constant"


def test_a_widget_begins_with_its_value_as_its_own_default() -> None:
    """A browser reports the default until it has drawn a value that is set beside it: as a change that nobody made."""
    test = app(NUMBER)
    assert (test.text_input[0].proto.default, test.text_input[0].proto.set_value) == ("0.001", False)
    healthy(test.button[0].click().run())
    assert (test.text_input[0].proto.default, test.text_input[0].proto.set_value) == ("0.002", False)
    block = app(BLOCK)
    assert [box.proto.default for box in block.number_input][:3] == [4, 3, 5]
    assert not any(widget.proto.set_value for widget in (*block.number_input, *block.selectbox, *block.checkbox))
    assert [(box.label, box.proto.default) for box in block.checkbox if box.value] == [("Bias", True)]
    choice = app(CHOICE).segmented_control[0].proto
    assert (list(choice.default), choice.set_value) == ([1], False)

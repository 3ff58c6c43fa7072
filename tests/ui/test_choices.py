"""Choices among options that may vanish meanwhile."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.ui import choices

SCRIPT = """
import streamlit as st
from mnist_lab.ui import choices
options = st.session_state.setdefault("options", ["a", "b", "c"])
st.multiselect("Several", choices.with_selected(options, "several"), key="several")
st.write(f"gone: {choices.gone(options, 'several')}")
choices.notify_if_gone(options, "one", "{} is *gone*.")
st.selectbox("One", options, key="one")
"""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 5], [3, 5]),
        (["run 12: 3x3, seed 4", 3], [12, 3]),
        ([7, "Run 7: renamed", 7], [7]),
        (["no run", "3"], [3]),
        ([], []),
    ],
)
def test_a_run_is_known_by_its_number_or_by_the_first_one_of_its_label(values: list, expected: list[int]) -> None:
    assert choices.run_ids(values) == expected


def test_what_was_selected_stays_though_its_option_is_gone() -> None:
    test = AppTest.from_string(SCRIPT).run()
    test.multiselect[0].set_value(["c", "a"]).run()
    test.session_state["options"] = ["a", "b"]
    test.run()
    assert test.multiselect[0].value == ["c", "a"]
    assert test.multiselect[0].options == ["a", "b", "c"]
    assert test.markdown[0].value == "gone: ['c']"
    test.multiselect[0].set_value(["a"]).run()
    assert test.multiselect[0].options == ["a", "b"], "nobody wants it any more"


def test_a_select_box_whose_choice_is_gone_says_so() -> None:
    test = AppTest.from_string(SCRIPT).run()
    test.selectbox[0].set_value("c").run()
    assert not test.toast
    test.session_state["options"] = ["a", "b"]
    test.run()
    assert test.toast[0].value == "c is *gone*.".replace("*", "\\*")
    assert test.selectbox[0].value == "a"


EPOCHS = """
import streamlit as st
from mnist_lab.ui import choices
st.write(f"{choices.epoch('After epoch', st.session_state['epochs'], st.session_state['epochs'][-1], 'epoch')}")
"""


@pytest.mark.parametrize(("epochs", "step"), [([1, 2, 3], 1), ([4, 5], 1), ([2, 4, 6], 2), ([1, 2, 7], None)])
def test_a_slider_stands_at_an_epoch_and_where_some_are_missing_there_is_none(
    epochs: list[int], step: int | None
) -> None:
    test = AppTest.from_string(EPOCHS)
    test.session_state["epochs"] = epochs
    test.run()
    assert not test.exception
    if step is None:
        (field,) = test.selectbox
        assert field.options == [str(epoch) for epoch in epochs]
    else:
        (field,) = test.slider
        assert (field.min, field.max, field.step) == (epochs[0], epochs[-1], step)
    assert test.markdown[0].value == str(epochs[-1])
    begun = epochs.index(epochs[-1]) if step is None else [epochs[-1]]
    assert field.proto.default == begun, "a browser reports the default before it has drawn what the session says"
    field.set_value(epochs[0]).run()
    assert test.markdown[0].value == str(epochs[0])

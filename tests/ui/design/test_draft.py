"""The design being edited."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.design.experiment import Protocol
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.ui.design import draft as drafts

LOAD = """
import streamlit as st
from mnist_lab.errors import InputError
from mnist_lab.ui.design import draft as drafts
try:
    drafts.load()
except InputError as error:
    st.error(str(error))
st.write(drafts.experiment(drafts.load()).name)
if st.button("Seed 7"):
    drafts.save({**drafts.current(), "seed": 7})
if st.button("Undo"):
    drafts.undo()
st.write(drafts.query())
"""


@pytest.mark.parametrize("name", PRESETS)
def test_a_draft_of_a_preset_is_that_preset(name: str) -> None:
    draft = drafts.of_experiment(PRESETS[name])
    assert json.loads(json.dumps(draft)) == draft, "plain data"
    assert drafts.experiment(draft) == PRESETS[name]
    assert drafts.is_preset(draft)


def test_a_changed_preset_says_so_in_its_name_until_it_is_changed_back() -> None:
    draft = drafts.of_experiment(PRESETS["3x3"])
    quick = {**draft, "quick": {"kernel_size": 2}}
    assert drafts.experiment(quick).name == "3x3 · kernel 2"
    assert {block.kernel_size for block in drafts.architecture(quick).blocks} == {(2, 2)}
    assert drafts.experiment({**quick, "quick": {}}).name == "3x3"
    named = {**quick, "name": "mine"}
    assert drafts.experiment(named).name == "mine", "a name that somebody chose is kept"
    seeded = {**draft, "seed": 9}
    assert drafts.experiment(seeded).name == "3x3", "another sample of the same design"
    assert not drafts.is_preset(seeded)


def test_what_cannot_be_is_kept_with_its_sentence() -> None:
    draft = {**drafts.of_experiment(PRESETS["3x3"]), "refused": {"blocks-1-filters": [0, "Block 2: filters …"]}}
    assert drafts.refused(draft, "blocks", 1) == {"filters": 0}
    assert drafts.refused(draft, "blocks", 0) == {}
    assert not drafts.is_preset(draft)
    with pytest.raises(InputError, match="Block 2: filters"):
        drafts.experiment(draft)


@pytest.mark.parametrize(("images", "expected"), [(60_000, 55_000), (55_001, 55_000), (55_000, 55_000), (1000, 1000)])
def test_under_another_protocol_all_images_are_still_all_images(images: int, expected: int) -> None:
    draft = {**drafts.of_experiment(PRESETS["3x3"]), "protocol": "notebook", "train_images": images}
    held_out = drafts.with_protocol(draft, Protocol.HOLDOUT)
    assert (held_out["protocol"], held_out["train_images"]) == ("holdout", expected)
    back = drafts.with_protocol(held_out, Protocol.NOTEBOOK)
    assert back["train_images"] == (60_000 if expected == 55_000 else expected)


def test_the_first_normalisation_of_a_network_comes_with_corrected_statistics() -> None:
    draft = drafts.of_experiment(PRESETS["3x3"])
    draft["recipe"]["bias_corrected_statistics"] = False
    network = drafts.architecture(draft)
    block = network.blocks[0].model_copy(update={"batch_normalization": True})
    normalized = drafts.with_network(draft, network.with_blocks(block, *network.blocks[1:]))
    if not network.normalizes:
        assert normalized["recipe"]["bias_corrected_statistics"] is True
    old = {**normalized, "recipe": {**normalized["recipe"], "bias_corrected_statistics": False}}
    again = drafts.with_network(old, drafts.architecture(old))
    assert again["recipe"]["bias_corrected_statistics"] is False, "an old recipe stays what it was"


def app(**query: str) -> AppTest:
    test = AppTest.from_string(LOAD)
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def press(test: AppTest, label: str) -> AppTest:
    next(button for button in test.button if button.label == label).click().run()
    assert not test.exception
    return test


def test_a_session_starts_from_the_address_and_else_from_the_first_preset() -> None:
    assert app().markdown[0].value == drafts.FIRST_PRESET
    assert app(preset="2x2").markdown[0].value == "2x2"
    linked = app(design=PRESETS["7x7"].with_changes(name="mine", seed=4).model_dump_json())
    assert linked.markdown[0].value == "mine"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"preset": "9x9"}, "Address: preset should be one of"),
        ({"design": "{nope"}, "Address: this link holds no design the lab can read"),
        ({"design": '{"architecture": {"blocks": []}}'}, "Address: this link holds no design the lab can read"),
    ],
)
def test_an_address_that_holds_no_design_is_a_sentence_and_changes_nothing(query: dict[str, str], words: str) -> None:
    test = app(**query)
    assert words in test.error[0].value
    assert test.markdown[0].value == drafts.FIRST_PRESET


def test_every_change_is_in_the_address_and_can_be_undone() -> None:
    test = app(preset="2x2")
    assert test.query_params == {"preset": "2x2"}
    press(test, "Seed 7")
    assert json.loads(test.query_params["design"])["seed"] == 7
    press(test, "Undo")
    assert test.query_params == {"preset": "2x2"}

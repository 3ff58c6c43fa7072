"""The pages without a browser: what controls do to the design."""

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.design.experiment import NORMALIZATION_FIELDS, Protocol, read_design
from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.store import Store
from mnist_lab.ui import navigation
from mnist_lab.ui.text import plain
from tests.builders.pages import healthy, metric, number, page, press
from tests.builders.processes import ROOT
from tests.builders.runs import trained


def test_design_starts_valid_and_each_preset_is_one_click() -> None:
    test = healthy(page("design"))
    assert metric(test, "Parameters") == "13,338"
    for name, parameters in (("7x7", "136,906"), ("2x2", "144,406"), ("fast", "108,874")):
        healthy(test.pills[0].set_value(name).run())
        assert metric(test, "Parameters") == parameters
        assert test.query_params["preset"] == name


def test_a_changed_preset_is_one_press_away_from_itself() -> None:
    test = healthy(page("design", preset="7x7"))
    for label, value in (("Kernel size", 3), ("Seed", 5), ("Learning rate", "0,5")):
        number(test, label).set_value(value).run()
        assert healthy(test).pills[0].value is None, "it can be pressed"
        assert any("press 7x7 to start over" in caption.value for caption in test.caption)
        test.pills[0].set_value("7x7").run()
        assert healthy(test).query_params["preset"] == "7x7"
        assert test.pills[0].value == "7x7"
    assert metric(test, "Parameters") == "136,906"


def test_quick_controls_change_the_design_and_go_back() -> None:
    test = healthy(page("design", preset="2x2"))
    number(test, "Depth (blocks)").set_value(7).run()
    assert sum(str(button.key).startswith("row-blocks") for button in test.button) == 7
    number(test, "Kernel size").set_value(1).run()
    number(test, "Kernel size").set_value(2).run()
    number(test, "Depth (blocks)").set_value(5).run()
    assert metric(healthy(test), "Parameters") == "144,406"
    filters = next(b for b in test.button_group if b.label == "Filters")
    filters.set_value(2.0).run()
    design = json.loads(test.query_params["design"])
    assert [block["filters"] for block in design["architecture"]["blocks"]] == [8, 16, 32, 64, 128]


def test_a_word_from_a_browser_that_has_not_drawn_the_last_change_yet_undoes_nothing() -> None:
    test = healthy(page("design", preset="7x7"))
    number(test, "Depth (blocks)").set_value(2).run()
    before = test._tree.get_widget_states()  # with a depth of 2
    healthy(test.pills[0].set_value("3x3").run())
    assert number(test, "Depth (blocks)").value == 3
    known = [test.pills[0], number(test, "Kernel size").set_value(2)]  # the browser's own changes
    stale = [state for state in before.widgets if state.id not in [widget.id for widget in known]]
    states = type(before)(widgets=[*stale, *(widget._widget_state for widget in known)])
    healthy(test._run(states))  # the kernel size is new, the depth of before the preset still comes with it
    assert number(test, "Depth (blocks)").value == 3
    assert metric(test, "Parameters") == "9,418"
    number(test, "Depth (blocks)").set_value(2).run()
    assert number(healthy(test), "Depth (blocks)").value == 2, "the same value meant by a person counts"


def test_a_control_says_mixed_where_blocks_differ() -> None:
    test = healthy(page("design", preset="3x3"))
    dropout = next(box for box in test.selectbox if box.label == "Dropout")
    assert (dropout.value, dropout.placeholder) == (None, "mixed")
    dropout.set_value(0.5).run()
    design = json.loads(healthy(test).query_params["design"])
    assert [block["dropout"] for block in design["architecture"]["blocks"]] == [0.5] * 3
    assert design["architecture"]["head"][0]["dropout"] == 0.7


@pytest.mark.parametrize(
    ("label", "value", "sentence"),
    [
        ("Learning rate", "0", "Learning rate: should be greater than 0; received 0"),
        ("Learning rate", "1.000,5", "Learning rate: should be a number; received '1.000,5'."),
        ("Learning rate", "1,000", "Learning rate: should be a number; received '1,000'."),
        ("Learning rate", "", "Learning rate: should be a number; received ''."),
        ("Weight decay", "-0,1", "Weight decay: should be greater than or equal to 0; received -0.1."),
        ("rho", "1", "Rho: should be less than 1; received 1.0."),
        ("Epochs", 0, "Epochs: should be greater than or equal to 1; received 0."),
        ("Training images", 61_000, "Train images: should be less than or equal to 60000; received 61000."),
        ("Training images", 0, "Train images: should be greater than or equal to 1; received 0."),
        ("Batch size (images)", -1, "Batch size: should be greater than or equal to 1; received -1."),
        ("Seed", -1, "Seed: should be greater than or equal to 0; received -1."),
    ],
)
def test_a_wrong_value_stays_and_gets_a_sentence(label: str, value: int | str, sentence: str) -> None:
    test = healthy(page("design", preset="3x3"))
    number(test, label).set_value(value).run()
    assert any(sentence in error.value for error in healthy(test).error)
    assert number(test, label).value == value
    assert test.button(key="train.0").disabled
    number(test, label).set_value("0,5" if isinstance(value, str) else 1).run()
    assert not test.error
    assert not test.button(key="train.0").disabled


def test_a_changed_protocol_keeps_all_images_all() -> None:
    test = healthy(page("design", preset="3x3"))
    protocol = next(b for b in test.button_group if b.label == "Protocol")
    protocol.set_value("holdout").run()
    assert number(test, "Training images").value == Protocol.HOLDOUT.max_train_images
    assert not healthy(test).error


def test_every_repair_on_the_page_leads_to_a_design_that_can_be_trained() -> None:
    labels = [b.label for b in impossible().button if str(b.key).startswith("repair")]
    assert len(labels) == 3
    for label in labels:
        test = impossible()
        next(b for b in test.button if b.label == label).click().run()
        assert not healthy(test).error
        assert not test.button(key="train.0").disabled


def impossible() -> AppTest:
    test = healthy(page("design", preset="7x7"))
    number(test, "Kernel size").set_value(9).run()
    assert len(test.error) == 1
    return test


def test_of_a_refused_design_what_fits_is_still_shown() -> None:
    test = impossible()
    places = test.dataframe[0].value["Part"].tolist()
    assert places[:2] == ["Input", "Block 1"]
    assert "Block 3" not in places
    assert [metric.label for metric in test.metric] == [metric.label for metric in page("design", preset="7x7").metric]


def test_train_is_soon_reached_by_keyboard() -> None:
    test = healthy(page("design", preset="3x3"))
    order = [str(element.key) for element in _in_order(test) if getattr(element, "key", None)]
    assert order.index("train.0") <= 2, "only the switch of a presentation and the number of seeds are before it"


def _in_order(test: AppTest):
    """The widgets of the page, in the order in which a keyboard meets them."""

    def walk(block):
        for child in block.children.values():
            if hasattr(child, "children"):
                yield from walk(child)
            elif child.type in ("button", "number_input", "button_group", "selectbox", "text_input"):
                yield child

    return walk(test.main)


def test_the_sheets_fill_with_a_digits_maps_once_a_network_of_this_design_has_answered(store: Store) -> None:
    def says(words: str) -> bool:
        return any(words in caption.value for caption in healthy(test).caption)

    test = page("design", preset="3x3")
    assert says("once a network of this design is trained")
    run_id = trained(store)
    test.run()
    assert says(f"Run {run_id} is being asked"), "the page has not waited"
    assert metric(test, "Parameters") == "13,338"
    (question,) = store.questions.claim("engine")
    assert (question.kind, question.arguments["run_id"]) == ("maps", run_id)
    traced = trace(PRESETS["3x3"].architecture)
    outputs = {str(number): np.zeros(row.output_shape, np.float32) for number, row in enumerate(traced)}
    outputs[str(len(traced) - 1)][3] = 1.0
    store.questions.complete(question.id, outputs)
    test.run()
    assert says(f"Run {run_id} takes this 0 for a 3, 100% sure")
    next(b for b in test.button_group if b.label == "Digit in the diagram").set_value(4).run()
    assert says(f"Run {run_id} is being asked"), "each digit is a question of its own"
    number(test, "Kernel size").set_value(2).run()
    assert says("once a network of this design is trained"), "another design"


def test_why_there_are_no_maps_is_said_and_nothing_else_breaks(store: Store) -> None:
    run_id = trained(store)
    test = page("design", preset="3x3")
    (question,) = store.questions.claim("engine")
    store.questions.fail(question.id, f"Run {run_id}: it rained.")
    test.run()
    assert any("it rained" in caption.value for caption in healthy(test).caption)
    assert not test.button(key="train.0").disabled


def test_what_moves_and_deletes_blocks_stays_where_it_is_and_waits_for_an_open_one() -> None:
    test = healthy(page("design", preset="fast"))
    names = ["Up", "Down", "Duplicate", "Add before", "Delete"]
    assert all(test.button(key=f"block-{name}").disabled for name in names)
    test.button(key="row-blocks-0").click().run()
    assert [test.button(key=f"block-{name}").disabled for name in names] == [True, False, False, False, False]
    test.button(key="block-Down").click().run()
    assert [test.button(key=f"block-{name}").disabled for name in names] == [False, True, False, False, False]


def test_pressing_train_queues_as_many_seeds_as_asked(url: str) -> None:
    test = AppTest.from_file(ROOT / "mnist_lab/ui/router.py", default_timeout=30).run()
    number(healthy(test), "× seeds").set_value(3).run()
    test.button(key="train.0").click().run()
    runs = Store(url).runs.all()
    assert sorted(run.experiment.seed for run in runs) == [1, 2, 3]
    assert len({run.design_key for run in runs}) == 1


@pytest.mark.parametrize("name", ["design", "train", "results"])
def test_every_page_says_what_it_is_for_and_is_never_blank(name: str) -> None:
    test = healthy(page(name))
    assert [title.value for title in test.title] == [name.capitalize()]
    assert test.caption[0].value == next(page.purpose for page in navigation.PAGES if page.title == name.capitalize())
    assert len(test.main.children) > 2


@pytest.mark.parametrize("name", ["train", "results"])
def test_a_database_that_cannot_be_used_is_a_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", "sqlite:////proc/nowhere/lab.db")
    test = AppTest.from_file(ROOT / "mnist_lab/ui/router.py", default_timeout=30)
    test.run()
    assert any("/proc/nowhere" in error.value for error in healthy(test).error)


@pytest.mark.parametrize("variable", ["MNIST_LAB_MAX_PARAMETERS", "MNIST_LAB_COLOUR"])
def test_a_setting_that_is_not_understood_is_a_sentence(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "many")
    test = healthy(AppTest.from_file(ROOT / "mnist_lab/ui/router.py", default_timeout=30).run())
    assert [error.value.split()[0] for error in test.error] == [variable]


def test_why_there_is_no_engine_stands_at_the_foot_and_where_a_run_waits(store: Store) -> None:
    store.queue.add([PRESETS["3x3"]], "ada")
    store.lease.say_not_working("It rained; the engine's log is /log.")
    foot = AppTest.from_file(ROOT / "mnist_lab/ui/router.py", default_timeout=30).run()
    assert any("worker not working: It rained" in caption.value for caption in healthy(foot).sidebar.caption)
    waits = healthy(page("train"))
    (progress,) = waits.get("progress")
    assert progress.proto.text == "Waiting: the worker is not working: It rained; the engine's log is /log."


def test_the_share_link_is_the_whole_experiment() -> None:
    changed = PRESETS["fast"].with_changes(seed=5, name="mine")
    test = healthy(page("design", design=changed.model_dump_json()))
    assert number(test, "Seed").value == 5
    assert Path(ROOT / "pages" / "design.py").exists()


def blocks(test: AppTest) -> list[str]:
    return [b.label.split(": ")[1] for b in test.button if str(b.key).startswith("row-")]


def test_blocks_are_opened_changed_moved_copied_deleted_and_all_of_it_undone() -> None:
    test = healthy(page("design", preset="fast"))
    start = blocks(test)
    test.button(key="row-blocks-0").click().run()
    number(healthy(test), "Filters").set_value(8).run()
    number(test, "Kernel width").set_value(7).run()
    next(box for box in test.selectbox if box.label == "Pooling").set_value("average").run()
    assert blocks(healthy(test))[0] == "5×7, 8 filters, strides 2×2, average 2×2"
    press(test, "Down")
    press(test, "Duplicate")
    press(test, "Delete")
    press(test, "Add a convolution block")
    press(test, "Add a dense block")
    wide = [
        "3×3, 32 filters, max 2×2",
        "5×7, 8 filters, strides 2×2, average 2×2",
        "3×3, 16 filters, same",
        "128 units",
        "64 units",
    ]
    assert blocks(test) == wide
    for _ in range(8):
        press(test, "Undo")
    assert blocks(test) == start
    assert test.button(key="Undo").disabled
    assert test.query_params["preset"] == "fast"
    for _ in range(8):
        press(test, "Redo")
    assert blocks(test) == wide


def test_an_edit_of_a_block_keeps_what_the_quick_controls_did() -> None:
    test = healthy(page("design", preset="7x7"))
    number(test, "Kernel size").set_value(3).run()
    test.button(key="row-blocks-1").click().run()
    next(box for box in test.selectbox if box.label == "Activation").set_value("elu").run()
    design = json.loads(healthy(test).query_params["design"])
    assert [block["kernel_size"] for block in design["architecture"]["blocks"]] == [[3, 3]] * 3
    assert [block["activation"] for block in design["architecture"]["blocks"]] == ["relu", "elu", "relu"]


def test_the_whole_recipe_can_be_edited() -> None:
    test = healthy(page("design", preset="fast"))
    next(box for box in test.selectbox if box.label == "Optimizer").set_value("sgd").run()
    next(box for box in test.checkbox if box.label == "Nesterov").check().run()
    next(b for b in test.button_group if b.label == "Schedule").set_value("step").run()
    for label, value in (
        ("Factor", "0.1"),
        ("Label smoothing", "10 %"),
        ("Rotation (degrees)", "15"),
        ("Early stopping (epochs)", 2),
    ):
        number(healthy(test), label).set_value(value).run()
    recipe = json.loads(healthy(test).query_params["design"])["recipe"]
    assert recipe["optimizer"]["nesterov"] is True
    assert recipe["schedule"] == {"name": "step", "factor": 0.1, "every": 3}
    assert (recipe["label_smoothing"], recipe["augmentation"]["rotation"], recipe["patience"]) == (0.1, 15.0, 2)
    number(test, "Label smoothing").set_value("1,5").run()
    assert any("Label smoothing: should be less than 1; received 1.5." in error.value for error in test.error)


def test_a_decimal_comma_is_understood_and_what_will_be_trained_stands_beside_train() -> None:
    test = healthy(page("design", preset="fast"))
    number(test, "Learning rate").set_value("0,003").run()
    assert number(healthy(test), "Learning rate").value == "0,003", "as it was typed"
    assert json.loads(test.query_params["design"])["recipe"]["optimizer"]["learning_rate"] == 0.003
    number(test, "Weight decay").set_value("1e-4").run()
    (bar,) = [caption.value for caption in healthy(test).caption if "learning rate" in caption.value]
    assert "Adam, learning rate 0.003 (one-cycle) · 2 epochs · 55,000 images in batches of 256" in bar
    assert "Weight decay 0.0001" in bar
    press(test, "Undo")
    press(test, "Undo")
    assert number(test, "Learning rate").value == "0.01"


def test_what_cannot_be_of_a_block_stays_with_its_sentence_and_nothing_else_is_trained() -> None:
    test = healthy(page("design", preset="fast"))
    test.button(key="row-blocks-0").click().run()

    def dropout():
        return test.text_input(next(f.key for f in test.text_input if str(f.key).startswith("blocks-0-dropout")))

    for typed, sentence in (
        ("1,5", "Block 1, dropout: should be less than 1; received 1.5."),
        ("half", "received 'half'"),
    ):
        dropout().set_value(typed).run()
        assert sentence in healthy(test).error[0].value
        assert dropout().value == typed
        assert test.button(key="train.0").disabled
    next(box for box in test.selectbox if box.label == "Activation").set_value("elu").run()
    assert dropout().value == "half", "another field loses nothing"
    assert test.button(key="train.0").disabled
    dropout().set_value("0,25").run()
    assert not healthy(test).error
    design = json.loads(test.query_params["design"])
    assert (design["architecture"]["blocks"][0]["dropout"], design["architecture"]["blocks"][0]["activation"]) == (
        0.25,
        "elu",
    )


def test_one_factor_at_a_time(url: str) -> None:
    test = AppTest.from_file(ROOT / "mnist_lab/ui/router.py", default_timeout=30)
    test.session_state["recipe"] = True  # unfolded
    test.run()
    press(test, "Pin as baseline")
    number(test, "Kernel size").set_value(2).run()
    assert any("One thing differs" in caption.value for caption in healthy(test).caption)
    press(test, "Queue the baseline and this change")
    assert [run.experiment.architecture.blocks[0].kernel_size for run in Store(url).runs.all()[::-1]] == [
        (3, 3),
        (2, 2),
    ]
    test.switch_page(str(navigation.DESIGN.script)).run()
    number(test, "Epochs").set_value(2).run()
    assert any("2 things differ" in warning.value for warning in healthy(test).warning)
    press(test, "Queue the baseline and 2 single-change runs")
    runs = Store(url).runs.all()[::-1][2:]
    assert [(run.experiment.architecture.blocks[0].kernel_size, run.experiment.recipe.epochs) for run in runs] == [
        ((3, 3), 12),
        ((2, 2), 12),
        ((3, 3), 2),
    ]
    assert runs[1].name == "3x3: Kernel size of blocks 1, 2 and 3: 3×3 → 2×2"


def test_a_saved_design_is_opened_again_and_deleted() -> None:
    test = healthy(page("design", preset="2x2"))

    def design_name():
        return next(box for box in test.text_input if box.label == "Name")

    design_name().set_value("mine").run()
    press(test, "Save")
    next(pill for pill in test.pills).set_value("7x7").run()
    press(test, "Open")
    assert metric(test, "Parameters") == "144,406"
    assert design_name().value == "mine"
    press(test, "Delete")
    assert any("Nothing saved yet" in caption.value for caption in test.caption)
    press(test, "Restore “mine”")
    assert next(box for box in test.selectbox if box.label == "Saved designs").options == ["mine"]


def test_a_saved_design_is_replaced_only_where_that_is_agreed_to(url: str) -> None:
    def parameters() -> dict[str, int]:
        kept = Store(url).designs.of("ada")
        return {name: totals(trace(read_design(text).architecture)).parameters for name, text in kept.items()}

    def save_as(test: AppTest, name: str) -> AppTest:
        next(box for box in test.text_input if box.label == "Name").set_value(name).run()
        return press(test, "Save")

    test = save_as(healthy(page("design", preset="2x2")), "mine")
    press(test, "Save")
    assert not test.warning, "the same again loses nothing"
    test = save_as(healthy(page("design", preset="7x7")), "mine")
    assert "Another design is saved under this name." in [warning.value for warning in test.warning]
    assert parameters() == {"mine": 144_406}
    press(test, "Save as “mine 2”")
    assert parameters() == {"mine": 144_406, "mine 2": 136_906}
    assert not test.warning
    test = save_as(test, "mine")
    Store(url).designs.save(
        PRESETS["3x3"].with_changes(name="mine"), "bob", replaces=Store(url).designs.of("ada")["mine"]
    )
    press(test, "Replace it")
    assert parameters()["mine"] == 13_338, "what somebody else saved meanwhile was not agreed to"
    press(test, "Replace it")
    assert parameters() == {"mine": 136_906, "mine 2": 136_906}


def test_a_saved_designs_name_is_text_on_buttons_too(url: str) -> None:
    named = [PRESETS[preset].with_changes(name="*a* :smile:") for preset in ("2x2", "7x7")]
    Store(url).designs.save(named[0], "bob")
    test = press(healthy(page("design", design=named[1].model_dump_json())), "Save")
    press(test, f"Save as “{plain('*a* :smile: 2')}”")
    press(test, "Delete")
    press(test, f"Restore “{plain('*a* :smile:')}”")
    assert set(Store(url).designs.of("ada")) == {"*a* :smile:", "*a* :smile: 2"}


def test_an_unwise_design_gets_a_quiet_note_and_can_be_trained() -> None:
    test = healthy(page("design", preset="2x2"))
    assert any("Dense 1 holds 91% of all parameters" in caption.value for caption in test.caption)
    assert not test.button(key="train.0").disabled


def test_what_an_old_design_does_not_correct_gets_a_note_that_one_click_mends() -> None:
    old = PRESETS["3x3"].model_dump(mode="json") | {"format": 1}
    old["recipe"] = {name: value for name, value in old["recipe"].items() if name not in NORMALIZATION_FIELDS}
    test = healthy(page("design", design=json.dumps(old)))
    assert any("in the first epoch validation looks worse" in caption.value for caption in test.caption)
    press(test, "Correct the statistics")
    assert not any("validation looks worse" in caption.value for caption in test.caption)
    assert test.query_params["preset"] == "3x3"
    press(test, "Undo")
    assert any("validation looks worse" in caption.value for caption in test.caption)


def test_a_networks_first_normalisation_comes_with_corrected_statistics() -> None:
    old = PRESETS["LeNet-5"].model_dump(mode="json") | {"format": 1}
    old["recipe"] = {name: value for name, value in old["recipe"].items() if name not in NORMALIZATION_FIELDS}
    test = healthy(page("design", design=json.dumps(old)))
    assert not any(", changed" in caption.value for caption in test.caption), "nothing that matters differs"
    test.button(key="row-blocks-0").click().run()
    next(box for box in test.checkbox if box.label == "Normalisation").check().run()
    recipe = json.loads(healthy(test).query_params["design"])["recipe"]
    assert recipe["bias_corrected_statistics"] is True
    assert recipe["normalization_momentum"] == 0.99
    # Who then switches it off has said so: a further one changes nothing.
    next(box for box in test.checkbox if box.label == "Bias-corrected statistics").uncheck().run()
    test.button(key="row-blocks-1").click().run()
    next(box for box in test.checkbox if box.label == "Normalisation").check().run()
    recipe = json.loads(healthy(test).query_params["design"])["recipe"]
    assert recipe["bias_corrected_statistics"] is False

"""What a run is before it runs, and what comes from outside as one."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_lab.design.experiment import NORMALIZATION_FIELDS, Experiment, Protocol, read_design
from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import Augmentation, Recipe
from mnist_lab.errors import InputError
from mnist_lab.store.run import Status
from mnist_lab.ui.design import draft
from tests.builders.damage import NOT_JSON_ENOUGH, refused, spoiled
from tests.builders.runs import LEFT_BY_0_6


def test_the_design_key_ignores_seed_and_name_and_nothing_else() -> None:
    base = PRESETS["3x3"]
    assert base.with_changes(seed=7, name="other").design_key == base.design_key
    changed = [
        base.with_changes(protocol="holdout"),
        base.with_changes(train_images=5000),
        base.with_changes(recipe=base.recipe.model_dump() | {"epochs": 3}),
        PRESETS["2x2"],
    ]
    assert len({experiment.design_key for experiment in [base, *changed]}) == 5


KEYS_OF_0_6 = json.loads((LEFT_BY_0_6 / "known.json").read_text())["preset_keys"]


@pytest.mark.parametrize("name", list(KEYS_OF_0_6))
def test_a_design_that_says_nothing_of_newer_fields_keeps_its_key(name: str) -> None:
    preset = PRESETS[name]
    data = preset.model_dump(mode="json") | {"format": 1}
    data["recipe"] = {field: value for field, value in data["recipe"].items() if field not in NORMALIZATION_FIELDS}
    old = read_design(json.dumps(data))
    assert old.design_key == KEYS_OF_0_6[name]
    assert {field: getattr(old.recipe, field) for field in NORMALIZATION_FIELDS} == NORMALIZATION_FIELDS
    assert read_design(old.model_dump_json()) == old
    # What the preset says of them now makes another design of a network with normalisation, and of no other.
    assert (preset.design_key != old.design_key) is preset.architecture.normalizes


@pytest.mark.parametrize("value", [{"bias_corrected_statistics": True}, {"normalization_momentum": 0.9}])
def test_a_field_of_normalisation_counts_where_there_is_some(value: dict[str, Any]) -> None:
    for name, counts in {"3x3": True, "LeNet-5": False}.items():
        old = PRESETS[name].recipe.model_dump() | NORMALIZATION_FIELDS
        keys = {PRESETS[name].with_changes(recipe=old | changed).design_key for changed in ({}, value)}
        assert len(keys) == 1 + counts


def test_a_protocol_brings_its_own_number_of_images() -> None:
    assert PRESETS["3x3"].with_changes(protocol="holdout").train_images == 55_000
    assert PRESETS["3x3"].with_changes(protocol="holdout", train_images=10).train_images == 10


def test_a_design_has_a_name_as_a_run_has() -> None:
    assert PRESETS["3x3"].with_changes(name=" cafe\u0301 ").name == "café"
    for name in ("", " ", "\u200b", "a\u2028b", "\u202eabc", "x" * 61):
        with pytest.raises(InputError, match=r"^Name: should"):
            read_design(json.dumps(PRESETS["3x3"].model_dump(mode="json") | {"name": name}))


def test_an_impossible_architecture_is_no_experiment() -> None:
    block = {"filters": 4, "kernel_size": 20}
    with pytest.raises(InputError, match="Block 2: a 20×20 kernel does not fit the 9×9 map"):
        PRESETS["3x3"].with_changes(architecture={"blocks": [block, block]})


def test_the_last_batch_of_an_epoch_counts() -> None:
    experiment = PRESETS["3x3"].with_changes(train_images=129)
    assert experiment.steps_per_epoch == 2


def test_what_has_ended() -> None:
    assert {status for status in Status if not status.is_ended} == {Status.QUEUED, Status.RUNNING, Status.PAUSED}


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_protocol_explains_itself(protocol: Protocol) -> None:
    assert f"{protocol.max_train_images:,}" in protocol.explanation
    assert f"{protocol.validation_images:,}" in protocol.explanation


def test_experiments_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        PRESETS["3x3"].seed = 2  # type: ignore[misc]
    assert isinstance(PRESETS["3x3"], Experiment)


OLD_LINK = """{"name":"3x3, changed","architecture":{"blocks":[{"filters":16,"kernel_size":[2,2],"strides":[1,1],
"padding":"valid","batch_normalization":true,"dropout":0.0,"order":"notebook"},{"filters":16,"kernel_size":3,
"strides":2,"pooling":"max","dropout":0.25}],"head":[{"units":128,"batch_normalization":true,"dropout":0.7}]},
"recipe":{"optimizer":{"name":"adam","learning_rate":0.01},"schedule":"one-cycle","batch_size":128,"epochs":3},
"protocol":"notebook","seed":4,"train_images":60000}"""


def test_an_old_link_still_means_what_it_meant() -> None:
    design = read_design(OLD_LINK)
    assert totals(trace(design.architecture)).parameters == 16 * 5 + 64 + 2320 + 576 * 128 + 128 + 512 + 1290
    assert (design.seed, design.recipe.schedule.name, design.recipe.augmentation) == (4, "one-cycle", Augmentation())


def test_a_design_of_a_newer_lab_is_refused_in_a_sentence() -> None:
    newer = json.dumps(PRESETS["3x3"].model_dump(mode="json") | {"format": 3, "hologram": True})
    with pytest.raises(InputError, match="newer version of the lab"):
        read_design(newer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([*Experiment.model_fields, *Recipe.model_fields, "blocks", "head", "kernel_size", "name"])


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A real design with something in it replaced by something else."""
    data = PRESETS[draw(st.sampled_from(sorted(PRESETS)))].model_dump(mode="json")
    place: Any = data
    while isinstance(place, dict | list) and place and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        if not isinstance(place[key], dict | list) or draw(st.booleans()):
            place[key] = draw(JSON)
            break
        place = place[key]
    else:
        if isinstance(place, dict):
            place[draw(FIELDS)] = draw(JSON)
    return json.dumps(data)


@settings(max_examples=400)
@given(
    st.text(max_size=200)
    | st.binary(max_size=200)
    | JSON.map(json.dumps)
    | damaged()
    | st.integers(1, 30_000).map(lambda depth: "[" * depth)
    | st.integers(1, 9_000).map(lambda depth: '{"a":' * (depth // 3) + "1" + "}" * (depth // 3))
)
def test_whatever_comes_from_outside_is_a_design_or_one_sentence(text: str | bytes) -> None:
    try:
        design = read_design(text)
    except InputError as error:
        sentence = str(error)
        assert "\n" not in sentence
        assert len(sentence) < 500
        assert sentence.endswith(".")
    else:
        assert read_design(design.model_dump_json()) == design


DESIGN = (LEFT_BY_0_6 / "design.json").read_bytes()


def opened(**link: str) -> None:
    """Open the Design page by a link, in a session of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draft, "st", SimpleNamespace(session_state={}, query_params=link))
        draft.load()


def test_any_damage_to_a_design_or_a_link_is_refused_in_a_sentence() -> None:
    assert refused(read_design, spoiled(DESIGN, 2500)) > 1000
    links = (data.decode(errors="surrogateescape") for data in spoiled(DESIGN, 1000, seed=1))
    assert refused(lambda link: opened(design=link), links) > 400
    assert refused(lambda link: opened(preset=link), ["\ud800", "x" * 10_000, "3x3\n", "\n"]) == 4


@pytest.mark.parametrize("name", NOT_JSON_ENOUGH)
def test_json_that_is_none_or_says_too_much_is_refused(name: str) -> None:
    assert refused(read_design, [NOT_JSON_ENOUGH[name](DESIGN)]) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_design_that_an_editor_has_saved_is_read(encoding: str) -> None:
    assert read_design(DESIGN.decode().encode(encoding)) == read_design(DESIGN)
    assert read_design("\ufeff" + DESIGN.decode()) == read_design(DESIGN)


def test_a_block_that_says_nothing_new_keeps_the_key_of_its_day(small: Experiment) -> None:
    block = small.model_dump(mode="json")["architecture"]["blocks"][0]
    before = {name: value for name, value in block.items() if name not in ("kind", "residual")}
    assert small.with_changes(architecture={"blocks": [before]}).design_key == small.design_key
    added = block | {"residual": True, "padding": "same"}
    assert small.with_changes(architecture={"blocks": [added]}).design_key != small.design_key

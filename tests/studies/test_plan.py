"""A plan is valid before it is frozen, and frozen it is what its digest says."""

import hashlib
import json
from typing import Any

import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.studies.plan import MAX_PLAN, Equal, Factor, Plan, read_plan
from tests.builders.damage import NOT_JSON_ENOUGH, refused, spoiled
from tests.builders.plans import plan, plan_data, same_padding

KERNELS = {"field": "blocks.kernel_size", "levels": [2, 3, 5]}
RATES = {"field": "recipe.optimizer.learning_rate", "levels": [0.001, 0.01]}
DROPOUT = {"field": "blocks.dropout", "levels": [0, 0.5]}


def preset(name: str) -> dict[str, Any]:
    return PRESETS[name].model_dump(mode="json")


def test_a_plan_is_the_same_after_a_way_through_json() -> None:
    for changes in ({}, {"factors": [KERNELS, RATES]}, {"factors": [{"presets": [preset("fast"), preset("good")]}]}):
        one = plan(**changes)
        assert read_plan(one.model_dump_json()) == one
        assert read_plan(one.canonical_json.encode()) == one
        assert read_plan(one.canonical_json).canonical_json == one.canonical_json


# A valid other value of each field of a plan, of its factors and of what is equal.
OTHERWISE: dict[str, dict[str, Any]] = {
    "question": {"question": "Does it?"},
    "base": {"base": same_padding(train_images=5000).model_dump(mode="json")},
    "factors": {"factors": [KERNELS, RATES]},
    "equal": {"equal": {"what": "parameters", "by": "filters"}},
    "seeds": {"seeds": 4},
    "first_seed": {"first_seed": 2},
    "metric": {"metric": "validation accuracy"},
    "reference": {"reference": "3×3"},
    "matters": {"matters": 0.002},
    "field": {"factors": [KERNELS | {"field": "blocks.filters"}]},
    "levels": {"factors": [KERNELS | {"levels": [2, 3, 7]}]},
    "the order of levels": {"factors": [KERNELS | {"levels": [3, 2, 5]}]},
    "presets": {"factors": [{"presets": [preset("fast"), preset("good")]}]},
    "what": {"equal": {"what": "multiply-adds of training", "by": "filters"}},
    "by": {"equal": {"what": "multiply-adds of training", "by": "length"}},
    "the base's name": {"base": same_padding(name="another").model_dump(mode="json")},
}


def test_its_digest_is_one_of_all_that_it_says() -> None:
    fields = {*Plan.model_fields, *Factor.model_fields, *Equal.model_fields} - {"kind", "format"}
    assert fields <= OTHERWISE.keys()
    digests = {name: plan(**changes).digest for name, changes in OTHERWISE.items()}
    assert len({plan().digest, *digests.values()}) == 1 + len(OTHERWISE)


def test_its_digest_is_that_of_the_text_that_is_stored() -> None:
    one = plan()
    assert one.digest == hashlib.sha256(one.canonical_json.encode()).hexdigest()
    assert len(one.digest) == 64
    assert one.canonical_json == json.dumps(json.loads(one.canonical_json), sort_keys=True, separators=(",", ":"))


def backwards(data: Any) -> Any:
    """The same JSON with the keys of every object in the opposite order."""
    if isinstance(data, dict):
        return {key: backwards(value) for key, value in reversed(data.items())}
    return [backwards(item) for item in data] if isinstance(data, list) else data


def test_how_a_plan_is_written_does_not_change_its_digest() -> None:
    data = plan_data()
    turned = json.dumps(backwards(data), indent=2)
    assert turned != json.dumps(data, indent=2)
    assert read_plan(turned).digest == plan().digest
    spelt = plan_data(factors=[{"field": "blocks.kernel_size", "levels": [[2, 2], [3, 3], [5, 5]], "presets": []}])
    assert read_plan(json.dumps(spelt | {"question": "  Does kernel  size matter? "})).digest == plan().digest
    assert plan(factors=[DROPOUT]).digest == plan(factors=[DROPOUT | {"levels": [0.0, 0.50]}]).digest


def test_nothing_of_a_plan_can_be_set() -> None:
    one = plan()
    for name in Plan.model_fields:
        with pytest.raises(ValueError, match="frozen"):
            setattr(one, name, getattr(one, name))
    assert isinstance(one.factors, tuple)
    assert isinstance(one.factors[0].levels, tuple)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a level twice": ({"factors": [KERNELS | {"levels": [3, [3, 3]]}]}, "Factor 1: Levels: each should be given once; received 3×3 twice."),
    "a rate twice": ({"factors": [KERNELS, DROPOUT | {"levels": [0, 0.0]}]}, "Factor 2: Levels: each should be given once; received 0 twice."),
    "one level": ({"factors": [KERNELS | {"levels": [3]}]}, "Factor 1: Levels: give two to eight; received 1."),
    "nine levels": ({"factors": [KERNELS | {"levels": list(range(1, 10))}]}, "Factor 1, levels: give two to eight; received 9."),
    "no levels": ({"factors": [{"field": "blocks.kernel_size"}]}, "Factor 1: Levels: give two to eight; received none."),
    "no field": ({"factors": [{"levels": [1, 2]}]}, "Factor 1: should have a field with levels, or presets"),
    "no designs": ({"factors": [{"presets": []}]}, "Factor 1: Designs: give two to eight; received none."),
    "a hundred designs": ({"factors": [{"presets": [preset("fast")] * 100}]}, "Factor 1, preset: give two to eight; received 100."),
    "field and presets": ({"factors": [KERNELS | {"presets": [preset("fast"), preset("good")]}]}, "Factor 1: should have a field"),
    "an unknown field": ({"factors": [KERNELS | {"field": "blocks.colour"}]}, "Factor 1, levels: Field: should be one that can be edited"),
    "a level out of bounds": ({"factors": [DROPOUT | {"levels": [0, 1.5]}]}, "Factor 1, levels: Dropout: should be less than 1; received 1.5."),
    "an object for a level": ({"factors": [DROPOUT | {"levels": [0, {"a": 1}]}]}, "Factor 1, levels: Dropout: should be a number"),
    "no factor": ({"factors": []}, "Factor"),
    "three factors": ({"factors": [KERNELS, RATES, DROPOUT]}, "Factor"),
    "a factor twice": ({"factors": [KERNELS, KERNELS | {"levels": [7, 9]}]}, "What varies: should be two things; received Kernel size twice."),
    "an impossible level": (
        {"base": preset("7x7"), "factors": [{"field": "blocks.kernel_size", "levels": [3, 20]}]},
        "Kernel size 20×20: Block 2: a 20×20 kernel does not fit the 9×9 map",
    ),
    "an impossible combination": (
        {"base": preset("7x7"), "factors": [{"field": "blocks.kernel_size", "levels": [3, 9]}, {"field": "blocks.strides", "levels": [1, 2]}]},
        "Kernel size 3×3, Strides 2×2: Block 3: ",
    ),
    "too shallow": ({"factors": [{"field": "depth", "levels": [1, 4]}]}, "Depth 1: Depth: should be from 3 to 20 blocks for this design; received 1."),
    "too many images": ({"factors": [{"field": "train_images", "levels": [1000, 60000]}]}, "Training images 60000: Training images: at most 55,000"),
    "no place for it": ({"factors": [{"field": "recipe.optimizer.rho", "levels": [0.1, 0.9]}]}, "rho 0.1: rho: should be a field of something"),
    "levels that change nothing": (
        {"base": same_padding(architecture={"blocks": [{"filters": 4, "kernel_size": 3}]}).model_dump(mode="json"), "factors": [{"field": "blocks.pool_size", "levels": [2, 3]}]},
        "Levels: should differ in what is trained; received Pooling size 2×2 and Pooling size 3×3, which are one design.",
    ),
    "presets that are one": ({"factors": [{"presets": [preset("fast"), preset("fast") | {"name": "other"}]}]}, "Levels: should differ in what is trained; received Design fast and Design other"),
    "presets of one name": ({"factors": [{"presets": [preset("fast"), preset("fast")]}]}, "Factor 1: Levels: each should be given once; received fast twice."),
    "a preset of another protocol": ({"factors": [{"presets": [preset("fast"), preset("3x3")]}]}, "Preset 3x3: should have the base's protocol, holdout; received notebook."),
    "a preset that cannot be": ({"factors": [{"presets": [preset("fast"), preset("good") | {"train_images": 0}]}]}, "Factor 1, preset 2, train images: should be greater"),
    "two seeds": ({"seeds": 2}, "Seeds: should be greater than or equal to 3; received 2."),
    "too many seeds": ({"seeds": 31}, "Seeds: should be less than or equal to 30; received 31."),
    "too many runs": (
        {"factors": [KERNELS, RATES | {"levels": [0.001, 0.002, 0.003, 0.004, 0.005]}], "seeds": 17},
        "Seeds: should make at most 240 runs; received 15 combinations of levels with 17 seeds each, which are 255.",
    ),
    "seeds that are none": ({"first_seed": 2**31 - 1}, "First seed: should be less than"),
    "no question": ({"question": " "}, "Question: should be 1 to 200 characters that can be seen"),
    "a long question": ({"question": "x" * 201}, "Question: should be 1 to 200 characters that can be seen"),
    "a question of two lines": ({"question": "a\nb"}, "Question: should have nothing in it that cannot be seen"),
    "another metric": ({"metric": "loss"}, "Metric: should be 'test accuracy' or 'validation accuracy'; received 'loss'."),
    "no such reference": ({"reference": "4×4"}, "Compare: should be with one of the levels (2×2, 3×3, 5×5); received '4×4'."),
    "nothing matters": ({"matters": 0}, "Matters: should be greater than 0; received 0."),
    "filters are not said": ({"equal": {"what": "parameters"}}, "Equal: By: should be filters or length where parameters are equal; received none."),
    "parameters by length": ({"equal": {"what": "parameters", "by": "length"}}, "Equal: By: should be filters where parameters are equal; received 'length'."),
    "everything by filters": ({"equal": {"by": "filters"}}, "Equal: By: should be absent where everything is equal; received 'filters'."),
    "filters vary": (
        {"factors": [{"field": "blocks.filters", "levels": [4, 8]}], "equal": {"what": "parameters", "by": "filters"}},
        "Equal: should not be reached by filters where Filters varies; received 'filters'.",
    ),
    "epochs vary": (
        {"factors": [KERNELS, {"field": "recipe.epochs", "levels": [1, 2]}], "equal": {"what": "predicted seconds", "by": "length"}},
        "Equal: should not be reached by length where Epochs varies; received 'length'.",
    ),
    "early stopping": (
        {"base": same_padding(recipe={"patience": 3}).model_dump(mode="json"), "equal": {"what": "multiply-adds of training", "by": "filters"}},
        "Equal: multiply-adds of training should be those of all epochs, which early stopping cuts short; received early stopping after 3 epochs.",
    ),
    "a newer format": ({"format": 2}, "Format: this study has format 2, written by a newer version of the lab"),
    "something unknown": ({"colour": 1}, "Colour: is not known here; received 1."),
    "something unknown in a factor": ({"factors": [KERNELS | {"colour": 1}]}, "Factor 1, colour: is not known here; received 1."),
    "a base that cannot be": ({"base": preset("fast") | {"train_images": 60_000}}, "Base: Training images: at most 55,000"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_plan_is_refused_in_a_sentence(name: str) -> None:
    changes, sentence = REFUSED[name]
    with pytest.raises(InputError) as error:
        read_plan(json.dumps(plan_data(**changes)))
    assert str(error.value).startswith(sentence)
    assert str(error.value).endswith(".")


def test_a_plan_is_not_longer_than_one_may_be() -> None:
    for data in (" " * (MAX_PLAN + 1), b" " * (MAX_PLAN + 1)):
        with pytest.raises(InputError, match="a plan is at most 200,000 characters; received 200,001"):
            read_plan(data)
    presets = [preset("good") | {"name": f"{i}", "train_images": 1000 + i} for i in range(8)]
    assert len(read_plan(json.dumps(plan_data(factors=[{"presets": presets}]))).canonical_json) < MAX_PLAN


PLAN = plan(reference="3×3", factors=[KERNELS, RATES]).model_dump_json().encode()


def test_any_damage_to_a_plan_is_refused_in_a_sentence() -> None:
    assert refused(read_plan, spoiled(PLAN, 1500)) > 700


@pytest.mark.parametrize("name", NOT_JSON_ENOUGH)
def test_json_that_is_none_or_says_too_much_is_refused(name: str) -> None:
    assert refused(read_plan, [NOT_JSON_ENOUGH[name](PLAN)]) == 1


DEEP = ["[" * 3000 + "]" * 3000, "9" * 5000, "1e999", '"\\ud800"', "NaN", '"' + "x" * 10_000 + '"', "null", "{}"]


@pytest.mark.parametrize("level", DEEP)
def test_a_level_may_come_as_anything(level: str) -> None:
    data = json.dumps(plan_data(factors=[KERNELS | {"levels": [3, "LEVEL"]}])).replace('"LEVEL"', level)
    assert refused(read_plan, [data.encode()]) == 1


def test_the_cells_come_in_order_and_two_factors_make_all_combinations() -> None:
    one = plan(factors=[KERNELS, RATES], reference="3×3", first_seed=7)
    assert one.combinations == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert [design.architecture.blocks[0].kernel_size[0] for design in one.designs] == [2, 2, 3, 3, 5, 5]
    assert [design.recipe.optimizer.learning_rate for design in one.designs] == [0.001, 0.01] * 3
    assert {design.seed for design in one.designs} == {7}
    assert one.designs[3].name == "base · kernel size 3×3 · learning rate 0.01"
    assert one.words(one.combinations[3]) == "Kernel size 3×3, Learning rate 0.01"
    assert one.reference_cell == 2
    assert plan(factors=[KERNELS, RATES]).reference_cell == 0


def test_the_order_of_the_factors_does_not_change_a_design() -> None:
    """A design comes before what varies in it, and the depth last: its blocks are copies."""
    presets = {"presets": [preset("fast"), preset("LeNet-5")]}
    depth = {"field": "depth", "levels": [3, 4]}
    optimizer = {"field": "recipe.optimizer", "levels": ["adam", "sgd"]}
    for one, other in ((presets, KERNELS), (depth, KERNELS), (RATES, optimizer), (presets, depth)):
        first, second = plan(factors=[one, other]), plan(factors=[other, one])
        by_levels = {levels[::-1]: d.design_key for levels, d in zip(second.combinations, second.designs, strict=True)}
        assert {levels: d.design_key for levels, d in zip(first.combinations, first.designs, strict=True)} == by_levels
        assert len(set(by_levels.values())) == len(by_levels)


def test_levels_are_shown_as_the_results_show_them() -> None:
    def texts(field: str, *levels: Any) -> tuple[str, ...]:
        return Factor(field=field, levels=levels).texts

    assert texts("blocks.kernel_size", 3, (3, 5)) == ("3×3", "3×5")
    assert texts("normalization", False, True) == ("no", "yes")
    assert texts("blocks.dropout", 0, 0.25) == ("0", "0.25")
    assert texts("recipe.optimizer", "sgd", "adam") == ("sgd", "adam")
    assert Factor(presets=(PRESETS["fast"], PRESETS["good"])).texts == ("fast", "good")


def test_a_plan_of_designs_leaves_them_as_they_are() -> None:
    one = plan(factors=[{"presets": [preset("fast") | {"seed": 9}, preset("good")]}], first_seed=4)
    assert [design.with_changes(seed=1) for design in one.designs] == [PRESETS["fast"], PRESETS["good"]]
    assert {design.seed for design in one.designs} == {4}

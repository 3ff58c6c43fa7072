"""What a study can vary, and what a value of it does to a design."""

from typing import Any

import pytest

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import OPTIMIZERS, SGD, Adam, Augmentation, Recipe
from mnist_lab.errors import InputError
from mnist_lab.studies.fields import VARIABLES, occurs, variable, with_level

FAST = PRESETS["fast"]


def varied(path: str, value: Any, base: Experiment = FAST) -> Experiment:
    return parse(Experiment, with_level(base.model_dump(mode="json"), path, variable(path).validated(value)))


def test_all_that_the_editor_shows_of_a_design_can_vary() -> None:
    recipe = {f"recipe.{name}" for name, info in Recipe.model_fields.items() if info.title}
    assert len(recipe) == 8
    augmentation = {f"augmentation.{name}" for name in Augmentation.model_fields}
    blocks = {
        f"blocks.{n}" for n in ("filters", "kernel_size", "strides", "padding", "convolution", "bias", "activation")
    }
    blocks |= {f"blocks.{n}" for n in ("pooling", "pool_size", "batch_normalization", "dropout", "order", "residual")}
    head = {f"head.{n}" for n in ("units", "bias", "activation", "batch_normalization", "dropout")}
    others = {"depth", "bridge", "normalization", "train_images", "recipe.optimizer", "recipe.schedule"}
    optimizers = {f"recipe.optimizer.{n}" for kind in (SGD, Adam) for n in kind.model_fields if n != "name"}
    schedules = {f"recipe.schedule.{n}" for n in ("factor", "every", "rise")}
    assert recipe | augmentation | blocks | head | others | optimizers | schedules <= VARIABLES.keys()
    assert not {"seed", "name", "protocol", "blocks.kind", "recipe.optimizer.name"} & VARIABLES.keys()
    assert all(found.path == path and found.title for path, found in VARIABLES.items())


PLAIN = sorted(path for path, found in VARIABLES.items() if found.places and not found.kinds)


@pytest.mark.parametrize("path", PLAIN)
def test_a_value_is_set_wherever_a_design_has_the_field_and_nowhere_else(path: str) -> None:
    name = path.rpartition(".")[2]
    recipe: dict[str, Any] = {"optimizer": {"name": "adam"}}
    if path.startswith("recipe.optimizer."):
        recipe["optimizer"]["name"] = next(kind for kind, fields in OPTIMIZERS.items() if name in fields.model_fields)
    if path.startswith("recipe.schedule."):
        recipe["schedule"] = "one-cycle" if name == "rise" else "step"
    data = PRESETS["7x7"].with_changes(recipe=recipe).model_dump(mode="json")
    before = leaves(data)
    after = leaves(with_level(data, path, "marker"))
    assert leaves(data) == before  # what was given is as it was
    assert after.keys() == before.keys()
    changed = {place for place in after if after[place] != before[place]}
    assert {after[place] for place in changed} == {"marker"}
    assert len(changed) == {"blocks": 3, "head": 1, "normalization": 4}.get(path.partition(".")[0], 1)
    last = "batch_normalization" if path == "normalization" else name
    assert {place[-1] for place in changed} == {last}


def leaves(data: Any, place: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """The values of an experiment as JSON by their places; a pair is one value."""
    if isinstance(data, dict):
        return {at: leaf for key, item in data.items() for at, leaf in leaves(item, (*place, key)).items()}
    if isinstance(data, list) and isinstance(data[0], dict):
        return {at: leaf for i, item in enumerate(data) for at, leaf in leaves(item, (*place, i)).items()}
    return {place: str(data)}


def test_a_path_that_is_none_is_refused() -> None:
    for path in ("seed", "", "blocks", "blocks.kind", "x\ny"):
        with pytest.raises(InputError, match=r"^Field: should be one that can be edited, .*; received '"):
            variable(path)


def test_values_get_the_form_that_the_design_gives_them() -> None:
    assert variable("blocks.kernel_size").validated(3) == (3, 3)
    assert variable("blocks.kernel_size").validated([3, 5]) == (3, 5)
    assert repr(variable("blocks.dropout").validated(0)) == "0.0"
    assert variable("normalization").validated(True) is True


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("blocks.dropout", 1.5, "Dropout: should be less than 1; received 1.5."),
        ("blocks.kernel_size", 29, "Kernel size: should be less than or equal to 28; received 29."),
        ("blocks.padding", "full", "Padding: should be 'valid' or 'same'; received 'full'."),
        ("recipe.optimizer", "adem", "Optimizer: should be 'adadelta'"),
        ("recipe.optimizer.learning_rate", 0, "Learning rate: should be greater than 0; received 0."),
        ("recipe.epochs", 2.5, "Epochs: should be a whole number"),
        ("recipe.batch_size", None, "Batch size: should be a whole number; received nothing."),
        ("depth", None, "Depth: should be a whole number; received nothing."),
        ("depth", 21, "Depth: should be less than or equal to 20; received 21."),
        ("blocks.dropout", float("nan"), "Dropout: should be"),
        ("augmentation.shift", {"x": 1}, "Shift: should be a number; received {'x': 1}."),
    ],
)
def test_a_value_out_of_bounds_is_refused_as_the_design_does(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        variable(path).validated(value)
    assert str(error.value).startswith(sentence)


def test_the_depth_is_edited_as_on_the_design_page_and_never_less_than_asked_for() -> None:
    base = PRESETS["7x7"]
    deeper = varied("depth", 5, base)
    assert len(deeper.architecture.blocks) == 5
    assert [block.pools for block in deeper.architecture.blocks] == [False, True, False, False, True]
    with pytest.raises(InputError, match=r"^Depth: should be from 2 to 20 blocks for this design; received 1\.$"):
        varied("depth", 1, base)


def test_a_field_of_something_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="Dense: Units: should be a field of something that the design has"):
        varied("head.units", 64, PRESETS["kernel 3"])
    with pytest.raises(InputError, match="Momentum: should be"):
        varied("recipe.optimizer.momentum", 0.5)  # of Adam


def test_another_optimizer_comes_with_its_own_defaults() -> None:
    assert varied("recipe.optimizer", "sgd").recipe.optimizer == SGD()
    assert varied("recipe.schedule", "cosine").recipe.schedule.name == "cosine"
    assert varied("recipe.optimizer.learning_rate", 0.5).recipe.optimizer.learning_rate == 0.5


def test_a_field_occurs_in_a_design_that_has_a_place_for_it() -> None:
    data = FAST.model_dump(mode="json")
    assert occurs(data, variable("blocks.kernel_size"))
    assert occurs(data, variable("head.units"))
    assert not occurs(data | {"architecture": data["architecture"] | {"head": []}}, variable("head.units"))
    assert occurs(data, variable("recipe.optimizer.beta_2"))
    assert not occurs(data, variable("recipe.optimizer.rho")), "Adam has none"

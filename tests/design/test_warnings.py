import pytest

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock, DenseBlock
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.warnings import notes, recipe_notes


def block(**fields: object) -> ConvBlock:
    return ConvBlock.model_validate({"filters": 16, "kernel_size": 3} | fields)


@pytest.mark.parametrize("name", ["7x7", "3x3"])
def test_the_notebooks_networks_are_wise_enough(name: str) -> None:
    assert notes(PRESETS[name].architecture) == []


def test_a_dense_layer_that_holds_nearly_everything_is_noticed() -> None:
    (note,) = notes(PRESETS["2x2"].architecture)
    assert note.startswith("Dense 1 holds 91% of all parameters")


@pytest.mark.parametrize(
    ("blocks", "head", "words"),
    [
        ([block(kernel_size=28), block(kernel_size=3, padding="same")], [], "Block 2 receives a 1×1 map"),
        ([block(dropout=0.9)], [], "Block 1: a dropout of 0.9 keeps only 10%"),
        ([block(pooling="max", pool_size=9)], [DenseBlock(units=20, dropout=0.9)], "Dense 1: a dropout of 0.9"),
        ([block(kernel_size=2, strides=3)], [], "Block 1 skips pixels: its strides of 3×3"),
        (
            [block(convolution="separable", strides=(1, 2))],
            [],
            "Block 1: the lab computes a separable convolution with unequal strides",
        ),
        ([block(order="usual", batch_normalization=True)], [], "Block 1: its bias has no effect"),
        ([block(activation="linear"), block()], [], "Block 2 follows a block with a linear activation"),
        ([block(pooling="max", pool_size=13)], [DenseBlock(units=4)], "Dense 1 has 4 units"),
    ],
)
def test_what_is_unwise_gets_a_reason(blocks: list[ConvBlock], head: list[DenseBlock], words: str) -> None:
    found = notes(Architecture(blocks=tuple(blocks), head=tuple(head)))
    assert any(note.startswith(words) for note in found), found


@pytest.mark.parametrize(
    ("fields", "images", "words"),
    [
        ({"epochs": 1}, 20_000, "average over about 100 steps, so for all 157 steps validation looks worse"),
        ({"epochs": 2}, 8_000, "for all 126 steps"),
        ({}, 60_000, "in the first epoch validation"),
        ({"normalization_momentum": 0.999}, 60_000, "average over about 1,000 steps, so for all 5,628 steps"),
        ({"normalization_momentum": 0.997}, 60_000, "in the first 6 epochs"),
        ({"normalization_momentum": 0.9}, 60_000, ""),
        ({"normalization_momentum": 0.0}, 128, ""),
        ({"epochs": 1, "bias_corrected_statistics": True}, 20_000, ""),
    ],
)
def test_statistics_that_still_are_where_they_began_are_noticed(
    fields: dict[str, object], images: int, words: str
) -> None:
    old = PRESETS["3x3"].recipe.model_dump() | {"bias_corrected_statistics": False} | fields
    experiment = PRESETS["3x3"].with_changes(recipe=old, train_images=images)
    found = recipe_notes(experiment)
    assert [words in note.text for note in found] == ([True] if words else [])
    for note in found:
        assert recipe_notes(experiment.with_changes(recipe=old | note.fields)) == []


def test_without_normalisation_nothing_of_it_is_noticed() -> None:
    recipe = PRESETS["fast"].recipe.model_dump() | {"bias_corrected_statistics": False}
    assert recipe_notes(PRESETS["fast"].with_changes(recipe=recipe, train_images=1000)) == []

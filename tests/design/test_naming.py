"""Names of designs say how they differ from the preset that they come from."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.naming import differences, named
from mnist_lab.design.presets import PRESETS
from mnist_lab.names import MAX_NAME, normalized


def changed(
    preset: str, blocks: dict[str, Any] | None = None, recipe: dict[str, Any] | None = None, **fields: Any
) -> Experiment:
    """A preset with fields of all its blocks, of its recipe and of itself changed."""
    begun = PRESETS[preset]
    network = begun.architecture.model_dump()
    network["blocks"] = [block | (blocks or {}) for block in network["blocks"]]
    return begun.with_changes(architecture=network, recipe=begun.recipe.model_dump() | (recipe or {}), **fields)


@pytest.mark.parametrize(
    ("experiment", "name"),
    [
        (changed("7x7"), "7x7"),
        (changed("7x7", seed=9), "7x7"),
        (changed("7x7", {"kernel_size": 2}, {"epochs": 4}), "7x7 · kernel 2 · 4 epochs"),
        (changed("3x3", {"kernel_size": (2, 3)}), "3x3 · kernel 2×3"),
        (changed("3x3", {"dropout": 0.5, "padding": "same"}), "3x3 · padding same · dropout 0.5"),
        (changed("3x3", {"batch_normalization": False}), "3x3 · no normalisation"),
        (changed("3x3", {"pooling": "none"}), "3x3 · no pooling"),
        (changed("3x3", recipe={"epochs": 1, "batch_size": 64}), "3x3 · 1 epoch · batch 64"),
        (changed("3x3", recipe={"optimizer": {"name": "adam", "learning_rate": 0.01}}), "3x3 · adam · rate 0.01"),
        (changed("3x3", train_images=5000), "3x3 · 5,000 images"),
        (changed("3x3", protocol="holdout"), "3x3 · holdout"),
    ],
)
def test_a_name_says_what_differs(experiment: Experiment, name: str) -> None:
    assert named(experiment.name, experiment) == name


def test_blocks_that_differ_are_told_in_a_row_and_their_number_where_it_differs() -> None:
    network = PRESETS["3x3"].architecture.model_dump()
    network["blocks"][0]["kernel_size"] = (5, 5)
    assert named("3x3", PRESETS["3x3"].with_changes(architecture=network)) == "3x3 · kernel 5-3-3"
    network["blocks"] = network["blocks"][1:]
    assert named("3x3", PRESETS["3x3"].with_changes(architecture=network)).startswith("3x3 · 2 blocks")


def test_what_a_person_named_keeps_its_name_and_old_names_of_the_lab_say_more_now() -> None:
    experiment = changed("7x7", {"kernel_size": 2})
    assert named("my network", experiment) == "my network"
    assert named("7x7, changed", experiment) == named("7x7 · kernel 5", experiment) == "7x7 · kernel 2"


@given(st.sampled_from(list(PRESETS)), st.sampled_from(list(PRESETS)))
def test_every_name_is_a_valid_name_and_the_same_again(one: str, other: str) -> None:
    name = named(one, PRESETS[other])
    assert normalized(name) == name
    assert len(name) <= MAX_NAME
    assert named(name, PRESETS[other]) == name
    assert (name == one) == (not any(differences(PRESETS[one], PRESETS[other])))
    assert (name == one) == (PRESETS[one].design_key == PRESETS[other].design_key)

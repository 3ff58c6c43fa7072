"""The lesson recipe: what it makes of each preset, and what it lets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.experiment import Protocol
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.warnings import recipe_notes

RECIPE = LessonRecipe(epochs=1, train_images=6000)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_trained_in_it_and_sensibly(name: str) -> None:
    preset = PRESETS[name]
    made = RECIPE.applied(preset)
    assert (made.recipe.epochs, made.train_images) == (1, 6000)
    assert (made.architecture, made.protocol, made.seed) == (preset.architecture, Protocol.HOLDOUT, preset.seed)
    assert made.recipe.optimizer == preset.recipe.optimizer
    assert not recipe_notes(made), "normalisation's statistics are corrected"
    assert made.recipe.moving_average == 0, "so few steps would leave the initial weights in it"
    if preset.architecture.normalizes:
        assert made.recipe.batch_size == 32
    else:
        assert made.recipe.batch_size == preset.recipe.batch_size
    assert RECIPE.refusal(made) == ""
    assert "everybody trains 1 epoch of 6,000 images until your teacher lifts it" in RECIPE.refusal(preset)


@given(st.sampled_from(sorted(PRESETS)), st.integers(1, 20), st.integers(1, 60_000))
def test_what_it_makes_it_lets_through_and_leaves_as_it_is(name: str, epochs: int, images: int) -> None:
    recipe = LessonRecipe(epochs=epochs, train_images=images)
    made = recipe.applied(PRESETS[name])
    assert recipe.refusal(made) == ""
    assert recipe.applied(made) == made
    assert made.recipe.batch_size <= PRESETS[name].recipe.batch_size
    assert made.train_images <= made.protocol.max_train_images


def test_a_longer_lesson_leaves_batches_and_averages_alone() -> None:
    long = LessonRecipe(epochs=12, train_images=55_000)
    for name in ("3x3", "thorough", "tiny"):
        made, preset = long.applied(PRESETS[name]).recipe, PRESETS[name].recipe
        assert (made.batch_size, made.moving_average) == (preset.batch_size, preset.moving_average)


def test_what_it_made_says_so_in_its_name() -> None:
    assert RECIPE.applied(PRESETS["fast"]).name == "fast · 1 epoch · 6,000 images"

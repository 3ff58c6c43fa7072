"""How a training is described in a line."""

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.ui.design import summary


def words(experiment: Experiment) -> list[str]:
    return summary.recipe_in_words(experiment).split(" · ")


def test_the_most_important_settings_are_always_said() -> None:
    said = words(PRESETS["3x3"])
    assert said[0].startswith("Adadelta, learning rate 1")
    assert "12 epochs" in said
    assert "60,000 images in batches of 128" in said
    assert said[-2:] == ["notebook protocol", "seed 1"]


def test_what_differs_from_its_default_is_said_by_its_title_and_nothing_else() -> None:
    plain = PRESETS["3x3"]
    recipe = plain.recipe.model_dump() | {"weight_decay": 0.01, "augmentation": {"rotation": 10}, "schedule": "cosine"}
    changed = words(plain.with_changes(recipe=recipe))
    assert changed[0] == "Adadelta, learning rate 1 (cosine)"
    assert set(changed) - set(words(plain)) - {changed[0]} == {"Weight decay 0.01", "Rotation (degrees) 10"}

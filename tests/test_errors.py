import pytest

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError


def broken(**changes: object) -> dict[str, object]:
    return PRESETS["3x3"].model_dump(mode="json") | changes


def recipe(**changes: object) -> dict[str, object]:
    return {"recipe": PRESETS["3x3"].recipe.model_dump(mode="json") | changes}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (broken(train_images=0), ["Train images", "received 0"]),
        (broken(train_images=61_000), ["Train images", "60000", "received 61000"]),
        (broken(protocol="holdout"), ["at most 55,000", "holdout", "received 60,000"]),
        (broken(seed=-1), ["Seed", "received -1"]),
        (broken(surprise=1), ["Surprise", "received 1"]),
        (broken(**recipe(epochs=0)), ["Epochs", "received 0"]),
        (broken(**recipe(optimizer={"name": "adam", "learning_rate": 0})), ["Learning rate", "received 0"]),
        (
            broken(**recipe(optimizer={"name": "adam", "learning_rate": float("nan")})),
            ["Learning rate", "received nan"],
        ),
        (broken(**recipe(optimizer={"name": "adam", "learning_rate": None})), ["Learning rate", "received nothing"]),
        (broken(**recipe(optimizer={"name": "magic"})), ["magic"]),
        (broken(architecture={"blocks": [{"filters": 4, "kernel_size": 0}]}), ["Block 1, kernel size", "received 0"]),
        (broken(architecture={"blocks": []}), ["Block", "received []"]),
        (broken(architecture={"blocks": [{"kernel_size": 3}]}), ["Block 1, filters"]),
        ("{not json", ["received"]),
        ("[]", ["received []"]),
    ],
)
def test_bad_input_is_one_sentence_naming_what_where_and_the_value(data: object, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse(Experiment, data)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    for word in words:
        assert word in sentence

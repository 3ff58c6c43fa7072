"""What a teacher allows."""

import pytest
from pydantic import ValidationError

from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.design.experiment import MAX_SEEDS


def test_a_class_begins_with_the_labs_own_limits_and_sees_everything() -> None:
    settings = ClassSettings()
    assert (settings.waiting, settings.seeds, settings.seconds) == (MAX_SEEDS, MAX_SEEDS, None)
    assert (settings.sees, settings.locked, settings.names_in_files) == (Sees.ALL, (), False)


def test_settings_are_the_same_after_they_were_stored_and_what_is_unknown_is_left_out() -> None:
    settings = ClassSettings(waiting=3, seeds=2, seconds=None, sees=Sees.OWN, locked=("inspect",), names_in_files=True)
    assert ClassSettings.model_validate_json(settings.model_dump_json()) == settings
    assert ClassSettings.model_validate_json('{"seeds": 2, "of a later version": 1}') == ClassSettings(seeds=2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"waiting": 0},
        {"waiting": 1001},
        {"seeds": 0},
        {"seeds": 31},
        {"seconds": 0},
        {"seconds": 86_401},
        {"sees": "x"},
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        ClassSettings(**wrong)

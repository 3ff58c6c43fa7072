import pytest

from mnist_lab.errors import InputError
from mnist_lab.experiment import Experiment, Protocol, Status
from mnist_lab.presets import PRESETS


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


def test_a_protocol_brings_its_own_number_of_images() -> None:
    assert PRESETS["3x3"].with_changes(protocol="holdout").train_images == 55_000
    assert PRESETS["3x3"].with_changes(protocol="holdout", train_images=10).train_images == 10


def test_an_impossible_architecture_is_no_experiment() -> None:
    block = {"filters": 4, "kernel_size": 20}
    with pytest.raises(InputError, match="Block 2: a 20×20 kernel does not fit the 9×9 map"):
        PRESETS["3x3"].with_changes(architecture={"blocks": [block, block]})


def test_the_last_batch_of_an_epoch_counts() -> None:
    experiment = PRESETS["3x3"].with_changes(train_images=129)
    assert experiment.steps_per_epoch == 2


def test_what_has_ended() -> None:
    assert {status for status in Status if not status.is_ended} == {Status.QUEUED, Status.RUNNING}


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_protocol_explains_itself(protocol: Protocol) -> None:
    assert f"{protocol.max_train_images:,}" in protocol.explanation
    assert f"{protocol.validation_images:,}" in protocol.explanation


def test_experiments_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        PRESETS["3x3"].seed = 2  # type: ignore[misc]
    assert isinstance(PRESETS["3x3"], Experiment)

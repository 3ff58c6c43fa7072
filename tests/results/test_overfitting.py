import pandas as pd

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.results import overfitting

PLAIN = Experiment(architecture=Architecture(blocks=(ConvBlock(filters=4, kernel_size=5),)))
NORMALISED = PLAIN.with_changes(
    architecture={"blocks": [{"filters": 4, "kernel_size": 5, "batch_normalization": True}]}
)


def gap(epochs: pd.DataFrame, experiment: Experiment = PLAIN) -> str | None:
    return overfitting.gap(epochs, experiment)


def log(training: list[float], validation: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"epoch": range(1, len(training) + 1), "loss": training, "validation_loss": validation, "steps": 400}
    )


def test_a_gap_is_named_with_the_epoch_since_which_it_is_open() -> None:
    words = gap(log([0.5, 0.2, 0.1, 0.05, 0.02], [0.4, 0.2, 0.15, 0.18, 0.22]))
    assert words
    assert "since epoch 3" in words
    assert "from 0.1500 to 0.2200" in words


def test_there_is_none_while_validation_gets_better_jumps_once_or_training_is_no_better() -> None:
    assert gap(log([0.5, 0.2, 0.1], [0.4, 0.2, 0.15])) is None
    assert gap(log([0.5, 0.2, 0.1, 0.05], [0.4, 0.2, 0.15, 0.3])) is None, "one epoch may be chance"
    assert gap(log([0.5, 0.2, 0.1, 0.05, 0.04], [0.4, 0.2, 0.15, 0.3, 0.15])) is None
    assert gap(log([0.5, 0.3, 0.4, 0.4], [0.4, 0.2, 0.3, 0.3])) is None, "it fell apart: that is another thing"
    assert gap(log([], [])) is None


def test_running_means_that_are_not_there_yet_are_another_gap() -> None:
    short = log([3.0, 2.0, 1.4, 1.2], [2.2, 2.6, 3.6, 4.3]).assign(steps=47)
    assert "running means" in (gap(short, NORMALISED) or "")
    assert "overfit" in (gap(short) or "")
    assert "overfit" in (gap(short.assign(steps=470), NORMALISED) or "")
    corrected = NORMALISED.with_changes(recipe={"bias_corrected_statistics": True})
    assert "overfit" in (gap(short, corrected) or "")


def test_what_a_network_has_against_it_is_named_and_not_recommended() -> None:
    open_gap = log([0.5, 0.2, 0.1, 0.05, 0.02], [0.4, 0.2, 0.15, 0.18, 0.22])
    assert (gap(open_gap) or "").endswith("overfit; dropout, augmentation or fewer epochs help.")
    dropping = PLAIN.with_changes(architecture={"blocks": [{"filters": 4, "kernel_size": 5, "dropout": 0.4}]})
    words = gap(open_gap, dropping) or ""
    assert words.endswith("although it has dropout of 0.4; augmentation, fewer parameters or fewer epochs help.")
    all_of_it = PRESETS["3x3"].with_changes(
        recipe={"augmentation": {"shift": 2}, "weight_decay": 0.001, "label_smoothing": 0.1}
    )
    words = gap(open_gap, all_of_it) or ""
    assert "dropout of 0.25 to 0.7 and augmentation and weight decay of 0.001 and label smoothing of 0.1" in words
    assert words.endswith("; fewer parameters or fewer epochs help.")

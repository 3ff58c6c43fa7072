import pandas as pd

from mnist_lab.overfitting import gap


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
    assert "running means" in (gap(short, normalizes=True) or "")
    assert "by heart" in (gap(short) or "")
    assert "by heart" in (gap(short.assign(steps=470), normalizes=True) or "")

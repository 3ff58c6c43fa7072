"""Ways to train are timed in turn, and do the same work."""

import pytest

from mnist_lab.bench import training
from mnist_lab.bench.backends import FIT, LAB
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import EngineError


@pytest.mark.timeout(300)
def test_backends_are_timed_in_turn_and_do_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    # With all kinds of layers that the notebook's networks have, one of each.
    blocks = [
        {"filters": 4, "kernel_size": 2, "strides": 2, "dropout": 0.25},
        {"filters": 8, "kernel_size": 2, "pooling": "max", "batch_normalization": True, "dropout": 0.25},
    ]
    head = [{"units": 16, "batch_normalization": True, "dropout": 0.7}]
    little = PRESETS["2x2"].with_changes(name="little", architecture={"blocks": blocks, "head": head})
    monkeypatch.setitem(PRESETS, "little", little)
    said: list[str] = []
    found = training.run(2, 2, 256, said.append, names=["little"])
    preset = found["presets"]["little"]
    assert [words.rsplit(", ")[-1] for words in said if "round" in words][:2] == [LAB, FIT]
    assert len(found["matmul_gflops"]) == len(preset["speedups_over_fit"]) == 2
    assert preset["lab_seconds_per_epoch"] > 0
    assert preset["fit_seconds_per_epoch"] > 0
    assert 0 < preset["share_of_matmul_peak"] < 1
    assert ("torch" in preset) == (preset["torch_seconds_per_epoch"] is not None) == ("torch" in training.backends())
    for same in preset["same_work"].values():
        assert same["within_rounding"]


def test_a_backend_that_crashes_is_a_sentence() -> None:
    process = training.Process("nonsense", 1)
    with pytest.raises(EngineError, match="backend nonsense ended at the command 'prepare'"):
        process("prepare", PRESETS["3x3"].model_dump_json())
    process.close()


def test_a_spread_is_the_median_between_least_and_most() -> None:
    assert training.spread([3.0, 1.0, 2.0, 10.0]) == {"median": 2.5, "min": 1.0, "max": 10.0}

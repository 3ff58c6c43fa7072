"""The bench measures what it says it does."""

import pytest

from mnist_lab.bench import report, training
from mnist_lab.bench.backends import FIT, LAB, operations
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import EngineError


def test_operations_are_counted_by_hand() -> None:
    # 26×26×16 values of 9 products; 12×12×16 of 144; 2×2×32 of 144; dense 32×128 and 128×10. All but the first layer
    # are gone through three times: forward, and for the gradients of weights and input.
    first, rest = 26 * 26 * 16 * 9, 12 * 12 * 16 * 144 + 2 * 2 * 32 * 144 + 32 * 128 + 128 * 10
    assert operations(PRESETS["3x3"]) == 2 * (2 * first + 3 * rest)


@pytest.mark.timeout(300)
def test_backends_are_timed_in_turn_and_do_the_same_work() -> None:
    said: list[str] = []
    found = training.run(2, 2, 640, said.append, names=["2x2"])
    preset = found["presets"]["2x2"]
    assert [words.rsplit(", ")[-1] for words in said if "round" in words][:2] == [LAB, FIT]
    assert len(found["matmul_gflops"]) == len(preset["speedups_over_fit"]) == 2
    assert preset["lab_seconds_per_epoch"] > 0
    assert preset["fit_seconds_per_epoch"] > 0
    assert 0 < preset["share_of_matmul_peak"] < 1
    assert ("torch" in preset) == (preset["torch_seconds_per_epoch"] is not None) == ("torch" in training.backends())
    for same in preset["same_work"].values():
        assert same["within_rounding"]


def test_a_way_that_dies_is_a_sentence() -> None:
    process = training.Process("nonsense", 1)
    with pytest.raises(EngineError, match="trains by nonsense ended at the order 'prepare'"):
        process("prepare", PRESETS["3x3"].model_dump_json())
    process.close()


def test_the_machine_is_told() -> None:
    assert {"cpu", "cores", "date", "lab", "tensorflow", "torch"} <= set(report.machine())

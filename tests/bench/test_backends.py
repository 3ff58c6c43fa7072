"""What a way to train is asked to do."""

from mnist_lab.bench.backends import operations
from mnist_lab.design.presets import PRESETS


def test_operations_are_counted_by_hand() -> None:
    # 26×26×16 values of 9 products; 12×12×16 of 144; 2×2×32 of 144; dense 32×128 and 128×10. All but the first layer
    # are gone through three times: forward, and for the gradients of weights and input.
    first, rest = 26 * 26 * 16 * 9, 12 * 12 * 16 * 144 + 2 * 2 * 32 * 144 + 32 * 128 + 128 * 10
    assert operations(PRESETS["3x3"]) == 2 * (2 * first + 3 * rest)

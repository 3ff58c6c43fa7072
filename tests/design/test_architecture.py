"""Blocks, bridge and head of a network."""

from mnist_lab.design.architecture import filters, kernel_sizes
from mnist_lab.design.presets import PRESETS


def test_a_design_in_a_word() -> None:
    assert kernel_sizes(PRESETS["7x7"].architecture) == "7×7"
    assert kernel_sizes(PRESETS["fast"].architecture) == "5×5, 3×3"
    assert filters(PRESETS["2x2"].architecture) == "4-8-16-32-64"

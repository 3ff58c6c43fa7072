"""What is said of a drawing."""

import numpy as np
import pytest

from mnist_lab.ui.inspect import draw


@pytest.mark.parametrize(
    ("most", "next_best", "threshold", "digit", "words"),
    [
        (0.75, 0.25, 0.5, "7", "It says 7, 75.0 % sure; next comes 3 (25.0 %)."),
        (0.9997, 0.0002, 0.5, "7", "It says 7, over 99.9 % sure."),
        (1.0, 0.0, 0.5, "7", "It says 7, 100 % sure."),
        (0.4, 0.3, 0.5, "?", "None of these: a 7 perhaps (40.0 %), or a 3 (30.0 %)."),
        (0.9997, 0.0002, 1.0, "?", "None of these: a 7 perhaps (over 99.9 %)."),
    ],
)
def test_what_is_all_but_certain_is_not_certain_and_what_is_nothing_is_not_mentioned(
    most: float, next_best: float, threshold: float, digit: str, words: str
) -> None:
    probabilities = np.zeros(10)
    probabilities[7], probabilities[3] = most, next_best
    assert draw._words(probabilities, threshold) == (digit, words.replace(" %", "\u00a0%"))

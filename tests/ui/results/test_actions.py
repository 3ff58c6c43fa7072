"""What is said of choosing the best of several designs."""

import pandas as pd
import pytest

from mnist_lab.ui.results import actions


def rows(count: int, n: int = 3, sd: float = 0.001) -> pd.DataFrame:
    return pd.DataFrame({"test_accuracy": [0.98] * count, "n": n, "test_sd": sd, "parameters": 1000})


@pytest.mark.parametrize("count", [0, 1, 2])
def test_of_a_few_designs_nothing_is_said(count: int) -> None:
    assert actions.selection_bias_words(rows(count)) == ""


def test_designs_that_were_not_tested_do_not_count() -> None:
    two = pd.concat([rows(2), rows(4).assign(test_accuracy=float("nan")), rows(3, n=0)])
    assert actions.selection_bias_words(two) == ""


def test_the_more_designs_and_the_fewer_seeds_the_larger_the_bias() -> None:
    def points(count: int, n: int) -> float:
        words = actions.selection_bias_words(rows(count, n))
        assert words.startswith(f"The best of these {count} designs looks better than it is")
        return float(words.split("about ")[1].split(" points")[0])

    assert points(30, 3) > points(3, 3) > 0
    assert points(30, 1) > points(30, 9)

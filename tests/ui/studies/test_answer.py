"""The answer's table of comparisons."""

from typing import get_args

from mnist_lab.studies.answer import Kind
from mnist_lab.ui.studies import answer


def test_each_verdict_has_words() -> None:
    assert set(answer._VERDICTS) == set(get_args(Kind))

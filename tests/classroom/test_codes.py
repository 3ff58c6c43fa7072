"""Codes of classes."""

import pytest

from mnist_lab.classroom import codes


def test_a_code_has_six_characters_that_are_not_mistaken_for_others() -> None:
    made = {codes.new() for _ in range(500)}
    assert len(made) > 490, "they differ"
    seen = set("".join(made))
    assert {len(code) for code in made} == {6}
    assert not seen & set("AEIOUY01LZ25S8B"), "no words, and nothing that looks like another"
    assert len(seen) == 21
    assert 21**6 > 85_000_000


@pytest.mark.parametrize("typed", ["CDFGHJ", "cdfghj", " cdf ghj ", "CDF-GHJ", "c d f g h j\n", "cdf–ghj"])
def test_a_code_is_typed_as_one_likes(typed: str) -> None:
    assert codes.is_same(typed, "CDFGHJ")


@pytest.mark.parametrize(
    "typed", ["", "CDFGH", "CDFGHJK", "JHGFDC", "ÇDFGHJ", "ＣＤＦＧＨＪ", "\udc80CDFGH", "x" * 10**6]
)
def test_what_is_no_code_is_none_and_no_error(typed: str) -> None:
    assert not codes.is_same(typed, "CDFGHJ")

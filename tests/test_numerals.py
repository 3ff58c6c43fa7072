from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from mnist_lab.errors import InputError
from mnist_lab.numerals import counted, read, written

ANY_NUMBER = TypeAdapter(Annotated[float, Field(allow_inf_nan=False)])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.003", 0.003),
        ("0,003", 0.003),
        (" 3e-3 ", 0.003),
        ("3,5E-4", 0.00035),
        (",5", 0.5),
        ("5.", 5.0),
        ("+1", 1.0),
        ("−0,1", -0.1),
        ("50 %", 0.5),
        ("1,5", 1.5),
        ("1,0000", 1.0),
        ("1.000", 1.0),
        ("00,125", 0.125),
        ("1_000", 1000.0),
    ],
)
def test_a_point_and_a_comma_are_understood(text: str, number: float) -> None:
    assert read(text) == number


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,000", "could mean 1.000 or 1000"),
        ("-12,345", "could mean 12.345 or 12345"),
        ("1.000,5", "one decimal point"),
        ("1,000.5", "one decimal point"),
        ("1.2.3", "one decimal point"),
        ("0 003", "one decimal point"),
        ("", "not a number"),
        (".", "not a number"),
        ("e5", "not a number"),
        ("1/3", "not a number"),
        ("0x10", "not a number"),
        ("nan", "not a number"),
        ("٣", "not a number"),
        ("--1", "not a number"),
        ("1e999", "too large"),
    ],
)
def test_what_is_no_number_or_could_be_two_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(text)


@pytest.mark.parametrize(
    ("text", "number"), [("100.000", 1e5), ("1,000,000", 1e6), ("20 000", 2e4), ("1e6", 1e6), ("12,5", 12.5), ("7", 7)]
)
def test_of_things_that_are_counted_thousands_may_stand_apart(text: str, number: float) -> None:
    assert read(text, is_count=True) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read_as_the_same_number_with_either_sign(number: float) -> None:
    assert read(written(number)) == number
    if len(written(number).partition(".")[2]) != 3:
        assert read(written(number).replace(".", ",")) == number


@given(st.text(alphabet="0123456789.,eE+-_ %", max_size=8))
def test_nothing_that_is_refused_here_is_a_number_to_the_recipe(text: str) -> None:
    """What a field refuses is kept as its text: nobody else may make a number of it."""
    try:
        read(text)
    except InputError:
        with pytest.raises(ValidationError):
            ANY_NUMBER.validate_python(text)


def test_one_thing_is_singular() -> None:
    assert (counted(1, "row"), counted(0, "row"), counted(1200, "more seed")) == ("1 row", "0 rows", "1,200 more seeds")

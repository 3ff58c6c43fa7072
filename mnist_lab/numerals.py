"""Numbers as people write them, with a decimal point or comma, and counts with their nouns."""

import re
from math import isinf

from mnist_lab.errors import InputError

MAX_LENGTH = 40
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:([.,])([0-9]*))?(?:e([+-]?[0-9]+))?\s*(%?)", re.IGNORECASE)
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:([.,'’\s])[0-9]{3})(?:\1[0-9]{3})*")


def read(text: str, *, is_count: bool = False) -> float:
    """The number that a text means: `0.003`, `0,003`, `3e-3` and `0.3 %` are the same.

    Ambiguous text is refused rather than guessed at.

    Args:
        is_count: whether the number counts something; then a point or comma before three digits separates thousands.

    Raises:
        InputError: the text is not a number, is ambiguous, or is too large; the sentence says how to write it, and does
            not repeat the text.
    """
    plain = re.sub(r"(?<=[^_\s])_(?=[^_\s])", "", text.strip().replace("−", "-"))
    if is_count and _THOUSANDS.fullmatch(plain):
        return float(re.sub(r"[^0-9]", "", plain))
    found = _NUMBER.fullmatch(plain)
    if found is None or not (found[2] or found[4]):
        if re.fullmatch(r"[+-]?[0-9.,'’\s]*[0-9]", plain):
            raise InputError("Write the number with one decimal point or comma and nothing between thousands.")
        raise InputError("This is not a number; write it like 0.001, 0,001 or 1e-3.")
    sign, whole, separator, fraction, exponent, percent = found.groups()
    if separator == "," and len(fraction) == 3 and 0 < len(whole) <= 3 and whole.strip("0") and not exponent:
        raise InputError(
            f"This could mean {whole}.{fraction} or {whole}{fraction}; write it with a decimal point or no comma."
        )
    number = float(f"{sign}{whole or 0}.{fraction or 0}e{exponent or 0}") / (100 if percent else 1)
    if isinf(number):
        raise InputError("This number is too large.")
    return number


def written(number: float) -> str:
    """The shortest text that reads back as the same number: `0.003`, `12`, `1e-07`."""
    return repr(float(number)).removesuffix(".0")


def counted(count: int, noun: str) -> str:
    """A count with its noun, in the plural unless the count is 1: `1 row`, `1,200 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

"""What a name can be, whatever it is of (a run, a design, a tag, a person) and wherever it comes from.

Two names that look the same are the same: Unicode's composed form (NFC), and of every kind of blank between words one
plain space. What cannot be seen has no place in one, for two names that differ by it cannot be told apart, and marks of
direction turn round what is written behind them.
"""

import re
import unicodedata
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator

MAX_NAME, MAX_TAG = 60, 40
UNNAMED = "custom"
_ENDS = " \t\r\n"
_BLANKS = re.compile("[^\\S\t\r\n\v\f\x1c-\x1f\x85\u2028\u2029]+")  # of every width, but on the same line
# Drawn as nothing, or as a blank, though Unicode counts them among letters, symbols and marks.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
_VARIANT = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # of the character before
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_JOINED = re.compile(f"(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])")  # several make one picture


def normalized(text: str, most: int = MAX_NAME) -> str:
    """A name as it is kept.

    Raises:
        ValueError: it is empty, too long, or has something in it that cannot be seen; what it should be, and what was
            received.
    """
    name = _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip(_ENDS)
    if unseen := _unseen(name):
        raise ValueError(f"should have nothing in it that cannot be seen; received {unseen} in {text[:80]!r}")
    if not 1 <= len(name) <= most or not any(map(_stands_alone, name)):
        raise ValueError(f"should be 1 to {most} characters that can be seen; received {text[:80]!r}")
    return name


def sanitized(text: str, most: int = MAX_NAME, otherwise: str = UNNAMED) -> str:
    """The name that is left of a text without what a name cannot have; `otherwise` where nothing is."""
    seen = "".join(c if not _unseen(c) else " " if c.isspace() else "" for c in _BLANKS.sub(" ", text))
    try:
        return normalized(unicodedata.normalize("NFC", " ".join(seen.split()))[:most], most)
    except ValueError:
        return otherwise


def _validated(most: int, value: Any) -> Any:
    return normalized(value, most) if isinstance(value, str) else value


Name = Annotated[str, BeforeValidator(partial(_validated, MAX_NAME))]


def _unseen(name: str) -> str:
    """The first character of a name that cannot be seen, by its number and Unicode's name; empty where all can."""
    for character in _VARIANT.sub("", _JOINED.sub("", name)):
        # A picture that this Python's Unicode does not know yet is no less one.
        known = character.isprintable() or "\U0001f000" <= character <= "\U0001faff"
        if not known or character in _BLANK_LETTERS:
            return f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()
    return ""


def _stands_alone(character: str) -> bool:
    """Whether a character is seen without another one, as an accent is not."""
    return not unicodedata.category(character).startswith(("M", "Z"))

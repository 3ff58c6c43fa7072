"""Names of runs, designs, tags and people: their normal form, and what they may contain.

Names that look the same are the same: they are in Unicode's composed form (NFC), with single plain spaces between words.
Invisible characters are not allowed, since names that differ only in these cannot be told apart, and since direction
marks reverse the text after them.
"""

import re
import unicodedata
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator

MAX_NAME, MAX_TAG = 60, 40
UNNAMED = "custom"
_ENDS = " \t\r\n"
_BLANKS = re.compile("[^\\S\t\r\n\v\f\x1c-\x1f\x85\u2028\u2029]+")  # spaces of every width, but no line breaks
# Rendered as nothing, or as a blank, although Unicode counts them among letters, symbols and marks.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
_VARIANT = re.compile(
    "[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)  # selects a variant of the preceding character
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_JOINED = re.compile(f"(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])")  # the zero-width joiner within a composed emoji


def normalized(text: str, most: int = MAX_NAME) -> str:
    """The normal form of a name.

    Args:
        most: characters that it may have.

    Raises:
        ValueError: it is empty or too long, or contains an invisible character; the message says what it should be and
            what was received.
    """
    name = _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip(_ENDS)
    if unseen := _unseen(name):
        raise ValueError(f"should have nothing in it that cannot be seen; received {unseen} in {text[:80]!r}")
    if not 1 <= len(name) <= most or not any(map(_stands_alone, name)):
        raise ValueError(f"should be 1 to {most} characters that can be seen; received {text[:80]!r}")
    return name


def sanitized(text: str, most: int = MAX_NAME, otherwise: str = UNNAMED) -> str:
    """A valid name made from any text by dropping what a name may not contain; `otherwise` where nothing is left."""
    seen = "".join(c if not _unseen(c) else " " if c.isspace() else "" for c in _BLANKS.sub(" ", text))
    try:
        return normalized(unicodedata.normalize("NFC", " ".join(seen.split()))[:most], most)
    except ValueError:
        return otherwise


def _validated(most: int, value: Any) -> Any:
    return normalized(value, most) if isinstance(value, str) else value


Name = Annotated[str, BeforeValidator(partial(_validated, MAX_NAME))]


def _unseen(name: str) -> str:
    """The first invisible character of a name as code point and Unicode name; empty where all are visible."""
    for character in _VARIANT.sub("", _JOINED.sub("", name)):
        # Emoji newer than this Python's Unicode are visible too.
        known = character.isprintable() or "\U0001f000" <= character <= "\U0001faff"
        if not known or character in _BLANK_LETTERS:
            return f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()
    return ""


def _stands_alone(character: str) -> bool:
    """Whether a character is visible by itself, unlike a combining accent or a space."""
    return not unicodedata.category(character).startswith(("M", "Z"))

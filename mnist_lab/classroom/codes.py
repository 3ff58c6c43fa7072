"""Codes by which pupils join a class: short enough to be read off a projector and typed on a phone."""

import secrets

# Without vowels, so that no words come about, and without what is mistaken for another: 0 O, 1 I L, 2 Z, 5 S, 8 B.
_LETTERS = "CDFGHJKMNPQRTVWX34679"
_LENGTH = 6


def new() -> str:
    """A new code, one of 86 million."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def is_same(typed: str, code: str) -> bool:
    """Whether somebody has typed a code, in capitals or not, with blanks and hyphens or not."""
    plain = "".join(character for character in typed[:100].upper() if character.isalnum())
    return secrets.compare_digest(plain.encode(), code.encode())

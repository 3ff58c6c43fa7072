"""The lab's settings: environment variables whose names begin with `MNIST_LAB_`."""

import difflib
import os
import re

from mnist_lab.errors import SettingError

PREFIX = "MNIST_LAB_"
DATABASE_URL = f"{PREFIX}DATABASE_URL"
WORKERS = f"{PREFIX}WORKERS"
THREADS = f"{PREFIX}THREADS"
CHECKPOINT_MB = f"{PREFIX}CHECKPOINT_MB"
GROWTH_MB = f"{PREFIX}GROWTH_MB"
MAX_PARAMETERS = f"{PREFIX}MAX_PARAMETERS"
TEACHER_TOKEN = f"{PREFIX}TEACHER_TOKEN"
SECRET = f"{PREFIX}SECRET"
NUMBERS = {
    WORKERS: 64,
    THREADS: 256,
    CHECKPOINT_MB: 1_000_000_000,
    GROWTH_MB: 1_000_000_000,
    MAX_PARAMETERS: 10_000_000_000,
}  # the upper limit of each
TEXTS = {TEACHER_TOKEN: 12, SECRET: 32}  # the fewest characters of each: nobody should find one by trying
# Not 20.000, which is twenty to some and twenty thousand to others.
_TEXT = re.compile(r"[A-Za-z0-9_-]{1,200}")  # as they may stand in an address
_WHOLE = re.compile(r"\d+(_\d+)*|\d+(\.\d+)?[eE]\+?\d{1,2}")


def number(variable: str, otherwise: int) -> int:
    """The value of an environment variable that holds a whole number, written as `20000000`, `20_000_000` or `20e6`.

    Args:
        otherwise: the value where the variable is not set or empty.

    Raises:
        SettingError: the variable holds something else than a number from 1 to its limit in `NUMBERS`.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return otherwise
    found = float(text) if _WHOLE.fullmatch(text) else 0.5
    if not found.is_integer() or not 1 <= found <= NUMBERS[variable]:
        raise SettingError(
            f"{variable} should be a whole number from 1 to {NUMBERS[variable]:,}; received {text[:40]!r}."
        )
    return int(found)


def secret(variable: str) -> str | None:
    """The value of an environment variable that holds a token or secret; None where it is not set or empty.

    Raises:
        SettingError: it is too short, or has other characters than letters, digits, `-` and `_`. The message does not say
            what was received, for it would be read in a log.
    """
    text = os.environ.get(variable, "").strip()
    if text and (not _TEXT.fullmatch(text) or len(text) < TEXTS[variable]):
        raise SettingError(
            f"{variable} should be {TEXTS[variable]} to 200 letters, digits, - and _; received {len(text)} characters."
        )
    return text or None


def check() -> None:
    """Check all settings.

    Raises:
        SettingError: one is invalid, or a variable has the lab's prefix but an unknown name.
    """
    known = [DATABASE_URL, *NUMBERS, *TEXTS]
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known:
            near = difflib.get_close_matches(variable, known, 1, 0.0)
            raise SettingError(f"{variable[:60]} is not a setting of the lab; unset it, or set {near[0]}.")
    for variable in NUMBERS:
        number(variable, 1)
    for variable in TEXTS:
        secret(variable)

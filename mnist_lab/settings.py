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
NUMBERS = {
    WORKERS: 64,
    THREADS: 256,
    CHECKPOINT_MB: 1_000_000_000,
    GROWTH_MB: 1_000_000_000,
    MAX_PARAMETERS: 10_000_000_000,
}  # the upper limit of each
# Not 20.000, which is twenty to some and twenty thousand to others.
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


def check() -> None:
    """Check all settings.

    Raises:
        SettingError: one is invalid, or a variable has the lab's prefix but an unknown name.
    """
    known = [DATABASE_URL, *NUMBERS]
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known:
            near = difflib.get_close_matches(variable, known, 1, 0.0)
            raise SettingError(f"{variable[:60]} is not a setting of the lab; unset it, or set {near[0]}.")
    for variable in NUMBERS:
        number(variable, 1)

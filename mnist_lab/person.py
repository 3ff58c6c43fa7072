"""Who asks the lab for something."""

import getpass
import os
from dataclasses import dataclass

from mnist_lab.names import sanitized


@dataclass(frozen=True)
class Person:
    """Whose a run or a design is.

    Attributes:
        name: as of `names.normalized`.
    """

    name: str


def system_user() -> Person:
    """The person whose process this is, by the user's name, or number where it has none, as in a container."""
    number = f"user {os.getuid()}" if hasattr(os, "getuid") else "user"
    try:
        return Person(sanitized(getpass.getuser(), otherwise=number))
    except (OSError, KeyError, ImportError):  # the last two before Python 3.13
        return Person(number)

"""People: on whose behalf something is done."""

import getpass
import os
from dataclasses import dataclass

from mnist_lab.names import sanitized


@dataclass(frozen=True)
class Person:
    """The owner of runs and designs.

    Attributes:
        name: in the form of `names.normalized`.
    """

    name: str


def system_user() -> Person:
    """The user of the operating system who runs this process, by name, or by number where there is no name."""
    number = f"user {os.getuid()}" if hasattr(os, "getuid") else "user"
    try:
        return Person(sanitized(getpass.getuser(), otherwise=number))
    except (OSError, KeyError, ImportError):  # KeyError and ImportError: before Python 3.13
        return Person(number)

"""People: on whose behalf something is done."""

import getpass
import os
import re
from dataclasses import dataclass
from enum import StrEnum

from mnist_lab.names import sanitized


class Kind(StrEnum):
    """How somebody is known."""

    USER = "user"  # by nothing but using this machine, or its network
    TEACHER = "teacher"  # by the teacher's token
    PUPIL = "pupil"  # by what they got when they joined the class
    LOOKER = "looker-on"  # by the link to the class's stage: the browser of a projector, which changes nothing


@dataclass(frozen=True)
class Person:
    """Who asks for something. What they may do is not written here: `classroom.rights` reads it from the store each time.

    Attributes:
        key: what their runs and designs are kept under: the name of the system's user, in the form of `names.normalized`;
            a pupil's is a pseudonym, `pupil 7`, and never their name. A looker-on has neither.
        kind: how they are known.
    """

    key: str
    kind: Kind = Kind.USER


def system_user() -> Person:
    """The user of the operating system who runs this process, by name, or by number where there is no name. Where an
    account is called as a pupil's pseudonym is, as one in a school may be, `user ` comes before it."""
    number = f"user {os.getuid()}" if hasattr(os, "getuid") else "user"
    try:
        name = sanitized(getpass.getuser(), otherwise=number)
    except (OSError, KeyError, ImportError):  # KeyError and ImportError: before Python 3.13
        name = number
    return Person(f"user {name}" if re.fullmatch(r"pupil \d+", name) else name)

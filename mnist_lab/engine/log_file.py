"""The file that engines write their log to."""

import contextlib
import functools
import os
import tempfile
from pathlib import Path

import platformdirs

MAX_BYTES = 5_000_000  # before the newest engine's; what is older goes


@functools.cache
def path() -> Path:
    """Where engines write their log: the user's folder for logs, a temporary one where that cannot be written to."""
    with contextlib.suppress(OSError, RuntimeError):  # nobody knows where the user's folders are
        folder = platformdirs.user_log_path("mnist-lab", appauthor=False)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "engine.log").open("ab"):
            return folder / "engine.log"
    with contextlib.suppress(OSError):
        return Path(tempfile.mkdtemp(prefix="mnist-lab-")) / "engine.log"
    return Path(os.devnull)


def rotate() -> None:
    """Begin a new file where the log is long; the one before it stays beside it."""
    file = path()
    with contextlib.suppress(OSError):
        if file.stat().st_size > MAX_BYTES and file.is_file():
            file.replace(file.with_suffix(".log.1"))

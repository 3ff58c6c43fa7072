"""The log file of engines."""

import contextlib
import functools
import os
import tempfile
from pathlib import Path

import platformdirs

MAX_BYTES = 5_000_000  # beyond which the next engine starts a new file


@functools.cache
def path() -> Path:
    """Path of the log file: in the user's log folder, in a temporary one where that cannot be written to."""
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: the user has no home folder
        folder = platformdirs.user_log_path("mnist-lab", appauthor=False)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "engine.log").open("ab"):
            return folder / "engine.log"
    with contextlib.suppress(OSError):
        return Path(tempfile.mkdtemp(prefix="mnist-lab-")) / "engine.log"
    return Path(os.devnull)


def rotate() -> None:
    """Start a new log file where the present one is too long; the previous one is kept beside it."""
    file = path()
    with contextlib.suppress(OSError):
        if file.stat().st_size > MAX_BYTES and file.is_file():
            file.replace(file.with_suffix(".log.1"))

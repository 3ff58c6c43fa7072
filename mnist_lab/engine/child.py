"""An engine process that this process has started: its beginning, its last words, its end."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from mnist_lab import settings
from mnist_lab.engine import log_file
from mnist_lab.store.lease import NOT_WORKING

EXIT_SECONDS = 12.0
LAST_BYTES = 20_000  # of the log, in which an engine's last words are looked for
MAX_WORDS = 200
_PACKAGES = Path(__file__).parents[2]  # where this package is, for the child to find it wherever it starts


class Child:
    """An engine process. Its standard input is a pipe from here: it ends when this process does, however that happens.

    Args:
        url: the store's URL; only: let it serve none but these runs.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, url: str, only: list[int] | None = None) -> None:
        command = [sys.executable, "-m", "mnist_lab.engine"]
        if only is not None:
            command += ["--only", *map(str, only)]
        log_file.rotate()
        with log_file.path().open("ab") as output:
            self._log_from = output.seek(0, os.SEEK_END)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=output,
                # And no modules from the folder it is started in, which may be anybody's.
                env=os.environ | {settings.DATABASE_URL: url, "PYTHONPATH": _python_path(), "PYTHONSAFEPATH": "1"},
                start_new_session=True,  # Ctrl-C in the terminal is for the parent, which then ends it
            )
        # Behind the server where both want a core, its workers too: a page answers at once, and takes little.
        with contextlib.suppress(psutil.Error):
            if sys.platform == "win32":
                psutil.Process(self._process.pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            else:
                psutil.Process(self._process.pid).nice(10)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status; None while it lives."""
        return self._process.poll()

    def close(self) -> None:
        """End it, and wait until it has gone."""
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self, status: int) -> str:
        """Why it has ended: what it said last, or else how it ended."""
        lines: list[str] = []
        with contextlib.suppress(OSError), log_file.path().open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_from if self._log_from <= size else 0, size - LAST_BYTES))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        for line in reversed(lines):
            if NOT_WORKING in line:
                return line.split(NOT_WORKING, 1)[1][:MAX_WORDS]
        if status < 0:
            return f"The engine was ended by signal {-status} ({signal.strsignal(-status)})"
        said = f" ({lines[-1].strip()[:MAX_WORDS]})" if lines else ""
        return f"The engine ended with status {status}{said}"


def _python_path() -> str:
    """Where a child looks for modules first: the lab may be used from any folder."""
    return os.pathsep.join(filter(None, [str(_PACKAGES), os.environ.get("PYTHONPATH")]))

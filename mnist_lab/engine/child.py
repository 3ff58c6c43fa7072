"""An engine process as a child of this process: how it is started, how it is ended, and why it has ended."""

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
LAST_BYTES = 20_000  # of the log, in which the reason for an engine's end is looked for
MAX_REASON = 200  # characters of it
_PACKAGES = Path(__file__).parents[2]  # where the child finds this package, whatever its working folder


class Child:
    """An engine process. Its standard input is a pipe from this process, so it ends when this process does, however that
    happens.

    Args:
        url: the store's URL.
        only: the ids of the only runs that it is to train; all where None.

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
                # PYTHONSAFEPATH: no modules from the working folder, which may be anybody's.
                env=os.environ | {settings.DATABASE_URL: url, "PYTHONPATH": _python_path(), "PYTHONSAFEPATH": "1"},
                start_new_session=True,  # Ctrl-C in the terminal goes to the parent only, which then ends the child
            )
        # At a lower priority than the server, as are its workers: pages need little time, but at once.
        with contextlib.suppress(psutil.Error):
            if sys.platform == "win32":
                psutil.Process(self._process.pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            else:
                psutil.Process(self._process.pid).nice(10)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def close(self) -> None:
        """End it, and wait for its end."""
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def exit_reason(self, status: int) -> str:
        """Why it has ended, as a phrase: the reason that it logged, or else its exit status and last line."""
        lines: list[str] = []
        with contextlib.suppress(OSError), log_file.path().open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_from if self._log_from <= size else 0, size - LAST_BYTES))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        for line in reversed(lines):
            if NOT_WORKING in line:
                return line.split(NOT_WORKING, 1)[1][:MAX_REASON]
        if status < 0:
            return f"The engine was terminated by signal {-status} ({signal.strsignal(-status)})"
        last = f" ({lines[-1].strip()[:MAX_REASON]})" if lines else ""
        return f"The engine exited with status {status}{last}"


def _python_path() -> str:
    """PYTHONPATH of the child: this package's folder first."""
    return os.pathsep.join(filter(None, [str(_PACKAGES), os.environ.get("PYTHONPATH")]))

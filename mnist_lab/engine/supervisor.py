"""Keeps an engine process alive for as long as this process needs one, and says why where none can be had."""

import contextlib
import functools
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import psutil

from mnist_lab import settings
from mnist_lab.errors import LabError, SettingError
from mnist_lab.store.lease import NOT_WORKING, READY
from mnist_lab.store.store import Store

log = logging.getLogger("mnist_lab.engine.supervisor")

CHECK_SECONDS = 0.5
EXIT_SECONDS = 12.0
LONGEST_PAUSE_SECONDS = 60.0
TRIES = 2  # in a row, until a command gives up
LOG_BYTES = 5_000_000  # of the log before the newest engine's; what is older goes
LAST_BYTES = 20_000  # of the log, in which an engine's last word is looked for
MOST_WORDS = 200
MOST_DESCRIPTORS = 10_240
_PACKAGES = Path(__file__).parents[2]  # where this package is, for the child to find it wherever it starts


def raise_descriptor_limit() -> None:
    """Let this process and its children have as many descriptors as they may. A server holds five for each visitor, three
    of them for two minutes after a visit (Streamlit keeps the session); some systems give a process 256 unless it asks."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with contextlib.suppress(OSError, ValueError):  # macOS allows fewer than it says
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@functools.cache
def log_file() -> Path:
    """Where engines write their log: the user's folder for logs, a temporary one where that cannot be written to."""
    with contextlib.suppress(OSError, RuntimeError):  # nobody knows where the user's folders are
        folder = platformdirs.user_log_path("mnist-lab", appauthor=False)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "engine.log").open("ab"):
            return folder / "engine.log"
    with contextlib.suppress(OSError):
        return Path(tempfile.mkdtemp(prefix="mnist-lab-")) / "engine.log"
    return Path(os.devnull)


class Supervisor:
    """Starts an engine where none serves the store, and again where it died.

    The engine's standard input is a pipe from here: it ends when this process does, however that happens.

    Args:
        url: the store's URL; the default place where None.
        only: let the engine serve none but these runs.

    Attributes:
        failure: in a sentence, why there is no engine; None while there is one, or while it is still to be seen.
    """

    def __init__(self, url: str | None = None, only: list[int] | None = None) -> None:
        self.url = url
        self.only = only
        self.failure: str | None = None
        self._failures = 0  # in a row
        self._is_hopeless = False
        self._closing = threading.Event()
        self._store: Store | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._log_from = 0
        self._thread = threading.Thread(target=self._watch, name="engine supervisor", daemon=True)

    @property
    def has_given_up(self) -> bool:
        """Whether a further try has little hope. Where nobody waits for its end, it tries all the same, ever more rarely."""
        return self._is_hopeless or self._failures >= TRIES

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End the engine if it is ours, and wait until it has gone."""
        self._closing.set()
        self._thread.join()
        if self._child is None:
            return
        assert self._child.stdin
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _watch(self) -> None:
        pause = 0.0
        while not self._closing.wait(pause):
            try:
                pause = self._check()
            except SettingError as error:
                self._say(str(error))
                self._is_hopeless = True  # the environment of a process stays as it is
                pause = LONGEST_PAUSE_SECONDS
            except LabError as error:
                pause = self._failed(str(error))
            except Exception as error:
                # Out of descriptors, of processes, of memory: whatever it is may pass, and this thread must be there then.
                pause = self._failed(f"The engine cannot be started ({type(error).__name__}: {error})")

    def _check(self) -> float:
        """Start an engine where there is none; seconds until the next look."""
        if self._child is not None:
            return self._check_child(self._child)
        if self._is_hopeless:
            self._tell()  # whoever came and went meanwhile may have said something else
            return LONGEST_PAUSE_SECONDS
        settings.check()
        self._store = self._store or Store(self.url)
        self.url = self._store.url
        lease = self._store.lease.current()
        if lease is not None and lease.is_live:
            if lease.state == READY:
                self._works()
            return CHECK_SECONDS
        if lease is not None and self.failure is None:
            self._store.lease.release(lease.engine)  # what an engine said before this one was there
        self._spawn()
        return CHECK_SECONDS

    def _check_child(self, child: subprocess.Popen[bytes]) -> float:
        status = child.poll()
        if status is None:
            if (self._failures or self.failure) and self._is_ready(child.pid):
                self._works()
            return CHECK_SECONDS
        assert child.stdin
        with contextlib.suppress(OSError):
            child.stdin.close()
        self._child = None
        return self._failed(self._last_word(status)) if status else CHECK_SECONDS

    def _works(self) -> None:
        self._failures = 0
        self.failure = None

    def _failed(self, reason: str) -> float:
        """There is no engine, for a reason; seconds until the next try, ever more."""
        self._say(f"{reason.rstrip('.')}; the engine's log is {log_file()}.")
        self._failures += 1
        return min(CHECK_SECONDS * 2.0**self._failures, LONGEST_PAUSE_SECONDS)

    def _say(self, failure: str) -> None:
        self.failure = failure
        log.warning("no engine: %s", failure)
        self._tell()

    def _tell(self) -> None:
        """Leave the reason where the pages find it."""
        with contextlib.suppress(LabError, OSError, psutil.Error):
            self._store = self._store or Store(self.url)
            self._store.lease.say_not_working(str(self.failure))

    def _is_ready(self, pid: int) -> bool:
        lease = self._store.lease.current() if self._store else None
        return lease is not None and lease.pid == pid and lease.state == READY

    def _last_word(self, status: int) -> str:
        """Why a child ended: what it said last, or else how it ended."""
        lines: list[str] = []
        with contextlib.suppress(OSError), log_file().open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_from if self._log_from <= size else 0, size - LAST_BYTES))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        for line in reversed(lines):
            if NOT_WORKING in line:
                return line.split(NOT_WORKING, 1)[1][:MOST_WORDS]
        if status < 0:
            return f"The engine was ended by signal {-status} ({signal.strsignal(-status)})"
        said = f" ({lines[-1].strip()[:MOST_WORDS]})" if lines else ""
        return f"The engine ended with status {status}{said}"

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "mnist_lab.engine.engine"]
        if self.only is not None:
            command += ["--only", *map(str, self.only)]
        path = log_file()
        with contextlib.suppress(OSError):
            if path.stat().st_size > LOG_BYTES and path.is_file():
                path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            self._log_from = output.seek(0, os.SEEK_END)
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=output,
                # And no modules from the folder it is started in, which may be anybody's.
                env=os.environ
                | {settings.DATABASE_URL: str(self.url), "PYTHONPATH": _python_path(), "PYTHONSAFEPATH": "1"},
                start_new_session=True,  # Ctrl-C in the terminal is for the parent, which then ends it
            )
        # Behind the server where both want a core, its workers too: a page answers at once, and takes little.
        with contextlib.suppress(psutil.Error):
            if sys.platform == "win32":
                psutil.Process(self._child.pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            else:
                psutil.Process(self._child.pid).nice(10)


def _python_path() -> str:
    """Where a child looks for modules first: the lab may be used from any folder."""
    return os.pathsep.join(filter(None, [str(_PACKAGES), os.environ.get("PYTHONPATH")]))


@contextlib.contextmanager
def engine(url: str, only: list[int] | None = None) -> Iterator[Supervisor]:
    """An engine for as long as the block runs: one that lives already, or our own."""
    supervisor = Supervisor(url, only)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.close()

"""Keeps an engine process alive for as long as this process needs one."""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import psutil

from mnist_lab.errors import LabError
from mnist_lab.store import READY, URL_VARIABLE, Store

log = logging.getLogger("mnist_lab.supervisor")

CHECK_SECONDS = 0.5
EXIT_SECONDS = 12.0
LONGEST_PAUSE_SECONDS = 30.0


def log_file() -> Path:
    """Where the engine of a command writes its log."""
    return platformdirs.user_log_path("mnist-lab", appauthor=False, ensure_exists=True) / "engine.log"


class Supervisor:
    """Starts an engine where none serves the store, and again where it died.

    The engine's standard input is a pipe from here: it ends when this process does, however that happens.

    Args:
        url: the store's URL.
        only: let the engine serve none but these runs; what it says then goes to a file, not into a progress bar.
    """

    def __init__(self, url: str, only: list[int] | None = None) -> None:
        self.url = url
        self.only = only
        self._closing = threading.Event()
        self._store: Store | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._was_ready = False
        self._pause = CHECK_SECONDS
        self._thread = threading.Thread(target=self._watch, name="engine supervisor", daemon=True)

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
            except LabError as error:
                log.error("no engine: %s", error)
                self._pause = pause = min(max(2 * self._pause, 1.0), LONGEST_PAUSE_SECONDS)

    def _check(self) -> float:
        """Start an engine where there is none; seconds until the next look."""
        if self._child is not None:
            if self._child.poll() is None:
                self._was_ready = self._was_ready or self._is_ready(self._child.pid)
                return CHECK_SECONDS
            # One that died before it could work would die again at once: try it ever more rarely.
            self._pause = CHECK_SECONDS if self._was_ready else min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            if self._child.returncode:
                log.error("the engine ended with status %s; next try in %g s", self._child.returncode, self._pause)
            assert self._child.stdin
            self._child.stdin.close()
            self._child = None
            return self._pause
        self._store = self._store or Store(self.url)
        lease = self._store.lease()
        if lease is None or not lease.is_live:
            self._spawn()
        return CHECK_SECONDS

    def _is_ready(self, pid: int) -> bool:
        lease = self._store.lease() if self._store else None
        return lease is not None and lease.pid == pid and lease.state == READY

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "mnist_lab.engine"]
        if self.only is not None:
            command += ["--only", *map(str, self.only)]
        self._was_ready = False
        with contextlib.ExitStack() as stack:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=None if self.only is None else stack.enter_context(log_file().open("ab")),
                env=os.environ | {URL_VARIABLE: self.url},
                start_new_session=True,  # Ctrl-C in the terminal is for the parent, which then ends it
            )
        # Behind the server where both want a core, its workers too: a page answers at once, and takes little.
        with contextlib.suppress(psutil.NoSuchProcess):
            if sys.platform == "win32":
                psutil.Process(self._child.pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            else:
                psutil.Process(self._child.pid).nice(10)


@contextlib.contextmanager
def engine(url: str, only: list[int] | None = None) -> Iterator[None]:
    """An engine for as long as the block runs: one that lives already, or our own."""
    supervisor = Supervisor(url, only)
    supervisor.start()
    try:
        yield
    finally:
        supervisor.close()

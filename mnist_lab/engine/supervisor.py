"""The supervisor: keeps an engine process running as long as this process needs one, and reports why where it cannot."""

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator

import psutil

from mnist_lab import settings
from mnist_lab.engine import log_file
from mnist_lab.engine.child import Child
from mnist_lab.errors import LabError, SettingError
from mnist_lab.store.lease import READY
from mnist_lab.store.store import Store

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
TRIES = 2  # in a row, until a command gives up
MAX_DESCRIPTORS = 10_240


def raise_descriptor_limit() -> None:
    """Raise the limit of open file descriptors of this process and its children as far as allowed.

    A server holds five for each visitor, three of them until two minutes after the visit, when Streamlit drops the session;
    some systems allow only 256 by default.
    """
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with contextlib.suppress(OSError, ValueError):  # macOS allows fewer than its hard limit says
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Supervisor:
    """Starts an engine where none serves the store, and restarts it where it has crashed.

    Args:
        url: the store's URL; None for the default.
        only: the ids of the only runs that the engine is to train; all where None.

    Attributes:
        failure: why there is no engine, in a sentence; None while there is one, or while it is starting for the first time.
    """

    def __init__(self, url: str | None = None, only: list[int] | None = None) -> None:
        self.url = url
        self.only = only
        self.failure: str | None = None
        self._failures = 0  # in a row
        self._is_hopeless = False
        self._closing = threading.Event()
        self._store: Store | None = None
        self._child: Child | None = None
        self._thread = threading.Thread(target=self._watch, name="engine supervisor", daemon=True)

    @property
    def has_given_up(self) -> bool:
        """Whether another try is unlikely to succeed. The supervisor still retries, at growing intervals, for a server that
        can wait."""
        return self._is_hopeless or self._failures >= TRIES

    def start(self) -> None:
        """Start supervising in a thread; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """Stop supervising, and end the engine if it was started here; waits for its end."""
        self._closing.set()
        self._thread.join()
        if self._child is not None:
            self._child.close()

    def _watch(self) -> None:
        pause = 0.0
        while not self._closing.wait(pause):
            try:
                pause = self._check()
            except SettingError as error:
                self._report(str(error))
                self._is_hopeless = True  # the environment of this process does not change
                pause = LONGEST_PAUSE_SECONDS
            except LabError as error:
                pause = self._failed(str(error))
            except Exception as error:
                # Such as no descriptors, processes or memory left: it may pass, so this thread must continue.
                pause = self._failed(f"The engine cannot be started ({type(error).__name__}: {error})")

    def _check(self) -> float:
        """Start an engine where there is none; returns the seconds until the next check."""
        if self._child is not None:
            return self._check_child(self._child)
        if self._is_hopeless:
            self._publish()  # again, since another engine may have overwritten it and ended
            return LONGEST_PAUSE_SECONDS
        settings.check()
        self._store = self._store or Store(self.url)
        self.url = self._store.url
        lease = self._store.lease.current()
        if lease is not None and lease.is_live:
            if lease.state == READY:
                self._succeeded()
            return CHECK_SECONDS
        if lease is not None and self.failure is None:
            self._store.lease.release(lease.engine)  # left by an earlier engine
        self._child = Child(self.url, self.only)
        return CHECK_SECONDS

    def _check_child(self, child: Child) -> float:
        status = child.status
        if status is None:
            if (self._failures or self.failure) and self._is_ready(child.pid):
                self._succeeded()
            return CHECK_SECONDS
        child.close()
        self._child = None
        return self._failed(child.exit_reason(status)) if status else CHECK_SECONDS

    def _succeeded(self) -> None:
        self._failures = 0
        self.failure = None

    def _failed(self, reason: str) -> float:
        """Report why there is no engine; returns the seconds until the next try, doubled each time."""
        self._report(f"{reason.rstrip('.')}; the engine's log is {log_file.path()}.")
        self._failures += 1
        return min(CHECK_SECONDS * 2.0**self._failures, LONGEST_PAUSE_SECONDS)

    def _report(self, failure: str) -> None:
        self.failure = failure
        log.warning("no engine: %s", failure)
        self._publish()

    def _publish(self) -> None:
        """Write the failure to the store, where the pages find it."""
        with contextlib.suppress(LabError, OSError, psutil.Error):
            self._store = self._store or Store(self.url)
            self._store.lease.say_not_working(str(self.failure))

    def _is_ready(self, pid: int) -> bool:
        lease = self._store.lease.current() if self._store else None
        return lease is not None and lease.pid == pid and lease.state == READY


@contextlib.contextmanager
def engine(url: str, only: list[int] | None = None) -> Iterator[Supervisor]:
    """Provide an engine during the block: one that is already running, or one that is started and ended with it."""
    supervisor = Supervisor(url, only)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.close()

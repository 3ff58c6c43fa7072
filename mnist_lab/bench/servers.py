"""Streamlit servers on free ports, for benchmarks and tests."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from mnist_lab import settings
from mnist_lab.errors import EngineError

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 90.0


def environment(url: str) -> dict[str, str]:
    """The environment of this process, with the URL of a store."""
    return os.environ | {settings.DATABASE_URL: url}


def family(pid: int) -> list[psutil.Process]:
    """A process and all its present descendants; empty where it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


@dataclass
class Server:
    """A server that has answered.

    Attributes:
        url: of its pages.
        seconds: from its start to the first answer.
    """

    url: str
    process: subprocess.Popen[bytes]
    seconds: float

    def family(self) -> list[psutil.Process]:
        """The server's process and its descendants."""
        return family(self.process.pid)

    def signal(self, number: int) -> None:
        """Send a signal to the server."""
        os.kill(self.process.pid, number)


@contextlib.contextmanager
def server(
    url: str,
    script: Path = ROOT / "app.py",
    *options: str,
    path: str = "",
    folder: Path | None = None,
    port: int = 0,
    log: IO[bytes] | None = None,
) -> Iterator[Server]:
    """Serve a script, by default the lab's, during the block.

    Args:
        url: of the store.
        options: command-line options of Streamlit.
        path: the base path that the options set.
        folder: the working folder; the script's where None.
        port: to listen on; a free one where 0.
        log: a file for the server's output; where None, standard error is this process's.

    Raises:
        EngineError: the server exited, or did not answer in time.
    """
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = port or free.getsockname()[1]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}", *options],
        cwd=folder or script.parent,
        env=environment(url),
        stdout=log or subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,  # as a service: it does not share the processor's time with whoever loads it
    )
    members: list[psutil.Process] = []
    try:
        address = f"http://localhost:{port}{path}"
        while not _is_healthy(address):
            if process.poll() is not None or time.monotonic() - began > WAIT_SECONDS:
                raise EngineError(f"The server of {script.name} did not answer within {WAIT_SECONDS:g} s.")
            time.sleep(0.02)
        running = Server(address, process, time.monotonic() - began)
        yield running
    finally:
        members = family(process.pid)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()


def _is_healthy(address: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).status == 200)  # noqa: S310, our own
    return False

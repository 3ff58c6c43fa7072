"""Real servers, engines and browsers for tests."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
WAIT = 90.0
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def wait_until(probe: Callable[[], T], what: str, seconds: float = WAIT) -> T:
    """The first truthy answer of `probe`; fails the test where there is none in time."""
    end = time.monotonic() + seconds
    while True:
        if answer := probe():
            return answer
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def environment(url: str) -> dict[str, str]:
    return os.environ | {"MNIST_LAB_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}


def lab(url: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """`python -m mnist_lab …` to its end."""
    command = [sys.executable, "-m", "mnist_lab", *arguments]
    return subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=environment(url),
        capture_output=True,
        text=True,
        timeout=WAIT * 2,
        **options,
    )


def family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants, as they are now."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def all_gone(processes: list[psutil.Process]) -> bool:
    def gone(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return all(gone(process) for process in processes)


@dataclass
class Server:
    """`streamlit run app.py` on a free port."""

    url: str
    process: subprocess.Popen[bytes]

    def family(self) -> list[psutil.Process]:
        return family(self.process.pid)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)


@contextlib.contextmanager
def server(url: str) -> Iterator[Server]:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(url), stdout=subprocess.DEVNULL)
    running = Server(f"http://localhost:{port}", process)
    members: list[psutil.Process] = []
    try:

        def healthy() -> bool:
            assert process.poll() is None, "the server ended"
            with contextlib.suppress(OSError):
                return bool(urllib.request.urlopen(f"{running.url}/_stcore/health", timeout=1).status == 200)
            return False

        wait_until(healthy, "the server serves")
        yield running
    finally:
        members = running.family()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()


def chromium() -> str:
    """Where the browser is. Skips the test where there is none, but not in CI."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        message = "no Chromium; install Debian's chromium or set CHROMIUM to its path"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A page of a real headless Chromium."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        page = running.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(WAIT * 1000)
        try:
            yield page
        except BaseException:
            # What a person would have seen when it failed.
            print(f"the page, {page.url}:\n{page.inner_text('body')[:3000]}")
            raise
        finally:
            running.close()

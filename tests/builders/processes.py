"""Real servers, engines and browsers for tests."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from mnist_lab.bench import servers
from mnist_lab.bench.servers import ROOT, Server, environment, family
from mnist_lab.engine import supervisor
from mnist_lab.store.store import Store

T = TypeVar("T")
__all__ = ["ROOT", "all_gone", "browser", "chromium", "engine", "environment", "family", "lab", "server", "wait_until"]
WAIT = 90.0
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",  # a process of its own would compile Streamlit's scripts anew for each page
]


def wait_until(probe: Callable[[], T], what: str, seconds: float = WAIT) -> T:
    """The first truthy answer of `probe`; fails the test where there is none in time."""
    end = time.monotonic() + seconds
    while True:
        if answer := probe():
            return answer
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


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


def measure(url: str) -> None:
    """Say how fast this machine is, so that an engine need not find out: it takes longer than most of what is tested."""
    with contextlib.closing(Store(url)) as store:
        store.calibrations.save([1.0, 1.0, 1.0])


@contextlib.contextmanager
def server(url: str, *arguments: Any, **options: Any) -> Iterator[Server]:
    """A server as of `servers.server`, on a machine that was measured before."""
    measure(url)
    with servers.server(url, *arguments, **options) as running:
        yield running


@contextlib.contextmanager
def engine(url: str) -> Iterator[supervisor.Supervisor]:
    """An engine as of `supervisor.engine`, warm, on a machine that was measured before."""
    measure(url)
    with supervisor.engine(url) as found, contextlib.closing(Store(url)) as store:
        wait_until(lambda: (lease := store.lease.current()) and lease.state == "ready", "the worker is warm")
        yield found


def all_gone(processes: list[psutil.Process]) -> bool:
    def gone(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return all(gone(process) for process in processes)


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
def chromium_itself() -> Iterator[Browser]:
    """A real headless Chromium."""
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        try:
            yield running
        finally:
            running.close()


@contextlib.contextmanager
def running_chromium() -> Iterator[BrowserContext]:
    """One whose pages share a cache."""
    with chromium_itself() as running:
        context = running.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(WAIT * 1000)
        yield context


@contextlib.contextmanager
def window(running: BrowserContext) -> Iterator[Page]:
    """A page of a browser, in a session of its own as the server sees it. It is the same one each time, which has
    Streamlit's scripts compiled already: a new one takes twice as long for its first page."""
    page = running.pages[0] if running.pages else running.new_page()
    try:
        yield page
    except BaseException:
        # What a person would have seen when it failed.
        for seen in running.pages:
            print(f"the page, {seen.url}:\n{seen.inner_text('body')[:3000]}")
        raise
    finally:
        for opened in running.pages[1:]:
            opened.close()
        page.goto("about:blank")


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """A page of a Chromium of its own."""
    with running_chromium() as running, window(running) as page:
        yield page

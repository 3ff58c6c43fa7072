"""Fixtures of the engine's tests: a log file of their own, and a shell script in the place of an engine process."""

import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnist_lab.engine import log_file


@pytest.fixture
def log_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's folder for logs, for this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    log_file.path.cache_clear()
    yield tmp_path / "state"
    log_file.path.cache_clear()


@pytest.fixture
def engine_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets a shell script take the engine's place."""

    def use(text: str) -> None:
        path = tmp_path / "engine"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(path))

    return use

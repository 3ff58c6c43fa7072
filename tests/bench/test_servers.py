"""Servers of their own, and the processes that they start."""

import os
from pathlib import Path

import psutil
import pytest

from mnist_lab.bench.servers import environment, family, server
from mnist_lab.errors import EngineError
from mnist_lab.settings import DATABASE_URL


def test_a_server_that_ends_is_a_sentence(url: str, tmp_path: Path) -> None:
    with (
        pytest.raises(EngineError, match=r"^The server of missing\.py did not answer"),
        server(url, tmp_path / "missing.py"),
    ):
        pytest.fail("it runs")


def test_a_family_is_a_process_with_all_that_it_started() -> None:
    assert psutil.Process() in family(os.getpid())
    gone = psutil.Popen(["true"])
    gone.wait()
    assert family(gone.pid) == []
    assert environment("sqlite:///x.db")[DATABASE_URL] == "sqlite:///x.db"

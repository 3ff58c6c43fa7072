"""Where the engine's log is."""

import os
from pathlib import Path

import pytest

from mnist_lab.engine import log_file

pytestmark = pytest.mark.usefixtures("log_folder")


def test_a_long_log_is_begun_anew_and_a_short_one_is_not() -> None:
    path = log_file.path()
    path.write_bytes(b"x" * log_file.MAX_BYTES)
    log_file.rotate()
    assert path.stat().st_size == log_file.MAX_BYTES
    path.write_bytes(b"x" * (log_file.MAX_BYTES + 1))
    log_file.rotate()
    assert not path.exists()
    assert path.with_suffix(".log.1").stat().st_size == log_file.MAX_BYTES + 1


@pytest.mark.parametrize("where", ["/proc/nowhere", "file", "~"])
def test_a_log_is_written_wherever_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Also where the folder for logs cannot be made (HOME missing or read-only), or nobody knows where it is."""
    (tmp_path / "file").touch()
    monkeypatch.delenv("XDG_STATE_HOME")
    if where == "~":
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as of a user that is in no list
    else:
        monkeypatch.setenv("HOME", where if where.startswith("/") else str(tmp_path / where))
    monkeypatch.setattr(log_file.tempfile, "tempdir", str(tmp_path))
    found = log_file.path()
    assert found.is_relative_to(tmp_path)
    found.write_text("it can")
    assert not Path("~").exists()
    log_file.path.cache_clear()
    monkeypatch.setattr(log_file.tempfile, "tempdir", "/proc/nowhere")
    assert log_file.path() == Path(os.devnull)


def test_a_home_that_all_may_write_to_is_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    tmp_path.chmod(0o777)
    assert log_file.path() == tmp_path / ".local" / "state" / "mnist-lab" / "log" / "engine.log"

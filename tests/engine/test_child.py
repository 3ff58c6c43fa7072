"""An engine's process, as whoever starts it knows it. The children here are real and end at once."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mnist_lab.engine import child, log_file
from mnist_lab.engine.child import Child
from mnist_lab.store.store import Store
from tests.builders.processes import wait_until


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(log_file, "path", lambda: tmp_path / "engine.log")
    return tmp_path / "engine.log"


def ended(started: Child) -> int:
    wait_until(lambda: started.status is not None, "it ends")
    assert started.status is not None
    return started.status


def test_it_is_told_the_store_and_its_runs_and_lives_until_it_is_closed(
    log: Path, engine_script: Callable[[str], None]
) -> None:
    engine_script('echo "$* $MNIST_LAB_DATABASE_URL $PYTHONSAFEPATH" >&2; exec cat')
    started = Child("sqlite:///somewhere", [3, 4])
    wait_until(lambda: "somewhere" in log.read_text(), "it has begun")
    assert log.read_text() == "-m mnist_lab.engine --only 3 4 sqlite:///somewhere 1\n"
    assert started.status is None
    assert psutil.Process(started.pid).nice() >= 10
    started.close()
    assert started.status == 0, "its standard input ended"


def test_one_that_does_not_end_is_killed(
    log: Path, engine_script: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "EXIT_SECONDS", 0.1)
    engine_script("echo begun >&2; exec sleep 600")
    started = Child("sqlite:///somewhere")
    wait_until(log.read_text, "it has begun")
    started.close()
    assert started.status == -9


def test_its_exit_reason_is_its_own(log: Path, engine_script: Callable[[str], None]) -> None:
    log.write_text("12:00:01 mnist_lab.engine: not working: An engine before it.\n")
    engine_script("echo one >&2; echo two >&2; exit 3")
    started = Child("sqlite:///somewhere")
    assert started.exit_reason(ended(started)) == "The engine exited with status 3 (two)"
    engine_script("exit 4")
    started = Child("sqlite:///somewhere")
    assert started.exit_reason(ended(started)) == "The engine exited with status 4"
    started.close()


def test_a_long_log_is_begun_anew_before_it(log: Path, engine_script: Callable[[str], None]) -> None:
    log.write_bytes(b"x" * (log_file.MAX_BYTES + 1))
    engine_script("echo new >&2; exit 1")
    for _ in range(2):
        ended(Child("sqlite:///somewhere"))
    assert log.read_text() == "new\n" * 2
    assert log.with_suffix(".log.1").stat().st_size == log_file.MAX_BYTES + 1


def test_an_engine_takes_no_module_from_the_folder_it_is_started_in(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a server was started in a folder that anybody may write to."""
    for name in ("psutil", "multiprocessing", "logging"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'w').close()\nraise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_LAB_WORKERS", "none")  # it ends as soon as it has loaded all that it needs
    started = Child(store.url)
    assert ended(started) == 1
    assert "MNIST_LAB_WORKERS should be" in started.exit_reason(1)
    assert not (tmp_path / "taken").exists()

"""What keeps an engine alive, and what it says where none can be had. The children here are real and end at once."""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mnist_lab.engine import supervisor
from mnist_lab.lab import Lab
from mnist_lab.store.store import Store
from tests.builders.processes import ROOT, wait_until

pytestmark = pytest.mark.usefixtures("log_folder")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'MemoryError' >&2; exit 1", "The engine exited with status 1 (MemoryError)"),
        ("exit 3", "The engine exited with status 3"),
        ("kill -9 $$", "The engine was terminated by signal 9 (Killed)"),
        ("echo '12:00:01 mnist_lab.engine: not working: No room.' >&2; echo more >&2; exit 1", "No room"),
        ("printf '\\377 %0500d' 0 >&2; exit 1", "The engine exited with status 1 (\ufffd 0000"),
    ],
)
def test_the_end_of_an_engine_that_never_worked_is_told_to_all_who_wait(
    store: Store, log_folder: Path, engine_script: Callable[[str], None], script: str, words: str
) -> None:
    engine_script(script)
    with supervisor.engine(store.url) as engine:
        wait_until(lambda: engine.has_given_up, "it gives up")
        assert engine.failure.startswith(words)
        assert engine.failure.endswith(f"; the engine's log is {log_folder}/mnist-lab/log/engine.log.")
        assert len(engine.failure) < 300 + len(str(log_folder))
        wait_until(lambda: Lab(store.url).engine_state() == f"not working: {engine.failure}", "the pages say it")
        assert not store.lease.current().is_live, "it is in no engine's way"


def test_what_passes_is_outlived(
    store: Store, engine_script: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    engine_script("exit 1")
    works = supervisor.sys.executable
    supervisor.sys.executable = "/nowhere/python"  # as where descriptors, processes or memory have run out: an OSError
    with caplog.at_level(logging.WARNING), supervisor.engine(store.url) as engine:
        wait_until(lambda: engine.failure, "there is no engine")
        assert engine.failure.startswith("The engine cannot be started (FileNotFoundError: ")
        supervisor.sys.executable = works
        wait_until(lambda: engine.failure.startswith("The engine exited with status 1"), "the next try is made")
        engine_script(f"echo >> {works}.lines; exec cat")
        wait_until(lambda: Path(f"{works}.lines").exists(), "and the next")
        store.lease.take("another", "ready")
        (running,) = (p for p in psutil.Process().children() if p.name() in ("engine", "cat"))
        running.kill()
        wait_until(lambda: engine.failure is None, "another engine serves")
        assert not engine.has_given_up
    assert len(caplog.records) < 10, "a line a failure, no traces"
    assert not any(record.exc_info for record in caplog.records)


def test_a_setting_that_is_not_understood_is_not_tried_again(
    store: Store, engine_script: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_script(f"touch {tmp_path}/started")
    monkeypatch.setenv("MNIST_LAB_THREADS", "two")
    with supervisor.engine(store.url) as engine:
        wait_until(lambda: engine.has_given_up, "it gives up at once")
        assert engine.failure == "MNIST_LAB_THREADS should be a whole number from 1 to 256; received 'two'."
        assert Lab(store.url).engine_state() == f"not working: {engine.failure}"
        assert not (tmp_path / "started").exists()


def test_what_was_said_of_an_earlier_engine_is_not_said_of_the_next(
    store: Store, engine_script: Callable[[str], None]
) -> None:
    store.lease.say_not_working("It rained.")
    engine_script("exec cat")
    with supervisor.engine(store.url):
        wait_until(lambda: store.lease.current() is None, "it is unsaid")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(("soft", "hard", "then"), [(100, 300, 300), (100, 20_000, 10_240), (15_000, 20_000, 15_000)])
def test_a_server_has_as_many_descriptors_as_it_may(soft: int, hard: int, then: int) -> None:
    code = (
        f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard})); from mnist_lab.engine import supervisor; "
        "supervisor.raise_descriptor_limit(); print(*r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(then), str(hard)]

"""Fixtures shared by all tests: a real store in a temporary file, and experiments that train in seconds."""

import contextlib
import lzma
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from mnist_lab.design.experiment import Experiment
from mnist_lab.store.store import Store
from tests.builders.networks import small_experiment
from tests.builders.runs import LEFT_BY_0_6

# How long an example takes says nothing of whether it holds; the first one often loads what the others use.
settings.register_profile("lab", settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("lab")


# Files that take minutes begin before all others, so that none is left for a worker at the end when the other has finished.
LONG = (
    "tests/test_browser.py",
    "tests/test_lesson_in_browser.py",
    "tests/test_studies_in_browser.py",
    "tests/test_stage_in_browser.py",
    "tests/test_classroom.py",
    "tests/engine/test_crashes.py",
    "tests/engine/test_engine.py",
    "tests/test_server.py",
    "tests/test_screens.py",
    "tests/training/test_checkpoint.py",
    "tests/training/test_trainer.py",
    "tests/design/test_keras_script.py",
    "tests/inspection/test_questions.py",
    "tests/cli/test_repeat.py",
    "tests/cli/test_progress.py",
    "tests/ui/test_guard.py",
    "tests/pages/test_inspecting.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by their files, the longest first; within a file they stay as they are."""
    places = {file: place for place, file in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(LONG)))


def pytest_collection_finish() -> None:
    """Where tests train in this process, train as a worker does: on threads that do not spin while they wait, which would
    take from the other process of tests."""
    if "tensorflow" in sys.modules:
        from mnist_lab.training import runtime

        runtime.configure(2)


@pytest.fixture(scope="session", autouse=True)
def _as_in_a_server_without_keras() -> Iterator[None]:
    """After every script Streamlit clears Keras' session where Keras is loaded. The lab's server never loads it, as
    `test_rooms` and `test_server` prove; the tests' own process does, and clearing took most of the time of its pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.runtime.scriptrunner.script_runner._clean_problem_modules", lambda: None)
        yield


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of an empty store. Each has a mark of its own, which this one has not got yet."""
    path = tmp_path_factory.mktemp("empty") / "lab.db"
    Store(f"sqlite:///{path}").close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA user_version = 0")
    return path.read_bytes()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'lab.db'}"


@pytest.fixture
def store(url: str, tmp_path: Path, empty_store: bytes) -> Iterator[Store]:
    """A store in a file of the test's own; migrated once for all, which takes longer than most of what is tested."""
    (tmp_path / "lab.db").write_bytes(empty_store)
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def url_of_0_6(tmp_path: Path) -> str:
    """A copy of the store that version 0.6 left, as it left it; its `README.md` says what is in it."""
    path = tmp_path / "left_by_0_6.db"
    path.write_bytes(lzma.decompress((LEFT_BY_0_6 / "lab.db.xz").read_bytes()))
    return f"sqlite:///{path}"


@pytest.fixture(scope="session", autouse=True)
def _one_worker() -> Iterator[None]:
    """Engines with one worker, but where a test says otherwise: a second one would have to load TensorFlow for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_LAB_WORKERS", "1")
        yield


@pytest.fixture
def small() -> Experiment:
    return small_experiment()

"""The store's tests are tried on each kind of database that it claims to work with; a module about one kind says so by a
fixture `kind` of its own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mnist_lab.store.store import Store
from tests.builders import postgresql


@pytest.fixture(scope="session")
def server() -> Iterator[postgresql.Server]:
    """One server for all tests of this process, with a migrated database to copy."""
    with postgresql.server() as running:
        running.run("CREATE DATABASE migrated TEMPLATE template0")
        Store(running.url("migrated")).close()
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return str(request.param)


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database of the test's own."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'lab.db'}"
        return
    with request.getfixturevalue("server").database("migrated") as its:
        yield its


@pytest.fixture
def opened(
    kind: str, empty_store: bytes, request: pytest.FixtureRequest
) -> Callable[[], contextlib.AbstractContextManager[Store]]:
    """Opens an empty store as often as one likes, for state machines."""

    @contextlib.contextmanager
    def one() -> Iterator[Store]:
        with contextlib.ExitStack() as stack:
            if kind == "sqlite":
                path = Path(stack.enter_context(TemporaryDirectory())) / "lab.db"
                path.write_bytes(empty_store)
                its = f"sqlite:///{path}"
            else:
                its = stack.enter_context(request.getfixturevalue("server").database("migrated"))
            with contextlib.closing(Store(its)) as store:
                yield store

    return one


@pytest.fixture
def store(kind: str, url: str, tmp_path: Path, empty_store: bytes) -> Iterator[Store]:
    """An empty store; migrated once for all, which takes longer than most of what is tested."""
    if kind == "sqlite":
        (tmp_path / "lab.db").write_bytes(empty_store)
    found = Store(url)
    yield found
    found.close()

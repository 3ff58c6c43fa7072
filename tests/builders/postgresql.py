"""A real PostgreSQL for tests: Debian's binaries, a server of the tests' own in a temporary folder."""

import contextlib
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.builders.processes import wait_until

_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def binaries() -> Path:
    """The folder of `initdb` and `postgres`. Skips the test where there is none, but not in CI."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(path for folder in _FOLDERS for path in Path("/").glob(folder[1:]) if (path / "initdb").exists())
    if installed:
        return installed[-1]
    message = "no PostgreSQL; install Debian's postgresql"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@dataclass
class Server:
    """A running server.

    Attributes:
        folder: its data.
    """

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self) -> None:
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            "fsync=off",
        ]
        command = [str(binaries() / "postgres"), "-D", str(self.folder), *(x for o in options for x in ("-c", o))]
        with (self.folder.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(as_its_user(command), stdout=log, stderr=log, start_new_session=True)
        wait_until(self._answers, "PostgreSQL answers", 60)

    def stop(self) -> None:
        """At once, as where somebody pulls the plug."""
        if self.process:
            subprocess.run(
                as_its_user([str(binaries() / "pg_ctl"), "stop", "-D", str(self.folder), "-m", "immediate"]),
                check=True,
                capture_output=True,
            )
            self.process.wait()
            self.process = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url().replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)

    @contextlib.contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a new database, which is dropped afterwards."""
        name = f"lab{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def _answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder.parent / "server.log").read_text()
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def as_its_user(command: list[str]) -> list[str]:
    """A command as a user that PostgreSQL accepts: it refuses root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A server with its data in a folder of its own: into those of pytest no other user is let."""
    with tempfile.TemporaryDirectory(prefix="mnist-lab-postgresql-") as folder:
        yield from _served(Path(folder))


def _served(folder: Path) -> Iterator[Server]:
    data = folder / "data"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(data, user.pw_uid, user.pw_gid)
        folder.chmod(0o711)
    initdb = [str(binaries() / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run(as_its_user([*initdb, "--locale=C.UTF-8", "--no-sync"]), check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Server(data, port)
    running.start()
    try:
        yield running
    finally:
        running.stop()

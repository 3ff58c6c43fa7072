"""The command line in the test's own process, and engines that need no time."""

import contextlib
import io
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from mnist_lab.__main__ import main
from mnist_lab.engine import supervisor
from mnist_lab.settings import DATABASE_URL
from mnist_lab.store.store import Store
from tests.builders.runs import finish


class Done(NamedTuple):
    """What a command has left: its exit status, and what it printed."""

    status: int
    out: str
    err: str


class Output(io.TextIOWrapper):
    """A stream of an encoding, as a terminal's or a pipe's."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    @property
    def text(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)


def command(url: str, *arguments: str, encoding: str = "utf-8") -> Done:
    """`python -m mnist_lab …` over a store, without a process of its own."""
    out, err = Output(encoding), Output(encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATABASE_URL, url)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            status = main(arguments)
        except SystemExit as end:  # --help
            status = int(end.code or 0)
    return Done(status, out.text, err.text)


@contextlib.contextmanager
def instant_engine() -> Iterator[None]:
    """Commands find an engine that takes no time: seed 1 comes to 90.01 %, seed 2 to 90.02 %, and so on."""

    @contextlib.contextmanager
    def engine(url: str, only: list[int]) -> Iterator[SimpleNamespace]:
        with contextlib.closing(Store(url)) as store:
            for run_id in only:
                finish(store, run_id, 0.9 + store.runs.get(run_id).experiment.seed / 10_000)
        yield SimpleNamespace(has_given_up=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervisor, "engine", engine)
        yield

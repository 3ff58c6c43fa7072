"""A worker's process, of which the tests' own is one that is warm."""

import gc

import psutil
import pytest

from mnist_lab.engine.worker import process
from mnist_lab.training import compilation, runtime, trainer


def test_a_process_that_is_warm_is_not_warmed_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_arguments: object) -> None:
        pytest.fail("it trains again")

    monkeypatch.setattr(trainer, "train", never)
    monkeypatch.setattr(runtime, "configure", never)
    assert process.warm_up(1) == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)


def test_what_a_training_left_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[bool] = []
    monkeypatch.setattr(compilation.cache, "release", lambda: released.append(True))
    assert process.release_memory() == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)
    assert released == [True]
    assert gc.isenabled()

"""How long runs take that are trained side by side."""

import pytest

from mnist_lab import settings, workers


def test_two_that_share_the_cores_take_longer_than_one_alone_and_two_with_cores_of_their_own_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(settings.WORKERS, "2")
    monkeypatch.setenv(settings.THREADS, "2")
    monkeypatch.setattr("mnist_lab.machine.cores", lambda: 2)
    assert workers.slowdowns() == (1.0, 1.6)
    monkeypatch.setattr("mnist_lab.machine.cores", lambda: 8)
    assert workers.slowdowns() == (1.0, 1.0)

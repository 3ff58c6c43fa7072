"""How fast this machine was found to be."""

import pytest

from mnist_lab.store.store import Store


def test_a_newer_lab_measures_the_machine_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.calibrations.save([1.0, 2.0])
    assert store.calibrations.get() == [1.0, 2.0]
    monkeypatch.setattr("mnist_lab.__version__", "99.0")
    assert store.calibrations.get() is None

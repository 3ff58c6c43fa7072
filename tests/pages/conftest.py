"""Pages over a store of their own, and runs to show."""

from collections.abc import Iterator

import pytest
import streamlit as st

from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.tested import run_of


@pytest.fixture(autouse=True)
def lab_url(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    yield url
    st.cache_resource.clear()


@pytest.fixture
def runs(store: Store) -> list[int]:
    """3×3 with seeds 1 to 3, 2×2 with seeds 1 to 3, and one of 7×7 that was stopped."""
    first = [run_of(store, "3x3", seed, 100 + 3 * seed) for seed in (1, 2, 3)]
    second = [run_of(store, "2x2", seed, 300 + 2 * seed) for seed in (1, 2, 3)]
    return [*first, *second, run_of(store, "7x7", 1, 5000, Status.STOPPED)]

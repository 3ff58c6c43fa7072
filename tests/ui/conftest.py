"""The interface over a store of its own, for tests that ask for it."""

from collections.abc import Iterator

import pytest
import streamlit as st


@pytest.fixture
def lab_url(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The store's URL, which is the one that the interface opens."""
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    yield url
    st.cache_resource.clear()

"""Pages over a store of their own."""

from collections.abc import Iterator

import pytest
import streamlit as st


@pytest.fixture(autouse=True)
def lab_url(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    yield url
    st.cache_resource.clear()

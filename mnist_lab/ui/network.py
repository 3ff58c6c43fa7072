"""Where this server is found on the network."""

import streamlit as st

from mnist_lab.ui import guard


def is_open() -> bool:
    """Whether the server listens to other machines."""
    return (st.get_option("server.address") or "0.0.0.0") not in ("localhost", "127.0.0.1", "::1")  # noqa: S104


def addresses(_host: str) -> list[str]:
    """Where others find this server."""
    return guard.addresses()[::-1]

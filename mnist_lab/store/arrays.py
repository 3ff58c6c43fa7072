"""Arrays as bytes and back, as the database keeps them."""

import io

import numpy as np


def serialized(**arrays: np.ndarray) -> bytes:
    """Arrays by name as bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def compressed(**arrays: np.ndarray) -> bytes:
    """As `serialized`, smaller and slower: for probabilities, most of which are 0 or 1; weights gain nothing by it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def deserialized(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name, from bytes of either kind; nothing in them is ever evaluated."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}

"""Serialisation of arrays for the database."""

import io

import numpy as np


def serialized(**arrays: np.ndarray) -> bytes:
    """Arrays by name as the bytes of an uncompressed `.npz` file."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def compressed(**arrays: np.ndarray) -> bytes:
    """As `serialized`, but compressed: worthwhile for probabilities, most of which are near 0 or 1, but not for weights."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def deserialized(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name, from the bytes of `serialized` or `compressed`; refuses pickled objects."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}

"""Arrays as bytes and back."""

import io
import pickle

import numpy as np
import pytest

from mnist_lab.store.arrays import compressed, deserialized, serialized

ARRAYS = {"dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "empty": np.zeros((0, 4), np.uint8)}


@pytest.mark.parametrize("written", [serialized, compressed])
def test_arrays_come_back_with_names_types_and_shapes(written) -> None:
    found = deserialized(written(**ARRAYS))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_what_is_nearly_all_zeros_is_compressed() -> None:
    zeros = np.zeros((10_000, 10), np.float16)
    assert len(compressed(p=zeros)) < len(serialized(p=zeros)) / 100


def test_nothing_that_was_pickled_is_evaluated() -> None:
    file = io.BytesIO()
    np.savez(file, a=np.array([1], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        deserialized(file.getvalue())
    with pytest.raises(ValueError, match="pickled"):
        deserialized(pickle.dumps({"a": 1}))

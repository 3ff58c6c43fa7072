"""The data that ships is the real MNIST."""

import hashlib
import struct

import numpy as np
import pytest

from mnist_lab.data import mnist
from mnist_lab.design.experiment import Protocol
from mnist_lab.errors import DataError


def original(array: np.ndarray) -> bytes:
    """The array as the file it came from: big-endian magic number and sizes, then bytes."""
    magic = 2051 if array.ndim == 3 else 2049
    return struct.pack(f">{1 + array.ndim}i", magic, *array.shape) + array.tobytes()


@pytest.mark.parametrize(
    ("which", "field", "md5"),
    [
        (0, "x", "6bbc9ace898e44ae57da46a324031adb"),
        (0, "y", "a25bea736e30d166cdddb491f175f624"),
        (1, "x", "2646ac647ad5339dbf082846283269ea"),
        (1, "y", "27ae3e4e09519cfbb04c329615203637"),
    ],
)
def test_the_four_original_files_are_in_it(which: int, field: str, md5: str) -> None:
    assert hashlib.md5(original(getattr(mnist.load()[which], field))).hexdigest() == md5


def test_the_fingerprint_is_of_pixels_and_labels() -> None:
    assert mnist.fingerprint() == "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"


def test_holdout_validates_on_the_last_5000_training_images_and_never_trains_on_them() -> None:
    train, test = mnist.load()
    split = mnist.split(Protocol.HOLDOUT, 55_000)
    assert (len(split.train), len(split.validation), len(split.test)) == (55_000, 5_000, 10_000)
    assert np.array_equal(split.validation.x, train.x[55_000:])
    assert np.array_equal(split.train.x, train.x[:55_000])
    assert np.array_equal(split.test.y, test.y)


def test_notebook_trains_on_all_and_validates_on_the_test_images() -> None:
    split = mnist.split(Protocol.NOTEBOOK, 60_000)
    assert len(split.train) == 60_000
    assert split.validation is split.test


def test_a_damaged_file_is_one_sentence(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "mnist.npz"
    for content in (None, b"not a zip", b""):
        if content is not None:
            broken.write_bytes(content)
        monkeypatch.setattr(mnist, "FILE", broken)
        mnist.load.cache_clear()
        with pytest.raises(DataError, match=r"The MNIST file .* cannot be read: .*; install the project again\.$"):
            mnist.load()
    np.savez(broken, **{name: np.zeros(3, np.uint8) for name in mnist.SHAPES})
    with pytest.raises(DataError, match=r"x_train should be uint8 \(60000, 28, 28\); received uint8 \(3,\)"):
        mnist.load()
    monkeypatch.undo()
    mnist.load.cache_clear()


def test_the_first_digits_are_those_of_the_whole_file() -> None:
    assert np.array_equal(mnist.first_digits(9), mnist.load()[0].x[:9])


def test_the_examples_are_the_first_test_image_of_each_digit() -> None:
    test = mnist.load()[1]
    for digit, image in enumerate(mnist.examples()):
        assert np.array_equal(image, test.x[np.flatnonzero(test.y == digit)[0]])

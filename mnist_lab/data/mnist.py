"""MNIST as arrays, from the file that ships with the project; nothing is downloaded."""

import functools
import hashlib
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from mnist_lab.design.experiment import Protocol
from mnist_lab.errors import DataError

FILE = Path(__file__).with_name("mnist.npz")
SHAPES = {"x_train": (60_000, 28, 28), "y_train": (60_000,), "x_test": (10_000, 28, 28), "y_test": (10_000,)}


@dataclass(frozen=True)
class Images:
    """Images and labels.

    Attributes:
        x: uint8 `(n, 28, 28)`, from 0 for background to 255 for ink.
        y: the digits, uint8 `(n,)`.
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Split:
    """The training, validation and test images of a run."""

    train: Images
    validation: Images
    test: Images


@functools.cache
def load() -> tuple[Images, Images]:
    """The 60,000 training and the 10,000 test images.

    Raises:
        DataError: the file is missing or unreadable, or its arrays have other shapes than MNIST's.
    """
    try:
        with np.load(FILE, allow_pickle=False) as file:
            arrays = {name: file[name] for name in SHAPES}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"The MNIST file {FILE} cannot be read: {error}; install the project again.") from None
    for name, shape in SHAPES.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.uint8:
            raise DataError(
                f"The MNIST file {FILE} is damaged: {name} should be uint8 {shape}; "
                f"received {arrays[name].dtype} {arrays[name].shape}; install the project again."
            )
    return Images(arrays["x_train"], arrays["y_train"]), Images(arrays["x_test"], arrays["y_test"])


@functools.cache
def first_digits(number: int) -> np.ndarray:
    """The first `number` training images, uint8 `(number, 28, 28)`; the others are not read. Raises DataError."""
    return _first("x_train", number)


@functools.cache
def examples() -> np.ndarray:
    """The first test image of each digit, uint8 `(10, 28, 28)`; few others are read. Raises DataError."""
    labels = _first("y_test", 100)
    at = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
    return _first("x_test", max(at) + 1)[at]


def _first(name: str, number: int) -> np.ndarray:
    """The first so many of an array of the file."""
    try:
        with zipfile.ZipFile(FILE) as file, file.open(f"{name}.npy") as array:
            np.lib.format.read_magic(array)
            (_, *shape), _, kind = np.lib.format.read_array_header_1_0(array)
            return np.frombuffer(array.read(number * prod(shape)), kind).reshape(number, *shape)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"The MNIST file {FILE} cannot be read: {error}; install the project again.") from None


@functools.cache
def fingerprint() -> str:
    """SHA-256 of all pixels and labels, as hexadecimal digits, in the order of `SHAPES`."""
    digest = hashlib.sha256()
    for images in load():
        digest.update(images.x.tobytes())
        digest.update(images.y.tobytes())
    return digest.hexdigest()


def split(protocol: Protocol, train_images: int) -> Split:
    """The images of a run. Training takes the first `train_images`, whatever the seed, so that seeds share their data."""
    train, test = load()
    if protocol is Protocol.NOTEBOOK:
        validation = test
    else:
        validation = Images(train.x[-protocol.validation_images :], train.y[-protocol.validation_images :])
    return Split(Images(train.x[:train_images], train.y[:train_images]), validation, test)


def moved(images: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    """Images, uint8 `(n, 28, 28)`, transformed by `(n, 8)` affine transforms as of `Augmentation.transforms`, bilinear.

    For display; training applies the same transforms with Keras.
    """
    rows, columns = np.mgrid[0:28, 0:28]
    result = []
    for image, (a0, a1, a2, b0, b1, b2, *_) in zip(images, transforms, strict=True):
        x, y = a0 * columns + a1 * rows + a2, b0 * columns + b1 * rows + b2
        left, top = np.floor(x).astype(int), np.floor(y).astype(int)
        padded = np.pad(image.astype(float), 1)
        value = np.zeros((28, 28))
        for at_row, at_column in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = (1 - np.abs(y - top - at_row)) * (1 - np.abs(x - left - at_column))
            row, column = np.clip(top + at_row, -1, 28) + 1, np.clip(left + at_column, -1, 28) + 1
            value += weight * padded[row, column]
        result.append(value)
    return np.round(np.stack(result)).astype(np.uint8)

"""Large networks and small disks."""

import pytest

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock, DenseBlock
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.recipe import Recipe
from mnist_lab.store.database import Database

MB = 1_000_000


def large(epochs: int = 1000, images: int = 64) -> Experiment:
    """9.6 million parameters, and epochs that are over at once."""
    network = Architecture(
        blocks=(ConvBlock(filters=16, kernel_size=3, padding="same"),), head=(DenseBlock(units=765),)
    )
    return Experiment(name="large", architecture=network, recipe=Recipe(epochs=epochs), train_images=images)


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """A disk with so many bytes left."""
    monkeypatch.setattr(Database, "free_bytes", lambda self: size)

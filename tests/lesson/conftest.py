"""What tests of a lesson share: a lab whose engine is there, and two pupils of a class."""

import pytest

from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.store.store import Store
from tests.builders.classes import open_class, pupil


@pytest.fixture
def lab(store: Store) -> Lab:
    store.lease.take("engine", "ready")
    return Lab(store.url)


@pytest.fixture
def cleo(store: Store) -> Person:
    open_class(store)
    return pupil(store, "Cleo")


@pytest.fixture
def dana(store: Store, cleo: Person) -> Person:
    return pupil(store, "Dana")

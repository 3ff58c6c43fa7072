"""Trained networks that all tests of this package look into; none changes them."""

import contextlib
import functools
from collections.abc import Callable, Iterator

import keras
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.inspection.network import Network
from mnist_lab.store.store import Store
from mnist_lab.training.model import build
from tests.builders.inspected import CHAIN, RESIDUAL, experiment_of
from tests.builders.trained import shelf


@pytest.fixture(scope="session")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Experiment], Store]]:
    """Of an experiment the store with its network, trained as its run 1: once, in whatever order tests want them."""
    with contextlib.ExitStack() as opened:
        yield functools.cache(lambda experiment: opened.enter_context(shelf(tmp_path_factory, experiment)))


@pytest.fixture(scope="session", params=[CHAIN, RESIDUAL], ids=["chain", "residual"])
def experiment(request: pytest.FixtureRequest) -> Experiment:
    return experiment_of(request.param)


@pytest.fixture(scope="session")
def looked_into(shelves: Callable[[Experiment], Store], experiment: Experiment) -> Store:
    """A store with the network, trained as its run 1."""
    return shelves(experiment)


@pytest.fixture(scope="session")
def network(looked_into: Store) -> Network:
    return Network(looked_into, 1)


@pytest.fixture(scope="session")
def stock(looked_into: Store, experiment: Experiment) -> keras.Model:
    """The same weights in a model that the lab's inspection never touched."""
    model = build(experiment.architecture, seed=5)
    weights = looked_into.checkpoints.weights(1)
    model.set_weights([weights[v.path] for v in model.weights])
    return model

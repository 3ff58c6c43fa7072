"""Trained networks that all tests of this package look into; none changes them."""

from collections.abc import Iterator

import keras
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.inspection.network import Network
from mnist_lab.store.store import Store
from mnist_lab.training.model import build
from tests.builders.inspected import CHAIN, RESIDUAL, experiment_of
from tests.builders.trained import shelf


@pytest.fixture(scope="session", params=[CHAIN, RESIDUAL], ids=["chain", "residual"])
def experiment(request: pytest.FixtureRequest) -> Experiment:
    return experiment_of(request.param)


@pytest.fixture(scope="session")
def looked_into(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Iterator[Store]:
    """A store with the network, trained as its run 1."""
    with shelf(tmp_path_factory, experiment) as store:
        yield store


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

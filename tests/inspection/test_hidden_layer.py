"""The test images as the last hidden layer has them, against principal components computed another way."""

import keras
import numpy as np
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import parts, trace
from mnist_lab.inspection.network import Network
from mnist_lab.inspection.questions import Hidden
from mnist_lab.store.store import Store
from tests.builders.inspected import TEST, as_x, ask


def test_the_landscape_is_the_principal_components_of_the_last_hidden_layer(
    network: Network, stock: keras.Model
) -> None:
    found = ask(network, Hidden)
    vectors = keras.Model(stock.inputs, stock.layers[-2].output).predict(as_x(TEST.x), verbose=0).astype(np.float64)
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    for component in (0, 1):
        expected = centred @ axes[:, -1 - component]
        ours = found["places"][:, component]
        assert abs(np.corrcoef(expected, ours)[0, 1]) > 0.9999
        assert ours.std() == pytest.approx(expected.std(), rel=1e-3)
        assert found["explained"][component] == pytest.approx(values[-1 - component] / values.sum(), rel=1e-3)
    assert (found["answers"] == TEST.y).mean() == pytest.approx(network.store.runs.get(1).test_accuracy, abs=2e-4)
    assert found["units"].tolist() == [part.channels for part in network.parts.values()]


def test_dead_units_are_counted(looked_into: Store, experiment: Experiment) -> None:
    network = Network(looked_into, 1)
    last = parts(trace(experiment.architecture))["Dense 1"]
    assert last.channels == 24
    dense = next(layer for layer in network.model.layers if layer.name.startswith("dense_1_dense"))
    kernel, bias = dense.get_weights()
    before = ask(network, Hidden)["dead"]
    kernel[:, :3], bias[:3] = 0, -1
    dense.set_weights([kernel, bias])
    after = ask(Network(looked_into, 1), Hidden)["dead"]
    assert after.tolist() == before.tolist()  # another instance has its own weights
    assert ask(network, Hidden)["dead"][-1] >= 3

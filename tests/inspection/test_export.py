"""Files of a trained network for elsewhere, read by stock Keras."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_lab.data import mnist
from mnist_lab.design.architecture import Architecture
from mnist_lab.errors import InputError
from mnist_lab.inspection.answers import respond
from mnist_lab.inspection.export import write_for_every_keras_3
from mnist_lab.inspection.network import Networks
from mnist_lab.inspection.questions import Export
from mnist_lab.store.store import Store
from mnist_lab.training.model import build
from tests.builders import trained
from tests.builders.inspected import TEST, as_x
from tests.builders.networks import small_experiment


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with one trained network."""
    with trained.shelf(tmp_path_factory, small_experiment()) as store:
        yield store


def test_exported_files_are_stock_keras_and_answer_as_the_run_did(shelf: Store, tmp_path) -> None:
    shares = []
    found = respond(Networks(shelf), Export(run_id=1), shares.append)
    assert shares == [0.5, 1.0]
    for name, data in found.items():
        (tmp_path / name).write_bytes(data.tobytes())
    test = mnist.load()[1]
    x = test.x[..., None].astype("float32") / 255
    kept = shelf.runs.probabilities(1).astype(np.float32)
    model = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    assert np.abs(model.predict(x, verbose=0) - kept).max() < 2e-3
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    again = keras.models.clone_model(model)
    again.load_weights(tmp_path / "network.weights.h5")
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_network_that_answers_otherwise_is_not_given_away(shelf: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = Networks(shelf)
    kept = shelf.runs.probabilities(1)
    monkeypatch.setattr(shelf.runs, "probabilities", lambda run_id: np.roll(kept, 1, axis=1))
    with pytest.raises(InputError, match="answers the test images otherwise than the run did"):
        respond(networks, Export(run_id=1), lambda share: None)


_CONVOLUTION = {"name", "filters", "kernel_size", "strides", "padding", "activation", "use_bias", "data_format"}
# What the layers of Keras 3.0.5 take: the oldest that reads the lab's files (of residual networks 3.4), and gives the same answers. Tried by hand with
# 3.0.5, 3.1.1, 3.2.1, 3.3.3, 3.4.1, 3.5.0, 3.8.0, 3.10.0, 3.12.0, 3.13.0, 3.14.0 and 3.15.1.
KERAS_3_0 = {
    "InputLayer": {"name", "batch_shape"},
    "Conv2D": _CONVOLUTION,
    "SeparableConv2D": _CONVOLUTION,
    "MaxPooling2D": {"name", "pool_size", "data_format"},
    "AveragePooling2D": {"name", "pool_size", "data_format"},
    "BatchNormalization": {"name", "axis", "momentum", "epsilon"},
    "Activation": {"name", "activation"},
    "Add": {"name"},
    "Dropout": {"name", "rate"},
    "Flatten": {"name", "data_format"},
    "GlobalAveragePooling2D": {"name", "data_format"},
    "GlobalMaxPooling2D": {"name", "data_format"},
    "Dense": {"name", "units", "activation", "use_bias"},
}


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("bridge", ["flatten", "global average", "global max"])
def test_a_keras_file_says_nothing_that_an_older_keras_3_does_not_know(
    bridge: str, residual: bool, tmp_path: Path
) -> None:
    common = {"filters": 3, "batch_normalization": True, "dropout": 0.1}
    blocks = [
        common | {"kernel_size": 5, "strides": 2, "pooling": "average", "order": "usual", "activation": "leaky_relu"},
        common
        | {"kernel_size": [1, 2], "convolution": "separable", "bias": False, "pooling": "max", "padding": "same"},
        *([common | {"kernel_size": 3, "padding": "same", "residual": True}] if residual else []),
    ]
    architecture = Architecture.model_validate({"blocks": blocks, "bridge": bridge, "head": [{"units": 4}]})
    model = build(architecture, seed=1, normalization_momentum=0.9)
    path = tmp_path / "network.keras"
    model.save(path)
    write_for_every_keras_3(path)
    with zipfile.ZipFile(path) as archive:
        written = json.loads(archive.read("config.json"))
    for layer in written["config"]["layers"]:
        assert set(layer["config"]) <= KERAS_3_0[layer["class_name"]]
    again = keras.models.load_model(path, safe_mode=True)
    for ours, theirs in zip(model.layers, again.layers, strict=True):
        before, after = ours.get_config(), theirs.get_config()
        random = {name for name in before if "initializer" in name or name == "seed"}  # a seed for weights that it has
        assert {name: before[name] for name in before if name not in random} == {
            name: after[name] for name in after if name not in random
        }
    x = as_x(TEST.x[:20])
    assert np.array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))

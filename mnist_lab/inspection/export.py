"""A trained network as files of Keras' own."""

import dataclasses
import json
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np

from mnist_lab.data import mnist
from mnist_lab.design import layers
from mnist_lab.errors import InputError
from mnist_lab.inspection.network import Network
from mnist_lab.inspection.test_images import Advance, Arrays
from mnist_lab.training.evaluation import Evaluation

# Stored predictions are float16, and another number of threads sums in another order: no image's answer may differ
# beyond what these two explain.
_TOLERANCE = 2e-3


def export(network: Network, advance: Advance) -> Arrays:
    """A network as stock `.keras` and `.weights.h5` files, bytes as uint8 arrays by their names.

    Each file is read back before it is given away, and answers the test images as the run itself did.

    Raises:
        InputError: it does not, or the run's predictions are not kept.
    """
    run_id = network.run_id
    kept = network.store.trained.probabilities(run_id)
    if kept is None:
        raise InputError(f"Run {run_id}: its predictions are not kept, so an export cannot be checked; train it again.")
    found: Arrays = {}
    test = mnist.load()[1]
    with tempfile.TemporaryDirectory(prefix="mnist-lab-") as folder:
        for done, (name, save) in enumerate(
            (("network.keras", network.model.save), ("network.weights.h5", network.model.save_weights))
        ):
            path = Path(folder) / name
            save(path)
            if name.endswith(".keras"):
                write_for_every_keras_3(path)
                again = keras.models.load_model(path, safe_mode=True)
            else:
                again = keras.models.clone_model(network.model)
                again.load_weights(path)
            _check(run_id, name, Evaluation(again, network.traced)(test)[2], kept)
            found[name] = np.frombuffer(path.read_bytes(), np.uint8)
            advance((done + 1) / 2)
    return found


# Arguments of Keras layers that the lab does not describe a layer by, yet what the layer does depends on.
_ALSO_SAID = {"name", "batch_shape", "data_format", "axis", "momentum", "epsilon"}

# Of a Sequential model, and of a functional one.
_OF_A_MODEL = ("name", "layers", "build_input_shape", "input_layers", "output_layers")


def write_for_every_keras_3(path: Path) -> None:
    """Leave out of a `.keras` file whatever else Keras says of its layers: from version to version it adds more, all of
    it here as it always was, and an older Keras refuses a name that it does not know. So all from 3.0 on read the file."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    written = json.loads(files["config.json"])
    model = written["config"]
    for layer in model["layers"]:
        described = getattr(layers, layer["class_name"], None)
        said = _ALSO_SAID | {field.name for field in dataclasses.fields(described)} if described else _ALSO_SAID
        layer["config"] = {name: value for name, value in layer["config"].items() if name in said}
    written["config"] = {name: model[name] for name in _OF_A_MODEL if name in model}
    files["config.json"] = json.dumps(written).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def _check(run_id: int, name: str, ours: np.ndarray, kept: np.ndarray) -> None:
    off = np.abs(ours - kept.astype(np.float32)).max()
    if not off <= _TOLERANCE:
        raise InputError(
            f"Run {run_id}: {name} answers the test images otherwise than the run did (by up to {off:.3f}), so it is not "
            "given away; train it again."
        )

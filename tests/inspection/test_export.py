"""Files of a trained network for elsewhere, and what cannot be asked."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest

from mnist_lab.data import mnist
from mnist_lab.errors import InputError
from mnist_lab.inspection import questions
from mnist_lab.inspection.network import Networks
from mnist_lab.store.store import Store
from tests.builders import trained
from tests.builders.networks import small_experiment


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with one trained network."""
    with trained.shelf(tmp_path_factory, small_experiment()) as store:
        yield store


def test_exported_files_are_stock_keras_and_answer_as_the_run_did(shelf: Store, tmp_path) -> None:
    shares = []
    found = questions.respond(Networks(shelf), "export", {"run_id": 1}, shares.append)
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
        questions.respond(networks, "export", {"run_id": 1}, lambda share: None)


def test_what_cannot_be_asked_is_a_sentence(shelf: Store) -> None:
    networks = Networks(shelf)
    with pytest.raises(InputError, match="there is none with the number 99"):
        questions.respond(networks, "export", {"run_id": 99}, lambda share: None)
    with pytest.raises(InputError, match="its weights after epoch 77 are not kept"):
        networks.get(1, 77)
    with pytest.raises(InputError, match="Question: should be one of"):
        questions.respond(networks, "system", {}, lambda share: None)

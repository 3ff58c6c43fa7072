"""A trained network with its weights, of its kept epoch or another."""

import threading
from pathlib import Path

import numpy as np
import pytest

from mnist_lab.data import drawing
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.inspection.network import Network, Networks
from mnist_lab.store import ready_made
from mnist_lab.store.store import Store
from tests.builders.digits import placed
from tests.builders.inspected import TEST
from tests.builders.trained import train


def test_an_earlier_epoch_is_the_network_as_it_was_then(looked_into: Store) -> None:
    early = Network(looked_into, 1, epoch=1)
    accuracy = [
        (n.probabilities(TEST.x[:2000]).argmax(axis=1) == TEST.y[:2000]).mean()
        for n in (early, Network(looked_into, 1))
    ]
    assert accuracy[0] < accuracy[1]
    weights = looked_into.checkpoints.weights(1, 1)
    for variable in early.model.weights:
        assert np.array_equal(variable.numpy(), weights[variable.path])


def test_digits_that_were_moved_and_scaled_are_read_as_well_after_preparation(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'lab.db'}")
    fast = PRESETS["fast"]
    recipe = fast.recipe.model_dump(mode="json") | {"epochs": 1}
    network = Network(store, train(store, fast.with_changes(train_images=20_000, recipe=recipe)).id)
    generator = np.random.default_rng(0)
    chosen = np.arange(0, 10_000, 4)
    images, labels = TEST.x[chosen], TEST.y[chosen]
    pads = [
        placed(image, float(generator.uniform(4, 13)), *(float(share) for share in generator.random(2)))
        for image in images
    ]
    prepared = np.stack([drawing.prepared(pad) for pad in pads])
    plain = np.stack([drawing.shrunk(pad) for pad in pads])
    original, after, without = (
        float((network.probabilities(x).argmax(axis=1) == labels).mean()) for x in (images, prepared, plain)
    )
    print(f"original {original:.2%}, prepared {after:.2%}, only shrunk {without:.2%}")
    assert abs(after - original) <= 0.003
    assert without < original - 0.2  # preparation is what does it


def test_the_ready_made_network_answers_as_its_receipt_states(store: Store) -> None:
    found = ready_made.load()
    answers = Networks(store).get(ready_made.ID).probabilities(TEST.x)
    assert abs(float((answers.argmax(axis=1) == TEST.y).mean()) - found.run.test_accuracy) <= 0.0002
    # Stored as float16, and another machine sums in another order.
    assert np.abs(answers - found.probabilities.astype(np.float32)).max() < 2e-3


def test_what_is_not_kept_is_refused_in_a_sentence(looked_into: Store) -> None:
    networks = Networks(looked_into)
    with pytest.raises(InputError, match="there is none with the number 99"):
        networks.get(99)
    with pytest.raises(InputError, match="its weights after epoch 77 are not kept"):
        networks.get(1, 77)


def test_the_networks_that_were_asked_last_stay_ready_for_every_thread(looked_into: Store) -> None:
    networks = Networks(looked_into)
    found: list[Network] = []
    threads = [threading.Thread(target=lambda: found.append(networks.get(1, 2))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(network is found[0] for network in found), "built once"
    assert networks.get(1, 1) is not found[0]

"""Looking into a trained network: it stands here with its weights, and answers questions.

Questions come as errands, by name and with plain arguments; answers are arrays by name.
"""

import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mnist_lab import dataset
from mnist_lab.errors import InputError
from mnist_lab.evaluation import Evaluation
from mnist_lab.experiment import Status
from mnist_lab.keras_model import build
from mnist_lab.store import Store

Arrays = dict[str, np.ndarray]
Advance = Callable[[float], None]
_MOST_KEPT = 12
# Stored predictions are float16, and another number of threads sums in another order: no image's answer may differ
# beyond what these two explain.
_TOLERANCE = 2e-3


class Network:
    """A run's network as validated after an epoch.

    Attributes:
        run_id, epoch: of the run and its checkpoint; model: stock Keras.
    """

    def __init__(self, store: Store, run_id: int, epoch: int | None = None) -> None:
        """Args: epoch: the kept one where None. Raises InputError where these weights are not kept."""
        run = store.run(run_id)
        if run is None:
            raise InputError(f"Run: there is none with the number {run_id}; the Results page lists all there are.")
        weights = store.weights(run_id, epoch)
        if weights is None:
            which = "its weights" if epoch is None else f"its weights after epoch {epoch}"
            raise InputError(f"Run {run_id}: {which} are not kept; choose another, or train it again.")
        self.run_id = run_id
        self.epoch = run.kept_epoch if epoch is None else epoch
        self.status = run.status
        self.model = build(run.experiment.architecture, seed=0)
        self.model.set_weights([weights[v.path] for v in self.model.weights])
        self.evaluation = Evaluation(self.model)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Of the ten digits, float32 `(n, 10)`, for images as uint8 `(n, 28, 28)`."""
        return self.evaluation(dataset.Images(images, np.zeros(len(images), np.uint8)))[2]


class Networks:
    """The networks of a store that were asked for last stay ready."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: OrderedDict[tuple[int, int | None], Network] = OrderedDict()

    def get(self, run_id: int, epoch: int | None = None) -> Network:
        """A network; raises InputError where its weights are not kept."""
        key = run_id, epoch
        network = self._kept.pop(key, None) or Network(self.store, run_id, epoch)
        if network.status is not Status.RUNNING or epoch is not None:
            self._kept[key] = network
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return network


def export(networks: Networks, advance: Advance, run_id: int) -> Arrays:
    """A network as stock `.keras` and `.weights.h5` files, bytes as uint8 arrays by their names.

    Each file is read back before it is given away, and answers the test images as the run itself did.

    Raises:
        InputError: it does not, or the run's predictions are not kept.
    """
    network = networks.get(run_id)
    kept = networks.store.probabilities(run_id)
    if kept is None:
        raise InputError(f"Run {run_id}: its predictions are not kept, so an export cannot be checked; train it again.")
    found: Arrays = {}
    test = dataset.load()[1]
    with tempfile.TemporaryDirectory(prefix="mnist-lab-") as folder:
        for done, (name, save) in enumerate(
            (("network.keras", network.model.save), ("network.weights.h5", network.model.save_weights))
        ):
            path = Path(folder) / name
            save(path)
            if name.endswith(".keras"):
                again = keras.models.load_model(path, safe_mode=True)
            else:
                again = keras.models.clone_model(network.model)
                again.load_weights(path)
            _check(run_id, name, Evaluation(again)(test)[2], kept)
            found[name] = np.frombuffer(path.read_bytes(), np.uint8)
            advance((done + 1) / 2)
    return found


def _check(run_id: int, name: str, ours: np.ndarray, kept: np.ndarray) -> None:
    off = np.abs(ours - kept.astype(np.float32)).max()
    if not off <= _TOLERANCE:
        raise InputError(
            f"Run {run_id}: {name} answers the test images otherwise than the run did (by up to {off:.3f}), so it is not "
            "given away; train it again."
        )


KINDS: dict[str, Callable[..., Arrays]] = {"export": export}


def respond(networks: Networks, kind: str, arguments: dict[str, Any], advance: Advance) -> Arrays:
    """The answer to an errand. Raises InputError where it asks what cannot be."""
    if kind not in KINDS:
        raise InputError(f"Errand: should be one of {', '.join(KINDS)}; received {kind[:40]!r}.")
    return KINDS[kind](networks, advance, **arguments)

"""A trained network with its weights."""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from mnist_lab.data.mnist import Images
from mnist_lab.design.network import TracedLayer, parts, trace, walk
from mnist_lab.errors import InputError
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training import model as keras_model
from mnist_lab.training.evaluation import Evaluation, as_input

_MOST_KEPT = 12


class Network:
    """A run's network as validated after an epoch, or the ready-made one.

    Attributes:
        run_id, epoch: of the run and its checkpoint; model: stock Keras; traced: the design, layer by layer.
        parts: its blocks and dense blocks by name, each with the index of its last layer and its number of channels.
    """

    def __init__(self, store: Store, run_id: int, epoch: int | None = None) -> None:
        """Args: epoch: the kept one where None. Raises InputError where these weights are not kept."""
        run = store.trained.get(run_id)
        if run is None:
            raise InputError(f"Run: there is none with the number {run_id}; the Results page lists all there are.")
        weights = store.trained.weights(run_id, epoch)
        if weights is None:
            which = "its weights" if epoch is None else f"its weights after epoch {epoch}"
            raise InputError(f"Run {run_id}: {which} are not kept; choose another, or train it again.")
        self.store = store
        self.run_id = run_id
        self.epoch = run.kept_epoch if epoch is None else epoch
        self.status = run.status
        experiment = run.experiment
        self.traced = trace(experiment.architecture)
        self.model = keras_model.build(experiment.architecture, 0, experiment.recipe.normalization_momentum)
        self.model.set_weights([weights[v.path] for v in self.model.weights])
        self.evaluation = Evaluation(self.model, self.traced)
        self.parts = parts(self.traced)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Of the ten digits, float32 `(n, 10)`, for images as uint8 `(n, 28, 28)`."""
        return self.evaluation(Images(images, np.zeros(len(images), np.uint8)))[2]

    def outputs(self, x: tf.Tensor) -> list[tf.Tensor]:
        """The output of each layer, for an input `(n, 28, 28, 1)` in 0 to 1."""
        return keras_model.outputs(self.model, self.traced, x)

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """What the softmax of the last layer is applied to, `(n, 10)`."""
        last = self.model.layers[-1]
        given = keras_model.outputs(self.model, self.traced[:-1], x)[-1]
        return tf.matmul(given, last.kernel) + last.bias

    @functools.cached_property
    def masked(self) -> Callable[[tf.Tensor, list[tf.Tensor]], tf.Tensor]:
        """Probabilities for images, uint8 `(n, 28, 28)`, with each part's channels multiplied by a mask of its own."""
        mask_of = {self.traced[part.last_layer].name: number for number, part in enumerate(self.parts.values())}

        @tf.function(jit_compile=False, autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
        def forward(images: tf.Tensor, masks: list[tf.Tensor]) -> tf.Tensor:
            def masked(row: TracedLayer, given: list[tf.Tensor]) -> tf.Tensor:
                x = keras_model.output(self.model.get_layer(row.name), *given)
                return x * masks[mask_of[row.name]] if row.name in mask_of else x

            return walk(self.traced, as_input(images), masked)[-1]

        found: Callable[[tf.Tensor, list[tf.Tensor]], tf.Tensor] = forward
        return found

    @functools.cached_property
    def watched(self) -> Callable[[tf.Tensor], Any]:
        """For images, uint8 `(n, 28, 28)`: probabilities, what the last layer is given, and each part's highest and
        lowest value by channel."""
        ends = [part.last_layer for part in self.parts.values()]

        @tf.function(jit_compile=False, autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
        def forward(images: tf.Tensor) -> Any:
            outputs = self.outputs(as_input(images))
            seen = [tf.reshape(outputs[end], [-1, outputs[end].shape[-1]]) for end in ends]
            return outputs[-1], outputs[-2], [tf.reduce_max(s, 0) for s in seen], [tf.reduce_min(s, 0) for s in seen]

        found: Callable[[tf.Tensor], Any] = forward
        return found


class Networks:
    """The networks of a store; those that were asked for last stay ready. May be used from several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: OrderedDict[tuple[int, int | None], Network] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, run_id: int, epoch: int | None = None) -> Network:
        """A network; raises InputError where its weights are not kept."""
        key = run_id, epoch
        with self._lock:
            network = self._kept.pop(key, None) or Network(self.store, run_id, epoch)
            if network.status is not Status.RUNNING or epoch is not None:
                self._kept[key] = network
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return network

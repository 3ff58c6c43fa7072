"""What is compiled for a design, kept for its next run.

Compiling the training steps and the evaluation of a network takes as long as a short run. What is compiled depends on the
architecture and on most of the recipe, but not on the seed; so seeds of a design, and further runs of it, share it. A run
starts from the same variables to the bit whether it is the first of its design or not.
"""

import json
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import tensorflow as tf

from mnist_lab.data import mnist
from mnist_lab.data.mnist import Images
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import trace
from mnist_lab.training import model as keras_model
from mnist_lab.training import runtime
from mnist_lab.training import step as training_step
from mnist_lab.training.evaluation import Evaluation
from mnist_lab.training.optimizers import optimizer

MAX_KEPT, MAX_KEPT_BYTES = 3, 32_000_000  # designs, and bytes of their variables, that are kept at most
CLEARED_AFTER = 8  # compilations, after which TensorFlow's kernels of dropped designs are freed
# Of a recipe, what only decides how long and at which learning rates the same steps are made, and what is validated.
_NOT_COMPILED: Any = dict.fromkeys(
    ("schedule", "epochs", "patience", "bias_corrected_statistics", "augmentation"), True
) | {"optimizer": {"learning_rate"}}


class Compiled:
    """A design's model and optimizer with the functions that train and evaluate it. Used by one training at a time.

    Attributes:
        key: what it was compiled for; equal for experiments that can share it.
        steps: the function of `step.compiled`.
    """

    def __init__(self, experiment: Experiment) -> None:
        recipe, traced = experiment.recipe, trace(experiment.architecture)
        self.key = _key(experiment)
        self.model = keras_model.build(experiment.architecture, experiment.seed, recipe.normalization_momentum)
        self.optimizer = optimizer(recipe)
        self.optimizer.build(self.model.trainable_variables)
        self.evaluation = Evaluation(self.model, traced)
        self._images = _images(experiment.train_images)
        self.steps = training_step.compiled(self.model, traced, recipe, self._images, self.optimizer, runtime.parts())
        # All values of an optimizer's variable are equal at first.
        self._first_values = [np.ravel(variable.numpy())[0] for variable in self.optimizer.variables]

    @property
    def nbytes(self) -> int:
        """Bytes of all variables."""
        return sum(4 * int(np.prod(v.shape)) for v in (*self.model.variables, *self.optimizer.variables))

    def restart(self, experiment: Experiment) -> None:
        """Set all variables to those of a new one for an experiment with the same key."""
        keras_model.restart(self.model, experiment.architecture, experiment.seed)
        for variable, value in zip(self.optimizer.variables, self._first_values, strict=True):
            variable.assign(np.full(variable.shape, value))
        self.optimizer.learning_rate.assign(experiment.recipe.optimizer.learning_rate)


class Cache:
    """What is compiled for the designs that were trained last in this process, for their next runs.

    Attributes:
        designs: by key, the one that was used last at the end.
    """

    def __init__(self) -> None:
        self.designs: dict[str, Compiled] = {}
        self._released = 0  # how many had been compiled when memory was last released
        self._cleared = 0  # the same, for TensorFlow's kernels
        self._compiled = 0

    def take(self, experiment: Experiment) -> Compiled:
        """What is compiled for an experiment, kept from an earlier run or new; its variables are those of the seed."""
        found = self.designs.pop(_key(experiment), None)
        if found is None:
            self._compiled += 1
            return Compiled(experiment)
        found.restart(experiment)
        return found

    def keep(self, compiled: Compiled) -> None:
        """Keep what a training has taken and does not need any more; drop what is too much, the longest unused first."""
        self.designs[compiled.key] = compiled
        while len(self.designs) > MAX_KEPT or sum(each.nbytes for each in self.designs.values()) > MAX_KEPT_BYTES:
            del self.designs[next(iter(self.designs))]

    def clear(self) -> None:
        """Drop everything."""
        self.designs.clear()

    def release(self) -> None:
        """Free what TensorFlow would keep of what has been dropped; nothing where nothing was compiled since the last call."""
        if self._compiled == self._released:
            return
        self._released = self._compiled
        # Some megabyte for each design. Afterwards what is kept is optimised again, which takes a third of a compilation.
        is_due = not self.designs or self._compiled - self._cleared >= CLEARED_AFTER
        if is_due:
            self._cleared = self._compiled
        runtime.release(kernels=is_due)


cache = Cache()


def _key(experiment: Experiment) -> str:
    recipe = experiment.recipe.model_dump(mode="json", exclude=_NOT_COMPILED)
    return json.dumps(
        {
            "architecture": experiment.architecture.model_dump(mode="json"),
            "recipe": recipe,
            "moves_images": experiment.recipe.augmentation.moves_images,
            "images": experiment.train_images,
            "parts": runtime.parts(),
        }
    )


_shared: WeakValueDictionary[int, Images] = WeakValueDictionary()


def _images(number: int) -> Images:
    """The first training images as tensors, which all designs share that train on as many."""
    found = _shared.get(number)
    if found is None:
        whole, _ = mnist.load()
        found = _shared[number] = Images(tf.constant(whole.x[:number]), tf.constant(whole.y[:number]))
    return found

"""Backends that train the same network, each in its own process: `python -m mnist_lab.bench.backends NAME THREADS`, where
the name is `lab`, `fit` or `torch`.

The process reads commands from standard input, one JSON array per line, and answers each with a line of JSON. So several
backends stay warm at the same time, while only one works.
"""

import json
import os
import sys
import time
from typing import Any, Protocol

import numpy as np

from mnist_lab.data import mnist
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.network import is_chain, trace
from mnist_lab.errors import InputError
from mnist_lab.training.reports import Command

LAB, FIT, TORCH = "lab", "fit", "torch"
MATRIX = 2048


class Backend(Protocol):
    """A way to train an experiment like the notebook's: Adadelta, without schedule, augmentation and label smoothing."""

    def __init__(self, experiment: Experiment) -> None: ...

    def begin(self, weights: list[np.ndarray]) -> None:
        """Start a new training from weights in Keras' order and layout."""

    def train(self) -> float:
        """Train one epoch in random order; returns its seconds."""

    def losses(self) -> list[float]:
        """Train one epoch in the order of the data; returns the mean loss of each batch."""

    def accuracy(self) -> float:
        """Accuracy on the 10,000 test images."""


class Lab:
    """The lab's training, with its reports."""

    def __init__(self, experiment: Experiment) -> None:
        from mnist_lab.training import trainer

        self.experiment = experiment
        self.training = trainer.Training(experiment, lambda report: None, lambda: Command.CONTINUE)

    def begin(self, weights: list[np.ndarray]) -> None:
        self.training.model.set_weights(weights)
        for variable in self.training.optimizer.variables[2:]:  # all but the count of steps and the learning rate
            variable.assign(np.zeros(variable.shape))
        self.training.optimizer.iterations.assign(0)
        self.training.progress.step = 0

    def train(self) -> float:
        began = time.perf_counter()
        self.training.train_epoch(1)
        return time.perf_counter() - began

    def losses(self) -> list[float]:
        steps = self.experiment.steps_per_epoch
        order = np.arange(self.experiment.train_images, dtype=np.int32)
        found = self.training.steps(order, np.zeros((0, 8), np.float32), self.training.rates[:steps])
        return list(found[:, 0] / found[:, 2])

    def accuracy(self) -> float:
        return self.training.evaluation(mnist.load()[1])[1]


def _floats(images: mnist.Images) -> tuple[np.ndarray, np.ndarray]:
    return images.x[..., np.newaxis].astype("float32") / 255, images.y.astype("int64")


class Fit:
    """Keras' `fit`, as the notebook uses it."""

    def __init__(self, experiment: Experiment) -> None:
        import keras

        from mnist_lab.training.model import build

        class Timer(keras.callbacks.Callback):  # type: ignore[misc]
            """Times an epoch, without the preparations of `fit`."""

            def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                self.began = time.perf_counter()

            def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                self.seconds = time.perf_counter() - self.began

        class Losses(keras.callbacks.Callback):  # type: ignore[misc]
            """Recovers the loss of each batch from the running means that `fit` reports."""

            def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                self.sums = [0.0]

            def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
                assert logs
                self.sums.append(logs["loss"] * (batch + 1))

        self.timer, self.recorded = Timer(), Losses()
        self.batch_size = experiment.recipe.batch_size
        x, y = _floats(mnist.split(experiment.protocol, experiment.train_images).train)
        self.x, self.y = x, keras.utils.to_categorical(y, 10)
        self.model = build(experiment.architecture, experiment.seed, experiment.recipe.normalization_momentum)
        kind = getattr(keras.optimizers, type(experiment.recipe.optimizer).__name__)
        self.model.compile(
            optimizer=kind(**experiment.recipe.optimizer.model_dump(exclude={"name"})),
            loss="categorical_crossentropy",
            metrics=["accuracy"],
        )
        self.model.optimizer.build(self.model.trainable_variables)

    def begin(self, weights: list[np.ndarray]) -> None:
        self.model.set_weights(weights)
        for variable in self.model.optimizer.variables[2:]:
            variable.assign(np.zeros(variable.shape))
        self.model.optimizer.iterations.assign(0)

    def train(self) -> float:
        self.model.fit(self.x, self.y, batch_size=self.batch_size, epochs=1, callbacks=[self.timer])
        return float(self.timer.seconds)

    def losses(self) -> list[float]:
        self.model.fit(self.x, self.y, batch_size=self.batch_size, shuffle=False, verbose=0, callbacks=[self.recorded])
        return list(np.diff(self.recorded.sums))

    def accuracy(self) -> float:
        x, y = _floats(mnist.load()[1])
        return float((self.model.predict(x, batch_size=500, verbose=0).argmax(axis=1) == y).mean())


class Torch:
    """PyTorch in eager mode, as a person would write it, with the images as tensors."""

    def __init__(self, experiment: Experiment) -> None:
        import torch

        self.torch: Any = torch
        traced = trace(experiment.architecture)
        if not is_chain(traced):
            raise InputError(f"{experiment.name}: PyTorch is benchmarked only on networks without additions.")
        self.rows = [(row.layer, row.input_shape, row.output_shape) for row in traced]
        self.network: Any = torch.nn.Sequential(*(part for row in self.rows for part in self._parts(*row)))
        self.recipe = experiment.recipe
        x, y = _floats(mnist.split(experiment.protocol, experiment.train_images).train)
        self.x = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
        self.y = torch.from_numpy(y)
        self.loss: Any = torch.nn.CrossEntropyLoss()
        self.optimizer: Any = None

    def _parts(self, layer: Any, taken: tuple[int, ...], given: tuple[int, ...]) -> list[Any]:
        nn, kind = self.torch.nn, type(layer).__name__
        channels = taken[-1]
        made: dict[str, Any] = {
            "Conv2D": lambda: nn.Conv2d(channels, given[-1], layer.kernel_size, layer.strides),
            "MaxPooling2D": lambda: nn.MaxPool2d(layer.pool_size),
            "BatchNormalization": lambda: (nn.BatchNorm2d if len(taken) == 3 else nn.BatchNorm1d)(
                channels, eps=1e-3, momentum=1 - self.recipe.normalization_momentum
            ),
            "Dropout": lambda: nn.Dropout(layer.rate),
            "Flatten": nn.Flatten,
            "Dense": lambda: nn.Linear(channels, given[-1]),
        }
        parts = [made[kind]()]
        if getattr(layer, "activation", None) == "relu":
            parts.append(nn.ReLU())
        return parts

    def begin(self, weights: list[np.ndarray]) -> None:
        torch, left = self.torch, iter(weights)
        flattened: tuple[int, ...] = ()
        modules = iter([part for part in self.network if not isinstance(part, torch.nn.ReLU)])
        with torch.no_grad():
            for layer, taken, _ in self.rows:
                module, kind = next(modules), type(layer).__name__
                if kind == "Flatten":
                    flattened = taken
                elif kind in ("Conv2D", "Dense"):
                    kernel, bias = next(left), next(left)
                    if kind == "Conv2D":
                        kernel = kernel.transpose(3, 2, 0, 1)
                    else:
                        if flattened:  # Keras flattens height, width, channels; PyTorch channels, height, width
                            kernel = kernel.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
                            flattened = ()
                        kernel = kernel.T
                    module.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
                    module.bias.copy_(torch.from_numpy(bias))
                elif kind == "BatchNormalization":
                    for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                        tensor.copy_(torch.from_numpy(next(left)))
        fields = self.recipe.optimizer.model_dump()
        self.optimizer = torch.optim.Adadelta(
            self.network.parameters(), lr=fields["learning_rate"], rho=fields["rho"], eps=fields["epsilon"]
        )

    def _pass(self, order: Any, losses: list[Any]) -> None:
        self.network.train()
        for part in order.split(self.recipe.batch_size):
            self.optimizer.zero_grad()
            loss = self.loss(self.network(self.x[part]), self.y[part])
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())

    def train(self) -> float:
        began = time.perf_counter()
        self._pass(self.torch.randperm(len(self.x)), [])
        return time.perf_counter() - began

    def losses(self) -> list[float]:
        losses: list[Any] = []
        self._pass(self.torch.arange(len(self.x)), losses)
        return [float(loss) for loss in losses]

    def accuracy(self) -> float:
        torch = self.torch
        x, y = _floats(mnist.load()[1])
        self.network.eval()
        with torch.no_grad():
            parts = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))).split(500)
            answers = torch.cat([self.network(part).argmax(dim=1) for part in parts])
        return float((answers.numpy() == y).mean())


def without_dropout(experiment: Experiment) -> Experiment:
    """The experiment without dropout, so that backends differ only by rounding."""
    network = experiment.architecture
    blocks = [block.model_copy(update={"dropout": 0.0}) for block in network.blocks]
    head = [block.model_copy(update={"dropout": 0.0}) for block in network.head]
    changed = network.model_copy(update={"blocks": tuple(blocks), "head": tuple(head)})
    return experiment.with_changes(architecture=changed.model_dump(mode="json"))


def operations(experiment: Experiment) -> int:
    """Floating-point operations of a training step per image: two per multiply-add, for the forward pass and the gradients
    of each layer's weights and input; the first layer needs no gradient of its input."""
    rows = trace(experiment.architecture)
    return 2 * (3 * sum(row.multiply_adds for row in rows) - rows[0].multiply_adds)


def _matrix_multiply() -> float:
    """GFLOP/s of a product of float32 matrices of 2048 × 2048, the best of eight."""
    import tensorflow as tf

    one, other = (tf.random.normal((MATRIX, MATRIX)) for _ in range(2))
    seconds = []
    for _ in range(8):
        began = time.perf_counter()
        tf.matmul(one, other).numpy()
        seconds.append(time.perf_counter() - began)
    return 2 * MATRIX**3 / min(seconds) / 1e9


_BACKENDS: dict[str, type[Backend]] = {LAB: Lab, FIT: Fit, TORCH: Torch}


def _save_initial(experiment: Experiment, path: str) -> None:
    """Write the initial weights of an experiment to an `.npz` file."""
    from mnist_lab.training.model import build

    np.savez(path, *build(experiment.architecture, experiment.seed).get_weights())


def _load(path: str) -> list[np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return [file[name] for name in file.files]


def main() -> None:
    """Execute commands until the input ends: `prepare`, `save`, `begin`, `train`, `losses`, `accuracy`, `multiply`."""
    name, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps what libraries print out of the answers
    if name == LAB:
        from mnist_lab.training import runtime

        runtime.configure(threads)
    backend: Backend
    for line in sys.stdin:
        order, argument = json.loads(line)
        answer: Any = None
        if order == "prepare":
            backend = _BACKENDS[name](parse(Experiment, argument))
        elif order == "save":
            _save_initial(parse(Experiment, argument["experiment"]), argument["path"])
        elif order == "begin":
            backend.begin(_load(argument))
        elif order == "multiply":
            answer = _matrix_multiply()
        else:
            answer = getattr(backend, order)()
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

"""Networks to look into, a chain and one with residual blocks, each beside stock Keras with the same weights."""

from collections.abc import Callable

import keras
import numpy as np

from mnist_lab.data import drawing, mnist
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.experiment import Experiment
from mnist_lab.inspection.answers import FUNCTIONS
from mnist_lab.inspection.network import Network
from mnist_lab.inspection.questions import Question

CHAIN = [
    {"filters": 6, "kernel_size": 5, "strides": 2, "batch_normalization": True, "dropout": 0.2},
    {"filters": 8, "kernel_size": 3, "padding": "same", "convolution": "separable", "pooling": "max"},
]
RESIDUAL = [
    {"filters": 6, "kernel_size": 5, "strides": 2, "batch_normalization": True, "dropout": 0.2},
    {"filters": 6, "kernel_size": 3, "padding": "same", "residual": True, "batch_normalization": True},
    {"filters": 8, "kernel_size": 3, "padding": "same", "residual": True, "convolution": "separable", "pooling": "max"},
]
TEST = mnist.load()[1]
IMAGE = TEST.x[8]
TEXT = drawing.as_text(IMAGE)


def experiment_of(blocks: list[dict]) -> Experiment:
    return Experiment(
        name="looked into",
        architecture=Architecture.model_validate({"blocks": blocks, "head": [{"units": 24}]}),
        recipe={"optimizer": {"name": "adam", "learning_rate": 0.005}, "batch_size": 100, "epochs": 3},
        train_images=6000,
    )


def as_x(images: np.ndarray) -> np.ndarray:
    return images[..., np.newaxis].astype(np.float32) / 255


def ask(
    network: Network, kind: type[Question], advance: Callable[[float], None] = lambda share: None, **particulars: object
) -> dict[str, np.ndarray]:
    question = kind(run_id=network.run_id, **particulars)
    return FUNCTIONS[kind](network, advance, **question.particulars)


def logits(stock: keras.Model, x: np.ndarray) -> np.ndarray:
    """Of images `(n, 28, 28, 1)`, float64 `(n, 10)`: in double precision from what the last layer is given."""
    before = keras.Model(stock.inputs, stock.layers[-2].output).predict(x, verbose=0).astype(np.float64)
    kernel, bias = stock.layers[-1].get_weights()
    return before @ kernel.astype(np.float64) + bias

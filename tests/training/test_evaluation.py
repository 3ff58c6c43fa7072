"""Loss and accuracy on any number of images, against stock Keras."""

import keras
import numpy as np
import pytest

from mnist_lab.data import mnist
from mnist_lab.data.mnist import Images
from mnist_lab.design.network import trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.training.evaluation import Evaluation
from mnist_lab.training.model import build


@pytest.mark.parametrize("images", [1, 2, 3, 501])  # one cannot be halved; 501 leave one over
@pytest.mark.parametrize("name", ["3x3", "fast", "tiny"])
def test_it_is_what_stock_keras_finds(name: str, images: int) -> None:
    test = mnist.load()[1]
    part = Images(test.x[:images], test.y[:images])
    architecture = PRESETS[name].architecture
    model = build(architecture, seed=1)
    loss, accuracy, probabilities = Evaluation(model, trace(architecture))(part)
    expected = model.predict(part.x[..., None].astype("float32") / 255, verbose=0)
    assert probabilities == pytest.approx(expected, abs=1e-5)
    assert accuracy == np.mean(expected.argmax(axis=1) == part.y)
    assert loss == pytest.approx(np.mean(keras.losses.sparse_categorical_crossentropy(part.y, expected)), rel=1e-4)

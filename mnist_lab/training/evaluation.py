"""Evaluation of a network: loss, accuracy and predicted probabilities."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from mnist_lab.data.mnist import Images
from mnist_lab.design.network import Traced
from mnist_lab.training import model as keras_model

EVALUATION_BATCH = 500


def as_input(x: tf.Tensor) -> tf.Tensor:
    """Images, uint8 `(n, 28, 28)`, as a network's input, float32 `(n, 28, 28, 1)` in 0 to 1."""
    return tf.cast(x, tf.float32)[..., tf.newaxis] / 255.0


class Evaluation:
    """Evaluates a model, as often as needed with one compilation; `traced` are the model's layers."""

    def __init__(self, model: keras.Model, traced: Traced) -> None:
        # Two halves of a batch in parallel, as in training; a batch of one image cannot be split.
        self._halves, self._whole = (_forward(model, traced, parts) for parts in (2, 1))

    def __call__(self, images: Images) -> tuple[float, float, np.ndarray]:
        """Mean loss, accuracy, and probabilities, float32 `(n, 10)`; loss and accuracy are those of `model.evaluate`."""
        probabilities, losses = [], []
        for start in range(0, len(images), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            x, y = tf.constant(images.x[part]), tf.constant(images.y[part])
            p, loss = self._halves(x, y) if len(y) > 1 else self._whole(x, y)
            probabilities.append(p.numpy())
            losses.append(loss.numpy())
        every = np.concatenate(probabilities)
        accuracy = float((every.argmax(axis=1) == images.y).mean())
        return float(np.concatenate(losses).mean(dtype=np.float64)), accuracy, every


def _forward(
    model: keras.Model, traced: Traced, parts: int
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """A compiled function from images and labels of a batch to probabilities and losses, in `parts` parts in parallel."""

    @tf.function(  # type: ignore[untyped-decorator]
        jit_compile=False,
        autograph=False,
        input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8), tf.TensorSpec([None], tf.uint8)],
    )
    def forward(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = []
        for i in range(parts):
            part = slice(i * tf.size(y) // parts, (i + 1) * tf.size(y) // parts)
            p = keras_model.forward(model, traced, as_input(x[part]))
            # Keras takes the logits from before the softmax in the graph, so the loss is exact even where p rounds to 0.
            found.append((p, keras.losses.sparse_categorical_crossentropy(tf.cast(y[part], tf.int32), p)))
        probabilities, losses = (tf.concat(tensors, 0) for tensors in zip(*found, strict=True))
        return probabilities, losses

    return forward  # type: ignore[no-any-return]

"""Training steps as one compiled function: a batch through the network, its gradients, the optimizer.

Several steps are taken in one call, since entering and leaving TensorFlow costs a small network as much as a layer. How
many are taken at a time changes no result: the same operations run in the same order.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from mnist_lab import fast_forward
from mnist_lab.dataset import Images
from mnist_lab.evaluation import as_input
from mnist_lab.layers import CLASSES
from mnist_lab.recipe import Recipe

Steps = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def compiled(model: keras.Sequential, recipe: Recipe, images: Images, optimizer: keras.optimizers.Optimizer) -> Steps:
    """A function that trains `model` for some steps.

    It takes the indices of the images in their order, `(n,)`, how each is moved, `(n, 8)` (`(0, 8)` where the recipe
    moves none), and the learning rate of each step, `(steps,)`; step `i` takes the `i`-th `recipe.batch_size` of the
    images, the last one what is left. It returns the sum of losses, right answers and images of each step,
    `(steps, 3)` in double precision.
    """
    x, y = tf.constant(images.x), tf.constant(images.y)
    augmented, smoothing, batch = recipe.augmentation.moves_images, recipe.label_smoothing, recipe.batch_size

    def batch_loss(labels: tf.Tensor, logits: tf.Tensor, losses: tf.Tensor) -> tf.Tensor:
        if not smoothing:
            return tf.reduce_mean(losses)
        smooth = tf.one_hot(labels, CLASSES) * (1 - smoothing) + smoothing / CLASSES
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(smooth, logits))

    def step(indices: tf.Tensor, transforms: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        labels = tf.cast(tf.gather(y, indices), tf.int32)
        images = as_input(tf.gather(x, indices))
        if augmented:
            images = keras.ops.image.affine_transform(images, transforms, data_format="channels_last")
        with tf.GradientTape() as tape:
            logits = fast_forward.logits(model, images)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = batch_loss(labels, logits, losses)
        optimizer.learning_rate.assign(rate)
        optimizer.apply(tape.gradient(loss, model.trainable_variables))
        correct = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        right, size = tf.reduce_sum(tf.cast(correct, tf.float32)), tf.cast(tf.size(labels), tf.float32)
        return tf.stack([tf.reduce_sum(losses), right, size])

    # XLA is several times slower on a CPU, and "auto" would turn it on where Keras sees a GPU.
    @tf.function(  # type: ignore[untyped-decorator]
        jit_compile=False,
        autograph=False,
        input_signature=[
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, 8], tf.float32),
            tf.TensorSpec([None], tf.float32),
        ],
    )
    def steps(order: tf.Tensor, transforms: tf.Tensor, rates: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, found: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            part = slice(i * batch, (i + 1) * batch)
            return i + 1, found.write(i, step(order[part], transforms[part], rates[i]))

        number = tf.size(rates)
        found = tf.TensorArray(tf.float32, size=number, element_shape=[3])
        loop = tf.while_loop(lambda i, found: i < number, body, (tf.constant(0), found), parallel_iterations=1)
        return loop[1].stack()

    return lambda order, transforms, rates: steps(order, transforms, rates).numpy().astype(float)

"""Training steps as a compiled function: forward pass, gradients, optimizer.

A call takes several steps, since in a small network entering and leaving TensorFlow costs as much as a layer. How many
steps a call takes does not change results: the same operations run in the same order.

A batch goes through the network in two halves, each on a thread of its own. They synchronise only in batch normalisation
and in the sums of gradients, far less often than threads that share every operation of a small network.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from mnist_lab.data.mnist import Images
from mnist_lab.design.layers import CLASSES
from mnist_lab.design.network import Traced
from mnist_lab.design.recipe import Recipe
from mnist_lab.training import forward
from mnist_lab.training.evaluation import as_input

Steps = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def compiled(
    model: keras.Model,
    traced: Traced,
    recipe: Recipe,
    images: Images,
    optimizer: keras.optimizers.Optimizer,
    parts: int,
) -> Steps:
    """A function that trains `model` for some steps, with each batch in `parts` parallel parts.

    Args:
        traced: the model's layers.
        images: the training images.

    Returns:
        A function of three arrays: the indices of the images in the order of training, int32 `(n,)`; their transforms,
        float32 `(n, 8)`, or `(0, 8)` where the recipe has no augmentation; and the learning rate of each step, float32
        `(steps,)`. A step takes the next `recipe.batch_size` images, the last one those that are left. It returns the sums
        of losses, correct answers and images of each step, float64 `(steps, 3)`.
    """
    x, y = tf.constant(images.x), tf.constant(images.y)
    parts = min(parts, recipe.batch_size)
    in_parts, whole = (_loop(model, traced, recipe, x, y, optimizer, number) for number in (parts, 1))

    def steps(order: np.ndarray, transforms: np.ndarray, rates: np.ndarray) -> np.ndarray:
        before = recipe.batch_size * (len(rates) - 1)
        if len(order) - before >= parts:
            return in_parts(order, transforms, rates).numpy().astype(float)  # type: ignore[no-any-return]
        # The last batch has fewer images than parts, so it is trained as a whole after the others.
        found = [steps(order[:before], transforms[:before], rates[:-1])] if before else []
        found.append(whole(order[before:], transforms[before:], rates[-1:]).numpy().astype(float))
        return np.concatenate(found)

    return steps


def _loop(
    model: keras.Model,
    traced: Traced,
    recipe: Recipe,
    x: tf.Tensor,
    y: tf.Tensor,
    optimizer: keras.optimizers.Optimizer,
    number: int,
) -> Callable[..., tf.Tensor]:
    augmented, smoothing, batch = recipe.augmentation.moves_images, recipe.label_smoothing, recipe.batch_size

    def trained_on(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        smooth = tf.one_hot(labels, CLASSES) * (1 - smoothing) + smoothing / CLASSES
        return tf.nn.softmax_cross_entropy_with_logits(smooth, logits)

    def part_of_batch(indices: tf.Tensor, transforms: tf.Tensor, i: int) -> tuple[tf.Tensor, tf.Tensor]:
        size = tf.size(indices)
        part = slice(i * size // number, (i + 1) * size // number)
        chosen = as_input(tf.gather(x, indices[part]))
        if augmented:
            chosen = keras.ops.image.affine_transform(chosen, transforms[part], data_format="channels_last")
        return chosen, tf.cast(tf.gather(y, indices[part]), tf.int32)

    def step(indices: tf.Tensor, transforms: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        size = tf.cast(tf.size(indices), tf.float32)
        parts, labels = zip(*(part_of_batch(indices, transforms, i) for i in range(number)), strict=True)
        with tf.GradientTape() as tape:
            logits = forward.logits(model, traced, list(parts), images=batch // number)
            losses = list(map(tf.nn.sparse_softmax_cross_entropy_with_logits, labels, logits))
            minimised = list(map(trained_on, labels, logits)) if smoothing else losses
            loss = tf.add_n([tf.reduce_sum(part) for part in minimised]) / size
        optimizer.learning_rate.assign(rate)
        optimizer.apply(tape.gradient(loss, model.trainable_variables))
        sums = []
        for part, right_labels, losses_of_part in zip(logits, labels, losses, strict=True):
            correct = tf.equal(tf.argmax(part, axis=1, output_type=tf.int32), right_labels)
            sums.append(tf.stack([tf.reduce_sum(losses_of_part), tf.reduce_sum(tf.cast(correct, tf.float32))]))
        return tf.concat([tf.add_n(sums), [size]], 0)

    # XLA for all of it is several times slower on a CPU, and "auto" would enable it where Keras finds a GPU.
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

    return steps  # type: ignore[no-any-return]

"""An experiment as a stand-alone Keras script, written as a person would write it. Does not import Keras."""

import dataclasses
from itertools import groupby
from typing import assert_never

from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.layers import BatchNormalization
from mnist_lab.design.network import IMAGE, Traced, TracedLayer, is_chain, trace
from mnist_lab.design.recipe import Constant, Cosine, OneCycle, Recipe, Step

_LOAD = '''
def load_mnist():
    """MNIST from the file that the command line names, or from Keras."""
    if len(sys.argv) > 1:
        with np.load(sys.argv[1], allow_pickle=False) as file:
            return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])
    return keras.datasets.mnist.load_data()


(x_train, y_train), (x_test, y_test) = load_mnist()
x_train = x_train[..., np.newaxis].astype("float32") / 255
x_test = x_test[..., np.newaxis].astype("float32") / 255
'''

_ONE_CYCLE = '''

class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from a tenth of the peak, then falls linearly to zero."""

    def __init__(self, peak, rise, steps):
        self.peak, self.rise, self.steps = peak, rise, steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        up = 0.1 + 0.9 * step / self.rise
        down = (self.steps - step) / max(1, self.steps - self.rise)
        return self.peak * keras.ops.where(step < self.rise, up, down)

    def get_config(self):
        return {"peak": self.peak, "rise": self.rise, "steps": self.steps}
'''

_AUGMENT = '''

def augment(x, y):
    """A batch with each image transformed at random; what comes in from outside the image is black."""
    across, down, angle, zoom = tf.unstack(tf.random.uniform((4, tf.shape(x)[0]), -1, 1))
    across, down, angle, zoom = {shift!r} * across, {shift!r} * down, {rotation!r} * np.pi / 180 * angle, 1 + {zoom!r} * zoom
    cosine, sine, zero = tf.cos(angle) / zoom, tf.sin(angle) / zoom, tf.zeros_like(zoom)
    # Pixel (x, y) is taken from (a0 x + a1 y + a2, b0 x + b1 y + b2): rotated and zoomed about the centre, then shifted.
    a2 = 13.5 - cosine * (13.5 + across) - sine * (13.5 + down)
    b2 = 13.5 + sine * (13.5 + across) - cosine * (13.5 + down)
    transforms = tf.stack([cosine, sine, a2, -sine, cosine, b2, zero, zero], axis=1)
    return keras.ops.image.affine_transform(x, transforms, data_format="channels_last"), y
'''

_CALLBACK_HEAD = '''

class ValidatedWeights(keras.callbacks.Callback):
    """Swaps in the weights to validate before each validation, and the training weights back before the next epoch.

    Until then they stay in the model, so that EarlyStopping and the final evaluation use them.
    """

    trained = None

    def on_test_begin(self, logs=None):
        self.trained = self.model.get_weights()
'''
_AVERAGED = """        # The moving average of the weights.
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
"""
_CORRECTED = """        # Bias correction of the running statistics, whose initial values are 0 and 1, as in the Keras of 2019.
        left = {momentum!r} ** int(self.model.optimizer.iterations)
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
                layer.moving_mean.assign(mean / (1 - left))
                layer.moving_variance.assign(np.maximum(variance - left, 0) / (1 - left))
"""
_CALLBACK_TAIL = """
    def on_epoch_begin(self, epoch, logs=None):
        if self.trained is not None:
            self.model.set_weights(self.trained)
"""


def source(experiment: Experiment) -> str:
    """Python source that builds and trains the same network by the same recipe under the same protocol.

    It needs only TensorFlow. Keras draws the random numbers, so it trains another sample of the same design rather than
    repeating the lab's run to the bit.
    """
    recipe = experiment.recipe
    parts = [
        f'"""{_plain(experiment.name)}: a network on MNIST, from MNIST Lab.\n\n'
        'Run it with: python script.py [mnist.npz]\n"""\n\n'
        "import sys\n\nimport keras\nimport numpy as np\n"
        + ("import tensorflow as tf\n" if recipe.augmentation.moves_images else "")
        + f"\nkeras.utils.set_random_seed({experiment.seed})\n\n",
        _LOAD,
        _data(experiment),
        _model(experiment),
        _ONE_CYCLE if isinstance(recipe.schedule, OneCycle) else "",
        _AUGMENT.format(**recipe.augmentation.model_dump()) if recipe.augmentation.moves_images else "",
        _validated_weights(experiment),
        _training(experiment),
    ]
    return "".join(parts)


def _plain(text: str) -> str:
    """Text that is safe within a docstring: without quotes, backslashes and line breaks."""
    return "".join(letter if letter.isprintable() and letter not in '"\\' else " " for letter in text)


def _data(experiment: Experiment) -> str:
    count = experiment.train_images
    if experiment.protocol is Protocol.NOTEBOOK:
        lines = "# As in the notebook, the test images are the validation data.\nx_val, y_val = x_test, y_test\n"
    else:
        held = experiment.protocol.validation_images
        lines = f"x_val, y_val = x_train[-{held}:], y_train[-{held}:]\n"
    lines += f"x_train, y_train = x_train[:{count}], y_train[:{count}]\n"
    if experiment.recipe.label_smoothing:
        lines += "y_train, y_val, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train, y_val, y_test))\n"
    return lines


def _model(experiment: Experiment) -> str:
    traced = trace(experiment.architecture)
    momentum = experiment.recipe.normalization_momentum
    lines = _sequential(traced, momentum) if is_chain(traced) else _functional(traced, momentum)
    return "\n".join([*lines, "model.summary()", ""])


def _sequential(traced: Traced, momentum: float) -> list[str]:
    lines = ["\nmodel = keras.Sequential(", "    [", "        keras.Input((28, 28, 1)),"]
    for place, rows in groupby(traced, key=lambda row: row.place):
        lines.append(f"        # {place}")
        lines += [f"        {_layer(row, momentum)}," for row in rows]
    return [*lines, "    ]", ")"]


def _functional(traced: Traced, momentum: float) -> list[str]:
    """The lines of a functional model: each layer is called on its inputs, and an output that a later layer needs again
    gets a variable of its own."""
    reused = {given for row in traced for given in row.inputs[1:]} | {
        row.inputs[0] for number, row in enumerate(traced) if row.inputs[0] != number - 1
    }
    names = {number: "image" if number == IMAGE else traced[number].name for number in reused} | {IMAGE: "image"}
    lines = ["", "image = keras.Input((28, 28, 1))"]
    last = names[IMAGE]
    place = None
    for number, row in enumerate(traced):
        if row.place != place:
            place = row.place
            lines.append(f"# {place}")
        given = [names.get(i, last) for i in row.inputs]
        last = names.get(number, "x")
        arguments = f"[{', '.join(given)}]" if len(given) > 1 else given[0]
        lines.append(f"{last} = {_layer(row, momentum)}({arguments})")
    return [*lines, f"model = keras.Model(image, {last})"]


def _layer(row: TracedLayer, momentum: float) -> str:
    values = {field.name: (getattr(row.layer, field.name), field.default) for field in dataclasses.fields(row.layer)}
    arguments = {name: value for name, (value, default) in values.items() if value != default}
    if isinstance(row.layer, BatchNormalization) and momentum != 0.99:
        arguments["momentum"] = momentum
    text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"keras.layers.{type(row.layer).__name__}({text})"


def _corrects(experiment: Experiment) -> bool:
    return experiment.recipe.bias_corrected_statistics and experiment.architecture.normalizes


def _validated_weights(experiment: Experiment) -> str:
    """A callback for recipes that validate other weights than they train; empty where they are the same."""
    recipe = experiment.recipe
    parts = []
    if recipe.moving_average:
        parts.append(_AVERAGED)
    if _corrects(experiment):
        parts.append(_CORRECTED.format(momentum=recipe.normalization_momentum))
    return "".join([_CALLBACK_HEAD, *parts, _CALLBACK_TAIL]) if parts else ""


def _schedule(recipe: Recipe, steps_per_epoch: int) -> str:
    rate, schedule, steps = recipe.optimizer.learning_rate, recipe.schedule, steps_per_epoch * recipe.epochs
    stock = "keras.optimizers.schedules."
    match schedule:
        case Constant():
            return repr(rate)
        case Step(factor=factor):
            every = schedule.every * steps_per_epoch
            return f"{stock}ExponentialDecay({rate!r}, decay_steps={every}, decay_rate={factor!r}, staircase=True)"
        case Cosine():
            return f"{stock}CosineDecay({rate!r}, decay_steps={steps})"
        case OneCycle():
            return f"OneCycle(peak={rate!r}, rise={max(1, int(steps * schedule.rise))}, steps={steps})"
        case _:
            assert_never(schedule)


def _training(experiment: Experiment) -> str:
    recipe = experiment.recipe
    fields = recipe.optimizer.model_dump(exclude={"name", "learning_rate"})
    if recipe.weight_decay:
        fields["weight_decay"] = recipe.weight_decay
    if recipe.moving_average:
        fields |= {"use_ema": True, "ema_momentum": recipe.moving_average}
    rest = "".join(f", {name}={value!r}" for name, value in fields.items())
    rate = _schedule(recipe, experiment.steps_per_epoch)
    loss, metrics = '"sparse_categorical_crossentropy"', '"accuracy"'
    if recipe.label_smoothing:
        loss = f"keras.losses.CategoricalCrossentropy(label_smoothing={recipe.label_smoothing!r})"
        metrics += ', keras.metrics.CategoricalCrossentropy(name="plain")'
    lines = [
        "\n"
        if isinstance(recipe.schedule, OneCycle) or recipe.augmentation.moves_images or _validated_weights(experiment)
        else "",
        f"optimizer = keras.optimizers.{type(recipe.optimizer).__name__}({rate}{rest})",
        *(
            [
                "# The loss that is minimised has smoothed labels; the metric is plain cross-entropy, which is comparable."
            ]
            if recipe.label_smoothing
            else []
        ),
        f"model.compile(optimizer=optimizer, loss={loss}, metrics=[{metrics}])",
        "",
        "callbacks = []",
    ]
    if recipe.moving_average or _corrects(experiment):
        lines.append("callbacks.append(ValidatedWeights())")
    if experiment.protocol is Protocol.HOLDOUT or recipe.patience:
        best = experiment.protocol is Protocol.HOLDOUT
        lines += [
            "# Keeps the weights of the best epoch." if best else "# Ends when validation accuracy no longer improves.",
            "callbacks.append(",
            f'    keras.callbacks.EarlyStopping("val_accuracy", patience={recipe.patience or recipe.epochs}, '
            f'mode="max", restore_best_weights={best})',
            ")",
        ]
    batch, epochs = recipe.batch_size, recipe.epochs
    common = f"epochs={epochs}, validation_data=(x_val, y_val), callbacks=callbacks, verbose=2"
    if recipe.augmentation.moves_images:
        lines += [
            "",
            f"train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(len(x_train)).batch({batch})",
            "train = train.map(augment).prefetch(2)",
            f"model.fit(train, {common})",
        ]
    else:
        lines.append(f"model.fit(x_train, y_train, batch_size={batch}, {common})")
    lines += [
        ("_, accuracy, loss" if recipe.label_smoothing else "loss, accuracy")
        + " = model.evaluate(x_test, y_test, batch_size=500, verbose=0)",
        'print(f"test accuracy {accuracy:.4f}, test loss {loss:.4f}")',
        "",
    ]
    return "\n".join(lines)

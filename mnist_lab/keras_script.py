"""An experiment as the Keras script a person would have written; imports no Keras."""

from dataclasses import asdict
from itertools import groupby

from mnist_lab.architecture import trace
from mnist_lab.experiment import Experiment, Protocol
from mnist_lab.recipe import Constant, Cosine, OneCycle, Recipe, Step

_USUAL = {"strides": (1, 1), "padding": "valid", "use_bias": True, "activation": None}  # what Keras has by itself

_LOAD = '''
def load_mnist():
    """MNIST from a local file where one is named on the command line, else from Keras."""
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
    """Rises from a tenth of the peak for the first steps, then falls to zero."""

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


def source(experiment: Experiment) -> str:
    """Python source with the same layers, shapes and parameters, trained by the same recipe under the same protocol.

    It runs with TensorFlow alone. Random numbers are Keras' own, so a run of it is another sample, not a repetition
    to the bit; augmentation is by Keras' layers.
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
        _training(experiment),
    ]
    return "".join(parts)


def _plain(text: str) -> str:
    """Text that ends neither a docstring nor a line."""
    return "".join(letter if letter.isprintable() and letter not in '"\\' else " " for letter in text)


def _data(experiment: Experiment) -> str:
    count = experiment.train_images
    if experiment.protocol is Protocol.NOTEBOOK:
        lines = "# As the notebook did: the test images serve as validation data.\nx_val, y_val = x_test, y_test\n"
    else:
        held = experiment.protocol.validation_images
        lines = f"x_val, y_val = x_train[-{held}:], y_train[-{held}:]\n"
    lines += f"x_train, y_train = x_train[:{count}], y_train[:{count}]\n"
    if experiment.recipe.label_smoothing:
        lines += "y_train, y_val, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train, y_val, y_test))\n"
    return lines


def _model(experiment: Experiment) -> str:
    lines = ["\nmodel = keras.Sequential(", "    [", "        keras.Input((28, 28, 1)),"]
    for place, rows in groupby(trace(experiment.architecture), key=lambda row: row.place):
        lines.append(f"        # {place}")
        for row in rows:
            arguments = {k: v for k, v in asdict(row.layer).items() if k not in _USUAL or v != _USUAL[k]}
            text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            lines.append(f"        keras.layers.{type(row.layer).__name__}({text}),")
    return "\n".join([*lines, "    ]", ")", "model.summary()", ""])


def _schedule(recipe: Recipe, steps_per_epoch: int) -> str:
    rate, schedule, steps = recipe.optimizer.learning_rate, recipe.schedule, steps_per_epoch * recipe.epochs
    stock = "keras.optimizers.schedules."
    if isinstance(schedule, Step):
        every = schedule.every * steps_per_epoch
        return f"{stock}ExponentialDecay({rate!r}, decay_steps={every}, decay_rate={schedule.factor!r}, staircase=True)"
    if isinstance(schedule, Cosine):
        return f"{stock}CosineDecay({rate!r}, decay_steps={steps})"
    if isinstance(schedule, OneCycle):
        return f"OneCycle(peak={rate!r}, rise={max(1, int(steps * schedule.rise))}, steps={steps})"
    assert isinstance(schedule, Constant)
    return repr(rate)


def _training(experiment: Experiment) -> str:
    recipe = experiment.recipe
    fields = recipe.optimizer.model_dump(exclude={"name", "learning_rate"})
    if recipe.weight_decay:
        fields["weight_decay"] = recipe.weight_decay
    if recipe.moving_average:
        fields |= {"use_ema": True, "ema_momentum": recipe.moving_average}
    rest = "".join(f", {name}={value!r}" for name, value in fields.items())
    rate = _schedule(recipe, experiment.steps_per_epoch)
    loss = '"sparse_categorical_crossentropy"'
    if recipe.label_smoothing:
        loss = f"keras.losses.CategoricalCrossentropy(label_smoothing={recipe.label_smoothing!r})"
    lines = [
        "",
        f"optimizer = keras.optimizers.{type(recipe.optimizer).__name__}({rate}{rest})",
        f'model.compile(optimizer=optimizer, loss={loss}, metrics=["accuracy"])',
        "",
        "callbacks = []",
    ]
    if recipe.moving_average:
        lines.append("callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))")
    if experiment.protocol is Protocol.HOLDOUT or recipe.patience:
        best = experiment.protocol is Protocol.HOLDOUT
        lines += [
            "# Keeps the weights of the best epoch." if best else "# Ends when validation accuracy rises no more.",
            "callbacks.append(",
            f'    keras.callbacks.EarlyStopping("val_accuracy", patience={recipe.patience or recipe.epochs}, '
            f'mode="max", restore_best_weights={best})',
            ")",
        ]
    batch, epochs = recipe.batch_size, recipe.epochs
    common = f"epochs={epochs}, validation_data=(x_val, y_val), callbacks=callbacks, verbose=2"
    augmentation = recipe.augmentation
    if augmentation.moves_images:
        layers = [
            f'    keras.layers.RandomZoom({augmentation.zoom!r}, fill_mode="constant"),' if augmentation.zoom else "",
            f'    keras.layers.RandomRotation({augmentation.rotation / 360!r}, fill_mode="constant"),'
            if augmentation.rotation
            else "",
            f"    keras.layers.RandomTranslation({augmentation.shift / 28!r}, {augmentation.shift / 28!r}, "
            'fill_mode="constant"),'
            if augmentation.shift
            else "",
        ]
        lines += [
            "",
            "augment = keras.Sequential([",
            *filter(None, layers),
            "])",
            f"train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(len(x_train)).batch({batch})",
            "train = train.map(lambda x, y: (augment(x, training=True), y)).prefetch(2)",
            f"model.fit(train, {common})",
        ]
    else:
        lines.append(f"model.fit(x_train, y_train, batch_size={batch}, {common})")
    lines += [
        "loss, accuracy = model.evaluate(x_test, y_test, batch_size=500, verbose=0)",
        'print(f"test accuracy {accuracy:.4f}, test loss {loss:.4f}")',
        "",
    ]
    return "\n".join(lines)

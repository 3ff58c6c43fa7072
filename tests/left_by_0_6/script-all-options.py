"""all options: a network on MNIST, from MNIST Lab.

Run it with: python script.py [mnist.npz]
"""

import sys

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)


def load_mnist():
    """MNIST from a local file where one is named on the command line, else from Keras."""
    if len(sys.argv) > 1:
        with np.load(sys.argv[1], allow_pickle=False) as file:
            return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])
    return keras.datasets.mnist.load_data()


(x_train, y_train), (x_test, y_test) = load_mnist()
x_train = x_train[..., np.newaxis].astype("float32") / 255
x_test = x_test[..., np.newaxis].astype("float32") / 255
x_val, y_val = x_train[-5000:], y_train[-5000:]
x_train, y_train = x_train[:640], y_train[:640]
y_train, y_val, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train, y_val, y_test))

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        # Block 1
        keras.layers.SeparableConv2D(filters=2, kernel_size=(3, 5), strides=(2, 2), padding="same", use_bias=False),
        keras.layers.AveragePooling2D(pool_size=(2, 2)),
        keras.layers.BatchNormalization(),
        keras.layers.Activation(activation="gelu"),
        # Bridge
        keras.layers.GlobalAveragePooling2D(),
        # Dense 1
        keras.layers.Dense(units=11, activation="tanh"),
        keras.layers.Dropout(rate=0.2),
        # Output
        keras.layers.Dense(units=10, activation="softmax"),
    ]
)
model.summary()


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


optimizer = keras.optimizers.SGD(
    OneCycle(peak=0.05, rise=5, steps=20),
    momentum=0.9,
    nesterov=True,
    weight_decay=0.001,
    use_ema=True,
    ema_momentum=0.9,
)
model.compile(optimizer=optimizer, loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"])

callbacks = []
callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
# Keeps the weights of the best epoch.
callbacks.append(keras.callbacks.EarlyStopping("val_accuracy", patience=1, mode="max", restore_best_weights=True))

augment = keras.Sequential(
    [
        keras.layers.RandomTranslation(0.07142857142857142, 0.07142857142857142, fill_mode="constant"),
    ]
)
train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(len(x_train)).batch(64)
train = train.map(lambda x, y: (augment(x, training=True), y)).prefetch(2)
model.fit(train, epochs=2, validation_data=(x_val, y_val), callbacks=callbacks, verbose=2)
loss, accuracy = model.evaluate(x_test, y_test, batch_size=500, verbose=0)
print(f"test accuracy {accuracy:.4f}, test loss {loss:.4f}")

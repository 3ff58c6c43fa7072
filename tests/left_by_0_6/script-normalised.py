"""normalised: a network on MNIST, from MNIST Lab.

Run it with: python script.py [mnist.npz]
"""

import sys

import keras
import numpy as np

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
# As the notebook did: the test images serve as validation data.
x_val, y_val = x_test, y_test
x_train, y_train = x_train[:600], y_train[:600]

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        # Block 1
        keras.layers.Conv2D(filters=3, kernel_size=(3, 3), strides=(2, 2)),
        keras.layers.BatchNormalization(),
        keras.layers.Activation(activation="relu"),
        keras.layers.MaxPooling2D(pool_size=(2, 2)),
        keras.layers.Dropout(rate=0.1),
        # Bridge
        keras.layers.Flatten(),
        # Dense 1
        keras.layers.Dense(units=12, activation="relu"),
        keras.layers.BatchNormalization(),
        # Output
        keras.layers.Dense(units=10, activation="softmax"),
    ]
)
model.summary()

optimizer = keras.optimizers.Adadelta(1.0, rho=0.95, epsilon=1e-07)
model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])

callbacks = []
model.fit(x_train, y_train, batch_size=100, epochs=3, validation_data=(x_val, y_val), callbacks=callbacks, verbose=2)
loss, accuracy = model.evaluate(x_test, y_test, batch_size=500, verbose=0)
print(f"test accuracy {accuracy:.4f}, test loss {loss:.4f}")

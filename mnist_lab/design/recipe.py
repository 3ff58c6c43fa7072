"""How a network is trained: optimizer, learning rate over time, regularisation, augmentation, when to end.

The editor shows every field in its order, with its title, description and bounds. An optimizer is named after a Keras
class and its fields are that class's arguments; a new one needs nothing but its class here, in `Optimizer`.
"""

from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BeforeValidator, Field

from mnist_lab.design.blocks import Rate, Spec

MOST_EPOCHS = 1000
Decay = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[
    float, Field(gt=0, le=1000, title="Learning rate", description="How far one step moves the weights.")
]
Momentum = Annotated[
    Decay, Field(title="Momentum", description="How much of the last step goes into the next one, as a rolling ball.")
]
Beta1 = Annotated[Decay, Field(title="beta 1", description="Memory of the mean gradient: 0.9 is about ten steps.")]
Beta2 = Annotated[
    Decay, Field(title="beta 2", description="Memory of the squared gradient: 0.999 is about 1,000 steps.")
]
Rho = Annotated[Decay, Field(title="rho", description="Memory of the squared gradient: 0.95 is about twenty steps.")]
Epsilon = Annotated[
    float,
    Field(gt=0, le=1, title="epsilon", description="Keeps a division from being by zero; larger is more careful."),
]


class Adadelta(Spec):
    """Zeiler, "ADADELTA: an adaptive learning rate method", 2012; the notebook's optimizer, at its rate of 1.0.

    Keras 3 has 0.001 as default, with which the notebook's networks hardly learn.
    """

    name: Literal["adadelta"] = "adadelta"
    learning_rate: LearningRate = 1.0
    rho: Rho = 0.95
    epsilon: Epsilon = 1e-7


class Adam(Spec):
    """Kingma and Ba, "Adam: a method for stochastic optimization", 2015. With weight decay it is AdamW."""

    name: Literal["adam"] = "adam"
    learning_rate: LearningRate = 0.001
    beta_1: Beta1 = 0.9
    beta_2: Beta2 = 0.999
    epsilon: Epsilon = 1e-7


class SGD(Spec):
    """Stochastic gradient descent with momentum, and Nesterov's look ahead where wanted."""

    name: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.05
    momentum: Momentum = 0.9
    nesterov: Annotated[
        bool, Field(title="Nesterov", description="Takes the gradient where momentum is about to lead.")
    ] = False


class RMSprop(Spec):
    """Hinton, lecture 6e of "Neural networks for machine learning", 2012."""

    name: Literal["rmsprop"] = "rmsprop"
    learning_rate: LearningRate = 0.001
    rho: Rho = 0.9
    momentum: Momentum = 0.0
    epsilon: Epsilon = 1e-7


class Adagrad(Spec):
    """Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011."""

    name: Literal["adagrad"] = "adagrad"
    learning_rate: LearningRate = 0.05
    epsilon: Epsilon = 1e-7


class Nadam(Spec):
    """Dozat, "Incorporating Nesterov momentum into Adam", 2016."""

    name: Literal["nadam"] = "nadam"
    learning_rate: LearningRate = 0.001
    beta_1: Beta1 = 0.9
    beta_2: Beta2 = 0.999
    epsilon: Epsilon = 1e-7


class Adamax(Spec):
    """Adam with the largest instead of the mean square of gradients; same paper."""

    name: Literal["adamax"] = "adamax"
    learning_rate: LearningRate = 0.002
    beta_1: Beta1 = 0.9
    beta_2: Beta2 = 0.999
    epsilon: Epsilon = 1e-7


class Lion(Spec):
    """Chen et al., "Symbolic discovery of optimization algorithms", 2023: steps by the sign alone, so small ones."""

    name: Literal["lion"] = "lion"
    learning_rate: LearningRate = 0.0003
    beta_1: Beta1 = 0.9
    beta_2: Beta2 = 0.99


AnyOptimizer = Adadelta | Adam | SGD | RMSprop | Adagrad | Nadam | Adamax | Lion
Optimizer = Annotated[AnyOptimizer, Field(discriminator="name")]
OPTIMIZERS: dict[str, type[AnyOptimizer]] = {kind.model_fields["name"].default: kind for kind in get_args(AnyOptimizer)}


class Constant(Spec):
    """The same learning rate from first to last step."""

    name: Literal["constant"] = "constant"

    def shares(self, steps_per_epoch: int, steps: int) -> np.ndarray:
        """Share of the full learning rate at each step, `(steps,)`."""
        return np.ones(steps)


class Step(Spec):
    """The learning rate falls by a factor every few epochs."""

    name: Literal["step"] = "step"
    factor: Annotated[
        float, Field(gt=0, lt=1, title="Factor", description="What the learning rate is multiplied by at each fall.")
    ] = 0.5
    every: Annotated[
        int, Field(ge=1, le=1000, title="Every (epochs)", description="Epochs from one fall to the next.")
    ] = 3

    def shares(self, steps_per_epoch: int, steps: int) -> np.ndarray:
        """Share of the full learning rate at each step, `(steps,)`."""
        shares: np.ndarray = self.factor ** (np.arange(steps) // steps_per_epoch // self.every).astype(float)
        return shares


class Cosine(Spec):
    """Falls along half a cosine to zero; Loshchilov and Hutter, "SGDR", 2017, without restarts."""

    name: Literal["cosine"] = "cosine"

    def shares(self, steps_per_epoch: int, steps: int) -> np.ndarray:
        """Share of the full learning rate at each step, `(steps,)`."""
        shares: np.ndarray = (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2
        return shares


class OneCycle(Spec):
    """Rises linearly from a tenth over a first part and falls linearly towards zero over the rest.

    After Smith and Topin, "Super-convergence", 2018.
    """

    name: Literal["one-cycle"] = "one-cycle"
    rise: Annotated[
        float, Field(gt=0, lt=1, title="Rise", description="Share of training in which the learning rate rises.")
    ] = 0.25

    def shares(self, steps_per_epoch: int, steps: int) -> np.ndarray:
        """Share of the full learning rate at each step, `(steps,)`."""
        rise = max(1, int(steps * self.rise))
        return np.concatenate(
            [np.linspace(0.1, 1, rise, endpoint=False), np.linspace(1, 0, steps - rise, endpoint=False)]
        )


def _named(value: Any) -> Any:
    """A name alone is a schedule with its usual fields, as in designs of the lab's first days."""
    return {"name": value} if isinstance(value, str) else value


AnySchedule = Constant | Step | Cosine | OneCycle
Schedule = Annotated[Annotated[AnySchedule, Field(discriminator="name")], BeforeValidator(_named)]
SCHEDULES: dict[str, type[AnySchedule]] = {kind.model_fields["name"].default: kind for kind in get_args(AnySchedule)}


class Augmentation(Spec):
    """How far training images are moved at random, each anew in every epoch; all zeros is not at all."""

    shift: float = Field(
        default=0.0, ge=0, le=10, title="Shift (pixels)", description="Moves each image by up to so many pixels."
    )
    rotation: float = Field(
        default=0.0, ge=0, le=180, title="Rotation (degrees)", description="Turns each image by up to so many degrees."
    )
    zoom: float = Field(
        default=0.0, ge=0, le=0.9, title="Zoom", description="Makes each image larger or smaller by up to this share."
    )

    @property
    def moves_images(self) -> bool:
        """Whether it does anything."""
        return any((self.shift, self.rotation, self.zoom))

    def transforms(self, generator: np.random.Generator, images: int) -> np.ndarray:
        """Random moves of `images` images of 28×28, float32 `(images, 8)`.

        Each row holds a0, a1, a2, b0, b1, b2, 0, 0: the value at (x, y) of the new image is that of the old one at
        (a0 x + a1 y + a2, b0 x + b1 y + b2), as `keras.ops.image.affine_transform` has it. Turned and enlarged about
        the image's middle, then shifted.
        """
        x, y, angle, zoom = generator.uniform(-1, 1, (4, images))
        x, y, angle, zoom = self.shift * x, self.shift * y, np.deg2rad(self.rotation * angle), 1 + self.zoom * zoom
        cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
        middle = 13.5
        a2 = middle - cosine * (middle + x) - sine * (middle + y)
        b2 = middle + sine * (middle + x) - cosine * (middle + y)
        zero = np.zeros(images)
        return np.stack([cosine, sine, a2, -sine, cosine, b2, zero, zero], axis=1).astype(np.float32)


class Recipe(Spec):
    """How a network is trained. The loss is categorical cross-entropy."""

    optimizer: Optimizer = Adadelta()
    schedule: Schedule = Constant()
    batch_size: int = Field(
        default=128,
        ge=1,
        le=10_000,
        title="Batch size (images)",
        description="How many images each step averages its gradient over.",
    )
    epochs: int = Field(
        default=12,
        ge=1,
        le=MOST_EPOCHS,
        title="Epochs",
        description="How many times training goes through all its images.",
    )
    label_smoothing: Rate = Field(
        default=0.0,
        title="Label smoothing",
        description="Trains towards less than certain answers: this share is spread over all ten digits. The losses "
        "that are shown stay plain cross-entropy.",
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Weight decay",
        description="Each step takes away this share of every weight, times the learning rate.",
    )
    augmentation: Augmentation = Augmentation()
    moving_average: Rate = Field(
        default=0.0,
        title="Moving average of weights",
        description="0: none. 0.99: validates and keeps the mean of the weights over about the last hundred steps.",
    )
    bias_corrected_statistics: bool = Field(
        default=False,
        title="Bias-corrected statistics",
        description="Once trained, normalisation goes by running means and variances. They begin at 0 and 1, and for the first few hundred "
        "steps are partly still that, so that validation looks worse than the network is. Corrected, what is left of that beginning is "
        "taken out, as Keras of 2019 did. It changes nothing of how the network learns.",
    )
    normalization_momentum: float = Field(
        default=0.99,
        ge=0,
        le=0.9999,
        title="Normalisation momentum",
        description="Memory of normalisation's running means and variances: 0.99 is about the last hundred steps.",
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=1000,
        title="Early stopping (epochs)",
        description="0: never. Else training ends when validation accuracy has not risen for so many epochs.",
    )

    def learning_rates(self, steps_per_epoch: int) -> np.ndarray:
        """The learning rate of each training step, float32 `(steps_per_epoch * epochs,)`."""
        shares = self.schedule.shares(steps_per_epoch, steps_per_epoch * self.epochs)
        return (self.optimizer.learning_rate * shares).astype(np.float32)

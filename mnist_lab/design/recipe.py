"""How a network is trained: optimizer, learning rate schedule, regularisation, augmentation, early stopping.

The editor shows the fields in their order, with their titles, descriptions and bounds. An optimizer has the name of a
Keras class and its fields are that class's arguments; to add one, add its class here and to `AnyOptimizer`. A schedule
needs its class here and in `AnySchedule`, and its Keras form in `keras_script`.
"""

from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import BeforeValidator, Field

from mnist_lab.design.blocks import Rate, Spec

MAX_EPOCHS = 1000
Decay = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[
    float, Field(gt=0, le=1000, title="Learning rate", description="How far each step moves the weights.")
]
Momentum = Annotated[
    Decay,
    Field(title="Momentum", description="Share of the last step that is added to the next, as for a rolling ball."),
]
Beta1 = Annotated[Decay, Field(title="beta 1", description="Memory of the mean gradient: 0.9 is about ten steps.")]
Beta2 = Annotated[
    Decay, Field(title="beta 2", description="Memory of the squared gradient: 0.999 is about 1,000 steps.")
]
Rho = Annotated[Decay, Field(title="rho", description="Memory of the squared gradient: 0.95 is about twenty steps.")]
Epsilon = Annotated[
    float,
    Field(gt=0, le=1, title="epsilon", description="Avoids division by zero; a larger value makes steps smaller."),
]


class BaseOptimizer(Spec):
    """Base class of optimizers.

    Attributes:
        slots: values per weight that the optimizer stores, which decide the size of a checkpoint.
    """

    @property
    def slots(self) -> int:
        return 2


class Adadelta(BaseOptimizer):
    """Zeiler, "ADADELTA: an adaptive learning rate method", 2012; the notebook's optimizer, with its learning rate of 1.0.

    The default of Keras 3 is 0.001, at which the notebook's networks hardly learn.
    """

    name: Literal["adadelta"] = "adadelta"
    learning_rate: LearningRate = 1.0
    rho: Rho = 0.95
    epsilon: Epsilon = 1e-7


class Adam(BaseOptimizer):
    """Kingma and Ba, "Adam: a method for stochastic optimization", 2015. With weight decay it is AdamW."""

    name: Literal["adam"] = "adam"
    learning_rate: LearningRate = 0.001
    beta_1: Beta1 = 0.9
    beta_2: Beta2 = 0.999
    epsilon: Epsilon = 1e-7


class SGD(BaseOptimizer):
    """Stochastic gradient descent with momentum, in Nesterov's form where `nesterov` is set."""

    name: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.05
    momentum: Momentum = 0.9
    nesterov: Annotated[
        bool, Field(title="Nesterov", description="Evaluates the gradient where the momentum is about to lead.")
    ] = False

    @property
    def slots(self) -> int:
        return int(self.momentum > 0)


class RMSprop(BaseOptimizer):
    """Hinton, lecture 6e of "Neural networks for machine learning", 2012."""

    name: Literal["rmsprop"] = "rmsprop"
    learning_rate: LearningRate = 0.001
    rho: Rho = 0.9
    momentum: Momentum = 0.0
    epsilon: Epsilon = 1e-7

    @property
    def slots(self) -> int:
        return 1 + (self.momentum > 0)


class Adagrad(BaseOptimizer):
    """Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011."""

    name: Literal["adagrad"] = "adagrad"
    learning_rate: LearningRate = 0.05
    epsilon: Epsilon = 1e-7

    @property
    def slots(self) -> int:
        return 1


class Nadam(BaseOptimizer):
    """Dozat, "Incorporating Nesterov momentum into Adam", 2016."""

    name: Literal["nadam"] = "nadam"
    learning_rate: LearningRate = 0.001
    beta_1: Beta1 = 0.9
    beta_2: Beta2 = 0.999
    epsilon: Epsilon = 1e-7


class Adamax(BaseOptimizer):
    """Adam with the infinity norm of the gradients in place of their mean square; from the same paper."""

    name: Literal["adamax"] = "adamax"
    learning_rate: LearningRate = 0.002
    beta_1: Beta1 = 0.9
    beta_2: Beta2 = 0.999
    epsilon: Epsilon = 1e-7


class Lion(BaseOptimizer):
    """Chen et al., "Symbolic discovery of optimization algorithms", 2023. Steps depend on signs alone: use small rates."""

    name: Literal["lion"] = "lion"
    learning_rate: LearningRate = 0.0003
    beta_1: Beta1 = 0.9
    beta_2: Beta2 = 0.99

    @property
    def slots(self) -> int:
        return 1


AnyOptimizer = Adadelta | Adam | SGD | RMSprop | Adagrad | Nadam | Adamax | Lion
Optimizer = Annotated[AnyOptimizer, Field(discriminator="name")]
OPTIMIZERS: dict[str, type[AnyOptimizer]] = {kind.model_fields["name"].default: kind for kind in get_args(AnyOptimizer)}


class Constant(Spec):
    """A constant learning rate."""

    summary: ClassVar[str] = "never changes"
    name: Literal["constant"] = "constant"

    def factors(self, steps_per_epoch: int, steps: int) -> np.ndarray:
        """What the learning rate is multiplied by at each step, in 0 to 1, `(steps,)`."""
        return np.ones(steps)


class Step(Spec):
    """Multiplies the learning rate by a factor every few epochs."""

    summary: ClassVar[str] = "falls every few epochs"
    name: Literal["step"] = "step"
    factor: Annotated[
        float, Field(gt=0, lt=1, title="Factor", description="What the learning rate is multiplied by each time.")
    ] = 0.5
    every: Annotated[
        int, Field(ge=1, le=1000, title="Every (epochs)", description="Epochs between two reductions.")
    ] = 3

    def factors(self, steps_per_epoch: int, steps: int) -> np.ndarray:
        """What the learning rate is multiplied by at each step, in 0 to 1, `(steps,)`."""
        factors: np.ndarray = self.factor ** (np.arange(steps) // steps_per_epoch // self.every).astype(float)
        return factors


class Cosine(Spec):
    """Cosine decay to zero: Loshchilov and Hutter, "SGDR", 2017, without restarts."""

    summary: ClassVar[str] = "falls along half a cosine to zero"
    name: Literal["cosine"] = "cosine"

    def factors(self, steps_per_epoch: int, steps: int) -> np.ndarray:
        """What the learning rate is multiplied by at each step, in 0 to 1, `(steps,)`."""
        factors: np.ndarray = (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2
        return factors


class OneCycle(Spec):
    """Rises linearly from a tenth of the learning rate to all of it, then falls linearly towards zero.

    After Smith and Topin, "Super-convergence", 2018.
    """

    summary: ClassVar[str] = "rises, then falls to zero"
    name: Literal["one-cycle"] = "one-cycle"
    rise: Annotated[
        float, Field(gt=0, lt=1, title="Rise", description="Share of all steps during which the learning rate rises.")
    ] = 0.25

    def factors(self, steps_per_epoch: int, steps: int) -> np.ndarray:
        """What the learning rate is multiplied by at each step, in 0 to 1, `(steps,)`."""
        rise = max(1, int(steps * self.rise))
        return np.concatenate(
            [np.linspace(0.1, 1, rise, endpoint=False), np.linspace(1, 0, steps - rise, endpoint=False)]
        )


def _named(value: Any) -> Any:
    """A bare name stands for the schedule with its defaults, as in designs of the first versions."""
    return {"name": value} if isinstance(value, str) else value


AnySchedule = Constant | Step | Cosine | OneCycle
Schedule = Annotated[Annotated[AnySchedule, Field(discriminator="name")], BeforeValidator(_named)]
SCHEDULES: dict[str, type[AnySchedule]] = {kind.model_fields["name"].default: kind for kind in get_args(AnySchedule)}


class Augmentation(Spec):
    """Random transforms of the training images, drawn for each image in each epoch; by default none."""

    shift: float = Field(
        default=0.0,
        ge=0,
        le=10,
        title="Shift (pixels)",
        description="Shifts each image at random by up to this many pixels in each direction.",
    )
    rotation: float = Field(
        default=0.0,
        ge=0,
        le=180,
        title="Rotation (degrees)",
        description="Rotates each image at random by up to this many degrees either way.",
    )
    zoom: float = Field(
        default=0.0,
        ge=0,
        le=0.9,
        title="Zoom",
        description="Enlarges or shrinks each image at random by up to this share: 0.1 is 10 %.",
    )

    @property
    def moves_images(self) -> bool:
        """Whether any of the transforms is on."""
        return any((self.shift, self.rotation, self.zoom))

    def transforms(self, generator: np.random.Generator, images: int) -> np.ndarray:
        """Random transforms for `images` images of 28×28 pixels, float32 `(images, 8)`.

        A row is a0, a1, a2, b0, b1, b2, 0, 0, as `keras.ops.image.affine_transform` takes it: pixel (x, y) of the new
        image is taken from (a0 x + a1 y + a2, b0 x + b1 y + b2) of the old one. The image is rotated and zoomed about
        its centre, then shifted.
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
        description="Number of images over which each step averages the gradient.",
    )
    epochs: int = Field(
        default=12,
        ge=1,
        le=MAX_EPOCHS,
        title="Epochs",
        description="How many times training goes through all training images.",
    )
    label_smoothing: Rate = Field(
        default=0.0,
        title="Label smoothing",
        description="Spreads this share of each label's probability over all ten digits, so that training does not aim at "
        "certainty. The losses shown are still plain cross-entropy.",
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Weight decay",
        description="Each step shrinks every weight by this share times the learning rate.",
    )
    augmentation: Augmentation = Augmentation()
    moving_average: Rate = Field(
        default=0.0,
        title="Moving average of weights",
        description="0: none. 0.99: the mean of the weights over about the last hundred steps is validated and kept.",
    )
    bias_corrected_statistics: bool = Field(
        default=False,
        title="Bias-corrected statistics",
        description="Outside training, batch normalisation uses running means and variances. Their initial values, 0 and 1, still weigh in "
        "during the first few hundred steps, which makes validation look worse than the network is. This removes what is left of them, as "
        "the Keras of 2019 did. It does not change how the network learns.",
    )
    normalization_momentum: float = Field(
        default=0.99,
        ge=0,
        le=0.9999,
        title="Normalisation momentum",
        description="Memory of batch normalisation's running means and variances: 0.99 is about the last hundred steps.",
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=1000,
        title="Early stopping (epochs)",
        description="Ends training when validation accuracy has not improved for this many epochs. 0: never.",
    )

    def learning_rates(self, steps_per_epoch: int) -> np.ndarray:
        """The learning rate of each training step, float32 `(steps_per_epoch * epochs,)`."""
        factors = self.schedule.factors(steps_per_epoch, steps_per_epoch * self.epochs)
        return (self.optimizer.learning_rate * factors).astype(np.float32)

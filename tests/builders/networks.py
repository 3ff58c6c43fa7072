"""Networks, drawn at random and by hand."""

from hypothesis import strategies as st

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock, DenseBlock
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.recipe import Adam, Recipe

lengths = st.integers(1, 28)


blocks = st.builds(
    ConvBlock,
    filters=st.integers(1, 1024),
    kernel_size=st.tuples(lengths, lengths),
    strides=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.sampled_from(["valid", "same"]),
    pooling=st.sampled_from(["none", "max", "average"]),
    pool_size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    convolution=st.sampled_from(["plain", "plain", "separable"]),
    batch_normalization=st.booleans(),
    residual=st.booleans(),
)


architectures = st.builds(
    Architecture,
    blocks=st.lists(blocks, min_size=1, max_size=8).map(tuple),
    bridge=st.sampled_from(["flatten", "flatten", "global average"]),
    head=st.lists(st.builds(DenseBlock, units=st.integers(1, 4096)), max_size=2).map(tuple),
)


ORDERS = ["notebook", "usual", "quick", "pre-activation"]
ACTIVATIONS = ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "linear"]


plain_block = st.fixed_dictionaries(
    {
        "filters": st.integers(1, 6),
        "kernel_size": st.tuples(st.integers(1, 7), st.integers(1, 7)),
        "strides": st.tuples(st.integers(1, 2), st.integers(1, 2)),
        "padding": st.sampled_from(["valid", "same"]),
        "pooling": st.sampled_from(["none", "max", "average"]),
        "pool_size": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "convolution": st.sampled_from(["plain", "plain", "separable"]),
        "bias": st.booleans(),
        "activation": st.sampled_from(ACTIVATIONS),
        "batch_normalization": st.booleans(),
        "dropout": st.just(0.25),
        "order": st.sampled_from(ORDERS),
        "residual": st.booleans(),
    }
)


raw_dense = st.fixed_dictionaries(
    {
        "units": st.integers(0, 40),
        "bias": st.booleans(),
        "activation": st.sampled_from(ACTIVATIONS),
        "batch_normalization": st.booleans(),
        "dropout": st.sampled_from([0.0, 0.5]),
    }
)


# Of these a value depends on each pixel of its receptive field, and by a number that never is 0.
linear_block = st.builds(
    ConvBlock,
    filters=st.integers(1, 2),
    kernel_size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    strides=st.integers(1, 2).map(lambda n: (n, n)),
    padding=st.sampled_from(["valid", "same"]),
    convolution=st.sampled_from(["plain", "separable"]),
    # A mean hands its gradient to every value and a maximum to one only: their windows are the same.
    pooling=st.sampled_from(["none", "average"]),
    pool_size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    bias=st.just(False),
    activation=st.just("linear"),
    residual=st.booleans(),
)


def small_experiment() -> Experiment:
    """A network that learns something from 1,000 images in a second or two."""
    return Experiment(
        name="small",
        architecture=Architecture(blocks=(ConvBlock(filters=4, kernel_size=5, strides=2, dropout=0.1),)),
        recipe=Recipe(optimizer=Adam(learning_rate=0.01), batch_size=100, epochs=2),
        train_images=1000,
    )

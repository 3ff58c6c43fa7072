"""The forward pass of training against the stock layers it stands for."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.experiment import parse
from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.training import forward
from mnist_lab.training.model import build
from tests.builders.networks import plain_block, raw_dense

X = np.random.default_rng(0).random((12, 28, 28, 1)).astype(np.float32)
LABELS = np.arange(12) % 10
MANY = 1000  # images in a part, of so many that every cheaper form is taken that there is


def without_dropout(architecture: Architecture) -> Architecture:
    plain = architecture.model_dump(mode="json")
    for block in [*plain["blocks"], *plain["head"]]:
        block["dropout"] = 0.0
    return Architecture.model_validate(plain)


def trained_once(
    model: keras.Model, architecture: Architecture, *, is_fast: bool, cuts: list[tuple[int, int]]
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Probabilities, gradients, and all variables after a forward pass in training, of a batch in parts."""
    with tf.GradientTape() as tape:
        if is_fast:
            parts = [tf.constant(X[start:end]) for start, end in cuts]
            logits = tf.concat(forward.logits(model, trace(architecture), parts, images=MANY), 0)
            probabilities = tf.nn.softmax(logits)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, logits)
        else:
            probabilities = model(X, training=True)
            losses = keras.losses.sparse_categorical_crossentropy(LABELS, probabilities)
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, model.trainable_variables)
    return probabilities.numpy(), [g.numpy() for g in gradients], [v.numpy() for v in model.variables]


def compare(architecture: Architecture, cuts: list[tuple[int, int]], *, gradients: bool = True) -> None:
    fast, stock = (
        trained_once(build(architecture, seed=3), architecture, is_fast=is_fast, cuts=cuts) for is_fast in (True, False)
    )
    assert fast[0] == pytest.approx(stock[0], abs=2e-5)
    scale = max(float(np.abs(g).max()) for g in stock[1])
    for ours, theirs in zip(fast[1], stock[1], strict=True):
        assert not gradients or ours == pytest.approx(theirs, rel=2e-3, abs=2e-4 * max(scale, 1e-3))
    for ours, theirs in zip(fast[2], stock[2], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_give_the_outputs_gradients_and_moving_averages_of_stock_keras(name: str) -> None:
    compare(without_dropout(PRESETS[name].architecture), [(0, 7), (7, 12)])


def test_so_they_do_in_one_part_and_in_three() -> None:
    for cuts in ([(0, 12)], [(0, 1), (1, 5), (5, 12)]):
        compare(without_dropout(PRESETS["3x3"].architecture), cuts)


def test_so_does_a_dense_block_with_very_many_units() -> None:
    blocks = [{"filters": 4, "kernel_size": 5, "strides": 4}]
    compare(
        parse(Architecture, {"blocks": blocks, "head": [{"units": 2048, "batch_normalization": True}]}),
        [(0, 5), (5, 12)],
    )


@pytest.mark.parametrize("change", [{"activation": "elu"}, {"activation": "linear"}, {"strides": 2}])
def test_a_normalisation_goes_into_the_convolution_behind_it(change: dict) -> None:
    """Whatever activation stands before it, and wherever channels have scales that are small, negative or zero."""
    blocks = [
        {"filters": 4, "kernel_size": 3, "batch_normalization": True} | change,
        {"filters": 6, "kernel_size": 3, "strides": 2},
    ]
    architecture = parse(Architecture, {"blocks": blocks, "head": []})
    found = []
    for is_fast in (True, False):
        model = build(architecture, seed=3)
        normalisation = next(layer for layer in model.layers if type(layer) is keras.layers.BatchNormalization)
        normalisation.gamma.assign([1.0, -0.5, 1e-6, 0.0])
        normalisation.beta.assign([0.0, 0.3, 0.1, -0.2])
        found.append(trained_once(model, architecture, is_fast=is_fast, cuts=[(0, 5), (5, 12)])[1])
    for ours, theirs in zip(*found, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)


@settings(max_examples=25)
@given(
    st.lists(plain_block, min_size=1, max_size=3),
    st.sampled_from(["flatten", "global average", "global max"]),
    st.lists(raw_dense, max_size=1),
)
def test_so_do_generated_architectures(blocks: list[dict], bridge: str, head: list[dict]) -> None:
    try:
        architecture = parse(Architecture, {"blocks": blocks, "bridge": bridge, "head": head})
        assume(totals(trace(architecture)).parameters < 300_000)
    except InputError:
        assume(False)
    # Stock Keras does not run these on every machine; `test_keras_model` holds them against their sums.
    assume(all(b.convolution == "plain" or b.strides[0] == b.strides[1] for b in architecture.blocks))
    # The average of a normalised map is the same whatever the weights, and normalising averages, which hardly differ
    # between images, magnifies their last digits thirtyfold: there gradients are rounding, in any order.
    last = architecture.blocks[-1]
    ends_normalised = last.order == "notebook" and not last.residual
    constant = last.batch_normalization and (ends_normalised or last.activation == "linear")
    magnified = any(dense.batch_normalization for dense in architecture.head)
    gradients = bridge == "flatten" or not (constant or magnified)
    compare(without_dropout(architecture), [(0, 5), (5, 12)], gradients=gradients)


@settings(max_examples=15)
@given(st.lists(plain_block, min_size=1, max_size=3), st.lists(raw_dense, max_size=1))
def test_what_is_done_together_is_what_is_done_apart(blocks: list[dict], head: list[dict]) -> None:
    """Normalisation with what stands before and behind it, for the same masks."""
    try:
        architecture = parse(Architecture, {"blocks": blocks, "head": head})
        assume(totals(trace(architecture)).parameters < 300_000)
    except InputError:
        assume(False)
    cuts = [(0, 5), (5, 12)]
    together = trained_once(build(architecture, seed=3), architecture, is_fast=True, cuts=cuts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "_absorbs_normalisation", lambda layer, small: False)
        apart = trained_once(build(architecture, seed=3), architecture, is_fast=True, cuts=cuts)
    assert together[0] == pytest.approx(apart[0], abs=2e-5)
    scale = max(float(np.abs(g).max()) for g in apart[1])
    for ours, theirs in zip(together[1], apart[1], strict=True):
        assert ours == pytest.approx(theirs, rel=2e-3, abs=2e-4 * max(scale, 1e-3))
    for ours, theirs in zip(together[2], apart[2], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def test_the_order_of_a_maximum_and_what_never_falls_changes_not_a_bit() -> None:
    x = tf.constant(np.random.default_rng(1).normal(size=(4, 6, 6, 3)).astype(np.float32))
    bias = tf.constant([0.1, -0.2, 0.3])
    for name in ("relu", "leaky_relu", "linear"):
        activation = keras.activations.get(name)
        before = tf.nn.max_pool2d(activation(x + bias), 2, 2, "VALID")
        after = activation(tf.nn.max_pool2d(x, 2, 2, "VALID") + bias)
        assert np.array_equal(before.numpy(), after.numpy()), name


@pytest.mark.parametrize(("rate", "drops"), [(0.25, 0.25), (0.5, 0.5), (0.7, 45875 / 65536), (0.1, 6554 / 65536)])
def test_dropout_drops_its_share_and_keeps_the_mean(rate: float, drops: float) -> None:
    layer = keras.layers.Dropout(rate, seed=5)
    x = tf.ones((301, 29, 7))
    first, second = (forward._dropped(layer, [x])[0].numpy() for _ in range(2))
    share = (first == 0).mean()
    assert share == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / first.size))
    assert np.unique(first[first != 0]) == pytest.approx([1 / (1 - drops)], rel=1e-6)
    assert (first != second).mean() == pytest.approx(2 * rate * (1 - rate), abs=0.01)  # another mask each time
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        means = (first == 0).mean(axis=others)
        assert means.std() < 6 * np.sqrt(rate * (1 - rate) / (first.size / first.shape[axis]))


def test_the_same_state_of_dropout_gives_the_same_mask() -> None:
    x = tf.ones((10, 50))
    masks = [forward._dropped(keras.layers.Dropout(0.3, seed=9), [x])[0].numpy() for _ in range(2)]
    assert np.array_equal(*masks)
    assert not np.array_equal(masks[0], forward._dropped(keras.layers.Dropout(0.3, seed=8), [x])[0].numpy())


def test_parts_have_masks_of_their_own_and_the_state_goes_on_as_the_stock_layers_does() -> None:
    ours, stock = (keras.layers.Dropout(0.5, seed=9) for _ in range(2))
    x = tf.ones((40, 50))
    first, second = forward._dropped(ours, [x, x])
    stock(x, training=True)
    assert 0.4 < float(tf.reduce_mean(tf.cast(first == second, tf.float32))) < 0.6
    assert np.array_equal(ours.seed_generator.state.numpy(), stock.seed_generator.state.numpy())


def test_what_is_dropped_has_no_gradient_and_the_rest_its_scale() -> None:
    layer = keras.layers.Dropout(0.25, seed=5)
    x = tf.ones((100, 40))
    with tf.GradientTape() as tape:
        tape.watch(x)
        (y,) = forward._dropped(layer, [x])
    assert np.array_equal(tape.gradient(y, x).numpy(), y.numpy())


def test_single_pixels_with_strides_write_nowhere_else() -> None:
    """In a process of its own: what went wrong here was memory, and the process died some steps later."""
    code = """
import numpy as np, tensorflow as tf
from mnist_lab.training import forward
from mnist_lab.design.experiment import parse
from mnist_lab.design.architecture import Architecture
from mnist_lab.training.model import build
from mnist_lab.design.network import trace
block = {"filters": 6, "kernel_size": 1, "strides": 2}
architecture = parse(Architecture, {"blocks": [block], "head": []})
model = build(architecture, seed=3)
x = tf.constant(np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32"))
for _ in range(300):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(forward.logits(model, trace(architecture), [x], images=5)[0] ** 2)
    tape.gradient(loss, model.trainable_variables)
    others = [tf.zeros([size]) for size in range(1, 50)]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]


@pytest.mark.parametrize("activation", ["relu", "elu"])
@pytest.mark.parametrize("filters", [1, 4])  # one has too few values to be worth it
def test_a_normalisation_is_done_together_with_the_dropout_behind_it(activation: str, filters: int) -> None:
    """Against stock layers around the same masks."""
    block = {
        "filters": filters,
        "kernel_size": 3,
        "activation": activation,
        "batch_normalization": True,
        "dropout": 0.3,
    }
    architecture = parse(Architecture, {"blocks": [block], "head": []})
    found = []
    for is_fast in (True, False):
        model = build(architecture, seed=3)
        convolution, normalisation, dropout, flatten, last = model.layers
        normalisation.gamma.assign([1.0, -0.5, 1e-3, 0.0][:filters])
        normalisation.beta.assign([0.0, 0.3, 0.1, -0.2][:filters])
        with tf.GradientTape() as tape:
            if is_fast:
                logits = forward.logits(
                    model, trace(architecture), [tf.constant(X[:5]), tf.constant(X[5:])], images=MANY
                )
            else:
                x = normalisation(convolution(X), training=True)
                dropped = forward._dropped(dropout, [x[:5], x[5:]])
                logits = [tf.matmul(flatten(part), last.kernel) + last.bias for part in dropped]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, tf.concat(logits, 0)))
        gradients = tape.gradient(loss, model.trainable_variables)
        found.append([loss, *gradients, *normalisation.weights])
    for ours, theirs in zip(*found, strict=True):
        assert ours.numpy() == pytest.approx(theirs.numpy(), rel=1e-3, abs=1e-5)

"""Looking into trained networks, against stock Keras and independent computations."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_lab.data import drawing, mnist
from mnist_lab.data.perturbation import perturbed
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.layers import Add, Conv2D
from mnist_lab.design.network import parts, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.inspection import arithmetic, attribution, questions
from mnist_lab.inspection.export import write_for_every_keras_3
from mnist_lab.inspection.network import Network
from mnist_lab.store.store import Store
from mnist_lab.training.model import build
from tests.builders.digits import placed
from tests.builders.trained import shelf, train

BLOCKS = [
    {"filters": 6, "kernel_size": 5, "strides": 2, "batch_normalization": True, "dropout": 0.2},
    {"filters": 8, "kernel_size": 3, "padding": "same", "convolution": "separable", "pooling": "max"},
]


RESIDUAL = [
    {"filters": 6, "kernel_size": 5, "strides": 2, "batch_normalization": True, "dropout": 0.2},
    {"filters": 6, "kernel_size": 3, "padding": "same", "residual": True, "batch_normalization": True},
    {"filters": 8, "kernel_size": 3, "padding": "same", "residual": True, "convolution": "separable", "pooling": "max"},
]


@pytest.fixture(scope="module", params=[BLOCKS, RESIDUAL], ids=["chain", "residual"])
def experiment(request: pytest.FixtureRequest) -> Experiment:
    return Experiment(
        name="looked into",
        architecture=Architecture.model_validate({"blocks": request.param, "head": [{"units": 24}]}),
        recipe={"optimizer": {"name": "adam", "learning_rate": 0.005}, "batch_size": 100, "epochs": 3},
        train_images=6000,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Iterator[Store]:
    with shelf(tmp_path_factory, experiment) as store:
        yield store


@pytest.fixture(scope="module")
def network(store: Store) -> Network:
    return Network(store, 1)


@pytest.fixture(scope="module")
def stock(store: Store, experiment: Experiment) -> keras.Model:
    """The same weights in a model that the lab's inspection never touched."""
    model = build(experiment.architecture, seed=5)
    weights = store.checkpoints.weights(1)
    model.set_weights([weights[v.path] for v in model.weights])
    return model


TEST = mnist.load()[1]
IMAGE = TEST.x[8]
SHARES: list[float] = []


def as_x(images: np.ndarray) -> np.ndarray:
    return images[..., np.newaxis].astype(np.float32) / 255


def ask(network: Network, kind: str, **question: object) -> dict[str, np.ndarray]:
    SHARES.clear()
    return questions.KINDS[kind](network, SHARES.append, **question)


def test_answers_are_those_of_stock_keras(network: Network, stock: keras.Model) -> None:
    found = ask(network, "answer", image=drawing.as_text(IMAGE))["probabilities"]
    assert found == pytest.approx(stock.predict(as_x(IMAGE[None]), verbose=0)[0], abs=1e-5)


def test_maps_of_every_layer_are_those_of_stock_keras(network: Network, stock: keras.Model) -> None:
    found = ask(network, "maps", image=drawing.as_text(IMAGE))
    assert len(found) == len(network.traced)
    for number, row in enumerate(network.traced):
        layer = stock.get_layer(row.name)
        until = keras.Model(stock.inputs, layer.output)
        expected = until.predict(as_x(IMAGE[None]), verbose=0)[0]
        assert found[str(number)].shape == expected.shape
        assert found[str(number)] == pytest.approx(expected, abs=1e-4), layer.name


def test_the_arithmetic_of_a_value_comes_to_the_value(network: Network, experiment: Experiment) -> None:
    maps = ask(network, "maps", image=drawing.as_text(IMAGE))
    traced = trace(experiment.architecture)
    generator = np.random.default_rng(0)
    convolutions = [number for number, row in enumerate(traced) if isinstance(row.layer, Conv2D)]
    checked = 0
    for number, row in enumerate(traced):
        if isinstance(row.layer, Conv2D):
            given = maps[str(row.inputs[0])] if number else as_x(IMAGE)
            weights = network.model.get_layer(row.name).get_weights()
            height, width, filters = row.output_shape
            for _ in range(30):
                place = (*(int(generator.integers(n)) for n in (height, width)), int(generator.integers(filters)))
                cell = arithmetic.cell(row.layer, weights, given, place)
                before = cell.total
                value = maps[str(number)][place]
                expected = max(before, 0) if row.layer.activation == "relu" else before
                assert expected == pytest.approx(value, abs=1e-4)
                assert cell.by_channel.sum() + cell.bias == pytest.approx(before)
                checked += 1
    assert checked == 30 * len(convolutions)


def test_a_value_is_followed_through_its_block(network: Network, experiment: Experiment) -> None:
    maps = ask(network, "maps", image=drawing.as_text(IMAGE))
    traced = trace(experiment.architecture)
    for number, row in enumerate(traced):
        if len(row.input_shape) != 3 or isinstance(row.layer, Conv2D | Add) or number == 0:
            continue
        given = maps[str(row.inputs[0])]
        for r, c in ((0, 0), (3, 2)):
            at = arithmetic.carried(row.layer, row.input_shape, r, c)
            if at is None:
                continue
            changed = given.copy()
            changed[r, c] += 5.0
            layer = network.model.get_layer(row.name)
            outputs = [layer(tf.constant(x[None]), training=False)[0] for x in (given, changed)]
            differs = np.argwhere(np.any(outputs[0].numpy() != outputs[1].numpy(), axis=-1))
            assert {tuple(place) for place in differs} <= {at}


def test_occlusion_is_what_blanking_by_hand_gives(network: Network, stock: keras.Model) -> None:
    found = ask(network, "attribution", image=drawing.as_text(IMAGE), digit=5, method="occlusion")["importance"]
    whole = stock.predict(as_x(IMAGE[None]), verbose=0)[0, 5]
    for row, column in ((0, 0), (5, 20), (14, 14), (27, 27), (13, 9)):
        blank = IMAGE.copy()
        for r in range(28):
            for c in range(28):
                if abs(r - row) <= 2 and abs(c - column) <= 2:
                    blank[r, c] = 0
        expected = whole - stock.predict(as_x(blank[None]), verbose=0)[0, 5]
        assert found[row, column] == pytest.approx(expected, abs=1e-5)


def logit(stock: keras.Model, x: np.ndarray, digit: int) -> float:
    """Of a digit, in double precision from what the last layer is given."""
    before = keras.Model(stock.inputs, stock.layers[-2].output).predict(x, verbose=0)[0].astype(np.float64)
    kernel, bias = stock.layers[-1].get_weights()
    return float(before @ kernel.astype(np.float64)[:, digit] + bias[digit])


def test_gradients_are_what_small_changes_of_a_pixel_give(network: Network, stock: keras.Model) -> None:
    found = ask(network, "attribution", image=drawing.as_text(IMAGE), digit=6, method="gradient")["importance"]
    x = as_x(IMAGE[None])
    size = 2e-3
    checked = 0
    for row, column in np.argwhere(np.abs(found) > np.quantile(np.abs(found), 0.97)):
        up, down = x.copy(), x.copy()
        up[0, row, column, 0] += size
        down[0, row, column, 0] -= size
        right = (logit(stock, up, 6) - logit(stock, x, 6)) / size
        left = (logit(stock, x, 6) - logit(stock, down, 6)) / size
        if right == pytest.approx(left, rel=0.02):  # else a rectifier's corner lies between, and there is no gradient
            assert found[row, column] == pytest.approx((right + left) / 2, rel=0.05, abs=0.01)
            checked += 1
    assert checked >= 5


def test_integrated_gradients_add_up_to_the_difference_from_an_empty_image(
    network: Network, stock: keras.Model
) -> None:
    for digit in range(10):
        question = {"image": drawing.as_text(IMAGE), "digit": digit, "method": "integrated gradients"}
        found = ask(network, "attribution", **question)["importance"]
        difference = logit(stock, as_x(IMAGE[None]), digit) - logit(stock, as_x(np.zeros((1, 28, 28), np.uint8)), digit)
        assert found.sum() == pytest.approx(difference, rel=0.05, abs=0.15)
        assert not found[IMAGE == 0].any()


def test_the_test_set_is_answered_as_it_was_when_the_run_was_tested(network: Network, store: Store) -> None:
    found = ask(network, "tested")["probabilities"]
    assert np.abs(found.astype(float) - store.runs.probabilities(1)).max() < 2e-3
    assert SHARES[-1] == 1.0
    assert sorted(SHARES) == SHARES


def test_the_landscape_is_the_principal_components_of_the_last_hidden_layer(
    network: Network, stock: keras.Model
) -> None:
    found = ask(network, "hidden")
    vectors = keras.Model(stock.inputs, stock.layers[-2].output).predict(as_x(TEST.x), verbose=0).astype(np.float64)
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    for component in (0, 1):
        expected = centred @ axes[:, -1 - component]
        ours = found["places"][:, component]
        assert abs(np.corrcoef(expected, ours)[0, 1]) > 0.9999
        assert ours.std() == pytest.approx(expected.std(), rel=1e-3)
        assert found["explained"][component] == pytest.approx(values[-1 - component] / values.sum(), rel=1e-3)
    assert (found["answers"] == TEST.y).mean() == pytest.approx(network.store.runs.get(1).test_accuracy, abs=2e-4)
    assert found["units"].tolist() == [part.channels for part in network.parts.values()]


def test_dead_units_are_counted(store: Store, experiment: Experiment) -> None:
    network = Network(store, 1)
    last = parts(trace(experiment.architecture))["Dense 1"]
    assert last.channels == 24
    dense = next(layer for layer in network.model.layers if layer.name.startswith("dense_1_dense"))
    kernel, bias = dense.get_weights()
    before = ask(network, "hidden")["dead"]
    kernel[:, :3], bias[:3] = 0, -1
    dense.set_weights([kernel, bias])
    after = ask(Network(store, 1), "hidden")["dead"]
    assert after.tolist() == before.tolist()  # another instance has its own weights
    assert ask(network, "hidden")["dead"][-1] >= 3


def test_a_robustness_curve_is_the_accuracy_on_changed_images(network: Network, stock: keras.Model) -> None:
    strengths = [-30.0, 0.0, 45.0]
    found = ask(network, "robustness", change="rotate", strengths=strengths, images=500)["accuracy"]
    chosen = np.linspace(0, 9999, 500).round().astype(int)
    for strength, accuracy in zip(strengths, found, strict=True):
        changed = perturbed(TEST.x[chosen], {"rotate": strength})
        answers = stock.predict(as_x(changed), verbose=0).argmax(axis=1)
        assert accuracy == pytest.approx((answers == TEST.y[chosen]).mean(), abs=0.0041)
    assert SHARES[-1] == 1.0


def test_a_filter_that_is_off_is_one_whose_output_is_zero(
    network: Network, stock: keras.Model, experiment: Experiment
) -> None:
    found = ask(network, "ablation", off={"Block 1": [0, 3], "Dense 1": [5]}, images=400)
    ends = parts(trace(experiment.architecture))
    chosen = np.linspace(0, 9999, 400).round().astype(int)
    outputs: list[np.ndarray] = []
    for number, row in enumerate(network.traced):
        given = [outputs[i] if i >= 0 else as_x(TEST.x[chosen]) for i in row.inputs]
        x = stock.get_layer(row.name)(given if len(given) > 1 else given[0], training=False).numpy()
        if number == ends["Block 1"].last_layer:
            x[..., [0, 3]] = 0
        if number == ends["Dense 1"].last_layer:
            x[..., 5] = 0
        outputs.append(x)
    expected = x.argmax(axis=1) == TEST.y[chosen]
    assert (found["right"][1] == expected).mean() > 0.995
    whole = stock.predict(as_x(TEST.x[chosen]), verbose=0).argmax(axis=1) == TEST.y[chosen]
    assert (found["right"][0] == whole).mean() > 0.995


def test_each_filter_alone_is_the_same_as_that_one_switched_off(network: Network) -> None:
    found = ask(network, "each alone", part="Block 2", images=300)
    channels = network.parts["Block 2"].channels
    assert len(found["accuracy"]) == channels
    for channel in (0, channels - 1):
        off = ask(network, "ablation", off={"Block 2": [channel]}, images=300)["right"].mean(axis=1)
        assert found["accuracy"][channel] == pytest.approx(off[1], abs=1e-9)
        assert float(found["whole"]) == pytest.approx(off[0], abs=1e-9)


def test_an_earlier_epoch_is_the_network_as_it_was_then(store: Store) -> None:
    early = Network(store, 1, epoch=1)
    accuracy = [
        (n.probabilities(TEST.x[:2000]).argmax(axis=1) == TEST.y[:2000]).mean() for n in (early, Network(store, 1))
    ]
    assert accuracy[0] < accuracy[1]
    weights = store.checkpoints.weights(1, 1)
    for variable in early.model.weights:
        assert np.array_equal(variable.numpy(), weights[variable.path])


def test_a_network_whose_separable_convolution_has_unequal_strides_trains_and_is_looked_into(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'lab.db'}")
    block = {"filters": 4, "kernel_size": 5, "strides": [2, 3], "convolution": "separable", "padding": "same"}
    experiment = Experiment(
        architecture=Architecture.model_validate({"blocks": [block]}),
        recipe={"optimizer": {"name": "adam", "learning_rate": 0.03}, "batch_size": 50, "epochs": 3},
        train_images=1001,  # a last batch of one image
    )
    run = train(store, experiment)
    assert run.test_accuracy > 0.5
    network = Network(store, run.id)
    image = drawing.as_text(IMAGE)
    assert ask(network, "maps", image=image)["0"].shape == (14, 10, 4)
    for method in attribution.METHODS:
        assert np.abs(ask(network, "attribution", image=image, digit=3, method=method)["importance"]).max() > 0
    assert set(ask(network, "export")) == {"network.keras", "network.weights.h5"}


_CONVOLUTION = {"name", "filters", "kernel_size", "strides", "padding", "activation", "use_bias", "data_format"}
# What the layers of Keras 3.0.5 take: the oldest that reads the lab's files, and gives the same answers. Tried by hand with
# 3.0.5, 3.1.1, 3.2.1, 3.3.3, 3.4.1, 3.5.0, 3.8.0, 3.10.0, 3.12.0, 3.13.0, 3.14.0 and 3.15.1.
KERAS_3_0 = {
    "InputLayer": {"name", "batch_shape"},
    "Conv2D": _CONVOLUTION,
    "SeparableConv2D": _CONVOLUTION,
    "MaxPooling2D": {"name", "pool_size", "data_format"},
    "AveragePooling2D": {"name", "pool_size", "data_format"},
    "BatchNormalization": {"name", "axis", "momentum", "epsilon"},
    "Activation": {"name", "activation"},
    "Add": {"name"},
    "Dropout": {"name", "rate"},
    "Flatten": {"name", "data_format"},
    "GlobalAveragePooling2D": {"name", "data_format"},
    "GlobalMaxPooling2D": {"name", "data_format"},
    "Dense": {"name", "units", "activation", "use_bias"},
}


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("bridge", ["flatten", "global average", "global max"])
def test_a_keras_file_says_nothing_that_an_older_keras_3_does_not_know(
    bridge: str, residual: bool, tmp_path: Path
) -> None:
    common = {"filters": 3, "batch_normalization": True, "dropout": 0.1}
    blocks = [
        common | {"kernel_size": 5, "strides": 2, "pooling": "average", "order": "usual", "activation": "leaky_relu"},
        common
        | {"kernel_size": [1, 2], "convolution": "separable", "bias": False, "pooling": "max", "padding": "same"},
        *([common | {"kernel_size": 3, "padding": "same", "residual": True}] if residual else []),
    ]
    architecture = Architecture.model_validate({"blocks": blocks, "bridge": bridge, "head": [{"units": 4}]})
    model = build(architecture, seed=1, normalization_momentum=0.9)
    path = tmp_path / "network.keras"
    model.save(path)
    write_for_every_keras_3(path)
    with zipfile.ZipFile(path) as archive:
        written = json.loads(archive.read("config.json"))
    for layer in written["config"]["layers"]:
        assert set(layer["config"]) <= KERAS_3_0[layer["class_name"]]
    again = keras.models.load_model(path, safe_mode=True)
    for ours, theirs in zip(model.layers, again.layers, strict=True):
        before, after = ours.get_config(), theirs.get_config()
        random = {name for name in before if "initializer" in name or name == "seed"}  # a seed for weights that it has
        assert {name: before[name] for name in before if name not in random} == {
            name: after[name] for name in after if name not in random
        }
    x = as_x(TEST.x[:20])
    assert np.array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("kind", "question", "words"),
    [
        ("answer", {"image": "x"}, "Image: should be"),
        ("attribution", {"image": drawing.as_text(IMAGE), "digit": 1, "method": "magic"}, "Method: should be one of"),
        ("robustness", {"change": "melt", "strengths": [0.0], "images": 10}, "Change: should be one of"),
        ("ablation", {"off": {"Block 9": [0]}, "images": 10}, "Switched off: 'Block 9' has no such channels"),
        ("ablation", {"off": {"Block 1": [99]}, "images": 10}, "Switched off: 'Block 1' has no such channels"),
        ("each alone", {"part": "Output", "images": 10}, "Part: should be one of"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(network: Network, kind: str, question: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ask(network, kind, **question)


def test_digits_that_were_moved_and_scaled_are_read_as_well_after_preparation(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'lab.db'}")
    fast = PRESETS["fast"]
    recipe = fast.recipe.model_dump(mode="json") | {"epochs": 1}
    network = Network(store, train(store, fast.with_changes(train_images=20_000, recipe=recipe)).id)
    generator = np.random.default_rng(0)
    chosen = np.arange(0, 10_000, 4)
    images, labels = TEST.x[chosen], TEST.y[chosen]
    pads = [
        placed(image, float(generator.uniform(4, 13)), *(float(share) for share in generator.random(2)))
        for image in images
    ]
    prepared = np.stack([drawing.prepared(pad) for pad in pads])
    plain = np.stack([drawing.shrunk(pad) for pad in pads])
    original, after, without = (
        float((network.probabilities(x).argmax(axis=1) == labels).mean()) for x in (images, prepared, plain)
    )
    print(f"original {original:.2%}, prepared {after:.2%}, only shrunk {without:.2%}")
    assert abs(after - original) <= 0.003
    assert without < original - 0.2  # preparation is what does it

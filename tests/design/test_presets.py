"""The presets are the notebook's networks, field by field."""

import pytest

from mnist_lab.design.experiment import Experiment, Protocol, parse
from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import DESCRIPTIONS, NOTEBOOK_PRESETS, PRESETS
from mnist_lab.design.recipe import Adadelta, Constant

# filters, kernel, strides, pool, batch normalisation, dropout: the table of the notebook's networks.
NOTEBOOK = {
    "7x7": [(16, 7, 1, None, True, 0.25), (32, 7, 1, 2, True, 0.25), (64, 7, 1, 2, True, 0.25)],
    "3x3": [(16, 3, 1, None, True, 0), (16, 3, 2, 2, False, 0.25), (32, 3, 2, 2, True, 0.25)],
    "2x2": [
        (4, 2, 1, None, False, 0.25),
        (8, 2, 1, 2, False, 0.25),
        (16, 2, 1, 2, False, 0.25),
        (32, 2, 1, None, True, 0.25),
        (64, 2, 1, None, True, 0.25),
    ],
}


@pytest.mark.parametrize("name", NOTEBOOK_PRESETS)
def test_the_notebooks_networks(name: str) -> None:
    preset = PRESETS[name]
    for block, (filters, kernel, strides, pool, normalization, dropout) in zip(
        preset.architecture.blocks, NOTEBOOK[name], strict=True
    ):
        assert block.filters == filters
        assert block.kernel_size == (kernel, kernel)
        assert block.strides == (strides, strides)
        assert block.padding == "valid"
        assert (block.pooling, block.pool_size) == (("max", (pool, pool)) if pool else ("none", (2, 2)))
        assert (block.bias, block.activation, block.convolution) == (True, "relu", "plain")
        assert block.batch_normalization is normalization
        assert block.dropout == dropout
        assert block.order == "notebook"
    assert preset.architecture.bridge == "flatten"
    (head,) = preset.architecture.head
    assert (head.units, head.batch_normalization, head.dropout) == (128, True, 0.7)
    assert preset.recipe.optimizer == Adadelta(learning_rate=1.0, rho=0.95, epsilon=1e-7)
    assert (preset.recipe.batch_size, preset.recipe.epochs, preset.recipe.schedule) == (128, 12, Constant())
    assert (preset.protocol, preset.train_images) == (Protocol.NOTEBOOK, 60_000)


@pytest.mark.parametrize(
    ("name", "trainable", "non_trainable"),
    [("7x7", 136_426, 480), ("3x3", 12_986, 352), ("2x2", 143_958, 448)],
)
def test_their_parameters(name: str, trainable: int, non_trainable: int) -> None:
    counts = totals(trace(PRESETS[name].architecture))
    assert (counts.trainable, counts.non_trainable) == (trainable, non_trainable)


@pytest.mark.parametrize("name", sorted(set(PRESETS) - set(NOTEBOOK_PRESETS)))
def test_all_others_are_validated_on_images_kept_apart(name: str) -> None:
    assert (PRESETS[name].protocol, PRESETS[name].train_images) == (Protocol.HOLDOUT, 55_000)


def test_the_tiny_one_is_tiny() -> None:
    assert totals(trace(PRESETS["tiny"].architecture)).parameters < 7_000


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_survives_json_and_is_described(name: str) -> None:
    assert parse(Experiment, PRESETS[name].model_dump_json()) == PRESETS[name]
    assert DESCRIPTIONS[name]

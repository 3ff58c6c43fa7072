"""Blocks as layers, and what they say of themselves."""

import pytest

from mnist_lab.design.blocks import BLOCK_INPUT, ConvBlock, DenseBlock
from mnist_lab.design.layers import Add, Conv2D
from mnist_lab.design.network import trace
from mnist_lab.design.presets import PRESETS


def kinds(block: ConvBlock, channels: int = 4) -> list[str]:
    return [type(node.layer).__name__ for node in block.expand(channels)]


def block(**fields: object) -> ConvBlock:
    return ConvBlock.model_validate({"filters": 4, "kernel_size": 3, "padding": "same", **fields})


@pytest.mark.parametrize(
    ("order", "layers"),
    [
        ("notebook", ["Conv2D", "MaxPooling2D", "BatchNormalization"]),
        ("usual", ["Conv2D", "BatchNormalization", "Activation", "MaxPooling2D"]),
        ("quick", ["Conv2D", "MaxPooling2D", "BatchNormalization", "Activation"]),
        ("pre-activation", ["BatchNormalization", "Activation", "Conv2D", "MaxPooling2D"]),
    ],
)
def test_orders_say_what_comes_first(order: str, layers: list[str]) -> None:
    assert kinds(block(order=order, batch_normalization=True, pooling="max")) == layers
    assert kinds(block(order=order, batch_normalization=True, pooling="max", dropout=0.1)) == [*layers, "Dropout"]


def test_a_residual_block_adds_its_input_as_he_and_others_have_it_whatever_its_order() -> None:
    for order in ("notebook", "pre-activation"):
        one = block(order=order, residual=True, batch_normalization=True)
        assert kinds(one) == ["BatchNormalization", "Activation", "Conv2D", "Add"]
        assert one.expand(4)[-1].inputs == (2, BLOCK_INPUT)


@pytest.mark.parametrize("change", [{"filters": 5}, {"strides": 2}])
def test_where_shapes_differ_a_convolution_takes_the_input_to_the_sum(change: dict[str, int]) -> None:
    *_, main, shortcut, addition = block(residual=True, **change).expand(4)
    assert isinstance(addition.layer, Add)
    assert addition.inputs == (1, 2)
    assert isinstance(shortcut.layer, Conv2D)
    assert (shortcut.layer.kernel_size, shortcut.layer.use_bias, shortcut.inputs) == ((1, 1), False, (BLOCK_INPUT,))
    assert (shortcut.layer.filters, shortcut.layer.strides) == (main.layer.filters, main.layer.strides)


def test_what_is_as_usual_is_left_out_of_the_words() -> None:
    assert block().describe() == "3×3, 4 filters, same"
    assert block(residual=True, batch_normalization=True).describe() == "3×3, 4 filters, same, residual, norm"
    assert DenseBlock(units=10, activation="tanh").describe() == "10 units, tanh"


def test_an_activation_is_merged_into_its_convolution_as_the_notebook_has_it() -> None:
    names = [type(row.layer).__name__ for row in trace(PRESETS["2x2"].architecture)]
    assert "Activation" not in names
    quick = [type(row.layer).__name__ for row in trace(PRESETS["good"].architecture)]
    assert quick[:4] == ["Conv2D", "MaxPooling2D", "BatchNormalization", "Activation"]
    usual = ConvBlock(filters=1, kernel_size=1, order="usual", batch_normalization=True, pooling="max", dropout=0.5)
    assert [type(node.layer).__name__ for node in usual.expand(1)] == [
        "Conv2D",
        "BatchNormalization",
        "Activation",
        "MaxPooling2D",
        "Dropout",
    ]

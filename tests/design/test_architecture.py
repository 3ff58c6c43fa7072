import pytest

from mnist_lab.design.architecture import Architecture, filters, kernel_sizes
from mnist_lab.design.blocks import ConvBlock, DenseBlock
from mnist_lab.design.network import block_window, covers_image_from, problem, totals, trace, trace_prefix
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import ArchitectureError


def test_a_refusal_names_the_block_what_does_not_fit_and_the_map() -> None:
    shrinking = Architecture(blocks=tuple(ConvBlock(filters=2, kernel_size=7, pooling="max") for _ in range(3)))
    with pytest.raises(ArchitectureError) as caught:
        trace(shrinking)
    assert str(caught.value) == "Block 3: a 7×7 kernel does not fit the 2×2 map it receives."
    assert caught.value.block == 2


def test_pooling_that_does_not_fit_is_refused() -> None:
    tiny = Architecture(blocks=(ConvBlock(filters=2, kernel_size=28, pooling="max"),))
    assert str(problem(tiny)) == "Block 1: 2×2 pooling does not fit the 1×1 map it receives."


def test_too_many_parameters_are_refused_with_their_number_and_place() -> None:
    wide = Architecture(
        blocks=(ConvBlock(filters=1024, kernel_size=3, padding="same"),), head=(DenseBlock(units=4096),)
    )
    # By hand: 3·3·1·1024 + 1024 convolution, 28·28·1024·4096 + 4096 dense, 4096·10 + 10 output.
    total = 9 * 1024 + 1024 + 28 * 28 * 1024 * 4096 + 4096 + 4096 * 10 + 10
    message = str(problem(wide))
    assert message.startswith(f"Dense 1: the network would have {total:,} parameters")
    assert "at most 10,000,000 are allowed" in message


def test_the_configuration_may_allow_more(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = Architecture(blocks=(ConvBlock(filters=16, kernel_size=3, padding="same"),), head=(DenseBlock(units=1024),))
    assert problem(wide)
    monkeypatch.setenv("MNIST_LAB_MAX_PARAMETERS", "20e6")
    assert problem(wide) is None


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


def test_a_design_in_a_word() -> None:
    assert kernel_sizes(PRESETS["7x7"].architecture) == "7×7"
    assert kernel_sizes(PRESETS["fast"].architecture) == "5×5, 3×3"
    assert filters(PRESETS["2x2"].architecture) == "4-8-16-32-64"


def test_totals_add_up() -> None:
    rows = trace(PRESETS["3x3"].architecture)
    assert totals(rows).parameters == sum(row.parameters for row in rows) == 13_338


def test_of_an_impossible_network_what_fits_is_traced() -> None:
    shrinking = Architecture(blocks=tuple(ConvBlock(filters=2, kernel_size=7, pooling="max") for _ in range(3)))
    rows = trace_prefix(shrinking)
    assert [str(row.place) for row in rows] == ["Block 1", "Block 1", "Block 2", "Block 2"]
    assert rows[-1].output_shape == (2, 2, 2)
    assert trace_prefix(PRESETS["7x7"].architecture) == trace(PRESETS["7x7"].architecture)


def test_from_which_block_on_the_whole_image_is_seen() -> None:
    # By hand: n valid 7×7 convolutions see 6n + 1 pixels; the middle value covers image 28 only where they reach both edges.
    same = Architecture(blocks=tuple(ConvBlock(filters=1, kernel_size=7, padding="same") for _ in range(6)))
    assert block_window(trace(same), 1) == ((7, 7), (20, 20))
    assert covers_image_from(trace(same)) == 4
    assert covers_image_from(trace(PRESETS["2x2"].architecture)) is None

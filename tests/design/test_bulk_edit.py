import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_lab.design.bulk_edit import FILTER_FACTORS, BulkEdit, common, depth_range
from mnist_lab.design.network import problem
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.repairs import repairs

START = {name: preset.architecture for name, preset in PRESETS.items()}


def test_at_rest_nothing_changes() -> None:
    for network in START.values():
        assert BulkEdit().apply(network) == network


def test_kernel_size_sets_every_convolution() -> None:
    network = BulkEdit(kernel_size=5).apply(START["fast"])
    assert [block.kernel_size for block in network.blocks] == [(5, 5), (5, 5)]


def test_filters_multiply_and_come_back_exactly() -> None:
    assert [b.filters for b in BulkEdit(filters=2).apply(START["2x2"]).blocks] == [8, 16, 32, 64, 128]
    assert [b.filters for b in BulkEdit(filters=0.25).apply(START["2x2"]).blocks] == [1, 2, 4, 8, 16]
    assert BulkEdit(filters=1).apply(START["2x2"]) == START["2x2"]


def test_dropout_sets_the_blocks_and_never_the_head() -> None:
    network = BulkEdit(dropout=0.5).apply(START["3x3"])
    assert [block.dropout for block in network.blocks] == [0.5, 0.5, 0.5]
    assert network.head == START["3x3"].head


def test_depth_adds_unpooled_blocks_before_the_last_pooling_with_same_padding_where_needed() -> None:
    network = BulkEdit(depth=5).apply(START["7x7"])
    assert [block.pools for block in network.blocks] == [False, True, False, False, True]
    assert [block.padding for block in network.blocks] == ["valid", "valid", "same", "same", "valid"]
    assert problem(network) is None
    roomy = BulkEdit(depth=4).apply(START["2x2"])
    assert len(roomy.blocks) == 4


def test_depth_uses_valid_padding_where_it_fits() -> None:
    network = BulkEdit(depth=6).apply(START["2x2"])
    assert {block.padding for block in network.blocks} == {"valid"}
    assert problem(network) is None


def test_depth_removes_unpooled_blocks_before_the_last_pooling_only() -> None:
    assert depth_range(START["7x7"])[0] == 2
    assert depth_range(START["2x2"])[0] == 4
    kept = BulkEdit(depth=4).apply(START["2x2"])
    assert [block.filters for block in kept.blocks] == [8, 16, 32, 64]


def test_padding_is_a_switch() -> None:
    assert common(BulkEdit(padding="same").apply(START["7x7"]), "padding") == "same"


def test_where_blocks_differ_there_is_no_common_value() -> None:
    assert common(START["3x3"], "dropout") is None
    assert common(START["7x7"], "dropout") == 0.25


@settings(max_examples=300)
@given(
    st.sampled_from(list(START)),
    st.none() | st.integers(1, 28),
    st.sampled_from(FILTER_FACTORS),
    st.none() | st.floats(0, 0.9),
    st.integers(0, 20),
    st.sampled_from([None, "valid", "same"]),
)
def test_no_setting_is_a_dead_end(
    name: str, kernel: int | None, factor: float, rate: float | None, depth: int, padding: str | None
) -> None:
    fewest, most = depth_range(START[name])
    quick = BulkEdit.model_validate(
        {
            "kernel_size": kernel,
            "filters": factor,
            "dropout": rate,
            "depth": min(most, max(fewest, depth)) if depth else None,
            "padding": padding,
        }
    )
    network = quick.apply(START[name])
    assert len(network.blocks) == (quick.depth or len(START[name].blocks))
    if problem(network) is not None:
        assert repairs(network)


@pytest.mark.parametrize("name", list(START))
def test_depth_copies_change_nothing_but_the_depth(name: str) -> None:
    network = BulkEdit(depth=len(START[name].blocks) + 1).apply(START[name])
    kept = [block.model_copy(update={"padding": "same"}) for block in START[name].blocks]
    added = [block for block in network.blocks if block.model_copy(update={"padding": "same"}) not in kept]
    assert all(block.strides == (1, 1) and not block.pools for block in added)

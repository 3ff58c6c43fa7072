"""Changes of the list of blocks are those of a list."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.design import edit
from mnist_lab.design.architecture import BLOCK_LISTS, Architecture
from mnist_lab.design.blocks import ConvBlock, DenseBlock
from mnist_lab.errors import InputError

networks = st.builds(
    lambda filters, units: Architecture(
        blocks=tuple(ConvBlock(filters=n, kernel_size=1) for n in filters),
        head=tuple(DenseBlock(units=n) for n in units),
    ),
    st.lists(st.integers(1, 99), min_size=1, max_size=30),
    st.lists(st.integers(1, 99), max_size=8),
)
parts = st.sampled_from(["blocks", "head"])


@given(networks, parts, st.data())
def test_what_is_done_to_the_blocks_is_done_to_a_list_of_them(network: Architecture, part: Any, data: Any) -> None:
    before = network.model_dump()
    blocks = [*getattr(network, part)]
    least, most = BLOCK_LISTS[part].shortest, BLOCK_LISTS[part].longest
    index = data.draw(st.integers(0, len(blocks)))
    if len(blocks) < most:
        inserted = edit.insert(network, part, index)
        assert [*getattr(inserted, part)] == [*blocks[:index], BLOCK_LISTS[part].new, *blocks[index:]]
    if index < len(blocks):
        if len(blocks) < most:
            twice = edit.duplicate(network, part, index)
            assert [*getattr(twice, part)] == [*blocks[: index + 1], *blocks[index:]]
        if len(blocks) > least:
            assert [*getattr(edit.delete(network, part, index), part)] == blocks[:index] + blocks[index + 1 :]
        to = data.draw(st.integers(0, len(blocks) - 1))
        moved = [*getattr(edit.move(network, part, index, to), part)]
        assert moved[to] == blocks[index]
        assert moved[:to] + moved[to + 1 :] == blocks[:index] + blocks[index + 1 :]
        field = "filters" if part == "blocks" else "units"
        changed = [*getattr(edit.change(network, part, index, field, 7), part)]
        assert changed == [*blocks[:index], blocks[index].model_copy(update={field: 7}), *blocks[index + 1 :]]
    assert network.model_dump() == before


def test_too_few_and_too_many_blocks_are_refused() -> None:
    one = Architecture(blocks=(ConvBlock(filters=1, kernel_size=1),))
    full = Architecture(blocks=one.blocks * 30, head=(DenseBlock(units=1),) * 8)
    for refused in (
        lambda: edit.delete(one, "blocks", 0),
        lambda: edit.insert(full, "blocks", 0),
        lambda: edit.duplicate(full, "head", 7),
    ):
        with pytest.raises(InputError):
            refused()
    assert edit.delete(full, "head", 0).head == full.head[1:]


def test_a_value_that_breaks_a_rule_is_refused_with_its_place() -> None:
    network = Architecture(blocks=(ConvBlock(filters=1, kernel_size=1),) * 2)
    with pytest.raises(InputError, match=r"^Block 2, filters: should be .* received 0"):
        edit.change(network, "blocks", 1, "filters", 0)

from hypothesis import given, settings

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.network import problem
from mnist_lab.design.repairs import repairs
from tests.builders.networks import architectures


@settings(max_examples=400)
@given(architectures)
def test_every_impossible_network_has_repairs_that_work(architecture: Architecture) -> None:
    error = problem(architecture)
    offered = repairs(architecture)
    if error is None:
        assert offered == []
        return
    assert offered, error
    assert len({repair.label for repair in offered}) == len(offered)
    for repair in offered:
        assert problem(repair.architecture) is None, repair.label


def test_the_three_kinds_of_repair_are_offered() -> None:
    shrinking = Architecture(blocks=tuple(ConvBlock(filters=2, kernel_size=7, pooling="max") for _ in range(3)))
    assert [repair.label for repair in repairs(shrinking)] == [
        "Same padding in block 3",
        "1×1 kernel in block 3",
        "No pooling in block 1",
    ]

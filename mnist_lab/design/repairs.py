"""Repairs: changes that make an impossible network possible, each a button on the Design page."""

from dataclasses import dataclass

from mnist_lab.design.architecture import Architecture, replace_all, replace_block
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.layers import Size, size_text
from mnist_lab.design.network import problem


@dataclass(frozen=True)
class Repair:
    """A change that makes an impossible network possible.

    Attributes:
        label: names the change, on a button.
        architecture: the repaired network.
    """

    label: str
    architecture: Architecture


def repairs(architecture: Architecture) -> list[Repair]:
    """Repairs of a network, the smallest change first; empty where it can be built.

    Each has been checked: its network can be built.
    """
    error = problem(architecture)
    if error is None:
        return []
    if error.block is None:
        return _smaller(architecture)
    found = (
        _plain_convolution(architecture, error.block),
        _same_padding(architecture, error.block),
        _smaller_kernel(architecture, error.block),
        _drop_pooling(architecture, error.block),
    )
    return [repair for repair in found if repair is not None] or [_several_changes(architecture)]


def _fits(architecture: Architecture) -> bool:
    return problem(architecture) is None


def _plain_convolution(architecture: Architecture, index: int) -> Repair | None:
    one = replace_block(architecture, index, convolution="plain")
    is_separable = architecture.blocks[index].convolution == "separable"
    return Repair(f"Plain convolution in block {index + 1}", one) if is_separable and _fits(one) else None


def _same_padding(architecture: Architecture, index: int) -> Repair | None:
    one = replace_block(architecture, index, padding="same")
    if _fits(one):
        return Repair(f"Same padding in block {index + 1}", one)
    every = replace_all(architecture, padding="same")
    return Repair("Same padding in every block", every) if _fits(every) else None


def _smaller_kernel(architecture: Architecture, index: int) -> Repair | None:
    def limited(block: ConvBlock, length: int) -> Size:
        return min(block.kernel_size[0], length), min(block.kernel_size[1], length)

    for length in range(max(architecture.blocks[index].kernel_size) - 1, 0, -1):
        size = limited(architecture.blocks[index], length)
        one = replace_block(architecture, index, kernel_size=size)
        if _fits(one):
            return Repair(f"{size_text(size)} kernel in block {index + 1}", one)
    for length in range(max(max(block.kernel_size) for block in architecture.blocks) - 1, 0, -1):
        blocks = (block.model_copy(update={"kernel_size": limited(block, length)}) for block in architecture.blocks)
        every = architecture.with_blocks(*blocks)
        if _fits(every):
            return Repair(f"Kernels of at most {length}×{length} in every block", every)
    return None


def _drop_pooling(architecture: Architecture, index: int) -> Repair | None:
    pooled = [i for i, block in enumerate(architecture.blocks[: index + 1]) if block.pools]
    for i in reversed(pooled):
        one = replace_block(architecture, i, pooling="none")
        if _fits(one):
            return Repair(f"No pooling in block {i + 1}", one)
    every = replace_all(architecture, pooling="none")
    return Repair("No pooling at all", every) if pooled and _fits(every) else None


def _several_changes(architecture: Architecture) -> Repair:
    """The repair of a network that no single kind of change repairs: whatever the next block that does not fit needs,
    until all fit."""
    label = "Same padding, no pooling and plain convolutions where needed"
    while (error := problem(architecture)) and error.block is not None:
        block = architecture.blocks[error.block]
        if block.padding == "valid":
            change = {"padding": "same"}
        elif block.pools:
            change = {"pooling": "none"}
        else:
            change = {"convolution": "plain"}
        architecture = replace_block(architecture, error.block, **change)
    if error:
        last = _smaller(architecture)[0]
        return Repair(f"{label}, and {last.label[:1].lower()}{last.label[1:]}", last.architecture)
    return Repair(label, architecture)


def _smaller(architecture: Architecture) -> list[Repair]:
    """Repairs of a network with too many parameters; at least one."""
    found = []
    pooled = architecture
    for index in reversed(range(len(architecture.blocks))):
        if not pooled.blocks[index].pools:
            pooled = replace_block(pooled, index, pooling="max", pool_size=(2, 2))
            if _fits(pooled):
                found.append(Repair(f"2×2 pooling from block {index + 1} on", pooled))
                break
    kinds = {"Filters": (True, False), "Dense units": (False, True), "Filters and dense units": (True, True)}
    for what, (filters, units) in kinds.items():
        if found and filters and units:
            break  # both at once only where neither alone is enough
        for divisor in (2**n for n in range(1, 13)):
            fewer = _divided(architecture, divisor if filters else 1, divisor if units else 1)
            if _fits(fewer):
                found.append(Repair(f"{what} divided by {divisor}", fewer))
                break
    return found


def _divided(architecture: Architecture, filters: int, units: int) -> Architecture:
    blocks = (block.model_copy(update={"filters": max(1, block.filters // filters)}) for block in architecture.blocks)
    head = (dense.model_copy(update={"units": max(1, dense.units // units)}) for dense in architecture.head)
    return architecture.model_copy(update={"blocks": tuple(blocks), "head": tuple(head)})

"""The fields of a design that a study can vary, each by its path, such as `blocks.kernel_size` or `recipe.optimizer.momentum`.

A field of blocks is that of all blocks that have it: `normalization` is that of convolution and dense blocks, `dropout` of
the ones is `blocks.dropout` and of the others `head.dropout`. Titles and bounds are those of the design's own models.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import create_model
from pydantic.fields import FieldInfo

from mnist_lab.design.architecture import BLOCK_LISTS, Architecture
from mnist_lab.design.blocks import ConvBlock, Spec
from mnist_lab.design.bulk_edit import MAX_DEPTH, BulkEdit, depth_range
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.recipe import OPTIMIZERS, SCHEDULES, Augmentation, Recipe
from mnist_lab.errors import InputError

Data = dict[str, Any]
DEPTH = "depth"
EACH = "*"  # all items of a list


@dataclass(frozen=True)
class Variable:
    """A field that a study can vary.

    Attributes:
        path: its name in a plan.
        title: as the Design page shows it.
        places: where its values are in an experiment as JSON; none for the depth, which is an edit of the list of blocks.
        info: the type and the bounds of its values.
        kinds: of optimizers or schedules, where a value is the name of one, which comes with its own defaults.
    """

    path: str
    title: str
    places: tuple[tuple[str, ...], ...]
    info: FieldInfo
    kinds: Mapping[str, type[Spec]] = field(default_factory=dict)

    def validated(self, value: Any) -> Any:
        """A value in the form that the design gives it: `(3, 3)` for 3.

        Raises:
            InputError: it is not valid for the field; the sentence of the design's own model.
        """
        name = self.path.rpartition(".")[2]
        model = _model_of(self.path)
        return getattr(parse(model, {name: value}), name)


def _declared() -> Iterator[Variable]:
    for part, declared in BLOCK_LISTS.items():
        for kind in declared.kinds:
            for name, info in _titled(kind):
                title = f"{declared.prefix}{info.title}"
                yield Variable(f"{part}.{name}", title, (("architecture", part, EACH, name),), info)
    normalization = ConvBlock.model_fields["batch_normalization"]
    both = tuple(("architecture", part, EACH, "batch_normalization") for part in BLOCK_LISTS)
    yield Variable("normalization", normalization.title or "", both, normalization)
    yield Variable(DEPTH, "Depth (blocks)", (), FieldInfo(annotation=int, ge=1, le=MAX_DEPTH))
    bridge = Architecture.model_fields["bridge"]
    yield Variable("bridge", bridge.title or "", (("architecture", "bridge"),), bridge)
    yield Variable("train_images", "Training images", (("train_images",),), Experiment.model_fields["train_images"])
    for name, info in _titled(Recipe):
        yield Variable(f"recipe.{name}", info.title or "", (("recipe", name),), info)
    for name, info in _titled(Augmentation):
        yield Variable(f"augmentation.{name}", info.title or "", (("recipe", "augmentation", name),), info)
    kinds: tuple[tuple[str, Mapping[str, type[Spec]]], ...] = (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES))
    for part_of_recipe, named in kinds:
        path, place = f"recipe.{part_of_recipe}", ("recipe", part_of_recipe)
        names_of_kinds: Any = Literal[tuple(named)]
        names = FieldInfo(annotation=names_of_kinds)
        yield Variable(path, part_of_recipe.capitalize(), (place,), names, named)
        for each in named.values():
            for name, info in _titled(each):
                yield Variable(f"{path}.{name}", info.title or "", ((*place, name),), info)


def _titled(kind: type[Spec]) -> Iterator[tuple[str, FieldInfo]]:
    """The fields that the editor shows."""
    return ((name, info) for name, info in kind.model_fields.items() if info.title)


# Optimizers that have a field in common declare it alike.
VARIABLES: dict[str, Variable] = {variable.path: variable for variable in _declared()}


@functools.cache
def _model_of(path: str) -> type[Spec]:
    """A model with nothing but a field, whose refusals name it."""
    info = VARIABLES[path].info
    fields: Any = {path.rpartition(".")[2]: (info.annotation, info)}
    return create_model("Level", __base__=Spec, **fields)


def variable(path: str) -> Variable:
    """The field of a path.

    Raises:
        InputError: there is none.
    """
    if path not in VARIABLES:
        raise InputError(
            f"Field: should be one that can be edited, such as blocks.kernel_size or recipe.epochs; received {path!r}."
        )
    return VARIABLES[path]


def occurs(data: Data, found: Variable) -> bool:
    """Whether a design, an experiment as JSON, has a field in at least one of its places."""
    return any(_set(data, place, None)[1] for place in found.places)


def with_level(data: Data, path: str, value: Any) -> Data:
    """An experiment as JSON with a field set in all places that have it; what it gives is not validated as a whole.

    Args:
        value: as `Variable.validated` returns it.

    Raises:
        InputError: the design has no place for it, or its depth cannot be changed so far.
    """
    found = variable(path)
    if path == DEPTH:
        return data | {"architecture": _deepened(data["architecture"], value)}
    given = found.kinds[value]().model_dump(mode="json") if found.kinds else value
    changed, places = data, 0
    for place in found.places:
        changed, count = _set(changed, place, given)
        places += count
    if not places:
        raise InputError(f"{found.title}: should be a field of something that the design has; received {path!r}.")
    return changed


def _deepened(architecture: Data, depth: int) -> Data:
    network = parse(Architecture, architecture)
    least, most = depth_range(network)
    if not least <= depth <= most:
        raise InputError(f"Depth: should be from {least} to {most} blocks for this design; received {depth}.")
    return BulkEdit(depth=depth).apply(network).model_dump(mode="json")


def _set(data: Any, place: tuple[str, ...], value: Any) -> tuple[Any, int]:
    """A copy of plain data with a value set, and in how many places; nothing is added that was not there."""
    first, *rest = place
    if first == EACH:
        items = [_set(item, tuple(rest), value) for item in data]
        return [item for item, _ in items], sum(count for _, count in items)
    if first not in data:
        return data, 0
    inner, count = _set(data[first], tuple(rest), value) if rest else (value, 1)
    return data | {first: inner}, count

"""Names of designs: a preset's name, followed by what differs from it, such as `7x7 · kernel 2 · 4 epochs`.

A name that a person gave is left as it is.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from mnist_lab.design.architecture import BLOCK_LISTS
from mnist_lab.design.blocks import Spec
from mnist_lab.design.diff import text
from mnist_lab.design.experiment import NORMALIZATION_FIELDS, Experiment, Protocol, parse
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import OPTIMIZERS, SCHEDULES, Augmentation, Recipe
from mnist_lab.names import MAX_NAME

_SEPARATOR = " · "
_OLD_SUFFIX = ", changed"  # of the names that version 0.6 gave
_MOST = 4  # differences that a name tells
# Fields whose title is too long for a name, or reads badly before its value.
_WORDS = {
    "kernel_size": "kernel",
    "batch_normalization": "normalisation",
    "convolution": "",
    "pooling": "pooling",
    "residual": "additions",
    "bridge": "",
    "batch_size": "batch",
    "learning_rate": "rate",
    "moving_average": "averaged",
    "patience": "patience",
    "bias_corrected_statistics": "corrected statistics",
}


def base(name: str) -> str | None:
    """The preset that a name is derived from; None where a person gave it."""
    first = name.removesuffix(_OLD_SUFFIX).split(_SEPARATOR)[0]
    return first if first in PRESETS else None


def named(name: str, experiment: Experiment) -> str:
    """What an experiment is called whose given name is `name`: that name, or where it is derived from a preset, the preset's
    with what differs now."""
    preset = base(name)
    if preset is None:
        return name
    parts = list(differences(PRESETS[preset], experiment))
    for count in range(min(_MOST, len(parts)), -1, -1):
        rest = [f"{len(parts) - count} more"] if len(parts) > count else []
        found = _SEPARATOR.join([preset, *parts[:count], *rest])
        if len(found) <= MAX_NAME:
            break
    return found


@functools.lru_cache(maxsize=4096)
def named_json(name: str, experiment_json: str) -> str:
    """`named`, for an experiment as JSON."""
    return name if base(name) is None else named(name, parse(Experiment, experiment_json))


def differences(preset: Experiment, experiment: Experiment) -> Iterator[str]:
    """How an experiment differs from a preset, apart from its seed: each in two or three words, the network first."""
    old, new = preset.model_dump(mode="json"), experiment.model_dump(mode="json")
    for part, declared in BLOCK_LISTS.items():
        before, after = old["architecture"][part], new["architecture"][part]
        if len(before) != len(after):
            yield f"{len(after)} {declared.noun}{'' if len(after) == 1 else 's'}"
        for field in declared.titles:
            yield from _of_blocks(field, declared.titles[field], _values(field, before), _values(field, after))
    if old["architecture"]["bridge"] != new["architecture"]["bridge"]:
        yield new["architecture"]["bridge"]
    if old["recipe"]["epochs"] != new["recipe"]["epochs"]:
        yield f"{new['recipe']['epochs']} epoch{'' if new['recipe']['epochs'] == 1 else 's'}"
    if old["protocol"] != new["protocol"]:
        yield new["protocol"]
    every = new["train_images"] == Protocol(new["protocol"]).max_train_images
    if old["train_images"] != new["train_images"] and not (every and old["protocol"] != new["protocol"]):
        yield f"{new['train_images']:,} images"
    yield from _of_recipe(old["recipe"], new["recipe"], normalizes=experiment.architecture.normalizes)


def _values(field: str, blocks: Sequence[dict[str, Any]]) -> list[Any]:
    return [block[field] for block in blocks if field in block]


def _of_blocks(field: str, title: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    """A field of a list of blocks; where the lists differ in length only what all blocks have in common."""
    texts, before = ([_short(value) for value in values] for values in (new, old))
    if not texts or texts == before:
        return
    if len(set(texts)) == 1:
        if set(before) != set(texts):
            yield _said(field, title, new[0], texts[0])
    elif len(texts) == len(before):
        yield f"{_WORDS.get(field) or title.lower()} {'-'.join(texts)}"


def _of_recipe(old: dict[str, Any], new: dict[str, Any], *, normalizes: bool) -> Iterator[str]:
    for part, kinds in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        if old[part]["name"] != new[part]["name"]:
            yield new[part]["name"]
        yield from _of_fields(kinds[new[part]["name"]], old[part], new[part])
    yield from _of_fields(Augmentation, old["augmentation"], new["augmentation"])
    silent = {"optimizer", "schedule", "augmentation", "epochs", *(() if normalizes else NORMALIZATION_FIELDS)}
    yield from _of_fields(Recipe, old, new, silent)


def _of_fields(
    kind: type[Spec], old: dict[str, Any], new: dict[str, Any], silent: set[str] | None = None
) -> Iterator[str]:
    for name, info in kind.model_fields.items():
        if name in (silent or ()) or name == "name" or name not in old or old[name] == new[name]:
            continue
        title = str(info.title).split(" (")[0]
        yield _said(name, title, new[name], _short(new[name]))


def _said(field: str, title: str, value: Any, shown: str) -> str:
    words = _WORDS.get(field, title.lower())
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if field == "pooling":
        return "no pooling" if value == "none" else f"{value} pooling"
    return f"{words} {shown}".strip()


def _short(value: Any) -> str:
    """A value; a square by one side."""
    if isinstance(value, list) and len(set(value)) == 1:
        return str(value[0])
    return text(value)

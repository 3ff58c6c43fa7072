"""The differences between two experiments: each in words, and as an experiment that has this difference alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from mnist_lab import numerals
from mnist_lab.design.architecture import BLOCK_LISTS, Architecture, BlockList
from mnist_lab.design.blocks import Spec
from mnist_lab.design.experiment import NORMALIZATION_FIELDS, Experiment, Protocol, parse
from mnist_lab.design.recipe import OPTIMIZERS, SCHEDULES, Augmentation, Recipe
from mnist_lab.errors import InputError

Data = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One factor in which an experiment differs from a baseline.

    Attributes:
        words: the difference, such as `Kernel size of blocks 1 and 2: 7×7 → 3×3`.
        experiment: the baseline with this change alone; None where that cannot be trained.
        problem: why it cannot be trained; empty where it can.
    """

    words: str
    experiment: Experiment | None
    problem: str = ""


def changes(baseline: Experiment, other: Experiment) -> list[Change]:
    """All differences but those of name and seed; a field that differs in several blocks is one change.

    The recipe's fields about normalisation count as equal where one of the networks has no normalisation.
    """
    old, new = baseline.model_dump(mode="json"), other.model_dump(mode="json")
    for fields, others, network in ((old, new, baseline.architecture), (new, old, other.architecture)):
        if not network.normalizes:
            fields["recipe"] |= {name: others["recipe"][name] for name in NORMALIZATION_FIELDS}
    found = []
    for words, data in _differences(old, new):
        try:
            alone = parse(Experiment, data | {"name": f"{baseline.name}: {words}"[:60], "seed": baseline.seed})
            found.append(Change(words, alone))
        except InputError as error:
            found.append(Change(words, None, str(error)))
    return found


def _differences(old: Data, new: Data) -> Iterator[tuple[str, Data]]:
    for part, declared in BLOCK_LISTS.items():
        for words, blocks in _block_differences(old["architecture"][part], new["architecture"][part], declared):
            yield words, old | {"architecture": old["architecture"] | {part: blocks}}
    bridge = new["architecture"]["bridge"]
    if bridge != old["architecture"]["bridge"]:
        words = f"{Architecture.model_fields['bridge'].title}: {old['architecture']['bridge']} → {bridge}"
        yield words, old | {"architecture": old["architecture"] | {"bridge": bridge}}
    for words, recipe in _recipe_differences(old["recipe"], new["recipe"]):
        yield words, old | {"recipe": recipe}
    if old["protocol"] != new["protocol"]:
        data = {name: value for name, value in old.items() if name != "train_images"}
        yield f"Protocol: {old['protocol']} → {new['protocol']}", data | {"protocol": new["protocol"]}
    if old["train_images"] != new["train_images"]:
        every = [Protocol(data["protocol"]).max_train_images == data["train_images"] for data in (old, new)]
        if not (all(every) and old["protocol"] != new["protocol"]):
            words = f"Training images: {old['train_images']:,} → {new['train_images']:,}"
            yield words, old | {"train_images": new["train_images"]}


def _block_differences(old: list[Data], new: list[Data], declared: BlockList) -> Iterator[tuple[str, list[Data]]]:
    def described(block: Data) -> str:
        return parse(declared.kind(block["kind"]), block).describe()

    noun = declared.noun
    pairs, added, removed = _aligned(old, new)
    for i, j in pairs:
        if old[i]["kind"] != new[j]["kind"]:
            words = f"{noun.capitalize()} {i + 1}: {described(old[i])} → {described(new[j])}"
            yield words, [*old[:i], new[j], *old[i + 1 :]]
    same = [(i, j) for i, j in pairs if old[i]["kind"] == new[j]["kind"]]
    for field, title in declared.titles.items():
        changed = [(i, j) for i, j in same if old[i].get(field) != new[j].get(field)]
        if changed:
            blocks = [dict(block) for block in old]
            for i, j in changed:
                blocks[i][field] = new[j][field]
            values = {(text(old[i][field]), text(new[j][field])) for i, j in changed}
            arrows = ", ".join(f"{a} → {b}" for a, b in sorted(values))
            yield f"{title} of {_numbers(noun, [i for i, _ in changed])}: {arrows}", blocks
    for before, block in added:
        yield f"Added {noun} {before + 1}: {described(block)}", [*old[:before], block, *old[before:]]
    for i in removed:
        yield f"Removed {noun} {i + 1}: {described(old[i])}", [*old[:i], *old[i + 1 :]]


def _aligned(old: list[Data], new: list[Data]) -> tuple[list[tuple[int, int]], list[tuple[int, Data]], list[int]]:
    """The edits that turn one list of blocks into the other.

    Returns:
        Pairs of corresponding blocks, by their indices in `old` and `new`; added blocks, each with the index in `old` that
        it is inserted before; and the indices in `old` of the removed ones.
    """
    if len(old) == len(new):
        return [(i, i) for i in range(len(old))], [], []
    a_texts, b_texts = ([json.dumps(block, sort_keys=True) for block in blocks] for blocks in (old, new))
    pairs, added, removed = [], [], []
    for _, a, b, c, d in SequenceMatcher(None, a_texts, b_texts, autojunk=False).get_opcodes():
        common = min(b - a, d - c)
        pairs += [(a + i, c + i) for i in range(common)]
        added += [(b, new[j]) for j in range(c + common, d)]
        removed += list(range(a + common, b))
    return pairs, added, removed


def _recipe_differences(old: Data, new: Data) -> Iterator[tuple[str, Data]]:
    for part, kinds in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        name, other = old[part]["name"], new[part]["name"]
        if name != other:
            yield f"{part.capitalize()}: {name} → {other}", old | {part: new[part]}
        else:
            for words, values in _fields(kinds[name], old[part], new[part]):
                yield f"{words} ({name})", old | {part: values}
    for words, values in _fields(Augmentation, old["augmentation"], new["augmentation"]):
        yield words, old | {"augmentation": values}
    plain = {name for name in Recipe.model_fields if name not in ("optimizer", "schedule", "augmentation")}
    yield from _fields(Recipe, old, new, plain)


def _fields(kind: type[Spec], old: Data, new: Data, only: set[str] | None = None) -> Iterator[tuple[str, Data]]:
    for name, info in kind.model_fields.items():
        if (only is None or name in only) and old[name] != new[name]:
            yield f"{info.title}: {text(old[name])} → {text(new[name])}", old | {name: new[name]}


def text(value: Any) -> str:
    """A field's value for display: `yes` or `no`, `7×7`, `0.003`."""
    if isinstance(value, list):
        return "×".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return numerals.written(value) if isinstance(value, float) else str(value)


def _numbers(noun: str, indices: list[int]) -> str:
    numbers = [str(i + 1) for i in indices]
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    return f"{noun}s {', '.join(numbers[:-1])} and {numbers[-1]}"

"""What differs, in words, and alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_lab.design import edit
from mnist_lab.design.bulk_edit import BulkEdit
from mnist_lab.design.diff import changes
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS

BASE = PRESETS["7x7"]


def with_network(network) -> Experiment:
    return BASE.with_changes(architecture=network.model_dump())


def test_nothing_differs_but_name_and_seed() -> None:
    assert changes(BASE, BASE.with_changes(seed=5, name="other")) == []


def test_a_field_changed_in_every_block_is_one_factor() -> None:
    other = with_network(BulkEdit(kernel_size=3).apply(BASE.architecture))
    (change,) = changes(BASE, other)
    assert change.words == "Kernel size of blocks 1, 2 and 3: 7×7 → 3×3"
    assert change.experiment.design_key == other.design_key


def test_several_factors_are_named_and_separated() -> None:
    network = BulkEdit(kernel_size=3, dropout=0.5).apply(BASE.architecture)
    recipe = BASE.recipe.model_dump() | {"optimizer": {"name": "adam"}, "epochs": 3}
    other = with_network(network).with_changes(recipe=recipe, train_images=5000)
    found = changes(BASE, other)
    assert [change.words for change in found] == [
        "Kernel size of blocks 1, 2 and 3: 7×7 → 3×3",
        "Dropout of blocks 1, 2 and 3: 0.25 → 0.5",
        "Optimizer: adadelta → adam",
        "Epochs: 12 → 3",
        "Training images: 60,000 → 5,000",
    ]
    for change in found:
        (alone,) = changes(BASE, change.experiment)
        assert alone.words == change.words


def test_a_protocol_brings_its_own_number_of_images() -> None:
    (change,) = changes(BASE, BASE.with_changes(protocol="holdout"))
    assert change.words == "Protocol: notebook → holdout"
    assert change.experiment.train_images == 55_000


@pytest.mark.parametrize(
    ("what", "arguments", "words"),
    [
        ("duplicate", ("blocks", 0), "Added block 1: 7×7, 16 filters, norm, dropout 0.25"),
        ("delete", ("blocks", 0), "Removed block 1: 7×7, 16 filters, norm, dropout 0.25"),
        ("delete", ("head", 0), "Removed dense block 1: 128 units, norm, dropout 0.7"),
    ],
)
def test_blocks_more_and_less(what: str, arguments: tuple, words: str) -> None:
    (change,) = changes(
        BASE,
        Experiment.model_construct(**dict(BASE) | {"architecture": getattr(edit, what)(BASE.architecture, *arguments)}),
    )
    assert change.words == words


def test_what_cannot_be_trained_alone_says_why() -> None:
    one_by_one = edit.change(BASE.architecture, "blocks", 1, "kernel_size", 9)
    network = edit.change(one_by_one, "blocks", 2, "padding", "same")
    kernel, padding = changes(BASE, with_network(network))
    assert kernel.experiment is None
    assert "Block 3" in kernel.problem
    assert padding.experiment is not None


edits = st.lists(
    st.tuples(
        st.sampled_from(["filters", "kernel_size", "bias", "activation", "dropout"]),
        st.integers(0, 4),
        st.integers(0, 2),
    ),
    max_size=6,
)
VALUES = {
    "filters": [4, 5, 6],
    "kernel_size": [1, 2, 3],
    "bias": [True, False, True],
    "activation": ["relu", "elu", "tanh"],
    "dropout": [0.0, 0.25, 0.5],
}


@settings(max_examples=60)
@given(edits)
def test_all_changes_together_make_the_other_experiment(made) -> None:
    base = PRESETS["2x2"]
    network = base.architecture
    for field, block, value in made:
        network = edit.change(network, "blocks", block, field, VALUES[field][value])
    other = base.with_changes(architecture=network.model_dump())
    merged = base.architecture
    for change in changes(base, other):
        for i, block in enumerate(change.experiment.architecture.blocks):
            for field in VALUES:
                if getattr(block, field) != getattr(base.architecture.blocks[i], field):
                    merged = edit.change(merged, "blocks", i, field, getattr(block, field))
    assert merged == network


def test_how_normalisation_is_dealt_with_is_no_difference_to_a_network_without() -> None:
    corrected, old = {"bias_corrected_statistics": True}, {"bias_corrected_statistics": False}
    plain = BulkEdit(kernel_size=3).apply(PRESETS["LeNet-5"].architecture)
    normalized = edit.change(plain, "blocks", 0, "batch_normalization", True)
    base = PRESETS["LeNet-5"]

    def design(network: object, fields: dict[str, bool]) -> Experiment:
        return base.with_changes(architecture=network.model_dump(), recipe=base.recipe.model_dump() | fields)

    assert changes(design(plain, old), design(plain, corrected)) == []
    (more,) = changes(design(plain, old), design(normalized, corrected))
    assert more.experiment.design_key == design(normalized, corrected).design_key
    (less,) = changes(design(normalized, corrected), design(plain, old))
    assert less.experiment.design_key == design(plain, corrected).design_key
    (option,) = changes(design(normalized, old), design(normalized, corrected))
    assert option.words == "Bias-corrected statistics: no → yes"

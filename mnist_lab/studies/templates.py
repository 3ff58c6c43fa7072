"""Studies worth starting from, each a plan with a sentence on what it can tell."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import FAMILY_KERNELS, NOTEBOOK_PRESETS, PRESETS
from mnist_lab.studies.plan import By, Equal, Factor, Plan, What


@dataclass(frozen=True)
class Template:
    """A plan that is ready.

    Attributes:
        key: for addresses.
        name: for a list of them.
        explanation: a sentence: what is compared, and what is not.
        make: makes the plan, since checking that its designs can be built takes a moment.
    """

    key: str
    name: str
    explanation: str
    make: Callable[[], Plan]

    @cached_property
    def plan(self) -> Plan:
        """The plan."""
        return self.make()


def _base(epochs: int = 6, batch_size: int = 256) -> Experiment:
    """Three convolutions with same padding and global pooling, whose kernels, depth and filters can change freely.

    It is the preset "kernel 3" with fewer filters and without augmentation, so that a few epochs suffice and no kernel takes
    longer than about 20 s on two cores, and with global pooling: a dense layer behind flattened maps has so many
    parameters that those of the convolutions hardly count.
    """
    preset = PRESETS["kernel 3"]
    network = preset.architecture
    blocks = [
        block.model_dump(mode="json") | {"filters": filters}
        for block, filters in zip(network.blocks, (10, 20, 40), strict=True)
    ]
    return preset.with_changes(
        name="small network",
        architecture=network.model_dump(mode="json") | {"blocks": blocks, "bridge": "global average"},
        recipe=preset.recipe.model_dump(mode="json") | {"epochs": epochs, "batch_size": batch_size, "augmentation": {}},
    )


def _vary(question: str, field: str, levels: tuple[object, ...], seeds: int, epochs: int = 6) -> Plan:
    """A field of that network, each level against the first."""
    factor = Factor(field=field, levels=levels)
    return Plan(question=question, base=_base(epochs), factors=(factor,), seeds=seeds, reference=factor.texts[0])


def _kernels(what: What, by: By | None) -> Plan:
    return Plan(
        question="Does kernel size matter?",
        base=_base(epochs=2, batch_size=64),
        factors=(Factor(field="blocks.kernel_size", levels=FAMILY_KERNELS),),
        equal=Equal(what=what, by=by),
        seeds=10,
        reference="3×3",
    )


def _notebook() -> Plan:
    return Plan(
        question="Does kernel size matter? As the notebook asked it.",
        base=PRESETS["3x3"],
        factors=(Factor(presets=tuple(PRESETS[name] for name in NOTEBOOK_PRESETS)),),
        seeds=5,
    )


def _dropout() -> Plan:
    fast = PRESETS["fast"]
    return Plan(
        question="Does dropout help where there are few images?",
        base=fast.with_changes(recipe=fast.recipe.model_dump(mode="json") | {"epochs": 20}, train_images=10_000),
        factors=(Factor(field="head.dropout", levels=(0, 0.25, 0.5, 0.75)),),
        seeds=8,
        reference="0",
    )


def _batches() -> Plan:
    return Plan(
        question="Does a larger batch need a larger learning rate?",
        base=_base(),
        factors=(
            Factor(field="recipe.batch_size", levels=(128, 256, 512)),
            Factor(field="recipe.optimizer.learning_rate", levels=(0.003, 0.01, 0.03)),
        ),
        seeds=6,
        reference="256",
    )


TEMPLATES = (
    Template(
        "kernel_size",
        "Kernel size, everything equal",
        "Kernels of four sizes in one network that is the same in all else: a larger kernel also has more parameters and "
        "takes more computation, and all three change together.",
        partial(_kernels, "everything", None),
    ),
    Template(
        "kernel_size_at_equal_parameters",
        "Kernel size, equal parameters",
        "Kernels of four sizes with as many filters as give each network about as many parameters: whether the same "
        "parameters do more in few large kernels or in many small ones.",
        partial(_kernels, "parameters", "filters"),
    ),
    Template(
        "kernel_size_at_equal_multiply_adds",
        "Kernel size, equal multiply-adds",
        "Kernels of four sizes with as many filters as make each training about as much computation: whether the same "
        "computation does more in few large kernels or in many small ones.",
        partial(_kernels, "multiply-adds of training", "filters"),
    ),
    Template(
        "kernel_size_as_in_the_notebook",
        "Kernel size, as the notebook asked it",
        "The notebook's three networks: besides kernel size they differ in the number of layers, filters, strides, pooling, "
        "dropout and normalisation, so that whatever difference they show cannot be said to come from the kernels.",
        _notebook,
    ),
    Template(
        "dropout",
        "Dropout",
        "Four rates of dropout behind the dense layer of a small network that sees the same 10,000 images over and over: "
        "with few images networks learn them by heart, and with all of them the answer may be another.",
        _dropout,
    ),
    Template(
        "depth",
        "Depth",
        "Three to six convolutions: each further one is a copy of the first, on maps of the same size, and it adds "
        "parameters and computation too.",
        partial(_vary, "Are deeper networks better?", "depth", (3, 4, 5, 6), seeds=8, epochs=4),
    ),
    Template(
        "batch_size_and_learning_rate",
        "Batch size and learning rate",
        "Three batch sizes, each with three learning rates over the same number of epochs: whether the best learning rate "
        "depends on the batch size shows in the interaction of both.",
        _batches,
    ),
    Template(
        "normalization",
        "Normalisation",
        "One network with batch normalisation in all blocks and in none, at one learning rate: a network without it may "
        "want a smaller one.",
        partial(_vary, "Does batch normalisation help?", "normalization", (False, True), seeds=10),
    ),
    Template(
        "augmentation",
        "Augmentation",
        "Images shifted at random by up to 0, 1, 2 or 4 pixels over six epochs: augmentation needs time to show what it is "
        "good for, and in a longer training more of it may be best.",
        partial(_vary, "How far should images be shifted at random?", "augmentation.shift", (0, 1, 2, 4), seeds=8),
    ),
)


def named(key: str) -> Template | None:
    """The template with a key; None where there is none."""
    return next((template for template in TEMPLATES if template.key == key), None)

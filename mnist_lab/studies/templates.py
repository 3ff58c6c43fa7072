"""Studies worth starting from, each a plan with a sentence on what it can tell."""

from collections.abc import Callable
from dataclasses import dataclass

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import FAMILY_KERNELS, NOTEBOOK_PRESETS, PRESETS
from mnist_lab.studies.plan import By, Equal, Factor, Plan, What


@dataclass(frozen=True)
class Template:
    """A plan that is ready.

    Attributes:
        name: for a list of them.
        explanation: a sentence: what is compared, and what is not.
    """

    name: str
    explanation: str
    plan: Plan


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


def _kernels(what: What, by: By | None) -> Plan:
    return Plan(
        question="Does kernel size matter?",
        base=_base(epochs=2, batch_size=64),
        factors=(Factor(field="blocks.kernel_size", levels=FAMILY_KERNELS),),
        equal=Equal(what=what, by=by),
        seeds=10,
        reference="3×3",
    )


def kernel_size() -> Template:
    """Kernel size with everything else equal."""
    explanation = (
        "Kernels of four sizes in one network that is the same in all else: a larger kernel also has more parameters and "
        "takes more computation, and all three change together."
    )
    return Template("Kernel size, everything equal", explanation, _kernels("everything", None))


def kernel_size_at_equal_parameters() -> Template:
    """Kernel size at equal parameters."""
    explanation = (
        "Kernels of four sizes with as many filters as give each network about as many parameters: whether the same "
        "parameters do more in few large kernels or in many small ones."
    )
    return Template("Kernel size, equal parameters", explanation, _kernels("parameters", "filters"))


def kernel_size_at_equal_multiply_adds() -> Template:
    """Kernel size at equal multiply-adds of training."""
    explanation = (
        "Kernels of four sizes with as many filters as make each training about as much computation: whether the same "
        "computation does more in few large kernels or in many small ones."
    )
    return Template("Kernel size, equal multiply-adds", explanation, _kernels("multiply-adds of training", "filters"))


def kernel_size_as_in_the_notebook() -> Template:
    """The notebook's three networks, which differ in more than their kernels."""
    explanation = (
        "The notebook's three networks: besides kernel size they differ in the number of layers, filters, strides, pooling, "
        "dropout and normalisation, so that whatever difference they show cannot be said to come from the kernels."
    )
    plan = Plan(
        question="Does kernel size matter? As the notebook asked it.",
        base=PRESETS["3x3"],
        factors=(Factor(presets=tuple(PRESETS[name] for name in NOTEBOOK_PRESETS)),),
        seeds=5,
    )
    return Template("Kernel size, as the notebook asked it", explanation, plan)


def dropout() -> Template:
    """Dropout in the dense block, where there are few images to learn from."""
    explanation = (
        "Four rates of dropout behind the dense layer of a small network that sees the same 10,000 images over and over: "
        "with few images networks learn them by heart, and with all of them the answer may be another."
    )
    fast = PRESETS["fast"]
    plan = Plan(
        question="Does dropout help where there are few images?",
        base=fast.with_changes(recipe=fast.recipe.model_dump(mode="json") | {"epochs": 20}, train_images=10_000),
        factors=(Factor(field="head.dropout", levels=(0, 0.25, 0.5, 0.75)),),
        seeds=8,
        reference="0",
    )
    return Template("Dropout", explanation, plan)


def depth() -> Template:
    """The number of convolution blocks."""
    explanation = (
        "Three to six convolutions: each further one is a copy of the first, on maps of the same size, and it adds "
        "parameters and computation too."
    )
    plan = Plan(
        question="Are deeper networks better?",
        base=_base(epochs=4),
        factors=(Factor(field="depth", levels=(3, 4, 5, 6)),),
        seeds=8,
        reference="3",
    )
    return Template("Depth", explanation, plan)


def batch_size_and_learning_rate() -> Template:
    """Batch size and learning rate together."""
    explanation = (
        "Three batch sizes, each with three learning rates over the same number of epochs: whether the best learning rate "
        "depends on the batch size shows in the interaction of both."
    )
    plan = Plan(
        question="Does a larger batch need a larger learning rate?",
        base=_base(),
        factors=(
            Factor(field="recipe.batch_size", levels=(128, 256, 512)),
            Factor(field="recipe.optimizer.learning_rate", levels=(0.003, 0.01, 0.03)),
        ),
        seeds=6,
        reference="256",
    )
    return Template("Batch size and learning rate", explanation, plan)


def normalization() -> Template:
    """With and without batch normalisation."""
    explanation = (
        "One network with batch normalisation in all blocks and in none, at one learning rate: a network without it may "
        "want a smaller one."
    )
    plan = Plan(
        question="Does batch normalisation help?",
        base=_base(),
        factors=(Factor(field="normalization", levels=(False, True)),),
        seeds=10,
        reference="no",
    )
    return Template("Normalisation", explanation, plan)


def augmentation() -> Template:
    """How far images are shifted at random."""
    explanation = (
        "Images shifted at random by up to 0, 1, 2 or 4 pixels over six epochs: augmentation needs time to show what it is "
        "good for, and in a longer training more of it may be best."
    )
    plan = Plan(
        question="How far should images be shifted at random?",
        base=_base(),
        factors=(Factor(field="augmentation.shift", levels=(0, 1, 2, 4)),),
        seeds=8,
        reference="0",
    )
    return Template("Augmentation", explanation, plan)


TEMPLATES: tuple[Callable[[], Template], ...] = (
    kernel_size,
    kernel_size_at_equal_parameters,
    kernel_size_at_equal_multiply_adds,
    kernel_size_as_in_the_notebook,
    dropout,
    depth,
    batch_size_and_learning_rate,
    normalization,
    augmentation,
)

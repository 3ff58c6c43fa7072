"""A plan's cells: the design of each combination of levels, adjusted to what is held equal, with what it costs."""

from collections.abc import Callable
from dataclasses import dataclass

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import problem
from mnist_lab.errors import InputError
from mnist_lab.studies import equal
from mnist_lab.studies.plan import Plan, What


@dataclass(frozen=True)
class Cell:
    """A combination of levels.

    Attributes:
        levels: as they are shown, one of each factor.
        experiment: what is trained, with the plan's first seed.
        parameters: of the network, trainable or not.
        multiply_adds: of a whole training, forward and backward.
        seconds: predicted, of one run.
    """

    levels: tuple[str, ...]
    experiment: Experiment
    parameters: int
    multiply_adds: int
    seconds: float


def cells(plan: Plan, seconds: Callable[[Experiment], float]) -> list[Cell]:
    """All cells, in the order of `Plan.combinations`.

    Where predicted seconds are held equal they depend on the machine and its past, so what is found is to be stored when the
    study starts, as the plan is.

    Args:
        seconds: the predicted seconds of a run.

    Raises:
        InputError: a cell has too many parameters, or cannot be made equal to the reference cell; names its levels.
    """
    costs: dict[What, equal.Cost] = {
        "parameters": equal.parameters,
        "multiply-adds of training": equal.multiply_adds,
        "predicted seconds": seconds,
    }
    designs, what, by = plan.designs, plan.equal.what, plan.equal.by
    if by is not None:
        cost = costs[what]
        wanted = cost(designs[plan.reference_cell])
        designs = [
            equal.adjusted(design, what, by, wanted, cost, plan.words(levels))
            for levels, design in zip(plan.combinations, designs, strict=True)
        ]
    found = []
    for levels, design in zip(plan.combinations, designs, strict=True):
        if wrong := problem(design.architecture):
            raise InputError(f"{plan.words(levels)}: {wrong}")
        texts = tuple(factor.texts[level] for factor, level in zip(plan.factors, levels, strict=True))
        found.append(Cell(texts, design, equal.parameters(design), equal.multiply_adds(design), seconds(design)))
    return found

"""A plan's cells: the design of each combination of levels, adjusted to what is held equal, with what it costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from mnist_lab.design.blocks import Spec
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.network import problem
from mnist_lab.errors import InputError
from mnist_lab.studies import equal
from mnist_lab.studies.plan import MAX_RUNS, Plan, What

MAX_CELLS_TEXT = 2_000_000  # characters


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


class StoredCell(Spec):
    """A cell as JSON; fields as of `Cell`."""

    levels: tuple[Annotated[str, Field(max_length=200)], ...] = Field(min_length=1, max_length=2)
    experiment: Experiment
    parameters: int = Field(ge=0)
    multiply_adds: int = Field(ge=0)
    seconds: float = Field(ge=0)


class _All(Spec):
    cells: tuple[StoredCell, ...] = Field(max_length=MAX_RUNS)


def stored(found: Sequence[Cell]) -> list[dict[str, Any]]:
    """Cells as plain values, to be frozen with their plan."""
    return [vars(cell) | {"experiment": cell.experiment.model_dump(mode="json")} for cell in found]


def read_cells(plan: Plan, data: str | Sequence[StoredCell]) -> tuple[Cell, ...]:
    """The cells that were frozen with a plan.

    Args:
        data: as JSON or read.

    Raises:
        InputError: they are not cells, or not those of this plan: their levels are others, they differ from the plan's
            designs in more than what is adjusted, or what should be equal is not.
    """
    if isinstance(data, str):
        if len(data) > MAX_CELLS_TEXT:
            raise InputError(f"Cells: at most {MAX_CELLS_TEXT:,} characters; received {len(data):,}.")
        data = parse(_All, f'{{"cells": {data}}}').cells
    found = tuple(Cell(**{name: getattr(one, name) for name in StoredCell.model_fields}) for one in data)
    if len(found) != len(plan.combinations):
        raise InputError(f"Cells: the plan has {len(plan.combinations)}; received {len(found)}.")
    for levels, design, cell in zip(plan.combinations, plan.designs, found, strict=True):
        _check_belongs(plan, levels, design, cell)
    what = plan.equal.what
    if what != "everything":
        costs = [_cost(cell, what) for cell in found]
        wanted = costs[plan.reference_cell]
        for levels, cost in zip(plan.combinations, costs, strict=True):
            if abs(cost - wanted) > equal.TOLERANCE * wanted * (1 + 1e-9):
                raise InputError(
                    f"{plan.words(levels)}: {what} should be within {100 * equal.TOLERANCE:g} % of the reference cell's, "
                    f"{wanted:,.0f}; received {cost:,.0f}."
                )
    return found


def _check_belongs(plan: Plan, levels: tuple[int, ...], design: Experiment, cell: Cell) -> None:
    texts = tuple(factor.texts[level] for factor, level in zip(plan.factors, levels, strict=True))
    where = plan.words(levels)
    if cell.levels != texts:
        raise InputError(f"{where}: the cell should have these levels; received {', '.join(cell.levels)}.")
    if _unadjusted(plan, cell.experiment, design).design_key != design.design_key:
        raise InputError(f"{where}: the cell's design is not the plan's.")
    if cell.experiment.seed != plan.first_seed:
        raise InputError(f"{where}: the cell should have seed {plan.first_seed}; received {cell.experiment.seed}.")
    costs = equal.parameters(cell.experiment), equal.multiply_adds(cell.experiment)
    if (cell.parameters, cell.multiply_adds) != costs:
        raise InputError(f"{where}: parameters and multiply-adds are not those of the cell's design.")


def _unadjusted(plan: Plan, found: Experiment, design: Experiment) -> Experiment:
    """A cell's design with what may have been adjusted as the plan has it."""
    if plan.equal.by == "length":
        recipe = found.recipe.model_copy(update={"epochs": design.recipe.epochs})
        return found.model_copy(update={"recipe": recipe, "train_images": design.train_images})
    if plan.equal.by == "filters" and len(found.architecture.blocks) == len(design.architecture.blocks):
        blocks = (
            block.model_copy(update={"filters": planned.filters})
            for block, planned in zip(found.architecture.blocks, design.architecture.blocks, strict=True)
        )
        return found.model_copy(update={"architecture": found.architecture.with_blocks(*blocks)})
    return found


def _cost(cell: Cell, what: What) -> float:
    if what == "parameters":
        return cell.parameters
    return cell.multiply_adds if what == "multiply-adds of training" else cell.seconds

"""The cells of a plan: what is trained, what it costs, and that they are read as they were frozen."""

import json

import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.results.prediction import model_seconds
from mnist_lab.settings import MAX_PARAMETERS
from mnist_lab.studies import equal
from mnist_lab.studies.cells import MAX_CELLS_TEXT, cells, read_cells, stored
from tests.builders.plans import plan

KERNELS = {"field": "blocks.kernel_size", "levels": [2, 3, 5]}
DEPTHS = {"field": "depth", "levels": [3, 4]}


def test_a_cell_has_its_levels_and_its_costs() -> None:
    one = plan(factors=[KERNELS, DEPTHS])
    found = cells(one, model_seconds)
    assert [cell.levels for cell in found] == [(k, d) for k in ("2×2", "3×3", "5×5") for d in ("3", "4")]
    assert [cell.experiment for cell in found] == one.designs
    for cell in found:
        assert cell.parameters == equal.parameters(cell.experiment)
        assert cell.multiply_adds == equal.multiply_adds(cell.experiment)
        assert cell.seconds == model_seconds(cell.experiment)
    assert len({cell.experiment.design_key for cell in found}) == 6


def costs(what: str, by: str, reference: str | None, **changes: object) -> tuple[list[float], int]:
    """What the cells of a plan cost that is to be equal, and which of them are the designs that the plan has."""
    one = plan(factors=[KERNELS, DEPTHS], equal={"what": what, "by": by}, reference=reference, **changes)
    found = cells(one, model_seconds)
    cost = {"parameters": "parameters", "multiply-adds of training": "multiply_adds", "predicted seconds": "seconds"}
    unchanged = [cell.experiment == design for cell, design in zip(found, one.designs, strict=True)]
    assert unchanged[one.reference_cell]
    return [getattr(cell, cost[what]) for cell in found], one.reference_cell


@pytest.mark.parametrize(
    ("what", "by"),
    [
        ("parameters", "filters"),
        ("multiply-adds of training", "filters"),
        ("multiply-adds of training", "length"),
        ("predicted seconds", "filters"),
        ("predicted seconds", "length"),
    ],
)
def test_all_cells_cost_what_the_reference_costs(what: str, by: str) -> None:
    of_first, first = costs(what, by, None)
    of_third, third = costs(what, by, "5×5")
    assert (first, third) == (0, 4)
    for found, reference in ((of_first, first), (of_third, third)):
        assert all(abs(cost - found[reference]) <= 0.02 * found[reference] for cost in found)
    assert of_third[third] > 1.05 * of_first[first]


def test_predicted_seconds_are_those_that_the_caller_predicts() -> None:
    def seconds(experiment: Experiment) -> float:
        return (
            10.0 + experiment.recipe.epochs * experiment.train_images * experiment.architecture.blocks[0].kernel_size[0]
        )

    one = plan(equal={"what": "predicted seconds", "by": "length"})
    found = cells(one, seconds)
    assert all(abs(cell.seconds - found[0].seconds) <= 0.02 * found[0].seconds for cell in found)
    epochs = [cell.experiment.recipe.epochs * cell.experiment.train_images for cell in found]
    assert epochs[1] / epochs[0] == pytest.approx(2 / 3, rel=0.03)
    assert epochs[2] / epochs[0] == pytest.approx(2 / 5, rel=0.03)


def test_what_cannot_be_equal_is_refused_by_its_cell() -> None:
    one = plan(factors=[{"field": "head.units", "levels": [4, 4000]}], equal={"what": "parameters", "by": "filters"})
    with pytest.raises(
        InputError, match=r"^Dense: Units 4000: parameters should be within 2 % of 11,\d\d\d; the nearest"
    ):
        cells(one, model_seconds)


def test_a_cell_that_may_not_be_trained_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    one = plan()
    monkeypatch.setenv(MAX_PARAMETERS, "15000")
    with pytest.raises(InputError, match=r"^Kernel size 5×5: Block 3: the network would have 3\d,\d\d\d parameters"):
        cells(one, model_seconds)
    assert plan() == one  # a plan can be read all the same


@pytest.mark.parametrize(
    "equal",
    [
        {},
        {"what": "parameters", "by": "filters"},
        {"what": "multiply-adds of training", "by": "filters"},
        {"what": "multiply-adds of training", "by": "length"},
        {"what": "predicted seconds", "by": "filters"},
        {"what": "predicted seconds", "by": "length"},
    ],
)
def test_cells_are_read_as_they_were_frozen_whatever_was_adjusted(equal: dict[str, str]) -> None:
    one = plan(factors=[KERNELS, DEPTHS], equal=equal, reference="5×5", first_seed=7)
    found = cells(one, model_seconds)
    assert read_cells(one, json.dumps(stored(found))) == tuple(found)


def test_cells_of_another_budget_are_refused() -> None:
    one = plan(equal={"what": "predicted seconds", "by": "length"})
    found = stored(cells(one, model_seconds))
    found[1]["seconds"] *= 1.1
    with pytest.raises(
        InputError, match="Kernel size 3×3: predicted seconds should be within 2 % of the reference cell's"
    ):
        read_cells(one, json.dumps(found))
    with pytest.raises(InputError, match="Cells: at most 2,000,000 characters; received 2,000,001"):
        read_cells(one, " " * (MAX_CELLS_TEXT + 1))
    with pytest.raises(InputError):
        read_cells(one, "nothing")

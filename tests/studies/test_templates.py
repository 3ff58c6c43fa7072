"""Each ready plan can be started as it is."""

from collections.abc import Callable

import pytest

from mnist_lab.design.experiment import Protocol
from mnist_lab.results.prediction import model_seconds
from mnist_lab.studies.cells import Cell, cells
from mnist_lab.studies.plan import read_plan
from mnist_lab.studies.statistics import planned
from mnist_lab.studies.templates import TEMPLATES, Template, named

COST: dict[str, Callable[[Cell], float]] = {
    "parameters": lambda cell: cell.parameters,
    "multiply-adds of training": lambda cell: cell.multiply_adds,
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_a_template_is_a_plan_whose_cells_can_be_trained(template: Template) -> None:
    plan = template.plan
    assert read_plan(plan.canonical_json) == plan
    found = cells(plan, model_seconds)
    if cost := COST.get(plan.equal.what):
        wanted = cost(found[plan.reference_cell])
        assert all(abs(cost(cell) - wanted) <= 0.02 * wanted for cell in found)
    assert plan.question.endswith(("?", "."))
    assert template.explanation.endswith(".")
    assert template.explanation.count(". ") == 0  # one sentence


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_a_run_takes_about_twenty_seconds_at_most_but_for_the_notebooks(template: Template) -> None:
    found = cells(template.plan, model_seconds)
    assert (max(cell.seconds for cell in found) < 21) is (template.key != "kernel_size_as_in_the_notebook")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_what_a_template_compares_is_between_its_cells(template: Template) -> None:
    plan = template.plan
    contrasts = planned({factor.title: factor.texts for factor in plan.factors}, plan.reference)
    found = {cell.levels for cell in cells(plan, model_seconds)}
    assert {levels for contrast in contrasts for levels in contrast.weights} == found


def test_templates_have_names_of_their_own() -> None:
    assert len({template.name for template in TEMPLATES}) == 9
    assert all(named(template.key) is template for template in TEMPLATES)
    assert named("none") is None


def test_the_kernel_studies_ask_of_the_same_kernels_what_each_holds_equal() -> None:
    kernels = [template for template in TEMPLATES if "equal" in template.name]
    assert [template.plan.equal.what for template in kernels] == [
        "everything",
        "parameters",
        "multiply-adds of training",
    ]
    for template in kernels:
        base = template.plan.base
        assert template.plan.factors[0].texts == ("2×2", "3×3", "5×5", "7×7")
        assert {block.padding for block in base.architecture.blocks} == {"same"}
        assert base.architecture.bridge == "global average"
        assert (base.protocol, base.train_images, template.plan.seeds) == (Protocol.HOLDOUT, 55_000, 10)


def test_the_notebooks_own_question_is_of_its_own_designs_and_says_what_is_confounded() -> None:
    template = named("kernel_size_as_in_the_notebook")
    assert template is not None
    assert [cell.levels for cell in cells(template.plan, model_seconds)] == [("7x7",), ("3x3",), ("2x2",)]
    networks = [design.architecture for design in template.plan.designs]
    for words, differing in {
        "number of layers": {len(network.blocks) for network in networks},
        "filters": {tuple(block.filters for block in network.blocks) for network in networks},
        "strides": {block.strides for network in networks for block in network.blocks},
        "dropout": {tuple(block.dropout for block in network.blocks) for network in networks},
        "normalisation": {tuple(block.batch_normalization for block in network.blocks) for network in networks},
    }.items():
        assert words in template.explanation
        assert len(differing) > 1

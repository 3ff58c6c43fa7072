"""The kernel question that comes with the lab: complete, with receipts, and of the plans that the page offers."""

import pytest

from mnist_lab.studies import published
from mnist_lab.studies.templates import named

TEMPLATES = {
    "all else the same": "kernel_size",
    "equal parameters": "kernel_size_at_equal_parameters",
    "equal multiply-adds": "kernel_size_at_equal_multiply_adds",
}


def test_there_are_three() -> None:
    assert list(published.KERNELS) == list(TEMPLATES)


@pytest.mark.parametrize("equal", published.KERNELS)
def test_it_is_the_template_s_plan_and_every_run_has_its_receipt(equal: str) -> None:
    file, template = published.kernels(equal), named(TEMPLATES[equal])
    assert template is not None
    assert file.digest == template.plan.digest, "who plans it on the page plans this"
    assert [run.status for run in file.runs] == ["finished"] * 40
    findings = file.findings()
    assert findings.runs.groupby("cell")["seed"].nunique().tolist() == [10, 10, 10, 10]
    assert [cell.levels for cell in findings.cells] == [("2×2",), ("3×3",), ("5×5",), ("7×7",)]
    for run in file.runs:
        assert run.receipt is not None
        assert run.receipt.experiment.train_images == 55_000
        assert run.receipt.experiment.protocol == "holdout"
        assert run.receipt.environment["tensorflow"]


def test_what_is_held_equal_is_equal_and_the_rest_is_not() -> None:
    def apart(equal: str, cost: str) -> float:
        costs = [getattr(cell, cost) for cell in published.kernels(equal).read_cells()]
        return max(abs(one / costs[1] - 1) for one in costs)

    assert apart("equal parameters", "parameters") <= 0.02 < apart("equal multiply-adds", "parameters")
    assert apart("equal multiply-adds", "multiply_adds") <= 0.02 < apart("equal parameters", "multiply_adds")
    assert apart("all else the same", "parameters") > 1


def test_one_network_of_all_three_is_the_same_run() -> None:
    """The reference is in each study as it is, and was trained once."""
    its = [
        {
            run.seed: run.receipt.predictions_sha256
            for run in published.kernels(equal).runs
            if run.cell == 1 and run.receipt
        }
        for equal in published.KERNELS
    ]
    assert its[0] == its[1] == its[2]
    assert len(set(its[0].values())) == 10

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


def test_the_plain_answer_is_what_the_studies_found() -> None:
    found = {}
    for equal in published.KERNELS:
        rows = published.kernels(equal).findings().answer().comparisons
        assert set(rows["second"]) == {"3×3"}
        for first, verdict, difference in zip(rows["first"], rows["verdict"], rows["difference"], strict=True):
            found[equal, first] = verdict, round(100 * difference, 1)
    same, parameters, computation = published.KERNELS
    assert "With all else the same, 5×5 and 7×7 kernels are better than 3×3 by 0.7 and 0.8 points;" in published.ANSWER
    assert (found[same, "5×5"], found[same, "7×7"]) == (("better", 0.7), ("better", 0.8))
    assert "at equal parameters by 0.3;" in published.ANSWER
    assert found[parameters, "5×5"] == found[parameters, "7×7"] == ("better", 0.3)
    assert "at equal computation no difference is shown." in published.ANSWER
    assert found[computation, "5×5"][0] == found[computation, "7×7"][0] == "inconclusive"
    assert "2×2 kernels are worse than 3×3 by 0.9 points at equal cost." in published.ANSWER
    assert found[parameters, "2×2"] == found[computation, "2×2"] == ("worse", -0.9)
    assert found[same, "2×2"][0] == "inconclusive", "of which the answer says nothing: one seed of it is an outlier"

"""The findings of a study: what its answer rests on, and that it is what was frozen."""

import numpy as np
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.studies.findings import COLUMNS, Findings, check_planned, comparisons
from tests.builders.plans import plan
from tests.builders.runs import ADA
from tests.builders.studies import accuracy_of, complete, ends, small_plan


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


@pytest.fixture
def study_id(lab: Lab, small: Experiment) -> int:
    """A study whose runs wait."""
    return lab.studies.start(small_plan(small), by=ADA)


def answered(lab: Lab, study_id: int) -> Findings:
    return lab.studies.findings(study_id, by=ADA)


def test_it_has_a_row_for_each_run_by_cell_and_seed(lab: Lab, study_id: int) -> None:
    complete(lab, study_id)
    found = answered(lab, study_id)
    assert tuple(found.runs) == COLUMNS
    assert found.runs[["cell", "seed"]].to_numpy().tolist() == [[0, 1], [0, 2], [0, 3], [1, 1], [1, 2], [1, 3]]
    assert found.runs["run"].tolist() == [1, 3, 5, 2, 4, 6]
    assert found.runs["test_accuracy"].tolist() == [accuracy_of(cell, seed) for cell in (0, 1) for seed in (1, 2, 3)]
    assert set(found.runs["seconds"]) == {2.0}
    study = lab.studies.get(study_id, by=ADA)
    assert (found.plan, found.digest, found.frozen) == (study.plan, study.plan.digest, study.frozen)
    assert [cell.levels for cell in found.cells] == [("2×2",), ("3×3",)]
    assert (found.is_unseen, found.why_seen, found.among) == (True, "", 1)


def test_its_answer_is_that_of_the_accuracies(lab: Lab, study_id: int) -> None:
    complete(lab, study_id)
    found = answered(lab, study_id).answer()
    assert found.words.startswith("Kernel size 3×3 is better than 2×2 by 1.0")
    assert found.test.startswith("Student's paired t test: the number of seeds was fixed before the first run")
    assert found.warning == ""
    one = found.comparisons.iloc[0]
    differences = [accuracy_of(1, seed) - accuracy_of(0, seed) for seed in (1, 2, 3)]
    assert one["difference"] == pytest.approx(np.mean(differences))
    assert (one["n"], one["verdict"]) == (3, "better")


def test_it_is_by_the_metric_that_was_planned(lab: Lab, small: Experiment) -> None:
    study_id = lab.studies.start(small_plan(small, metric="validation accuracy"), by=ADA)
    complete(lab, study_id)
    found = answered(lab, study_id)
    assert "points of validation accuracy" in found.answer().words
    assert found.accuracies[("2×2",)][1] == accuracy_of(0, 1)


def test_what_ended_otherwise_is_no_result_and_the_answer_says_so(lab: Lab, study_id: int) -> None:
    first, second, *_ = lab.store.studies.unended(study_id)
    ends(lab.store, first, 0.5, Status.STOPPED)
    lab.store.queue.stop(second)
    complete(lab, study_id)
    found = answered(lab, study_id)
    assert found.runs["status"].tolist() == ["stopped", "finished", "finished", "cancelled", "finished", "finished"]
    assert found.runs["test_accuracy"].isna().tolist() == [True, False, False, True, False, False]
    assert found.answer().warning.startswith("Of 6 planned runs 2 have no result (1 stopped, 1 cancelled).")
    assert found.answer().comparisons["n"].tolist() == [2]
    assert found.is_unseen, "that nobody saw why is what counts"


def test_divergence_is_an_outcome_and_another_failure_is_none(lab: Lab, study_id: int) -> None:
    first, second, *_ = lab.store.studies.unended(study_id)
    ends(lab.store, first, 0.0, Status.FAILED)
    lab.store.queue.claim("engine", only=[second])
    lab.store.recording.end(second, Status.FAILED, "The process ran out of memory.")
    complete(lab, study_id)
    found = answered(lab, study_id)
    assert found.runs["is_diverged"].tolist() == [True, *[False] * 5]
    assert found.diverged == {("2×2",): {1}}
    assert "Training diverged: 1 of 3 at kernel size 2×2; nowhere else." in found.answer().words
    assert found.answer().warning.startswith("Of 6 planned runs 1 has no result (1 failed).")


def test_the_table_for_export_has_a_column_for_each_factor(lab: Lab, small: Experiment) -> None:
    factors = [{"field": "blocks.kernel_size", "levels": [2, 3]}, {"field": "blocks.filters", "levels": [2, 4]}]
    study_id = lab.studies.start(small_plan(small, factors=factors), by=ADA)
    complete(lab, study_id)
    found = answered(lab, study_id)
    rows = found.table()
    assert [*rows][:5] == ["Kernel size", "Filters", "seed", "run", "status"]
    assert [*rows][5:] == ["test_accuracy", "validation_accuracy", "seconds", "parameters", "multiply_adds"]
    assert rows["Filters"].tolist() == ["2", "2", "2", "4", "4", "4"] * 2
    assert rows["parameters"].tolist() == [cell.parameters for cell in found.cells for _ in range(3)]
    assert found.among == comparisons(found.plan) == 3


def test_nothing_at_all_is_an_answer_too(lab: Lab, study_id: int) -> None:
    lab.studies.look(study_id, by=ADA)
    assert not answered(lab, study_id).has_ended
    lab.studies.cancel(study_id, by=ADA)
    found = answered(lab, study_id)
    assert found.has_ended
    assert found.answer().words.startswith("Too few seeds for kernel size 3×3 against 2×2.")
    assert found.answer().warning.startswith("Of 6 planned runs 6 have no result (6 cancelled).")


PAIRS = [(cell, seed) for cell in range(3) for seed in (1, 2, 3)]


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([*PAIRS, (0, 1)], "each cell should have a seed once"),
        ([*PAIRS, (3, 1)], "there are cells 0 to 2; received a run of cell 3"),
        ([*PAIRS, (-1, 1)], "received a run of cell -1"),
        (PAIRS[1:], "seed 1 of 2×2 was planned; it is missing"),
    ],
)
def test_runs_that_were_not_planned_or_are_missing_are_refused(
    pairs: list[tuple[int, int]], says: str, store: Store
) -> None:
    one = plan()
    cells = Lab(store.url).studies.preview(one, by=ADA).cells
    with pytest.raises(InputError, match=says):
        check_planned(one, cells, pairs)
    assert not check_planned(one, cells, PAIRS)
    assert check_planned(one, cells, [*PAIRS, (2, 4)])

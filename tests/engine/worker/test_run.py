"""What a worker does with a claimed run, in the test's own process."""

import numpy as np
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.engine.worker.run import train_run
from mnist_lab.errors import RefusedError
from mnist_lab.lab import Lab
from mnist_lab.store.recording import Recording
from mnist_lab.store.run import Run, Status
from mnist_lab.training import trainer
from mnist_lab.training.evaluation import Evaluation
from tests.builders.runs import ADA

assert trainer, "loaded: a worker that finds it so need not warm up"


def trained(lab: Lab, run_id: int) -> Run:
    assert lab.store.lease.take("engine", "ready")
    claimed = lab.store.queue.claim("engine", only=[run_id])
    assert claimed
    train_run(lab.store.url, run_id, claimed.claims, 1)
    return lab.reader(ADA).run(run_id)


def test_a_run_continued_after_early_stopping_as_the_page_offers_it_trains(url: str, small: Experiment) -> None:
    lab = Lab(url)
    still = small.recipe.model_dump() | {
        "patience": 2,
        "epochs": 15,
        "optimizer": {"name": "sgd", "learning_rate": 1e-9},
    }
    (first,) = lab.start(small.with_changes(recipe=still, train_images=200), by=ADA)
    ended = trained(lab, first)
    assert (ended.status, ended.epochs_done) == (Status.FINISHED, 3)
    recipe = ended.experiment.recipe.model_copy(update={"epochs": 22})
    continued = trained(lab, lab.continue_run(first, 3, recipe, by=ADA))
    assert (continued.status, continued.epochs_done) == (Status.FINISHED, 5)


def test_a_run_that_diverged_where_it_is_validated_has_failed_and_keeps_what_it_learnt(
    url: str, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, calls = Evaluation.__call__, iter(range(9))

    def once(self: Evaluation, images: object) -> tuple[float, float, np.ndarray]:
        loss, accuracy, probabilities = evaluate(self, images)
        return loss if next(calls) == 0 else float("nan"), accuracy, probabilities

    monkeypatch.setattr(Evaluation, "__call__", once)
    lab = Lab(url)
    failed = trained(lab, lab.start(small.with_changes(train_images=200), by=ADA)[0])
    assert failed.status is Status.FAILED
    assert str(failed.error).startswith("Training diverged: the validation loss is no longer a number in epoch 2")
    assert lab.store.runs.epochs([failed.id])["epoch"].tolist() == [1]
    assert lab.store.checkpoints.epochs(failed.id) == {1: True}


def test_what_the_database_refuses_ends_training_at_once(
    url: str, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(url)

    def refuses(self: Recording, run_id: int, *reports: object, claim: int | None) -> None:
        with lab.store.database.write():
            raise OverflowError("Python int too large to convert to SQLite INTEGER")

    monkeypatch.setattr(Recording, "record", refuses)
    with pytest.raises(RefusedError, match="refused a value: Python int too large"):
        trained(lab, lab.start(small, by=ADA)[0])

"""A store with very many runs is one that the lab reads."""

from mnist_lab.bench import seed
from mnist_lab.lab import Lab
from mnist_lab.results.table import fold
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.runs import ADA


def test_runs_have_results_logs_and_seeds(store: Store) -> None:
    seed.fill(store, 23)
    runs = store.runs.all()
    assert len(runs) == 23
    assert {run.status for run in runs} == {Status.FINISHED}
    assert all(run.epochs_done == run.experiment.recipe.epochs for run in runs)
    log = store.runs.epochs([7])
    assert log["epoch"].tolist() == list(range(1, seed.EPOCHS_EACH + 1))
    assert log["validation_accuracy"].max() == store.runs.get(7).best_validation_accuracy
    folded = fold(Lab(store.url).reader(ADA).table())
    assert sorted(folded["n"], reverse=True) == [5, 5, 5, 5, 3]

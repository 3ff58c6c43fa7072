"""The notebook's figures beside ours."""

from mnist_lab.data import notebook
from mnist_lab.store.store import Store
from tests.builders.command_line import command, instant_engine


def test_the_notebook_s_networks_are_trained_and_stand_beside_its_figures(store: Store) -> None:
    with instant_engine():
        done = command(store.url, "reproduce", "--seeds", "2")
    assert done.status == 0
    assert sorted((run.name, run.experiment.seed) for run in store.runs.all()) == [
        (name, seed) for name in ("2x2", "3x3", "7x7") for seed in (1, 2)
    ]
    assert done.out.count("0.9002 ± 0.0001") == 3  # of 90.01 % and 90.02 %, each time
    assert all(f"{accuracy:.4f}" in done.out for accuracy in notebook.results()["test_accuracy"])
    assert "which proves little" in done.out
